"""Ranges in which a day's figures are expected, by the days before."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, t

from tasks.core.monitoring.usual import PastDay, UsualRange, usual_number, usual_share

MONDAY, SATURDAY = 0, 5


def days_of(shares: list[float], rows: int = 1000) -> list[PastDay]:
    return [PastDay(day % 7, share, rows) for day, share in enumerate(shares)]


def share_range(past: list[PastDay], weekday: int = MONDAY, rows: int = 1000, false_alarms: float = 0.01) -> UsualRange:
    usual = usual_share(past, weekday=weekday, rows=rows, false_alarms=false_alarms)
    assert usual
    return usual


def outside(p: float, spread: float, *, rows: int, days: int, repeats: int) -> float:
    """Share of new days outside their range, of days whose own shares vary by `spread` times p."""
    random = np.random.default_rng(7)
    strength = 1e12 if spread == 0 else (1 - p) / (p * spread**2) - 1
    found = 0
    for _ in range(repeats):
        n = np.round(rows * np.exp(random.normal(0, 0.2, days + 1))).astype(int)
        shares = random.binomial(n, random.beta(p * strength, (1 - p) * strength, days + 1)) / n
        past = [PastDay(day % 7, shares[day], int(n[day])) for day in range(days)]
        low, _, high = share_range(past, days % 7, int(n[-1]), 0.05)
        found += not low <= shares[-1] <= high
    return found / repeats


@pytest.mark.parametrize("days", [8, 14, 28])
@pytest.mark.parametrize(("p", "spread", "rows"), [(0.1, 0, 2000), (0.1, 0.3, 2000), (0.01, 0.5, 20_000)])
def test_ordinary_days_leave_their_range_about_as_often_as_asked(p: float, spread: float, rows: int, days: int) -> None:
    assert outside(p, spread, rows=rows, days=days, repeats=400) < 0.09


def test_without_variance_between_days_the_range_is_about_that_of_all_rows_together() -> None:
    past = days_of([0.1, 0.101, 0.099, 0.1] * 7)
    mondays = [day for day in past if day.weekday == MONDAY]
    pooled = betabinom(1000, 0.5 + sum(day.value for day in mondays) * 1000, 0.5 + 3600)
    usual = share_range(past)
    assert usual.low == pytest.approx(pooled.ppf(0.005) / 1000, abs=0.005)
    assert usual.high == pytest.approx(pooled.ppf(0.995) / 1000, abs=0.005)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_that_is_always_the_same_may_stay_so(share: float) -> None:
    usual = share_range(days_of([share] * 28, rows=20_000), rows=20_000)
    assert usual.low <= share <= usual.high
    assert usual.high - usual.low < 0.0005


@pytest.mark.parametrize("days", [0, 1])
def test_fewer_than_two_days_tell_nothing(days: int) -> None:
    past = [PastDay(MONDAY, 0.1, 1000)] * days
    assert usual_share(past, weekday=MONDAY, rows=1000, false_alarms=0.01) is None
    assert usual_number(past, weekday=MONDAY, false_alarms=0.01, is_ratio=True) is None


def test_a_weekday_that_was_never_seen_is_not_compared() -> None:
    working_days = [PastDay(weekday, 0.1, 1000) for weekday in range(5)]
    assert usual_share(working_days, weekday=SATURDAY, rows=1000, false_alarms=0.01) is None
    assert usual_share(working_days, weekday=MONDAY, rows=1000, false_alarms=0.01)


def test_few_days_make_a_wide_range() -> None:
    random = np.random.default_rng(3)
    past = days_of((random.binomial(1000, 0.1, 28) / 1000).tolist())
    widths = [usual.high - usual.low for usual in (share_range(past[-days:], weekday=6) for days in (2, 7, 14, 28))]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.8


@pytest.mark.parametrize(("saturdays", "middle"), [(2, 0.12), (3, 0.2), (4, 0.2)])
def test_a_weekday_is_compared_with_itself_from_three_of_it_on(saturdays: int, middle: float) -> None:
    past = [PastDay(MONDAY, 0.1, 1000)] * 8 + [PastDay(SATURDAY, 0.2, 1000)] * saturdays
    usual = share_range(past, SATURDAY)
    assert usual.middle == pytest.approx(middle, abs=0.002)
    # Saturdays are alike among each other, so their difference from Mondays makes no range wide.
    assert (usual.high < 0.28) == (saturdays >= 3)


def test_variance_between_days_widens_the_range() -> None:
    steady, wild = days_of([0.1, 0.1] * 14), days_of([0.05, 0.15, 0.1] * 9)
    assert share_range(wild).high > share_range(steady).high + 0.05


SHARES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 500), st.integers(1, 500)), min_size=2, max_size=30)


@given(SHARES, st.integers(0, 6), st.integers(1, 10**6), st.floats(1e-9, 0.5))
def test_a_range_of_shares_holds_its_middle_and_stays_within_0_and_1(
    counts: list[tuple[int, int, int]], weekday: int, rows: int, false_alarms: float
) -> None:
    past = [PastDay(day, min(part, whole) / whole, whole) for day, part, whole in counts]
    usual = usual_share(past, weekday=weekday, rows=rows, false_alarms=false_alarms)
    assert (usual is None) == (weekday not in {day.weekday for day in past})
    if usual:
        assert 0 <= usual.low <= usual.high <= 1
        assert 0 < usual.middle < 1


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=3), st.booleans())
def test_a_number_is_expected_within_students_prediction_interval(values: list[float], is_ratio: bool) -> None:
    past = [PastDay(day, value, 1) for day, value in enumerate(values)]
    usual = usual_number(past, weekday=0, false_alarms=0.05, is_ratio=is_ratio)
    assert usual
    scaled = np.log1p(values) if is_ratio else np.array(values)
    reach = t(len(values) - 1).ppf(0.975) * scaled.std(ddof=1) * math.sqrt(1 + 1 / len(values))
    with np.errstate(over="ignore"):
        ends = [np.expm1(end) if is_ratio else end for end in (scaled.mean() - reach, scaled.mean() + reach)]
    assert [usual.low, usual.high] == pytest.approx(ends, rel=1e-6, abs=1e-6)


def test_sizes_of_a_weekday_are_expected_by_factors_around_its_own() -> None:
    random = np.random.default_rng(5)
    past = [
        PastDay(day % 7, (500 if day % 7 >= SATURDAY else 1000) * math.exp(random.normal(0, 0.1)), 1)
        for day in range(28)
    ]
    usual = usual_number(past, weekday=SATURDAY, false_alarms=0.01, is_ratio=True)
    assert usual
    assert 300 < usual.low < 400 < usual.middle < 600 < usual.high < 800
