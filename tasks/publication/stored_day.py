"""One day in the store. Every look at a day goes through this module."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from datetime import date
from typing import Final, NamedTuple

from configs.calendar import Clock
from tasks.core.day.manifest import Manifest
from tasks.errors import ManifestDamaged, PublishError, SourceError
from tasks.publication.data_files import shown_revision
from tasks.publication.erasure_token import require_no_erasure
from tasks.publication.layout import (
    Room,
    day_of,
    day_prefix,
    decisions_key,
    is_data_file,
    last_revision,
    manifest_key,
    room_prefix,
)
from tasks.publication.manifests import walk_manifests
from tasks.store import Entry, Store
from tasks.store.keys import is_key
from tasks.store.renewing import read_if_there

_UNDER_WAY_DAYS: Final = 1


class _Walk(NamedTuple):
    """Manifests from the first on, and the damage that ended the walk early; None if none did."""

    found: tuple[Manifest, ...]
    damage: ManifestDamaged | None


class StoredDay:
    """One day in the store. Each part is read once, when it is first asked for.

    Objects beside the manifests are listed before the manifests are looked for, so that a commit in
    between is not taken for a gap.
    """

    def __init__(
        self,
        store: Store,
        as_of: date,
        listed: Mapping[Room, Collection[Entry]] | None = None,
    ) -> None:
        """Remember the day, and read nothing yet.

        Args:
            store: where the day lies.
            as_of: the day.
            listed: objects of the day by room, for the rooms that were listed already.
        """
        self.store = store
        self.as_of = as_of
        self._listed = {room: tuple(entries) for room, entries in (listed or {}).items()}

    def entries(self, room: Room) -> tuple[Entry, ...]:
        """All objects of the day in a room."""
        if room not in self._listed:
            self._listed[room] = tuple(self.store.list(day_prefix(room, self.as_of)))
        return self._listed[room]

    @functools.cached_property
    def work(self) -> list[Entry]:
        """Objects that runs left for later runs."""
        return [entry for entry in self.entries("work") if is_key(entry.key)]

    @functools.cached_property
    def data(self) -> list[Entry]:
        """Data files, which carry their digest in the name."""
        entries = (*self.entries("revisions"), *self.entries("quarantine"))
        return [entry for entry in entries if is_data_file(entry.key)]

    @property
    def last_left(self) -> int:
        """Number of the newest revision that has left any object; 0 if none has."""
        return last_revision(entry.key for entry in self.entries("revisions"))

    @functools.cached_property
    def _walk(self) -> _Walk:
        self.entries("revisions")  # before the manifests
        found: list[Manifest] = []
        try:
            found.extend(walk_manifests(self.store, self.as_of))
        except ManifestDamaged as damage:
            return _Walk(tuple(found), damage)
        return _Walk(tuple(found), None)

    @property
    def manifests(self) -> tuple[Manifest, ...] | None:
        """All manifests, oldest first; None if one is missing or damaged.

        Without all manifests nobody can say which files are named.
        """
        is_whole = self._walk.damage is None and self.last_left <= len(self._walk.found)
        return self._walk.found if is_whole else None

    @property
    def newest(self) -> Manifest | None:
        """Newest manifest; None if the day was never published.

        Raises:
            ManifestDamaged: an object in the place of a manifest is not one.
        """
        if self._walk.damage:
            raise self._walk.damage
        return self._walk.found[-1] if self._walk.found else None

    @property
    def last_decided(self) -> Manifest | None:
        """Newest manifest of a revision that decides the day, also if a newer one took it back.

        None if the day was never published, or a manifest is missing or damaged.
        """
        decided = [manifest for manifest in self.manifests or () if not manifest.is_withdrawn]
        return decided[-1] if decided else None

    @functools.cached_property
    def named(self) -> set[str]:
        """Keys of the data files that any manifest names."""
        return {file.key for manifest in self.manifests or () for file in manifest.audited.data_files}

    def require_unbroken(self) -> Manifest | None:
        """Newest manifest of a day without a gap; None if the day was never published.

        A new manifest in the place of a lost one would bring the later ones back.

        Raises:
            PublishError: a manifest is missing, or damaged; names it.
        """
        newest = self.newest
        found = newest.revision if newest else 0
        if self.last_left > found:
            raise PublishError(
                f"{self.store.location(manifest_key(self.as_of, found + 1))} is missing, though "
                f"the day has a revision {self.last_left}. Nothing was changed. Restore "
                f"{day_prefix('revisions', self.as_of)} from a backup; `scoring status --verify` "
                "lists all that is missing."
            )
        return newest

    def is_known(self) -> bool:
        """True if all manifests are there, also that of the revision that readers see."""
        seen = read_if_there(self.store, decisions_key(self.as_of))
        if self.manifests is None:
            return False
        return not seen or 0 < shown_revision(seen.data) <= len(self.manifests)

    def is_busy(self, clock: Clock, within_days: int = _UNDER_WAY_DAYS) -> bool:
        """True if an object was written under work/ in the last `within_days` days."""
        return any(clock.age_days(entry.modified_at) <= within_days for entry in self.work)


def stored_days(store: Store, rooms: Collection[Room]) -> dict[date, StoredDay]:
    """Day to its objects, for each day that has one in these rooms; each room is listed once."""
    listed: dict[date, dict[Room, list[Entry]]] = {}
    for room in rooms:
        for entry in store.list(room_prefix(room)):
            if as_of := day_of(entry.key):
                listed.setdefault(as_of, {name: [] for name in rooms})[room].append(entry)
    return {as_of: StoredDay(store, as_of, listed[as_of]) for as_of in sorted(listed)}


def published_revision(store: Store, as_of: date, *, consequence: str) -> Manifest:
    """Manifest of the day's newest revision, from which rows may be shown.

    Takes and raises what `published_revisions` does.
    """
    return published_revisions(store, as_of, consequence=consequence)[-1]


def published_revisions(store: Store, as_of: date, *, consequence: str) -> tuple[Manifest, ...]:
    """Manifests of all revisions of a day, oldest first, from which rows may be shown.

    Args:
        store: where the day lies.
        as_of: the day.
        consequence: end of the sentence "the day has not been published, so …", for the message.

    Raises:
        SourceError: the day has not been published.
        PublishError: the day is damaged, or an applicant is being erased from it.
    """
    require_no_erasure(store, as_of)
    day = StoredDay(store, as_of)
    if day.require_unbroken() is None:
        raise SourceError(
            f"{as_of} has not been published, so {consequence}. Score it first: scoring score --as-of {as_of}"
        )
    return day.manifests or ()
