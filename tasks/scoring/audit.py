"""The gate before publishing: every row accounted for, every promise checked; then the data files are stored.

Data files are named by their digest, and nobody reads them until a manifest names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.parquet import give_back_memory, read_parquet, write_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import RECONCILED, SOURCE_FILE, SOURCE_ROW
from tasks.core.day.control_totals import hash_total, tell_totals, unreconciled
from tasks.core.day.records import (
    Audited,
    DataFile,
    Delivery,
    Draft,
    FileTotals,
    PartRef,
    Pins,
    content_fingerprint,
    count_by_decision,
    count_by_reason,
    unaccounted,
)
from tasks.core.decision.published_rows import (
    SCHEMA_VERSION,
    SCORED,
    build_changes,
    build_decisions,
    count_changed_reasons,
)
from tasks.core.lender.columns import ID
from tasks.core.words import counted
from tasks.errors import ExpectationsNotMet, ScoringError
from tasks.model.contract import pinned_contract
from tasks.model.load import suite_text
from tasks.publication.data_files import read_data, store_data
from tasks.publication.layout import checkpoints_prefix, day_prefix
from tasks.running.checkpoints import code_digest, digest_of
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.scoring.assemble import assemble, control_totals, count_files
from tasks.scoring.contract_gate import Gate
from tasks.store import Store, open_store


def _same_parts_and_bounds(
    delivery: Delivery, pins: Pins, draft: Draft, _parts: Sequence[PartRef], settings: Settings
) -> str:
    judged_by = (settings.contract, settings.audit, suite_text(settings.audit.suite))
    digest = digest_of(delivery, draft, judged_by, code_digest())
    return f"{checkpoints_prefix(pins.as_of, pins.fingerprint)}audit.{digest}.json"


@step("audit", reuse=_same_parts_and_bounds)
def audit(delivery: Delivery, pins: Pins, draft: Draft, parts: Sequence[PartRef], settings: Settings) -> Audited:
    """Put the parts together, check the day against contract, budget, totals and bounds, and store its data files.

    Raises:
        ExpectationsNotMet: a gate is closed; says which rule, how many rows, and where the report lies.
    """
    store = open_store(settings.storage)
    give_back_memory()  # that of threads which are gone
    assembled = assemble(store, parts, chunk_rows=settings.scoring.chunk_rows)
    give_back_memory()  # that of tables which were put together and cut
    gate = Gate(store, pinned_contract(pins, settings), delivery, settings)
    passed = gate.require_contract(parts, assembled, draft)
    files, totals = count_files(parts, assembled), control_totals(parts, assembled)
    scored, rejected = assembled.decided.select(SCORED), assembled.rejected
    del assembled  # of millions of rows, half of what the audit holds
    decisions = build_decisions(
        scored,
        as_of=delivery.as_of,
        policy=pins.policy,
        model_name=pins.model.name,
        model_version=pins.model.version,
        contract_version=pins.contract_version,
    )
    by_decision = count_by_decision(decisions.column("decision"))
    require_reconciled(files, totals, decisions)
    require_plausible(decisions, by_decision, settings)
    content = content_fingerprint(decisions, pins)
    run_logger().info(
        "Audited %s; %s in quarantine",
        counted(decisions.num_rows, "decision"), counted(rejected.num_rows, "row"),
    )  # fmt: skip
    changes, changed_reasons = _store_changes(store, delivery.as_of, decisions, draft)
    return Audited(
        _store_decisions(store, delivery.as_of, decisions, revision=draft.revision, content=content),
        _store_quarantine(store, delivery.as_of, rejected),
        store_data(store, day_prefix("revisions", delivery.as_of), "contract", passed.report, rows=1, ending="json"),
        content,
        files,
        by_decision,
        passed.by_rule,
        changes,
        tell_totals(totals, files, revision=draft.revision),
        passed.recent_days,
        changed_reasons,
        count_by_reason(decisions.column("reason_1"), pins.reasons),
    )


def require_reconciled(
    files: Mapping[str, FileTotals], totals: Mapping[str, Mapping[str, FileTotals]], decisions: pa.Table
) -> None:
    """Stop where a row is in none of the places in which rows end, or in two, or is another one than was read.

    The last place is the table of decisions, whose ids are those of the rows decided.

    Raises:
        ScoringError: names the files and measures that do not agree.
    """
    if lost := unaccounted(files):
        raise ScoringError(f"Rows unaccounted for: {lost}. Nothing was published; this is a fault of the program.")
    lost_totals = unreconciled(totals)
    if hash_total(decisions.column(APPLICATION_ID)) != sum(one.decided for one in totals[ID].values()):
        lost_totals.append(f"{ID} of the decisions")
    if lost_totals:
        raise ScoringError(
            f"Control totals do not agree between what was read and where its rows ended: {', '.join(lost_totals)}. "
            "Nothing was published; this is a fault of the program."
        )


def require_plausible(decisions: pa.Table, by_decision: Mapping[str, int], settings: Settings) -> None:
    """Stop where decisions break their own contract, or approvals leave the bounds they have always been in."""
    from tasks.adapters.gx import validate_decisions

    broken = validate_decisions(decisions, suite_text(settings.audit.suite))
    if broken:
        raise ExpectationsNotMet(
            f"The decisions break {settings.audit.suite}: {' '.join(rule.sentence for rule in broken)} "
            "Nothing was published."
        )
    bounds = settings.audit
    share = by_decision["approve"] / decisions.num_rows
    judged = decisions.num_rows >= bounds.approval_share_from_rows
    if judged and not bounds.min_approval_share <= share <= bounds.max_approval_share:
        raise ExpectationsNotMet(
            f"{share:.1%} of {decisions.num_rows} applications would be approved; audit.min_approval_share is "
            f"{bounds.min_approval_share:.1%} and audit.max_approval_share {bounds.max_approval_share:.1%}. Nothing "
            "was published. Look at model and feed; if this share is right, widen the bounds."
        )


def _store_decisions(store: Store, as_of: date, decisions: pa.Table, *, revision: int, content: str) -> DataFile:
    footer = {
        "schema_version": SCHEMA_VERSION,
        "revision": str(revision),
        "content_fingerprint": content,
    }
    data = write_parquet(decisions, footer)
    return store_data(store, day_prefix("revisions", as_of), "decisions", data, rows=decisions.num_rows)


def _store_changes(store: Store, as_of: date, decisions: pa.Table, draft: Draft) -> tuple[DataFile | None, int | None]:
    """What differs from the revision before, which somebody may have acted on, and how many reasons beside."""
    if draft.base is None:
        return None, None
    before = read_parquet(read_data(store, draft.base))
    changes = build_changes(before, decisions)
    data = write_parquet(changes, {"schema_version": SCHEMA_VERSION, "revision": str(draft.revision)})
    file = store_data(store, day_prefix("revisions", as_of), "changes", data, rows=changes.num_rows)
    return file, count_changed_reasons(before, decisions)


def _store_quarantine(store: Store, as_of: date, rejected: pa.Table) -> DataFile | None:
    if not rejected.num_rows:
        return None
    rejected = rejected.drop_columns(list(RECONCILED))
    data = write_parquet(rejected.sort_by([(SOURCE_FILE, "ascending"), (SOURCE_ROW, "ascending")]))
    return store_data(store, day_prefix("quarantine", as_of), "rejected", data, rows=rejected.num_rows)
