"""Results of a statistic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Tests:
    """Results of one statistic for several columns. All arrays have one entry per test."""

    columns: tuple[str, ...]
    p: np.ndarray
    """Probability of so large a difference without drift, 0 to 1."""
    effect: np.ndarray
    """Size of the difference, 0 or more, in the unit of the statistic's thresholds."""
    value: np.ndarray
    """Figure of the day."""
    reference: np.ndarray
    """The same figure as expected."""
    low: np.ndarray
    """Lower end of the values that 95 of 100 days without drift have."""
    high: np.ndarray
    sentence: Callable[[int], str]
    """Sentence about the test at a position; it gives counts, shares and frozen edges alone."""
