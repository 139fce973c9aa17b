"""Published days before a day; its size and its applications are compared with theirs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.day.manifest import Manifest
from tasks.errors import ManifestDamaged, ObjectArchived
from tasks.publication.data_files import intact_data
from tasks.publication.manifests import newest_manifest
from tasks.running.context import run_logger
from tasks.store import Store

LOOKED_BACK_DAYS: Final = 28
"""Days to look back: four of each weekday, because weekends differ from Mondays."""
COMPARED_IDS_DAYS: Final = 7
"""Published days whose applications are compared. An old delivery is nearly always yesterday's."""


def recent_days(store: Store, as_of: date) -> dict[str, int]:
    """Published day of the last four weeks before `as_of`, in ISO form, to its decided rows.

    The oldest day comes first. A day without rows is left out: all of them were erased.

    Days are asked for one by one, because a listing may lag behind, and grows with the history. A
    day whose manifest is damaged or archived is left out, with a warning; it does not stop another
    day.
    """
    days = [as_of - timedelta(days=n) for n in range(LOOKED_BACK_DAYS, 0, -1)]
    published = {day: _newest(store, day) for day in days}
    decided = {day.isoformat(): manifest.totals.decided for day, manifest in published.items() if manifest}
    return {day: rows for day, rows in decided.items() if rows}


def most_shared_ids(store: Store, days: Iterable[str], ids: pa.ChunkedArray) -> int | None:
    """Most of the ids that one published day decided, too; None if no day can be compared.

    A file that was delivered before under other bytes, packed anew or in another order, is known by
    its applications. A day whose decisions are gone or damaged is left out, with a warning.

    Args:
        store: where the days lie.
        days: published days in ISO form, oldest first. The last `COMPARED_IDS_DAYS` are compared.
        ids: ids of the applications left to be decided.
    """
    shared = []
    for day in list(days)[-COMPARED_IDS_DAYS:]:
        manifest = _newest(store, date.fromisoformat(day))
        data = _decisions(store, manifest) if manifest else None
        if data is None:
            run_logger().warning("The applications of %s cannot be compared; its decisions are not there", day)
            continue
        known = read_parquet(data, [APPLICATION_ID]).column(APPLICATION_ID)
        shared.append(pc.sum(pc.is_in(ids, value_set=known.combine_chunks())).as_py() or 0)
    return max(shared, default=None)


def _decisions(store: Store, published: Manifest) -> bytes | None:
    """Decisions of a revision; None if they are gone, damaged or archived."""
    try:
        return intact_data(store, published.audited.decisions)
    except ObjectArchived:
        return None


def _newest(store: Store, as_of: date) -> Manifest | None:
    """Newest manifest of a day; None if there is none, or, with a warning, if it cannot be read."""
    try:
        return newest_manifest(store, as_of)
    except (ManifestDamaged, ObjectArchived) as damage:
        run_logger().warning("%s is left out of the days to compare with: %s", as_of, damage)
        return None
