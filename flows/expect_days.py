"""Fail if a day that the calendar demands is not published and monitored by its time, so that an alarm can follow."""

from __future__ import annotations

from datetime import UTC, datetime, time

from configs.calendar import load_calendar
from tasks.inspection.overdue import overdue_days, require_nothing_overdue
from tasks.publication.day_status import list_days
from tasks.running.context import settings_of_run
from tasks.running.endings import ends_in_a_line
from tasks.running.flows import flow
from tasks.store import open_store


@flow(name="expect-days", flow_run_name="expect-days")
@ends_in_a_line()
def expect_days(config: str | None = None, by: time = time(8), last: int = 30) -> None:
    """Look at the newest days, and fail if one is overdue. Changes nothing.

    Args:
        config: Settings file; by default configs/local.yaml.
        by: Time by which a day must be published and monitored, by the calendar's clock; today's counts from then on.
        last: Number of the newest days that are looked at.
    """
    settings = settings_of_run(config)
    calendar = load_calendar(settings.scoring.calendar)
    now = datetime.now(UTC)
    days = list_days(open_store(settings.storage), calendar, last=last, today=calendar.business_day(now))
    require_nothing_overdue(overdue_days(days, calendar, now, by), by)
