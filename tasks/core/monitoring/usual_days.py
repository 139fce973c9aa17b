"""Variation between ordinary days, from the metrics of the days before.

Days differ without any drift, by more than random rows of one population would. A day is judged
against that variation where there are enough days before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import logit
from scipy.stats import chi2

from tasks.core.disclosure import LEAST_ROWS
from tasks.core.monitoring.metrics import EXPECTED, SHARE, TYPICAL_PD
from tasks.core.monitoring.reference import Frozen, Layout

_LEAST_DAYS: Final = 7
"""Days under which the variation between days is not estimated."""
_SHORT_DAY: Final = 0.25
"""Part of the median rows of the days before under which a day is too short to tell how days vary. The
project's own choice: on weekends there are about half the applications."""
_MOST_UNTOLD: Final = 0.5
"""Part of the days, 0 to 1, up to which a cell may have too few rows to be told."""
_LEAST_DUE: Final = 5.0
"""Expected rows of a cell under which its share tells nothing (Cochran 1954)."""


def dispersion_of(days: Sequence[pa.Table], frozen: Frozen) -> np.ndarray:
    """Variance between days over that of random rows, at least 1, shape (columns,).

    Each day's shares, less the expected ones, are compared with their median over the days by a
    chi-square statistic. The median over the days, over the median of chi-square, is the factor
    (a first-order correction, Rao and Scott 1981). Medians, because a few days of real drift among
    those before must not hide the next one. A share that is not told, of 1 to 19 rows, counts as the
    one of these that is nearest to the expected share.

    Args:
        days: metrics of the days before, of one model.
        frozen: the reference of that model.
    """
    layout = frozen.layout
    days = _of_usual_size(days)
    if len(days) < _LEAST_DAYS:
        return np.ones(len(layout.names))
    shares = np.array([cells_of(day, SHARE, layout) for day in days])
    expected = np.array([cells_of(day, EXPECTED, layout) for day in days])
    rows = np.array([rows_of_metrics(day) for day in days], dtype=np.float64)
    due = np.nanmean(np.where(np.isnan(expected), 0.0, expected), axis=0)
    is_told = (np.isnan(shares).mean(axis=0) <= _MOST_UNTOLD) & ~np.isnan(expected).any(axis=0)
    is_told &= due * rows.min() >= _LEAST_DUE
    nearest = np.clip(expected, 1 / rows[:, None], (LEAST_ROWS - 1) / rows[:, None])
    change = np.where(is_told, np.where(np.isnan(shares), nearest, shares) - expected, 0.0)
    change -= np.median(change, axis=0)
    terms = rows[:, None] * change**2 / np.where(is_told, due, 1.0)
    statistics = np.array([layout.sum_by_column(day) for day in terms]) * len(days) / (len(days) - 1)
    freedom = layout.sum_by_column(is_told * 1.0) - 1
    usual = chi2.ppf(0.5, np.maximum(freedom, 1))
    factor = np.median(statistics, axis=0) / usual
    return np.where(freedom >= 1, np.maximum(factor, 1.0), 1.0)


def score_dispersion_of(days: Sequence[pa.Table], frozen: Frozen) -> float:
    """Variance of the mean score between days over that of random rows, at least 1.

    The median of the squared deviations from the median over days, over the median of chi-square.
    """
    told = [row for day in days for row in day.filter(pc.equal(day.column("metric"), TYPICAL_PD)).to_pylist()]
    if len(told) < _LEAST_DAYS or not frozen.pd.sd:
        return 1.0
    found, low, high = (logit([row[name] for row in told]) for name in ("value", "low", "high"))
    change = found - (low + high) / 2
    rows = np.array([row["n"] for row in told])
    squares = rows * ((change - np.median(change)) / frozen.pd.sd) ** 2 * len(told) / (len(told) - 1)
    return max(1.0, float(np.median(squares) / chi2.ppf(0.5, 1)))


def recent_reference(days: Sequence[pa.Table], frozen: Frozen) -> Frozen:
    """The reference with the shares of the days before in place of those of training.

    Correlations and the spread of the score stay those of training. Cells that a day does not tell
    have the expected share.
    """
    layout = frozen.layout
    rows = np.array([rows_of_metrics(day) for day in days], dtype=np.float64)
    shares = np.array([cells_of(day, SHARE, layout) for day in days])
    expected = np.array([cells_of(day, EXPECTED, layout) for day in days])
    told = np.where(np.isnan(shares), np.where(np.isnan(expected), 0.0, expected), shares)
    counts = np.round(rows @ told).astype(int).tolist()
    by_column = {
        name: tuple(counts[start : start + size])
        for name, start, size in zip(layout.names, layout.starts.tolist(), layout.sizes.tolist(), strict=True)
    }
    return replace(frozen, rows=int(rows.sum()), counts=by_column, by_weekday={})


def _of_usual_size(days: Sequence[pa.Table]) -> list[pa.Table]:
    """The days but for short ones: so few rows tell no share of a cell, and would silence the others."""
    rows = [rows_of_metrics(day) for day in days]
    least = max(1.0, _SHORT_DAY * float(np.median(rows))) if rows else 1.0
    return [day for day, count in zip(days, rows, strict=True) if count >= least]


def rows_of_metrics(day: pa.Table) -> int:
    """Rows of the day that the metrics are about."""
    of_day = day.filter(pc.equal(day.column("metric"), "rows"))
    return int(of_day.column("n")[0].as_py()) if of_day.num_rows else 0


def cells_of(day: pa.Table, metric: str, layout: Layout) -> np.ndarray:
    """A metric of each cell of the layout, NaN where the day does not tell it, shape (cells,)."""
    found = day.filter(pc.equal(day.column("metric"), metric))
    start_of = dict(zip(layout.names, layout.starts.tolist(), strict=True))
    size_of = dict(zip(layout.names, layout.sizes.tolist(), strict=True))
    cells = np.full(len(layout.roles), np.nan)
    columns, slices, values = (found.column(name).to_pylist() for name in ("column", "slice", "value"))
    for column, slice_, value in zip(columns, slices, values, strict=True):
        number = int(slice_.removeprefix("cell="))
        if value is not None and number < size_of.get(column, 0):
            cells[start_of[column] + number] = value
    return cells
