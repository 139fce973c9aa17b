"""Held against synthetic rows whose difference between weekdays is known."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2_contingency

from benchmarks.studies.feed_weekdays import (
    chance_share,
    differs,
    fit_weekdays,
    least_change,
    pooled,
    read_weekdays,
    rows_of,
    weekday_table,
    with_margins,
)
from tasks.core.feed.statistics import FeedStatistics, WeekdayWeights
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.lender.columns import COLUMNS, WEEKDAY, WEEKDAYS
from tasks.errors import ConfigError
from tasks.feed.generate import load_statistics

DAY = date(2025, 3, 3)
HOURS = np.arange(4.0)
EVEN = np.full(4, 0.25)

counts = arrays(np.float64, (7, 3), elements=st.integers(20, 5_000).map(float))


def table_of(statistics: FeedStatistics, *, rows: int) -> pd.DataFrame:
    frame = synthesize_applications(statistics, rows=rows, seed=4, as_of=DAY, history=True).to_pandas()
    levels = {name: {"shares": known.shares} for name, known in statistics.columns.items() if known.shares}
    return weekday_table(frame, {column.name: levels.get(column.name, {}) for column in COLUMNS})


@pytest.fixture(scope="module")
def alike() -> FeedStatistics:
    return replace(load_statistics(), by_weekday={})


@given(real=counts, like=counts)
def test_margins_are_taken_over_and_odds_ratios_kept(real: np.ndarray, like: np.ndarray) -> None:
    fitted = with_margins(real, like)
    assert fitted.sum(axis=0) == pytest.approx(like.sum(axis=0), rel=1e-6)
    assert fitted.sum(axis=1) == pytest.approx(like.sum(axis=1), rel=1e-3)
    odds, before = (np.log(each[:, 1:] / each[:, :1]) for each in (fitted, real))
    assert (odds - odds[0]) == pytest.approx(before - before[0], abs=1e-6)


@given(real=counts)
def test_without_a_difference_in_the_draw_the_test_is_that_of_independence(real: np.ndarray) -> None:
    drawn = 1e9 * np.outer(real.sum(axis=1), real.sum(axis=0)) / real.sum() ** 2
    assert differs(real, drawn) == (chi2_contingency(real).pvalue < 1e-4)


@given(real=counts)
def test_what_the_draw_gives_already_is_no_difference(real: np.ndarray) -> None:
    assert not differs(real, 3 * real)


@pytest.mark.parametrize(
    ("expected", "share"), [([0.0, 1.0], 1.0), ([0.5, 0.5], 0.0), ([0.25, 0.75], 0.25), ([1.0, 1.0], 1.0)]
)
def test_draws_vary_by_chance_as_far_as_their_groups_differ(expected: list[float], share: float) -> None:
    groups = np.array([expected, [1 - each for each in expected]]).T
    assert chance_share(groups, np.array([30.0, 30.0])) == pytest.approx(share)


@pytest.mark.parametrize(
    ("share", "number", "changed"),
    [
        (0.5, 1.0, [0.25, 0.25, 0.25, 0.25]),  # met: half lie up to 1
        (0.6, 2.0, [0.25, 0.25, 0.25, 0.25]),  # met: half lie below 2, three quarters up to it
        (0.6, 1.0, [0.3, 0.3, 0.2, 0.2]),
        (0.4, 2.0, [0.2, 0.2, 0.3, 0.3]),
        (0.25, 0.5, [0.25, 0.25, 0.25, 0.25]),
        (0.4, 0.5, [0.4, 0.2, 0.2, 0.2]),
    ],
)
def test_shares_change_least_until_they_have_a_quantile(share: float, number: float, changed: list[float]) -> None:
    assert least_change(HOURS, EVEN, pd.Series([number], index=[str(share)])) == pytest.approx(changed)


def test_several_quantiles_are_met_together() -> None:
    quantiles = pd.Series([1.0, 2.0], index=["0.6", "0.9"])
    shares = least_change(HOURS, EVEN, quantiles)
    assert shares.cumsum().tolist() == pytest.approx([0.3, 0.6, 0.9, 1.0])


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ([20, 30, 40, 50, 60, 70, 80], [20, 30, 40, 50, 60, 70, 80]),
        ([19, 31, 40, 50, 60, 70, 80], [25, 25, 40, 50, 60, 70, 80]),
        ([3, 4, 14, 50, 60, 70, 80], [7, 7, 7, 50, 60, 70, 80]),
    ],
)
def test_weekdays_with_too_few_rows_share_one_rate(counted: list[float], expected: list[float]) -> None:
    assert pooled(np.array(counted, dtype=float), np.full(7, 1_000.0)).tolist() == expected


def test_what_differs_is_found_and_nothing_else(alike: FeedStatistics) -> None:
    weights = {
        "DAYS_BIRTH": WeekdayWeights(score=[-0.1] * 5 + [0.2, 0.3]),
        "FLAG_OWN_REALTY": WeekdayWeights(levels={"N": [1, 1, 1, 1, 1, 1, 2]}),
        "EXT_SOURCE_3": WeekdayWeights(missing=[2, 1, 1, 1, 1, 1, 1]),
    }
    found = fit_weekdays(alike, table_of(replace(alike, by_weekday=weights), rows=40_000))
    assert set(found) == set(weights)
    realty = found["FLAG_OWN_REALTY"]["levels"]["N"]
    assert realty[6] / realty[0] == pytest.approx(2, rel=0.15)
    missing = found["EXT_SOURCE_3"]["missing"]
    assert missing[0] / missing[1] == pytest.approx(2, rel=0.15)
    score = found["DAYS_BIRTH"]["score"]
    assert [score[5] - score[0], score[6] - score[0]] == pytest.approx([0.3, 0.4], abs=0.08)


def test_ratings_differ_by_their_regions(alike: FeedStatistics) -> None:
    table = table_of(alike, rows=20_000)
    rating = (table.column == "REGION_RATING_CLIENT") & (table.key == "1")
    other = (table.column == "REGION_RATING_CLIENT") & (table.key == "2")
    table.loc[other, "SUNDAY"] -= 0.5 * table.loc[rating, "SUNDAY"].item()
    table.loc[rating, "SUNDAY"] *= 1.5
    found = fit_weekdays(alike, table)
    # Whoever lives in the largest region has rating 1.
    assert found["REGION_POPULATION_RELATIVE"]["levels"]["0.072508"][6] == pytest.approx(1.6, rel=0.15)
    assert "REGION_RATING_CLIENT" not in found


def test_rows_alike_have_no_weights(alike: FeedStatistics) -> None:
    assert fit_weekdays(alike, table_of(alike, rows=20_000)) == {}


def test_a_weekday_with_too_few_rows_gives_no_weights(alike: FeedStatistics) -> None:
    table = table_of(load_statistics(), rows=300)
    assert rows_of(table).min() < 20
    assert fit_weekdays(alike, table) == {}


def test_a_table_counts_all_rows() -> None:
    frame = pd.DataFrame({column.name: np.zeros(8) for column in COLUMNS})
    frame[WEEKDAY] = ["MONDAY"] * 4 + ["SUNDAY"] * 4
    frame["FLAG_OWN_CAR"] = ["Y", "N", None, None, "Y", "Y", "N", "N"]
    frame["DAYS_BIRTH"] = [-4.0, -3, -2, -1, -8, -8, -8, -8]
    table = weekday_table(frame, {column.name: {} for column in COLUMNS} | {"FLAG_OWN_CAR": {"shares": {}}})
    assert rows_of(table).tolist() == [4, 0, 0, 0, 0, 0, 4]
    chosen = table[["column", "what", "key", "MONDAY", "TUESDAY", "SUNDAY"]].to_numpy().tolist()
    assert ["FLAG_OWN_CAR", "share of rows", "Y", 0.25, 0.0, 0.5] in chosen
    assert ["FLAG_OWN_CAR", "missing share", "", 0.5, 0.0, 0.0] in chosen
    assert ["DAYS_BIRTH", "quantile", "0.5", -2.5, 0.0, -8.0] in chosen


def test_a_table_can_be_read_again(alike: FeedStatistics, tmp_path: Path) -> None:
    path = tmp_path / "weekdays.csv"
    table = table_of(alike, rows=500)
    table.to_csv(path, index=False)
    again = read_weekdays(path)
    assert rows_of(again).tolist() == rows_of(table).tolist()
    assert again.key.tolist() == table.key.tolist()


def test_a_table_without_a_weekday_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weekdays.csv"
    pd.DataFrame(columns=["column", "what", "key", *WEEKDAYS[:6], "all"]).to_csv(path)
    with pytest.raises(ConfigError, match="weekdays.csv has no SUNDAY; it must be a table by weekday"):
        read_weekdays(path)
