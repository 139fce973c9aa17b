"""Metrics of a day and of the last runs as a text file, for collectors that need no server of ours.

Each run of `score`, `monitor` or `withdraw` writes the file anew, also a run that fails. It tells
counts of the day, its verdict, and how the last run of each command ended; nothing of an applicant.
A run of an earlier day than the file tells leaves it alone, so that no old day that is scored late
clears an alarm.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from configs.calendar import Calendar, load_calendar
from configs.settings import Settings
from tasks.core.day.facts import day_facts
from tasks.core.day.manifest import Manifest
from tasks.core.monitoring.metrics import LEVELS
from tasks.core.reporting.days_page import PUBLISHED
from tasks.errors import ScoringError
from tasks.publication.day_status import DayStatus, status_of_day
from tasks.publication.stored_day import StoredDay
from tasks.running.events import never_in_the_way
from tasks.store import open_store

if TYPE_CHECKING:
    from tasks.adapters.prometheus import Gauge

Command = Literal["score", "monitor", "withdraw"]
_COMMAND: Final = "command"
_BEGUN: Final = "scoring_day_begun_seconds"
_ENDED: Final = "scoring_run_ended_seconds"
_EXIT: Final = "scoring_run_exit_code"


class LastRun(NamedTuple):
    """End of the last run of a command."""

    ended_seconds: float
    """Unix time in seconds."""
    exit_code: int


@contextlib.contextmanager
def metrics_written(command: Command, as_of: date, settings: Settings) -> Iterator[None]:
    """Write the metrics file of the settings when the block ends, also when it fails.

    Without `monitoring.metrics_file` nothing is written. A file that cannot be written is a warning.

    Args:
        command: command whose run the block is.
        as_of: business day of the run.
        settings: those of the run.
    """
    exit_code = 0
    try:
        yield
    except BaseException as error:
        exit_code = error.exit_code if isinstance(error, ScoringError) else ScoringError.exit_code
        raise
    finally:
        if settings.monitoring.metrics_file:
            with never_in_the_way("metrics file", done="written"):
                _write(Path(settings.monitoring.metrics_file), command, as_of, exit_code, settings)


def _write(path: Path, command: Command, as_of: date, exit_code: int, settings: Settings) -> None:
    from tasks.adapters.prometheus import write_gauges

    calendar = load_calendar(settings.scoring.calendar)
    if is_of_later_day(path, as_of, calendar):
        return
    status = status_of_day(StoredDay(open_store(settings.storage), as_of), calendar)
    runs = last_runs(path) | {command: LastRun(datetime.now(UTC).timestamp(), exit_code)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_gauges(path, gauges_of(status, calendar, runs))


def last_runs(path: Path) -> dict[str, LastRun]:
    """Command to its last run, as an earlier run wrote it; empty if the file is not there or not readable."""
    from tasks.adapters.prometheus import read_gauge

    ended, codes = (read_gauge(path, name, _COMMAND) for name in (_ENDED, _EXIT))
    return {command: LastRun(at, int(codes[command])) for command, at in ended.items() if command in codes}


def is_of_later_day(path: Path, as_of: date, calendar: Calendar) -> bool:
    """True if the file tells a later business day than `as_of`."""
    from tasks.adapters.prometheus import read_gauge

    return read_gauge(path, _BEGUN, "").get("", 0.0) > _begun_seconds(as_of, calendar)


def _begun_seconds(as_of: date, calendar: Calendar) -> float:
    """Unix time in seconds of the midnight, by the clock of the business, that begins a day."""
    return datetime.combine(as_of, time(), ZoneInfo(calendar.zone)).timestamp()


def gauges_of(status: DayStatus, calendar: Calendar, runs: Mapping[str, LastRun]) -> Iterator[Gauge]:
    """Gauges of a day and of the last runs.

    Times are Unix times in seconds. Counts of too few are left out, as in all that is published of a day.

    Args:
        status: that of the day.
        calendar: the business calendar, whose zone begins the day.
        runs: command to its last run.
    """
    from tasks.adapters.prometheus import Gauge

    begun = _begun_seconds(status.as_of, calendar)
    verdicts = {level: float(status.monitoring == level) for level in LEVELS}
    ends = {command: run.ended_seconds for command, run in sorted(runs.items())}
    codes = {command: float(run.exit_code) for command, run in sorted(runs.items())}
    is_published = float(status.state == PUBLISHED)
    yield Gauge(_BEGUN, "Beginning of the business day.", "", {"": begun})
    yield Gauge("scoring_day_published", "1 if readers see the newest revision.", "", {"": is_published})
    yield Gauge("scoring_verdict", "1 for the verdict of monitoring.", "verdict", verdicts)
    yield Gauge(_ENDED, "End of the last run of a command.", _COMMAND, ends)
    yield Gauge(_EXIT, "Exit code of the last run of a command.", _COMMAND, codes)
    if status.newest:
        yield from _of_revision(status.newest)


def _of_revision(newest: Manifest) -> Iterator[Gauge]:
    from tasks.adapters.prometheus import Gauge

    facts = day_facts(newest)
    fates = {"received": float(facts.rows.received)} | {fate: float(n) for fate, n in facts.rows.became.items()}
    decisions = {decision: float(each.rows) for decision, each in facts.decisions.items()}
    yield Gauge("scoring_revision", "Newest revision of the day.", "", {"": float(newest.revision)})
    if facts.published_at:
        at = datetime.fromisoformat(facts.published_at).timestamp()
        yield Gauge("scoring_published_seconds", "Publication of the newest revision.", "", {"": at})
    yield Gauge("scoring_rows", "Rows of the day by what became of them.", "fate", fates)
    yield Gauge("scoring_decisions", "Applications of the day by decision.", "decision", decisions)
    yield Gauge("scoring_step_seconds", "Work of each step of the publishing run.", "step", newest.step_seconds)
