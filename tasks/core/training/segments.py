"""Figures of a model for kinds of applicants.

Gender and family status are used here alone, to show if the model is fair.

A kind of too few applicants is only counted as one of too few (`tasks/core/disclosure.py`). Counts
are rounded, and default rates are made from rounded counts. So the difference between the whole and
its published parts does not disclose the rest.
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
    """Figures of a kind of applicants.

    Counts are to the nearest 5; shares and pd in [0, 1] have three decimals.
    """

    name: str
    rows: int
    default_rate: float
    mean_pd: float
    predicted_to_observed: float
    """Mean pd over default rate. Above 1 the model is too strict with the kind, below 1 too
    lenient."""
    auc: float
    refusal_share: float
    cost_per_application: float


class Grouping(NamedTuple):
    """Kinds of applicants by one property."""

    name: str
    segments: tuple[Segment, ...]
    too_few: int
    """Number of kinds without figures, because they have too few applicants."""


def judge_segments(
    groupings: Mapping[str, np.ndarray],
    pd: np.ndarray,
    defaulted: np.ndarray,
    *,
    cutoff: float,
    costs: Mapping[str, float],
) -> tuple[Grouping, ...]:
    """Judge each kind with enough applicants, by grouping, at the given cut-off and costs."""
    judged = []
    for name, kinds in groupings.items():
        levels, place = np.unique(kinds, return_inverse=True)
        members = (np.flatnonzero(place == n) for n in range(len(levels)))
        segments = [
            _segment(str(level), pd[chosen], defaulted[chosen], cutoff, costs)
            for level, chosen in zip(levels, members, strict=True)
            if is_enough_for_rates(len(chosen), defaulted=int(defaulted[chosen].sum()))
        ]
        too_few = len(levels) - len(segments)
        judged.append(Grouping(name, tuple(sorted(segments, key=_place)), too_few))
    return tuple(judged)


def _place(segment: Segment) -> tuple[int, str]:
    place = ORDER_OF_KINDS.index(segment.name) if segment.name in ORDER_OF_KINDS else 0
    return place, segment.name


def _segment(
    name: str,
    pd: np.ndarray,
    defaulted: np.ndarray,
    cutoff: float,
    costs: Mapping[str, float],
) -> Segment:
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
