"""A day has one weekday, a history has all, and what differs by weekday differs as in the feed."""

from dataclasses import replace
from datetime import date, timedelta
from importlib.resources import files
from math import log, sqrt

import pandas as pd
import pyarrow as pa
import pytest

from tasks.core.feed.statistics import FeedStatistics, WeekdayWeights
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.lender.columns import NAMES, TEXTS, WEEKDAY, WEEKDAYS

MONDAY, SATURDAY, SUNDAY = date(2026, 11, 2), date(2026, 11, 7), date(2026, 11, 8)
ROWS = 60_000
# Rows of these weekdays behind the real shares below.
REAL_MONDAYS, REAL_SUNDAYS = 16_548, 4_524
STANDARD_ERRORS = 4


@pytest.fixture(scope="module")
def statistics() -> FeedStatistics:
    return FeedStatistics.from_json(files("configs").joinpath("feed_statistics.json").read_text("utf-8"))


def drawn(statistics: FeedStatistics, as_of: date, *, rows: int = ROWS, history: bool = False) -> pa.Table:
    return synthesize_applications(statistics, rows=rows, seed=1, as_of=as_of, history=history)


@pytest.fixture(scope="module")
def monday(statistics: FeedStatistics) -> pd.DataFrame:
    return drawn(statistics, MONDAY).to_pandas()


@pytest.fixture(scope="module")
def sunday(statistics: FeedStatistics) -> pd.DataFrame:
    return drawn(statistics, SUNDAY).to_pandas()


@pytest.fixture(scope="module")
def history(statistics: FeedStatistics) -> pd.DataFrame:
    return drawn(statistics, SUNDAY, history=True).to_pandas()


@pytest.mark.parametrize("days", range(7))
def test_a_day_has_the_weekday_of_its_date(statistics: FeedStatistics, days: int) -> None:
    day = drawn(statistics, MONDAY + timedelta(days=days), rows=20)
    assert day[WEEKDAY].to_pylist() == [WEEKDAYS[days]] * 20


def test_a_history_has_the_weekdays_of_the_feed(statistics: FeedStatistics, history: pd.DataFrame) -> None:
    expected = statistics.columns[WEEKDAY].shares
    # Four standard errors of a share of 0.19 at 60,000 rows.
    assert history[WEEKDAY].value_counts(normalize=True).to_dict() == pytest.approx(expected, abs=0.0064)


def of_level(frame: pd.DataFrame, column: str, level: object) -> float:
    if level is None:
        return float(frame[column].isna().mean())
    return float((frame[column] == level).mean())


def log_odds_apart(sunday: float, monday: float) -> float:
    return log(sunday / (1 - sunday)) - log(monday / (1 - monday))


def variance(share: float, rows: int) -> float:
    """Of the log-odds of a share."""
    return 1 / (rows * share * (1 - share))


# Shares of all real rows on Mondays and Sundays; None stands for no value.
REAL_SHARES = [
    ("FLAG_OWN_REALTY", "N", 0.29007, 0.41645),
    ("NAME_TYPE_SUITE", None, 0.05656, 0.00332),
    ("NAME_TYPE_SUITE", "Spouse, partner", 0.03215, 0.04465),
    ("FLAG_WORK_PHONE", 1.0, 0.18745, 0.28515),
    ("FLAG_PHONE", 1.0, 0.26885, 0.32206),
    ("NAME_INCOME_TYPE", "Pensioner", 0.18921, 0.14324),
    ("REGION_RATING_CLIENT", 1.0, 0.11192, 0.14699),
    ("REGION_RATING_CLIENT_W_CITY", 1.0, 0.11947, 0.15208),
    ("OCCUPATION_TYPE", None, 0.32022, 0.28581),
]


@pytest.mark.parametrize(("column", "level", "on_mondays", "on_sundays"), REAL_SHARES)
def test_a_sunday_differs_from_a_monday_as_in_the_feed(
    monday: pd.DataFrame, sunday: pd.DataFrame, column: str, level: object, on_mondays: float, on_sundays: float
) -> None:
    real = log_odds_apart(on_sundays, on_mondays)
    shares = [of_level(frame, column, level) for frame in (sunday, monday)]
    of_the_real = variance(on_sundays, REAL_SUNDAYS) + variance(on_mondays, REAL_MONDAYS)
    of_the_drawn = sum(variance(share, ROWS) for share in shares)
    assert abs(real) > STANDARD_ERRORS * sqrt(of_the_real)
    assert log_odds_apart(*shares) == pytest.approx(real, abs=STANDARD_ERRORS * sqrt(of_the_real + of_the_drawn))


