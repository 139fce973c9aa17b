"""One JSON line a step, where `SCORING_LOG=json` asks for it: for collectors of logs, and for cron alone.

A line holds names, counts and times, and nothing of an applicant. Without the variable nothing is written.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from configs.settings import is_log_json
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import Draft, ScreenedFile

_LOGGER: Final = logging.getLogger("scoring.steps")


@dataclass(slots=True)
class RunFacts:
    """Facts of a run that its lines repeat."""

    run: str | None = None
    """Id of the flow run; None outside one."""
    as_of: date | None = None
    revision: int | None = None
    """Revision that the run drafts or publishes; None before that is known."""


_RUN: Final[ContextVar[RunFacts]] = ContextVar("facts of the run")


def begin_lines(run: str | None) -> None:
    """Forget the run before; the lines from here on are of this one."""
    _RUN.set(RunFacts(run))


def note_day(as_of: date) -> None:
    """Let the lines from here on name this business day."""
    _facts().as_of = as_of


class StepLine:
    """Line of one step, while the step works."""

    rows: int | None = None
    outcome: str = "done"

    def note(self, result: Any, *, is_kept: bool) -> None:
        """Take what the line tells of the result.

        Args:
            result: value that the step returned.
            is_kept: True if it was kept from an earlier attempt.
        """
        self.outcome = "kept" if is_kept else "done"
        if isinstance(result, Draft | Manifest):
            _facts().revision = result.revision
        if isinstance(result, ScreenedFile):
            self.rows = result.rows
        elif isinstance(result, Manifest):
            self.rows = result.totals.rows


@contextlib.contextmanager
def step_line(step: str) -> Iterator[StepLine]:
    """Write the line of a step when it ends, also when it fails."""
    line, begun = StepLine(), time.monotonic()
    try:
        yield line
    except BaseException as error:
        line.outcome = type(error).__name__
        raise
    finally:
        if is_log_json():
            _write(step, line, time.monotonic() - begun)


def _write(step: str, line: StepLine, seconds: float) -> None:
    facts = _facts()
    told = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "run": facts.run,
        "day": facts.as_of.isoformat() if facts.as_of else None,
        "revision": facts.revision,
        "step": step,
        "rows": line.rows,
        "seconds": round(seconds, 3),
        "outcome": line.outcome,
    }
    _logger().info(json.dumps(told))


def _facts() -> RunFacts:
    facts = _RUN.get(None)
    if facts is None:
        facts = RunFacts()
        _RUN.set(facts)
    return facts


class _StandardError(logging.Handler):
    """Handler that writes to standard error as it is at that moment; a stream that is gone stops no run."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{record.getMessage()}\n")
            sys.stderr.flush()
        except OSError:
            self.handleError(record)


def _logger() -> logging.Logger:
    """Logger whose lines go to standard error as they are, and nowhere else."""
    if not _LOGGER.handlers:
        _LOGGER.addHandler(_StandardError())
        _LOGGER.setLevel(logging.INFO)
        _LOGGER.propagate = False
    return _LOGGER
