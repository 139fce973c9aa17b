"""Execution of a plan of a backfill: each day in processes of its own, so many at once.

A process gives its memory back, and whatever ends it ends one day. Each day is looked at again right
before it begins; one that does not stand as the plan saw it is left out. Two backfills at once publish
each day once, as two runs of `scoring score` do.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any, Final, NamedTuple

from configs.settings import Settings, is_log_json
from tasks.core.words import counted, in_markdown
from tasks.errors import (
    ConfigError,
    ExpectationsNotMet,
    InputsChanged,
    ModelError,
    OrchestratorError,
    PublishError,
    ScoringError,
    SourceError,
)
from tasks.operations.backfill_plan import BackfillPlan, PlannedDay, change_since, look_at
from tasks.publication.stored_day import StoredDay
from tasks.running.child_runs import child_environment
from tasks.running.context import is_in_flow_run, run_logger
from tasks.running.events import never_in_the_way, show_table
from tasks.running.step import step
from tasks.store import Store, open_store

Commands = Callable[[PlannedDay], Iterable[Sequence[str]]]
"""Maps a day to the commands that do it, one after the other; the first that fails is the last."""
_WORST_FIRST: Final = (
    ScoringError, PublishError, OrchestratorError, ModelError, ConfigError, InputsChanged, ExpectationsNotMet,
    SourceError,
)  # fmt: skip
"""Errors by gravity: a fault of the program, then what is likely to stop every day, then what stops this one."""
_ERROR_OF: Final = {error.exit_code: error for error in _WORST_FIRST}
_ERROR_LINE: Final = re.compile(r"^[A-Z]\w+: ", re.MULTILINE)
"""Beginning of the line by which a command tells its error."""
_NOT_RUN: Final = {
    "ask the feed": ("nothing came", SourceError, "ask the feed for its files"),
    "restore": ("left out", PublishError, "see scoring status --as-of {day} --verify"),
}


@dataclass(frozen=True, slots=True)
class BackfilledDay:
    """End of a day of a backfill."""

    as_of: date
    outcome: str
    """`published`, `unchanged`, `no applications`, `done before`, `left out`, `nothing came` or `failed`."""
    told: str
    exit_code: int
    """0 if nothing is left to do; else that of the error, or 1 if the process ended without one of ours."""
    seconds: float


class _Ended(NamedTuple):
    exit_code: int
    told: str
    """Error in words; empty if there was none."""


@step("backfill days")
def backfill(
    plan: BackfillPlan,
    commands: Commands,
    settings: Settings,
    at_once: int = 1,
) -> tuple[BackfilledDay, ...]:
    """Do the days of a plan, and return the end of each, oldest first.

    A day that fails holds up no other one. If the run is interrupted or cancelled, its processes end
    with it; if this process is killed, the days that it has begun are finished, and no other begins.

    Args:
        plan: the days.
        commands: maps a day to the commands that do it.
        settings: those of the run.
        at_once: days in work at a time. Each takes the memory of a run.
    """
    store = open_store(settings.storage)
    processes = _Processes(child_environment())
    ended: list[BackfilledDay] = []
    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(_do, day, plan, store, commands, processes) for day in plan.days]
        try:
            for future in as_completed(futures):
                ended.append(future.result())
                run_logger().info("%d of %d: %s", len(ended), len(futures), day_line(ended[-1]))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.stop()
    return tuple(sorted(ended, key=lambda day: day.as_of))


def _do(
    planned: PlannedDay, plan: BackfillPlan, store: Store, commands: Commands, processes: _Processes
) -> BackfilledDay:
    """End of one day, of which nothing is done if it does not stand as the plan saw it."""
    begun = time.monotonic()
    try:
        outcome, told, exit_code = _outcome(planned, plan, store, commands, processes)
    except ScoringError as error:
        outcome, told, exit_code = "failed", f"{type(error).__name__}: {error}", error.exit_code
    return BackfilledDay(planned.as_of, outcome, told, exit_code, time.monotonic() - begun)


def _outcome(
    planned: PlannedDay, plan: BackfillPlan, store: Store, commands: Commands, processes: _Processes
) -> tuple[str, str, int]:
    """Outcome of a day, its explanation and its exit code."""
    if change := change_since(planned, plan, store):
        if change.is_done:
            return "done before", change.told, 0
        return "left out", f"{change.told}; make a new plan", InputsChanged.exit_code
    if planned.action in _NOT_RUN:
        outcome, error, to_do = _NOT_RUN[planned.action]
        return outcome, f"{planned.why}: {to_do.format(day=planned.as_of)}", error.exit_code
    ended = processes.run_all(commands(planned))
    revision = look_at(StoredDay(store, planned.as_of)).revision
    if revision > planned.seen.revision:
        told = f"revision {revision}"
        return "published", f"{told}; {ended.told}" if ended.told else told, ended.exit_code
    if ended.exit_code:
        return "failed", ended.told, ended.exit_code
    return ("unchanged", f"revision {revision}", 0) if revision else ("no applications", planned.why, 0)


class _Processes:
    """Processes that run commands, until they are stopped all at once."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._running: set[subprocess.Popen[str]] = set()
        self._is_stopped = False
        self._lock = Lock()

    def run_all(self, commands: Iterable[Sequence[str]]) -> _Ended:
        """Run commands one after the other, and return the end of the first that fails, or of the last."""
        ended = _Ended(0, "")
        for command in commands:
            ended = self._run(command)
            if ended.exit_code:
                break
        return ended

    def _run(self, command: Sequence[str]) -> _Ended:
        with self._lock:
            if self._is_stopped:
                return _Ended(ScoringError.exit_code, "stopped before it began")
            process = subprocess.Popen(  # noqa: S603 - a command of this program
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
            self._running.add(process)
        _, lines = process.communicate()
        with self._lock:
            self._running.discard(process)
        if is_log_json():
            _pass_on(lines)
        return _read_end(process.returncode, lines)

    def stop(self) -> None:
        """End what runs, and start nothing more. What a run has published stays published."""
        with self._lock:
            self._is_stopped = True
            for process in self._running:
                process.terminate()


def _pass_on(lines: str) -> None:
    """Write the JSON lines of a process for whoever collects those of this one."""
    sys.stderr.writelines(f"{line}\n" for line in lines.splitlines() if line.startswith("{"))


def _read_end(code: int, lines: str) -> _Ended:
    """Read the end of a command: its exit code, and the error that it told last.

    A traceback is not repeated: only messages of ours are known to hold no applicant's value.
    """
    if code == 0:
        return _Ended(0, "")
    if code < 0:
        return _Ended(ScoringError.exit_code, f"its process was ended by signal {-code}")
    begins = [found.start() for found in _ERROR_LINE.finditer(lines)]
    if code == ScoringError.exit_code or code not in _ERROR_OF or not begins:
        return _Ended(
            ScoringError.exit_code, f"its process ended with exit code {code}; score the day alone to see why"
        )
    return _Ended(code, " ".join(lines[begins[-1] :].split()))


def worst_error(days: Iterable[BackfilledDay]) -> type[ScoringError] | None:
    """Gravest error of all days; None if nothing is left to do.

    >>> ends = [BackfilledDay(date(2026, 11, 2), "failed", "", code, 1.0) for code in (3, 6, 4, 0)]
    >>> worst_error(ends).__name__, worst_error(ends[3:])
    ('PublishError', None)
    """
    codes = {day.exit_code for day in days}
    return next((error for error in _WORST_FIRST if error.exit_code in codes), None)


def require_done(days: Sequence[BackfilledDay]) -> None:
    """Require that nothing is left to do.

    Raises:
        ScoringError: the gravest error of a day, with a line for every day.
    """
    if error := worst_error(days):
        left = sum(day.exit_code != 0 for day in days)
        raise error(
            f"{left} of {counted(len(days), 'day')} could not be done. Mend what they name and run the command "
            f"again: it does no day twice.\n{days_done(days)}"
        )


def days_done(days: Sequence[BackfilledDay]) -> str:
    """Line for each day with its end."""
    return "\n".join(f"  {day_line(day)}" for day in days)


def day_line(day: BackfilledDay) -> str:
    """A day with its end, in words.

    >>> day_line(BackfilledDay(date(2026, 11, 2), "published", "revision 1", 0, 9.4))
    '2026-11-02  published        9 s  revision 1'
    """
    code = f" (exit {day.exit_code})" if day.exit_code else ""
    return f"{day.as_of}  {day.outcome:<15}{day.seconds:>3.0f} s  {day.told}{code}"


def show_days_done(days: Sequence[BackfilledDay]) -> None:
    """Show the end of each day beside the flow run. Nothing is shown outside one."""
    if not is_in_flow_run():
        return
    with never_in_the_way("table of days"):
        left = sum(day.exit_code != 0 for day in days)
        show_table(
            [_row(day) for day in days],
            key="backfill",
            description=f"{counted(len(days) - left, 'day')} done, {left:,} not",
        )


def _row(day: BackfilledDay) -> dict[str, Any]:
    return {
        "day": str(day.as_of),
        "outcome": day.outcome,
        "what is to be said": in_markdown(day.told),
        "exit code": day.exit_code,
        "seconds": round(day.seconds),
    }
