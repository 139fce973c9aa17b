"""Everything that the store knows of a day, gathered for its page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from configs.calendar import Calendar
from tasks.core.monitoring.metrics import LAST_DAYS, MEAN_CREDIT, Metric
from tasks.core.reporting.advice import DayState
from tasks.core.reporting.day_page import DaySources
from tasks.core.reporting.realised_record import RealisedRecord, read_realised
from tasks.core.reporting.shadow_record import read_shadow
from tasks.core.reporting.trends import TREND_METRICS
from tasks.core.reporting.verdict_record import read_verdict
from tasks.publication.day_status import NOT_MONITORED, day_history
from tasks.publication.layout import (
    day_of,
    model_page_key,
    realised_key,
    refused_report_key,
    report_key,
    room_prefix,
    shadow_key,
    verdict_key,
)
from tasks.reporting.links import links_of
from tasks.reporting.stored import stored_bytes, stored_figures, stored_report
from tasks.store import Store

_PAGE_METRICS = (*TREND_METRICS, "band_share", MEAN_CREDIT, "adverse_impact_ratio", "publication_hours")
"""Metrics that the page of a day tells."""


def gather_page(store: Store, calendar: Calendar, as_of: date, reports: Collection[str]) -> DaySources:
    """Read everything that the store knows of a day. No delivered file is read.

    Args:
        store: place of the day.
        calendar: the business calendar.
        as_of: the day.
        reports: all keys of the reports in the store.
    """
    history = day_history(store, calendar, as_of)
    status = history.status
    revisions = tuple(manifest for manifest in history.revisions.values() if manifest)
    model = revisions[-1].model if revisions else None  # its page is written with that of all days
    is_judged = bool(revisions and status.monitoring) and status.monitoring != NOT_MONITORED
    verdict = stored_bytes(store, verdict_key(as_of)) if is_judged else None
    shadow = stored_bytes(store, shadow_key(as_of)) if shadow_key(as_of) in reports else None
    return DaySources(
        as_of=as_of,
        state=DayState(
            status.state,
            status.hints,
            status.monitoring,
            is_published=bool(revisions),
            is_refused=refused_report_key(as_of) in reports,
        ),
        revisions=revisions,
        report=stored_report(store, report_key(as_of)),
        refused=stored_report(store, refused_report_key(as_of)),
        verdict=read_verdict(verdict) if verdict else None,
        metrics=stored_figures(store, as_of, _PAGE_METRICS, revision=revisions[-1].revision) if is_judged else (),
        before=_metrics_before(store, as_of),
        realised=_realised(store, as_of, reports),
        links=links_of(as_of, model, {*reports, *([model_page_key(model.name, model.version)] if model else ())}),
        shadow=read_shadow(shadow) if shadow else None,
    )


def _realised(store: Store, as_of: date, reports: Collection[str]) -> RealisedRecord | None:
    """Realised cost of a day; None if no backtest has told it."""
    found = stored_bytes(store, realised_key(as_of)) if realised_key(as_of) in reports else None
    return read_realised(found) if found else None


def _metrics_before(store: Store, as_of: date) -> Mapping[date, tuple[Metric, ...]]:
    """Figures of the last 28 monitored days before."""
    days = {day_of(entry.key) for entry in store.list(room_prefix("monitoring"))}
    before = sorted(day for day in days if day and day < as_of)[-LAST_DAYS:]
    return {day: stored_figures(store, day, TREND_METRICS) for day in before}
