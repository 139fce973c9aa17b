"""Business calendar, `configs/calendar.yaml`.

It holds the time zone of a business day, and the days on which a missing file is not an error.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from configs.settings import project_path, read_yaml, validated

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class Calendar(BaseModel):
    """Content of `configs/calendar.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: str = Field(description="IANA time zone whose midnight begins a business day.")
    weekend: tuple[Weekday, ...] = Field(description="Weekdays on which the feed may stay away.")
    holidays: dict[date, str] = Field(
        description="Holiday to its name. The feed may stay away on a holiday.",
    )
    zero_row_days: dict[date, str] = Field(
        description="Day without applications, to the reason for that.",
    )

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("it is not an IANA time zone, such as Europe/Prague") from None
        return zone

    def business_day(self, moment: datetime) -> date:
        """Business day, in the time zone of the business, that an aware `moment` belongs to.

        >>> from datetime import UTC
        >>> prague = Calendar(zone="Europe/Prague", weekend=(), holidays={}, zero_row_days={})
        >>> prague.business_day(datetime(2026, 11, 1, 23, 30, tzinfo=UTC))
        datetime.date(2026, 11, 2)
        """
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def local_time(self, moment: str) -> str:
        """Moment in ISO form as people read it: by the clock of the business, with its zone.

        Text that is not a moment, a day among others, stays as it is.

        >>> prague = Calendar(zone="Europe/Prague", weekend=(), holidays={}, zero_row_days={})
        >>> prague.local_time("2026-11-02T23:05:59+00:00")
        '2026-11-03 00:05 Europe/Prague'
        """
        try:
            read = datetime.fromisoformat(moment)
        except ValueError:
            return moment
        if len(moment) == len("2026-11-02"):
            return moment
        local = read.replace(tzinfo=read.tzinfo or UTC).astimezone(ZoneInfo(self.zone))
        return f"{local:%Y-%m-%d %H:%M} {self.zone}"

    def excuse(self, day: date) -> str | None:
        """Reason for which the feed may stay away on `day`; None if the day must have applications.

        >>> days = {date(2026, 12, 25): "Christmas Day"}
        >>> calendar = Calendar(zone="UTC", weekend=("sunday",), holidays=days, zero_row_days={})
        >>> [calendar.excuse(date(2026, 12, n)) for n in (24, 25, 27)]
        [None, 'a holiday (Christmas Day)', 'a Sunday']
        """
        if day in self.zero_row_days:
            return f"declared to have no applications ({self.zero_row_days[day]})"
        if day in self.holidays:
            return f"a holiday ({self.holidays[day]})"
        weekday = _WEEKDAYS[day.weekday()]
        return f"a {weekday.capitalize()}" if weekday in self.weekend else None


def load_calendar(path: str) -> Calendar:
    """Calendar in the file at `path`. Raises `ConfigError` that names the wrong field."""
    source = project_path(path)
    return validated(Calendar, read_yaml(source, "scoring.calendar"), source)


class Clock(NamedTuple):
    """Clock of a run: the day of today, and ages in days."""

    today: date
    calendar: Calendar

    def age_days(self, since: date | datetime) -> int:
        """Days since a business day, or since the business day that a moment belongs to."""
        day = self.calendar.business_day(since) if isinstance(since, datetime) else since
        return (self.today - day).days
