"""Power of the judge: drifts on purpose, and how often the right column is named.

Part of `benchmarks/studies/drift.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.studies.drift_days import NO_DAYS_BEFORE, Between, Population, count_applications, frozen_of, judged_day
from benchmarks.studies.drift_rivals import flags, sample_values, tallied
from tasks.core.feed.drifting import drift_rows, parse_drifts
from tasks.core.monitoring.reference import PD, Frozen
from tasks.core.monitoring.statistics.decisions import DECISION

SMALL_DAY: Final = 2_000
LARGE_DAY: Final = 10_000
SUNDAY: Final = "SUNDAY"
_DAY: Final = date(2026, 11, 2)
_QUIET_LIMIT: Final = 0.05
"""Largest share of days with a finding where nothing but one outlier is wrong."""


class Case(NamedTuple):
    """A drift on purpose, and the column that must be named."""

    kind: str
    column: str
    rows: int = SMALL_DAY
    drift: str = ""
    """Drifts as `scoring generate --drift` takes them; empty for none."""
    target: float | None = 0.95
    """Least share of days on which the column must be named; None for what is shown only."""
    pd_factor: float = 1.0
    weekday: str = ""
    """Weekday of the days; empty for rows of all weekdays."""
    reference_drift: str = ""
    """Drifts of the reference."""
    is_quiet: bool = False
    """True if the judge must find nothing: `target` is then the largest share of days with a finding."""


class Power(NamedTuple):
    """Days of one case in one population."""

    case: Case
    days: int
    named: int
    """Days on which the judge named the column; of a quiet case, days with any finding."""
    alerted: int
    rivals: Mapping[str, int]
    """Rival to the days on which it called this column drifted."""
    rival_days: int


# Kind, drift of a column, and its columns: one that is heavy in the score, one that is not, and one
# of which most values are missing.
_AT_2000: Final = (
    ("mean +0.2 sd", "shift:{}:0.2", ("AMT_CREDIT", "DAYS_REGISTRATION", "OWN_CAR_AGE")),
    ("values x1.2", "unit:{}:1.2", ("AMT_ANNUITY", "AMT_INCOME_TOTAL", "TOTALAREA_MODE")),
    ("missing +20 points", "missing:{}:0.2", ("EXT_SOURCE_3", "AMT_REQ_CREDIT_BUREAU_YEAR", "OWN_CAR_AGE")),
    ("sentinel share doubled", "sentinel:{}:0.18", ("DAYS_EMPLOYED", "ORGANIZATION_TYPE")),
    ("unit x1000, 1 % of rows", "unit:{}:1000:0.01", ("AMT_CREDIT", "AMT_INCOME_TOTAL", "OWN_CAR_AGE")),
    ("unit x1000, all rows", "unit:{}:1000", ("AMT_CREDIT", "AMT_INCOME_TOTAL", "OWN_CAR_AGE")),
    ("shuffled, marginal kept", "shuffle:{}", ("AMT_CREDIT", "DAYS_BIRTH", "AMT_ANNUITY")),
)
_AT_10000: Final = (
    ("mean +0.1 sd", "shift:{}:0.1", ("AMT_CREDIT", "DAYS_REGISTRATION", "OWN_CAR_AGE")),
    ("missing +5 points", "missing:{}:0.05", ("EXT_SOURCE_3", "AMT_REQ_CREDIT_BUREAU_YEAR", "OWN_CAR_AGE")),
    ("unit x1000, 0.5 % of rows", "unit:{}:1000:0.005", ("AMT_CREDIT", "AMT_INCOME_TOTAL", "OWN_CAR_AGE")),
)
_MIXES: Final = (
    ("NAME_CONTRACT_TYPE", "Revolving loans"),
    ("NAME_EDUCATION_TYPE", "Higher education"),
    ("FLAG_OWN_CAR", "Y"),
    ("WALLSMATERIAL_MODE", "Stone, brick"),
)
"""Columns and the level that gains: one of few rows, one of some, one of many, one mostly missing."""
_NEW_LEVELS: Final = ("NAME_CONTRACT_TYPE", "NAME_HOUSING_TYPE", "FONDKAPREMONT_MODE")
_HUGE: Final = "1e12"


def all_cases() -> tuple[Case, ...]:
    """Cases of the study, in the order of its table."""
    return (
        *_by_column(_AT_2000, SMALL_DAY),
        *_mixes(0.10, SMALL_DAY, 0.95),
        *_mixes(0.05, SMALL_DAY, 0.85),
        *_new_levels(0.02, SMALL_DAY, 0.95),
        *_new_levels(0.005, SMALL_DAY, 0.85),
        Case("mean pd +25 %", PD, pd_factor=1.25),
        Case("mean pd +10 %", PD, pd_factor=1.10, target=0.85),
        *_by_column(_AT_10000, LARGE_DAY),
        *_mixes(0.05, LARGE_DAY, 0.95),
        *_new_levels(0.002, LARGE_DAY, 0.95),
        Case("mean pd +10 %", PD, LARGE_DAY, pd_factor=1.10),
        *_sundays(),
        *_outliers(),
    )


def _by_column(table: Sequence[tuple[str, str, Sequence[str]]], rows: int) -> Iterator[Case]:
    for kind, drift, columns in table:
        for column in columns:
            yield Case(kind, column, rows, drift.format(column))


def _mixes(share: float, rows: int, target: float) -> Iterator[Case]:
    for column, level in _MIXES:
        yield Case(f"mix {100 * share:.0f} % of rows", column, rows, f'"level:{column}:{level}:{share}"', target)


def _new_levels(share: float, rows: int, target: float) -> Iterator[Case]:
    for column in _NEW_LEVELS:
        yield Case(f"new level {100 * share:g} %", column, rows, f"level:{column}:Container:{share}", target)


def _sundays() -> Iterator[Case]:
    for kind, column, drift in (
        ("mean +0.2 sd", "AMT_CREDIT", "shift:AMT_CREDIT:0.2"),
        ("missing +20 points", "EXT_SOURCE_3", "missing:EXT_SOURCE_3:0.2"),
        ("mix 10 % of rows", "FLAG_OWN_REALTY", "level:FLAG_OWN_REALTY:Y:0.1"),
        ("new level 2 %", "NAME_HOUSING_TYPE", "level:NAME_HOUSING_TYPE:Container:0.02"),
        ("unit x1000, 1 % of rows", "AMT_INCOME_TOTAL", "unit:AMT_INCOME_TOTAL:1000:0.01"),
        ("shuffled, marginal kept", "AMT_ANNUITY", "shuffle:AMT_ANNUITY"),
    ):
        yield Case(kind, column, drift=drift, target=None, weekday=SUNDAY)
    yield Case("mean pd +25 %", PD, target=None, pd_factor=1.25, weekday=SUNDAY)


def _outliers() -> Iterator[Case]:
    column = "AMT_CREDIT"
    huge, shift = f"outlier:{column}:{_HUGE}", f"shift:{column}:0.2"
    yield Case("one huge value", column, drift=huge, target=_QUIET_LIMIT, is_quiet=True)
    yield Case("one huge value, mean +0.2 sd", column, drift=f"{shift},{huge}")
    yield Case("one huge value in the reference", column, target=_QUIET_LIMIT, reference_drift=huge, is_quiet=True)
    yield Case("one huge value in the reference, mean +0.2 sd", column, drift=shift, reference_drift=huge)


def power_days(
    population: Population,
    cases: Sequence[Case],
    days: int,
    between: Between = NO_DAYS_BEFORE,
    *,
    rival_days: int,
) -> Iterator[Power]:
    """Days of each case, drawn from one population; rivals look at the first of them.

    Args:
        between: variance between the days before; days of one weekday are judged with it.
    """
    references = {"": (population.reference, population.frozen)}
    for case in cases:
        if case.reference_drift not in references:
            drifted = drifted_rows(population.reference, case.reference_drift, seed=0)
            references[case.reference_drift] = (drifted, frozen_of(drifted))
        rows = population.by_weekday[case.weekday] if case.weekday else population.rows
        is_enough = rows.num_rows >= case.rows
        yield _power(
            case, rows, *references[case.reference_drift], between if case.weekday else NO_DAYS_BEFORE,
            number=population.number, days=days if is_enough else 0, rival_days=rival_days,
        )  # fmt: skip


def _power(
    case: Case,
    rows: pa.Table,
    reference: pa.Table,
    frozen: Frozen,
    between: Between,
    *,
    number: int,
    days: int,
    rival_days: int,
) -> Power:
    names = {PD, DECISION} if case.column == PD else {case.column}
    named = 0
    alerted = 0
    rivals: dict[str, int] = {}
    for place in range(days):
        random = np.random.default_rng((number, place, case.rows))
        day = rows.take(random.permutation(rows.num_rows)[: case.rows])
        day = drifted_rows(day, case.drift, seed=number * days + place)
        verdict = judged_day(count_applications(day, frozen, pd_factor=case.pd_factor), frozen, between)
        is_named = bool(verdict.findings) if case.is_quiet else not names.isdisjoint(verdict.columns)
        named += is_named
        alerted += verdict.level == "alert"
        if place < rival_days:
            values = sample_values(day, case.column, pd_factor=case.pd_factor)
            rivals = tallied(flags(sample_values(reference, case.column), values, case.column), rivals)
    return Power(case, days, named, alerted, rivals, min(days, rival_days))


def drifted_rows(rows: pa.Table, drift: str, *, seed: int) -> pa.Table:
    """Rows after the drifts of the text."""
    return drift_rows(rows, parse_drifts(drift), seed=seed, as_of=_DAY)


def added_up(parts: Sequence[Power]) -> Power:
    """Days of one case in all populations."""
    rivals: Counter[str] = Counter()
    for part in parts:
        rivals.update(part.rivals)
    return Power(
        parts[0].case,
        sum(part.days for part in parts),
        sum(part.named for part in parts),
        sum(part.alerted for part in parts),
        rivals,
        sum(part.rival_days for part in parts),
    )
