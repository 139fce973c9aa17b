"""Populations, days and verdicts of the study of drift (`benchmarks/studies/drift.py`).

A population is a model's reference and other rows of the same kind, from which days are drawn. A
day is put together from blocks of its population, drawn without replacement: each day, taken alone,
is distributed as rows that were drawn anew. Days of one population share its reference and some
rows, so they are alike; therefore there are many populations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from configs.monitoring import load_thresholds
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.lender.columns import WEEKDAY, WEEKDAYS
from tasks.core.monitoring.compared import Compared, compare_counts
from tasks.core.monitoring.counts import DayCounts, count_rows
from tasks.core.monitoring.reference import Frozen, freeze_reference
from tasks.core.monitoring.thresholds import Thresholds
from tasks.core.monitoring.verdict import DayVerdict, judge
from tasks.feed.generate import load_statistics

BLOCK_ROWS: Final = 500
"""Rows of a block; those of every day are a multiple of it."""
CUTOFFS: Final = (0.07, 1 / 11)
"""pd from which an application is referred, and refused: 1/11 is the cut-off at costs of 10 to 1."""
_THRESHOLDS: Final = "configs/monitoring.yaml"
_MONDAY: Final = date(2026, 11, 2)
_LARGEST_SEED: Final = 10_000
"""Seeds of the synthetic rows of one population lie so far apart."""


class Term(NamedTuple):
    """Term of the score: slope times the distance from the middle, kept within the limits."""

    column: str
    slope: float
    middle: float
    limits: tuple[float, float]


_BASE: Final = -2.74
"""Log-odds of an applicant in the middle of everything, so that the mean pd is about 8 %."""
_TERMS: Final = (
    Term("EXT_SOURCE_1", -1.6, 0.50, (0.0, 1.0)),
    Term("EXT_SOURCE_2", -2.0, 0.51, (0.0, 1.0)),
    Term("EXT_SOURCE_3", -2.8, 0.51, (0.0, 1.0)),
    Term("DAYS_BIRTH", 4e-5, -16_000.0, (-26_000.0, -7_000.0)),
)
_PAYMENT: Final = Term("AMT_ANNUITY", 8.0, 0.053, (0.02, 0.15))
"""Term of the yearly payment as a share of the loan."""
WEIGHTS: Final[Mapping[str, float]] = {
    "EXT_SOURCE_1": 0.1, "EXT_SOURCE_2": 0.25, "EXT_SOURCE_3": 0.35, "DAYS_BIRTH": 0.1,
    "AMT_ANNUITY": 0.1, "AMT_CREDIT": 0.1,
}  # fmt: skip
"""Shares of the columns in the score; others have none."""


def study_pd(rows: pa.Table) -> np.ndarray:
    """Probability of default of each row, shape (rows,): a fixed logistic function of six strong columns.

    Nothing in it was fitted to the rows at hand. So a reference's own pd are as honest as those of
    a day, as out-of-fold predictions are. A missing value counts as one in the middle.
    """
    odds = np.full(rows.num_rows, _BASE)
    for term in _TERMS:
        odds += _part(term, _numbers(rows, term.column))
    loan = _numbers(rows, "AMT_CREDIT")
    payment = _numbers(rows, _PAYMENT.column)
    odds += _part(_PAYMENT, payment / np.where(loan > 0, loan, np.nan))
    return np.asarray(expit(odds))


def _part(term: Term, numbers: np.ndarray) -> np.ndarray:
    return np.nan_to_num(term.slope * (np.clip(numbers, *term.limits) - term.middle))


def _numbers(rows: pa.Table, name: str) -> np.ndarray:
    return np.asarray(rows.column(name).to_numpy())


@dataclass(frozen=True)
class Population:
    """A model's reference, and other rows of the same kind."""

    number: int
    reference: pa.Table
    frozen: Frozen
    rows: pa.Table
    """Rows of all weekdays, in random order."""
    by_weekday: Mapping[str, pa.Table]
    """Weekday to its rows, in random order."""


def synthetic_population(
    number: int,
    *,
    reference_rows: int,
    rows: int,
    weekday_rows: int,
) -> Population:
    """Synthetic applications: a reference, rows like it, and rows of each weekday."""
    seed = number * _LARGEST_SEED
    statistics = load_statistics()
    reference, others = (
        synthesize_applications(statistics, rows=size, seed=seed + place, as_of=_MONDAY, history=True)
        for place, size in enumerate((reference_rows, rows))
    )
    by_weekday = {
        weekday: synthesize_applications(
            statistics, rows=weekday_rows, seed=seed + 2, as_of=_MONDAY + timedelta(days=place)
        )
        for place, weekday in enumerate(WEEKDAYS)
    }
    return Population(number, reference, frozen_of(reference), others, by_weekday)


def halved_population(number: int, table: pa.Table) -> Population:
    """A random half of the rows as reference, the other half as rows to draw days from."""
    order = np.random.default_rng(number).permutation(table.num_rows)
    middle = table.num_rows // 2
    reference, others = table.take(order[:middle]), table.take(order[middle:])
    by_weekday = {day: others.filter(pc.equal(others.column(WEEKDAY), day)) for day in WEEKDAYS}
    return Population(number, reference, frozen_of(reference), others, by_weekday)


def frozen_of(rows: pa.Table) -> Frozen:
    """Statistics of the rows, frozen with the study's score."""
    return freeze_reference(rows, study_pd(rows), WEIGHTS)


def count_applications(rows: pa.Table, frozen: Frozen, *, pd_factor: float = 1.0) -> DayCounts:
    """Counts of applications that the study's score decided, pd times a factor."""
    pd = np.minimum(study_pd(rows) * pd_factor, 1.0)
    return count_rows(rows, pd, np.digitize(pd, CUTOFFS), frozen)


def count_blocks(rows: pa.Table, frozen: Frozen) -> list[DayCounts]:
    """Counts of each block of rows; what is left of the last one is not counted."""
    starts = range(0, rows.num_rows - BLOCK_ROWS + 1, BLOCK_ROWS)
    return [count_applications(rows.slice(start, BLOCK_ROWS), frozen) for start in starts]


def drawn_day(blocks: Sequence[DayCounts], rows: int, random: np.random.Generator) -> DayCounts:
    """A day of so many rows: blocks drawn without replacement, added up."""
    first, *others = random.permutation(len(blocks))[: rows // BLOCK_ROWS].tolist()
    day = blocks[first]
    for other in others:
        day += blocks[other]
    return day


@cache
def thresholds() -> Thresholds:
    """Reviewed thresholds of the project."""
    return Thresholds.of(load_thresholds(_THRESHOLDS).model_dump())


class Between(NamedTuple):
    """Variance between the days before, over that of random rows."""

    of_columns: np.ndarray | None = None
    of_score: float = 1.0


NO_DAYS_BEFORE: Final = Between()


def compared_day(day: DayCounts, frozen: Frozen, between: Between = NO_DAYS_BEFORE) -> Compared:
    """A day held against the reference."""
    return compare_counts(day, frozen, between.of_columns, CUTOFFS, score_dispersion=between.of_score)


def judged_day(
    day: DayCounts,
    frozen: Frozen,
    between: Between = NO_DAYS_BEFORE,
    watched_before: Collection[tuple[str, str]] = (),
) -> DayVerdict:
    """Verdict on a day, with the thresholds of the project."""
    return judge(compared_day(day, frozen, between), thresholds(), watched_before=watched_before)
