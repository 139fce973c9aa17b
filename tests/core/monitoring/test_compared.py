"""A day beside the reference: expected shares of its own weekdays, and the range of an ordinary day."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit

from tasks.core.lender.columns import WEEKDAYS
from tasks.core.monitoring.compared import compare_counts
from tests.monitored_days import FROZEN, KINDS, day_beside, frozen_of, pd_of

PLACE = FROZEN.layout.names.index("NAME_HOUSING_TYPE")
CELLS = slice(FROZEN.layout.starts[PLACE], FROZEN.layout.starts[PLACE] + FROZEN.layout.sizes[PLACE])
WITH_PARENTS = FROZEN.layout.starts[PLACE] + 3
SUNDAYS = {"WEEKDAY_APPR_PROCESS_START": ["SUNDAY"] * 700}
NO_WEEKDAY = {"WEEKDAY_APPR_PROCESS_START": [None] * 700}


def by_weekday(weekday: str) -> np.ndarray:
    return np.array(FROZEN.by_weekday["NAME_HOUSING_TYPE"][weekday], dtype=float)


def test_a_sunday_is_compared_with_sundays() -> None:
    day = day_beside(700, **SUNDAYS)
    sundays = by_weekday("SUNDAY")
    assert day.expected[WITH_PARENTS] == pytest.approx(sundays[3] / sundays.sum(), abs=0.001)
    assert day.expected[WITH_PARENTS] > 2 * FROZEN.counts["NAME_HOUSING_TYPE"][3] / FROZEN.rows
    assert day.reference_rows[PLACE] == sundays.sum()


def test_a_rare_cell_is_compared_with_its_own_weekday_only_if_that_has_enough_rows() -> None:
    """On Mondays 60 of 4,000 rows have no value, on other weekdays none."""
    weekdays = np.resize(WEEKDAYS, 4000)
    is_lost = (weekdays == "MONDAY") & (np.arange(4000) < 420)
    kinds = [None if lost else "A" for lost in is_lost]
    frozen = frozen_of(NAME_HOUSING_TYPE=kinds, WEEKDAY_APPR_PROCESS_START=weekdays)
    place = frozen.layout.starts[frozen.layout.names.index("NAME_HOUSING_TYPE")]
    expected = {
        weekday: day_beside(70, frozen=frozen, WEEKDAY_APPR_PROCESS_START=[weekday] * 70).expected[place]
        for weekday in ("MONDAY", "TUESDAY")
    }
    assert expected == {"MONDAY": pytest.approx(60 / 571, abs=0.002), "TUESDAY": pytest.approx(60 / 4000)}


def test_a_mix_of_weekdays_is_compared_with_the_same_mix() -> None:
    day = day_beside(700, WEEKDAY_APPR_PROCESS_START=["SUNDAY"] * 350 + ["MONDAY"] * 350)
    sunday, monday = by_weekday("SUNDAY"), by_weekday("MONDAY")
    mixed = (sunday[3] / sunday.sum() + monday[3] / monday.sum()) / 2
    assert day.expected[WITH_PARENTS] == pytest.approx(mixed, abs=0.001)
    assert day.reference_rows[PLACE] == pytest.approx(1 / (0.25 / sunday.sum() + 0.25 / monday.sum()))


def test_a_day_without_weekdays_is_compared_with_all_of_them() -> None:
    day = day_beside(700, **NO_WEEKDAY)
    assert day.expected[WITH_PARENTS] == pytest.approx(FROZEN.counts["NAME_HOUSING_TYPE"][3] / FROZEN.rows, abs=0.002)
    assert day.expected_logit == (FROZEN.pd.mean, FROZEN.pd.rows)


@pytest.mark.parametrize(("sundays", "is_like"), [(19, False), (20, True)])
def test_a_weekday_that_the_reference_hardly_has_is_compared_with_all_days(sundays: int, is_like: bool) -> None:
    table = {day: FROZEN.by_weekday["NAME_HOUSING_TYPE"][day] for day in WEEKDAYS}
    table["SUNDAY"] = (0, 0, sundays, 0, 0)
    frozen = replace(FROZEN, by_weekday={"NAME_HOUSING_TYPE": table})
    day = day_beside(700, frozen=frozen, **SUNDAYS)
    assert float(day.reference_rows[PLACE]) == (20 if is_like else FROZEN.rows)


def test_a_weekday_without_a_mean_score_is_compared_with_the_mean_of_all() -> None:
    weekdays = np.resize(WEEKDAYS[:6], 4000)
    frozen = frozen_of(WEEKDAY_APPR_PROCESS_START=weekdays)
    assert "SUNDAY" not in frozen.pd.by_weekday
    assert day_beside(700, frozen=frozen, **SUNDAYS).expected_logit == (frozen.pd.mean, frozen.pd.rows)


def test_the_expected_score_is_that_of_the_days_weekdays() -> None:
    mean, rows = day_beside(700, **SUNDAYS).expected_logit
    assert (mean, rows) == pytest.approx(FROZEN.pd.by_weekday["SUNDAY"])
    every = day_beside(4000, seed=1).expected_logit
    assert every[0] == pytest.approx(logit(pd_of(4000, seed=1)).mean(), abs=0.02)


@pytest.mark.parametrize("changed", [{}, SUNDAYS, NO_WEEKDAY])
def test_expected_shares_of_a_column_add_up_to_one(changed: dict[str, list[str]]) -> None:
    day = day_beside(700, **changed)
    assert np.allclose(day.layout.sum_by_column(day.expected), 1.0)


def test_a_small_reference_has_expected_shares_too() -> None:
    day = day_beside(700, frozen=frozen_of(25), **SUNDAYS)
    assert np.allclose(day.layout.sum_by_column(day.expected), 1.0)
    nothing = day_beside(700, frozen=frozen_of(0))
    assert nothing.expected.tolist() == [0.0] * len(nothing.expected)


def test_days_that_vary_more_count_as_fewer_rows() -> None:
    counts = day_beside(700).day
    spread = np.full(len(FROZEN.columns), 4.0)
    day = compare_counts(counts, FROZEN, spread, score_dispersion=2.0)
    assert day.rows.tolist() == [175.0] * len(FROZEN.columns)
    assert day.scored_rows == 350.0
    assert np.allclose(day.observed, counts.cells / 4)


def test_shares_are_told_to_the_nearest_five_rows() -> None:
    day = day_beside(498, NAME_HOUSING_TYPE=[None] * 498)
    assert day.shares[CELLS].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    few = day_beside(500, NAME_HOUSING_TYPE=[KINDS[0]] * 492 + [KINDS[2]] * 8)
    assert few.shares[CELLS].tolist() == [0.0, 0.0, 0.98, 0.0, 0.02]


def test_ninety_five_of_a_hundred_ordinary_days_lie_in_the_range() -> None:
    inside = []
    cells = np.arange(CELLS.start, CELLS.stop)[2:4]
    for seed in range(300):
        day = day_beside(700, seed=100 + seed)
        low, high = day.range_of(cells)
        shares = day.day.cells[cells] / 700
        inside += ((low <= shares) & (shares <= high)).tolist()[:1]
    assert 0.90 <= np.mean(inside) <= 0.99
