"""Population stability index of a column, less what days without drift have at this size."""

from __future__ import annotations

import numpy as np

from tasks.core.monitoring.compared import Compared

_PRIOR: float = 0.5
"""Rows added to each cell, so that an empty one has a logarithm (Jeffreys)."""


def stability_indices(day: Compared) -> np.ndarray:
    """PSI of each column over all its cells, less its mean without drift, shape (columns,).

    PSI is the sum of (q - p) ln(q / p) over cells (Siddiqi 2006). Without drift its mean is about
    (cells - 1) (1 / n + 1 / m) (Yurdakul and Naranjo 2020, "Statistical properties of the
    population stability index"). Cells that neither side has do not count. May be below 0.
    """
    layout = day.layout
    is_used = (day.day.cells > 0) | (day.due > 0)
    used = layout.sum_by_column(is_used * 1.0)
    rows = day.rows[layout.column_of]
    reference_rows = day.reference_rows[layout.column_of]
    prior = _PRIOR * used[layout.column_of]
    found = (day.told / day.dispersion[layout.column_of] + _PRIOR) / (rows + prior)
    due = (day.due + _PRIOR) / (reference_rows + prior)
    terms = np.where(is_used, (found - due) * np.log(found / due), 0.0)
    usual = np.maximum(used - 1, 0) * (1 / np.maximum(day.rows, 1.0) + 1 / day.reference_rows)
    return np.asarray(layout.sum_by_column(terms) - usual)
