"""A manifest of a day that nobody published, for tests of what is said of days."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from tasks.core.day.manifest import Manifest
from tasks.core.day.records import Audited, DataFile, FileTotals
from tasks.core.decision.reasons import Reason
from tasks.core.model.bundle import ModelPin

FILES = {
    "a.csv": FileTotals(5000, 4000, 900, 60, 30, 10),
    "corrections/b.csv": FileTotals(30, 28, 2, 0),
    "corrections/c.csv": FileTotals(4, 4, 0, 0),
}
CHANGES = DataFile("c", "c", 1, 2000)
BY_DECISION = {"approve": 3024, "refer": 8, "refuse": 1000}


def sample_manifest(*, audited: Mapping[str, Any] | None = None, **other: Any) -> Manifest:
    """Manifest of a first revision; `audited` replaces fields of its record of that name."""
    told: dict[str, Any] = {
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
    return Manifest(**fields | {"audited": Audited(**told | dict(audited or {}))} | other)


def revised_manifest() -> Manifest:
    """Manifest of a second revision, made by corrections, from which somebody was erased."""
    return sample_manifest(
        revision=2,
        reason="they *told*\nus more",
        erasures=({"at": "2026-12-01T09:30:00+00:00", "reason": "asked"},),
        reasons={"car": Reason("R2", "Your car.")},
        audited={"changes": CHANGES, "changed_reasons": 1, "by_reason": {"R2": 1000}},
    )
