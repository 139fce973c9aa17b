"""The page of all days: built whole from the store, or renewed by the line of one day.

No run depends on the page: one that fails is a warning, and the next renewal makes it anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

from configs.calendar import Calendar, load_calendar
from configs.settings import Settings
from tasks.core.monitoring.metrics import LEVELS
from tasks.core.reporting.day_line import LINE_METRICS, LineSources, line_of_day
from tasks.core.reporting.days_page import DayLine, with_missing_days
from tasks.core.reporting.realised_record import RealisedRecord, read_realised
from tasks.core.reporting.verdict_record import VerdictRecord, read_verdict
from tasks.publication.day_status import begun_days, is_begun, status_of_day
from tasks.publication.layout import (
    day_page_key,
    days_page_key,
    monitoring_key,
    realised_key,
    refused_page_key,
    refused_report_key,
    report_page_key,
    verdict_key,
)
from tasks.publication.stored_day import StoredDay
from tasks.reporting.links import relative_link
from tasks.reporting.model import model_links, write_model_pages
from tasks.reporting.stored import stored_bytes, stored_figures, stored_report
from tasks.running.events import never_in_the_way
from tasks.running.step import step
from tasks.running.workers import work_in_order
from tasks.store import Store, open_store
from tasks.store.interface import Stored
from tasks.store.renewing import renew

_READERS: Final = 8
"""Days read at a time: a store far away answers each question in tens of milliseconds."""


@step("renew page of all days")
def renew_days_page(settings: Settings, as_of: date | None = None) -> str:
    """Write the page of all days, and the pages of their models; returns its key, or an empty text.

    The text is empty if the page could not be written. The same store gives the same bytes.

    Args:
        settings: of the project.
        as_of: the only day that has changed. Its line is renewed on the page that is there; without
            such a page, or without a day, all lines are made anew.
    """
    with never_in_the_way("page of all days", done="written"):
        calendar = load_calendar(settings.scoring.calendar)
        write_days_page(open_store(settings.storage), calendar, settings, as_of=as_of)
        return days_page_key()
    return ""


def write_days_page(store: Store, calendar: Calendar, settings: Settings, *, as_of: date | None = None) -> None:
    """Write the page of all days and those of their models, as `renew_days_page` does.

    Raises what the store raises.
    """
    from tasks.adapters.pages.days import days_page

    lines: list[DayLine] = []

    def renewed(seen: Stored | None) -> bytes:
        lines[:] = with_missing_days(_lines_now(store, calendar, seen, as_of), calendar.excuse)
        return days_page(lines, model_links(lines))

    renew(store, days_page_key(), renewed)
    write_model_pages(store, lines, settings, as_of=as_of)


def gather_lines(store: Store, calendar: Calendar) -> list[DayLine]:
    """A line for each day of which anything was delivered or published, oldest first."""
    return _lines_of(begun_days(store), calendar)


def _lines_now(store: Store, calendar: Calendar, seen: Stored | None, as_of: date | None) -> list[DayLine]:
    """Lines of all days; only that of `as_of` is read anew if the page that was seen has the others."""
    kept = _embedded(seen) if seen and as_of else None
    if kept is None or as_of is None:
        return gather_lines(store, calendar)
    day = StoredDay(store, as_of)
    changed = _lines_of([day], calendar) if is_begun(day) else []
    return [line for line in kept if line.as_of != as_of] + changed


def _embedded(page: Stored) -> list[DayLine] | None:
    """Lines that a page embeds; None if another program wrote the page, or it is damaged."""
    from tasks.adapters.pages.days import embedded_lines

    try:
        return embedded_lines(page.data)
    except ValueError:
        return None


def _lines_of(days: Sequence[StoredDay], calendar: Calendar) -> list[DayLine]:
    return list(work_in_order(lambda day: _line(day, calendar), days, workers=_READERS))


def _line(day: StoredDay, calendar: Calendar) -> DayLine:
    """Line of one day. What cannot be read of it is left out, and hides no other day."""
    status, store, as_of = status_of_day(day, calendar), day.store, day.as_of
    newest = status.newest
    is_judged = newest is not None and status.monitoring in LEVELS
    keys = {entry.key for entry in day.entries("reports")}
    return line_of_day(
        LineSources(
            as_of,
            status.state,
            status.monitoring,
            newest,
            verdict=_verdict(store, as_of) if is_judged else None,
            metrics=stored_figures(store, as_of, LINE_METRICS, revision=newest.revision, is_whole_day=True)
            if newest and is_judged
            else (),
            refused=stored_report(store, refused_report_key(as_of)) if refused_report_key(as_of) in keys else None,
            page=_page(as_of, keys),
            realised=_realised(store, as_of, newest.revision) if newest and realised_key(as_of) in keys else None,
        )
    )


def _verdict(store: Store, as_of: date) -> VerdictRecord | None:
    found = stored_bytes(store, verdict_key(as_of))
    return read_verdict(found) if found else None


def _realised(store: Store, as_of: date, revision: int) -> RealisedRecord | None:
    """Realised cost of a revision; None if the last backtest held them against another one."""
    found = stored_bytes(store, realised_key(as_of))
    realised = read_realised(found) if found else None
    return realised if realised and realised.revision == revision else None


def _page(as_of: date, keys: Collection[str]) -> str:
    """Address of the page that tells most of a day, relative to the page of all days; empty if none is there."""
    pages = (
        day_page_key(as_of), refused_page_key(as_of), monitoring_key(as_of, "drift.html"), report_page_key(as_of),
    )  # fmt: skip
    there = [key for key in pages if key in keys]
    return relative_link(days_page_key(), there[0]) if there else ""
