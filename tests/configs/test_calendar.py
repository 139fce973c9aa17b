from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from configs.calendar import Calendar, load_calendar
from configs.settings import PROJECT
from tasks.errors import ConfigError

CALENDAR = {
    "zone": "Europe/Prague",
    "weekend": ["saturday", "sunday"],
    "holidays": {date(2026, 12, 24): "Christmas Eve"},
    "zero_row_days": {date(2026, 12, 24): "moving house", date(2026, 12, 23): "moving house"},
}


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 1, 22, 59, 59, tzinfo=UTC), date(2026, 11, 1)),
        (datetime(2026, 11, 1, 23, 0, tzinfo=UTC), date(2026, 11, 2)),
        (datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), date(2026, 7, 2)),
        # 23 hours long, without the hour from two to three
        (datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC), date(2026, 3, 28)),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30)),
        # 25 hours long, with that hour twice
        (datetime(2026, 10, 24, 21, 59, 59, tzinfo=UTC), date(2026, 10, 24)),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
    ],
)
def test_a_day_begins_at_midnight_where_the_business_is_in_winter_and_in_summer(moment: datetime, day: date) -> None:
    assert Calendar.model_validate(CALENDAR).business_day(moment) == day


SECONDS = st.integers(0, 2_000_000_000)
"""Since 1970, to 2033."""
ZONES = st.sampled_from(["Europe/Prague", "UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])


@given(SECONDS, SECONDS, ZONES, ZONES)
def test_a_later_moment_is_never_of_an_earlier_day_whatever_clock_tells_it(
    seconds: int, later: int, zone: str, clock: str
) -> None:
    calendar = Calendar.model_validate(CALENDAR | {"zone": zone})
    first, second = (datetime.fromtimestamp(each, UTC) for each in sorted([seconds, later]))
    assert calendar.business_day(first) <= calendar.business_day(second)
    assert calendar.business_day(first) == calendar.business_day(first.astimezone(ZoneInfo(clock)))


@pytest.mark.parametrize(
    ("day", "excuse"),
    [
        (date(2026, 12, 18), None),
        (date(2026, 12, 19), "a Saturday"),
        (date(2026, 12, 20), "a Sunday"),
        (date(2026, 12, 21), None),
        (date(2026, 12, 23), "declared to have no applications (moving house)"),
        (date(2026, 12, 24), "declared to have no applications (moving house)"),
    ],
)
def test_the_feed_may_stay_away_on_weekends_holidays_and_declared_days_only(day: date, excuse: str | None) -> None:
    assert Calendar.model_validate(CALENDAR).excuse(day) == excuse


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zone": "Europe/Pragu"}, "zone is 'Europe/Pragu': .* not an IANA time zone"),
        ({"zone": "../etc/passwd"}, "not an IANA time zone"),
        ({"weekend": ["caturday"]}, "weekend.0 is 'caturday'"),
        ({"holidays": {"christmas": "x"}}, "holidays.christmas"),
        ({"hollidays": {}}, r"hollidays is unknown. Did you mean 'holidays'\? Known here: zone, weekend"),
    ],
)
def test_a_wrong_calendar_names_the_field(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "calendar.yaml"
    path.write_text(yaml.safe_dump(CALENDAR | change))
    with pytest.raises(ConfigError, match=message):
        load_calendar(str(path))


def test_the_schedule_goes_by_the_clock_of_the_calendar() -> None:
    zone = load_calendar("configs/calendar.yaml").zone
    deployments = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    schedules = [schedule for each in deployments for schedule in each.get("schedules", [])]
    assert {schedule["timezone"] for schedule in schedules} == {zone}
