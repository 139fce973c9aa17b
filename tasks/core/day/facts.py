"""Facts of a published day: all that there is to say of a revision.

Terminal, Prefect's page and others only render them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tasks.core.day.manifest import Manifest
from tasks.core.day.records import CORRECTIONS, Audited, FileTotals, sum_totals
from tasks.core.day.standing import DayResult
from tasks.core.disclosure import is_enough, is_none_or_enough, too_few
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.words import counted


class RowCounts(NamedTuple):
    """Rows of a file, or of all files, by what became of them."""

    received: int
    became: Mapping[str, int]
    """Fate of rows to their number, zeros included, in this order: `decided`, `quarantined`,
    `copies dropped`, `replaced`, `erased`."""


class DecisionCount(NamedTuple):
    """Applications that got one decision."""

    rows: int
    share: float
    """Share of all decided applications, in [0, 1]; 0 if none was decided."""


class FirstReason(NamedTuple):
    """Applications for which one code is the first reason."""

    code: str
    family: str
    """Name of the family of features, as people read it."""
    rows: int
    share: float
    """Share of all applications that were not approved, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class DayFacts:
    """All that there is to say of a revision of a day. A text with nothing to say is empty."""

    title: str
    """Day and number of the revision."""
    published_at: str
    """Time in ISO form, in UTC; empty if the run noted none."""
    made_with: str
    """Model, cut-off, policy and contract; empty if the revision is withdrawn."""
    sealed_copy: str
    """Sentence that says why the sealed copy of the model scored."""
    is_withdrawn: bool
    """True if the revision takes the day back, and decides nothing."""
    reason: str
    """Reason for this revision, in one line."""
    changed: str
    """Number of decisions and reasons that differ from the revision before."""
    corrections: str
    """Rows of all corrections, by what became of them; empty in the first revision."""
    erasures: tuple[Mapping[str, str], ...]
    """Time in ISO form (`at`) and `reason` of each erasure."""
    rows: RowCounts
    """Sum over the files."""
    files: Mapping[str, RowCounts]
    """Name of each file to its rows."""
    inputs: Mapping[str, str]
    """Name of each file to its SHA-256; a file whose rows were all erased is left out."""
    decisions: Mapping[str, DecisionCount]
    """Empty if so few were decided that this would tell the decision of each."""
    first_reasons: tuple[FirstReason, ...]
    """Most frequent first, then those not approved without a reason; empty if none were counted, or
    so few were not approved that this would tell the reason of each."""
    untold: str
    """Sentence that stands instead of decisions or reasons of too few."""
    broken_rules: Mapping[str, int]
    """Rule to the number of quarantined rows that break it; a row may break several."""
    digest: str
    """SHA-256 of the decisions."""


def day_facts(manifest: Manifest) -> DayFacts:
    """All that there is to say of the revision that this manifest publishes."""
    audited = manifest.audited
    rows = _counts_of(manifest.totals)
    decided = rows.became["decided"]
    not_approved = sum(audited.by_decision.values()) - audited.by_decision.get("approve", 0)
    are_decisions_told = is_none_or_enough(decided)
    are_reasons_told = are_decisions_told and is_enough(not_approved)
    withdrawn = ", withdrawn" if manifest.is_withdrawn else ""
    return DayFacts(
        title=f"Applications of {manifest.as_of}, revision {manifest.revision}{withdrawn}",
        published_at=manifest.run.get("published_at", ""),
        made_with="" if manifest.is_withdrawn else _made_with(manifest),
        sealed_copy=manifest.sealed_copy,
        is_withdrawn=manifest.is_withdrawn,
        reason=" ".join((manifest.reason or "").split()),
        changed=_changed(audited),
        corrections=_corrections(audited),
        erasures=manifest.erasures,
        rows=rows,
        files={name: _counts_of(totals) for name, totals in audited.files.items()},
        inputs=manifest.inputs,
        decisions={
            name: DecisionCount(count, count / max(decided, 1))
            for name, count in audited.by_decision.items()
            if are_decisions_told
        },
        first_reasons=_first_reasons(manifest, not_approved) if are_reasons_told else (),
        untold=_untold(decided, not_approved),
        broken_rules=audited.by_rule,
        digest=audited.decisions.sha256,
    )


def result_line(result: DayResult) -> str:
    """End of a run that scores a day, or withdraws it, in one line."""
    if result.manifest is None:
        return f"Exit 0, nobody must act: no applications came, and none need come: it is {result.standing.excuse}."
    title, rows = f"revision {result.manifest.revision}", _counts_of(result.manifest.totals)
    if result.manifest.is_withdrawn:
        return f"Exit 0, data owner must act: {title} withdraws the day; deliver the right files, then score it."
    became = ", ".join(f"{count:,} {fate}" for fate, count in rows.became.items() if count)
    words = {"published": "is published", "unchanged": "was published before from these files, and stays"}
    beside = f" {result.shadow}" if result.shadow else ""
    told = f"{title} {words[result.outcome]}; {rows.received:,} rows received: {became}."
    return f"Exit 0, nobody must act: {told}{beside}"


def _counts_of(totals: FileTotals) -> RowCounts:
    became = {
        "decided": totals.decided,
        "quarantined": totals.quarantined,
        "copies dropped": totals.duplicates_dropped,
        "replaced": totals.replaced,
        "erased": totals.erased,
    }
    return RowCounts(totals.rows, became)


def _made_with(manifest: Manifest) -> str:
    model, policy, contract = manifest.model, manifest.policy, manifest.contract
    return (
        f"{model.name} version {model.version}, cut-off {policy['cutoff']:.4f}, "
        f"policy {policy['version']}, contract {contract['version']}"
    )


def _changed(audited: Audited) -> str:
    if not audited.changes:
        return ""
    decisions = counted(audited.changes.rows, "decision")
    if audited.changed_reasons is None:
        return decisions
    return f"{decisions}, and the reasons of {counted(audited.changed_reasons, 'other')}"


def _corrections(audited: Audited) -> str:
    corrections = [totals for name, totals in audited.files.items() if name.startswith(CORRECTIONS)]
    if not corrections or not audited.changes:
        return ""
    totals = sum_totals(corrections)
    line = f"{counted(totals.rows, 'row')}: {totals.decided:,} decided"
    if totals.quarantined:
        line += f", {totals.quarantined:,} in quarantine, whose applicants have no decision now"
    return line


def _untold(decided: int, not_approved: int) -> str:
    if not is_none_or_enough(decided):
        return f"Decisions: {too_few(decided)}"
    return "" if is_none_or_enough(not_approved) else f"Reasons: {too_few(not_approved)}"


def _first_reasons(manifest: Manifest, not_approved: int) -> tuple[FirstReason, ...]:
    audited = manifest.audited
    if not audited.by_reason:
        return ()
    without_one = not_approved - sum(audited.by_reason.values())
    reasons = manifest.reasons.items()
    families = {reason.code: FAMILIES.get(family, family) for family, reason in reasons}
    counts = sorted(audited.by_reason.items(), key=lambda count: (-count[1], count[0]))
    return tuple(
        FirstReason(code, families.get(code, ""), rows, rows / not_approved)
        for code, rows in (*counts, ("none", without_one))
        if rows
    )
