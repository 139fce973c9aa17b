"""What the store knows of each day: its newest revision, what readers see of it, and what waits in the landing.

All of it comes from the names that a listing gives and from manifests; no delivered file is read.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from configs.calendar import Calendar
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import CORRECTIONS
from tasks.core.words import counted
from tasks.errors import ManifestDamaged, PublishError
from tasks.publication.data_files import shown_revision
from tasks.publication.expired import read_expired
from tasks.publication.layout import Room, decisions_key, expired_key, is_hidden, landing_key, revisions_with
from tasks.publication.manifests import manifest_of
from tasks.publication.stored_day import StoredDay, stored_days
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


def list_days(store: Store, calendar: Calendar, *, last: int) -> list[DayStatus]:
    """The newest `last` days of which anything was delivered or published, newest last."""
    days = [day for day in stored_days(store, _ROOMS).values() if _is_begun(day)]
    return [_status_of(day, calendar) for day in days[-last:]]


def day_history(store: Store, calendar: Calendar, as_of: date) -> DayHistory:
    """All that the store knows of a day."""
    day = StoredDay(store, as_of)
    shown = read_if_there(store, decisions_key(as_of))
    return DayHistory(
        _status_of(day, calendar),
        {revision: _manifest(store, as_of, revision) for revision in range(1, day.last_left + 1)},
        hashlib.sha256(shown.data).hexdigest() if shown else None,
        _delivered(day),
        _expired(store, as_of)[0],
    )


def _is_begun(day: StoredDay) -> bool:
    """True if anything was delivered, published or shown of the day."""
    return bool(day.last_left or _delivered(day) or _shown_bytes(day) is not None)


def _delivered(day: StoredDay) -> frozenset[str]:
    """Names of the application files, corrections among them."""
    names = (entry.key.removeprefix(landing_key(day.as_of)) for entry in day.entries("landing"))
    return frozenset(name for name in names if not is_hidden(name))


def _shown_bytes(day: StoredDay) -> int | None:
    """Size of the decisions that readers see; None if they see none."""
    sizes = [entry.size_bytes for entry in day.entries("decisions") if entry.key == decisions_key(day.as_of)]
    return sizes[0] if sizes else None


def _status_of(day: StoredDay, calendar: Calendar) -> DayStatus:
    as_of = day.as_of
    if not day.last_left and _shown_bytes(day) is None:
        excuse = calendar.excuse(as_of)
        state = "delivered, not published" if _delivered(day) else "nothing delivered"
        return DayStatus(as_of, None, state, (excuse,) if excuse else ())
    manifests = revisions_with("manifest", (entry.key for entry in day.entries("revisions")))
    missing = set(range(1, day.last_left + 1)) - manifests
    if not manifests or day.last_left in missing:
        return DayStatus(as_of, None, "a manifest is missing", (_VERIFY,))
    newest = _manifest(day.store, as_of, day.last_left)
    if newest is not None and missing:
        return DayStatus(as_of, newest, f"the manifest of revision {min(missing)} is missing", (_VERIFY,))
    if newest is None:
        return DayStatus(as_of, None, "its manifest is damaged", (_VERIFY,))
    is_noted = any(entry.key == expired_key(as_of) for entry in day.entries("revisions"))
    expired, hints = _expired(day.store, as_of) if is_noted else ({}, ())
    state, told = _compare(day, newest, frozenset(expired))
    return DayStatus(as_of, newest, state, (*told, *hints))


def _expired(store: Store, as_of: date) -> tuple[Mapping[str, Mapping[str, str]], tuple[str, ...]]:
    """What was removed by rule; where the note is damaged, nothing, and a hint."""
    try:
        return read_expired(store, as_of), ()
    except PublishError:
        return {}, (f"expired.json is damaged: {_VERIFY}",)


def _compare(day: StoredDay, newest: Manifest, expired: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """State and hints of a published day."""
    as_of = day.as_of
    delivered = _delivered(day)
    gone = {name for name in newest.inputs.keys() - delivered if landing_key(as_of) + name not in expired}
    new = delivered - newest.inputs.keys()
    waiting = sum(name.startswith(CORRECTIONS) for name in new)
    hints = {
        f"{counted(waiting, 'file')} of corrections waiting": waiting,
        f"landing changed: {len(new) - waiting} new, {len(gone)} gone": len(new) > waiting or gone,
    }
    told = tuple(hint for hint, is_so in hints.items() if is_so)
    if not _is_shown(day, newest):
        return "behind", (f"run scoring score --as-of {as_of}", *told)
    announced = revisions_with("announced", (entry.key for entry in day.entries("revisions")))
    return "published", told if newest.revision in announced else (*told, "not announced")


def _is_shown(day: StoredDay, newest: Manifest) -> bool:
    """True if readers see this revision. If no other has been, its size says so; else the number it carries."""
    if _shown_bytes(day) != newest.audited.decisions.size_bytes:
        return False
    if newest.revision == 1:
        return True
    shown = read_if_there(day.store, decisions_key(day.as_of))
    return shown is not None and shown_revision(shown.data) == newest.revision


def _manifest(store: Store, as_of: date, revision: int) -> Manifest | None:
    """The manifest of a revision; None if it is missing or damaged."""
    with contextlib.suppress(ManifestDamaged):
        return manifest_of(store, as_of, revision)
    return None
