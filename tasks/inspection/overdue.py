"""Days that are not as they should be by a given time, for alarms that need no server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from configs.calendar import Calendar
from tasks.core.reporting.days_page import MISSING, PUBLISHED, WITHDRAWN
from tasks.core.words import counted
from tasks.errors import DayOverdue
from tasks.publication.day_status import ARCHIVED, DAMAGED, NOT_YET, DayStatus, undelivered_day

_SCORE: Final = "scoring score --as-of {day}"
_MONITOR: Final = "scoring monitor --as-of {day}"
_VERIFY: Final = "scoring status --as-of {day} --verify"
_WITHOUT_FILES: Final = (MISSING, NOT_YET)


class Overdue(NamedTuple):
    """A day that the calendar demands, and that is not published or not monitored in time."""

    as_of: date
    why: str
    """State of the day in words, with what is known of it."""
    what_to_do: str
    """Command that comes next."""


def overdue_days(days: Sequence[DayStatus], calendar: Calendar, now: datetime, by: time) -> list[Overdue]:
    """Days that are overdue, oldest first.

    A day is due on the same day from `by` on, by the clock of the business. Days that the calendar excuses,
    and days after today, are never due.

    Args:
        days: as `tasks.publication.day_status.list_days` returns them.
        calendar: the business calendar.
        now: aware moment.
        by: wall-clock time in the calendar's zone.
    """
    zone = ZoneInfo(calendar.zone)
    today = now.astimezone(zone).date()
    known = {day.as_of: day for day in days}
    if not calendar.excuse(today):
        known.setdefault(today, undelivered_day(today, today))
    due = (day for _, day in sorted(known.items()) if _due_at(day.as_of, by, zone) <= now)
    demanded = (day for day in due if not calendar.excuse(day.as_of))
    return [_overdue(day) for day in demanded if not _is_in_order(day)]


def require_nothing_overdue(overdue: Sequence[Overdue], by: time) -> None:
    """Require that no day is overdue.

    Args:
        overdue: as `overdue_days` returns them.
        by: time by which the days were due.

    Raises:
        DayOverdue: names each such day, with what to do.
    """
    if overdue:
        raise DayOverdue(overdue_summary(overdue, by))


def overdue_summary(overdue: Sequence[Overdue], by: time) -> str:
    """Sentence on days that are overdue, and a line for each with what to do."""
    lines = [f"  {each.as_of}  {each.why}: {each.what_to_do}" for each in overdue]
    return "\n".join([f"Not published and monitored by {by:%H:%M}: {counted(len(overdue), 'day')}.", *lines])


def _due_at(as_of: date, by: time, zone: ZoneInfo) -> datetime:
    """Moment in UTC at which a day is due. Of an hour that comes twice, the first one counts."""
    # Moments of one zone compare by their wall clocks, which go back in autumn.
    return datetime.combine(as_of, by, zone).astimezone(UTC)


def _is_in_order(day: DayStatus) -> bool:
    """True if readers see the newest revision, and its verdict can be read."""
    return day.state == ARCHIVED or (day.state == PUBLISHED and day.is_judged)


def _overdue(day: DayStatus) -> Overdue:
    why = f"{day.state} ({'; '.join(day.hints)})" if day.hints else day.state
    if day.state == PUBLISHED:
        return Overdue(day.as_of, f"published, {_told_monitoring(day.monitoring)}", _MONITOR.format(day=day.as_of))
    if "manifest" in day.state:
        return Overdue(day.as_of, why, _VERIFY.format(day=day.as_of))
    command = _SCORE.format(day=day.as_of)
    if day.state == WITHDRAWN:
        return Overdue(day.as_of, day.state, f"deliver the right files, then {command}")
    if day.state in _WITHOUT_FILES:
        return Overdue(day.as_of, why, f"ask the feed for its files, then {command}")
    return Overdue(day.as_of, why, command)


def _told_monitoring(monitoring: str) -> str:
    return f"its verdict is {monitoring}" if monitoring == DAMAGED else monitoring
