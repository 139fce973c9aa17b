"""Does what is published agree with itself? A manifest with its own numbers, and its data files with the manifest.

Each check yields a sentence for whatever does not agree, observed against required, to be read behind the name of the
object that it is about. Counts, columns and names only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.contract.screening import BROKEN_RULES, SOURCE_FILE, count_by_rule
from tasks.core.day.control_totals import contradictions
from tasks.core.day.manifest import MANIFEST_VERSION, Manifest, pins_of, policy_of
from tasks.core.day.records import (
    Delivery,
    FileRef,
    Pins,
    content_fingerprint,
    count_by_decision,
    count_by_reason,
    fingerprint,
    unaccounted,
)
from tasks.core.decision.policy import DECISIONS, decide
from tasks.core.decision.published_rows import SCHEMA, SCHEMA_VERSION, build_changes, count_changed_reasons
from tasks.core.decision.reasons import REASONS
from tasks.core.model.features import FEATURE_VERSION


def is_of_these_versions(manifest: Manifest) -> bool:
    """Whether this program writes such manifests, from the same features and into the same columns."""
    versions = (manifest.feature_version, manifest.schema_version, manifest.manifest_version)
    return versions == (FEATURE_VERSION, SCHEMA_VERSION, MANIFEST_VERSION)


def check_manifest(manifest: Manifest, *, as_of: date, revision: int) -> Iterator[str]:
    """Where a manifest contradicts its place or itself.

    Raises:
        KeyError, TypeError: its policy or its contract is not told as it must be.
    """
    audited, totals, pins = manifest.audited, manifest.totals, pins_of(manifest)
    if (manifest.as_of, manifest.revision) != (as_of, revision):
        yield f"is of {manifest.as_of}, revision {manifest.revision}; required is {as_of}, revision {revision}"
    gone = {name for name, one in audited.files.items() if manifest.erasures and one.is_erased}
    if audited.files.keys() - gone != manifest.inputs.keys() - gone:
        yield f"counts rows of {', '.join(audited.files)}, and was made from {', '.join(manifest.inputs)}"
    for name, rows in unaccounted(audited.files).items():
        yield f"leaves {rows} of {audited.files[name].rows} rows of {name} unaccounted for; required are 0"
    for told in contradictions(audited.control_totals):
        yield f"has control totals of {told} that do not agree from stage to stage"
    counted = {
        "decisions": (audited.decisions.rows, totals.decided),
        "rows by decision": (sum(audited.by_decision.values()), totals.decided),
        "quarantined rows": (audited.quarantine.rows if audited.quarantine else 0, totals.quarantined),
        "contract reports": (audited.contract_report.rows, 1),
    }
    for what, (observed, required) in counted.items():
        if observed != required:
            yield f"names {observed} {what}; by its totals required are {required}"
    if revision > 1 and not audited.changes:
        yield "names no file of changes, which every revision but the first has"
    if revision == 1 and audited.changes:
        yield "names a file of changes, which the first revision has not"
    if revision > 1 and not manifest.reason:
        yield "gives no reason, which every revision but the first has"
    if (
        is_of_these_versions(manifest)
        and not manifest.erasures
        and _fingerprint_of(manifest, pins) != manifest.fingerprint
    ):
        yield f"has the fingerprint {manifest.fingerprint[:12]}…; inputs, model, policy and contract give another"


def check_decisions(table: pa.Table, footer: Mapping[str, str], manifest: Manifest) -> Iterator[str]:
    """Where a decisions file of this program's schema contradicts its manifest."""
    if not table.schema.equals(SCHEMA):
        yield f"has not the published columns and types, schema version {SCHEMA_VERSION}"
        return
    ids, pd = (table.column(name).to_numpy() for name in ("application_id", "pd"))
    if table.num_rows != manifest.totals.decided:
        yield f"holds {table.num_rows} rows; its manifest says {manifest.totals.decided}"
    if table.column("application_id").null_count or not (np.diff(ids) > 0).all():
        yield "holds ids that are missing, not ascending, or there twice"
    if n_outside := int((~((pd >= 0) & (pd <= 1))).sum()):
        yield f"holds {n_outside} rows with a pd outside 0 to 1"
        return
    by_decision = count_by_decision(table.column("decision"))
    if by_decision != manifest.audited.by_decision:
        yield f"holds {_counts(by_decision)}; its manifest says {_counts(manifest.audited.by_decision)}"
    policy = policy_of(manifest)
    decided = decide(pd, policy)
    bands = np.array([band.name for band in policy.bands])
    expected = {
        "decision": pa.array(np.array(DECISIONS)[decided.decision], pa.string()),
        "risk_band": pa.array(bands[decided.band], pa.string()),
        **{name: pa.scalar(value, SCHEMA.field(name).type) for name, value in _constants(manifest).items()},
    }
    for name, values in expected.items():
        if n_other := table.num_rows - pc.sum(pc.equal(table.column(name), values), min_count=0).as_py():
            yield f"holds {n_other} rows whose {name} is not what model, policy and contract of its manifest give"
    yield from _check_reasons(table, manifest)
    content = content_fingerprint(table, pins_of(manifest))
    if content != manifest.audited.content_fingerprint:
        told = manifest.audited.content_fingerprint
        yield f"has the content fingerprint {content[:12]}…; its manifest says {told[:12]}…"
    required = {
        "schema_version": manifest.schema_version,
        "revision": str(manifest.revision),
        "content_fingerprint": content,
    }
    if footer != required:
        yield "has a footer that does not tell its schema version, revision and content fingerprint"


