"""Trends of the monitored days: their snapshots, laid into a workspace of Evidently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from tasks.errors import ConfigError, ObjectArchived, SourceError
from tasks.publication.layout import day_of, room_prefix, snapshot_key
from tasks.store import Store
from tasks.store.renewing import read_if_there


class Trends(NamedTuple):
    """Workspace of the monitored days."""

    folder: Path
    days: tuple[date, ...]
    """Days that it shows, ascending."""
    left_out: Mapping[date, str]
    """Day whose snapshot cannot be read to the reason."""


def build_trends(store: Store, folder: Path) -> Trends:
    """Lay the snapshots of all monitored days into a local folder.

    A workspace that an earlier call made there is replaced. Days whose pages are past
    `retention.report_days` have no snapshot any more.

    Raises:
        SourceError: there is no snapshot that can be read.
        ConfigError: the folder cannot be written.
    """
    from tasks.adapters.evidently_workspace import build_workspace

    snapshots: dict[date, bytes] = {}
    left_out: dict[date, str] = {}
    for day in _days_with_snapshot(store):
        try:
            snapshot = read_if_there(store, snapshot_key(day))
        except ObjectArchived:
            left_out[day] = "is archived"
            continue
        if snapshot:
            snapshots[day] = snapshot.data
    try:
        unreadable = build_workspace(folder, snapshots) if snapshots else ()
    except OSError as error:
        raise ConfigError(
            f"The workspace {folder} cannot be written: {error.strerror}. Name another folder in monitoring.workspace."
        ) from None
    left_out |= dict.fromkeys(unreadable, "is damaged, or from another version of Evidently")
    days = tuple(sorted(snapshots.keys() - left_out.keys()))
    if not days:
        raise SourceError(
            f"The store holds no snapshot of a monitored day that can be read; {len(left_out)} cannot be. "
            "Monitor a day first: scoring monitor --as-of YYYY-MM-DD"
        )
    return Trends(folder, days, dict(sorted(left_out.items())))


def _days_with_snapshot(store: Store) -> Iterator[date]:
    for entry in store.list(room_prefix("reports")):
        day = day_of(entry.key)
        if day and entry.key == snapshot_key(day):
            yield day
