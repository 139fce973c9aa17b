"""False alarms and power of the judge of a day, beside rules in common use.

`python -m benchmarks.studies.drift [--rows application_train.csv [--against day.csv]]`

Without a file the rows are synthetic: each of some models gets a reference, and days that differ
from it by chance alone, by weekday, or by a drift on purpose. With a file each reference is a
random half of its rows, and days are drawn from the other half, as far as they reach. With
`--against` the rows of a second file are judged as one day against all rows of the first. Prints
Markdown tables of aggregates. `make prove` runs it whole on synthetic rows and puts the tables
into docs/monitoring.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import numpy as np
import pyarrow as pa

from benchmarks.studies.drift_days import (
    Population,
    count_applications,
    frozen_of,
    halved_population,
    judged_day,
    synthetic_population,
)
from benchmarks.studies.drift_power import LARGE_DAY, SMALL_DAY, SUNDAY, Case, Power, added_up, all_cases, power_days
from benchmarks.studies.drift_quiet import (
    RANDOM,
    WEEKS_BEFORE,
    QuietDay,
    Share,
    between_days,
    ordinary_weeks,
    random_days,
    week_days,
)
from benchmarks.studies.drift_rivals import RIVALS, any_flags, tallied
from tasks.core.lender.columns import WEEKDAYS
from tasks.core.monitoring.verdict import DayVerdict

MOST_WATCHED: Final = 0.05
"""Limit of the upper end of the interval: days without drift on which something is found."""
MOST_ALERTS: Final = 1 / 250
"""Limit of the share of days without drift that alert."""
_PROCESSES: Final = 2

Row = Mapping[str, Any]


@dataclass(frozen=True)
class StudySize:
    """Extent of the study. Days are counted for each population."""

    populations: int
    reference_rows: int
    rows: int
    """Rows from which days of all weekdays are drawn."""
    weekday_rows: int
    """Rows of each weekday."""
    sizes: tuple[int, ...]
    """Rows of the days without drift."""
    quiet_days: int
    """Days without drift of each of the sizes."""
    weeks: int
    """Weeks that are judged, beside the four before them."""
    power_days: int
    """Days of each case."""
    rival_days: int
    """Days of each case that the rivals look at."""
    rival_quiet_days: int
    """Days without drift of each of the sizes that the rivals look at, at all columns."""


WHOLE_STUDY: Final = StudySize(
    populations=20, reference_rows=20_000, rows=100_000, weekday_rows=10_000,
    sizes=(500, 2_000, 10_000, 50_000), quiet_days=40, weeks=20, power_days=5, rival_days=1,
    rival_quiet_days=1,
)  # fmt: skip
"""Days enough for their intervals: of 800 days with 3 % the interval ends at 4.4 %, under 5 %, and of 100 days on which
all is named it begins at 96.4 %, over 95 %. References differ more than days of one do, so there are more of them."""
SAMPLED_STUDY: Final = StudySize(
    populations=1, reference_rows=20_000, rows=20_000, weekday_rows=6_000,
    sizes=(500, 2_000), quiet_days=40, weeks=2, power_days=12, rival_days=1,
    rival_quiet_days=1,
)  # fmt: skip


class Outcomes(NamedTuple):
    """Results of the study."""

    quiet: tuple[QuietDay, ...]
    power: tuple[Power, ...]
    rivals: tuple[tuple[int, Mapping[str, bool]], ...]
    """Days without drift: rows, and rival to True if it found anything."""


def study_population(
    number: int,
    size: StudySize,
    cases: Sequence[Case],
    table: pa.Table | None = None,
) -> Outcomes:
    """Judge all days of one population; of halves of the table, if there is one."""
    population = _population(number, size, table)
    sizes = [rows for rows in size.sizes if rows <= population.rows.num_rows]
    quiet = [
        *random_days(population, sizes, size.quiet_days),
        *ordinary_weeks(population, SMALL_DAY, size.weeks),
    ]
    between = between_days(
        [day for _, day in week_days(population, SMALL_DAY, WEEKS_BEFORE)], population.frozen
    )  # fmt: skip
    power = power_days(population, cases, size.power_days, between, rival_days=size.rival_days)
    rivals = [(rows, found) for rows in sizes for found in _rivals_on(population, rows, size.rival_quiet_days)]
    return Outcomes(tuple(quiet), tuple(power), tuple(rivals))


def _population(number: int, size: StudySize, table: pa.Table | None) -> Population:
    if table is not None:
        return halved_population(number, table)
    return synthetic_population(
        number, reference_rows=size.reference_rows, rows=size.rows, weekday_rows=size.weekday_rows
    )


def _rivals_on(population: Population, rows: int, days: int) -> Iterator[Mapping[str, bool]]:
    random = np.random.default_rng((population.number, rows, days))
    for _ in range(days):
        chosen = random.permutation(population.rows.num_rows)[:rows]
        yield any_flags(population.reference, population.rows.take(chosen))


def run_study(
    size: StudySize,
    cases: Sequence[Case],
    table: pa.Table | None = None,
    *,
    processes: int = _PROCESSES,
) -> Outcomes:
    """Judge all days of all populations."""
    numbers = range(size.populations)
    if processes == 1:
        parts = [study_population(number, size, cases, table) for number in numbers]
    else:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            running = [pool.submit(study_population, number, size, cases, table) for number in numbers]
            parts = [each.result() for each in running]
    by_case = zip(*(part.power for part in parts), strict=True)
    return Outcomes(
        tuple(day for part in parts for day in part.quiet),
        tuple(added_up(of_case) for of_case in by_case),
        tuple(found for part in parts for found in part.rivals),
    )


# --- tables


def watched_share(days: Sequence[QuietDay]) -> Share:
    """Share of days with a finding."""
    return Share(sum(day.is_watched for day in days), len(days))


def alerted_share(days: Sequence[QuietDay]) -> Share:
    """Share of days that alert."""
    return Share(sum(day.level == "alert" for day in days), len(days))


def random_table(outcomes: Outcomes) -> list[Row]:
    """Days of random rows, by their size."""
    return [_random_row(outcomes, rows) for rows in quiet_sizes(outcomes)]


def quiet_sizes(outcomes: Outcomes) -> list[int]:
    """Rows of the days of random rows."""
    return sorted({day.rows for day in outcomes.quiet if day.kind == RANDOM})


def random_days_of(outcomes: Outcomes, rows: int) -> list[QuietDay]:
    """Days of so many random rows."""
    return [day for day in outcomes.quiet if day.kind == RANDOM and day.rows == rows]


def _random_row(outcomes: Outcomes, rows: int) -> Row:
    days = random_days_of(outcomes, rows)
    by_reference: dict[int, list[QuietDay]] = {day.population: [] for day in days}
    for day in days:
        by_reference[day.population].append(day)
    counts: dict[str, int] = {}
    looked = [found for size, found in outcomes.rivals if size == rows]
    for found in looked:
        counts = tallied(found, counts)
    return {
        "rows": rows,
        "days": len(days),
        "references": len(by_reference),
        "watch or alert": str(watched_share(days)),
        "alert": str(alerted_share(days)),
        "worst reference": f"{max(watched_share(each).value for each in by_reference.values()):.0%}",
        "days of rivals": len(looked),
        **{name: str(Share(counts.get(name, 0), len(looked))) for name in RIVALS},
    }


def weekday_table(outcomes: Outcomes) -> list[Row]:
    """Days of one weekday each, without and with history."""
    return [_weekday_row(outcomes, weekday) for weekday in WEEKDAYS]


def weekdays_of(outcomes: Outcomes, weekday: str, *, has_history: bool) -> list[QuietDay]:
    """Days of the weekday."""
    return [day for day in outcomes.quiet if day.kind == weekday and day.has_history is has_history]


def _weekday_row(outcomes: Outcomes, weekday: str) -> Row:
    without = weekdays_of(outcomes, weekday, has_history=False)
    after = weekdays_of(outcomes, weekday, has_history=True)
    return {
        "weekday": weekday.capitalize(),
        "days": len(without),
        "without history: watch or alert": str(watched_share(without)),
        "alert": str(alerted_share(without)),
        "with 28 days before: watch or alert": str(watched_share(after)),
        "alert then": str(alerted_share(after)),
    }


def power_table(outcomes: Outcomes) -> list[Row]:
    """Days with a drift on purpose: how often the column is named."""
    return [_power_row(power) for power in outcomes.power]


def _power_row(power: Power) -> Row:
    case = power.case
    sign = "at most" if case.is_quiet else "at least"
    rows = f"{case.rows:,}, {case.weekday.capitalize()}s" if case.weekday else f"{case.rows:,}"
    return {
        "drift": case.kind,
        "column": case.column,
        "rows": rows,
        "needed": "" if case.target is None else f"{sign} {case.target:.0%}",
        "days": power.days,
        "named": str(Share(power.named, power.days)),
        "alert": f"{power.alerted / power.days:.0%}" if power.days else "",
        **{name: str(Share(power.rivals.get(name, 0), power.rival_days)) for name in RIVALS},
    }


class Reached(NamedTuple):
    """Days with a kind of drift, over all its columns, beside what is needed."""

    kind: str
    rows: int
    share: Share
    target: float
    is_quiet: bool


def reached(outcomes: Outcomes) -> list[Reached]:
    """Each kind of drift that has a target. The columns of a kind count together."""
    kinds: dict[tuple[str, int], list[Power]] = {}
    for power in outcomes.power:
        if power.case.target is not None:
            kinds.setdefault((power.case.kind, power.case.rows), []).append(power)
    return [
        Reached(
            kind, rows, Share(sum(part.named for part in parts), sum(part.days for part in parts)),
            parts[0].case.target or 0.0, parts[0].case.is_quiet,
        )
        for (kind, rows), parts in kinds.items()
    ]  # fmt: skip


def in_markdown(rows: Sequence[Row]) -> str:
    """Table in Markdown."""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"| {' | '.join('---' for _ in names)} |"]
    lines += [f"| {' | '.join(_cell(row[name]) for name in names)} |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


TITLES: Final = ("Days of random rows", "Ordinary weeks", "Drifts on purpose")
_RANDOM_TOLD: Final = (
    "Rows drawn at random, so that a reference and a day differ by chance alone. The score is a fixed logistic "
    "function of six strong columns, fitted to nothing, so that a reference's own pd are as honest as a day's. A "
    "finding that comes again on the next day alerts, as in production. Days of 500 rows are judged in full; "
    "`insufficient` begins below. Shares have 95 % intervals (Clopper and Pearson); days of one reference share it, "
    "so the worst reference is told, too. A rival alarms if it calls any column drifted."
)
_WEEKS_TOLD: Final = (
    f"Days of {SMALL_DAY:,} rows of one weekday each, Monday to Sunday in turn, against a reference of all weekdays; "
    "then again with the variation between the 28 days before."
)
_POWER_TOLD: Final = (
    "Days with one drift. Named is the share of days on which the judge names the drifted column; for a huge value "
    f"alone, on which it finds anything. Days are of {SMALL_DAY:,} or {LARGE_DAY:,} rows, random ones or, with the "
    f"28 days before, {SUNDAY.capitalize()}s. A rival names a column if it calls it drifted. What is needed must hold "
    "for the columns of a drift together: five more rows in a hundred are harder to see on a level that a third of the "
    "rows have than on one of few. Of Sundays no power is needed: 4.6 % of the reference's 20,000 rows are of Sundays."
)
TOLD: Final = (_RANDOM_TOLD, _WEEKS_TOLD, _POWER_TOLD)
"""Texts above the tables."""


def study_tables(outcomes: Outcomes) -> list[list[Row]]:
    """Tables of the study, in the order of `TITLES`."""
    return [random_table(outcomes), weekday_table(outcomes), power_table(outcomes)]


def study_page(outcomes: Outcomes) -> str:
    """All tables, with their titles and texts."""
    parts = zip(TITLES, TOLD, study_tables(outcomes), strict=True)
    return "\n\n".join(f"### {title}\n\n{told}\n\n{in_markdown(rows)}" for title, told, rows in parts)


# --- a day of real rows


def judged_as_day(rows: pa.Table, reference: pa.Table) -> DayVerdict:
    """Verdict on the rows as one day, against all rows of the reference."""
    frozen = frozen_of(reference)
    return judged_day(count_applications(rows, frozen), frozen)


def findings_table(verdict: DayVerdict) -> list[Row]:
    """Findings of a day, the heaviest first."""
    return [
        {
            "column": finding.column,
            "what": finding.what,
            "level": finding.level,
            "value": f"{finding.value:.4f}",
            "reference": f"{finding.reference:.4f}",
            "times watch": finding.weight,
        }
        for finding in verdict.findings
    ]


@click.command()
@click.option(
    "--rows", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of real applications instead of synthetic ones.",
)  # fmt: skip
@click.option(
    "--against", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A second file, judged as one day against the first.",
)  # fmt: skip
@click.option("--only-against", is_flag=True, help="Judge that day and no other.")
def main(file: Path | None, against: Path | None, only_against: bool) -> None:
    """Measure the judge's false alarms and power."""
    from benchmarks.studies.feed_statistics import read_applications

    table = read_applications(file)[0] if file else None
    if against:
        if table is None:
            raise click.UsageError("--against needs --rows, the rows of the reference.")
        verdict = judged_as_day(read_applications(against)[0], table)
        click.echo(f"### {against.name} against {file.name if file else ''}\n\n{verdict.level}: {verdict.headline}\n")
        if verdict.findings:
            click.echo(in_markdown(findings_table(verdict)) + "\n")
    if not only_against:
        click.echo(study_page(run_study(WHOLE_STUDY, all_cases(), table)))


if __name__ == "__main__":
    main()