def test_applicants_of_a_sunday_are_younger(monday: pd.DataFrame, sunday: pd.DataFrame) -> None:
    # Medians of the real rows are -15,837 and -15,055 days; a median of 4,524 rows has a standard error of 80.
    assert sunday.DAYS_BIRTH.median() - monday.DAYS_BIRTH.median() == pytest.approx(782, abs=330)


def test_applications_of_a_saturday_come_earlier(statistics: FeedStatistics, sunday: pd.DataFrame) -> None:
    # The upper quartile of the real rows is 13 on Saturdays and 14 on Sundays.
    saturday = drawn(statistics, SATURDAY).to_pandas()
    until_13, on_sundays = ((frame.HOUR_APPR_PROCESS_START <= 13).mean() for frame in (saturday, sunday))
    assert until_13 == pytest.approx(0.75, abs=0.02)
    assert on_sundays < 0.72


def test_weekdays_together_have_the_shares_of_the_feed(statistics: FeedStatistics, history: pd.DataFrame) -> None:
    alike = drawn(replace(statistics, by_weekday={}), SUNDAY, history=True).to_pandas()
    for name in NAMES[1:]:
        levels = statistics.columns[name].shares if name in TEXTS else {}
        for level in (None, *levels):
            before, after = of_level(alike, name, level), of_level(history, name, level)
            within = STANDARD_ERRORS * sqrt(2 * max(before * (1 - before), 1 / ROWS) / ROWS)
            assert after == pytest.approx(before, abs=within), (name, level)


@pytest.mark.parametrize("history", [False, True])
def test_more_rows_change_no_row(statistics: FeedStatistics, history: bool) -> None:
    few, more = (drawn(statistics, SUNDAY, rows=rows, history=history) for rows in (100, 1_000))
    assert few.equals(more.slice(0, 100).combine_chunks())


def test_a_difference_changes_no_column_that_is_drawn_before(statistics: FeedStatistics) -> None:
    name = "FLAG_WORK_PHONE"
    others = {each: weights for each, weights in statistics.by_weekday.items() if each != name}
    without = drawn(replace(statistics, by_weekday=others), SUNDAY, rows=2_000)
    order = list(statistics.draws)
    day = drawn(statistics, SUNDAY, rows=2_000)
    assert not day[name].equals(without[name])
    assert day.select(order[: order.index(name)]).equals(without.select(order[: order.index(name)]))


def test_weights_are_odds_and_standard_deviations(statistics: FeedStatistics) -> None:
    triple = (*(1.0,) * 6, 3.0)
    weights = {
        "FLAG_OWN_CAR": WeekdayWeights(levels={"Y": triple}),
        "EXT_SOURCE_2": WeekdayWeights(missing=triple),
        "DAYS_BIRTH": WeekdayWeights(score=(*(0.0,) * 6, 0.5)),
    }
    # There are no groups, so that odds are exactly multiplied.
    flat = {
        "FLAG_OWN_CAR": replace(statistics.draws["FLAG_OWN_CAR"], levels={}, rest={}),
        "EXT_SOURCE_2": replace(statistics.draws["EXT_SOURCE_2"], missing=0.1),
    }
    made = replace(statistics, draws={**statistics.draws, **flat}, by_weekday=weights)
    monday, sunday = (drawn(made, day).to_pandas() for day in (MONDAY, SUNDAY))
    for column, level in (("FLAG_OWN_CAR", "Y"), ("EXT_SOURCE_2", None)):
        apart = log_odds_apart(of_level(sunday, column, level), of_level(monday, column, level))
        assert apart == pytest.approx(log(3), abs=0.1), column
    spread = monday.DAYS_BIRTH.std()
    assert (sunday.DAYS_BIRTH.mean() - monday.DAYS_BIRTH.mean()) / spread == pytest.approx(0.5, abs=0.05)
