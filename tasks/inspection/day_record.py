"""A day's status as plain values, for programs that read `scoring status --json`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from configs.calendar import Calendar
from tasks.core.day.facts import day_facts
from tasks.publication.day_status import DayStatus


def day_record(day: DayStatus, calendar: Calendar, overdue: Collection[date] | None) -> dict[str, Any]:
    """Status of a day. A fact that is not known, or may not be told, is None.

    Args:
        day: its status.
        calendar: the business calendar.
        overdue: days that are overdue; None if nobody asked.
    """
    record: dict[str, Any] = {
        "as_of": day.as_of.isoformat(),
        "state": day.state,
        "hints": list(day.hints),
        "excuse": calendar.excuse(day.as_of),
        "monitoring": day.monitoring or None,
        "revision": None,
        "published_at": None,
        "model": None,
        "sealed_copy": None,
        "received": None,
        "decided": None,
        "quarantined": None,
        "approval_rate": None,
        "sha256": None,
    }
    if overdue is not None:
        record["overdue"] = day.as_of in overdue
    if day.newest is None:
        return record
    facts = day_facts(day.newest)
    approved = facts.decisions.get("approve")
    return record | {
        "revision": day.newest.revision,
        "published_at": facts.published_at,
        "model": None if facts.is_withdrawn else f"{day.newest.model.name} {day.newest.model.version}",
        "sealed_copy": facts.sealed_copy or None,
        "received": facts.rows.received,
        "decided": facts.rows.became["decided"],
        "quarantined": facts.rows.became["quarantined"],
        "approval_rate": approved.share if approved else None,
        "sha256": facts.digest,
    }
