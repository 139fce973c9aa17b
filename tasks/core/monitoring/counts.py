"""Counts of a day by cell. Parts of a day, and days of a window, add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.core.decision.policy import DECISIONS
from tasks.core.lender.amounts import CREDIT
from tasks.core.monitoring.reference import Frozen, MomentSums, logits_of, score_matrix, weekday_mix


@dataclass(frozen=True, slots=True)
class DayCounts:
    """Sums over decided applications, from which all statistics of a day follow."""

    rows: int
    cells: np.ndarray
    """Rows of each cell of the reference's layout, int64, shape (cells,)."""
    weekdays: np.ndarray
    """Rows of each weekday, Monday first, int64, shape (7,)."""
    moments: MomentSums
    """Sums of the scores of the columns that are correlated."""
    logit_sum: float
    """Sum of logit(pd)."""
    pd_sum: float
    decisions: np.ndarray
    """Rows of each of `DECISIONS`, int64, shape (3,)."""
    credits: np.ndarray
    """Sum of the credit asked for under each of `DECISIONS`, in currency units, float64, shape (3,)."""

    @classmethod
    def none(cls, frozen: Frozen) -> DayCounts:
        """Counts of no application."""
        scored = len(frozen.scores)
        return cls(
            0,
            np.zeros(len(frozen.layout.roles), dtype=np.int64),
            np.zeros(7, dtype=np.int64),
            MomentSums(0, np.zeros(scored), np.zeros((scored, scored))),
            0.0,
            0.0,
            np.zeros(len(DECISIONS), dtype=np.int64),
            np.zeros(len(DECISIONS)),
        )

    def __add__(self, other: DayCounts) -> DayCounts:
        """Counts of both parts together."""
        return DayCounts(
            self.rows + other.rows,
            self.cells + other.cells,
            self.weekdays + other.weekdays,
            MomentSums(
                self.moments.rows + other.moments.rows,
                self.moments.sums + other.moments.sums,
                self.moments.products + other.moments.products,
            ),
            self.logit_sum + other.logit_sum,
            self.pd_sum + other.pd_sum,
            self.decisions + other.decisions,
            self.credits + other.credits,
        )


def count_rows(rows: pa.Table, pd: np.ndarray, decisions: np.ndarray, frozen: Frozen) -> DayCounts:
    """Count decided applications.

    Args:
        rows: their typed rows.
        pd: float64 in [0, 1], shape (rows,).
        decisions: position of each decision in `DECISIONS`, shape (rows,).
        frozen: what they are compared with, which sets the cells. All values of a column of it that
            the rows do not have are missing.
    """
    counted: list[np.ndarray] = []
    scored: dict[str, np.ndarray] = {}
    for column in frozen.columns:
        codes = np.zeros(rows.num_rows, dtype=np.intp)
        if column.name in rows.column_names:
            codes = column.codes_of(rows.column(column.name))
        counted.append(np.bincount(codes, minlength=len(column.roles)))
        if column.name in frozen.scores:
            scored[column.name] = codes.astype(np.int16)
    in_order = {name: scored[name] for name in frozen.scores}
    return DayCounts(
        rows.num_rows,
        np.concatenate(counted),
        weekday_mix(rows),
        MomentSums.of(score_matrix(in_order, frozen.scores, rows=rows.num_rows)),
        float(logits_of(pd).sum()),
        float(pd.sum()),
        np.bincount(decisions, minlength=len(DECISIONS)),
        np.bincount(decisions, weights=_credits(rows), minlength=len(DECISIONS)),
    )


def _credits(rows: pa.Table) -> np.ndarray:
    """Credit that each application asks for, in currency units; 0 where the rows do not tell it."""
    if CREDIT not in rows.column_names:
        return np.zeros(rows.num_rows)
    return rows.column(CREDIT).fill_null(0.0).to_numpy()
