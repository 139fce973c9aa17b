"""Scoring of one landing file, in one pass and in chunks: typed rows, contract, features, pd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.landing_reader import read_chunks
from tasks.adapters.files.parquet import write_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.rules import RuleCount, merge_counts
from tasks.core.contract.screening import (
    PD,
    SOURCE_ROW,
    ScreenedChunk,
    listed_columns,
    no_rejected_rows,
    screen_chunk,
    typed_name,
)
from tasks.core.day.control_totals import add_sums, sum_typed
from tasks.core.day.records import DataFile, FileRef, PartRef, Pins
from tasks.core.decision.reasons import REASONS, codes_of
from tasks.core.decision.scoring import score_rows
from tasks.core.lender.amounts import AMOUNTS
from tasks.core.lender.columns import ID, NAMES, TYPED_SCHEMA
from tasks.core.model.bundle import Bundle, Engine
from tasks.core.words import counted
from tasks.delivery.files import open_delivered, pinned_reading, require_columns
from tasks.errors import ExpectationsNotMet, SourceError
from tasks.model.contract import pinned_contract
from tasks.model.load import load_bundle, load_engine
from tasks.publication.data_files import name_data
from tasks.publication.layout import checkpoints_prefix
from tasks.running.checkpoints import code_digest, digest_of
from tasks.running.context import run_logger
from tasks.running.progress import note_rows
from tasks.running.step import step
from tasks.running.workers import processors, work_in_order
from tasks.scoring.shadow import SHADOW_SCHEMA, ShadowScorer
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract


class _Worked(NamedTuple):
    """Results of a chunk that are kept."""

    decided: pa.Table
    rejected: pa.Table
    counts: Mapping[str, RuleCount]
    sums: Mapping[str, int]
    """Control totals over its rows as they were read."""
    rows: int
    shadow: pa.Table | None
    """Results of the second model; None if there is none, or if it failed."""


def _same_file_and_pins(file: FileRef, pins: Pins, _settings: Settings) -> str:
    """Key of the work on the same file with the same pins, by the same program.

    Work with a second model has a key of its own, so work without one stays valid.
    """
    digest = digest_of(file, code_digest(), *filter(None, [pins.shadow]))
    return f"{checkpoints_prefix(pins.as_of, pins.fingerprint)}{file.name}.{digest}.json"


@step(
    "screen and score",
    reuse=_same_file_and_pins,
    task_run_name="screen and score {file.name}",
)
def screen_and_score(file: FileRef, pins: Pins, settings: Settings) -> PartRef:
    """Screen and score one landing file, and store and count its decided and its rejected rows.

    Raises:
        SourceError: the file changed while it was read, or holds other rows than announced.
        ExpectationsNotMet: its columns break the contract.
    """
    store = open_store(settings.storage)
    contract = pinned_contract(pins, settings)
    is_registry_gone = bool(pins.sealed_copy)
    bundle = load_bundle(pins.model, settings, is_registry_gone=is_registry_gone)
    engine = load_engine(pins.model, settings, is_registry_gone=is_registry_gone)
    if engine.caveat:
        run_logger().warning("%s", engine.caveat)
    shadow = ShadowScorer.of(pins, settings)
    kept = sorted({*AMOUNTS, *contract.table_columns} - {ID})
    decided = [_decided_schema(kept).empty_table()]
    rejected = [no_rejected_rows()]
    by_shadow: list[pa.Table | None] = []
    counts: dict[str, RuleCount] = {}
    sums = add_sums()
    rows = 0

    def work(placed: tuple[int, pa.Table]) -> _Worked:
        first_row, raw = placed
        chunk = screen_chunk(raw, first_row=first_row, source=file.name, contract=contract)
        scored = score_chunk(chunk, bundle, engine, pins, kept=kept)
        sums = sum_typed(chunk.delivered)
        beside = shadow.score(chunk.accepted) if shadow else None
        return _Worked(scored, chunk.rejected, chunk.counts, sums, raw.num_rows, beside)

    with open_delivered(store, file, reading=pinned_reading(pins, settings)) as opened:
        header = require_columns(opened)
        broken_columns = _require_column_rules(contract, header, name=file.name)
        _warn_of_extra_columns(header, name=file.name)
        workers = settings.scoring.workers or processors()
        with (
            closing(read_chunks(opened, chunk_rows=settings.scoring.chunk_rows)) as chunks,
            closing(work_in_order(work, _placed(chunks), workers=workers)) as all_worked,
        ):
            for worked in all_worked:
                decided.append(worked.decided)
                rejected.append(worked.rejected)
                by_shadow.append(worked.shadow)
                counts = merge_counts(counts, worked.counts)
                sums = add_sums(sums, worked.sums)
                rows += worked.rows
                _require_announced(file, rows, is_all=False)
                run_logger().info("%s: %d rows screened and scored", file.name, rows)
                note_rows(file, rows)
    _require_announced(file, rows, is_all=True)
    if shadow and shadow.fault:
        run_logger().warning("%s: the second model failed; the day goes on without it: %s", file.name, shadow.fault)
    if not rows and file.announced_rows != 0:
        run_logger().warning("%s holds a header and no rows", file.name)
    return PartRef(
        file,
        _store_part(store, pins, f"{file.name}.decided", decided),
        _store_part(store, pins, f"{file.name}.rejected", rejected),
        rows,
        counts,
        sums,
        broken_columns,
        _store_shadow(store, pins, file, by_shadow),
    )


def _placed(chunks: Iterable[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
    """Yield each chunk with the position of its first row in the file, counted from 1."""
    first_row = 1
    for chunk in chunks:
        yield first_row, chunk
        first_row += chunk.num_rows


def _store_part(store: Store, pins: Pins, name: str, tables: list[pa.Table]) -> DataFile:
    table = pa.concat_tables(tables)
    data = write_parquet(table)
    prefix = checkpoints_prefix(pins.as_of, pins.fingerprint)
    part = name_data(prefix, name, data, rows=table.num_rows)
    # A damaged file is renewed; nothing that is published lies under work/.
    overwrite(store, part.key, data)
    return part


def _store_shadow(store: Store, pins: Pins, file: FileRef, tables: Sequence[pa.Table | None]) -> DataFile | None:
    """Store the results of the second model; None if it has not scored every chunk."""
    whole = [table for table in tables if table is not None]
    if pins.shadow is None or len(whole) < len(tables):
        return None
    return _store_part(store, pins, f"{file.name}.shadow", [SHADOW_SCHEMA.empty_table(), *whole])


def _warn_of_extra_columns(header: tuple[str, ...], *, name: str) -> None:
    """Log the columns of a header that nobody declared."""
    extra = [ascii(column) for column in header if column not in NAMES]
    # All declared columns are there, so the header is one, and the others are names, not values.
    if extra:
        run_logger().warning(
            "%s: %s that nobody declared, ignored: %s",
            name,
            counted(len(extra), "column"),
            listed_columns(extra),
        )


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


def _require_announced(file: FileRef, rows: int, *, is_all: bool) -> None:
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
