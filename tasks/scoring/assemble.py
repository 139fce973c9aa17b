"""A day's parts put together, with the rows that share an id sorted out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.adapters.files.landing_file import LandingFile
from tasks.adapters.files.landing_reader import read_chunks, read_lines
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID, as_text, parse_numbers, parse_rows
from tasks.core.contract.screening import (
    BROKEN_RULES,
    CONFLICTING,
    RECONCILED,
    SOURCE_FILE,
    SOURCE_ROW,
    no_rejected_rows,
    rejected_rows,
)
from tasks.core.day.control_totals import totals_by_measure
from tasks.core.day.duplicates import shared_ids, sort_out, take_turns
from tasks.core.day.records import FileTotals, PartRef
from tasks.core.lender.amounts import AMOUNTS
from tasks.core.lender.columns import ID
from tasks.delivery.files import open_delivered
from tasks.publication.data_files import read_data
from tasks.running.context import run_logger
from tasks.store import Store

_PLACE: Final = [SOURCE_FILE, SOURCE_ROW]
_TRACED: Final = [*_PLACE, APPLICATION_ID, *RECONCILED]
_TRACED_SCHEMA: Final = no_rejected_rows().select(_TRACED).schema
_PLACE_SCHEMA: Final = no_rejected_rows().select(_PLACE).schema


class Assembled(NamedTuple):
    """All rows of a day, each in exactly one of the four tables."""

    decided: pa.Table
    """Where each row stood, its application_id, pd, and what else was kept of it, typed."""
    rejected: pa.Table
    """Rows set aside, as `core.screening.rejected_rows` builds them."""
    copies: pa.Table
    """Where the dropped exact copies stood, with their ids and amounts."""
    replaced: pa.Table
    """The same of the rows that a correction replaces."""


def assemble(store: Store, parts: Sequence[PartRef], *, chunk_rows: int) -> Assembled:
    """The rows of all parts; corrected ones replaced, exact copies dropped, different rows of one id all set aside.

    Only where an id occurs twice is a landing file read again, and only the rows in question are kept of it.

    Args:
        parts: in the order of the delivery; of several corrections of one id the last counts.
    """
    decided = pa.concat_tables([_decided(store, part) for part in parts]).unify_dictionaries()
    rejected = pa.concat_tables([read_parquet(read_data(store, part.rejected)) for part in parts])
    places = _in_question(decided, rejected, [part.file.name for part in parts if part.file.is_correction])
    is_outdated = _outdated(places, parts)
    outdated, places = places[is_outdated], places[~is_outdated]
    decided, rejected = _without(decided, outdated), _without(rejected, outdated)
    replaced = _traced(outdated)
    shared = shared_ids(places[APPLICATION_ID].to_numpy())
    if not len(shared):
        return Assembled(decided, rejected, _traced(places[:0]), replaced)
    suspects = places[places[APPLICATION_ID].isin(shared)].sort_values(_PLACE, ignore_index=True)
    text, content = _read_again(store, parts, suspects, chunk_rows=chunk_rows)
    copies, conflicting = sort_out(suspects[APPLICATION_ID].to_numpy(), content)
    set_aside = _as_conflicting(text.filter(pa.array(conflicting)), suspects[conflicting], rejected)
    moved = suspects[copies | conflicting]
    return Assembled(
        _without(decided, moved),
        pa.concat_tables([_without(rejected, moved), set_aside]),
        _traced(suspects[copies]),
        replaced,
    )


def _in_question(decided: pa.Table, rejected: pa.Table, corrections: Sequence[str]) -> pd.DataFrame:
    """Where the rows stood whose id occurs more than once, and corrections, with their ids and amounts."""
    ids = [table.column(APPLICATION_ID).drop_null().to_numpy() for table in (decided, rejected)]
    shared = pa.array(shared_ids(np.concatenate(ids)))

    def of(table: pa.Table) -> pa.Table:
        ids, files = table.column(APPLICATION_ID), table.column(SOURCE_FILE)
        corrected = pc.and_(pc.is_valid(ids), pc.is_in(files, value_set=pa.array(corrections, pa.string())))
        is_asked = pc.or_(pc.is_in(ids, value_set=shared), corrected)
        return table.select(_TRACED).filter(is_asked).cast(_TRACED_SCHEMA)

    return pa.concat_tables(map(of, (decided, rejected))).to_pandas()


def _traced(places: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(places[_TRACED], schema=_TRACED_SCHEMA, preserve_index=False)


def _outdated(places: pd.DataFrame, parts: Sequence[PartRef]) -> np.ndarray:
    """Which rows a correction replaces; the feed's own files came at once, each file of corrections after them."""
    if not any(part.file.is_correction for part in parts):
        return np.zeros(len(places), dtype=bool)
    turn = {part.file.name: n * part.file.is_correction for n, part in enumerate(parts)}
    taken = take_turns(places[APPLICATION_ID].to_numpy(), places[SOURCE_FILE].map(turn).to_numpy())
    if taken.without_origin:
        run_logger().warning("%d corrections stand in for nothing: their ids are new to the day", taken.without_origin)
    return taken.replaced


