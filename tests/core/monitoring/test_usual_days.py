"""Variation between ordinary days, from the figures of the days before."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2

from tasks.core.monitoring.compared import compare_counts
from tasks.core.monitoring.day_metrics import day_metrics
from tasks.core.monitoring.metrics import EXPECTED, SHARE, metrics_table
from tasks.core.monitoring.usual_days import (
    cells_of,
    dispersion_of,
    recent_reference,
    rows_of_metrics,
    score_dispersion_of,
)
from tasks.core.monitoring.verdict import judge
from tests.monitored_days import FROZEN, SHIPPED, applications, beside, counts_of, day_beside

FIRST = date(2026, 3, 2)
NAME = "NAME_CONTRACT_TYPE"
PLACE = FROZEN.layout.names.index(NAME)
LEVELS = np.array(["Cash loans", "Revolving loans"])


@cache
def figures(
    seed: int,
    rows: int = 1000,
    *,
    revolving: float = 0.1,
    shift: float = 0.0,
) -> pa.Table:
    """Metrics of a monitored day with this share of one level."""
    levels = LEVELS[(np.random.default_rng(seed).random(rows) < revolving).astype(int)]
    day = beside(applications(rows, seed=seed, NAME_CONTRACT_TYPE=levels), seed=seed, shift=shift)
    metrics = day_metrics(day, judge(day, SHIPPED))
    return metrics_table(metrics, as_of=FIRST + timedelta(days=seed), revision=1, model_version="1")


def days(count: int = 28, *, spread: float = 0.0) -> list[pa.Table]:
    """Days whose share of one level varies by so much between them, beside chance."""
    shares = np.clip(0.1 + np.random.default_rng(9).normal(0, spread, count), 0, 1)
    return [figures(seed, revolving=float(share)) for seed, share in enumerate(shares)]


def nobody() -> pa.Table:
    """Metrics of a day without an application."""
    return metrics_table([], as_of=FIRST, revision=1, model_version="1")


def test_days_that_differ_by_chance_alone_have_a_factor_near_one() -> None:
    factors = dispersion_of(days(), FROZEN)
    assert factors.shape == (len(FROZEN.columns),)
    assert factors.min() >= 1.0
    assert np.median(factors) < 1.6


def test_the_factor_is_that_of_the_variance_between_days() -> None:
    """Chance in 1,000 rows of a share of 0.1 is 0.0095; three times as much between days makes it ten."""
    chance = np.sqrt(0.1 * 0.9 / 1000)
    assert 5 < dispersion_of(days(84, spread=3 * chance), FROZEN)[PLACE] < 20


def test_days_on_which_a_cell_is_too_rare_to_be_told_do_not_silence_it() -> None:
    some = days(spread=0.05)
    cells = np.array([cells_of(day, SHARE, FROZEN.layout) for day in some])[:, FROZEN.layout.starts[PLACE] + 3]
    assert 1 <= np.isnan(cells).sum() <= 10
    assert dispersion_of(some, FROZEN)[PLACE] > 8


def test_the_factor_is_that_of_the_formula() -> None:
    """Two cells, told on each day: Pearson's statistic with one degree of freedom."""
    some = days(14, spread=0.03)
    shares = np.array([cells_of(day, SHARE, FROZEN.layout) for day in some])
    expected = np.array([cells_of(day, EXPECTED, FROZEN.layout) for day in some])
    cells = [FROZEN.layout.starts[PLACE] + number for number in (2, 3)]
    assert np.isfinite(shares[:, cells]).all()
    change = shares[:, cells] - expected[:, cells]
    change -= np.median(change, axis=0)
    pearson = 1000 * (change**2 / expected[:, cells].mean(axis=0)).sum(axis=1) * 14 / 13
    assert dispersion_of(some, FROZEN)[PLACE] == pytest.approx(np.median(pearson) / chi2.median(1))


@pytest.mark.parametrize(("count", "is_estimated"), [(6, False), (7, True)])
def test_from_a_week_of_days_on_their_variation_counts(count: int, is_estimated: bool) -> None:
    some = days(count, spread=0.05)
    assert bool((dispersion_of(some, FROZEN) > 1).any()) is is_estimated
    some = [figures(seed, shift=0.3 * (-1) ** seed) for seed in range(count)]
    assert (score_dispersion_of(some, FROZEN) > 1) is is_estimated


