"""Reference of monitoring: what a day is compared with, frozen with the model.

It holds counts of the training rows by cell, and no applicant's value (`tasks/core/disclosure.py`).
Ordinary weekdays differ: on Sundays fewer applicants own their home. So there are counts by weekday,
too, and a day is compared with rows of its own weekdays (`compared.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import logit, ndtri

from tasks.core.disclosure import LEAST_ROWS_BEYOND, inner_quantiles, is_enough_for_mean, rounded_counts
from tasks.core.lender.columns import CALENDAR, NUMBERS, TEXTS, WEEKDAY, WEEKDAYS
from tasks.core.monitoring.cells import ColumnCells, Role, cut_cells

PD: Final = "pd"
WATCHED: Final = tuple(name for name in (*NUMBERS, *TEXTS) if name not in CALENDAR)
"""Columns that are compared. Those of the calendar say which day it is, not who applied."""
_LARGEST_ATOM: Final = 0.9
"""Share of the commonest cell from which a column has too little variation to correlate."""
_LEAST_CORRELATION: Final = 0.1
"""Correlation under which a pair is not watched. Over all pairs there were 16 to 26 % false alarms
on random days of real rows (docs/monitoring.md)."""
_PD_POINTS: Final = tuple(step / 200 for step in range(1, 200))
"""Probabilities of the frozen quantiles of pd, from which the mix of decisions follows."""
_DIGITS: Final = 4
_ROUNDING: Final = 1e-5
"""Part of a mean square under which a variance may be the rounding of sums of float32 alone."""


class ScoreStatistics(NamedTuple):
    """Mean and standard deviation of logit(pd) of out-of-fold predictions."""

    mean: float
    sd: float
    rows: int
    by_weekday: Mapping[str, tuple[float, int]]
    """Weekday to mean and rows; only weekdays of enough rows."""
    quantiles: tuple[float, ...]
    """pd at the probabilities of `_PD_POINTS`; empty if the rows are too few."""

    def share_from(self, cutoff: float) -> float | None:
        """Share of rows with a pd of at least `cutoff`, above 0 and below 1; None if the rows were too few.

        Beyond the outer quantiles it is the middle of what is possible there. Of few rows these lie
        far from the ends (`tasks/core/disclosure.py`), and nothing is known beyond them.
        """
        if not self.quantiles:
            return None
        is_beyond = not self.quantiles[0] <= cutoff <= self.quantiles[-1]
        if is_beyond and self.rows * _PD_POINTS[0] < LEAST_ROWS_BEYOND:
            return None
        beyond = _PD_POINTS[0] / 2
        below = np.interp(cutoff, self.quantiles, _PD_POINTS, left=beyond, right=1.0 - beyond)
        return float(1.0 - below)


class Pair(NamedTuple):
    """Two columns that go together in the reference."""

    first: str
    second: str
    correlation: float
    """Correlation of the cells' scores."""
    spread: float
    """Standard deviation of a correlation, times the root of the rows it is made of."""


@dataclass(frozen=True)
class Frozen:
    """Statistics of the reference, frozen with the model."""

    rows: int
    columns: tuple[ColumnCells, ...]
    counts: Mapping[str, tuple[int, ...]]
    """Column to rows by cell, to the nearest 5: the whole is known, and a small rest could be had."""
    by_weekday: Mapping[str, Mapping[str, tuple[int, ...]]]
    """Column to weekday, to rows by cell, to the nearest 5; empty if no row has a weekday."""
    scores: Mapping[str, tuple[float, ...]]
    """Column whose correlations are watched, to the score of each of its cells."""
    pairs: tuple[Pair, ...]
    pd: ScoreStatistics
    weights: Mapping[str, float]
    """Column to its share, 0 to 1, of the loss reduction of the model; 0 if it is no input."""

    @cached_property
    def layout(self) -> Layout:
        """Cells of all columns in one row."""
        return Layout.of(self.columns)

    def to_json(self) -> dict[str, Any]:
        """Plain values for the bundle."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Frozen:
        """Statistics from the bundle's values."""
        columns = tuple(
            ColumnCells(
                each["name"],
                tuple(each["edges"]),
                tuple(each["tails"]) if each["tails"] else None,
                None if each["listed"] is None else tuple(each["listed"]),
                each["sentinel"],
            )
            for each in content["columns"]
        )
        by_weekday = {
            name: {weekday: tuple(counts) for weekday, counts in days.items()}
            for name, days in content["by_weekday"].items()
        }
        mean, sd, rows, days, quantiles = content["pd"]
        return cls(
            content["rows"],
            columns,
            {name: tuple(counts) for name, counts in content["counts"].items()},
            by_weekday,
            {name: tuple(scores) for name, scores in content["scores"].items()},
            tuple(Pair(*pair) for pair in content["pairs"]),
            ScoreStatistics(mean, sd, rows, {day: (each[0], each[1]) for day, each in days.items()}, tuple(quantiles)),
            content["weights"],
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """Cells of all columns, one behind the other."""

    names: tuple[str, ...]
    starts: np.ndarray
    """First cell of each column, intp, shape (columns,)."""
    sizes: np.ndarray
    """Number of cells of each column, intp, shape (columns,)."""
    column_of: np.ndarray
    """Position of the column of each cell, intp, shape (cells,)."""
    roles: np.ndarray
    """Role of each cell, text, shape (cells,)."""
    labels: tuple[str, ...]

    @classmethod
    def of(cls, columns: Sequence[ColumnCells]) -> Layout:
        """Lay out the cells of the columns."""
        sizes = np.array([len(column.roles) for column in columns], dtype=np.intp)
        return cls(
            tuple(column.name for column in columns),
            np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.intp),
            sizes,
            np.repeat(np.arange(len(columns)), sizes),
            np.array([str(role) for column in columns for role in column.roles]),
            tuple(label for column in columns for label in column.labels),
        )

    @property
    def is_value(self) -> np.ndarray:
        """Mask of the cells that hold values, shape (cells,)."""
        return np.asarray(~np.isin(self.roles, (Role.MISSING, Role.SENTINEL)))

    def sum_by_column(self, cells: np.ndarray) -> np.ndarray:
        """Sum over the cells of each column, shape (columns,)."""
        return np.bincount(self.column_of, weights=cells, minlength=len(self.names))


