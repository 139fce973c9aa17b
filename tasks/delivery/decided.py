"""Delivered rows of applications that a revision decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from configs.calendar import load_calendar
from configs.settings import Scoring
from tasks.adapters.files.landing_file import LandingFile
from tasks.adapters.files.landing_reader import read_chunks, read_header
from tasks.core.applications import APPLICATION_ID, parse_ids, parse_rows, plain_values
from tasks.core.day.manifest import Manifest
from tasks.core.files import format_of
from tasks.core.lender.columns import ID, TYPED_SCHEMA, missing_columns
from tasks.core.words import counted, normal_name
from tasks.delivery.files import announced_of, open_landing, published_reading, sha256_of
from tasks.errors import ObjectArchived, SourceError
from tasks.publication.expired import read_expired
from tasks.publication.layout import landing_key
from tasks.store import Store


class _ArchivedRemark(str):
    """Remark on a file that the store moved to its archive."""

    __slots__ = ()


class _ChangedRemark(str):
    """Remark on a file that is not the one that was scored."""

    __slots__ = ()


class DecidedRows(NamedTuple):
    """Delivered rows of decided applications, for the files that the landing still holds."""

    rows: pa.Table
    """Typed rows, one for each application, by rising id."""
    remarks: tuple[str, ...]
    """Sentences on files that are gone, changed or unreadable.

    Empty if each file is the one that was scored.
    """
    archived: str | None = None
    """Sentence on a file of them that lies in the store's archive, and can be had from there."""
    is_altered: bool = False
    """True if rows come from a file that is not the one that was scored."""


def decided_rows(
    store: Store,
    published: Manifest,
    results: pa.Table,
    scoring: Scoring,
) -> DecidedRows:
    """Delivered rows of published results, read from the files that the revision was made from.

    Args:
        store: where landing and manifests lie.
        published: the revision.
        results: rows of its decisions, for the applications that are asked for.
        scoring: limits of reading.
    """
    remarks: list[str] = []
    chunks = decided_chunks(store, published, results, scoring, remarks)
    rows = pa.concat_tables([TYPED_SCHEMA.empty_table(), *chunks])
    is_altered = any(isinstance(remark, _ChangedRemark) for remark in remarks)
    return DecidedRows(rows.sort_by(ID), tuple(remarks), archived_remark(remarks), is_altered)


def archived_remark(remarks: Iterable[str]) -> str | None:
    """First remark on a file that the store moved to its archive; None if there is none."""
    return next((remark for remark in remarks if isinstance(remark, _ArchivedRemark)), None)


def decided_chunks(
    store: Store,
    published: Manifest,
    results: pa.Table,
    scoring: Scoring,
    remarks: list[str],
) -> Iterator[pa.Table]:
    """The same rows chunk by chunk, in no order of ids. Adds a remark on each file that fails.

    The last file is read first, and reading ends when all rows are found: the row of the last
    correction counts, or else the feed's. Rows are found by id before their other columns are
    parsed. A file is digested after it was read, so that a change in between is noticed, too; the
    remark on it comes after its rows.
    """
    missing = results.column(APPLICATION_ID).combine_chunks()
    for name, sha256 in _files_last_first(store, published, remarks, scoring.calendar):
        if not len(missing):
            return
        try:
            for rows in _rows_of(store, published, name, sha256, missing, scoring, remarks):
                missing = _without(missing, rows)
                yield rows
        except (ObjectArchived, SourceError) as error:
            is_archived = isinstance(error, ObjectArchived)
            remarks.append(_ArchivedRemark(error) if is_archived else str(error))


def _files_last_first(
    store: Store,
    published: Manifest,
    remarks: list[str],
    calendar: str,
) -> Iterator[tuple[str, str]]:
    """Delivered name and digest of the files still in the landing; adds a remark on each other."""
    prefix = landing_key(published.as_of)
    there = {normal_name(entry.key): entry.key.removeprefix(prefix) for entry in store.list(prefix)}
    expired = {normal_name(key): removed for key, removed in read_expired(store, published.as_of).items()}
    for name, sha256 in reversed(list(published.inputs.items())):
        key = normal_name(prefix + name)
        if key in there:
            yield there[key], sha256
        elif removed := expired.get(key):
            on = load_calendar(calendar).local_time(removed["at"])
            remarks.append(f"{name} was removed by rule on {on}: {removed['rule']}.")
        else:
            remarks.append(f"{name} is not in the landing any more.")


def _rows_of(
    store: Store,
    published: Manifest,
    name: str,
    sha256: str,
    wanted: pa.Array,
    scoring: Scoring,
    remarks: list[str],
) -> Iterator[pa.Table]:
    """Typed rows of a file, the first of each id that is wanted.

    Adds a remark if it is not the file that was scored.

    Raises:
        SourceError: the file is gone, unreadable, or lacks columns.
    """
    key = landing_key(published.as_of) + name
    announced = announced_of(store, key)
    rows = announced.rows if announced else None
    with open_landing(store, key, name=name) as stream:
        file = LandingFile(stream, name, format_of(name), published_reading(published, scoring), rows)
        try:
            yield from _wanted_rows(file, wanted, chunk_rows=scoring.chunk_rows)
        finally:
            if sha256_of(stream) != sha256:
                remarks.append(_ChangedRemark(f"{name} is not the file that was scored; it was changed since."))


def _wanted_rows(file: LandingFile, wanted: pa.Array, *, chunk_rows: int) -> Iterator[pa.Table]:
    """Typed rows of a file, the first of each id that is wanted; reading ends when all are found."""
    if lacking := missing_columns(read_header(file)):
        raise SourceError(f"{file.name} lacks {counted(len(lacking), 'declared column')}.")
    with closing(read_chunks(file, chunk_rows=chunk_rows)) as chunks:
        for chunk in chunks:
            ids, _ = parse_ids(plain_values(chunk, ID))
            is_wanted = pc.is_in(ids.cast(pa.int64()), value_set=wanted)
            if pc.any(is_wanted).as_py():
                rows = _first_of_each(parse_rows(chunk.filter(is_wanted)).rows)
                wanted = _without(wanted, rows)
                yield rows
            if not len(wanted):
                return


def _without(ids: pa.Array, rows: pa.Table) -> pa.Array:
    """The ids that no row has."""
    return ids.filter(pc.invert(pc.is_in(ids, value_set=rows.column(ID).combine_chunks())))


def _first_of_each(rows: pa.Table) -> pa.Table:
    """First row of each id; a published revision has dropped its copies."""
    ids = rows.column(ID).combine_chunks()
    first = pc.index_in(pc.unique(ids), value_set=ids)
    return rows.take(first)
