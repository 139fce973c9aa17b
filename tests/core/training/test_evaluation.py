"""Figures of merit and their intervals, against scikit-learn, SciPy and the policy's own arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from sklearn import metrics

from tasks.core.decision.policy import cost_per_application
from tasks.core.model.calibration import calibration_line, expected_calibration_error
from tasks.core.training import evaluation
from tasks.core.training.evaluation import (
    FIGURES,
    Estimate,
    Resampled,
    compare_models,
    estimates_of,
    figures_of,
    price_cutoffs,
    resample_figures,
    told_cutoffs,
    told_differences,
    told_estimates,
)

COSTS = {"false_negative": 10.0, "false_positive": 1.0}
PDS = st.sampled_from([0.0, 0.01, 0.05, 1 / 11, 0.1, 0.3, 0.7, 1.0])


def best_cutoff(pd: np.ndarray, defaulted: np.ndarray, *, false_negative: float, false_positive: float) -> float:
    """The cut-off that would have cost least: an observed pd, or the next number above all; it varies by sample."""
    cutoffs = np.append(np.unique(pd), np.nextafter(pd.max(), np.inf))
    below = np.searchsorted(np.sort(pd[defaulted]), cutoffs, side="left")
    refused_good = np.sum(~defaulted) - np.searchsorted(np.sort(pd[~defaulted]), cutoffs, side="left")
    return float(cutoffs[np.argmin(false_negative * below + false_positive * refused_good)])


def applications(rows: int, *, noise: float = 0.5, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated pds, blurred by noise, and the outcomes."""
    random = np.random.default_rng(seed)
    pd = 1 / (1 + np.exp(2.5 - random.normal(0, 1, rows)))
    defaulted = random.random(rows) < pd
    odds = np.log(pd / (1 - pd)) + random.normal(0, noise, rows)
    return 1 / (1 + np.exp(-odds)), defaulted


def named(figures: np.ndarray) -> dict[str, float]:
    return dict(zip(FIGURES, figures.tolist(), strict=True))


@given(st.lists(st.tuples(PDS, st.booleans(), st.integers(0, 3)), min_size=2, max_size=40))
def test_weighted_figures_are_those_of_scikit_learn_ties_included(rows: list[tuple[float, bool, int]]) -> None:
    pd, defaulted, weights = (np.array(column) for column in zip(*rows, strict=True))
    outcomes = set(defaulted[weights > 0])
    model = evaluation._Ranked(pd, defaulted, cutoff=0.1, **COSTS)
    if len(outcomes) < 2:
        assert weights.sum() == 0 or np.isnan(named(model.figures(weights.astype(float)))["auc"])
        return
    found = named(model.figures(weights.astype(float)))
    false_positives, true_positives, _ = metrics.roc_curve(defaulted, pd, sample_weight=weights)
    repeated = np.repeat(np.arange(len(pd)), weights)
    assert found | {
        "auc": metrics.roc_auc_score(defaulted, pd, sample_weight=weights),
        "gini": 2 * metrics.roc_auc_score(defaulted, pd, sample_weight=weights) - 1,
        "ks": np.max(true_positives - false_positives),
        "pr_auc": metrics.average_precision_score(defaulted, pd, sample_weight=weights),
        "log_loss": metrics.log_loss(defaulted, pd, sample_weight=weights),
        "brier": metrics.brier_score_loss(defaulted, pd, sample_weight=weights),
        "cost_per_application": cost_per_application(pd[repeated], defaulted[repeated], 0.1, **COSTS),
        "cost_approving_all": cost_per_application(pd[repeated], defaulted[repeated], np.inf, **COSTS),
        "refusal_share": np.mean(pd[repeated] >= 0.1),
        "default_rate": defaulted[repeated].mean(),
        "mean_pd": pd[repeated].mean(),
    } == pytest.approx(found, nan_ok=True)
    cheapest = cost_per_application(pd[repeated], defaulted[repeated], found["best_cutoff_in_hindsight"], **COSTS)
    best = best_cutoff(pd[repeated], defaulted[repeated], **COSTS)
    assert cheapest == pytest.approx(cost_per_application(pd[repeated], defaulted[repeated], best, **COSTS))


