"""Renewal of the page of a day, by whatever changes what there is to say of it.

No run depends on a page: one that fails is a warning, and the next step of the day makes it anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import date

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.core.reporting.day_page import build_day_page
from tasks.errors import ExpectationsNotMet
from tasks.publication.layout import day_page_key, day_prefix, days_page_key, refused_report_key, room_prefix
from tasks.reporting.day import gather_page
from tasks.reporting.days import renew_days_page
from tasks.reporting.links import neighbours
from tasks.running.events import never_in_the_way
from tasks.running.step import step
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite


@step("renew day page")
def renew_day_page(as_of: date, settings: Settings) -> str:
    """Write the page of a day; returns its key, or an empty text if it could not be written.

    The same day in the same store gives the same bytes.
    """
    with never_in_the_way(f"page of {as_of}", done="written"):
        return write_day_page(open_store(settings.storage), as_of, settings)
    return ""


@contextlib.contextmanager
def pages_renewed(as_of: date, settings: Settings) -> Iterator[None]:
    """Renew a day's page, and its line on the page of all days, after the block; also if the contract stops it.

    A day without a page gets one only if it was refused: monitoring writes that of a published day.
    """
    try:
        yield
    except ExpectationsNotMet:
        _renew_after(as_of, settings)
        raise
    _renew_after(as_of, settings)


def renew_day_pages(days: Iterable[date], settings: Settings) -> None:
    """Renew the pages of those of the days that have one, and their lines if there is a page of all days."""
    changed = sorted(set(days))
    for as_of in changed:
        _renew_if_due(as_of, settings)
    with never_in_the_way("page of all days", done="renewed"):
        if changed and any(open_store(settings.storage).list(days_page_key())):
            renew_days_page(settings, changed[0] if len(changed) == 1 else None)


def _renew_after(as_of: date, settings: Settings) -> None:
    _renew_if_due(as_of, settings)
    renew_days_page(settings, as_of)


def write_day_page(store: Store, as_of: date, settings: Settings) -> str:
    """Write the page of a day; returns its key.

    The days before and after are renewed with a new page, so that they lead to it.
    """
    key = day_page_key(as_of)
    reports = {entry.key for entry in store.list(room_prefix("reports"))}
    reports_after = {*reports, key, days_page_key()}  # the page of all days is renewed with any
    _write(store, as_of, settings, reports_after)
    if key not in reports:
        for neighbour in neighbours(as_of, reports):
            if neighbour:
                _write(store, neighbour, settings, reports_after)
    return key


def _write(store: Store, as_of: date, settings: Settings, reports: set[str]) -> None:
    from tasks.adapters.pages.day_page import day_page

    sources = gather_page(store, load_calendar(settings.scoring.calendar), as_of, reports)
    overwrite(store, day_page_key(as_of), day_page(build_day_page(sources)))


def _renew_if_due(as_of: date, settings: Settings) -> None:
    """Renew the page of a day that has one, or that was refused."""
    with never_in_the_way(f"page of {as_of}", done="renewed"):
        keys = {entry.key for entry in open_store(settings.storage).list(day_prefix("reports", as_of))}
        if keys & {day_page_key(as_of), refused_report_key(as_of)}:
            renew_day_page(as_of, settings)
