"""Principal reasons: codes of the families of features that pushed a score towards refusal.

A contribution is a Shapley value: the part of a family in the difference between the raw score
(log-odds) and the mean raw score. Contributions add up to that difference, and those above 0 speak
against the application.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from tasks.core.lender.feature_list import FAMILIES

REASONS: Final = ("reason_1", "reason_2", "reason_3", "reason_4")
"""Columns of the principal reasons. Regulation B's official interpretation asks for at most four
(12 CFR 1002, Supplement I, 9(b)(2)-1)."""
_DECIMALS: Final = 6
"""Decimals to which contributions are rounded before ranking, so that no engine's last bits change
a reason."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Reason that is stated if a family pushed a score towards refusal."""

    code: str
    """Code, as published."""
    sentence: str
    """Sentence, as it may stand in a letter."""


def codes_of(reasons: Mapping[str, Reason]) -> tuple[str, ...]:
    """Code of each family, in the order of `FAMILIES`."""
    return tuple(reasons[family].code for family in FAMILIES)


def principal_reasons(contributions: np.ndarray, codes: tuple[str, ...]) -> dict[str, pa.Array]:
    """Codes of the families that push most towards refusal, in the columns `REASONS`.

    They are ranked by contribution rounded to 1e-6, greatest first; of equal ones the lesser code
    comes first. Only contributions above 0 count. A column is null if there are fewer.

    Args:
        contributions: log-odds, float64, shape (n, families).
        codes: one for each family, none twice.

    >>> pushes = np.array([[0.2, -0.1, 0.5, 0.2000001]])
    >>> found = principal_reasons(pushes, ("R4", "R3", "R2", "R1"))
    >>> [column.to_pylist() for column in found.values()]
    [['R2'], ['R1'], ['R4'], [None]]
    """
    ranked = sorted(range(len(codes)), key=codes.__getitem__)
    left = np.round(contributions[:, ranked], _DECIMALS)
    rows = np.arange(len(left))
    names = pa.array([codes[place] for place in ranked], pa.string())
    found = {}
    for reason in REASONS:
        place = left.argmax(axis=1)  # of equal ones the first
        found[reason] = names.take(pa.array(place, mask=left[rows, place] <= 0))
        left[rows, place] = 0.0
    return found
