"""The page of all days: built whole from the store, or renewed by the line of one day.

No run depends on the page: one that fails is a warning, and the next renewal makes it anew.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Final, get_args

import pyarrow.compute as pc

from configs.calendar import Calendar, load_calendar
from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.contract.report import ContractReport, read_contract_report
from tasks.core.monitoring.metrics import METRICS_SCHEMA, WHOLE_DAY, Level, Metric, metrics_of
from tasks.core.reporting.day_line import LINE_METRICS, JudgedDay, LineSources, judged_day, line_of_day
from tasks.core.reporting.days_page import DayLine, with_missing_days
from tasks.errors import ExpectationsNotMet, ObjectArchived
from tasks.publication.day_status import begun_days, is_begun, status_of_day
from tasks.publication.layout import (
    day_page_key,
    days_page_key,
    metrics_key,
    monitoring_key,
    refused_page_key,
    refused_report_key,
    report_page_key,
    verdict_key,
)
from tasks.publication.stored_day import StoredDay
from tasks.reporting.links import relative_link
from tasks.reporting.model import model_links, write_model_pages
from tasks.running.events import never_in_the_way
from tasks.running.step import step
from tasks.running.workers import work_in_order
from tasks.store import Store, open_store
from tasks.store.interface import Stored
from tasks.store.renewing import read_if_there, renew

_READERS: Final = 8
"""Days read at a time: a store far away answers each question in tens of milliseconds."""
_READ_COLUMNS: Final = [name for name in METRICS_SCHEMA.names if name not in {"as_of", "model_version"}]
_LEVELS: Final = get_args(Level)


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


@contextlib.contextmanager
def days_page_renewed(as_of: date, settings: Settings) -> Iterator[None]:
    """Renew a day's line after the block, also if the contract stops the day in it."""
    try:
        yield
    except ExpectationsNotMet:
        renew_days_page(settings, as_of)
        raise
    renew_days_page(settings, as_of)


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
    is_judged = newest is not None and status.monitoring in _LEVELS
    keys = {entry.key for entry in day.entries("reports")}
    return line_of_day(
        LineSources(
            as_of,
            status.state,
            status.monitoring,
            newest,
            verdict=_verdict(store, as_of) if is_judged else None,
            metrics=_metrics(store, as_of, newest.revision) if newest and is_judged else (),
            refused=_refused(store, as_of) if refused_report_key(as_of) in keys else None,
            page=_page(as_of, keys),
        )
    )


def _verdict(store: Store, as_of: date) -> JudgedDay | None:
    found = _read(store, verdict_key(as_of))
    return judged_day(found) if found else None


def _metrics(store: Store, as_of: date, revision: int) -> list[Metric]:
    """Figures of a revision that a line tells; none if they are gone, damaged, or of another one."""
    found = _read(store, metrics_key(as_of))
    if found is None:
        return []
    try:
        table = read_parquet(found, _READ_COLUMNS, is_small=True)
        is_told = pc.and_(pc.equal(table.column("slice"), WHOLE_DAY), pc.equal(table.column("revision"), revision))
        return metrics_of(table.filter(is_told), LINE_METRICS)
    except (ValueError, OSError, KeyError):  # pyarrow raises these on bytes that are not such a table
        return []


def _refused(store: Store, as_of: date) -> ContractReport | None:
    """Report of the contract on the day that it stopped; None if it is damaged."""
    found = _read(store, refused_report_key(as_of))
    try:
        return read_contract_report(json.loads(found)) if found else None
    except (ValueError, TypeError, AttributeError):
        return None


def _read(store: Store, key: str) -> bytes | None:
    """Bytes of an object; None if there is none, or if it lies in an archive."""
    try:
        found = read_if_there(store, key)
    except ObjectArchived:
        return None
    return found.data if found else None


def _page(as_of: date, keys: Collection[str]) -> str:
    """Address of the page that tells most of a day, relative to the page of all days; empty if none is there."""
    pages = (
        day_page_key(as_of), refused_page_key(as_of), monitoring_key(as_of, "drift.html"), report_page_key(as_of),
    )  # fmt: skip
    there = [key for key in pages if key in keys]
    return relative_link(days_page_key(), there[0]) if there else ""
