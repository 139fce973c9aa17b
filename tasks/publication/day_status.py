"""Status of each day: its newest revision, the decisions that readers see, and waiting files.

All of it comes from listed names, from manifests and from the verdict of monitoring. No delivered
file is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from configs.calendar import Calendar
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import CORRECTIONS
from tasks.core.monitoring.metrics import LEVELS
from tasks.core.reporting.days_page import MISSING, PUBLISHED, WITHDRAWN, demanded_days
from tasks.core.words import counted, normal_name
from tasks.errors import ExpectationsNotMet, ManifestDamaged, ObjectArchived, PublishError
from tasks.publication.data_files import shown_revision
from tasks.publication.expired import read_expired
from tasks.publication.layout import (
    Room,
    decisions_key,
    expired_key,
    is_delivered,
    landing_key,
    refused_page_key,
    refused_report_key,
    revisions_with,
    verdict_key,
)
from tasks.publication.manifests import manifest_of
from tasks.publication.stored_day import StoredDay, stored_days
from tasks.store import Entry, Store
from tasks.store.renewing import read_if_there

_ROOMS: Final[tuple[Room, ...]] = ("revisions", "landing", "decisions", "reports")
_VERIFY: Final = "scoring status --verify"
NOT_MONITORED: Final = "not monitored"
"""State of monitoring of a publication without a verdict, whatever was judged in its place before."""
NOT_YET: Final = "nothing delivered yet"
"""State of today, until something comes."""
UNPUBLISHED: Final = "delivered, not published"
"""State of a day with files that no run has published, and that the contract did not stop."""
BEHIND: Final = "behind"
"""State of a published day whose newest revision readers do not see."""
REFUSED: Final = "refused by the contract"
"""State of a day that the contract stopped."""
DAMAGED: Final = "damaged"
"""State of monitoring whose verdict cannot be read."""
FROM_SEALED_COPY: Final = "scored by the sealed copy of the model"
"""Hint on a day on which the registry did not answer."""
ARCHIVED: Final = "archived"
"""State of a day, or of its monitoring, whose object lies in the store's archive."""


@dataclass(frozen=True, slots=True)
class DayStatus:
    """Status of one day."""

    as_of: date
    newest: Manifest | None
    """None if the day was never published, or its newest manifest is gone or damaged."""
    state: str
    hints: tuple[str, ...] = ()
    """Further facts worth knowing."""
    monitoring: str = ""
    """Verdict of monitoring on the newest revision, or the reason why there is none; empty if
    nothing of the day is decided."""

    @property
    def is_judged(self) -> bool:
        """True if the newest revision has a verdict. An archived one only lies elsewhere."""
        return self.monitoring in (*LEVELS, ARCHIVED)


@dataclass(frozen=True, slots=True)
class DayHistory:
    """One day with all its revisions."""

    status: DayStatus
    revisions: Mapping[int, Manifest | None]
    """Revision number, from 1, to manifest; None if it is gone or damaged."""
    shown: str | None
    """SHA-256 of the decisions that readers see; None if they see none."""
    landing: frozenset[str]
    """Names of the application files that lie in the landing (`normal_name`)."""
    expired: Mapping[str, Mapping[str, str]]
    """Key of each data file that was removed by rule to its time and rule."""


def list_days(store: Store, calendar: Calendar, *, last: int, today: date) -> list[DayStatus]:
    """List the newest `last` days of which anything was delivered or published, newest last.

    Among them, and up to today, stand the days of which nothing came though the calendar demands
    applications. A store without any day gives none.
    """
    begun = {day.as_of: day for day in begun_days(store)[-last:]}
    return _with_demanded(begun, min(begun), today, calendar, today) if begun else []


def days_between(store: Store, calendar: Calendar, first: date, last: date, *, today: date) -> list[DayStatus]:
    """List the days from the first to the last, oldest first.

    They are the days of which anything was delivered or published, and, up to today, those of which
    nothing came though the calendar demands applications.
    """
    begun = {day.as_of: day for day in begun_days(store) if first <= day.as_of <= last}
    return _with_demanded(begun, first, min(last, today), calendar, today)


def _with_demanded(
    begun: Mapping[date, StoredDay], first: date, last: date, calendar: Calendar, today: date
) -> list[DayStatus]:
    """Status of the days that have begun, and of those that the calendar demands from the first to the last."""
    days = sorted(begun.keys() | set(demanded_days(first, last, calendar.excuse)))
    return [status_of_day(begun[day], calendar) if day in begun else undelivered_day(day, today) for day in days]


