"""One part of a day, screened and scored: typed rows, contract, features, pd.

A part is a landing file, or a range of one. Only references travel: the order names what is read and
what it is pinned to, the result names what was stored. So it does not matter who works on a part, and
how often. The module does not import Prefect: it runs in processes of its own, too.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.landing_file import LandingFile
from tasks.adapters.files.landing_reader import declared_names, delivered_names, read_chunks, read_range_chunks
from tasks.adapters.files.parquet import write_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.rules import RuleCount, merge_counts
from tasks.core.contract.screening import (
    PD,
    SOURCE_ROW,
    ScreenedChunk,
    listed_columns,
    no_rejected_rows,
    require_declared,
    screen_chunk,
    typed_name,
)
from tasks.core.day.control_totals import add_sums, sum_typed
from tasks.core.day.records import ByteRange, DataFile, FileRef, PartRef, Pins
from tasks.core.decision.reasons import REASONS, codes_of
from tasks.core.decision.scoring import score_rows
from tasks.core.lender.amounts import AMOUNTS
from tasks.core.lender.columns import ID, NAMES, TYPED_SCHEMA
from tasks.core.model.bundle import Bundle, Engine
from tasks.core.words import counted
from tasks.delivery.files import changed_file, open_delivered, pinned_reading, read_delivered_range, require_columns
from tasks.errors import ExpectationsNotMet, SourceError
from tasks.model.contract import pinned_contract
from tasks.model.load import load_bundle, load_engine
from tasks.publication.data_files import name_data
from tasks.publication.layout import checkpoints_prefix
from tasks.running.checkpoints import keep, recall
from tasks.running.workers import work_in_order
from tasks.scoring.shadow_scorer import SHADOW_SCHEMA, ShadowScorer
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract


_LOADING: Final = threading.Lock()
"""Held while contract and models are loaded: the first thread loads them, the others find them loaded. Great
Expectations parses formulas with one parser for all threads."""


class PartOrder(NamedTuple):
    """Order to screen and score one part."""

    file: FileRef
    """The file, without its ranges: an order is small, however large the day."""
    pins: Pins
    settings: Settings
    threads: int
    """Threads that work on its chunks."""
    range: ByteRange | None = None
    """Range of the file; None for all of it."""
    number: int = 0
    """Place of the range in its file."""
    first_row: int = 1
    """Position in the file, counted from 1, of the first row of the range."""
    header: tuple[str, ...] = ()
    """Names of the file's columns as delivered; empty if the part is a whole file."""
    is_apart: bool = False
    """True if another process than the run's works on it."""
    kept_as: str | None = None
    """Key under which its result is kept; None if only that of the file is."""


class WorkedPart(NamedTuple):
    """Result of an order."""

    part: PartRef | None
    """None if the range cannot be read by itself; then the file must be worked on as a whole."""
    notes: tuple[str, ...] = ()
    """Warnings for the log of the run."""


class _WorkedChunk(NamedTuple):
    """Results of a chunk that are kept."""

    decided: pa.Table
    rejected: pa.Table
    counts: Mapping[str, RuleCount]
    sums: Mapping[str, int]
    """Control totals over its rows as they were read."""
    rows: int
    shadow: pa.Table | None
    """Results of the second model; None if there is none, or if it failed."""


def work_part(order: PartOrder, note: Callable[[int], object] | None = None) -> WorkedPart:
    """Screen and score one part, and store its decided and its rejected rows.

    Args:
        order: the part, and what it is pinned to.
        note: called with the rows that are done, after each chunk.

    Raises:
        SourceError: the file changed while it was read, or holds other rows than announced.
        ExpectationsNotMet: its columns break the contract.
    """
    store = open_store(order.settings.storage)
    kept = recall(store, order.kept_as, PartRef) if order.kept_as else None
    if kept is not None:
        return WorkedPart(kept)
    try:
        with _opened(store, order) as (header, chunks):
            worked = _worked(store, order, header, chunks, note)
    except SourceError:
        if order.range is None:
            raise
        return WorkedPart(None)
    if order.kept_as and worked.part:
        keep(store, order.kept_as, worked.part)
    return worked


