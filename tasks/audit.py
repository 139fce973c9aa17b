"""The gate before publishing: every row accounted for, every promise checked; then the data files are stored.

Data files are named by their digest, and nobody reads them until a manifest names them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.arrow import read_parquet, write_parquet
from tasks.assemble import Assembled, assemble, count_files
from tasks.checkpoints import code_digest, digest_of
from tasks.core.applications import ID
from tasks.core.contract import Budget, is_over_budget, merge_counts
from tasks.core.day import (
    Audited,
    DataFile,
    Delivery,
    Draft,
    PartRef,
    Pins,
    content_fingerprint,
    count_by_decision,
    unaccounted,
)
from tasks.core.decisions import SCHEMA_VERSION, build_changes, build_decisions
from tasks.core.screening import APPLICATION_ID, BROKEN_RULES, SOURCE_FILE, SOURCE_ROW, count_by_rule
from tasks.core.words import counted
from tasks.errors import ConfigError, ExpectationsNotMet, ScoringError
from tasks.orchestration import run_logger, step
from tasks.pin import pinned_contract, suite_text
from tasks.revisions import read_data, refused_report_key, store_data
from tasks.screen_score import PD
from tasks.store import Store, open_store, overwrite

_TOLD_RULES = 5


def _same_parts_and_bounds(
    delivery: Delivery, pins: Pins, draft: Draft, _parts: Sequence[PartRef], settings: Settings
) -> str:
    judged_by = (settings.contract, settings.audit, suite_text(settings.audit.suite))
    return f"{pins.work}audit.{digest_of(replace(delivery, erasure=None), draft, judged_by, code_digest())}.json"


@step("audit", reuse=_same_parts_and_bounds)
def audit(delivery: Delivery, pins: Pins, draft: Draft, parts: Sequence[PartRef], settings: Settings) -> Audited:
    """Put the parts together, check the day against contract, budget, totals and bounds, and store its data files.

    Raises:
        ExpectationsNotMet: a gate is closed; says which rule, how many rows, and where the report lies.
    """
    store = open_store(settings.storage)
    assembled = assemble(store, parts, chunk_rows=settings.scoring.chunk_rows)
    by_rule = count_by_rule(assembled.rejected.column(BROKEN_RULES).to_pylist())
    report = require_contract(store, delivery.as_of, parts, assembled, by_rule, pins, draft, settings)
    files = count_files(parts, assembled)
    if lost := unaccounted(files):
        raise ScoringError(f"Rows unaccounted for: {lost}. Nothing was published; this is a fault of the program.")
    decisions = build_decisions(
        *(assembled.decided.column(name).to_numpy() for name in (APPLICATION_ID, PD)),
        as_of=delivery.as_of,
        policy=pins.policy,
        model_name=pins.model.name,
        model_version=pins.model.version,
        contract_version=pins.contract_version,
    )
    by_decision = count_by_decision(decisions.column("decision"))
    require_plausible(decisions, by_decision, settings)
    ids, probabilities = (decisions.column(name).to_numpy() for name in (APPLICATION_ID, PD))
    content = content_fingerprint(ids, probabilities, pins)
    run_logger().info(
        "Audited %s; %s in quarantine",
        counted(decisions.num_rows, "decision"), counted(assembled.rejected.num_rows, "row"),
    )  # fmt: skip
    return Audited(
        _store_decisions(store, delivery.as_of, decisions, revision=draft.revision, content=content),
        _store_quarantine(store, delivery.as_of, assembled.rejected),
        store_data(store, f"revisions/day={delivery.as_of}/", "contract", report, rows=1, ending="json"),
        content,
        files,
        by_decision,
        by_rule,
        _store_changes(store, delivery.as_of, decisions, draft),
    )


def require_contract(
    store: Store,
    as_of: date,
    parts: Sequence[PartRef],
    assembled: Assembled,
    by_rule: Mapping[str, int],
    pins: Pins,
    draft: Draft,
    settings: Settings,
) -> bytes:
    """The contract report; stops where the quarantine budget or a critical rule about the whole day is broken.

    That of a day that is stopped is shown at once, under a name of its own.
    """
    if not any(part.rows for part in parts):
        raise ExpectationsNotMet(
            f"The files of {as_of} hold no rows. Deliver them, or declare the day in the calendar."
        )
    contract = pinned_contract(pins, settings)
    if foreign := set(contract.table_columns) - {ID}:
        raise ConfigError(f"Rules about the whole day can look at {ID} alone, not at {', '.join(sorted(foreign))}.")
    across = contract.check_table(assembled.decided.select([APPLICATION_ID]).rename_columns([ID]).to_pandas())
    rows, quarantined = sum(part.rows for part in parts), assembled.rejected.num_rows
    report = {
        "day": as_of.isoformat(),
        "revision": draft.revision,
        "rows": rows,
        "quarantined": quarantined,
        "quarantined_by_rule": dict(by_rule),
        "validation": contract.validation(merge_counts(*(part.counts for part in parts)), across),
    }
    data = json.dumps(report, indent=1).encode()
    critical = {rule.id: rule.sentence for rule in contract.rules if rule.severity == "critical"}
    broken = [critical[result.rule_id] for result in across if not result.is_met and result.rule_id in critical]
    budget = Budget(settings.contract.max_quarantined_rows, settings.contract.max_quarantined_share)
    cause = _over_budget(quarantined, rows, budget=budget, by_rule=by_rule) or (
        f"They break the contract: {' '.join(broken)}" if broken else ""
    )
    if cause:
        overwrite(store, refused_report_key(as_of), data)
        raise ExpectationsNotMet(
            f"The applications of {as_of} are not published. {cause} Every rule's counts: "
            f"{store.location(refused_report_key(as_of))}"
        )
    return data


def _over_budget(quarantined: int, rows: int, *, budget: Budget, by_rule: Mapping[str, int]) -> str:
    """What to say of a day with too many rows in quarantine, or none left; nothing where that is not so."""
    if quarantined < rows and not is_over_budget(quarantined, rows, budget=budget):
        return ""
    worst = ", ".join(f"{rule} {count}" for rule, count in list(by_rule.items())[:_TOLD_RULES])
    return (
        f"{quarantined} of {rows} rows would be set aside ({quarantined / rows:.1%}); the budget is {budget.max_rows} "
        f"rows or {budget.max_share:.1%}, whichever is more, and at least one row must remain. Most broken: {worst}. "
        "The feed needs mending; then run the day again."
    )


def require_plausible(decisions: pa.Table, by_decision: Mapping[str, int], settings: Settings) -> None:
    """Stop where decisions break their own contract, or approvals leave the bounds they have always been in."""
    from tasks.adapters.gx import validate_decisions

    broken = validate_decisions(decisions.to_pandas(), suite_text(settings.audit.suite))
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
    return store_data(store, f"revisions/day={as_of}/", "decisions", data, rows=decisions.num_rows)


def _store_changes(store: Store, as_of: date, decisions: pa.Table, draft: Draft) -> DataFile | None:
    """What differs from the revision before, which somebody may have acted on."""
    if draft.base is None:
        return None
    changes = build_changes(read_parquet(read_data(store, draft.base)), decisions)
    data = write_parquet(changes, {"schema_version": SCHEMA_VERSION, "revision": str(draft.revision)})
    return store_data(store, f"revisions/day={as_of}/", "changes", data, rows=changes.num_rows)


def _store_quarantine(store: Store, as_of: date, rejected: pa.Table) -> DataFile | None:
    if not rejected.num_rows:
        return None
    data = write_parquet(rejected.sort_by([(SOURCE_FILE, "ascending"), (SOURCE_ROW, "ascending")]))
    return store_data(store, f"quarantine/day={as_of}/", "rejected", data, rows=rejected.num_rows)