def undelivered_day(as_of: date, today: date) -> DayStatus:
    """Status of a day of which nothing came, though the calendar demands it. That of today may still come."""
    return DayStatus(as_of, None, NOT_YET if as_of >= today else MISSING)


def begun_days(store: Store) -> list[StoredDay]:
    """All days of which anything was delivered, published or shown, oldest first."""
    return [day for day in stored_days(store, _ROOMS).values() if is_begun(day)]


def day_history(store: Store, calendar: Calendar, as_of: date) -> DayHistory:
    """Read all that the store knows of a day."""
    day = StoredDay(store, as_of)
    shown = read_if_there(store, decisions_key(as_of))
    status = _status_of(day, calendar)
    numbers = range(1, day.last_left + 1)
    revisions = {revision: _manifest(store, as_of, revision) for revision in numbers}
    landing = _delivered(day)
    expired, _ = _expired(store, as_of)
    return DayHistory(
        status=status,
        revisions=revisions,
        shown=hashlib.sha256(shown.data).hexdigest() if shown else None,
        landing=landing,
        expired=expired,
    )


def is_begun(day: StoredDay) -> bool:
    """True if anything was delivered, published or shown of the day."""
    return bool(day.last_left or _delivered(day) or _shown_bytes(day) is not None)


def _refusal(day: StoredDay) -> Entry | None:
    """Report of the stop, if the contract stopped the day when it was scored last.

    A later publication removes it.
    """
    reports = (entry for entry in day.entries("reports") if entry.key == refused_report_key(day.as_of))
    return next(reports, None)


def _told_refusal(report: Entry, as_of: date, calendar: Calendar) -> tuple[str, ...]:
    """Hints on a stopped day: when it was stopped, its exit code, and its report."""
    at = calendar.local_time(report.modified_at.isoformat())
    return (f"{at}, exit {ExpectationsNotMet.exit_code}", f"see {refused_page_key(as_of)}")


def _delivered(day: StoredDay) -> frozenset[str]:
    """Names of the application files (`normal_name`), corrections among them."""
    names = (entry.key.removeprefix(landing_key(day.as_of)) for entry in day.entries("landing"))
    return frozenset(normal_name(name) for name in names if is_delivered(name))


def _shown_bytes(day: StoredDay) -> int | None:
    """Size of the decisions that readers see; None if they see none."""
    key = decisions_key(day.as_of)
    sizes = [entry.size_bytes for entry in day.entries("decisions") if entry.key == key]
    return sizes[0] if sizes else None


def status_of_day(day: StoredDay, calendar: Calendar) -> DayStatus:
    """Status of a day, as far as it can be read: an archived object hides no other day."""
    try:
        return _status_of(day, calendar)
    except ObjectArchived as error:
        return DayStatus(day.as_of, None, ARCHIVED, (str(error),))


def _status_of(day: StoredDay, calendar: Calendar) -> DayStatus:
    as_of = day.as_of
    if not day.last_left and _shown_bytes(day) is None:
        return _unpublished(day, calendar)
    manifests = revisions_with("manifest", (entry.key for entry in day.entries("revisions")))
    missing = set(range(1, day.last_left + 1)) - manifests
    if not manifests or day.last_left in missing:
        return DayStatus(as_of, None, "a manifest is missing", (_VERIFY,))
    newest = _manifest(day.store, as_of, day.last_left)
    if newest is not None and missing:
        state = f"the manifest of revision {min(missing)} is missing"
        return DayStatus(as_of, newest, state, (_VERIFY,), _monitoring(day.store, newest))
    if newest is None:
        return DayStatus(as_of, None, "its manifest is damaged", (_VERIFY,))
    is_noted = any(entry.key == expired_key(as_of) for entry in day.entries("revisions"))
    expired, hints = _expired(day.store, as_of) if is_noted else ({}, ())
    state, own_hints = _compare(day, newest, frozenset(expired))
    return DayStatus(as_of, newest, state, (*own_hints, *hints), _monitoring(day.store, newest))


def _unpublished(day: StoredDay, calendar: Calendar) -> DayStatus:
    """Status of a day that was never published."""
    as_of = day.as_of
    excuse = calendar.excuse(as_of)
    hints = (excuse,) if excuse else ()
    if not _delivered(day):
        return DayStatus(as_of, None, "nothing delivered", hints)
    if refused := _refusal(day):
        return DayStatus(as_of, None, REFUSED, (*hints, *_told_refusal(refused, as_of, calendar)))
    return DayStatus(as_of, None, UNPUBLISHED, hints)


