"""The day that a scheduled run works on: by the schedule and the clock of the business, on any machine."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.flow_engine import run_flow
from prefect.server.schemas.schedules import CronSchedule
from prefect.states import Scheduled

from configs.calendar import Calendar
from configs.settings import Settings
from tasks.running.step import business_day

ZONE = "Europe/Prague"
PRAGUE = Calendar(zone=ZONE, weekend=(), holidays={}, zero_row_days={})
DAYS = 9


@pytest.fixture
def clock_of_the_machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The time zone of this machine, for one test."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.parametrize("cron", ["0 7 * * *", "30 2 * * *", "0 2 * * *", "0 3 * * *", "15 0 * * *", "50 23 * * *"])
@pytest.mark.parametrize("first", [date(2026, 3, 25), date(2026, 10, 21)], ids=["an hour is missing", "it comes twice"])
def test_a_daily_schedule_names_each_day_once_also_where_an_hour_is_missing_or_comes_twice(
    cron: str, first: date
) -> None:
    midnight = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(ZONE))
    schedule = CronSchedule(cron=cron, timezone=ZONE)
    moments = asyncio.run(schedule.get_dates(DAYS, start=midnight))
    assert [PRAGUE.business_day(moment) for moment in moments] == [first + timedelta(days=n) for n in range(DAYS)]


@flow
def which_day() -> date:
    """Day of a run that was told none."""
    return business_day(None, Settings())


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("clock_of_the_machine", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"], indirect=True)
@pytest.mark.parametrize(
    ("scheduled", "day"),
    [
        (datetime(2026, 11, 2, 22, 50, tzinfo=UTC), date(2026, 11, 2)),  # ten to midnight; it starts much later
        (datetime(2026, 11, 2, 23, 10, tzinfo=UTC), date(2026, 11, 3)),
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), date(2026, 3, 29)),  # for half past two, which is missing
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), date(2026, 10, 25)),  # half past two for the second time
    ],
)
def test_a_run_works_on_the_day_for_which_it_was_scheduled_whatever_clock_the_machine_has(
    clock_of_the_machine: str, scheduled: datetime, day: date
) -> None:
    planned: State[Any] = Scheduled(scheduled_time=scheduled)
    with get_client(sync_client=True) as prefect:
        run = prefect.create_flow_run(which_day, state=planned)
    assert run_flow(which_day, flow_run=run) == day, clock_of_the_machine
