"""Everything that the store knows of a day, gathered for its page."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date

import pyarrow.compute as pc

from configs.calendar import Calendar
from tasks.adapters.files.parquet import read_parquet
from tasks.core.contract.report import ContractReport, read_contract_report
from tasks.core.monitoring.metrics import METRICS_SCHEMA, Metric, metrics_of
from tasks.core.monitoring.usual_days import LAST_DAYS
from tasks.core.reporting.advice import DayState
from tasks.core.reporting.day_page import DaySources
from tasks.core.reporting.trends import TREND_METRICS
from tasks.core.reporting.verdict_record import read_verdict
from tasks.publication.day_status import NOT_MONITORED, day_history
from tasks.publication.layout import day_of, metrics_key, refused_report_key, report_key, room_prefix, verdict_key
from tasks.reporting.links import links_of
from tasks.store import Store
from tasks.store.renewing import read_if_there

_PAGE_METRICS = (*TREND_METRICS, "band_share", "adverse_impact_ratio", "publication_hours")
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
    is_judged = bool(revisions) and status.monitoring != NOT_MONITORED
    verdict = read_if_there(store, verdict_key(as_of)) if is_judged else None
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
        report=_contract_report(store, report_key(as_of)),
        refused=_contract_report(store, refused_report_key(as_of)),
        verdict=read_verdict(verdict.data) if verdict else None,
        metrics=_metrics(store, as_of, _PAGE_METRICS, revision=revisions[-1].revision) if is_judged else (),
        before=_metrics_before(store, as_of),
        links=links_of(as_of, revisions[-1].model if revisions else None, reports),
    )


def _contract_report(store: Store, key: str) -> ContractReport | None:
    """Contract report under this key; None if there is none, or if it is damaged."""
    found = read_if_there(store, key)
    if found is None:
        return None
    try:
        return read_contract_report(json.loads(found.data))
    except (ValueError, TypeError, AttributeError):
        return None


def _metrics(
    store: Store,
    as_of: date,
    names: tuple[str, ...],
    *,
    revision: int | None = None,
) -> tuple[Metric, ...]:
    """Figures of a monitored day; none if it was not monitored, or if its table is damaged.

    Args:
        store: place of the day.
        as_of: the day.
        names: metrics that are wanted.
        revision: revision whose figures are wanted; None for that which was monitored last.
    """
    found = read_if_there(store, metrics_key(as_of))
    if found is None:
        return ()
    try:
        table = read_parquet(found.data, METRICS_SCHEMA.names)
        if revision is not None:
            table = table.filter(pc.equal(table.column("revision"), revision))
        return tuple(metrics_of(table, names))
    except (ValueError, OSError, KeyError):  # pyarrow raises these on bytes that are not such a table
        return ()


def _metrics_before(store: Store, as_of: date) -> Mapping[date, tuple[Metric, ...]]:
    """Figures of the last 28 monitored days before."""
    days = {day_of(entry.key) for entry in store.list(room_prefix("monitoring"))}
    before = sorted(day for day in days if day and day < as_of)[-LAST_DAYS:]
    return {day: _metrics(store, day, TREND_METRICS) for day in before}