def _monitoring(store: Store, newest: Manifest) -> str:
    """Verdict of monitoring on the newest revision, or the reason why there is none.

    A verdict that cannot be read hides nothing else of the day: it is archived, or damaged. A
    withdrawn day has nothing to judge.
    """
    if newest.is_withdrawn:
        return ""
    try:
        written = read_if_there(store, verdict_key(newest.as_of))
    except ObjectArchived:
        return ARCHIVED
    if written is None:
        return NOT_MONITORED
    try:
        verdict = json.loads(written.data)
    except ValueError:
        return DAMAGED
    return standing_of_verdict(verdict, newest)


def standing_of_verdict(verdict: Any, newest: Manifest) -> str:
    """Level of a verdict that is about this publication; else the reason why it does not count.

    The reasons are `DAMAGED`, `NOT_MONITORED` and "rev 1 only", with the number of the revision that was judged.

    Args:
        verdict: content of `verdict.json`, as any program may have written it.
        newest: manifest of the day's newest revision.
    """
    try:
        level, revision = verdict["verdict"], verdict["revision"]
    except (TypeError, KeyError):
        return DAMAGED
    if level not in LEVELS or not isinstance(revision, int):
        return DAMAGED
    if revision == newest.revision and verdict.get("publication", newest.publication) != newest.publication:
        return NOT_MONITORED  # the day was moved away, and scored again
    return level if revision == newest.revision else f"rev {revision} only"


def _expired(
    store: Store,
    as_of: date,
) -> tuple[Mapping[str, Mapping[str, str]], tuple[str, ...]]:
    """Files that were removed by rule, and hints. If the note is damaged: no files, and a hint."""
    try:
        return read_expired(store, as_of), ()
    except ObjectArchived:
        raise
    except PublishError:
        return {}, (f"expired.json is damaged: {_VERIFY}",)


def _compare(
    day: StoredDay,
    newest: Manifest,
    expired: frozenset[str],
) -> tuple[str, tuple[str, ...]]:
    """State and hints of a published day."""
    as_of = day.as_of
    if newest.is_withdrawn:
        return _told_withdrawal(day, newest)
    delivered = _delivered(day)
    inputs = set(newest.inputs_by_name)
    noted = {normal_name(key) for key in expired}
    gone = {name for name in inputs - delivered if landing_key(as_of) + name not in noted}
    new = delivered - inputs
    waiting = sum(name.startswith(CORRECTIONS) for name in new)
    possible = {
        f"{counted(waiting, 'file')} of corrections waiting": waiting,
        f"landing changed: {len(new) - waiting} new, {len(gone)} gone": len(new) > waiting or gone,
    }
    hints = tuple(hint for hint, is_so in possible.items() if is_so)
    if not _is_shown(day, newest):
        return BEHIND, (f"run scoring score --as-of {as_of}", *hints)
    sealed_copy = (FROM_SEALED_COPY,) if newest.sealed_copy else ()
    return PUBLISHED, (*hints, *_unannounced(day, newest), *sealed_copy)


def _told_withdrawal(day: StoredDay, newest: Manifest) -> tuple[str, tuple[str, ...]]:
    """State and hints of a withdrawn day. Names do not tell the right files from those that were taken back."""
    if not _is_shown(day, newest):
        again = f'run scoring withdraw --as-of {day.as_of} --reason "..." again'
        return BEHIND, (f"readers see decisions that were withdrawn: {again}",)
    next_step = f"deliver the right files, then scoring score --as-of {day.as_of}"
    return WITHDRAWN, (next_step, *_unannounced(day, newest))


def _unannounced(day: StoredDay, newest: Manifest) -> tuple[str, ...]:
    """Hint on a newest revision of which no event was sent."""
    announced = revisions_with("announced", (entry.key for entry in day.entries("revisions")))
    return () if newest.revision in announced else ("not announced",)


def _is_shown(day: StoredDay, newest: Manifest) -> bool:
    """True if readers see this revision.

    The size of the first revision's decisions says so; of a later one, the number that they carry.
    """
    if _shown_bytes(day) != newest.audited.decisions.size_bytes:
        return False
    if newest.revision == 1:
        return True
    shown = read_if_there(day.store, decisions_key(day.as_of))
    return shown is not None and shown_revision(shown.data) == newest.revision


def _manifest(store: Store, as_of: date, revision: int) -> Manifest | None:
    """Manifest of a revision; None if it is missing or damaged."""
    with contextlib.suppress(ManifestDamaged):
        return manifest_of(store, as_of, revision)
    return None
