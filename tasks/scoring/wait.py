"""Wait for the files of a day that are late, or that are still being written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from configs.calendar import Calendar, load_calendar
from configs.settings import Landing, Settings
from tasks.core.day.arrival import Wait, WaitLimits, duration
from tasks.core.words import in_markdown
from tasks.delivery.waiting import wait_for_delivery
from tasks.errors import SourceError
from tasks.publication.manifests import newest_manifest
from tasks.running.context import is_in_flow_run, is_scheduled_run, run_logger, step_seconds
from tasks.running.events import never_in_the_way, show_progress
from tasks.running.step import step
from tasks.store import open_store

_STEP: Final = "wait for files"
_SCHEDULED_MINUTES: Final = 60.0
"""Longest wait of a run that a schedule started, unless the settings say otherwise."""
_TELL_SECONDS: Final = 60.0
"""Time after which the progress of a wait is told again though nothing has come."""


def wait_for_files(as_of: date, settings: Settings) -> None:
    """Wait for the files of a day, if the run waits at all: `landing.wait_minutes` says it.

    Every attempt waits anew.

    Raises:
        SourceError: files did not come in time, or were still changing; says which.
    """
    wait_minutes = _wait_minutes(settings.landing)
    if not wait_minutes:
        return
    _wait(as_of, WaitLimits(wait_minutes * 60, settings.landing.quiet_seconds), settings)
    # The seconds of steps are work; monitoring would take a late feed for a slow step.
    step_seconds().pop(_STEP, None)


def _wait_minutes(landing: Landing) -> float:
    if landing.wait_minutes is not None:
        return landing.wait_minutes
    return _SCHEDULED_MINUTES if is_scheduled_run() else 0.0


@step(_STEP)
def _wait(as_of: date, limits: WaitLimits, settings: Settings) -> None:
    """Wait within limits. A published day is not waited for: files that come after it are another matter."""
    store = open_store(settings.storage)
    if newest_manifest(store, as_of):
        return
    calendar = load_calendar(settings.scoring.calendar)
    may_be_empty = calendar.excuse(as_of) is not None
    progress = _Progress(as_of, limits, calendar)
    try:
        ended = wait_for_delivery(store, as_of, limits, may_be_empty=may_be_empty, tell=progress.tell)
    except SourceError as late:
        progress.end(str(late))
        raise
    progress.log(ended)


class _Progress:
    """Progress of a wait, told in the log and beside the run."""

    def __init__(self, as_of: date, limits: WaitLimits, calendar: Calendar) -> None:
        self._as_of = as_of
        self._limits = limits
        end = datetime.now(UTC) + timedelta(seconds=limits.wait_seconds)
        self._until = calendar.local_time(end.isoformat())
        self._told: Wait | None = None
        self._shown: UUID | None = None

    def tell(self, wait: Wait) -> None:
        """Tell the files that are there and those that are missing, if that is news or a minute has passed."""
        if self._told and not _is_news(self._told, wait):
            return
        self._told = wait
        sentence = wait.sentence(self._limits)
        run_logger().info("Waiting until %s for the files of %s: %s", self._until, self._as_of, sentence)
        gone = min(wait.seconds / self._limits.wait_seconds, 1.0)
        self._show(100 * gone, f"Waiting until {self._until}: {sentence}")

    def log(self, ended: Wait) -> None:
        """Tell the end of a wait; nothing if the first look has ended it."""
        if self._told:
            waited = duration(round(ended.seconds))
            run_logger().info("Waited %s for the files of %s: %s", waited, self._as_of, ended.look)
            self.end(f"Waited {waited}: {ended.look}")

    def end(self, sentence: str) -> None:
        """Show the end of a wait, good or bad, beside the run."""
        self._show(100.0, sentence)

    def _show(self, percent: float, sentence: str) -> None:
        if is_in_flow_run():
            with never_in_the_way("progress", done="shown"):
                self._shown = show_progress(
                    percent, key=f"waiting-{self._as_of}", description=in_markdown(sentence), shown=self._shown
                )


def _is_news(before: Wait, now: Wait) -> bool:
    has_come = (before.look.files, before.look.missing) != (now.look.files, now.look.missing)
    return has_come or now.seconds - before.seconds >= _TELL_SECONDS
