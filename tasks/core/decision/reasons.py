"""Why an application is not approved: the families of features that pushed its score towards refusal, as codes.

A contribution is a Shapley value: what a family adds to the raw score (log-odds), compared with the mean raw score. So
contributions add up to what sets this application apart, and those above 0 speak against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from tasks.core.lender.feature_list import FAMILIES

REASONS: Final = ("reason_1", "reason_2", "reason_3", "reason_4")
"""Columns of the principal reasons; four at most is what Regulation B's official interpretation asks for (12 CFR 1002,
Supplement I, 9(b)(2)-1)."""
_DECIMALS: Final = 6
"""Contributions are ranked by what is left of them at so many, so that no engine's last bits change a reason."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What is said where a family pushed towards refusal."""

    code: str
    """As published."""
    sentence: str
    """As it may stand in a letter."""


def codes_of(reasons: Mapping[str, Reason]) -> tuple[str, ...]:
    """The code of each family, in the order of `FAMILIES`."""
    return tuple(reasons[family].code for family in FAMILIES)


def principal_reasons(contributions: np.ndarray, codes: tuple[str, ...]) -> dict[str, pa.Array]:
    """The codes of the families that push most towards refusal, as the columns `REASONS`; null where there are fewer.

    Ranked by contribution rounded to 1e-6, greatest first, of equal ones the lesser code first; only what is above 0.

    Args:
        contributions: log-odds, float64, shape (n, families).
        codes: one for each family, none twice.

    >>> found = principal_reasons(np.array([[0.2, -0.1, 0.5, 0.2000001]]), ("R4", "R3", "R2", "R1"))
    >>> [column.to_pylist() for column in found.values()]
    [['R2'], ['R1'], ['R4'], [None]]
    """
    ranked = sorted(range(len(codes)), key=codes.__getitem__)
    left = np.round(contributions[:, ranked], _DECIMALS)
    rows, names = np.arange(len(left)), pa.array([codes[place] for place in ranked], pa.string())
    found = {}
    for reason in REASONS:
        place = left.argmax(axis=1)  # of equal ones the first
        found[reason] = names.take(pa.array(place, mask=left[rows, place] <= 0))
        left[rows, place] = 0.0
    return found
