"""Look-up of one applicant over the days and revisions of the store, for those who answer them.

Nothing is written, and nothing is logged. Of a revision without the application little is read: the
footer of its decisions, the ids of one group of rows, and the ids in quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from configs.calendar import Calendar
from tasks.adapters.files.parquet import holds_number, read_columns, read_parquet
from tasks.core.applications import APPLICATION_ID, ID_COLUMNS, rows_of_applicant
from tasks.core.day.manifest import Manifest
from tasks.core.words import counted
from tasks.errors import PublishError, SourceError
from tasks.inspection.rejected import rows_set_aside
from tasks.publication.data_files import read_data
from tasks.publication.erasure_token import days_unfinished, require_no_erasure
from tasks.publication.expired import read_expired
from tasks.publication.layout import Room
from tasks.publication.stored_day import StoredDay, stored_days
from tasks.store import Changed, NotFound, Store

SET_ASIDE: Final = "in quarantine"
ABSENT: Final = "not in it"
UNKNOWN: Final = "not known"
TAKEN_BACK: Final = "withdrawn"
"""Outcomes of an application that a revision does not decide."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """One application in one revision of a day."""

    published: Manifest
    outcome: str
    """Decision of the published row; or `SET_ASIDE`, `ABSENT`, `UNKNOWN` or `TAKEN_BACK`."""
    row: Mapping[str, Any] | None = None
    """The published row, column by column; None if the revision has none."""
    fault: str | None = None
    """Sentence on a file that cannot be read, if the outcome is unknown for that."""

    @property
    def is_there(self) -> bool:
        """True if the revision decided the application, or set it aside."""
        return self.outcome not in (ABSENT, UNKNOWN, TAKEN_BACK)


class LookUp(NamedTuple):
    """Appearances of one application in the whole store."""

    appearances: tuple[Appearance, ...]
    """All revisions of each day that has it in any of them, newest day and newest revision first."""
    unread: tuple[str, ...]
    """Sentences on days and files that could not be searched."""

    @property
    def newest(self) -> Appearance:
        """Newest revision of the newest day, of those that have the application."""
        return next(each for each in self.appearances if each.is_there)


_ROOMS: Final[tuple[Room, ...]] = ("revisions",)
_UNREADABLE: Final = (NotFound, Changed, pa.ArrowException, OSError)
Progress = Callable[[Collection[StoredDay]], Iterable[StoredDay]]
"""Passes the days on one by one, and may show somebody how far the search is."""


def look_up(store: Store, applicant: int, calendar: Calendar, progress: Progress = iter) -> LookUp:
    """Look an application up over all days and revisions, the newest day first.

    Args:
        store: where the days lie.
        applicant: the id.
        calendar: clock by which times are told.
        progress: passes the days on.

    Raises:
        SourceError: no revision has the id. The message does not repeat it.
        PublishError: an applicant is being erased from a day.
    """
    for as_of in days_unfinished(store):
        require_no_erasure(store, as_of)
    days = [day for day in stored_days(store, _ROOMS).values() if day.last_left]
    found: list[Appearance] = []
    unread: list[str] = []
    n_erased = 0
    for day in progress(days[::-1]):
        try:
            newest = day.require_unbroken()
            revisions = appearances_in(store, day.manifests or (), applicant, calendar)
        except PublishError as error:
            unread.append(str(error))
            continue
        n_erased += bool(newest and newest.erasures)
        unread += [each.fault for each in revisions if each.fault]
        if any(each.is_there for each in revisions):
            found += revisions
    if not found:
        raise _unknown([day.as_of for day in days], n_erased, unread)
    return LookUp(tuple(found), tuple(unread))


def appearances_in(
    store: Store,
    revisions: Iterable[Manifest],
    applicant: int,
    calendar: Calendar,
) -> tuple[Appearance, ...]:
    """Appearance of an application in each of some revisions of a day, newest first."""
    newest_first = sorted(revisions, key=lambda published: -published.revision)
    return tuple(_appearance(store, published, applicant, calendar) for published in newest_first)


def published_row(store: Store, published: Manifest, applicant: int) -> pa.Table:
    """Row of an application in the decisions of a revision; without rows if it was not decided.

    Raises:
        PublishError: the decisions are gone, or damaged.
    """
    decisions = read_parquet(read_data(store, published.audited.decisions))
    return decisions.filter(pc.equal(decisions.column(APPLICATION_ID), applicant))


def _appearance(store: Store, published: Manifest, applicant: int, calendar: Calendar) -> Appearance:
    if published.is_withdrawn:
        return Appearance(published, TAKEN_BACK)
    try:
        if _is_decided(store, published, applicant):
            (row,) = published_row(store, published, applicant).to_pylist()
            return Appearance(published, row["decision"], row)
        is_set_aside = _is_set_aside(store, published, applicant, calendar)
        return Appearance(published, SET_ASIDE if is_set_aside else ABSENT)
    except PublishError as error:
        return Appearance(published, UNKNOWN, fault=_told(store, published, calendar) or str(error))


def _is_decided(store: Store, published: Manifest, applicant: int) -> bool:
    """True if the decisions hold the id.

    Raises:
        PublishError: they are gone, or damaged.
    """
    decisions = published.audited.decisions
    try:
        with store.open(decisions.key) as stream:
            return holds_number(stream, APPLICATION_ID, applicant)
    except _UNREADABLE:
        read_data(store, decisions)  # raises, and says what is wrong
        raise _unsteady(store, decisions.key) from None


def _is_set_aside(store: Store, published: Manifest, applicant: int, calendar: Calendar) -> bool:
    """True if the quarantine holds a row of the applicant. Raises as `_is_decided` does."""
    quarantine = published.audited.quarantine
    if quarantine is None:
        return False
    try:
        with store.open(quarantine.key) as stream:
            return bool(rows_of_applicant(read_columns(stream, list(ID_COLUMNS)), applicant).any())
    except _UNREADABLE:
        rows_set_aside(store, published, calendar)  # raises, and says what is wrong
        raise _unsteady(store, quarantine.key) from None


def _unsteady(store: Store, key: str) -> PublishError:
    return PublishError(f"{store.location(key)} could be read only at the second attempt; run the command again.")


def _told(store: Store, published: Manifest, calendar: Calendar) -> str | None:
    """Sentence on decisions that were removed by rule; None if they were not."""
    removed = read_expired(store, published.as_of).get(published.audited.decisions.key)
    if removed is None:
        return None
    on = calendar.local_time(removed["at"])
    return (
        f"The decisions of {published.as_of}, revision {published.revision}, were removed by rule on {on}: "
        f"{removed['rule']}."
    )


def _unknown(days: Collection[date], n_erased: int, unread: Collection[str]) -> SourceError:
    """Error that no revision of these days has the id, as far as they can be read."""
    if not days:
        return SourceError("No day has been published, so nothing can be looked up. Score one first: scoring score")
    n_days = counted(len(days), "published day")
    over = f"{n_days}, {min(days)} to {max(days)}"
    told = [f"No application with this id was decided or set aside on any of {over}."]
    if n_erased:
        told.append(f"Applicants were erased from {counted(n_erased, 'day')} of them since.")
    if unread:
        told.append(f"{counted(len(unread), 'part')} of the store could not be searched, the first: {min(unread)}")
    told.append("Look whether the id is right.")
    return SourceError(" ".join(told))
