"""Manifests made by hand, for tests of what commits, shows and tells them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.parquet import write_parquet
from tasks.core.day.manifest import Manifest, policy_record
from tasks.core.day.records import Audited, DataFile, FileTotals
from tasks.core.decision.policy import resolve_policy
from tasks.core.decision.reasons import Reason
from tasks.core.model.bundle import ModelPin
from tasks.model.load import reasons_of
from tasks.publication.data_files import store_data
from tasks.publication.layout import day_prefix
from tasks.publication.manifests import commit
from tasks.store import Store
from tests.conftest import DAY
from tests.contract_reports import contract_report

NOWHERE: Final = DataFile(f"revisions/day={DAY}/decisions-{'0' * 16}.parquet", "0" * 64, 9, 1)
"""A data file that is named and was never stored."""
POLICY: Final = resolve_policy("1", 0.1, refer_from=None, bands=[("A", 1.0), ("B", None)])
AUDITED: Final = Audited(
    NOWHERE, None, NOWHERE, "content", {"a.csv": FileTotals(3, 1, 1, 1)}, {"approve": 1}, {"z": 2, "a": 1}
)
"""An audit of three rows: one decided, one in quarantine, one exact copy."""


def made_manifest(audited: Audited = AUDITED, **changes: Any) -> Manifest:
    """A manifest of the test day: its first revision, from one file, unless `changes` say otherwise."""
    first = Manifest(
        as_of=DAY,
        revision=1,
        fingerprint="f",
        inputs={"a.csv": "s"},
        model=ModelPin("credit-default", "1", "d"),
        policy=policy_record(POLICY, "p"),
        contract={"version": "1", "digest": "c"},
        audited=audited,
        run={"published_at": "2026-11-02T06:00:00+00:00"},
        reasons=reasons_of(Settings()),
    )
    return replace(first, **changes)


def made_audit(**changes: Any) -> Audited:
    """The audit of three rows, with other fields."""
    return replace(AUDITED, **changes)


def stored_audit(store: Store, *, revision: int = 1, **changes: Any) -> Audited:
    """The audit of three rows with its data files in the store; decisions and report carry the revision's number."""
    prefix = day_prefix("revisions", DAY)
    decisions = write_parquet(pa.table({"application_id": [1]}), {"revision": str(revision)})
    report = json.dumps(contract_report(revision=revision)).encode()
    files = {
        "decisions": store_data(store, prefix, "decisions", decisions, rows=1),
        "contract_report": store_data(store, prefix, "contract", report, rows=1, ending="json"),
    }
    return made_audit(**(files | changes))


def commit_revision(store: Store, revision: int = 1, **changes: Any) -> Manifest:
    """Commit a revision of the test day from data files that are stored; no two have the same fingerprint."""
    audited = stored_audit(store, revision=revision)
    return commit(store, made_manifest(audited, **({"revision": revision, "fingerprint": f"f{revision}"} | changes)))


FILES = {
    "a.csv": FileTotals(5000, 4000, 900, 60, 30, 10),
    "corrections/b.csv": FileTotals(30, 28, 2, 0),
    "corrections/c.csv": FileTotals(4, 4, 0, 0),
}
CHANGES = DataFile("c", "c", 1, 2000)
BY_DECISION = {"approve": 3024, "refer": 8, "refuse": 1000}


def sample_manifest(*, audited: Mapping[str, Any] | None = None, **other: Any) -> Manifest:
    """Manifest of a first revision; `audited` replaces fields of its record of that name."""
    fields_of_audit: dict[str, Any] = {
        "decisions": DataFile("d", "dd", 1, 4032),
        "quarantine": DataFile("q", "q", 1, 902),
        "contract_report": DataFile("r", "r", 1, 1),
        "content_fingerprint": "",
        "files": FILES,
        "by_decision": BY_DECISION,
        "by_rule": {"one": 902, "two": 3},
    }
    fields: dict[str, Any] = {
        "as_of": date(2026, 11, 2),
        "revision": 1,
        "fingerprint": "f",
        "inputs": {"a.csv": "aa"},
        "model": ModelPin("credit-default", "3", "m"),
        "policy": {"version": "2", "cutoff": 1 / 11},
        "contract": {"version": "4", "digest": "k"},
        "run": {"published_at": "2026-11-02T07:05:59.123456+00:00"},
    }
    return Manifest(**fields | {"audited": Audited(**fields_of_audit | dict(audited or {}))} | other)


def revised_manifest() -> Manifest:
    """Manifest of a second revision, made by corrections, from which somebody was erased."""
    return sample_manifest(
        revision=2,
        reason="they *told*\nus more",
        erasures=({"at": "2026-12-01T09:30:00+00:00", "reason": "asked"},),
        reasons={"car": Reason("R2", "Your car.")},
        audited={"changes": CHANGES, "changed_reasons": 1, "by_reason": {"R2": 1000}},
    )
