"""Dependence between columns: correlations of their scores, against those of the reference.

A column whose values changed places among the rows keeps its distribution, and goes with nothing
any more. A z-test of Fisher's transform of the correlation (Fisher 1921), with the standard deviation
that it has in the reference. Without the transform the correlations of near copies, which can only
fall, lie far outside by chance. A changed pair is told of the column whose pairs changed more.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from scipy.stats import norm

from tasks.core.monitoring.compared import Compared
from tasks.core.monitoring.statistics.record import Tests

_CLOSEST: Final = 0.9999
"""Largest correlation that is transformed: correlations are frozen with four decimals."""
_LEAST_SPREAD: Final = 0.001
"""Least standard deviation of a correlation, times the root of the rows: perfect copies have none."""


def dependence_tests(day: Compared) -> Tests:
    """Change of the correlation of each watched pair."""
    pairs = day.frozen.pairs
    found = day.correlations if pairs else np.zeros(0)
    expected = np.array([pair.correlation for pair in pairs])
    spread = np.maximum([pair.spread for pair in pairs], _LEAST_SPREAD)
    error = spread * np.sqrt(1 / max(1, day.day.rows) + 1 / max(1, day.frozen.rows))
    z = (_transformed(found) - _transformed(expected)) * (1 - np.clip(expected, -_CLOSEST, _CLOSEST) ** 2) / error
    change = np.abs(found - expected)
    columns = _suspects(day, change)

    def sentence(position: int) -> str:
        pair = pairs[position]
        return (
            f"{pair.first} and {pair.second} go together otherwise: correlation {found[position]:.2f}, "
            f"instead of {expected[position]:.2f}."
        )

    return Tests(
        columns,
        2 * norm.sf(np.abs(z)),
        change,
        found,
        expected,
        expected - 1.96 * error,
        expected + 1.96 * error,
        sentence,
    )


def _transformed(correlations: np.ndarray) -> np.ndarray:
    """Fisher's transform, whose standard deviation is that of the correlation over 1 - r^2."""
    return np.asarray(np.arctanh(np.clip(correlations, -_CLOSEST, _CLOSEST)))


def _suspects(day: Compared, change: np.ndarray) -> tuple[str, ...]:
    """Column that each pair is told of: the one whose pairs changed more in all."""
    total: Counter[str] = Counter()
    for pair, size in zip(day.frozen.pairs, change.tolist(), strict=True):
        total[pair.first] += size
        total[pair.second] += size
    return tuple(max(pair.first, pair.second, key=lambda name: total[name]) for pair in day.frozen.pairs)
