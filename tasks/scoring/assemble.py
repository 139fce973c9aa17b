"""Parts of a day put together, with the rows that share an id sorted out."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.adapters.files.landing_file import AS_DELIVERED, LandingFile, Reading
from tasks.adapters.files.landing_reader import read_chunks, read_lines, read_range_chunks
from tasks.adapters.files.parquet import give_back_memory, read_parquet
from tasks.core.applications import APPLICATION_ID, as_text, parse_ids, parse_rows
from tasks.core.contract.screening import (
    BROKEN_RULES,
    CONFLICTING,
    RECONCILED,
    SOURCE_FILE,
    SOURCE_ROW,
    no_rejected_rows,
    rejected_rows,
)
from tasks.core.day.control_totals import add_sums, totals_by_measure
from tasks.core.day.duplicates import shared_ids, sort_out, take_turns
from tasks.core.day.records import FileRef, FileTotals, PartRef
from tasks.core.decision.reasons import REASONS
from tasks.core.lender.amounts import AMOUNTS
from tasks.core.lender.columns import ID
from tasks.delivery.files import header_by_range, open_delivered, read_delivered_range
from tasks.publication.data_files import read_data
from tasks.running.context import run_logger
from tasks.running.workers import processors, work_in_order
from tasks.store import Store

_PARTS_AT_A_TIME: Final = 32
"""Parts whose rows are put together at a time; a million rows."""
_PLACE: Final = [SOURCE_FILE, SOURCE_ROW]
_TRACED: Final = [*_PLACE, APPLICATION_ID, *RECONCILED]
_TRACED_SCHEMA: Final = no_rejected_rows().select(_TRACED).schema
_PLACE_SCHEMA: Final = no_rejected_rows().select(_PLACE).schema


@dataclass
class Assembled:
    """All rows of a day, each in exactly one of the four tables."""

    decided: pa.Table
    """Place of each decided row, its application_id, pd, and the other columns kept, typed."""
    rejected: pa.Table
    """Rows set aside, as `core.contract.screening.rejected_rows` builds them."""
    copies: pa.Table
    """Places of the dropped exact copies, with their ids and amounts."""
    replaced: pa.Table
    """Places of the rows that a correction replaces, with their ids and amounts."""

    def __iter__(self) -> Iterator[pa.Table]:
        """Yield the four tables, in the order of the stages of `FileTotals`."""
        return iter((self.decided, self.rejected, self.copies, self.replaced))

    def take_out(self, names: Collection[str]) -> dict[str, pa.ChunkedArray]:
        """Take columns out of the decided rows, so that whoever has read one can let its memory go."""
        taken = {name: self.decided.column(name) for name in names}
        self.decided = self.decided.drop_columns(list(names))
        return taken


def assemble(store: Store, parts: Sequence[PartRef], *, chunk_rows: int, reading: Reading = AS_DELIVERED) -> Assembled:
    """Rows of all parts: corrected ones replaced, exact copies dropped, conflicting ones set aside.

    Different rows of one id are in conflict. A landing file is read again only if an id occurs
    twice, and only the rows with such ids are kept of it.

    Args:
        store: where the parts and the landing files lie.
        parts: in the order of the delivery; of several corrections of one id the last counts.
        chunk_rows: rows that are read at a time.
        reading: how the landing files are read.
    """
    decided = [_as_one(_beside(partial(_decided, store), some)) for some in _batched(parts)]
    rejected = pa.concat_tables(_beside(lambda part: read_parquet(read_data(store, part.rejected)), parts))
    corrections = [part.file.name for part in parts if part.file.is_correction]
    places = _places_in_question(decided, rejected, corrections)
    is_outdated = _outdated(places, parts)
    outdated = places[is_outdated]
    places = places[~is_outdated]
    _remove(decided, outdated)
    rejected = _without(rejected, outdated)
    replaced = _traced(outdated)
    shared = shared_ids(places[APPLICATION_ID].to_numpy())
    if not len(shared):
        return Assembled(_concatenated(decided), rejected, _traced(places[:0]), replaced)
    suspects = places[places[APPLICATION_ID].isin(shared)].sort_values(_PLACE, ignore_index=True)
    text, content = _read_again(store, parts, suspects, chunk_rows=chunk_rows, reading=reading)
    copies, conflicting = sort_out(suspects[APPLICATION_ID].to_numpy(), content)
    set_aside = _as_conflicting(text.filter(pa.array(conflicting)), suspects[conflicting], rejected)
    moved = suspects[copies | conflicting]
    _remove(decided, moved)
    return Assembled(
        _concatenated(decided),
        pa.concat_tables([_without(rejected, moved), set_aside]),
        _traced(suspects[copies]),
        replaced,
    )


def _beside(read: Callable[[PartRef], pa.Table], parts: Sequence[PartRef]) -> Iterator[pa.Table]:
    """Tables of the parts, read in threads."""
    return work_in_order(read, parts, workers=min(processors(), len(parts)))


def _as_one(decided: Iterable[pa.Table]) -> pa.Table:
    """One table, each column in one piece: thousands of small pieces keep twice their memory from others."""
    table = _concatenated(decided).combine_chunks()
    give_back_memory()
    return table


def _batched(parts: Sequence[PartRef]) -> Iterator[Sequence[PartRef]]:
    for start in range(0, len(parts), _PARTS_AT_A_TIME):
        yield parts[start : start + _PARTS_AT_A_TIME]


def _concatenated(decided: Iterable[pa.Table]) -> pa.Table:
    return pa.concat_tables(decided).unify_dictionaries()


def _remove(decided: list[pa.Table], moved: pd.DataFrame) -> None:
    """Remove the moved rows, table by table, so that no row of a large day is held twice."""
    for n, part in enumerate(decided):
        decided[n] = _without(part, moved)


def _places_in_question(
    decided: Sequence[pa.Table],
    rejected: pa.Table,
    corrections: Sequence[str],
) -> pd.DataFrame:
    """Places of corrections and of rows whose id occurs more than once, with ids and amounts."""
    ids = [table.column(APPLICATION_ID).drop_null().to_numpy() for table in (*decided, rejected)]
    shared = pa.array(shared_ids(np.concatenate(ids)))

    def rows_in_question(table: pa.Table) -> pa.Table:
        ids = table.column(APPLICATION_ID)
        files = table.column(SOURCE_FILE)
        is_corrected = pc.is_in(files, value_set=pa.array(corrections, pa.string()))
        is_shared = pc.is_in(ids, value_set=shared)
        is_in_question = pc.or_(is_shared, pc.and_(pc.is_valid(ids), is_corrected))
        return table.select(_TRACED).filter(is_in_question).cast(_TRACED_SCHEMA)

    return pa.concat_tables(map(rows_in_question, (*decided, rejected))).to_pandas()


def _traced(places: pd.DataFrame) -> pa.Table:
    """Table of these places, with their ids and amounts."""
    return pa.Table.from_pandas(places[_TRACED], schema=_TRACED_SCHEMA, preserve_index=False)


def _outdated(places: pd.DataFrame, parts: Sequence[PartRef]) -> np.ndarray:
    """Mask of the rows that a correction replaces.

    The feed's own files came at once, and each file of corrections after them.
    """
    if not any(part.file.is_correction for part in parts):
        return np.zeros(len(places), dtype=bool)
    turn = {file.name: n * file.is_correction for n, file in enumerate(_files_of(parts))}
    taken = take_turns(places[APPLICATION_ID].to_numpy(), places[SOURCE_FILE].map(turn).to_numpy())
    if taken.without_origin:
        run_logger().warning("%d corrections stand in for nothing: their ids are new to the day", taken.without_origin)
    return taken.replaced


def count_files(parts: Sequence[PartRef], assembled: Assembled) -> dict[str, FileTotals]:
    """File name to the number of its rows by the place where they ended."""
    by_file = [_rows_by_file(table) for table in assembled]

    def totals_of(file: FileRef) -> FileTotals:
        return FileTotals(_rows_of(file, parts), *(rows.get(file.name, 0) for rows in by_file))

    return {file.name: totals_of(file) for file in _files_of(parts)}


def _rows_by_file(table: pa.Table) -> dict[str, int]:
    """File name to its number of rows in the table."""
    counts = table.column(SOURCE_FILE).value_counts().to_pylist()
    return {each["values"]: each["counts"] for each in counts}


def control_totals(
    parts: Sequence[PartRef],
    assembled: Assembled,
) -> dict[str, dict[str, FileTotals]]:
    """Measure and file to its control totals.

    They are taken over the rows as read, and over the rows that ended in each place. A dropped copy
    or a correction counts in the place where it ended, as in the counts of rows.
    """
    received = {
        file.name: add_sums(*(part.sums for part in parts if part.file.name == file.name)) for file in _files_of(parts)
    }
    return totals_by_measure(received, list(assembled))


def _files_of(parts: Sequence[PartRef]) -> list[FileRef]:
    """Files of the parts, in the order of the delivery."""
    return list({part.file.name: part.file for part in parts}.values())


def _rows_of(file: FileRef, parts: Sequence[PartRef]) -> int:
    """Rows of a file, from its parts."""
    return sum(part.rows for part in parts if part.file.name == file.name)


def _decided(store: Store, part: PartRef) -> pa.Table:
    """Decided rows of a part, with the name of their file; texts that repeat are kept once."""
    table = read_parquet(read_data(store, part.decided))
    # A dictionary of one name: a text for each row would be a sixth of the table.
    codes = pa.repeat(pa.scalar(0, pa.int16()), table.num_rows)
    names = pa.DictionaryArray.from_arrays(codes, [part.file.name])
    rows = table.column(SOURCE_ROW).cast(pa.int32())
    table = table.set_column(table.column_names.index(SOURCE_ROW), SOURCE_ROW, rows)
    for reason in REASONS:
        found = table.column(reason).combine_chunks().dictionary_encode()
        coded = pa.DictionaryArray.from_arrays(found.indices.cast(pa.int8()), found.dictionary)
        table = table.set_column(table.column_names.index(reason), reason, coded)
    return table.add_column(0, SOURCE_FILE, names)


def _read_again(
    store: Store, parts: Sequence[PartRef], suspects: pd.DataFrame, *, chunk_rows: int, reading: Reading
) -> tuple[pa.Table, pd.DataFrame]:
    """Delivered rows of the suspects, in their order: as text, and as content to compare."""
    found = []
    for file in sorted(_files_of(parts), key=lambda file: file.name):  # the order of the suspects
        wanted = suspects[suspects[SOURCE_FILE] == file.name]
        if len(wanted):
            rows = _read_ranges(store, file, parts, wanted, reading=reading)
            found.append(rows or _read_file(store, file, parts, wanted, chunk_rows=chunk_rows, reading=reading))
    text = pa.concat_tables(map(as_text, found))
    content = pd.concat(map(_comparable, found), ignore_index=True)
    return text, content


def _read_ranges(
    store: Store, file: FileRef, parts: Sequence[PartRef], wanted: pd.DataFrame, *, reading: Reading
) -> pa.Table | None:
    """Wanted rows as delivered, from the ranges that they lie in; None if the file was not worked on by ranges.

    Every line of such a range is a row: whoever worked on it has proven that.
    """
    rows_of_ranges = [part.rows for part in parts if part.file.name == file.name]
    header = header_by_range(store, file, reading) if len(rows_of_ranges) > 1 else None
    if header is None:
        return None
    numbers = wanted[SOURCE_ROW].to_numpy() - 1
    lines: list[bytes] = []
    first = 0
    for place, (span, n_rows) in enumerate(zip(file.ranges, rows_of_ranges, strict=True)):
        here = numbers[(numbers >= first) & (numbers < first + n_rows)] - first
        if len(here):
            of_range = read_delivered_range(store, file, span).split(b"\n")
            lines += [of_range[line] + b"\n" for line in here + (not place)]
        first += n_rows
    text = LandingFile(io.BytesIO(b"".join(lines)), file.name, file.format, reading)
    n_lines = len(lines)
    return pa.concat_tables(read_range_chunks(text, header, rows=n_lines, has_header=False, chunk_rows=n_lines))


def _read_file(
    store: Store,
    file: FileRef,
    parts: Sequence[PartRef],
    wanted: pd.DataFrame,
    *,
    chunk_rows: int,
    reading: Reading,
) -> pa.Table:
    """Wanted rows as delivered, from the whole file."""
    is_row_per_line = file.lines == _rows_of(file, parts) + 1
    with open_delivered(store, file, reading=reading) as opened:
        rows = _read_lines(opened, wanted) if is_row_per_line else None
        return rows or _read_rows(opened, wanted, chunk_rows=chunk_rows)


def _read_lines(file: LandingFile, wanted: pd.DataFrame) -> pa.Table | None:
    """Wanted rows as delivered, from a file with a line for each row; None if a line is not a row.

    The ids prove that it is. If lines were shifted against rows, the first row of an id would be found in
    the place of a later one, and so another row of its id would be before it.
    """
    rows = read_lines(file, wanted[SOURCE_ROW].tolist())
    if rows is None:
        return None
    ids, _ = parse_ids(rows.column(ID).combine_chunks())
    return rows if ids.to_pylist() == wanted[APPLICATION_ID].tolist() else None


def _read_rows(file: LandingFile, wanted: pd.DataFrame, *, chunk_rows: int) -> pa.Table:
    """Wanted rows as delivered, found by reading all rows of the file."""
    numbers = wanted[SOURCE_ROW].to_numpy()
    tables = []
    first = 1
    for chunk in read_chunks(file, chunk_rows=chunk_rows):
        here = numbers[(numbers >= first) & (numbers < first + chunk.num_rows)] - first
        tables.append(chunk.take(pa.array(here)))
        first += chunk.num_rows
    return pa.concat_tables(tables)


def _comparable(rows: pa.Table) -> pd.DataFrame:
    """Typed values, and the text of values that do not parse.

    Two rows with equal numbers are equal, in whatever notation the numbers were written.
    """
    typed = parse_rows(rows)
    text = as_text(rows)
    unparsable = np.full(rows.num_rows, "", dtype=object)
    for name, positions in typed.unparsable.items():
        values = text.column(name).take(pa.array(positions)).to_numpy()
        unparsable[positions] += f"|{name}=" + values
    return typed.rows.to_pandas().assign(unparsable=unparsable)


def _as_conflicting(text: pa.Table, places: pd.DataFrame, rejected: pa.Table) -> pa.Table:
    """Conflicting rows as rejected ones: the rule of conflicts comes last of their broken rules."""
    columns = [rejected.column(name).to_pylist() for name in (*_PLACE, BROKEN_RULES)]
    known = {(file, row): broken for file, row, broken in zip(*columns, strict=True)}
    here = list(zip(places[SOURCE_FILE], places[SOURCE_ROW], strict=True))
    broken = [";".join(filter(None, (known.get(place), CONFLICTING.id))) for place in here]
    typed = _traced(places).select([APPLICATION_ID, *RECONCILED])
    table = rejected_rows(
        text,
        source_files=[file for file, _ in here],
        source_rows=places[SOURCE_ROW].to_numpy(),
        broken=broken,
        typed=typed.rename_columns([ID, *AMOUNTS]),
    )
    return table.cast(rejected.schema)


def _without(table: pa.Table, moved: pd.DataFrame) -> pa.Table:
    """Rows of a table, without those in the moved places."""
    if moved.empty:
        return table
    is_left = np.ones(table.num_rows, dtype=bool)
    ids = pc.is_in(table.column(APPLICATION_ID), value_set=pa.array(moved[APPLICATION_ID].unique()))
    # Only rows with a moved id may have moved, so only their places are compared.
    candidates = np.flatnonzero(ids.to_numpy())
    near = table.select(_PLACE).take(pa.array(candidates)).cast(_PLACE_SCHEMA).to_pandas()
    is_moved = pd.MultiIndex.from_frame(near).isin(pd.MultiIndex.from_frame(moved[_PLACE]))
    is_left[candidates[is_moved]] = False
    return table.filter(pa.array(is_left))
