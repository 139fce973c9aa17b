"""False alarms of the judge: days of random rows, and ordinary weeks (`benchmarks/studies/drift.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.stats import beta

from benchmarks.studies.drift_days import (
    NO_DAYS_BEFORE,
    Between,
    Population,
    compared_day,
    count_blocks,
    drawn_day,
    judged_day,
    thresholds,
)
from tasks.core.lender.columns import WEEKDAYS
from tasks.core.monitoring.counts import DayCounts
from tasks.core.monitoring.day_metrics import day_metrics
from tasks.core.monitoring.metrics import metrics_table
from tasks.core.monitoring.reference import Frozen
from tasks.core.monitoring.usual_days import dispersion_of, score_dispersion_of
from tasks.core.monitoring.verdict import DayVerdict, judge

RANDOM: Final = "random rows"
WEEKS_BEFORE: Final = 4
"""Weeks of history: 28 days."""
_ANY_DAY: Final = date(2026, 11, 2)
_CONFIDENCE: Final = 0.95


class QuietDay(NamedTuple):
    """Verdict on a day without drift."""

    kind: str
    """`RANDOM`, or the weekday."""
    rows: int
    has_history: bool
    population: int
    level: str
    found: tuple[tuple[str, str], ...]
    """Column and statistic of the findings."""

    @property
    def is_watched(self) -> bool:
        """True if there is a finding: the verdict is `watch` or `alert`."""
        return bool(self.found)


def random_days(
    population: Population,
    sizes: Sequence[int],
    days: int,
) -> Iterator[QuietDay]:
    """Days of random rows, as they follow each other: a finding that comes again alerts."""
    blocks = count_blocks(population.rows, population.frozen)
    for rows in sizes:
        random = np.random.default_rng((population.number, rows))
        drawn = [(RANDOM, drawn_day(blocks, rows, random)) for _ in range(days)]
        yield from _judged_in_turn(drawn, population)


def ordinary_weeks(population: Population, rows: int, weeks: int) -> Iterator[QuietDay]:
    """Weeks of days of one weekday each, without and with the four weeks before them."""
    drawn = list(week_days(population, rows, WEEKS_BEFORE + weeks))
    before = drawn[: WEEKS_BEFORE * len(WEEKDAYS)]
    after = drawn[len(before) :]
    yield from _judged_in_turn(after, population)
    between = between_days([day for _, day in before], population.frozen)
    yield from _judged_in_turn(after, population, between)


def week_days(population: Population, rows: int, weeks: int) -> Iterator[tuple[str, DayCounts]]:
    """Days from Monday to Sunday, week by week; a weekday of too few rows is left out."""
    blocks = {day: count_blocks(table, population.frozen) for day, table in population.by_weekday.items()}
    random = np.random.default_rng((population.number, rows, weeks))
    for _ in range(weeks):
        for weekday, of_day in blocks.items():
            if sum(block.rows for block in of_day) >= rows:
                yield weekday, drawn_day(of_day, rows, random)


def between_days(days: Sequence[DayCounts], frozen: Frozen) -> Between:
    """Variance between days, from the tables that monitoring writes of them."""
    tables = [_metrics_of(day, frozen) for day in days]
    return Between(dispersion_of(tables, frozen), score_dispersion_of(tables, frozen))


def _metrics_of(day: DayCounts, frozen: Frozen) -> pa.Table:
    compared = compared_day(day, frozen)
    metrics = day_metrics(compared, judge(compared, thresholds()))
    return metrics_table(metrics, as_of=_ANY_DAY, revision=1, model_version="1")


def _judged_in_turn(
    days: Sequence[tuple[str, DayCounts]],
    population: Population,
    between: Between = NO_DAYS_BEFORE,
) -> Iterator[QuietDay]:
    """Verdicts on days that follow each other."""
    before: frozenset[tuple[str, str]] = frozenset()
    for kind, day in days:
        verdict = judged_day(day, population.frozen, between, before)
        found = findings_of(verdict)
        before = frozenset(found)
        yield QuietDay(
            kind, day.rows, between is not NO_DAYS_BEFORE, population.number, verdict.level, found
        )  # fmt: skip


def findings_of(verdict: DayVerdict) -> tuple[tuple[str, str], ...]:
    """Column and statistic of each finding."""
    return tuple((finding.column, finding.what) for finding in verdict.findings)


class Share(NamedTuple):
    """Share of days, with its 95 % interval (Clopper and Pearson 1934)."""

    hits: int
    days: int

    @property
    def value(self) -> float:
        """Share, 0 to 1; NaN of no days."""
        return self.hits / self.days if self.days else float("nan")

    @property
    def low(self) -> float:
        """Lower end of the interval, 0 to 1.

        >>> round(Share(5, 100).low, 4), Share(0, 100).low
        (0.0164, 0.0)
        """
        tail = (1 - _CONFIDENCE) / 2
        return float(beta.ppf(tail, self.hits, self.days - self.hits + 1)) if self.hits else 0.0

    @property
    def high(self) -> float:
        """Upper end of the interval, 0 to 1.

        >>> round(Share(5, 100).high, 4), round(Share(0, 100).high, 4), Share(9, 9).high
        (0.1128, 0.0362, 1.0)
        """
        tail = (1 - _CONFIDENCE) / 2
        if self.hits == self.days:
            return 1.0
        return float(beta.ppf(1 - tail, self.hits + 1, self.days - self.hits))

    def __str__(self) -> str:
        """Words for a table.

        >>> str(Share(5, 100))
        '5.0 % (1.6 to 11.3)'
        """
        if not self.days:
            return "too few rows"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"
