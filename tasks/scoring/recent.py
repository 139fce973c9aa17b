"""The published days before a day, which its size is compared with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from tasks.core.day.manifest import Manifest
from tasks.errors import ManifestDamaged
from tasks.publication.manifests import newest_manifest
from tasks.running.context import run_logger
from tasks.store import Store

LOOKED_BACK_DAYS: Final = 28
"""Four of each weekday: a lender's weekends are not its Mondays."""


def recent_days(store: Store, as_of: date) -> dict[str, int]:
    """Each published day of the last four weeks before `as_of`, in ISO form, to the rows decided on it; oldest first.

    Days on which none are left, because all were erased, are no measure.

    Days are asked for one by one: a listing may lag behind, and grows with the history. A day whose manifest is damaged
    is left out, with a warning; it is no reason to stop another.
    """
    days = [as_of - timedelta(days=n) for n in range(LOOKED_BACK_DAYS, 0, -1)]
    published = {day: _newest(store, day) for day in days}
    decided = {day.isoformat(): manifest.totals.decided for day, manifest in published.items() if manifest}
    return {day: rows for day, rows in decided.items() if rows}


def _newest(store: Store, as_of: date) -> Manifest | None:
    try:
        return newest_manifest(store, as_of)
    except ManifestDamaged as damage:
        run_logger().warning("%s is left out of the days to compare with: %s", as_of, damage)
        return None
