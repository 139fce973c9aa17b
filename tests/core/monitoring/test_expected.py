"""Figures expected before outcomes, against outcomes that are drawn, scikit-learn, SciPy and exact distributions."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score

from tasks.core.decision.policy import Decided, cost_per_application, decide, resolve_policy
from tasks.core.model.calibration import calibration_line
from tasks.core.monitoring.expected import (
    CONCEPT_DRIFT_CAVEAT,
    ExpectedFigure,
    ExpectedPerformance,
    auc_expected,
    expected_metrics,
    expected_performance,
    herfindahl,
)
from tasks.core.training.evaluation import Estimate

BANDS = [("A", 0.25), ("B", 0.5), ("C", 1.0), ("D", 2.0), ("E", None)]
POLICY = resolve_policy("1", 1 / 11, refer_from=None, bands=BANDS)
REFERRING = resolve_policy("1", 1 / 11, refer_from=0.5, bands=BANDS)
COSTS = {"false_negative": 10.0, "false_positive": 1.0}
MANY = 10**9
"""Rows of a calibration without a doubt."""
PDS = st.sampled_from([0.0, 0.01, 0.05, 1 / 11, 0.1, 0.3, 0.7, 1.0])


def drawn_pd(rows: int, *, seed: int = 3) -> np.ndarray:
    return expit(-2.8 + 0.95 * np.random.default_rng(seed).normal(size=rows))


def expected(pd: np.ndarray, *, rows: int = MANY, decided: Decided | None = None) -> ExpectedPerformance:
    return expected_performance(
        pd, decided or decide(pd, POLICY), n_bands=len(BANDS), costs=COSTS, calibration_rows=rows
    )


def decisions(approved: int, refused: int) -> tuple[np.ndarray, Decided]:
    pd: np.ndarray = np.repeat([0.05, 0.2], [approved, refused])
    return pd, decide(pd, POLICY)


def shown(figure: ExpectedFigure) -> Estimate:
    """A figure that is shown, with its interval."""
    value, low, high = figure[:3]
    assert value is not None
    assert low is not None
    assert high is not None
    return Estimate(value, low, high)


# --- values


def test_each_figure_is_the_mean_of_that_of_drawn_outcomes() -> None:
    pd = drawn_pd(1_000)
    decided = decide(pd, REFERRING)
    is_approved = decided.decision == 0
    random = np.random.default_rng(5)
    drawn = []
    for _ in range(500):
        defaulted = random.random(len(pd)) < pd
        cost = cost_per_application(pd, defaulted, REFERRING.cutoff, **COSTS)
        drawn.append((defaulted[is_approved].mean(), cost, roc_auc_score(defaulted, pd)))
    found = expected(pd, decided=decided)[1:4]
    error = np.std(drawn, axis=0) / np.sqrt(len(drawn))
    values = [figure.value for figure in found]
    np.testing.assert_allclose(values, np.mean(drawn, axis=0), atol=4 * error.max())
    for figure, each in zip(found, np.array(drawn).T, strict=True):
        held = np.mean((each >= figure.low) & (each <= figure.high))
        assert 0.92 < held < 0.98


def test_the_cost_is_that_of_the_policy_if_outcomes_are_certain() -> None:
    pd: np.ndarray = np.repeat([0.0, 1.0], [60, 60])
    decided = Decided(np.tile([0, 2], 60).astype(np.int8), np.zeros(120, np.int8))
    cost = expected(pd, decided=decided).expected_cost_per_application
    # Half of those that default were approved, and half of those that repay refused.
    assert cost[:3] == (30 * 10 / 120 + 30 * 1 / 120,) * 3


def test_a_referred_application_costs_as_one_that_was_not_refused() -> None:
    pd = np.full(100, 0.07)
    assert decide(pd, REFERRING).decision.tolist() == [1] * 100
    found = expected(pd, decided=decide(pd, REFERRING))
    assert found.expected_cost_per_application.value == pytest.approx(0.7)
    assert found.expected_default_rate_of_approved.value is None


@given(st.lists(st.tuples(PDS, st.booleans()), min_size=2, max_size=60))
def test_the_expected_auc_is_that_of_scikit_learn_with_each_row_in_both_outcomes(
    rows: list[tuple[float, bool]],
) -> None:
    pd = np.array([each for each, _ in rows])
    if not 0 < pd.sum() < len(pd):
        return
    weights = np.concatenate([pd, 1 - pd])
    both: np.ndarray = np.repeat([1, 0], len(pd))
    value, _ = auc_expected(pd)
    assert value == pytest.approx(roc_auc_score(both, np.tile(pd, 2), sample_weight=weights), abs=1e-9)


@given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=20), st.integers(0, 2))
def test_the_slope_of_the_auc_is_its_derivative_in_an_outcome(values: list[float], place: int) -> None:
    pd = np.array(values)

    def auc_with(outcome: float) -> float:
        chance = pd.copy()
        chance[place] = outcome
        above = (pd[:, None] > pd) + (pd[:, None] == pd) / 2
        return float(chance @ above @ (1 - chance) / (chance.sum() * np.sum(1 - chance)))

    step = 1e-6
    derivative = (auc_with(pd[place] + step) - auc_with(pd[place] - step)) / (2 * step)
    assert auc_expected(pd)[1][place] == pytest.approx(derivative, abs=1e-5)


# --- intervals


@pytest.mark.parametrize("rows", [50, 100, 1_000, 5_000])
@pytest.mark.parametrize("pd", [0.01, 0.03, 0.08, 0.2])
def test_the_interval_of_a_rate_holds_what_the_exact_distribution_puts_there(rows: int, pd: float) -> None:
    approved = Decided(np.zeros(rows, np.int8), np.zeros(rows, np.int8))
    figure = shown(expected(np.full(rows, pd), decided=approved).expected_default_rate_of_approved)
    counts = np.arange(rows + 1)
    chance = np.asarray(binom.pmf(counts, rows, pd))
    is_inside = (counts / rows >= figure.low) & (counts / rows <= figure.high)
    assert chance[is_inside].sum() > 0.949
    # Without the most and the least that it holds, it would hold too little.
    is_shorter = is_inside & (counts > counts[is_inside].min()) & (counts < counts[is_inside].max())
    assert chance[is_shorter].sum() < 0.955


def test_a_large_day_with_a_certain_calibration_has_the_normal_interval() -> None:
    pd = np.full(40_000, 0.05)
    figure = expected(pd).expected_default_rate_of_approved
    ends = norm.interval(0.95, 0.05, np.sqrt(0.05 * 0.95 / 40_000))
    np.testing.assert_allclose(figure[1:3], ends, atol=5e-5)


def test_the_calibration_widens_the_interval_as_fitting_it_on_other_rows_moves_the_figures() -> None:
    pd = drawn_pd(4_000)
    random = np.random.default_rng(8)
    decided = decide(pd, POLICY)
    is_approved = decided.decision == 0
    rows = 2_000
    refitted = []
    for _ in range(200):
        true = random.choice(pd, rows)
        level, slope = calibration_line(logit(true), random.random(rows) < true)
        again = expit(level + slope * logit(pd))
        cost = np.mean(np.where(decided.decision == 2, 1 - again, 10 * again))
        refitted.append((again[is_approved].mean(), cost))
    for figure, certain, moved in zip(
        expected(pd, rows=rows)[1:3], expected(pd)[1:3], np.std(refitted, axis=0), strict=True
    ):
        widths = [(each.high - each.low) / (2 * norm.ppf(0.975)) for each in (shown(figure), shown(certain))]
        assert np.sqrt(widths[0] ** 2 - widths[1] ** 2) == pytest.approx(moved, rel=0.2)


@given(st.lists(PDS, min_size=50, max_size=80), st.integers(1, 10**6), st.permutations(range(3)))
def test_figures_lie_in_their_intervals_and_intervals_in_what_is_possible(
    values: list[float], rows: int, order: list[int]
) -> None:
    pd = np.array(values * 2)
    decided = Decided(np.resize(np.array(order, np.int8), len(pd)), np.zeros(len(pd), np.int8))
    found = expected(pd, rows=rows, decided=decided)
    for figure, most in zip(found[:4], (1, 1, 10, 1), strict=True):
        if figure.value is not None:
            value, low, high = shown(figure)
            assert 0 <= low <= value + 1e-12
            assert value - 1e-12 <= high <= most
    shuffled = np.random.default_rng(1).permutation(len(pd))
    again = expected(pd[shuffled], rows=rows, decided=Decided(*(each[shuffled] for each in decided)))
    for one, other in zip(found, again, strict=True):
        assert one[:4] == pytest.approx(other[:4], abs=1e-9)


def test_the_approval_rate_is_known_and_has_the_interval_of_wilson() -> None:
    from scipy.stats import binomtest

    pd, decided = decisions(150, 50)
    found = expected(pd, decided=decided).approval_rate
    ends = binomtest(150, 200).proportion_ci(method="wilson")
    assert found[:4] == pytest.approx((0.75, ends.low, ends.high, 200))


# --- concentration


@given(st.lists(st.integers(0, 50), min_size=2, max_size=9).filter(any))
def test_the_herfindahl_index_is_the_chance_that_two_share_a_band(counts: list[int]) -> None:
    index, normalised = herfindahl(np.array(counts))
    total = sum(counts)
    assert index == pytest.approx(sum((each / total) ** 2 for each in counts))
    assert 1 / len(counts) - 1e-12 <= index <= 1
    assert -1e-12 <= normalised <= 1


def test_the_herfindahl_index_is_that_of_the_coefficient_of_variation() -> None:
    counts = np.array([4, 1, 0, 5])
    shares = counts / counts.sum()
    variation = np.sqrt(len(shares) * np.sum((shares - 1 / len(shares)) ** 2))
    assert herfindahl(counts)[0] == pytest.approx((variation**2 + 1) / len(shares))


def test_a_band_without_a_row_counts() -> None:
    pd, decided = decisions(100, 100)
    found = expected(pd, decided=decided)
    assert found.band_concentration.value == 0.5
    assert found.band_concentration_normalised.value == pytest.approx((0.5 - 0.2) / 0.8)
    assert found.band_concentration[1:3] == (None, None)


# --- days without figures


@pytest.mark.parametrize(("rows", "shown"), [(0, False), (1, False), (49, False), (50, True)])
def test_a_mean_needs_fifty_rows(rows: int, shown: bool) -> None:
    pd, decided = decisions(rows, 0)
    found = expected(pd, decided=decided)
    for name in ("approval_rate", "expected_default_rate_of_approved", "expected_cost_per_application"):
        figure = getattr(found, name)
        assert (figure.value is not None, figure.n) == (shown, rows)
    assert (found.band_concentration.value is not None) == shown


@pytest.mark.parametrize(
    ("approved", "refused", "shown"),
    [(500, 0, True), (500, 1, False), (500, 49, False), (500, 50, True), (49, 500, False)],
)
def test_the_mean_of_few_cannot_be_had_from_the_mean_of_the_others(approved: int, refused: int, shown: bool) -> None:
    pd, decided = decisions(approved, refused)
    found = expected(pd, decided=decided)
    assert (found.expected_default_rate_of_approved.value is not None) == shown
    assert (found.expected_cost_per_application.value is not None) == shown
    is_told = refused != 1
    assert found.approval_rate.value == (approved / (approved + refused) if is_told else None)


@pytest.mark.parametrize(("few", "is_told"), [(1, False), (19, False), (20, True)])
@pytest.mark.parametrize("are_approved", [True, False])
def test_a_rate_that_is_one_of_few_is_not_told_nor_their_number(few: int, is_told: bool, are_approved: bool) -> None:
    pd, decided = decisions(few, 500) if are_approved else decisions(500, few)
    found = expected(pd, decided=decided)
    assert (found.approval_rate.value is not None) is is_told
    told = " ".join(figure.sentence for figure in (found[0], found[1], found[2]))
    assert not re.search(rf"\b{few} ", told)
    assert found.expected_default_rate_of_approved.n == 500 + few


def test_a_day_on_which_nobody_is_approved_has_a_cost_and_no_default_rate() -> None:
    pd, decided = decisions(0, 200)
    found = expected(pd, decided=decided)
    assert found.approval_rate.value == 0
    assert found.expected_default_rate_of_approved == (
        None, None, None, 0, "Nobody was approved, so there is no default rate of the approved.",
    )  # fmt: skip
    assert found.expected_cost_per_application.value == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("rows", "pd", "shown"),
    [(200, 0.05, True), (199, 0.05, False), (99, 0.5, False), (100, 0.5, True), (200, 0.96, False)],
)
def test_an_auc_needs_a_hundred_rows_and_ten_of_either_outcome(rows: int, pd: float, shown: bool) -> None:
    figure = expected(np.full(rows, pd)).expected_auc
    assert (figure.value is not None, figure.n) == (shown, rows)


def test_equal_pd_rank_nobody_and_every_outcome_has_that_auc() -> None:
    assert expected(np.full(300, 0.2)).expected_auc[:4] == (0.5, 0.5, 0.5, 300)


@pytest.mark.parametrize("pd", [0.0, 1.0])
def test_certain_outcomes_leave_no_interval_and_no_auc(pd: float) -> None:
    found = expected(np.full(200, pd), rows=1)
    assert found.expected_auc.value is None
    cost = found.expected_cost_per_application
    assert (cost.value, cost.low, cost.high) == (0.0, 0.0, 0.0)


# --- rows of the table, and words


@pytest.mark.parametrize("rows", [0, 1, 19, 20, 60, 5_000])
def test_every_figure_is_a_metric_and_one_without_a_value_is_insufficient(rows: int) -> None:
    found = expected(drawn_pd(rows))
    metrics = expected_metrics(found)
    assert [each.metric for each in metrics] == [
        "approval_rate", "expected_default_rate_of_approved", "expected_cost_per_application",
        "expected_auc", "band_concentration", "band_concentration_normalised",
    ]  # fmt: skip
    for metric, figure in zip(metrics, found, strict=True):
        assert (metric.value, metric.low, metric.high) == figure[:3]
        assert metric.n == (figure.n if figure.n >= 20 else 0)
        assert (metric.slice, metric.column) == ("day", "")
        assert metric.level == ("insufficient" if figure.value is None else "ok")
        assert figure.sentence.endswith(".")


COST_TOLD = (
    "Wrong decisions are expected to cost 0.230 per application, in units of a lost good customer "
    "(95% interval 0.151 to 0.318)."
)


def test_sentences_say_the_figures_with_their_intervals() -> None:
    pd: np.ndarray = np.repeat([0.02, 0.5], [900, 100])
    assert [figure.sentence for figure in expected(pd)] == [
        "90.0% of 1,000 applications were approved.",
        "2.0% of 900 approved applications are expected to default (95% interval 1.1% to 3.0%).",
        COST_TOLD,
        "The AUC is expected to be 0.841 (95% interval 0.787 to 0.891).",
        "The Herfindahl index of 5 risk bands is 0.820; even bands have 0.200, one band alone 1.",
        "Scaled from 0 for even bands to 1 for one band alone, the concentration is 0.775.",
    ]


def test_the_caveat_names_what_the_figures_cannot_see() -> None:
    assert "blind" in CONCEPT_DRIFT_CAVEAT
    assert "concept drift" in CONCEPT_DRIFT_CAVEAT
