"""What the store knows of each day: its newest revision, what readers see of it, and what waits in the landing.

All of it comes from the names that a listing gives and from manifests; no delivered file is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from configs.calendar import Calendar
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import CORRECTIONS
from tasks.core.words import counted
from tasks.errors import PublishError
from tasks.publication.expired import read_expired
from tasks.publication.layout import (
    Room,
    day_of,
    day_prefix,
    decisions_key,
    is_hidden,
    landing_key,
    last_revision,
    manifest_key,
    revisions_with,
    room_prefix,
)
from tasks.publication.manifests import UNSOUND, sound_manifest
from tasks.publication.shown import shown_revision
from tasks.store import Store
from tasks.store.renewing import read_if_there

_ROOMS: Final[tuple[Room, ...]] = ("revisions", "landing", "decisions")
_VERIFY: Final = "scoring status --verify"


@dataclass(frozen=True, slots=True)
class DayStatus:
    """One day as it stands."""

    as_of: date
    newest: Manifest | None
    """None where the day was never published, or its manifest is gone or damaged."""
    state: str
    hints: tuple[str, ...] = ()
    """What else is worth knowing."""


@dataclass(frozen=True, slots=True)
class DayHistory:
    """One day with all its revisions."""

    status: DayStatus
    revisions: Mapping[int, Manifest | None]
    """Number to manifest, from 1; None where it is gone or damaged."""
    shown: str | None
    """SHA-256 of the decisions that readers see; None where they see none."""
    landing: frozenset[str]
    """Names of the application files that lie in the landing."""
    expired: Mapping[str, Mapping[str, str]]
    """Key of each data file that was removed by rule to when and by which."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """What lies in the store of one day, by name and size in bytes."""

    revisions: Mapping[str, int]
    landing: Mapping[str, int]
    decisions: Mapping[str, int]

    @property
    def manifests(self) -> frozenset[int]:
        return revisions_with("manifest", self.revisions)

    @property
    def last(self) -> int:
        """Number of the newest revision that has left anything; 0: none has."""
        return last_revision(self.revisions)

    @property
    def delivered(self) -> frozenset[str]:
        """Names of the application files, corrections among them."""
        return frozenset(name for name in self.landing if not is_hidden(name))

    @property
    def shown_bytes(self) -> int | None:
        """Size of the decisions that readers see."""
        return self.decisions.get("decisions.parquet")

    @property
    def is_known(self) -> bool:
        """Whether there is anything to say of the day."""
        return bool(self.last or self.delivered or self.shown_bytes is not None)


def list_days(store: Store, calendar: Calendar, *, last: int) -> list[DayStatus]:
    """The newest `last` days of which anything was delivered or published, newest last."""
    rooms = [names_by_day(store, room_prefix(room)) for room in _ROOMS]
    days = {day: _Listed(*(room.get(day, {}) for room in rooms)) for day in set().union(*rooms)}
    known = sorted(day for day, listed in days.items() if listed.is_known)[-last:]
    return [_status_of(store, calendar, day, days[day]) for day in known]


def day_history(store: Store, calendar: Calendar, as_of: date) -> DayHistory:
    """All that the store knows of a day."""
    listed = _Listed(*(names_by_day(store, day_prefix(room, as_of)).get(as_of, {}) for room in _ROOMS))
    shown = read_if_there(store, decisions_key(as_of))
    return DayHistory(
        _status_of(store, calendar, as_of, listed),
        {revision: _manifest(store, as_of, revision) for revision in range(1, listed.last + 1)},
        hashlib.sha256(shown.data).hexdigest() if shown else None,
        listed.delivered,
        _expired(store, as_of)[0],
    )


def names_by_day(store: Store, prefix: str) -> dict[date, dict[str, int]]:
    """Day to the objects under a prefix: what follows the day in their keys, and their size in bytes.

    What is of no day is left out.
    """
    days: dict[date, dict[str, int]] = {}
    for entry in store.list(prefix):
        if day := day_of(entry.key):
            days.setdefault(day, {})[entry.key.split("/", 2)[2]] = entry.size_bytes
    return days


def _status_of(store: Store, calendar: Calendar, as_of: date, listed: _Listed) -> DayStatus:
    if not listed.last and listed.shown_bytes is None:
        excuse = calendar.excuse(as_of)
        state = "delivered, not published" if listed.delivered else "nothing delivered"
        return DayStatus(as_of, None, state, (excuse,) if excuse else ())
    missing = set(range(1, listed.last + 1)) - listed.manifests
    if not listed.manifests or listed.last in missing:
        return DayStatus(as_of, None, "a manifest is missing", (_VERIFY,))
    newest = _manifest(store, as_of, listed.last)
    if newest is not None and missing:
        return DayStatus(as_of, newest, f"the manifest of revision {min(missing)} is missing", (_VERIFY,))
    if newest is None:
        return DayStatus(as_of, None, "its manifest is damaged", (_VERIFY,))
    expired, hints = _expired(store, as_of) if "expired.json" in listed.revisions else ({}, ())
    state, told = _compare(store, newest, listed, frozenset(expired))
    return DayStatus(as_of, newest, state, (*told, *hints))


def _expired(store: Store, as_of: date) -> tuple[Mapping[str, Mapping[str, str]], tuple[str, ...]]:
    """What was removed by rule; where the note is damaged, nothing, and a hint."""
    try:
        return read_expired(store, as_of), ()
    except PublishError:
        return {}, (f"expired.json is damaged: {_VERIFY}",)


def _compare(store: Store, newest: Manifest, listed: _Listed, expired: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """State and hints of a published day."""
    as_of = newest.as_of
    gone = {name for name in newest.inputs.keys() - listed.delivered if landing_key(as_of) + name not in expired}
    new = listed.delivered - newest.inputs.keys()
    waiting = sum(name.startswith(CORRECTIONS) for name in new)
    hints = {
        f"{counted(waiting, 'file')} of corrections waiting": waiting,
        f"landing changed: {len(new) - waiting} new, {len(gone)} gone": len(new) > waiting or gone,
    }
    told = tuple(hint for hint, is_so in hints.items() if is_so)
    if not _is_shown(store, newest, listed.shown_bytes):
        return "behind", (f"run scoring score --as-of {as_of}", *told)
    is_announced = newest.revision in revisions_with("announced", listed.revisions)
    return "published", told if is_announced else (*told, "not announced")


def _is_shown(store: Store, newest: Manifest, shown_bytes: int | None) -> bool:
    """Whether readers see this revision. Where no other has been, its size says so; else the number it carries."""
    if shown_bytes != newest.audited.decisions.size_bytes:
        return False
    if newest.revision == 1:
        return True
    shown = read_if_there(store, decisions_key(newest.as_of))
    return shown is not None and shown_revision(shown.data) == newest.revision


def _manifest(store: Store, as_of: date, revision: int) -> Manifest | None:
    stored = read_if_there(store, manifest_key(as_of, revision))
    try:
        return sound_manifest(stored.data) if stored else None
    except UNSOUND:
        return None