def freeze_reference(
    rows: pa.Table,
    pd: np.ndarray,
    weights: Mapping[str, float] | None = None,
) -> Frozen:
    """Freeze what later days are compared with.

    Args:
        rows: typed training rows.
        pd: out-of-fold pd of each row, float64 in [0, 1], shape (rows,). Predictions of rows that
            the model learned from would look better than those of any later day.
        weights: column to its share of the model's loss reduction.
    """
    columns = tuple(cut_cells(name, rows.column(name)) for name in WATCHED if name in rows.column_names)
    codes = {column.name: column.codes_of(rows.column(column.name)) for column in columns}
    counts = {
        column.name: rounded_counts(np.bincount(codes[column.name], minlength=len(column.roles))).astype(int)
        for column in columns
    }
    weekdays = _weekday_numbers(rows)
    by_weekday = {
        column.name: _weekday_counts(codes[column.name], weekdays, len(column.roles))
        for column in columns
        if (weekdays >= 0).any()
    }
    logits = logits_of(pd)
    scores = {
        name: _risk_scores(codes[name], logits, len(cells)) if name in TEXTS else _normal_scores(cells)
        for name, cells in counts.items()
        if 0 < cells.max() < _LARGEST_ATOM * rows.num_rows
    }
    return Frozen(
        rows=rows.num_rows,
        columns=columns,
        counts={name: tuple(cells.tolist()) for name, cells in counts.items()},
        by_weekday=by_weekday,
        scores=scores,
        pairs=_strong_pairs(codes, scores),
        pd=_score_statistics(pd, weekdays),
        weights={name: (weights or {}).get(name, 0.0) for name in WATCHED},
    )


def _weekday_numbers(rows: pa.Table) -> np.ndarray:
    """Number of each row's weekday, 0 to 6; -1 if it has none, shape (rows,)."""
    positions = pc.index_in(rows.column(WEEKDAY), value_set=pa.array(WEEKDAYS))
    return np.asarray(positions.fill_null(-1).to_numpy())


def weekday_mix(rows: pa.Table) -> np.ndarray:
    """Rows of each weekday, Monday first, shape (7,)."""
    numbers = _weekday_numbers(rows)
    return np.bincount(numbers[numbers >= 0], minlength=len(WEEKDAYS))


def _weekday_counts(codes: np.ndarray, weekdays: np.ndarray, cells: int) -> dict[str, tuple[int, ...]]:
    """Rows of each cell by weekday, to the nearest 5."""
    known = weekdays >= 0
    joint = codes[known] + cells * weekdays[known]
    table = np.bincount(joint, minlength=cells * len(WEEKDAYS)).reshape(len(WEEKDAYS), cells)
    published = rounded_counts(table).astype(int).tolist()
    return {day: tuple(counts) for day, counts in zip(WEEKDAYS, published, strict=True)}


def _normal_scores(counts: np.ndarray) -> tuple[float, ...]:
    """Score of each cell of a number: the normal quantile of its middle rank; 0 without a value.

    From published counts, for a count could be had from its score.
    """
    values = counts[2:]
    total = max(1, int(values.sum()))
    middle = (np.cumsum(values) - values / 2) / total
    scores = ndtri(np.clip(middle, 1 / (2 * total), 1 - 1 / (2 * total)))
    return (0.0, 0.0, *(round(score, _DIGITS) for score in scores.tolist()))


