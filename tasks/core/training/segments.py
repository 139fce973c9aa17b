"""How a model does for kinds of applicants. Gender and family status serve here alone: to see whether it is fair.

Nothing is told of few: a kind of under 100 applicants, or with under 10 who defaulted or repaid, is only counted as one
that is too small. Counts are rounded to 5 and rates are made from what was rounded, so that the difference between the
whole and its told parts does not tell on the rest either (OpenSAFELY's rule for released counts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from tasks.core.decision.policy import cost_per_application
from tasks.core.lender.kinds import ORDER_OF_KINDS
from tasks.core.training.evaluation import auc_of

LEAST_ROWS: Final = 100
LEAST_OF_AN_OUTCOME: Final = 10
_ROUNDED_TO: Final = 5
_DIGITS: Final = 3


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
            if _is_enough(defaulted[chosen])
        ]
        judged.append(Grouping(name, tuple(sorted(told, key=_place)), len(levels) - len(told)))
    return tuple(judged)


def _place(segment: Segment) -> tuple[int, str]:
    return (ORDER_OF_KINDS.index(segment.name) if segment.name in ORDER_OF_KINDS else 0, segment.name)


def _is_enough(defaulted: np.ndarray) -> bool:
    bad = int(defaulted.sum())
    return len(defaulted) >= LEAST_ROWS and min(bad, len(defaulted) - bad) >= LEAST_OF_AN_OUTCOME


def _segment(name: str, pd: np.ndarray, defaulted: np.ndarray, cutoff: float, costs: Mapping[str, float]) -> Segment:
    rows, bad = _rounded(len(pd)), _rounded(int(defaulted.sum()))
    rates = (
        bad / rows,
        float(pd.mean()),
        float(pd.mean()) / (bad / rows),
        auc_of(pd, defaulted),
        float(np.mean(pd >= cutoff)),
        cost_per_application(pd, defaulted, cutoff, **costs),
    )
    return Segment(name, rows, *(round(rate, _DIGITS) for rate in rates))


def _rounded(count: int) -> int:
    return _ROUNDED_TO * round(count / _ROUNDED_TO)