def _check_reasons(table: pa.Table, manifest: Manifest) -> Iterator[str]:
    codes = pa.array([reason.code for reason in manifest.reasons.values()], pa.string())
    is_approved = pc.equal(table.column("decision"), "approve")
    for name in REASONS:
        stated = pc.is_valid(table.column(name))
        if n_approved := pc.sum(pc.and_(stated, is_approved)).as_py():
            yield f"holds {n_approved} approved rows with a {name}"
        if n_unknown := pc.sum(pc.and_not(stated, pc.is_in(table.column(name), codes))).as_py():
            yield f"holds {n_unknown} rows whose {name} is none of the codes that its manifest explains"
    by_reason, required = count_by_reason(table.column("reason_1"), manifest.reasons), manifest.audited.by_reason
    if required and by_reason != required:
        yield f"holds first reasons {_counts(by_reason)}; its manifest says {_counts(required)}"


def check_quarantine(table: pa.Table, manifest: Manifest) -> Iterator[str]:
    """Where a quarantine file contradicts its manifest."""
    if not {SOURCE_FILE, BROKEN_RULES} <= set(table.column_names):
        yield f"has not the columns {SOURCE_FILE} and {BROKEN_RULES}"
        return
    if table.num_rows != manifest.totals.quarantined:
        yield f"holds {table.num_rows} rows; its manifest says {manifest.totals.quarantined}"
    of_file = {each["values"]: each["counts"] for each in table.column(SOURCE_FILE).value_counts().to_pylist()}
    for name, totals in manifest.audited.files.items():
        if of_file.get(name, 0) != totals.quarantined:
            yield f"holds {of_file.get(name, 0)} rows of {name}; its manifest says {totals.quarantined}"
    if count_by_rule(table.column(BROKEN_RULES).to_pylist()) != manifest.audited.by_rule:
        yield "holds rows that break other rules than its manifest counts"


def check_changes(table: pa.Table, old: pa.Table, new: pa.Table, manifest: Manifest) -> Iterator[str]:
    """Where a file of changes is not what differs between the decisions before, and those of its manifest."""
    changes = manifest.audited.changes
    if changes and table.num_rows != changes.rows:
        yield f"holds {table.num_rows} rows; its manifest says {changes.rows}"
    expected = build_changes(old, new)
    if not table.equals(expected):
        yield f"is not what differs between the two revisions, which are {expected.num_rows} rows"
    told = manifest.audited.changed_reasons
    if told is not None and told != (n_others := count_changed_reasons(old, new)):
        yield f"leaves {n_others} applications with other reasons; its manifest says {told}"


def _constants(manifest: Manifest) -> dict[str, Any]:
    """Columns that are the same in every row."""
    return {
        "as_of": manifest.as_of,
        "cutoff": manifest.policy["cutoff"],
        "model_name": manifest.model.name,
        "model_version": manifest.model.version,
        "policy_version": manifest.policy["version"],
        "contract_version": manifest.contract["version"],
    }


def _fingerprint_of(manifest: Manifest, pins: Pins) -> str:
    """The fingerprint, from all that it covers; of a file that is its name and digest."""
    files = tuple(FileRef(name, name, "csv", 0, sha256) for name, sha256 in manifest.inputs.items())
    return fingerprint(Delivery(manifest.as_of, files), pins)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
