"""Gate before publishing: accounts for every row, checks every promise, then stores the data files.

Data files are named by their digest. They have no reader until a manifest names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple, Protocol

import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.parquet import give_back_memory, read_parquet, write_parquet
from tasks.core.contract.rules import Rule
from tasks.core.contract.screening import quarantine_rows
from tasks.core.day.control_totals import publishable_totals, unreconciled
from tasks.core.day.records import Audited, DataFile, Delivery, Draft, FileTotals, PartRef, Pins, unaccounted
from tasks.core.decision.published_rows import SCHEMA_VERSION, build_changes, count_changed_reasons
from tasks.core.lender.columns import ID
from tasks.core.words import counted
from tasks.delivery.files import pinned_reading
from tasks.errors import ExpectationsNotMet, ScoringError
from tasks.model.contract import pinned_contract
from tasks.model.load import suite_text
from tasks.publication.data_files import name_data, read_data, store_data
from tasks.publication.layout import checkpoints_prefix, day_prefix
from tasks.running.checkpoints import code_digest, digest_of
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.scoring.assemble import assemble, control_totals, count_files
from tasks.scoring.contract_gate import Gate
from tasks.scoring.decisions_file import WrittenDecisions, sort_scored, write_decisions
from tasks.store import Store, open_store


def _same_parts_and_bounds(
    delivery: Delivery,
    pins: Pins,
    draft: Draft,
    _parts: Sequence[PartRef],
    settings: Settings,
    _erasure: str | None = None,
) -> str:
    """Key of an audit of the same parts under the same bounds, by the same program."""
    judged_by = (settings.contract, settings.audit, suite_text(settings.audit.suite))
    digest = digest_of(delivery, draft, judged_by, code_digest())
    return f"{checkpoints_prefix(pins.as_of, pins.fingerprint)}audit.{digest}.json"


@step("audit", reuse=_same_parts_and_bounds)
def audit(
    delivery: Delivery,
    pins: Pins,
    draft: Draft,
    parts: Sequence[PartRef],
    settings: Settings,
    erasure: str | None = None,
) -> Audited:
    """Put the parts together, check the day, and store its data files.

    The day is checked against contract, budget, totals and bounds. If the contract stops it, the
    rows set aside are kept, unless `erasure` is not the token of the day's last erasure any more.

    Raises:
        ExpectationsNotMet: a gate is closed; says which rule, how many rows, and where the report
            lies.
    """
    store = open_store(settings.storage)
    return audit_parts(delivery, pins, draft, parts, settings, erasure=erasure, keep=partial(store_data, store))


class KeepData(Protocol):
    """Maps the content of a data file to its record, and stores it unless the day is rehearsed."""

    def __call__(self, prefix: str, name: str, data: bytes, *, rows: int, ending: str = "parquet") -> DataFile:
        """Record of a data file, as `store_data` makes it."""


class RehearsedAudit(NamedTuple):
    """Audit of a day of which nothing is stored."""

    audited: Audited
    """Its data files are named, and lie nowhere."""
    changes: pa.Table | None
    """Rows of `CHANGES`; None if there was no revision before."""


@step("rehearse")
def rehearse(
    delivery: Delivery,
    pins: Pins,
    draft: Draft,
    parts: Sequence[PartRef],
    settings: Settings,
) -> RehearsedAudit:
    """Check the day as `audit` does. Nothing is stored, also if the contract stops it.

    Raises:
        ExpectationsNotMet: a gate is closed; the day would not be published.
    """
    changes: list[pa.Table] = []

    def hold(prefix: str, name: str, data: bytes, *, rows: int, ending: str = "parquet") -> DataFile:
        if name == "changes":
            changes.append(read_parquet(data))
        return name_data(prefix, name, data, rows=rows, ending=ending)

    audited = audit_parts(delivery, pins, draft, parts, settings, is_rehearsal=True, keep=hold)
    return RehearsedAudit(audited, changes[0] if changes else None)


def audit_parts(
    delivery: Delivery,
    pins: Pins,
    draft: Draft,
    parts: Sequence[PartRef],
    settings: Settings,
    *,
    erasure: str | None = None,
    is_rehearsal: bool = False,
    keep: KeepData,
) -> Audited:
    """Put the parts together and check the day; `keep` takes its data files.

    A rehearsal keeps nothing of a day that the contract stops.

    Raises what `audit` raises.
    """
    store = open_store(settings.storage)
    give_back_memory()  # of threads that have ended
    assembled = assemble(store, parts, chunk_rows=settings.scoring.chunk_rows, reading=pinned_reading(pins, settings))
    give_back_memory()  # of tables that were put together and cut
    contract = pinned_contract(pins, settings)
    gate = Gate(store, contract, delivery.as_of, settings, erasure, is_rehearsal=is_rehearsal)
    passed = gate.require_contract(parts, assembled, draft)
    files = count_files(parts, assembled)
    totals = control_totals(parts, assembled)
    scored, rejected = sort_scored(assembled.decided), assembled.rejected
    del assembled  # with millions of rows, this is most of the memory that the audit holds
    give_back_memory()
    written = write_decisions(
        scored,
        pins,
        revision=draft.revision,
        suite=suite_text(settings.audit.suite),
        is_compared=draft.base is not None,
    )
    require_reconciled(files, totals, written.hash_total)
    require_plausible(written.broken, written.by_decision, settings)
    run_logger().info(
        "Audited %s; %s in quarantine",
        counted(written.rows, "decision"), counted(rejected.num_rows, "row"),
    )  # fmt: skip
    changes, changed_reasons = _keep_changes(store, delivery.as_of, written, draft, keep)
    prefix = day_prefix("revisions", delivery.as_of)
    return Audited(
        keep(prefix, "decisions", written.data, rows=written.rows),
        _keep_quarantine(keep, delivery.as_of, rejected),
        keep(prefix, "contract", passed.report, rows=1, ending="json"),
        written.content,
        files,
        written.by_decision,
        passed.by_rule,
        changes,
        publishable_totals(totals, files, revision=draft.revision),
        passed.recent_days,
        changed_reasons,
        written.by_reason,
    )


def require_reconciled(
    files: Mapping[str, FileTotals],
    totals: Mapping[str, Mapping[str, FileTotals]],
    written: int,
) -> None:
    """Stop if a row ended in no place or in two, or differs from the row that was read.

    The last place is the file of decisions: `written`, the hash total of its ids, must be that of the decided rows.

    Raises:
        ScoringError: names the files and measures that do not agree.
    """
    if lost := unaccounted(files):
        raise ScoringError(f"Rows unaccounted for: {lost}. Nothing was published; this is a fault of the program.")
    lost_totals = unreconciled(totals)
    expected = sum(one.decided for one in totals[ID].values())
    if written != expected:
        lost_totals.append(f"{ID} of the decisions")
    if lost_totals:
        raise ScoringError(
            "Control totals do not agree between what was read and where its rows ended: "
            f"{', '.join(lost_totals)}. Nothing was published; this is a fault of the program."
        )


def require_plausible(broken: Sequence[Rule], by_decision: Mapping[str, int], settings: Settings) -> None:
    """Stop if decisions break their own contract, or the share of approvals is out of its bounds.

    Raises:
        ExpectationsNotMet: names the broken rules, or the share and its bounds.
    """
    if broken:
        sentences = " ".join(rule.sentence for rule in broken)
        raise ExpectationsNotMet(f"The decisions break {settings.audit.suite}: {sentences} Nothing was published.")
    bounds = settings.audit
    rows = sum(by_decision.values())
    share = by_decision["approve"] / rows
    is_judged = rows >= bounds.approval_share_from_rows
    if is_judged and not bounds.min_approval_share <= share <= bounds.max_approval_share:
        raise ExpectationsNotMet(
            f"{share:.1%} of {rows} applications would be approved; "
            f"audit.min_approval_share is {bounds.min_approval_share:.1%} and "
            f"audit.max_approval_share {bounds.max_approval_share:.1%}. Nothing was published. "
            "Look at model and feed; if this share is right, widen the bounds."
        )


def _keep_changes(
    store: Store,
    as_of: date,
    written: WrittenDecisions,
    draft: Draft,
    keep: KeepData,
) -> tuple[DataFile | None, int | None]:
    """Keep the changes since the revision before, which somebody may have acted on.

    Returns the file of changes and the number of changed reasons; None for both if there was no
    revision before.
    """
    if draft.base is None or written.compared is None:
        return None, None
    before = read_parquet(read_data(store, draft.base))
    changes = build_changes(before, written.compared)
    footer = {"schema_version": SCHEMA_VERSION, "revision": str(draft.revision)}
    data = write_parquet(changes, footer)
    prefix = day_prefix("revisions", as_of)
    file = keep(prefix, "changes", data, rows=changes.num_rows)
    return file, count_changed_reasons(before, written.compared)


def _keep_quarantine(keep: KeepData, as_of: date, rejected: pa.Table) -> DataFile | None:
    """Keep the rejected rows; None if there are none."""
    if not rejected.num_rows:
        return None
    data = write_parquet(quarantine_rows(rejected))
    prefix = day_prefix("quarantine", as_of)
    return keep(prefix, "rejected", data, rows=rejected.num_rows)