def _risk_scores(codes: np.ndarray, logits: np.ndarray, cells: int) -> tuple[float, ...]:
    """Score of each cell of a text: its mean log-odds beyond the mean of all; 0 for too few rows."""
    rows = np.bincount(codes, minlength=cells)
    sums = np.bincount(codes, weights=logits - logits.mean(), minlength=cells)
    is_known = [is_enough_for_mean(each) for each in rows.tolist()]
    means = np.where(is_known, sums / np.maximum(rows, 1), 0.0)
    return tuple(round(mean, _DIGITS) for mean in means.tolist())


def _strong_pairs(
    codes: Mapping[str, np.ndarray],
    scores: Mapping[str, Sequence[float]],
) -> tuple[Pair, ...]:
    """Pairs of columns whose scores are correlated in the reference."""
    names = tuple(scores)
    if not names:
        return ()
    matrix = score_matrix(codes, scores, rows=len(codes[names[0]]))
    correlations = correlations_of(MomentSums.of(matrix))
    spreads = _spreads_of(matrix, correlations)
    strong = np.argwhere(np.triu(np.abs(correlations) >= _LEAST_CORRELATION, k=1)).tolist()
    return tuple(
        Pair(
            names[first],
            names[second],
            round(float(correlations[first, second]), _DIGITS),
            round(float(spreads[first, second]), _DIGITS),
        )
        for first, second in strong
    )


def _spreads_of(matrix: np.ndarray, correlations: np.ndarray) -> np.ndarray:
    """Standard deviation of each correlation times the root of the rows, shape (columns, columns).

    For any distribution (Steiger and Browne 1984, "The comparison of interdependent correlations",
    with standardised s and t): the deviation of `s t - r (s^2 + t^2) / 2`. Columns that are mostly
    missing vary more than Fisher's formula for normal ones says.
    """
    centred = matrix - matrix.mean(axis=1, keepdims=True)
    sd = centred.std(axis=1, keepdims=True)
    standard = centred / np.where(sd > 0, sd, 1.0)
    squares = standard**2
    rows = matrix.shape[1]
    of_squares = (squares @ squares.T).astype(np.float64) / rows
    of_cubes = ((squares * standard) @ standard.T).astype(np.float64) / rows
    fourth = np.diag(of_squares)
    mixed = of_cubes + of_cubes.T
    sums = fourth[:, None] + fourth[None, :] + 2 * of_squares
    variance = of_squares - correlations * mixed + correlations**2 / 4 * sums
    return np.sqrt(np.maximum(variance, 0.0))


def score_matrix(
    codes: Mapping[str, np.ndarray],
    scores: Mapping[str, Sequence[float]],
    *,
    rows: int,
) -> np.ndarray:
    """Scores of the rows, float32, shape (columns of `scores`, rows)."""
    matrix = np.empty((len(scores), rows), dtype=np.float32)
    for position, (name, table) in enumerate(scores.items()):
        matrix[position] = np.array(table, dtype=np.float32)[codes[name]]
    return matrix


class MomentSums(NamedTuple):
    """Sums from which correlations follow; those of two parts of a day add up."""

    rows: int
    sums: np.ndarray
    """Sum of each column, shape (columns,)."""
    products: np.ndarray
    """Sum of the products of two columns, shape (columns, columns)."""

    @classmethod
    def of(cls, matrix: np.ndarray) -> MomentSums:
        """Sums of a matrix, shape (columns, rows)."""
        return cls(
            matrix.shape[1],
            matrix.sum(axis=1, dtype=np.float64),
            (matrix @ matrix.T).astype(np.float64),
        )


def correlations_of(moments: MomentSums) -> np.ndarray:
    """Correlation of each two columns, shape (columns, columns); 0 where one is constant."""
    rows = max(1, moments.rows)
    means = moments.sums / rows
    covariance = moments.products / rows - np.outer(means, means)
    squares = np.diag(moments.products) / rows
    is_constant = np.diag(covariance) <= _ROUNDING * squares
    sd = np.sqrt(np.where(is_constant, 1.0, np.diag(covariance)))
    varies = np.outer(~is_constant, ~is_constant)
    return np.where(varies, covariance / np.outer(sd, sd), 0.0)


def _score_statistics(pd: np.ndarray, weekdays: np.ndarray) -> ScoreStatistics:
    logits = logits_of(pd)
    by_weekday = {}
    for number, day in enumerate(WEEKDAYS):
        own = logits[weekdays == number]
        if is_enough_for_mean(len(own)):
            by_weekday[day] = (round(float(own.mean()), _DIGITS), len(own))
    is_enough = is_enough_for_mean(len(logits))
    return ScoreStatistics(
        round(float(logits.mean()), _DIGITS) if is_enough else 0.0,
        round(float(logits.std()), _DIGITS) if is_enough else 0.0,
        len(logits),
        by_weekday,
        tuple(inner_quantiles(pd, _PD_POINTS)),
    )


_SMALLEST_PD: Final = 1e-6


def logits_of(pd: np.ndarray) -> np.ndarray:
    """Log-odds of pd, kept finite: pd is clipped to 1e-6 from both ends; shape (rows,)."""
    return np.asarray(logit(np.clip(pd, _SMALLEST_PD, 1 - _SMALLEST_PD)))
