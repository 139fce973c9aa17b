"""Policy in force beside a tried one, on published pd and without rescoring.

Pd is published for every application, also for those that were refused. So both policies can be
applied to all of them, and the expected cost needs no outcome. It trusts that pd is calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from tasks.core.decision.migration import told_cell
from tasks.core.decision.policy import DECISIONS, Band, Decided, Policy, decide
from tasks.core.disclosure import is_enough, is_none_or_enough_for_mean, rounded_rate
from tasks.core.monitoring.expected import ExpectedFigure, expected_performance
from tasks.core.monitoring.fairness import KindFairness, compare_kinds
from tasks.core.training.evaluation import told_cutoffs

_TRUST: Final = (
    "The cost trusts the published pd: of 100 applications with a pd of 0.1 ten default. It needs no outcome, and none "
    "of the refused will ever have one; for them the pd is an extrapolation."
)
_UNITS: Final = (
    "Costs are those of the policy in force, in units of a lost good customer. Referred applications count as not "
    "refused."
)
ASSUMPTIONS: Final = (_TRUST, _UNITS, "Who applies, and how many, is taken to stay as it was on these days.")
_TOO_FEW_MOVE: Final = "No figure is shown: too few applications would be refused by one policy and not by the other."
_GRID: Final = np.round(np.arange(1, 200) / 400, 4)
"""Cut-offs of the frontier, 0.0025 to 0.4975; none of them is an applicant's pd."""


class PdLimits(NamedTuple):
    """PdLimits of a policy, as probabilities."""

    cutoff: float
    """Pd from which applications are refused."""
    refer_from: float
    """Pd from which they are referred to a person; the cut-off itself if nobody is."""


class PricedPolicy(NamedTuple):
    """Decisions of one policy on published pd. A figure that may not be told is None."""

    thresholds: PdLimits
    decisions: Mapping[str, int | None]
    """Decision to its number of applications, to the nearest 5."""
    shares: Mapping[str, float | None]
    """Decision to its share of the applications, in [0, 1], three decimals."""
    cost: ExpectedFigure
    """Expected cost per application, with its interval."""
    default_rate: ExpectedFigure
    """Expected default rate of the approved, with its interval."""
    fairness: tuple[KindFairness, ...]
    """Approvals by kind of applicants; empty if no delivered row could be read."""


class Frontier(NamedTuple):
    """Share not refused and expected cost by cut-off; arrays of one length."""

    cutoffs: np.ndarray
    not_refused_share: np.ndarray
    """Share of the applications that are not refused, in [0, 1]."""
    cost: np.ndarray
    """Expected cost per application."""

    def at(self, cutoff: float, pd: np.ndarray, costs: Mapping[str, float]) -> tuple[float, float]:
        """Share not refused and cost at one more cut-off."""
        share, cost = _by_cutoff(np.sort(pd), np.array([cutoff]), **costs)
        return float(share[0]), float(cost[0])


class PolicyTrial(NamedTuple):
    """The policy in force and the tried one on the same applications."""

    rows: int
    active: PricedPolicy
    tried: PricedPolicy
    difference: float | None
    """Expected cost per application of the tried policy minus that in force; None if it is not told."""
    frontier: Frontier
    marks: Mapping[str, tuple[float, float]]
    """`in force` and `tried` to their place on the frontier; one that is not told is left out."""


def try_policy(
    pd: np.ndarray,
    active: PdLimits,
    tried: PdLimits,
    *,
    costs: Mapping[str, float],
    calibration_rows: int,
    kinds: tuple[np.ndarray, Mapping[str, np.ndarray]],
) -> PolicyTrial:
    """Price both policies on published pd.

    Args:
        pd: published pd of all applications, float64, shape (rows,).
        active, tried: thresholds of the policy in force and of the tried one.
        costs: `false_negative` and `false_positive`, in units of the cost matrix.
        calibration_rows: rows with outcomes behind the model's calibration.
        kinds: pd of the applications whose kind is known, and each grouping's kinds of them.
    """
    refused = [int((pd >= each.cutoff).sum()) for each in (active, tried)]
    moved = abs(refused[0] - refused[1])
    is_told = is_none_or_enough_for_mean(moved)
    priced = [_price(pd, each, costs, calibration_rows, kinds) for each in (active, tried)]
    if not is_told:
        nothing = ExpectedFigure(None, None, None, len(pd), _TOO_FEW_MOVE)
        priced[1] = priced[1]._replace(cost=nothing, default_rate=nothing)
    before, after = (each.cost.value for each in priced)
    difference = None if before is None or after is None else after - before
    frontier = _frontier(pd, [active.cutoff, tried.cutoff], costs)
    marks = {
        name: frontier.at(each.thresholds.cutoff, pd, costs)
        for name, each in zip(("in force", "tried"), priced, strict=True)
        if each.cost.value is not None
    }
    return PolicyTrial(len(pd), priced[0], priced[1], difference, frontier, marks)


def _price(
    pd: np.ndarray,
    thresholds: PdLimits,
    costs: Mapping[str, float],
    calibration_rows: int,
    kinds: tuple[np.ndarray, Mapping[str, np.ndarray]],
) -> PricedPolicy:
    policy = Policy("", *thresholds, bands=(Band("all", np.inf),))
    decision = decide(pd, policy).decision
    counts = dict(zip(DECISIONS, np.bincount(decision, minlength=len(DECISIONS)).tolist(), strict=True))
    told = {name: told_cell(rows) if is_enough(len(pd)) else None for name, rows in counts.items()}
    shares = {name: None if rows is None else rounded_rate(rows / len(pd)) for name, rows in told.items()}
    one_band = Decided(decision, np.zeros(len(pd), dtype=np.int8))
    expected = expected_performance(pd, one_band, n_bands=1, costs=costs, calibration_rows=calibration_rows)
    of_known, groupings = kinds
    decisions = np.array(DECISIONS)[decide(of_known, policy).decision]
    return PricedPolicy(
        thresholds,
        told,
        shares,
        expected.expected_cost_per_application,
        expected.expected_default_rate_of_approved,
        compare_kinds(groupings, decisions) if len(of_known) else (),
    )


def _frontier(pd: np.ndarray, beside: Sequence[float], costs: Mapping[str, float]) -> Frontier:
    """The curve, at cut-offs between which enough applications lie."""
    grid = told_cutoffs(pd, _GRID[~np.isin(_GRID, beside)], beside=beside)
    return Frontier(grid, *_by_cutoff(np.sort(pd), grid, **costs))


def _by_cutoff(
    rising: np.ndarray, cutoffs: np.ndarray, *, false_negative: float, false_positive: float
) -> tuple[np.ndarray, np.ndarray]:
    """Share not refused, and expected cost per application, at each cut-off.

    Not refusing costs pd * FN, refusing (1 - pd) * FP (Elkan 2001).

    >>> share, cost = _by_cutoff(np.array([0.1, 0.3]), np.array([0.2]), false_negative=10, false_positive=1)
    >>> share.tolist(), cost.round(2).tolist()
    ([0.5], [0.85])
    """
    rows = max(len(rising), 1)
    kept = np.searchsorted(rising, cutoffs, side="left")
    bad = np.concatenate([[0.0], np.cumsum(rising)])
    lost = false_negative * bad[kept]
    missed = false_positive * ((len(rising) - kept) - (bad[-1] - bad[kept]))
    return kept / rows, (lost + missed) / rows