@contextmanager
def _opened(store: Store, order: PartOrder) -> Iterator[tuple[tuple[str, ...], Generator[pa.Table, None, None]]]:
    """Declared header of the part's file, and the chunks of the part."""
    file, chunk_rows = order.file, order.settings.scoring.chunk_rows
    reading = pinned_reading(order.pins, order.settings)
    if order.range is None:
        with open_delivered(store, file, reading=reading) as opened:
            yield require_columns(opened), read_chunks(opened, chunk_rows=chunk_rows)
        return
    text = read_delivered_range(store, file, order.range)
    opened = LandingFile(io.BytesIO(text), file.name, file.format, reading, file.announced_rows)
    is_first = not order.number
    if is_first and delivered_names(opened) != order.header:
        raise changed_file(file.name)
    header = declared_names(opened, order.header)
    require_declared(header, name=file.name)
    is_ended = text.endswith(b"\n")
    if not is_ended and file.announced_rows is None:
        raise SourceError(f"{file.name} has no line end after its last line.")
    rows = order.range.lines - is_first + (not is_ended)
    chunks = read_range_chunks(opened, order.header, rows=rows, has_header=is_first, chunk_rows=chunk_rows)
    yield header, chunks


def _worked(
    store: Store,
    order: PartOrder,
    header: tuple[str, ...],
    chunks: Generator[pa.Table, None, None],
    note: Callable[[int], object] | None,
) -> WorkedPart:
    file, pins, settings = order.file, order.pins, order.settings
    is_registry_gone = order.is_apart or bool(pins.sealed_copy)
    with _LOADING:
        contract = pinned_contract(pins, settings)
        broken_columns = _require_column_rules(contract, header, name=file.name)
        bundle = load_bundle(pins.model, settings, is_registry_gone=is_registry_gone)
        engine = load_engine(pins.model, settings, is_registry_gone=is_registry_gone)
        shadow = ShadowScorer.of(pins, settings)
    notes = [] if order.number else list(_undeclared(header, name=file.name))
    notes += [engine.caveat] if engine.caveat else []
    kept = sorted({*AMOUNTS, *contract.table_columns} - {ID})
    decided = [_decided_schema(kept).empty_table()]
    rejected = [no_rejected_rows()]
    by_shadow: list[pa.Table | None] = []
    counts: dict[str, RuleCount] = {}
    sums = add_sums()
    rows = 0

    def work(placed: tuple[int, pa.Table]) -> _WorkedChunk:
        first_row, raw = placed
        chunk = screen_chunk(raw, first_row=first_row, source=file.name, contract=contract)
        scored = score_chunk(chunk, bundle, engine, pins, kept=kept)
        sums = sum_typed(chunk.delivered)
        beside = shadow.score(chunk.accepted) if shadow else None
        return _WorkedChunk(scored, chunk.rejected, chunk.counts, sums, raw.num_rows, beside)

    placed = _placed(chunks, order.first_row)
    with closing(chunks), closing(work_in_order(work, placed, workers=order.threads)) as all_worked:
        for worked in all_worked:
            decided.append(worked.decided)
            rejected.append(worked.rejected)
            by_shadow.append(worked.shadow)
            counts = merge_counts(counts, worked.counts)
            sums = add_sums(sums, worked.sums)
            rows += worked.rows
            require_announced(file, rows, is_all=False)
            if note:
                note(rows)
    if shadow and shadow.fault:
        notes.append(f"{file.name}: {shadow.fault}")
    name = file.name if order.range is None else f"{file.name}.{order.number + 1}"
    part = PartRef(
        file,
        _store_table(store, pins, f"{name}.decided", decided),
        _store_table(store, pins, f"{name}.rejected", rejected),
        rows,
        counts,
        sums,
        broken_columns,
        _store_shadow(store, pins, f"{name}.shadow", by_shadow),
    )
    return WorkedPart(part, tuple(notes))


