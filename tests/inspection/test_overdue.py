"""A day that the calendar demands is overdue from its time on, until it is published and monitored."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from configs.calendar import Calendar
from tasks.inspection.overdue import overdue_days
from tasks.publication.day_status import REFUSED, DayStatus, undelivered_day
from tests.manifests import sample_manifest

PRAGUE = Calendar(zone="Europe/Prague", weekend=("saturday", "sunday"), holidays={}, zero_row_days={})
MONDAY = date(2026, 11, 2)
EIGHT = time(8)


def at(clock: str, day: date = MONDAY, *, hours_from_utc: int = 1) -> datetime:
    """Moment at which the clock of Prague shows this."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC) - timedelta(hours=hours_from_utc)


def published(day: date = MONDAY, monitoring: str = "ok", state: str = "published") -> DayStatus:
    return DayStatus(day, sample_manifest(), state, (), monitoring)


def overdue(*days: DayStatus, now: datetime | None = None, by: time = EIGHT) -> list[tuple[date, str, str]]:
    return [tuple(each) for each in overdue_days(days, PRAGUE, now or at("08:00"), by)]


@pytest.mark.parametrize("monitoring", ["ok", "watch", "alert", "insufficient", "archived"])
def test_a_published_and_judged_day_is_in_order_whatever_the_verdict(monitoring: str) -> None:
    assert overdue(published(monitoring=monitoring)) == []


@pytest.mark.parametrize(("clock", "is_due"), [("07:59:59", False), ("08:00:00", True), ("23:59:00", True)])
def test_today_is_due_from_its_time_on(clock: str, is_due: bool) -> None:
    assert bool(overdue(now=at(clock))) is is_due


def test_the_time_is_that_of_the_business_wherever_the_machine_stands() -> None:
    late_in_utc = datetime(2026, 11, 1, 23, 30, tzinfo=UTC)  # half past midnight on Monday in Prague
    assert [day for day, *_ in overdue(now=late_in_utc, by=time(0, 15))] == [MONDAY]
    assert overdue(now=late_in_utc, by=time(0, 45)) == []


@pytest.mark.parametrize(
    ("day", "clock_utc", "is_due"),
    [
        (date(2026, 3, 30), "05:59", False),  # summer time began the day before: 07:59 in Prague
        (date(2026, 3, 30), "06:00", True),
        (date(2026, 10, 26), "06:59", False),  # it ended the day before: 07:59 in Prague
        (date(2026, 10, 26), "07:00", True),
    ],
)
def test_the_clock_follows_summer_time(day: date, clock_utc: str, is_due: bool) -> None:
    now = datetime.fromisoformat(f"{day}T{clock_utc}+00:00")
    assert bool(overdue_days([], PRAGUE, now, EIGHT)) is is_due


def test_a_time_in_the_hour_that_is_missing_is_due_after_it() -> None:
    every_day = PRAGUE.model_copy(update={"weekend": ()})
    before, after = (datetime(2026, 3, 29, hour, 59, tzinfo=UTC) for hour in (0, 1))
    assert overdue_days([], every_day, before, time(2, 30)) == []
    assert overdue_days([], every_day, after, time(2, 30))


@pytest.mark.parametrize(
    ("clock_utc", "is_due"),
    [("00:29", False), ("00:30", True), ("00:59", True), ("01:10", True), ("01:30", True)],
)
def test_a_time_in_the_hour_that_comes_twice_is_due_from_its_first_on(clock_utc: str, is_due: bool) -> None:
    every_day = PRAGUE.model_copy(update={"weekend": ()})
    now = datetime.fromisoformat(f"2026-10-25T{clock_utc}+00:00")
    assert bool(overdue_days([], every_day, now, time(2, 30))) is is_due


@pytest.mark.parametrize(
    ("status", "told", "command"),
    [
        (undelivered_day(MONDAY, MONDAY), "nothing delivered yet", "ask the feed for its files, then scoring score"),
        (DayStatus(MONDAY, None, "delivered, not published"), "delivered, not published", "scoring score"),
        (DayStatus(MONDAY, None, REFUSED, ("exit 4",)), f"{REFUSED} (exit 4)", "scoring score"),
        (published(state="behind"), "behind", "scoring score"),
        (published(monitoring="not monitored"), "published, not monitored", "scoring monitor"),
        (published(monitoring="rev 1 only"), "published, rev 1 only", "scoring monitor"),
        (published(monitoring="damaged"), "published, its verdict is damaged", "scoring monitor"),
        (DayStatus(MONDAY, None, "its manifest is damaged"), "its manifest is damaged", "scoring status"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(status: DayStatus, told: str, command: str) -> None:
    ((day, why, what_to_do),) = overdue(status)
    assert (day, why) == (MONDAY, told)
    assert what_to_do.startswith(command)
    assert str(MONDAY) in what_to_do


def test_a_day_before_is_due_whatever_the_time_and_a_later_one_never() -> None:
    before, after = MONDAY - timedelta(days=3), MONDAY + timedelta(days=1)
    days = [undelivered_day(before, MONDAY), published(), DayStatus(after, None, "delivered, not published")]
    assert [day for day, *_ in overdue(*days, now=at("00:00:01"))] == [before]


def test_a_day_that_the_calendar_excuses_is_never_due() -> None:
    sunday = MONDAY - timedelta(days=1)
    assert overdue(DayStatus(sunday, None, "delivered, not published"), now=at("09:00", sunday)) == []


def test_an_old_day_that_is_mended_clears_no_other_day() -> None:
    friday = MONDAY - timedelta(days=3)
    assert [day for day, *_ in overdue(published(friday))] == [MONDAY]
