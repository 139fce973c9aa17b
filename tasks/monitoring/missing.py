"""Published days that nobody has judged yet, found in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.core.day.facts import day_facts
from tasks.publication.day_status import DayStatus, list_days
from tasks.running.step import step
from tasks.store import open_store


@step("find days to monitor")
def days_to_monitor(settings: Settings, *, last: int, grace_minutes: int) -> tuple[date, ...]:
    """Published days without a verdict on their newest revision, oldest first.

    Args:
        settings: those of the run.
        last: number of the newest days with files that are looked at.
        grace_minutes: minutes after a publication in which the day is left to the run that its event starts.
    """
    now = datetime.now(UTC)
    calendar = load_calendar(settings.scoring.calendar)
    days = list_days(open_store(settings.storage), calendar, last=last, today=calendar.business_day(now))
    return tuple(unjudged_days(days, now - timedelta(minutes=grace_minutes)))


def unjudged_days(days: Iterable[DayStatus], until: datetime) -> Iterator[date]:
    """Days whose newest revision was published at `until` or before, and is not judged.

    A withdrawn day has nothing to judge.
    """
    for day in days:
        if day.newest is None or day.newest.is_withdrawn or day.is_judged:
            continue
        published_at = day_facts(day.newest).published_at
        if not published_at or datetime.fromisoformat(published_at) <= until:
            yield day.as_of
