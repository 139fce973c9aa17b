"""p-values of a validator's tables, held against published formulas and independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn.metrics import roc_auc_score

from tasks.core.monitoring.expected import herfindahl
from tasks.core.outcomes.validation import auc_decline_test, auc_deviation, concentration_test, jeffreys_test

DIGITS = 1e-5
"""Tolerance to which the instructions compare a reported p-value."""
SCORES = st.lists(st.integers(0, 6), min_size=2, max_size=12)


@given(st.floats(0.001, 0.999), st.integers(0, 400), st.integers(0, 400))
def test_jeffreys_p_value_is_the_integral_of_the_posterior(pd: float, defaults: int, others: int) -> None:
    rows = defaults + others
    if not rows:
        return
    a, b = defaults + 0.5, others + 0.5

    def density(angle: float) -> float:
        """Posterior density after the substitution p = sin(angle)^2, which has no pole at the ends."""
        log_density = (2 * a - 1) * math.log(math.sin(angle)) + (2 * b - 1) * math.log(math.cos(angle))
        return 2 * math.exp(log_density - math.lgamma(a) - math.lgamma(b) + math.lgamma(a + b))

    mode = math.asin(math.sqrt(a / (a + b)))
    upper = math.asin(math.sqrt(pd))
    points = [mode] if 0 < mode < upper else None
    integral, _ = integrate.quad(density, 0, upper, points=points, limit=400)
    assert jeffreys_test(pd, defaults=defaults, rows=rows) == pytest.approx(integral, abs=DIGITS)


@pytest.mark.parametrize(
    ("pd", "defaults", "rows", "expected"),
    [
        # scipy.stats.beta.cdf(PD, D + 1/2, N - D + 1/2), as the reporting template's BETA.DIST.
        (0.02, 30, 1000, float(stats.beta(30.5, 970.5).cdf(0.02))),
        (0.01, 0, 100, float(stats.beta(0.5, 100.5).cdf(0.01))),
        (0.5, 5, 10, 0.5),  # symmetric
        (1.0, 3, 3, 1.0),
        (0.0, 3, 30, 0.0),
    ],
)
def test_jeffreys_p_value_of_known_cases(pd: float, defaults: int, rows: int, expected: float) -> None:
    assert jeffreys_test(pd, defaults=defaults, rows=rows) == pytest.approx(expected, abs=DIGITS)


def test_jeffreys_p_value_is_small_if_pd_was_too_low() -> None:
    assert jeffreys_test(0.02, defaults=40, rows=1000) < 0.001
    assert jeffreys_test(0.06, defaults=40, rows=1000) > 0.99


def slow_deviation(bad: np.ndarray, good: np.ndarray) -> tuple[float, float]:
    """AUC and its deviation, pair by pair."""
    wins = (bad[:, None] > good[None, :]) + 0.5 * (bad[:, None] == good[None, :])
    v10, v01 = wins.mean(axis=1), wins.mean(axis=0)
    variance = np.var(v10, ddof=1) / len(bad) + np.var(v01, ddof=1) / len(good)
    return float(wins.mean()), math.sqrt(variance)


@given(SCORES, SCORES)
def test_the_deviation_of_the_auc_is_that_over_all_pairs(bad: list[int], good: list[int]) -> None:
    scores = np.array(bad + good, dtype=float)
    defaulted = np.array([True] * len(bad) + [False] * len(good))
    found = auc_deviation(scores, defaulted)
    assert found == pytest.approx(slow_deviation(np.array(bad), np.array(good)), abs=1e-12)
    assert found[0] == pytest.approx(roc_auc_score(defaulted, scores), abs=1e-12)


def test_the_p_value_of_a_decline_is_that_of_the_normal_distribution() -> None:
    random = np.random.default_rng(1)
    defaulted = random.random(800) < 0.2
    score = random.normal(size=800) + defaulted
    auc, deviation = auc_deviation(score, defaulted)
    for initial in (auc - 0.02, auc, auc + 0.02):
        found = auc_decline_test(initial, score, defaulted)
        assert found.statistic == pytest.approx((initial - auc) / deviation)
        assert found.p_value == pytest.approx(1 - stats.norm.cdf((initial - auc) / deviation), abs=DIGITS)
    assert auc_decline_test(auc, score, defaulted).p_value == pytest.approx(0.5)


@pytest.mark.parametrize(("initial", "p_value"), [(1.0, 0.5), (0.9, 1.0)])
def test_a_perfect_ranking_has_no_deviation(initial: float, p_value: float) -> None:
    found = auc_decline_test(initial, np.array([1.0, 2, 3, 4]), np.array([False, False, True, True]))
    assert (found.auc, found.deviation, found.p_value) == (1.0, 0.0, p_value)
    assert found.statistic == (0.0 if initial == 1 else None)


def test_the_decline_test_errs_at_its_level_on_models_that_did_not_decline() -> None:
    random = np.random.default_rng(3)
    truth = stats.norm.cdf(1 / math.sqrt(2))  # AUC of two normal distributions one deviation apart
    rejected = 0
    for _ in range(400):
        score = np.concatenate([random.normal(1, 1, 60), random.normal(0, 1, 240)])
        rejected += auc_decline_test(float(truth), score, np.arange(300) < 60).p_value < 0.05
    low, high = stats.binom.interval(0.999, 400, 0.05)
    assert low <= rejected <= high + 8  # the normal approximation is a little too narrow at 60 defaults


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=8))
def test_concentration_is_the_published_formula(pairs: list[tuple[int, int]]) -> None:
    before, now = (np.array([pair[n] for pair in pairs]) for n in (0, 1))
    if not before.sum() or not now.sum():
        return
    found = concentration_test(before, now)
    bands = len(pairs)

    def variation(counts: np.ndarray) -> float:
        return math.sqrt(bands * sum((count / counts.sum() - 1 / bands) ** 2 for count in counts))

    initial, current = variation(before), variation(now)
    assert (found.initial_variation, found.variation) == pytest.approx((initial, current))
    assert found.herfindahl == pytest.approx(1 + math.log((current**2 + 1) / bands) / math.log(bands))
    # The plain index, a sum of squared shares, is the same measure: (CV^2 + 1) / K.
    assert (found.variation**2 + 1) / bands == pytest.approx(herfindahl(now)[0])
    if current > 1e-9:
        statistic = math.sqrt(bands - 1) * (current - initial) / math.sqrt(current**2 * (0.5 + current**2))
        assert found.p_value == pytest.approx(1 - stats.norm.cdf(statistic), abs=DIGITS)


def test_concentration_of_a_published_example() -> None:
    # Counts and formula as in a public implementation of section 2.5.5.3; worked out by hand.
    found = concentration_test(np.array([95, 205, 290]), np.array([100, 200, 300]))
    assert found.variation == pytest.approx(0.40825, abs=DIGITS)
    assert found.initial_variation == pytest.approx(0.40590, abs=DIGITS)
    assert found.p_value == pytest.approx(0.49602, abs=DIGITS)


@pytest.mark.parametrize(
    ("before", "now", "p_value", "index"),
    [([10, 10], [10, 10], 0.5, 0.0), ([15, 5], [10, 10], 1.0, 0.0), ([10, 10], [20, 0], 0.20711, 1.0)],
)
def test_even_bands_are_not_concentrated_and_one_band_alone_is(
    before: list[int], now: list[int], p_value: float, index: float
) -> None:
    found = concentration_test(np.array(before), np.array(now))
    assert found.p_value == pytest.approx(p_value, abs=DIGITS)
    assert found.herfindahl == pytest.approx(index, abs=1e-9)