def count_files(parts: Sequence[PartRef], assembled: Assembled) -> dict[str, FileTotals]:
    """File name to what became of its rows."""
    counted = [
        {each["values"]: each["counts"] for each in table.column(SOURCE_FILE).value_counts().to_pylist()}
        for table in assembled
    ]
    return {
        name: FileTotals(part.rows, *(counts.get(name, 0) for counts in counted))
        for part in parts
        for name in (part.file.name,)
    }


def control_totals(parts: Sequence[PartRef], assembled: Assembled) -> dict[str, dict[str, FileTotals]]:
    """Measure and file to its control totals: over the rows as they were read, and over those that ended in each place.

    A correction or a copy that was dropped counts where it ended, as rows do.
    """
    return totals_by_measure({part.file.name: part.sums for part in parts}, assembled)


def _decided(store: Store, part: PartRef) -> pa.Table:
    table = read_parquet(read_data(store, part.decided))
    the_only = pa.repeat(pa.scalar(0, pa.int32()), table.num_rows)  # a name per row would be a sixth of the table
    return table.add_column(0, SOURCE_FILE, pa.DictionaryArray.from_arrays(the_only, [part.file.name]))


def _read_again(
    store: Store, parts: Sequence[PartRef], suspects: pd.DataFrame, *, chunk_rows: int
) -> tuple[pa.Table, pd.DataFrame]:
    """The suspects' rows in their order: as text, and as what makes two of them equal."""
    found = []
    for part in sorted(parts, key=lambda part: part.file.name):  # as the suspects are sorted
        wanted = suspects[suspects[SOURCE_FILE] == part.file.name]
        if len(wanted):
            with open_delivered(store, part.file) as file:
                found.append(_lines(file, part, wanted) or _rows(file, wanted, chunk_rows=chunk_rows))
    return pa.concat_tables(map(as_text, found)), pd.concat(map(_comparable, found), ignore_index=True)


def _lines(file: LandingFile, part: PartRef, wanted: pd.DataFrame) -> pa.Table | None:
    """The rows as delivered, if each line of the file is a row; None if not, or nobody can say.

    The ids prove it. Were lines shifted against rows, the first row of an id would be found in the place of one after
    it, and so would have one of its id before it.
    """
    if part.file.lines != part.rows + 1:
        return None
    rows = read_lines(file, wanted[SOURCE_ROW].tolist())
    if rows is None:
        return None
    ids, _ = parse_numbers(rows.column(ID).combine_chunks(), whole=True)
    return rows if ids.to_pylist() == wanted[APPLICATION_ID].tolist() else None


def _rows(file: LandingFile, wanted: pd.DataFrame, *, chunk_rows: int) -> pa.Table:
    """The rows as delivered, from all rows of the file."""
    numbers = wanted[SOURCE_ROW].to_numpy()
    tables = []
    first = 1
    for chunk in read_chunks(file, chunk_rows=chunk_rows):
        here = numbers[(numbers >= first) & (numbers < first + chunk.num_rows)] - first
        tables.append(chunk.take(pa.array(here)))
        first += chunk.num_rows
    return pa.concat_tables(tables)


def _comparable(rows: pa.Table) -> pd.DataFrame:
    """Typed values, and the text of what would not parse: equal however a number was written."""
    typed, text = parse_rows(rows), as_text(rows)
    unparsable = np.full(rows.num_rows, "", dtype=object)
    for name, positions in typed.unparsable.items():
        unparsable[positions] += f"|{name}=" + text.column(name).take(pa.array(positions)).to_numpy()
    return typed.rows.to_pandas().assign(unparsable=unparsable)


def _as_conflicting(text: pa.Table, places: pd.DataFrame, rejected: pa.Table) -> pa.Table:
    known = {
        (file, row): broken
        for file, row, broken in zip(
            *(rejected.column(name).to_pylist() for name in (*_PLACE, BROKEN_RULES)), strict=True
        )
    }
    where = list(zip(places[SOURCE_FILE], places[SOURCE_ROW], strict=True))
    broken = [";".join(filter(None, (known.get(place), CONFLICTING.id))) for place in where]
    table = rejected_rows(
        text,
        source_files=[file for file, _ in where],
        source_rows=places[SOURCE_ROW].to_numpy(),
        broken=broken,
        typed=_traced(places).select([APPLICATION_ID, *RECONCILED]).rename_columns([ID, *AMOUNTS]),
    )
    return table.cast(rejected.schema)


def _without(table: pa.Table, moved: pd.DataFrame) -> pa.Table:
    if moved.empty:
        return table
    is_left = np.ones(table.num_rows, dtype=bool)
    ids = pc.is_in(table.column(APPLICATION_ID), value_set=pa.array(moved[APPLICATION_ID].unique()))
    near = np.flatnonzero(ids.to_numpy())  # all that may have moved, without a look at the others' places
    places = pd.MultiIndex.from_frame(table.select(_PLACE).take(pa.array(near)).cast(_PLACE_SCHEMA).to_pandas())
    is_left[near[places.isin(pd.MultiIndex.from_frame(moved[_PLACE]))]] = False
    return table.filter(pa.array(is_left))
