"""A manifest and its data files that contradict each other are told so, whichever number it is."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.core.day.consistency import check_changes, check_decisions, check_manifest, check_quarantine
from tasks.core.day.manifest import Manifest, policy_record
from tasks.core.day.records import (
    Audited,
    DataFile,
    Delivery,
    FileRef,
    FileTotals,
    Pins,
    content_fingerprint,
    count_by_decision,
    fingerprint,
)
from tasks.core.decision.policy import Band, Policy
from tasks.core.decision.published_rows import build_changes, build_decisions
from tasks.core.decision.reasons import REASONS, Reason
from tasks.core.model.bundle import ModelPin

DAY = date(2026, 11, 2)
POLICY = Policy("1", 0.5, 0.5, (Band("A", 0.5), Band("B", math.inf)))
MODEL = ModelPin("credit-default", "3", "m")
IDS, PDS = np.arange(101, 107), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.9])
TOLD = {"age": Reason("R1", "Your age."), "car": Reason("R2", "Your car.")}
STATED = {"reason_1": "R2", "reason_2": "R1", "reason_3": None, "reason_4": None}
REJECTED = pa.table({"source_file": ["a.csv", "b.csv"], "broken_rules": ["one", "one;two"]})


def decisions(ids: np.ndarray = IDS, pds: np.ndarray = PDS) -> pa.Table:
    stated = {name: [code if pd >= POLICY.cutoff else None for pd in pds] for name, code in STATED.items()}
    scored = pa.table(
        {"application_id": ids, "pd": pds, **{name: pa.array(stated[name], pa.string()) for name in REASONS}}
    )
    made_by = {"model_name": MODEL.name, "model_version": MODEL.version, "contract_version": "1"}
    return build_decisions(scored, as_of=DAY, policy=POLICY, **made_by)


@pytest.fixture
def manifest() -> Manifest:
    inputs = {"a.csv": "1", "b.csv": "2"}
    delivery = Delivery(DAY, tuple(FileRef(name, name, "csv", 0, sha256) for name, sha256 in inputs.items()))
    pins = Pins(DAY, MODEL, POLICY, "p", "1", "c", TOLD, fingerprint="")
    day = fingerprint(delivery, pins)
    audited = Audited(
        DataFile("d", "d", 1, 6),
        DataFile("q", "q", 1, 2),
        DataFile("r", "r", 1, 1),
        content_fingerprint(decisions(), pins),
        {"a.csv": FileTotals(5, 3, 1, 1), "b.csv": FileTotals(6, 3, 1, 0, 2)},
        count_by_decision(decisions().column("decision")),
        {"one": 2, "two": 1},
        DataFile("c", "c", 1, 2),
        by_reason={"R1": 0, "R2": 2},
    )
    contract = {"version": "1", "digest": "c"}
    return Manifest(
        DAY, 2, day, inputs, MODEL, policy_record(POLICY, "p"), contract, audited, {}, "a reason", reasons=TOLD
    )


def footer(manifest: Manifest, **other: str) -> Mapping[str, str]:
    content = manifest.audited.content_fingerprint
    return {"schema_version": "1", "revision": "2", "content_fingerprint": content} | other


def with_audited(manifest: Manifest, **fields: Any) -> Manifest:
    return replace(manifest, audited=replace(manifest.audited, **fields))


def told(manifest: Manifest) -> list[str]:
    return list(check_manifest(manifest, as_of=DAY, revision=2))


def test_what_agrees_is_not_spoken_of(manifest: Manifest) -> None:
    assert told(manifest) == []
    assert list(check_decisions(decisions(), footer(manifest), manifest)) == []
    assert list(check_quarantine(REJECTED, manifest)) == []


@pytest.mark.parametrize(
    ("totals", "is_told", "is_accepted"),
    [
        (FileTotals(1, 0, 0, 0, 0, 1), True, True),
        (FileTotals(1, 0, 0, 0, 0, 1), False, False),
        (FileTotals(2, 0, 0, 1, 0, 1), True, False),
        (FileTotals(0, 0, 0, 0), True, False),
    ],
)
def test_a_file_is_gone_from_the_inputs_only_if_all_its_rows_were_erased(
    manifest: Manifest, totals: FileTotals, is_told: bool, is_accepted: bool
) -> None:
    erasures = ({"at": "2027-01-05T09:30:00+00:00", "reason": "they asked"},) if is_told else ()
    gone = with_audited(manifest, files=dict(manifest.audited.files) | {"c.csv": totals})
    told_of = [each for each in told(replace(gone, erasures=erasures)) if "was made from" in each]
    assert bool(told_of) != is_accepted


MANIFESTS: dict[str, Callable[[Manifest], Manifest]] = {
    "is of 2026-11-03, revision 2; required": lambda each: replace(each, as_of=date(2026, 11, 3)),
    "is of 2026-11-02, revision 3; required": lambda each: replace(each, revision=3),
    "counts rows of a.csv, b.csv, and was made from a.csv": lambda each: replace(each, inputs={"a.csv": "1"}),
    "leaves 1 of 6 rows of a.csv unaccounted for": lambda each: with_audited(
        each, files=dict(each.audited.files) | {"a.csv": FileTotals(6, 3, 1, 1)}
    ),
    "has control totals of AMT_CREDIT of a.csv that do not agree": lambda each: with_audited(
        each, control_totals={"AMT_CREDIT": {"a.csv": {"received": 500, "decided": 400}}}
    ),
    "names 7 decisions; by its totals required are 6": lambda each: with_audited(
        each, decisions=DataFile("d", "d", 1, 7)
    ),
    "names 7 rows by decision": lambda each: with_audited(each, by_decision={"approve": 7}),
    "names 0 quarantined rows; by its totals required are 2": lambda each: with_audited(each, quarantine=None),
    "names 2 contract reports": lambda each: with_audited(each, contract_report=DataFile("r", "r", 1, 2)),
    "names no file of changes": lambda each: with_audited(each, changes=None),
    "gives no reason": lambda each: replace(each, reason=None),
    "has the fingerprint 0…; inputs, model, policy and contract give another": lambda each: replace(
        each, fingerprint="0"
    ),
    "contract give another": lambda each: replace(each, model=replace(MODEL, digest="other")),
    "policy and contract give another": lambda each: replace(each, reasons={"age": TOLD["age"]}),
}


@pytest.mark.parametrize(("said", "change"), MANIFESTS.items(), ids=MANIFESTS)
def test_a_manifest_that_contradicts_itself(
    manifest: Manifest, said: str, change: Callable[[Manifest], Manifest]
) -> None:
    assert any(said in each for each in told(change(manifest)))


def test_a_first_revision_changes_nothing_and_needs_no_reason(manifest: Manifest) -> None:
    first = replace(manifest, revision=1, reason=None)
    assert list(check_manifest(first, as_of=DAY, revision=1)) == [
        "names a file of changes, which the first revision has not"
    ]
    assert list(check_manifest(with_audited(first, changes=None), as_of=DAY, revision=1)) == []


def test_the_fingerprint_of_another_programs_versions_is_not_worked_out(manifest: Manifest) -> None:
    assert told(replace(manifest, fingerprint="0", feature_version="of another time")) == []


def column(name: str, values: list[Any]) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        return table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))

    return change


TABLES: dict[str, Callable[[pa.Table], pa.Table]] = {
    "has not the published columns": lambda table: table.drop_columns(["reason_4"]),
    "holds 5 rows; its manifest says 6": lambda table: table.slice(0, 5),
    "holds ids that are missing, not ascending": column("application_id", [101, 102, 103, 104, 106, 105]),
    "not ascending, or there twice": column("application_id", [101, 102, 103, 104, 105, 105]),
    "ids that are missing": column("application_id", [101, 102, 103, 104, 105, None]),
    "holds 1 rows with a pd outside 0 to 1": column("pd", [0.1, 0.2, 0.3, 0.4, 0.5, 1.1]),
    "holds 2 rows with a pd outside": column("pd", [0.1, None, 0.3, 0.4, 0.5, math.nan]),
    "holds approve 5, refer 0, refuse 1; its manifest says approve 4": column("decision", ["approve"] * 5 + ["refuse"]),
    "holds first reasons R1 1, R2 1; its manifest says R1 0, R2 2": column("reason_1", [*[None] * 4, "R2", "R1"]),
    "2 rows whose decision is not what": column("decision", ["refuse", *["approve"] * 4, "refuse"]),
    "1 rows whose risk_band is not": column("risk_band", ["B", "A", "A", "A", "B", "B"]),
    "1 rows whose cutoff is not": column("cutoff", [0.5] * 5 + [0.4]),
    "1 rows whose model_version is not": column("model_version", ["3"] * 5 + [None]),
    "6 rows whose as_of is not": column("as_of", [date(2026, 11, 3)] * 6),
    "has the content fingerprint": column("pd", [0.1, 0.2, 0.3, 0.41, 0.5, 0.9]),
    "the content fingerprint": column("reason_1", [*[None] * 4, "R2", "R1"]),
    "holds 2 approved rows with a reason_1": column("reason_1", ["R2", "R2", None, None, "R2", "R2"]),
    "holds 1 rows whose reason_2 is none of the codes": column("reason_2", [*[None] * 4, "R1", "R3"]),
}


@pytest.mark.parametrize(("said", "change"), TABLES.items(), ids=TABLES)
def test_decisions_that_are_not_those_of_their_manifest(
    manifest: Manifest, said: str, change: Callable[[pa.Table], pa.Table]
) -> None:
    assert any(said in each for each in check_decisions(change(decisions()), footer(manifest), manifest))


@pytest.mark.parametrize("other", [{"revision": "1"}, {"schema_version": "0"}, {"content_fingerprint": "f"}, {"x": ""}])
def test_a_footer_tells_what_it_must_and_nothing_else(manifest: Manifest, other: dict[str, str]) -> None:
    (said,) = check_decisions(decisions(), footer(manifest, **other), manifest)
    assert "has a footer that does not tell" in said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (REJECTED.slice(0, 1), ["holds 1 rows; its manifest says 2", "holds 0 rows of b.csv", "other rules"]),
        (REJECTED.drop_columns(["source_file"]), ["has not the columns source_file and broken_rules"]),
        (REJECTED.set_column(1, "broken_rules", pa.array(["one", "one;three"])), ["rows that break other rules"]),
        (REJECTED.set_column(0, "source_file", pa.array(["a.csv", "a.csv"])), ["holds 2 rows of a.csv", "0 rows of b"]),
    ],
)
def test_a_quarantine_that_is_not_that_of_its_manifest(manifest: Manifest, table: pa.Table, said: list[str]) -> None:
    found = list(check_quarantine(table, manifest))
    assert len(found) == len(said)
    assert all(each in sentence for each, sentence in zip(said, found, strict=True))


def changes() -> Iterator[pa.Table]:
    """The decisions before, those after, and the two rows that differ."""
    before = decisions(IDS[:5], np.array([0.1, 0.2, 0.3, 0.9, 0.5]))
    yield from (before, decisions(), build_changes(before, decisions()))


def test_changes_are_what_differs_between_two_revisions(manifest: Manifest) -> None:
    before, after, differing = changes()
    assert differing.num_rows == 2
    assert list(check_changes(differing, before, after, manifest)) == []
    assert list(check_changes(differing.slice(1), before, after, manifest)) == [
        "holds 1 rows; its manifest says 2",
        "is not what differs between the two revisions, which are 2 rows",
    ]
    assert list(check_changes(differing, before, after, with_audited(manifest, changed_reasons=0))) == []
    assert list(check_changes(differing, before, after, with_audited(manifest, changed_reasons=1))) == [
        "leaves 0 applications with other reasons; its manifest says 1"
    ]
    assert list(check_changes(differing, after, before, manifest)) == [
        "is not what differs between the two revisions, which are 2 rows"
    ]
