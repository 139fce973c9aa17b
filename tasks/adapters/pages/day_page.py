"""The page of a day as HTML. It works offline, holds all that it needs, and runs nothing."""

from __future__ import annotations

import math
from datetime import date
from typing import Final

from tasks.adapters.pages.html import template, weekday_name
from tasks.core.reporting.day_page import DayPage, shown_findings

_LEAST_SCALE: Final = 2.0
"""Least size, in units of that which alerts, that fills the place of a bar."""
_SHOWN_RULES: Final = 5
"""Rules that are shown at once; the others unfold."""
_LOWEST: Final = 0.001
_TEN: Final = 10
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def day_page(page: DayPage) -> bytes:
    """Render the page of a day. The same content gives the same bytes.

    The page shows only sentences, counts, shares and figures of many applicants.
    """
    rendered = template("day_page.html").render(
        page=page,
        findings=shown_findings(page),
        title=f"{weekday_name(page.as_of)}, {_written_day(page.as_of)}",
        day=_written_day,
        moment=_moment,
        number=_number,
        scale=max([_LEAST_SCALE, *(each.of_alert or 0.0 for each in page.bars)]),
        days=_days(page),
        shown_rules=_SHOWN_RULES,
    )
    return rendered.encode()


def _written_day(day: date) -> str:
    """Day as people write it, in English whatever the locale is.

    >>> _written_day(date(2026, 11, 2))
    '2 November 2026'
    """
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _moment(at: str) -> str:
    """Time in ISO form as people read it, to the minute; a dash if there is none.

    >>> _moment("2026-11-02T07:05:59.123456+00:00"), _moment("")
    ('2026-11-02 07:05 UTC', '-')
    """
    return f"{at[:10]} {at[11:16]} UTC" if at else "-"


def _number(value: float) -> str:
    """Figure of a finding, a share or a correlation, to three significant digits.

    >>> [_number(each) for each in (0.2512, 0.0, -0.12, 25.0, 0.0001)]
    ['0.251', '0', '-0.12', '25', '<0.001']
    """
    if not math.isfinite(value):
        return "-"
    if 0 < abs(value) < _LOWEST:
        return f"<{_LOWEST}"
    return f"{value:,.0f}" if abs(value) >= _TEN else f"{value:.3g}"


def _days(page: DayPage) -> list[date]:
    """Days of the trends, newest first."""
    return sorted({each.as_of for trend in page.trends.values() for each in trend.days}, reverse=True)