@pytest.mark.parametrize("odd", [nobody, lambda: figures(99, 1), lambda: figures(99, 100)])
def test_an_empty_or_short_day_silences_no_other(odd: object) -> None:
    some = days(spread=0.05)
    with_odd = [*some, odd()]  # type: ignore[operator]
    assert dispersion_of(with_odd, FROZEN)[PLACE] == pytest.approx(dispersion_of(some, FROZEN)[PLACE], rel=0.2)
    assert dispersion_of(some, FROZEN)[PLACE] > 5


def test_days_of_half_the_rows_count() -> None:
    weekends = [figures(100 + seed, 500 if seed % 3 else 1000, revolving=0.02 + 0.02 * (seed % 7)) for seed in range(8)]
    assert dispersion_of(weekends, FROZEN)[PLACE] > 3


def test_a_few_days_of_real_drift_do_not_hide_the_next_one() -> None:
    drifted = [figures(200 + seed, revolving=0.5) for seed in range(4)]
    assert dispersion_of([*days(24), *drifted], FROZEN)[PLACE] < 3


def test_no_days_and_days_of_nobody_are_as_random_rows() -> None:
    for some in ([], [nobody()] * 10, [figures(3, 15)] * 10):
        assert dispersion_of(some, FROZEN).tolist() == [1.0] * len(FROZEN.columns)
        assert score_dispersion_of(some, FROZEN) == 1.0


def test_days_whose_mean_score_varies_widen_its_range() -> None:
    random = np.random.default_rng(4).normal(0, 0.1, 28)
    vary = [figures(seed, shift=round(float(shift), 4)) for seed, shift in enumerate(random)]
    factor = score_dispersion_of(vary, FROZEN)
    chance = FROZEN.pd.sd**2 / 1000
    assert factor == pytest.approx((chance + 0.01) / chance, rel=0.7)
    assert score_dispersion_of(days(), FROZEN) < 2
    assert score_dispersion_of(vary, replace(FROZEN, pd=FROZEN.pd._replace(sd=0.0))) == 1.0


# --- the days before as the reference


def shares_of(counts: Sequence[int]) -> np.ndarray:
    return np.array(counts) / sum(counts)


def test_the_days_before_stand_for_the_reference() -> None:
    recent = recent_reference([figures(seed, revolving=0.4) for seed in range(10)], FROZEN)
    assert (recent.rows, recent.by_weekday) == (10_000, {})
    assert shares_of(recent.counts[NAME])[3] == pytest.approx(0.4, abs=0.02)
    levels = LEVELS[(np.random.default_rng(77).random(2000) < 0.4).astype(int)]
    rows = applications(2000, seed=77, NAME_CONTRACT_TYPE=levels)
    like_before = judge(compare_counts(counts_of(rows, recent), recent), SHIPPED)
    beside_training = judge(beside(rows), SHIPPED)
    assert NAME in beside_training.columns
    assert NAME not in like_before.columns


def test_days_without_an_application_add_nothing() -> None:
    some = [figures(seed) for seed in range(3)]
    assert recent_reference([*some, nobody()], FROZEN) == recent_reference(some, FROZEN)


def test_cells_that_a_day_does_not_tell_have_the_expected_share() -> None:
    day = figures(5, revolving=0.01)
    cells = cells_of(day, SHARE, FROZEN.layout)
    place = int(FROZEN.layout.starts[PLACE]) + 3
    assert np.isnan(cells[place])
    recent = recent_reference([day], FROZEN)
    assert recent.counts[NAME][3] == pytest.approx(1000 * day_beside(1000, seed=5).expected[place], abs=1)


def test_the_rows_of_a_day_are_those_of_its_figures() -> None:
    assert (rows_of_metrics(figures(5)), rows_of_metrics(nobody())) == (1000, 0)


def test_figures_of_other_columns_are_left_alone() -> None:
    """A model of an earlier program may have had other columns, and other cells."""
    less = replace(
        FROZEN,
        columns=FROZEN.columns[:1],
        counts={FROZEN.columns[0].name: FROZEN.counts[FROZEN.columns[0].name]},
    )
    assert cells_of(figures(5), SHARE, less.layout).shape == (len(less.columns[0].roles),)
