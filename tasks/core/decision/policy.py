"""Decision and risk band of a probability of default, by the versioned policy.

All thresholds are probabilities. A row at a threshold belongs to the worse side: `pd >= cutoff` is
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

DECISIONS: Final = ("approve", "refer", "refuse")


@dataclass(frozen=True, slots=True)
class Band:
    """A risk band: every pd below `upper` that is not in a better band."""

    name: str
    upper: float


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy with its numbers filled in.

    Every decision threshold is the upper edge of a band, so bands and decisions cannot contradict
    each other.
    """

    version: str
    cutoff: float
    refer_from: float
    bands: tuple[Band, ...]


class Decided(NamedTuple):
    """Decisions and bands, one entry of each per row."""

    decision: np.ndarray
    """Index into `DECISIONS`."""
    band: np.ndarray
    """Index into the policy's bands."""


def resolve_policy(
    version: str,
    cutoff: float,
    *,
    refer_from: float | None,
    bands: Sequence[tuple[str, float | None]],
) -> Policy:
    """Fill in the numbers of a policy at a `cutoff` in (0, 1).

    `refer_from` and the bands' upper edges are multiples of the cut-off.

    >>> bands = [("A", 0.5), ("B", 1.0), ("C", None)]
    >>> resolve_policy("1", 0.1, refer_from=None, bands=bands).bands[0]
    Band(name='A', upper=0.05)

    Raises:
        ValueError: the cut-off is not a probability between 0 and 1, edges do not rise to an open
            last band, two bands have one name, or a threshold is not an edge.
    """
    if not 0 < cutoff < 1:
        raise ValueError(f"the cut-off is {cutoff}; it must lie between 0 and 1")
    edges = [float("inf") if edge is None else edge for _, edge in bands]
    if not edges or edges != sorted(set(edges)) or edges[-1] != float("inf") or edges[0] <= 0:
        raise ValueError("upper edges of risk bands must rise from above 0, and the last must be null")
    if len({name for name, _ in bands}) != len(edges):
        raise ValueError("two risk bands have one name")
    multiple = 1.0 if refer_from is None else refer_from
    for threshold in (1.0, multiple):
        if threshold not in edges:
            raise ValueError(f"a band must end at {threshold} times the cut-off, or bands would contradict decisions")
    if multiple > 1:
        raise ValueError(f"refer_from is {multiple}; it must not be above 1, the cut-off itself")
    resolved = tuple(Band(name, cutoff * edge) for (name, _), edge in zip(bands, edges, strict=True))
    return Policy(version, cutoff, cutoff * multiple, resolved)


def is_approved(pd: np.ndarray, policy: Policy) -> np.ndarray:
    """True if `decide` approves a pd in [0, 1], one entry per pd. The others are owed reasons.

    >>> p = resolve_policy("1", 0.1, refer_from=0.5, bands=[("A", 0.5), ("B", 1.0), ("C", None)])
    >>> is_approved(np.array([0.01, 0.05, 0.1]), p).tolist()
    [True, False, False]
    """
    return pd < policy.refer_from


def decide(pd: np.ndarray, policy: Policy) -> Decided:
    """Decision and band of each pd in [0, 1].

    >>> p = resolve_policy("1", 0.1, refer_from=0.5, bands=[("A", 0.5), ("B", 1.0), ("C", None)])
    >>> decide(np.array([0.01, 0.05, 0.1]), p).decision.tolist()
    [0, 1, 2]
    """
    decision = (pd >= policy.refer_from).astype(np.int8) + (pd >= policy.cutoff).astype(np.int8)
    band = np.searchsorted([band.upper for band in policy.bands], pd, side="right").astype(np.int8)
    return Decided(decision, band)


def break_even_cutoff(*, false_negative: float, false_positive: float) -> float:
    """Cut-off at which approving and refusing are expected to cost the same: FP / (FN + FP).

    Approving costs pd * FN, refusing (1 - pd) * FP (Elkan 2001, "The foundations of cost-sensitive
    learning").

    >>> round(break_even_cutoff(false_negative=10, false_positive=1), 4)
    0.0909
    """
    return false_positive / (false_negative + false_positive)


def cost_per_application(
    pd: np.ndarray,
    defaulted: np.ndarray,
    cutoff: float,
    *,
    false_negative: float,
    false_positive: float,
) -> float:
    """Cost per application of deciding at `cutoff`, in units of the cost matrix."""
    refused = pd >= cutoff
    lost = false_negative * np.sum(defaulted & ~refused)
    missed = false_positive * np.sum(~defaulted & refused)
    return float((lost + missed) / len(pd))


def cost_at_break_even(pd: np.ndarray, defaulted: np.ndarray, **costs: float) -> float:
    """Cost per application at the break-even cut-off, both under the same `costs`."""
    return cost_per_application(pd, defaulted, break_even_cutoff(**costs), **costs)


def decision_costs(
    refused: np.ndarray, defaulted: np.ndarray, *, false_negative: float, false_positive: float
) -> np.ndarray:
    """Cost of each decision, shape (rows,). A pd in the place of an outcome gives the expected cost (Elkan 2001).

    >>> decision_costs(np.array([True, False]), np.array([0.0, 1.0]), false_negative=10, false_positive=1).tolist()
    [1.0, 10.0]
    """
    return np.where(refused, false_positive * (1.0 - defaulted), false_negative * np.asarray(defaulted, dtype=float))
