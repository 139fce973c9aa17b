"""Search for one applicant in the whole store."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.adapters.files.cut import count_rows_of
from tasks.adapters.files.landing_file import LandingFile, Reading
from tasks.core.applications import ID_COLUMNS, rows_of_applicant
from tasks.core.day.control import CONTROL
from tasks.core.files import format_of
from tasks.core.words import normal_name
from tasks.delivery.files import announced_of, open_landing
from tasks.errors import ManifestDamaged, ObjectArchived, SourceError
from tasks.publication.layout import day_of, delivery_of_outcomes, is_marker, landing_key, room_of, room_prefix
from tasks.publication.manifests import walk_manifests
from tasks.publication.outcome_ledger import DELIVERED
from tasks.running.context import run_logger
from tasks.store import Changed, Entry, NotFound, Store, printable_location
from tasks.store.keys import is_key

_LOGGED_EVERY: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """A stored object that holds rows of the applicant."""

    key: str
    rows: int

    @property
    def room(self) -> str:
        """Room of the object: the first part of its key."""
        return room_of(self.key)

    @property
    def as_of(self) -> date | None:
        """Business day in its key; None if it belongs to no day."""
        return day_of(self.key)


@dataclass(frozen=True, slots=True)
class Erasure:
    """Objects in which an applicant occurs, or occurred before the erasure."""

    found: tuple[Found, ...]
    unsearched: Mapping[str, str]
    """Key to fault, for each object that could not be searched."""
    is_applied: bool
    unfinished: int = 0
    """Number of unended writes, which nobody can search; after an erasure, of those that remain."""
    record: str | None = None
    """Key of the record of the erasure; None if nothing was changed."""


def search(store: Store, applicant: int, *, reading: Reading, prefix: str = "") -> Erasure:
    """Find every object under a prefix that holds rows of the applicant. Changes nothing."""
    entries = [entry for entry in store.list(prefix) if _may_hold_rows(entry)]
    found = []
    unsearched = {}
    for number, entry in enumerate(entries, start=1):
        try:
            rows = _count(store, entry.key, applicant, reading)
        except (ObjectArchived, SourceError) as error:
            unsearched[entry.key] = str(error)
            continue
        if rows:
            found.append(Found(entry.key, rows))
        if number % _LOGGED_EVERY == 0:
            run_logger().info("%d of %d objects searched", number, len(entries))
    unfinished = 0 if prefix else count_unfinished(store)
    return Erasure(tuple(found), unsearched, is_applied=False, unfinished=unfinished)


def count_unfinished(store: Store) -> int:
    """Number of writes that were begun and have not ended."""
    return sum(1 for _ in store.unfinished())


def require_searched(store: Store, erasure: Erasure) -> None:
    """Refuse a search with objects that could not be searched, since the applicant may be in them.

    Raises:
        SourceError: names the objects, and counts the writes that have not ended after an erasure.
    """
    messages = []
    if erasure.unsearched:
        faults = erasure.unsearched.items()
        named = "; ".join(f"{printable_location(store, key)}: {why}" for key, why in faults)
        messages.append(
            f"{len(erasure.unsearched)} objects could not be searched for the applicant. "
            f"Mend or remove them, and run the command again. {named}"
        )
    if erasure.is_applied and erasure.unfinished:
        messages.append(
            f"{erasure.unfinished} writes that have not ended cannot be searched for the "
            "applicant: of runs that are under way, or died within a day. Run the command again "
            "when no run is under way, tomorrow at the latest: it gives up those that were last "
            "written more than a day ago."
        )
    if messages:
        raise SourceError(" ".join(messages))


def landing_file(store: Store, key: str, stream: BinaryIO, reading: Reading) -> LandingFile:
    """A landing file in reading, with its announced rows and digest.

    A file from which a day is published is read by the aliases of that day.

    Raises `SourceError` if its name tells no format.
    """
    rows, sha256 = announced_of(store, key) or (None, None)
    reading = replace(reading, column_aliases=_aliases_of(store, key, reading))
    return LandingFile(stream, name_of(key), format_of(key), reading, rows, sha256)


def _aliases_of(store: Store, key: str, reading: Reading) -> Mapping[str, str]:
    """Aliases of columns by which a landing file is read: those of its published day, or of `reading`.

    They are those of the newest revision that was made from a file of this name: a withdrawn day has
    a newer one that was made from none.
    """
    as_of = day_of(key)
    published = None
    with contextlib.suppress(ManifestDamaged):  # the search tells of it where it looks at the day
        for manifest in walk_manifests(store, as_of) if as_of else ():
            if normal_name(name_of(key)) in manifest.inputs_by_name:
                published = manifest
    if published:
        # Earlier programs recorded none; a row that is not found for that would stay in silence.
        return published.column_aliases or reading.column_aliases
    return reading.column_aliases


def name_of(key: str) -> str:
    """Name of a landing file, relative to its day."""
    as_of = day_of(key)
    return key.removeprefix(landing_key(as_of) if as_of else room_prefix("landing"))


def _may_hold_rows(entry: Entry) -> bool:
    if _is_as_delivered(entry.key):
        is_empty = not entry.size_bytes or is_marker(entry.key)
        return not is_empty and not entry.key.endswith(f"/{CONTROL}")
    return entry.key.endswith(".parquet")


def _is_as_delivered(key: str) -> bool:
    """True for a file that is kept as it came: of applications, or of outcomes."""
    is_of_outcomes = delivery_of_outcomes(key) is not None
    return room_of(key) == "landing" or (is_of_outcomes and f"/{DELIVERED}-" in key)


def _count(store: Store, key: str, applicant: int, reading: Reading) -> int:
    if not is_key(key):
        raise SourceError("its name is not a key, so it cannot be read; rename it.")
    if _is_as_delivered(key):
        with open_landing(store, key, name=name_of(key)) as stream:
            return count_rows_of(landing_file(store, key, stream, reading), applicant)
    try:
        with store.open(key) as stream:
            file = pq.ParquetFile(stream)
            columns = [name for name in ID_COLUMNS if name in file.schema_arrow.names]
            return int(rows_of_applicant(file.read(columns=columns), applicant).sum())
    except NotFound:
        return 0
    except (pa.ArrowException, Changed, OSError):
        raise SourceError(f"{store.location(key)} is damaged, or is not a parquet file.") from None
