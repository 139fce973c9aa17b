"""Files of matured outcomes: judged by a contract of their own, and kept as they came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.landing_file import LandingFile
from tasks.adapters.files.landing_reader import read_chunks, read_header
from tasks.core.contract.gate import Evidence, Outcome, judge_result, most_broken
from tasks.core.contract.rules import Budget, RuleCount, broken_rules_by_row, is_over_budget, merge_counts, typed_frame
from tasks.core.contract.screening import count_by_rule
from tasks.core.day.records import DataFile
from tasks.core.files import format_of
from tasks.core.outcomes.delivered import OUTCOME_COLUMNS, OUTCOMES_SCHEMA, kept_outcomes, parse_outcomes
from tasks.core.words import counted, percent
from tasks.delivery.files import reading_of
from tasks.errors import ExpectationsNotMet, SourceError
from tasks.model.load import load_contract, suite_text
from tasks.publication.outcome_ledger import Receipt, keep_delivery, receipts_of
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import Store, open_store

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract

_NOT_YET: Final = DataFile("", "", 0, 0)


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A file of outcomes, and the delivery as which it is kept."""

    receipt: Receipt
    is_new: bool
    """False if the very same file was taken in before; nothing was changed then."""
    warnings: tuple[str, ...] = ()
    """Sentences of rules that are broken and only reported."""


@step("take in outcomes")
def take_in_outcomes(files: Sequence[str], settings: Settings) -> tuple[TakenIn, ...]:
    """Judge files of outcomes by their contract, and keep each under a number of its own. Safe to repeat.

    All files are judged before the first is kept, so that one that is refused leaves nothing behind.

    Raises:
        SourceError: a file cannot be read.
        ExpectationsNotMet: a file lacks a column, holds no rows, or too many rows break the contract.
    """
    store = open_store(settings.storage)
    known = {receipt.sha256: receipt for receipt in receipts_of(store)}
    judged = [_judge_file(Path(name), known, settings) for name in files]
    taken: list[TakenIn] = []
    for each in judged:
        given = {before.receipt.sha256: before.receipt for before in taken}
        twin = given.get(each.taken.receipt.sha256)
        taken.append(TakenIn(twin, is_new=False) if twin else _keep(store, each))
    return tuple(taken)


@dataclass(frozen=True, slots=True)
class _Judged:
    taken: TakenIn
    data: bytes
    accepted: pa.Table


def _judge_file(path: Path, known: Mapping[str, Receipt], settings: Settings) -> _Judged:
    """A file after its contract, with a receipt that has no number yet."""
    with _opened(path) as stream:
        data = stream.read()
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 in known:
            return _Judged(TakenIn(known[sha256], is_new=False), b"", OUTCOMES_SCHEMA.empty_table())
        reading = replace(reading_of(settings.scoring), columns=frozenset(OUTCOME_COLUMNS))
        file = LandingFile(stream, path.name, format_of(path.name), reading)
        contract = load_contract(suite_text(settings.outcomes.suite), OUTCOME_COLUMNS)
        rows = _judge_rows(file, contract, settings)
    receipt = Receipt(
        number=0,
        name=path.name,
        format=file.format,
        sha256=sha256,
        file=replace(_NOT_YET, rows=rows.delivered),
        accepted=_NOT_YET,
        by_rule=rows.by_rule,
        contract={"version": contract.version, "digest": contract.digest},
        received_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return _Judged(TakenIn(receipt, is_new=True, warnings=rows.warnings), data, rows.accepted)


@dataclass(frozen=True, slots=True)
class _JudgedRows:
    delivered: int
    accepted: pa.Table
    by_rule: dict[str, int]
    warnings: tuple[str, ...]


def _judge_rows(file: LandingFile, contract: Contract, settings: Settings) -> _JudgedRows:
    """Rows that keep the contract. Raises `ExpectationsNotMet` if the file is refused."""
    if broken_columns := contract.check_columns(read_header(file)):
        sentences = [rule.sentence for rule in contract.rules if rule.id in broken_columns]
        raise ExpectationsNotMet(_refused(file, sentences, settings))
    accepted = [OUTCOMES_SCHEMA.empty_table()]
    across = [parse_outcomes(pa.table({name: pa.nulls(0, pa.string()) for name in OUTCOME_COLUMNS}))]
    counts = [contract.check_rows(across[0]).counts]  # a file without rows has counts, too
    broken: list[str] = []
    rows = 0
    for raw in read_chunks(file, chunk_rows=settings.scoring.chunk_rows):
        typed = parse_outcomes(raw)
        verdicts = contract.check_rows(typed)
        set_aside = broken_rules_by_row(contract.rules, verdicts, typed.num_rows)
        accepted.append(kept_outcomes(typed.filter(pa.array(~set_aside.mask))))
        across.append(typed)
        counts.append(verdicts.counts)
        broken += set_aside.broken_rules
        rows += typed.num_rows
    by_rule = count_by_rule(broken)
    outcomes = _judge_whole(contract, pa.concat_tables(across), merge_counts(*counts))
    stopped = [each.rule.sentence for each in outcomes if each.consequence == "day stopped"]
    budget = Budget(settings.contract.max_quarantined_rows, settings.contract.max_quarantined_share)
    if is_over_budget(len(broken), rows, budget) or (rows and len(broken) == rows):
        stopped.append(
            f"{len(broken)} of {counted(rows, 'row')} break it ({percent(len(broken) / rows)}); the budget is "
            f"{budget.max_rows} rows or {percent(budget.max_share)}, whichever is more, and at least one row must "
            f"remain. Most broken: {most_broken(by_rule)}."
        )
    if stopped:
        raise ExpectationsNotMet(_refused(file, stopped, settings))
    warnings = tuple(each.rule.sentence for each in outcomes if each.consequence == "warned")
    return _JudgedRows(rows, pa.concat_tables(accepted), by_rule, warnings)


def _judge_whole(contract: Contract, typed: pa.Table, counts: Mapping[str, RuleCount]) -> list[Outcome]:
    """Outcome of each rule over the whole file."""
    evidence = Evidence(date.min, typed.num_rows, typed.num_rows, {})
    results = contract.results(counts, contract.check_table(typed_frame(typed)))
    rules = {rule.id: rule for rule in contract.rules}
    return [judge_result(rules[result.rule_id], result, evidence) for result in results]


def _refused(file: LandingFile, sentences: Sequence[str], settings: Settings) -> str:
    return (
        f"The outcomes in {file.name} are not taken in: they break their contract, {settings.outcomes.suite}. "
        f"Expected: {' '.join(sentences)} Nothing was kept. Have the file mended, and give it again."
    )


def _keep(store: Store, judged: _Judged) -> TakenIn:
    taken = judged.taken
    if taken.is_new:
        kept = keep_delivery(store, taken.receipt, judged.data, judged.accepted)
        taken = replace(taken, receipt=kept)
    receipt = taken.receipt
    run_logger().info(
        "Outcomes %s: delivery %d, %s, %d set aside%s",
        receipt.name, receipt.number, counted(receipt.file.rows, "row"), receipt.set_aside,
        "" if taken.is_new else "; taken in before",
    )  # fmt: skip
    for sentence in taken.warnings:
        run_logger().warning("%s: expected: %s", receipt.name, sentence)
    return taken


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from None
