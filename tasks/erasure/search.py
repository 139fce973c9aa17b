"""Where one applicant occurs in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.adapters.files.cut import count_rows
from tasks.adapters.files.landing_file import LandingFile
from tasks.core.applications import ID_COLUMNS, rows_of_applicant
from tasks.core.day.control import CONTROL
from tasks.core.files import format_of
from tasks.delivery.files import announced_of, open_landing
from tasks.errors import SourceError
from tasks.publication.layout import day_of, landing_key, room_of, room_prefix
from tasks.running.context import run_logger
from tasks.store import Changed, Entry, NotFound, Store, told_location
from tasks.store.keys import is_key

_TOLD_EVERY: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """A stored object that holds rows of the applicant."""

    key: str
    rows: int

    @property
    def room(self) -> str:
        """The first part of its key."""
        return room_of(self.key)

    @property
    def as_of(self) -> date | None:
        """The business day in its key."""
        return day_of(self.key)


@dataclass(frozen=True, slots=True)
class Erasure:
    """Where an applicant occurs, or occurred."""

    found: tuple[Found, ...]
    unsearched: Mapping[str, str]
    """Key of each object that could not be searched to what is wrong with it."""
    is_applied: bool
    unfinished: int = 0
    """Writes that have not ended, which nobody can search; those that remain where it is applied."""
    record: str | None = None
    """Key of the record of what was done; None where nothing was."""


def search(store: Store, applicant: int, *, max_unpacked_bytes: int, prefix: str = "") -> Erasure:
    """Every object under a prefix that holds rows of the applicant; changes nothing."""
    entries = [entry for entry in store.list(prefix) if _may_hold_rows(entry)]
    found, unsearched = [], {}
    for number, entry in enumerate(entries, start=1):
        try:
            rows = _count(store, entry.key, applicant, max_unpacked_bytes)
        except SourceError as error:
            unsearched[entry.key] = str(error)
            continue
        if rows:
            found.append(Found(entry.key, rows))
        if number % _TOLD_EVERY == 0:
            run_logger().info("%d of %d objects searched", number, len(entries))
    return Erasure(tuple(found), unsearched, is_applied=False, unfinished=0 if prefix else count_unfinished(store))


def count_unfinished(store: Store) -> int:
    """How many writes were begun and have not ended."""
    return sum(1 for _ in store.unfinished())


def require_searched(store: Store, erasure: Erasure) -> None:
    """Stop where objects could not be searched: whether the applicant is in them, nobody can say.

    Raises:
        SourceError: names them, and counts writes that have not ended after an erasure.
    """
    told = []
    if erasure.unsearched:
        named = "; ".join(f"{told_location(store, key)}: {why}" for key, why in erasure.unsearched.items())
        told.append(
            f"{len(erasure.unsearched)} objects could not be searched for the applicant. Mend or remove them, and run "
            f"the command again. {named}"
        )
    if erasure.is_applied and erasure.unfinished:
        told.append(
            f"{erasure.unfinished} writes that have not ended cannot be searched for the applicant: of runs that are "
            "under way, or died within a day. Run the command again when no run is under way, tomorrow at the latest: "
            "it gives up those that were last written more than a day ago."
        )
    if told:
        raise SourceError(" ".join(told))


def landing_file(store: Store, key: str, stream: BinaryIO, max_unpacked_bytes: int) -> LandingFile:
    """A landing file in reading, with what is announced of it. Raises `SourceError` if its name says no format."""
    rows, sha256 = announced_of(store, key) or (None, None)
    return LandingFile(stream, name_of(key), format_of(key), max_unpacked_bytes, rows, sha256)


def name_of(key: str) -> str:
    """A landing file's name, relative to its day."""
    as_of = day_of(key)
    return key.removeprefix(landing_key(as_of) if as_of else room_prefix("landing"))


def _may_hold_rows(entry: Entry) -> bool:
    if room_of(entry.key) == "landing":
        return entry.size_bytes > 0 and not entry.key.endswith(f"/{CONTROL}")
    return entry.key.endswith(".parquet")


def _count(store: Store, key: str, applicant: int, max_unpacked_bytes: int) -> int:
    if not is_key(key):
        raise SourceError("what it is called is no key, and cannot be read; rename it.")
    if room_of(key) == "landing":
        with open_landing(store, key, name=name_of(key)) as stream:
            return count_rows(landing_file(store, key, stream, max_unpacked_bytes), applicant)
    try:
        with store.open(key) as stream:
            file = pq.ParquetFile(stream)
            columns = [name for name in ID_COLUMNS if name in file.schema_arrow.names]
            return int(rows_of_applicant(file.read(columns=columns), applicant).sum())
    except NotFound:
        return 0
    except (pa.ArrowException, Changed, OSError):
        raise SourceError(f"{store.location(key)} is damaged, or no parquet file.") from None