def _placed(chunks: Iterable[pa.Table], first_row: int) -> Iterator[tuple[int, pa.Table]]:
    """Yield each chunk with the position of its first row in the file, counted from 1."""
    for chunk in chunks:
        yield first_row, chunk
        first_row += chunk.num_rows


def _store_table(store: Store, pins: Pins, name: str, tables: list[pa.Table]) -> DataFile:
    table = pa.concat_tables(tables)
    data = write_parquet(table)
    prefix = checkpoints_prefix(pins.as_of, pins.fingerprint)
    part = name_data(prefix, name, data, rows=table.num_rows)
    # A damaged file is renewed; nothing that is published lies under work/.
    overwrite(store, part.key, data)
    return part


def _store_shadow(store: Store, pins: Pins, name: str, tables: Sequence[pa.Table | None]) -> DataFile | None:
    """Store the results of the second model; None if it has not scored every chunk."""
    whole = [table for table in tables if table is not None]
    if pins.shadow is None or len(whole) < len(tables):
        return None
    return _store_table(store, pins, name, [SHADOW_SCHEMA.empty_table(), *whole])


def _undeclared(header: tuple[str, ...], *, name: str) -> Iterator[str]:
    """Line on the columns of a header that nobody declared, if there are any."""
    extra = [ascii(column) for column in header if column not in NAMES]
    # All declared columns are there, so the header is one, and the others are names, not values.
    if extra:
        yield f"{name}: {counted(len(extra), 'column')} that nobody declared, ignored: {listed_columns(extra)}"


def _require_column_rules(
    contract: Contract,
    header: tuple[str, ...],
    *,
    name: str,
) -> tuple[str, ...]:
    """Ids of the rules about columns that the header breaks, none of them critical.

    Raises:
        ExpectationsNotMet: the header breaks critical rules; says which.
    """
    broken = contract.check_columns(header)
    critical = [rule for rule in contract.rules if rule.severity == "critical"]
    sentences = [rule.sentence for rule in critical if rule.id in broken]
    if sentences:
        raise ExpectationsNotMet(
            f"The columns of {name} break the contract: {' '.join(sentences)} Nothing was published."
        )
    return broken


def _decided_schema(kept: Sequence[str]) -> pa.Schema:
    results = [(SOURCE_ROW, pa.int64()), (APPLICATION_ID, pa.int64()), (PD, pa.float64())]
    reasons = [(reason, pa.string()) for reason in REASONS]
    typed = [(typed_name(name), TYPED_SCHEMA.field(name).type) for name in kept]
    return pa.schema([*results, *reasons, *typed])


def score_chunk(
    chunk: ScreenedChunk,
    bundle: Bundle,
    engine: Engine,
    pins: Pins,
    *,
    kept: Sequence[str],
) -> pa.Table:
    """Narrow result of a chunk's accepted rows, with the columns that the audit needs.

    Columns: position in the file, id, pd, reasons, and the typed columns `kept`. These are the
    amounts that are reconciled, and the columns that rules about the whole day judge.
    """
    codes = codes_of(pins.reasons)
    scored = score_rows(chunk.accepted, bundle, engine, policy=pins.policy, codes=codes)
    return pa.table(
        {
            SOURCE_ROW: chunk.accepted_rows,
            APPLICATION_ID: chunk.accepted.column(ID).combine_chunks(),
            PD: scored.pd,
            **scored.reasons,
            **{typed_name(name): chunk.accepted.column(name).combine_chunks() for name in kept},
        },
        schema=_decided_schema(kept),
    )


def require_announced(file: FileRef, rows: int, *, is_all: bool) -> None:
    """Stop if the `rows` read so far are too many, or all of them are too few.

    They are compared during the reading, because a gzip may hold millions of rows too many.

    Raises:
        SourceError: names both numbers.
    """
    announced = file.announced_rows
    if announced is not None and (rows > announced or (is_all and rows < announced)):
        held = f"{rows}" if is_all else f"more than {announced}"
        raise SourceError(
            f"{file.name} holds {held} rows, _control.json announces {announced}. Nothing was "
            "published; deliver the whole file, or a corrected _control.json."
        )
