"""A day beside the reference: observed and expected shares of every cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from tasks.core.disclosure import LEAST_ROWS, rounded_counts
from tasks.core.lender.columns import WEEKDAYS
from tasks.core.monitoring.counts import DayCounts
from tasks.core.monitoring.reference import Frozen, Layout, correlations_of

_Z: Final = 1.959963984540054
"""Normal quantile of a two-sided interval of 95 %."""


@dataclass(frozen=True)
class Compared:
    """Counts of a day, and what the reference makes expect of rows of the same weekdays."""

    frozen: Frozen
    day: DayCounts
    dispersion: np.ndarray
    """Variance between ordinary days over that of random rows, at least 1, shape (columns,).

    The rows of a day count as fewer by this factor (Rao and Scott 1981, first-order correction).
    """
    expected: np.ndarray
    """Share of each cell that is expected, 0 to 1, shape (cells,)."""
    reference_rows: np.ndarray
    """Rows of the reference behind the expected shares, shape (columns,)."""
    score_dispersion: float = 1.0
    """The same of the mean score."""
    thresholds: tuple[float, ...] = ()
    """pd from which an application is not approved, and from which it is refused."""

    @property
    def layout(self) -> Layout:
        """Cells of all columns in one row."""
        return self.frozen.layout

    @cached_property
    def told(self) -> np.ndarray:
        """Rows of each cell as they are published, to the nearest 5, shape (cells,).

        Sizes and figures are made of these; probabilities, which nobody is shown, of exact counts.
        """
        return rounded_counts(self.day.cells)

    @cached_property
    def shares(self) -> np.ndarray:
        """Observed share of each cell as it is published, 0 to 1, shape (cells,)."""
        return np.minimum(self.told / max(1, self.day.rows), 1.0)

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of the day that count, shape (columns,)."""
        return self.day.rows / self.dispersion

    @cached_property
    def scored_rows(self) -> float:
        """Rows of the day that count for the score and the decisions, at least 1."""
        return max(1.0, self.day.rows / self.score_dispersion)

    @cached_property
    def observed(self) -> np.ndarray:
        """Rows of each cell that count, shape (cells,)."""
        return self.day.cells / self.dispersion[self.layout.column_of]

    @cached_property
    def due(self) -> np.ndarray:
        """Rows of the reference in each cell, as expected for the day's weekdays, shape (cells,)."""
        return self.expected * self.reference_rows[self.layout.column_of]

    @cached_property
    def cell_rows(self) -> np.ndarray:
        """Rows of the reference behind the expected share of each cell, shape (cells,).

        A cell that keeps the share of all days rests on the rows of all days: a tail on a Sunday, too.
        """
        of_weekdays = self.reference_rows[self.layout.column_of]
        return np.where(self.expected == _shares_of_all_days(self.frozen), max(1, self.frozen.rows), of_weekdays)

    @cached_property
    def correlations(self) -> np.ndarray:
        """Correlations of the watched pairs on the day, shape (pairs,)."""
        names = list(self.frozen.scores)
        matrix = correlations_of(self.day.moments)
        first = [names.index(pair.first) for pair in self.frozen.pairs]
        second = [names.index(pair.second) for pair in self.frozen.pairs]
        return np.asarray(matrix[first, second])

    @cached_property
    def expected_logit(self) -> tuple[float, float]:
        """Mean logit(pd) that is expected for the day's weekdays, and the rows behind it."""
        score = self.frozen.pd
        mix = {day: share for day, share in zip(WEEKDAYS, _weekday_shares(self.day), strict=True) if share}
        if not mix or not mix.keys() <= score.by_weekday.keys():
            return score.mean, float(score.rows)
        known = [(share, *score.by_weekday[day]) for day, share in mix.items()]
        mean = sum(share * each for share, each, _ in known)
        return mean, 1.0 / sum(share**2 / rows for share, _, rows in known)

    def range_of(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest share of cells that 95 of 100 days without drift have."""
        column = self.layout.column_of[cells]
        expected = self.expected[cells]
        variance = expected * (1 - expected) * (1 / self.rows[column] + 1 / self.reference_rows[column])
        margin = _Z * np.sqrt(variance)
        return np.maximum(expected - margin, 0.0), np.minimum(expected + margin, 1.0)


def compare_counts(
    day: DayCounts,
    frozen: Frozen,
    dispersion: np.ndarray | None = None,
    thresholds: tuple[float, ...] = (),
    *,
    score_dispersion: float = 1.0,
) -> Compared:
    """Hold a day's counts against the reference.

    Args:
        day: at least one row.
        frozen: the reference.
        dispersion: of each column, by `dispersion_of`; None if there are no days before.
        thresholds: those of the day's policy, of referral and of refusal.
        score_dispersion: of the mean score, by `score_dispersion_of`.
    """
    layout = frozen.layout
    expected = _shares_of_all_days(frozen)
    rows = np.full(len(layout.names), float(max(1, frozen.rows)))
    mix = _weekday_shares(day)
    for position, name in enumerate(layout.names):
        if name not in frozen.by_weekday or not mix.any():
            continue
        cells = slice(layout.starts[position], layout.starts[position] + layout.sizes[position])
        by_weekday = np.array([frozen.by_weekday[name][weekday] for weekday in WEEKDAYS], dtype=np.float64)
        like = _like_weekdays(by_weekday, expected[cells], mix)
        if like is not None:
            expected[cells], rows[position] = like
    if dispersion is None:
        dispersion = np.ones(len(layout.names))
    return Compared(frozen, day, dispersion, expected, rows, score_dispersion, thresholds)


def _shares_of_all_days(frozen: Frozen) -> np.ndarray:
    """Share of each cell in the whole reference, 0 to 1, shape (cells,)."""
    layout = frozen.layout
    counts = np.array([rows for name in layout.names for rows in frozen.counts[name]], dtype=np.float64)
    totals = np.maximum(layout.sum_by_column(counts), 1.0)
    return counts / totals[layout.column_of]


def _like_weekdays(by_weekday: np.ndarray, overall: np.ndarray, mix: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Expected shares of a column for a mix of weekdays, and the rows behind them.

    Every column is compared with its own weekdays. A test of which columns differ by weekday would
    miss what few Sundays show, and cry wolf on each of them; so would shares that are drawn to those
    of all days. Cells with so few rows a weekday that rounding would tell more than the rows keep the
    share of all days. None if the reference has too few rows of a weekday of the day.
    """
    used = mix > 0
    in_weekday = by_weekday.sum(axis=1)
    if (in_weekday[used] < LEAST_ROWS).any():
        return None
    due = overall * in_weekday[used, None]
    is_rare = np.maximum(by_weekday[used], due).max(axis=0) < LEAST_ROWS
    shares = by_weekday / np.maximum(in_weekday, 1.0)[:, None]
    shares[:, is_rare] = overall[is_rare]
    common = shares[:, ~is_rare].sum(axis=1, keepdims=True)
    shares[:, ~is_rare] *= (1.0 - overall[is_rare].sum()) / np.where(common > 0, common, 1.0)
    return mix @ shares, 1.0 / float((mix[used] ** 2 / in_weekday[used]).sum())


def _weekday_shares(day: DayCounts) -> np.ndarray:
    """Share of each weekday among the rows that have one, shape (7,); zeros if none has."""
    return np.asarray(day.weekdays / max(1, int(day.weekdays.sum())))
