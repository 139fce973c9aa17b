"""Stored reports and figures, read for pages. What is gone, damaged or archived is left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Final

import pyarrow.compute as pc

from tasks.adapters.files.parquet import read_parquet
from tasks.core.contract.report import ContractReport, read_contract_report
from tasks.core.monitoring.metrics import METRICS_SCHEMA, WHOLE_DAY, Metric, metrics_of
from tasks.errors import ObjectArchived
from tasks.publication.layout import metrics_key
from tasks.store import Store
from tasks.store.renewing import read_if_there

_FIGURE_COLUMNS: Final = [name for name in METRICS_SCHEMA.names if name not in {"as_of", "model_version"}]


def stored_bytes(store: Store, key: str) -> bytes | None:
    """Bytes of an object; None if there is none, or if it lies in an archive."""
    try:
        found = read_if_there(store, key)
    except ObjectArchived:
        return None
    return found.data if found else None


def stored_report(store: Store, key: str) -> ContractReport | None:
    """Contract report under a key; None if there is none that can be read."""
    found = stored_bytes(store, key)
    try:
        return read_contract_report(json.loads(found)) if found else None
    except (ValueError, TypeError, AttributeError):
        return None


def stored_figures(
    store: Store,
    as_of: date,
    names: Sequence[str],
    *,
    revision: int | None = None,
    is_whole_day: bool = False,
) -> tuple[Metric, ...]:
    """Figures of a monitored day; none if there are none that can be read.

    Args:
        store: place of the day.
        as_of: the day.
        names: metrics that are wanted.
        revision: revision whose figures are wanted; None for that which was monitored last.
        is_whole_day: True to leave out figures of a part of the day.
    """
    found = stored_bytes(store, metrics_key(as_of))
    if found is None:
        return ()
    try:
        table = read_parquet(found, _FIGURE_COLUMNS, is_small=True)
        if revision is not None:
            table = table.filter(pc.equal(table.column("revision"), revision))
        if is_whole_day:
            table = table.filter(pc.equal(table.column("slice"), WHOLE_DAY))
        return tuple(metrics_of(table, names))
    except (ValueError, OSError, KeyError):  # pyarrow raises these on bytes that are not such a table
        return ()
