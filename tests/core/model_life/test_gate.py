"""The gate: the challenger must be shown to be cheaper, and nothing may be shown to be bad."""

from dataclasses import replace

import numpy as np
import pytest

from configs.settings import PromotionLimits
from tasks.core.model_life.comparison import CALIBRATION_ERROR, COST, SLOPE, Comparison, KindCost, KindRatio
from tasks.core.model_life.gate import GateLimits, failed_checks, judge_challenger
from tasks.core.training.evaluation import UNTOLD, Estimate
from tests.paired_sides import applicants, compared, made_comparison, moved

LIMITS = GateLimits(**PromotionLimits().model_dump())
GOOD = made_comparison()


def failed(comparison: Comparison, limits: GateLimits = LIMITS) -> list[str]:
    return [check.name for check in failed_checks(judge_challenger(comparison, limits))]


def with_figure(name: str, low: float, high: float) -> Comparison:
    return replace(GOOD, challenger={**GOOD.challenger, name: Estimate((low + high) / 2, low, high)})


def with_difference(name: str, estimate: Estimate) -> Comparison:
    return replace(GOOD, differences={**GOOD.differences, name: estimate})


def test_a_version_that_sees_more_passes_every_check() -> None:
    assert failed(GOOD) == []
    checks = judge_challenger(GOOD, LIMITS)
    assert [check.name for check in checks] == [
        "rows", "cost", "AUC", "calibration slope", "calibration error", "kinds of applicants", "fairness",
    ]  # fmt: skip
    assert checks[0].sentence.startswith("rows: 6,000 applications held out of both versions, ")


@pytest.mark.parametrize(
    ("changed", "is_met"),
    [
        ({"rows": 4999}, False), ({"rows": 5000}, True), ({"defaulted": 95}, False), ({"defaulted": 100}, True),
        ({"defaulted": 5905}, False), ({"defaulted": None}, False),
    ],
)  # fmt: skip
def test_too_few_rows_are_the_only_thing_said(changed: dict[str, int], is_met: bool) -> None:
    comparison = replace(GOOD, **changed)
    assert (failed(comparison) == []) == is_met
    if not is_met:
        (check,) = judge_challenger(comparison, LIMITS)
        assert check.required == "5,000 applications at least, 100 of them of each outcome"


@pytest.mark.parametrize(
    ("estimate", "is_met"),
    [
        (Estimate(-0.01, -0.02, -1e-9), True), (Estimate(-0.01, -0.02, 0.0), False), (UNTOLD, False),
        (Estimate(0.01, 0.001, 0.02), False),
    ],
)  # fmt: skip
def test_the_whole_interval_of_the_cost_must_lie_below_none(estimate: Estimate, is_met: bool) -> None:
    assert failed(with_difference(COST, estimate)) == ([] if is_met else ["cost"])


@pytest.mark.parametrize(("high", "is_met"), [(-0.00501, False), (-0.005, True), (0.01, True)])
def test_ranking_may_not_be_clearly_lost(high: float, is_met: bool) -> None:
    assert failed(with_difference("auc", Estimate(-0.01, -0.02, high))) == ([] if is_met else ["AUC"])


@pytest.mark.parametrize(
    ("low", "high", "is_met"),
    [(0.7, 0.8499, False), (0.7, 0.85, True), (0.9, 1.1, True), (1.15, 1.3, True), (1.1501, 1.3, False)],
)
def test_the_slope_may_not_lie_clearly_outside(low: float, high: float, is_met: bool) -> None:
    assert failed(with_figure(SLOPE, low, high)) == ([] if is_met else ["calibration slope"])


@pytest.mark.parametrize(("low", "is_met"), [(0.01, True), (0.0101, False)])
def test_the_calibration_error_may_not_lie_clearly_above(low: float, is_met: bool) -> None:
    assert failed(with_figure(CALIBRATION_ERROR, low, 0.03)) == ([] if is_met else ["calibration error"])


@pytest.mark.parametrize(("low", "is_met"), [(0.025, True), (0.0251, False)])
def test_no_kind_may_become_clearly_dearer(low: float, is_met: bool) -> None:
    kind = KindCost("Age", "under 25", 500, 0.6, 0.5, Estimate(0.1, low, 0.2), 0.7, 0.7)
    comparison = replace(GOOD, kind_costs=(*GOOD.kind_costs, kind))
    assert failed(comparison) == ([] if is_met else ["kinds of applicants"])
    if not is_met:
        (check,) = failed_checks(judge_challenger(comparison, LIMITS))
        assert check.observed.startswith("Age under 25: 0.600 against 0.500, difference 0.100 (0.025 to 0.200)")


@pytest.mark.parametrize(
    ("is_below", "was_below", "high", "is_met"),
    [
        (True, False, 1.0, False), (True, True, 0.98, True), (True, True, 0.9799, False), (True, True, None, True),
        (False, True, 0.5, True), (False, False, 0.5, True),
    ],
)  # fmt: skip
def test_fairness_may_not_clearly_be_lost(is_below: bool, was_below: bool, high: float | None, is_met: bool) -> None:
    quotient = UNTOLD if high is None else Estimate(high - 0.1, high - 0.2, high)
    ratio = KindRatio("age", "under 25", 500, 0.6, 0.7, is_below, was_below, quotient)
    assert failed(replace(GOOD, ratios=(ratio,))) == ([] if is_met else ["fairness"])


def test_no_kinds_to_compare_stop_nobody() -> None:
    assert failed(replace(GOOD, kind_costs=(), ratios=())) == []


def test_a_version_whose_pd_is_half_of_what_it_should_be_is_refused() -> None:
    drawn = applicants(20_000, 3, noise=0.3, other_noise=1.2)
    halved = drawn._replace(pd=moved(drawn.pd, -np.log(2)))
    assert "calibration error" in failed(compared(halved))
    assert failed(compared(drawn)) == []


def test_a_version_that_hurts_one_kind_is_refused_though_it_is_cheaper() -> None:
    drawn = applicants(40_000, 3, noise=0.2, other_noise=1.2)
    is_hurt = (drawn.kinds == "M") & (np.arange(40_000) % 4 == 0)
    kinds = np.where(is_hurt, "hurt", drawn.kinds)
    pds = np.where(is_hurt, moved(drawn.pd, 1.5), drawn.pd)
    assert "kinds of applicants" in failed(compared(drawn._replace(pd=pds, kinds=kinds)))
