"""The policy in force beside a tried one: every figure by a plain loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.monitoring.policy_trial import PdLimits, PolicyTrial, try_policy

COSTS = {"false_negative": 10.0, "false_positive": 1.0}
NOBODY: tuple[np.ndarray, dict[str, np.ndarray]] = (np.empty(0), {})


def drawn(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).beta(1, 9, n)


def tried(pd: np.ndarray, active: PdLimits, other: PdLimits) -> PolicyTrial:
    return try_policy(pd, active, other, costs=COSTS, calibration_rows=20_000, kinds=NOBODY)


@given(st.integers(0, 2**31), st.sampled_from([0.03, 0.08, 0.15, 0.3]), st.sampled_from([0.5, 1.0]))
def test_every_figure_is_that_of_a_plain_loop(seed: int, cutoff: float, multiple: float) -> None:
    pd = drawn(3000, seed)
    trial = tried(pd, PdLimits(0.1, 0.1), PdLimits(cutoff, cutoff * multiple))
    counts = {"approve": 0, "refer": 0, "refuse": 0}
    cost = 0.0
    for each in pd.tolist():
        name = "refuse" if each >= cutoff else "refer" if each >= cutoff * multiple else "approve"
        counts[name] += 1
        cost += (1 - each) if name == "refuse" else 10 * each
    for name, count in counts.items():
        told = trial.tried.decisions[name]
        assert (told is None) == (0 < count < 20)
        assert told is None or abs(told - count) <= 2.5
    if trial.tried.cost.value is not None and trial.difference is not None:
        assert trial.tried.cost.value == pytest.approx(cost / 3000)
        assert trial.marks["tried"] == pytest.approx(((3000 - counts["refuse"]) / 3000, cost / 3000))
        assert trial.difference == pytest.approx(cost / 3000 - trial.marks["in force"][1])


def test_a_policy_beside_itself_makes_no_difference() -> None:
    same = PdLimits(0.1, 0.06)
    trial = tried(drawn(2000, 1), same, same)
    assert trial.active == trial.tried
    assert trial.difference == 0


def test_for_calibrated_pd_the_frontier_is_cheapest_at_the_break_even_cut_off() -> None:
    frontier = tried(drawn(100_000, 2), PdLimits(0.1, 0.1), PdLimits(0.2, 0.2)).frontier
    assert frontier.cutoffs[np.argmin(frontier.cost)] == pytest.approx(1 / 11, abs=0.0026)
    assert (np.diff(frontier.not_refused_share) > 0).all()


@pytest.mark.parametrize(("moved", "is_told"), [(0, True), (1, False), (49, False), (50, True)])
def test_no_difference_tells_the_mean_pd_of_too_few(moved: int, is_told: bool) -> None:
    pd = np.concatenate([np.full(500, 0.01), np.full(moved, 0.09), np.full(200, 0.5)])
    trial = tried(pd, PdLimits(0.1, 0.1), PdLimits(0.08, 0.08))
    assert (trial.difference is not None) == is_told
    assert ("tried" in trial.marks) == is_told
    assert trial.active.cost.value is not None


def test_kinds_are_compared_under_both_policies() -> None:
    pd = np.concatenate([np.full(300, 0.05), np.full(200, 0.09), np.full(450, 0.05), np.full(50, 0.5)])
    kinds = {"gender": np.array(["F"] * 500 + ["M"] * 500)}
    trial = try_policy(
        pd, PdLimits(0.1, 0.1), PdLimits(0.08, 0.08), costs=COSTS, calibration_rows=9000, kinds=(pd, kinds)
    )
    ratio = {each.kind: each.ratio for each in trial.tried.fairness}
    assert ratio["M"] is None
    assert ratio["F"]
    assert ratio["F"].value == pytest.approx(0.667)
    assert [each.approval_rate for each in trial.active.fairness] == [None, 0.9]
