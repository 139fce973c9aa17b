"""Published days before a day; its size is compared with theirs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from tasks.core.day.manifest import Manifest
from tasks.errors import ManifestDamaged, ObjectArchived
from tasks.publication.manifests import newest_manifest
from tasks.running.context import run_logger
from tasks.store import Store

LOOKED_BACK_DAYS: Final = 28
"""Days to look back: four of each weekday, because weekends differ from Mondays."""


def recent_days(store: Store, as_of: date) -> dict[str, int]:
    """Published day of the last four weeks before `as_of`, in ISO form, to its decided rows.

    The oldest day comes first. A day without rows is left out: all of them were erased.

    Days are asked for one by one, because a listing may lag behind, and grows with the history. A
    day whose manifest is damaged or archived is left out, with a warning; it does not stop another day.
    """
    days = [as_of - timedelta(days=n) for n in range(LOOKED_BACK_DAYS, 0, -1)]
    published = {day: _newest(store, day) for day in days}
    decided = {day.isoformat(): manifest.totals.decided for day, manifest in published.items() if manifest}
    return {day: rows for day, rows in decided.items() if rows}


def _newest(store: Store, as_of: date) -> Manifest | None:
    """Newest manifest of a day; None if there is none, or, with a warning, if it cannot be read."""
    try:
        return newest_manifest(store, as_of)
    except (ManifestDamaged, ObjectArchived) as damage:
        run_logger().warning("%s is left out of the days to compare with: %s", as_of, damage)
        return None
