"""The day beside the flow run that works on it: status, counts, and what to do next, as an artifact."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.core.reporting.day_markdown import day_markdown
from tasks.core.reporting.day_page import DaySources, build_day_page
from tasks.errors import ScoringError, ending_of
from tasks.publication.layout import day_page_key, days_page_key, monitoring_key, refused_page_key, room_prefix
from tasks.publication.places import places_of
from tasks.reporting.day import gather_page
from tasks.running.context import is_in_flow_run
from tasks.running.events import never_in_the_way, show_markdown
from tasks.store import Store, open_store


@contextlib.contextmanager
def day_shown(as_of: date, settings: Settings) -> Iterator[None]:
    """Show the day beside the flow run when the block ends; if it fails, with the line that says what to do."""
    try:
        yield
    except ScoringError as error:
        show_beside_run(as_of, settings, ending_of(error))
        raise
    show_beside_run(as_of, settings)


def show_beside_run(as_of: date, settings: Settings, ending: str = "") -> None:
    """Show the day beside the flow run, as the store knows it now; outside one nothing is shown.

    Args:
        as_of: the day.
        settings: those of the run.
        ending: line by which the run failed; empty if it did not fail.
    """
    if not is_in_flow_run():
        return
    with never_in_the_way(f"page of {as_of}", done="shown"):
        store = open_store(settings.storage)
        reports = {entry.key for entry in store.list(room_prefix("reports"))}
        sources = gather_page(store, load_calendar(settings.scoring.calendar), as_of, reports)
        page = build_day_page(sources)
        show_markdown(
            day_markdown(page, _places(store, sources, reports), ending),
            key=f"day-{as_of}",
            description=f"{as_of}: {page.headline}",
        )


def _places(store: Store, sources: DaySources, reports: set[str]) -> dict[str, str]:
    """Name to location of what people look at, of the objects that are there."""
    as_of = sources.as_of
    pages = {
        "Page of the day": day_page_key(as_of),
        "Refused by the contract": refused_page_key(as_of),
        "Drift": monitoring_key(as_of, "drift.html"),
        "All days": days_page_key(),
    }
    published = places_of(sources.revisions[-1]) if sources.revisions else {}
    shown = published | {name: key for name, key in pages.items() if key in reports}
    return {name: store.location(key) for name, key in shown.items()}
