"""Distribution of the values of a column over its cells, among the rows that have a value.

Two-sample chi-square test; cells with fewer than ten expected rows are tested together. The effect
is the total variation distance: the least share of rows that would have to move for the two
distributions to be equal.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.stats import chi2

from tasks.core.disclosure import LEAST_ROWS
from tasks.core.monitoring.compared import Compared
from tasks.core.monitoring.statistics.record import Tests

_LEAST_EXPECTED: Final = 10.0
"""Least expected rows of a cell. Cochran's five (1954) are for probabilities of 0.01 to 0.05. After
the correction for all columns 0.0003 counts, which days of 500 random rows reach 1.4 times as often as
they should with five, 1.25 times with ten (simulated on the cells of the synthetic feed)."""


def distribution_tests(day: Compared) -> Tests:
    """Total variation distance between day and reference, 0 to 1; no test of too few values."""
    layout = day.layout
    found, due = day.observed * layout.is_value, day.due * layout.is_value
    rows, reference_rows = layout.sum_by_column(found), layout.sum_by_column(due)
    n, m = np.maximum(rows, 1.0)[layout.column_of], np.maximum(reference_rows, 1.0)[layout.column_of]
    is_small = layout.is_value & ((found + due) * np.minimum(n, m) / (n + m) < _LEAST_EXPECTED)
    statistic = np.where(is_small | ~layout.is_value, 0.0, _terms(found, due, n, m))
    together = layout.sum_by_column(found * is_small), layout.sum_by_column(due * is_small)
    n_column, m_column = np.maximum(rows, 1.0), np.maximum(reference_rows, 1.0)
    least = sum(together) * np.minimum(n_column, m_column) / (n_column + m_column)
    has_rest = least >= _LEAST_EXPECTED
    rest = np.where(has_rest, _terms(*together, n_column, m_column), 0.0)
    total = layout.sum_by_column(statistic) + rest
    freedom = layout.sum_by_column((layout.is_value & ~is_small) * 1.0) + has_rest - 1
    told = day.told * layout.is_value
    told_rows = np.maximum(layout.sum_by_column(told), 1.0)[layout.column_of]
    differences = told / told_rows - due / m
    distance = layout.sum_by_column(np.abs(differences) * layout.is_value) / 2
    values = layout.sum_by_column(day.day.cells * layout.is_value)
    tested = np.flatnonzero((freedom > 0) & (values >= LEAST_ROWS) & (reference_rows > 0))
    p = chi2.sf(total[tested], freedom[tested])
    usual = _usual_distance(
        layout.sum_by_column(np.sqrt(due / m * (1 - due / m)) * layout.is_value), rows, reference_rows
    )

    def sentence(position: int) -> str:
        column = tested[position]
        cells = slice(layout.starts[column], layout.starts[column] + layout.sizes[column])
        most = int(layout.starts[column] + np.argmax(np.abs(differences[cells])))
        share, expected = told[most] / told_rows[most], due[most] / m[most]
        return (
            f"{layout.names[column]} has other values: {share:.1%} of its values are {layout.labels[most]}, "
            f"instead of {expected:.1%}."
        )

    names = tuple(layout.names[column] for column in tested)
    zero = np.zeros(len(tested))
    return Tests(names, p, distance[tested], distance[tested], zero, zero, usual[tested], sentence)


def _terms(found: np.ndarray, due: np.ndarray, n: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Terms of the two-sample chi-square statistic (Press et al., Numerical Recipes, 14.3)."""
    both = found + due
    difference = np.sqrt(m / n) * found - np.sqrt(n / m) * due
    return np.where(both > 0, difference**2 / np.where(both > 0, both, 1.0), 0.0)


def _usual_distance(deviations: np.ndarray, rows: np.ndarray, reference_rows: np.ndarray) -> np.ndarray:
    """Distance that days without drift seldom exceed: twice the mean one.

    The mean of half the sum of absolute normal deviations is sqrt(2 / pi) / 2 times their sum.
    """
    error = np.sqrt(1 / np.maximum(rows, 1.0) + 1 / np.maximum(reference_rows, 1.0))
    return np.asarray(2 * np.sqrt(2 / np.pi) / 2 * deviations * error)
