"""How a model does for kinds of applicants. Gender and family status serve here alone: to see whether it is fair.

Nothing is told of few: a kind of under 100 applicants, or with under 10 who defaulted or repaid, is only counted as one
that is too small. Counts are rounded to 5 and rates are made from what was rounded, so that the difference between the
whole and its told parts does not tell on the rest either (OpenSAFELY's rule for released counts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.core.applications import NUMBERS
from tasks.core.evaluation import auc_of
from tasks.core.feature_list import FILLED, NOT_EMPLOYED_DAYS
from tasks.core.policy import cost_per_application

LEAST_ROWS: Final = 100
LEAST_OF_AN_OUTCOME: Final = 10
_ROUNDED_TO: Final = 5
_DIGITS: Final = 3
_DAYS_IN_A_YEAR: Final = 365.25
_AGES: Final = {0: "under 25", 25: "25 to 34", 35: "35 to 44", 45: "45 to 54", 55: "55 to 64", 65: "65 and over"}
"""Youngest age of a band, in years, to its name."""
_QUARTERS: Final = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
_MISSING: Final = "missing"
_AGE, _GENDER, _FAMILY = "Age", "Gender (never an input)", "Family status (never an input)"
PROTECTED: Final = frozenset({_AGE, _GENDER, _FAMILY})
"""What applicants may not be treated worse for, in many countries."""


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


def groupings_of(rows: pa.Table) -> dict[str, np.ndarray]:
    """What applicants are told apart by, and each one's kind, texts of shape (rows,)."""
    numbers = {name: rows.column(name).to_numpy() for name in NUMBERS if name in _NEEDED}
    scores = sum((~np.isnan(numbers[name])).astype(int) for name in FILLED)
    employed = np.where(numbers["DAYS_EMPLOYED"] == NOT_EMPLOYED_DAYS, "not employed", "employed")
    return {
        _AGE: _band(-numbers["DAYS_BIRTH"] / _DAYS_IN_A_YEAR, list(_AGES)[1:], tuple(_AGES.values())),
        _GENDER: _texts(rows, "CODE_GENDER"),
        _FAMILY: _texts(rows, "NAME_FAMILY_STATUS"),
        "Income": _quarters(numbers["AMT_INCOME_TOTAL"]),
        "Credit": _quarters(numbers["AMT_CREDIT"]),
        "Contract": _texts(rows, "NAME_CONTRACT_TYPE"),
        "Education": _texts(rows, "NAME_EDUCATION_TYPE"),
        "Employment": np.where(np.isnan(numbers["DAYS_EMPLOYED"]), _MISSING, employed),
        "External scores known": np.char.add(np.asarray(scores).astype(str), " of 3"),
    }


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


_NEEDED: Final = {"DAYS_BIRTH", "DAYS_EMPLOYED", "AMT_INCOME_TOTAL", "AMT_CREDIT", *FILLED}
_ORDER: Final = (*_AGES.values(), *_QUARTERS)


def _place(segment: Segment) -> tuple[int, str]:
    return (_ORDER.index(segment.name) if segment.name in _ORDER else 0, segment.name)


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


def _texts(rows: pa.Table, name: str) -> np.ndarray:
    return np.asarray(rows.column(name).fill_null(_MISSING).to_numpy(), dtype=str)


def _quarters(values: np.ndarray) -> np.ndarray:
    known = values[~np.isnan(values)]
    edges = np.quantile(known, (0.25, 0.5, 0.75)).tolist() if len(known) else []
    return _band(values, edges, _QUARTERS)


def _band(values: np.ndarray, edges: list[float] | list[int], names: tuple[str, ...]) -> np.ndarray:
    """The name of each value's band; a value at an edge belongs to the higher one."""
    return np.where(np.isnan(values), _MISSING, np.array(names)[np.searchsorted(edges, values, side="right")])
