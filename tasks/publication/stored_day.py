"""One day as it lies in the store."""

from __future__ import annotations

import functools
from datetime import date
from typing import Final

from configs.calendar import Clock
from tasks.core.day.manifest import Manifest
from tasks.errors import PublishError
from tasks.publication.layout import day_prefix, decisions_key, is_data_file, last_revision, work_prefix
from tasks.publication.manifests import manifest_of
from tasks.publication.shown import shown_revision
from tasks.store import Entry, Store
from tasks.store.keys import is_key
from tasks.store.renewing import read_if_there

_UNDER_WAY_DAYS: Final = 1


class StoredDay:
    """One day in the store, looked at once."""

    def __init__(self, store: Store, as_of: date) -> None:
        """Nothing is read before it is asked for."""
        self.store, self.as_of = store, as_of

    @functools.cached_property
    def work(self) -> list[Entry]:
        """What runs have left for each other."""
        return [entry for entry in self.store.list(work_prefix(self.as_of)) if is_key(entry.key)]

    @functools.cached_property
    def revisions(self) -> list[Entry]:
        """All that lies beside the day's manifests, and they themselves."""
        return list(self.store.list(day_prefix("revisions", self.as_of)))

    @functools.cached_property
    def data(self) -> list[Entry]:
        """The data files, which carry their digest in the name."""
        entries = (*self.revisions, *self.store.list(day_prefix("quarantine", self.as_of)))
        return [entry for entry in entries if is_data_file(entry.key)]

    @functools.cached_property
    def manifests(self) -> tuple[Manifest, ...] | None:
        """Oldest first; None where one is missing or damaged, so that nobody can say what is named."""
        found: list[Manifest] = []
        try:
            while manifest := manifest_of(self.store, self.as_of, len(found) + 1):
                found.append(manifest)
        except PublishError:
            return None
        return tuple(found) if last_revision(entry.key for entry in self.revisions) <= len(found) else None

    @functools.cached_property
    def named(self) -> set[str]:
        """Keys of the data files that any manifest names."""
        return {file.key for manifest in self.manifests or () for file in manifest.audited.data_files}

    def is_known(self) -> bool:
        """Whether what readers see is of a revision whose manifest is there."""
        seen = read_if_there(self.store, decisions_key(self.as_of))
        return self.manifests is not None and (not seen or 0 < shown_revision(seen.data) <= len(self.manifests))

    def is_busy(self, clock: Clock, within_days: int = _UNDER_WAY_DAYS) -> bool:
        """Whether anything was written under work/ within so many days."""
        return any(clock.age_days(entry.modified_at) <= within_days for entry in self.work)