def test_unweighted_figures_are_those_of_the_functions_they_summarise() -> None:
    pd, defaulted = applications(3000)
    found = figures_of(pd, defaulted, cutoff=1 / 11, costs=COSTS)
    intercept, slope = calibration_line(np.log(pd / (1 - pd)), defaulted)
    assert (found["calibration_intercept"], found["calibration_slope"]) == pytest.approx((intercept, slope), abs=1e-6)
    assert found["expected_calibration_error"] == pytest.approx(expected_calibration_error(pd, defaulted))
    below, best = pd[pd < best_cutoff(pd, defaulted, **COSTS)].max(), best_cutoff(pd, defaulted, **COSTS)
    assert found["best_cutoff_in_hindsight"] == pytest.approx((below + best) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_no_figure_is_an_applicants_pd(seed: int) -> None:
    pd, defaulted = applications(300, seed=seed)
    assert not set(figures_of(pd, defaulted, cutoff=1 / 11, costs=COSTS).values()) & set(pd.tolist())


@pytest.mark.parametrize(("outcome", "cutoff"), [(True, 0.0), (False, 1.0)])
def test_the_cheapest_cutoff_may_refuse_everybody_or_nobody(*, outcome: bool, cutoff: float) -> None:
    pd = np.linspace(0.2, 0.4, 100)
    defaulted = np.full(100, outcome)
    defaulted[50] = not outcome
    cheap = {"false_negative": 1.0, "false_positive": 1.0}
    found = figures_of(pd, defaulted, cutoff=0.3, costs=cheap)["best_cutoff_in_hindsight"]
    assert found == pytest.approx(cutoff)
    assert cost_per_application(pd, defaulted, found, **cheap) == 0.01


def test_one_newton_step_finds_the_calibration_line_of_a_resample() -> None:
    pd, defaulted = applications(3000)
    model = evaluation._Ranked(pd, defaulted, cutoff=0.1, **COSTS)
    for weights in evaluation.resampled_weights(3000, resamples=5, seed=1):
        repeated = np.repeat(np.arange(3000), weights.astype(int))
        odds = np.log(pd / (1 - pd))
        line = calibration_line(odds[repeated], defaulted[repeated])
        found = named(model.figures(weights))
        assert (found["calibration_intercept"], found["calibration_slope"]) == pytest.approx(line, abs=0.01)


def test_a_resample_draws_as_many_rows_as_there_are_and_the_seed_decides_which() -> None:
    first, again, other = (list(evaluation.resampled_weights(50, resamples=3, seed=seed)) for seed in (1, 1, 2))
    assert [weights.sum() for weights in first] == [50.0, 50.0, 50.0]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_interval_of_a_default_rate_is_as_wide_as_theory_says() -> None:
    pd, defaulted = applications(4000)
    model = resample_figures({"model": pd}, defaulted, cutoff=0.1, costs=COSTS, seed=1, resamples=800)["model"]
    told = estimates_of(model)["default_rate"]
    rate = defaulted.mean()
    width = 2 * norm.ppf(0.975) * np.sqrt(rate * (1 - rate) / 4000)
    assert told.high - told.low == pytest.approx(width, rel=0.15)
    assert told.low < told.value == rate < told.high


def test_every_interval_holds_its_figure_and_no_distance_is_below_nothing() -> None:
    pd, defaulted = applications(1500, noise=0.1)
    told = estimates_of(resample_figures({"m": pd}, defaulted, cutoff=0.1, costs=COSTS, seed=1)["m"])
    assert set(told) == set(FIGURES)
    for name, (value, low, high) in told.items():
        assert low <= value <= high, name
    assert told["expected_calibration_error"].low >= 0


def test_the_interval_of_a_distance_holds_it_where_every_resample_is_further_off() -> None:
    point, drawn = np.zeros(len(FIGURES)), np.zeros((50, len(FIGURES)))
    place = FIGURES.index("expected_calibration_error")
    point[place], drawn[:, place] = 0.0028, np.linspace(0.003, 0.009, 50)
    assert estimates_of(Resampled(point, drawn))["expected_calibration_error"] == (0.0028, 0.0, 0.0028)


def test_models_are_compared_on_the_same_resamples() -> None:
    pd, defaulted = applications(2000)
    blurred = applications(2000, noise=1.2)[0]
    models = resample_figures({"a": pd, "same": pd, "b": blurred}, defaulted, cutoff=0.1, costs=COSTS, seed=1)
    assert set(compare_models(models["a"], models["same"]).values()) == {(0.0, 0.0, 0.0)}
    difference, alone = compare_models(models["a"], models["b"])["auc"], estimates_of(models["a"])["auc"]
    assert difference.value == pytest.approx(models["a"].point[0] - models["b"].point[0])
    assert difference.low > 0
    assert difference.high - difference.low < 1.5 * (alone.high - alone.low)
    assert estimates_of(models["a"])["default_rate"] == estimates_of(models["b"])["default_rate"]


def test_a_resample_without_a_default_has_no_auc_and_takes_none_from_the_others() -> None:
    pd, defaulted = np.linspace(0.01, 0.4, 40), np.arange(40) == 38
    model = resample_figures({"m": pd}, defaulted, cutoff=0.1, costs=COSTS, seed=1)["m"]
    assert np.isnan(model.drawn[:, 0]).any()
    assert 0.9 < estimates_of(model)["auc"].low <= 1


@given(st.lists(st.tuples(PDS, st.booleans()), min_size=1, max_size=40))
def test_priced_cutoffs_cost_and_refuse_what_the_policy_would(rows: list[tuple[float, bool]]) -> None:
    pd, defaulted = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    cutoffs = np.array([0.0, 0.05, 1 / 11, 0.2, 1.0])
    priced = price_cutoffs(pd, defaulted, cutoffs, costs=COSTS, seed=1, resamples=3)
    assert priced.cost.value.tolist() == pytest.approx([
        cost_per_application(pd, defaulted, cutoff, **COSTS) for cutoff in cutoffs
    ])  # fmt: skip
    assert priced.refusal_share.value.tolist() == pytest.approx([np.mean(pd >= cutoff) for cutoff in cutoffs])
    assert (priced.cost.low <= priced.cost.high).all()


def test_no_cutoff_has_no_price() -> None:
    priced = price_cutoffs(*applications(100), np.array([]), costs=COSTS, seed=1)
    assert [len(each) for each in (priced.cutoffs, priced.cost.value, priced.refusal_share.high)] == [0, 0, 0]


def test_a_cutoff_is_priced_as_it_is_figured() -> None:
    pd, defaulted = applications(2000)
    told = estimates_of(resample_figures({"m": pd}, defaulted, cutoff=0.1, costs=COSTS, seed=1)["m"])
    priced = price_cutoffs(pd, defaulted, np.array([0.1]), costs=COSTS, seed=1)
    assert priced.cost.at(0) == pytest.approx(told["cost_per_application"])
    assert priced.refusal_share.at(0) == pytest.approx(told["refusal_share"])


@pytest.mark.parametrize(("break_even", "last"), [(1 / 11, 4 / 11), (0.25, 1.0), (0.5, 1.0)])
def test_the_cost_curve_passes_the_break_even_cutoff(break_even: float, last: float) -> None:
    cutoffs = evaluation.curve_cutoffs(break_even)
    assert break_even in cutoffs
    assert cutoffs[0] > 0
    assert cutoffs[-1] <= last
    assert len(cutoffs) <= 200


@pytest.mark.parametrize("rows", [45, 200, 500, 5000])
@pytest.mark.parametrize("digits", [2, 9])
def test_the_roc_curve_runs_through_points_of_scikit_learns_with_enough_rows_between_them(
    rows: int, digits: int
) -> None:
    pd, defaulted = applications(rows)
    pd = np.round(pd, digits)
    false_positives, true_positives, _ = metrics.roc_curve(defaulted, pd, drop_intermediate=False)
    found = np.transpose(evaluation.roc_curve(pd, defaulted))
    oracle = {(round(each[0], 9), round(each[1], 9)) for each in zip(false_positives, true_positives, strict=True)}
    assert {(round(each[0], 9), round(each[1], 9)) for each in found.tolist()} <= oracle
    refused = found @ [np.sum(~defaulted), np.sum(defaulted)]
    assert np.diff(refused).min() >= 20 - 1e-6
    assert (refused[0], refused[-1]) == pytest.approx((0, rows))
    assert min(rows // 45, 30) < len(found) <= 152
    assert evaluation.auc_of(pd, defaulted) == pytest.approx(metrics.roc_auc_score(defaulted, pd))


@pytest.mark.parametrize(("rows", "inner"), [(39, 0), (40, 1)])
def test_a_roc_curve_of_few_rows_has_ends_alone(rows: int, inner: int) -> None:
    pd = np.linspace(0.1, 0.9, rows)
    assert [len(each) for each in evaluation.roc_curve(pd, np.arange(rows) % 3 == 0)] == [inner + 2] * 2


@given(
    st.lists(st.floats(0, 0.5), min_size=1, max_size=120).flatmap(
        lambda pds: st.tuples(st.just(pds), st.lists(st.sampled_from([0.05, 1 / 11, 0.2, *pds]), max_size=2))
    )
)
def test_between_any_two_cutoffs_of_a_curve_lie_enough_rows(drawn: tuple[list[float], list[float]]) -> None:
    pd, beside = np.array(drawn[0]), drawn[1]
    grid = evaluation.curve_cutoffs(1 / 11)
    told = told_cutoffs(pd, grid, beside=beside)
    free = [cutoff for cutoff in told.tolist() if cutoff not in beside]
    counts = [0, len(pd), *(int(np.sum(pd >= cutoff)) for cutoff in beside)]
    for cutoff in free:
        refused = int(np.sum(pd >= cutoff))
        assert all(abs(refused - other) >= 20 for other in counts)
        counts.append(refused)
    assert set(grid.tolist()) & set(beside) <= set(told.tolist())


@pytest.mark.parametrize(
    ("refused", "is_told"), [(0, True), (1, False), (19, False), (20, True), (80, True), (81, False), (100, True)]
)
def test_what_a_cutoff_does_to_a_few_is_not_told(refused: int, is_told: bool) -> None:
    pd = np.where(np.arange(100) < refused, 0.3, 0.1) + np.linspace(0, 0.05, 100)
    figures = dict.fromkeys(FIGURES, Estimate(0.5, 0.4, 0.6)) | {"best_cutoff_in_hindsight": Estimate(0.0, 0.0, 0.1)}
    told = told_estimates(figures, pd, cutoff=0.2)
    assert {name for name, each in told.items() if not each.is_told} == (
        set() if is_told else {"cost_per_application", "refusal_share", "defaults_caught"}
    )
    for differences in (told_differences(figures, told, figures), told_differences(figures, figures, told)):
        assert (differences["refusal_share"].is_told, differences["auc"].is_told) == (is_told, True)


@pytest.mark.parametrize(("beyond", "is_told"), [(0, True), (19, False), (20, True)])
def test_the_cheapest_cutoff_near_an_end_is_an_extreme_and_elsewhere_rounded(beyond: int, is_told: bool) -> None:
    pd = np.linspace(0.1, 0.199, 100)
    best = 0.2 if beyond == 0 else (pd[-beyond] + pd[-beyond - 1]) / 2
    figures = dict.fromkeys(FIGURES, Estimate(0.5, 0.4, 0.6)) | {"best_cutoff_in_hindsight": Estimate(best, 0.1, 0.2)}
    told = told_estimates(figures, pd, cutoff=0.0)["best_cutoff_in_hindsight"]
    assert told.is_told == is_told
    assert not is_told or told.value == float(f"{best:.4g}")


@pytest.mark.parametrize(("rows", "bins"), [(19, 1), (99, 1), (100, 2), (999, 19), (1000, 20), (5000, 20)])
def test_a_bin_of_the_reliability_table_holds_enough_rows_for_a_mean(rows: int, bins: int) -> None:
    pd, defaulted = applications(rows)
    table = evaluation.reliability(pd, defaulted)
    assert len(table.rows) == bins
    assert table.rows.min() >= min(rows, 50)
    assert table.rows.sum() == rows
    assert np.average(table.observed.value, weights=table.rows) == pytest.approx(defaulted.mean())
    assert np.average(table.predicted, weights=table.rows) == pytest.approx(pd.mean())


@given(st.integers(1, 500).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_wilsons_interval_is_that_of_scipy(counts: tuple[int, int]) -> None:
    low, high = evaluation.wilson_interval(*(np.array([each]) for each in counts))
    oracle = binomtest(*counts).proportion_ci(0.95, method="wilson")
    assert (low[0], high[0]) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
