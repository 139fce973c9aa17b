"""One landing file, in one pass and in chunks: typed rows, contract, features, pd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.landing_reader import read_chunks
from tasks.adapters.files.parquet import write_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.rules import RuleCount, merge_counts
from tasks.core.contract.screening import (
    PD,
    SOURCE_ROW,
    TOLD_COLUMNS,
    ScreenedChunk,
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
from tasks.delivery.files import open_delivered, require_columns
from tasks.errors import ExpectationsNotMet, SourceError
from tasks.model.contract import pinned_contract
from tasks.model.load import load_bundle, load_engine
from tasks.publication.data_files import name_data
from tasks.publication.layout import checkpoints_prefix
from tasks.running.checkpoints import code_digest, digest_of
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.running.workers import processors, work_in_order
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract

_TOLD_CHARACTERS: Final = 60


class _Worked(NamedTuple):
    """What remains of a chunk."""

    decided: pa.Table
    rejected: pa.Table
    counts: Mapping[str, RuleCount]
    sums: Mapping[str, int]
    """Control totals over its rows as they were read."""
    rows: int


def _same_file_and_pins(file: FileRef, pins: Pins, _settings: Settings) -> str:
    return f"{checkpoints_prefix(pins.as_of, pins.fingerprint)}{file.name}.{digest_of(file, code_digest())}.json"


@step("screen and score", reuse=_same_file_and_pins, task_run_name="screen and score {file.name}")
def screen_and_score(file: FileRef, pins: Pins, settings: Settings) -> PartRef:
    """Screen and score one landing file; leaves its decided and its rejected rows in the store and counts them."""
    store = open_store(settings.storage)
    contract = pinned_contract(pins, settings)
    bundle, engine = load_bundle(pins.model, settings), load_engine(pins.model, settings)
    if engine.caveat:
        run_logger().warning("%s", engine.caveat)
    kept = sorted({*AMOUNTS, *contract.table_columns} - {ID})
    decided = [_decided_schema(kept).empty_table()]
    rejected = [no_rejected_rows()]
    counts: dict[str, RuleCount] = {}
    sums = add_sums()
    rows = 0

    def work(placed: tuple[int, pa.Table]) -> _Worked:
        first_row, raw = placed
        chunk = screen_chunk(raw, first_row=first_row, source=file.name, contract=contract)
        scored = score_chunk(chunk, bundle, engine, pins, kept=kept)
        return _Worked(scored, chunk.rejected, chunk.counts, sum_typed(chunk.delivered), raw.num_rows)

    with open_delivered(store, file, max_unpacked_bytes=settings.scoring.max_unpacked_bytes) as opened:
        header = require_columns(opened)
        broken_columns = _require_column_rules(contract, header, name=file.name)
        _tell_extra_columns(header, name=file.name)
        workers = settings.scoring.workers or processors()
        with (
            closing(read_chunks(opened, chunk_rows=settings.scoring.chunk_rows)) as chunks,
            closing(work_in_order(work, _placed(chunks), workers=workers)) as all_worked,
        ):
            for worked in all_worked:
                decided.append(worked.decided)
                rejected.append(worked.rejected)
                counts = merge_counts(counts, worked.counts)
                sums = add_sums(sums, worked.sums)
                rows += worked.rows
                _require_announced(file, rows, is_all=False)
                run_logger().info("%s: %d rows screened and scored", file.name, rows)
    _require_announced(file, rows, is_all=True)
    if not rows and file.announced_rows != 0:
        raise ExpectationsNotMet(f"{file.name} holds a header and no rows. Deliver the day's applications.")
    return PartRef(
        file,
        _store_part(store, pins, f"{file.name}.decided", decided),
        _store_part(store, pins, f"{file.name}.rejected", rejected),
        rows,
        counts,
        sums,
        broken_columns,
    )


def _placed(chunks: Iterable[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
    """Each chunk with the position of its first row in the file, counted from 1."""
    first_row = 1
    for chunk in chunks:
        yield first_row, chunk
        first_row += chunk.num_rows


def _store_part(store: Store, pins: Pins, name: str, tables: list[pa.Table]) -> DataFile:
    table = pa.concat_tables(tables)
    data = write_parquet(table)
    part = name_data(checkpoints_prefix(pins.as_of, pins.fingerprint), name, data, rows=table.num_rows)
    overwrite(store, part.key, data)  # a damaged one is renewed; nothing that is published lies under work/
    return part


def _tell_extra_columns(header: tuple[str, ...], *, name: str) -> None:
    extra = [ascii(column)[:_TOLD_CHARACTERS] for column in header if column not in NAMES]
    if extra:  # all declared columns are there, so the others are names, too, and no values
        told = ", ".join(extra[:TOLD_COLUMNS]) + (", …" if len(extra) > TOLD_COLUMNS else "")
        run_logger().warning("%s: %s that nobody declared, ignored: %s", name, counted(len(extra), "column"), told)


def _require_column_rules(contract: Contract, header: tuple[str, ...], *, name: str) -> tuple[str, ...]:
    """The rules about columns that the header breaks, none of them critical."""
    broken = contract.check_columns(header)
    told = [rule.sentence for rule in contract.rules if rule.id in broken and rule.severity == "critical"]
    if told:
        raise ExpectationsNotMet(f"The columns of {name} break the contract: {' '.join(told)} Nothing was published.")
    return broken


def _decided_schema(kept: Sequence[str]) -> pa.Schema:
    results = [(SOURCE_ROW, pa.int64()), (APPLICATION_ID, pa.int64()), (PD, pa.float64())]
    reasons = [(reason, pa.string()) for reason in REASONS]
    return pa.schema([*results, *reasons, *((typed_name(name), TYPED_SCHEMA.field(name).type) for name in kept)])


def score_chunk(chunk: ScreenedChunk, bundle: Bundle, engine: Engine, pins: Pins, *, kept: Sequence[str]) -> pa.Table:
    """The narrow result of a chunk's accepted rows: position in the file, id, pd, reasons, and what the audit looks at.

    The columns `kept` are the amounts that are reconciled, and those that rules about the whole day look at.
    """
    scored = score_rows(chunk.accepted, bundle, engine, policy=pins.policy, codes=codes_of(pins.reasons))
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
    """Stop where the `rows` read so far are too many, or all of them too few; a gzip may hold millions too many."""
    announced = file.announced_rows
    if announced is not None and (rows > announced or (is_all and rows < announced)):
        held = f"{rows}" if is_all else f"more than {announced}"
        raise SourceError(
            f"{file.name} holds {held} rows, _control.json announces {announced}. Nothing was published; "
            "deliver the whole file, or a corrected _control.json."
        )
