"""Figures of a model for kinds of applicants. Gender and family status serve here alone: they show if it is fair.

A kind of too few applicants is only counted as one of too few (`tasks/core/disclosure.py`). Counts
are rounded and default rates are made from rounded counts, so that the difference between the whole
and its published parts says nothing of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tasks.core.decision.policy import cost_per_application
from tasks.core.disclosure import is_enough_for_rates, rounded_count, rounded_rate
from tasks.core.lender.kinds import ORDER_OF_KINDS
from tasks.core.training.evaluation import auc_of


class Segment(NamedTuple):
    """One kind of applicants; counts to the nearest 5, shares and pd in [0, 1] to three decimals."""

    name: str
    rows: int
    default_rate: float
    mean_pd: float
    predicted_to_observed: float
    """Mean pd over default rate: above 1 the model is too strict with them, below 1 too lenient."""
    auc: float
    refusal_share: float
    cost_per_application: float


class Grouping(NamedTuple):
    """Applicants told apart by one thing."""

    name: str
    segments: tuple[Segment, ...]
    too_few: int
    """Kinds of which nothing is told, because too few applicants are of them."""


def judge_segments(
    groupings: Mapping[str, np.ndarray],
    pd: np.ndarray,
    defaulted: np.ndarray,
    *,
    cutoff: float,
    costs: Mapping[str, float],
) -> tuple[Grouping, ...]:
    """Each grouping with what can be told of its kinds, at the cut-off and costs given."""
    judged = []
    for name, kinds in groupings.items():
        levels, place = np.unique(kinds, return_inverse=True)
        members = (np.flatnonzero(place == n) for n in range(len(levels)))
        told = [
            _segment(str(level), pd[chosen], defaulted[chosen], cutoff, costs)
            for level, chosen in zip(levels, members, strict=True)
            if is_enough_for_rates(len(chosen), defaulted=int(defaulted[chosen].sum()))
        ]
        judged.append(Grouping(name, tuple(sorted(told, key=_place)), len(levels) - len(told)))
    return tuple(judged)


def _place(segment: Segment) -> tuple[int, str]:
    return (ORDER_OF_KINDS.index(segment.name) if segment.name in ORDER_OF_KINDS else 0, segment.name)


def _segment(name: str, pd: np.ndarray, defaulted: np.ndarray, cutoff: float, costs: Mapping[str, float]) -> Segment:
    rows = rounded_count(len(pd))
    default_rate = rounded_count(int(defaulted.sum())) / rows
    rates = (
        default_rate,
        float(pd.mean()),
        float(pd.mean()) / default_rate,
        auc_of(pd, defaulted),
        float(np.mean(pd >= cutoff)),
        cost_per_application(pd, defaulted, cutoff, **costs),
    )
    return Segment(name, rows, *(rounded_rate(rate) for rate in rates))
