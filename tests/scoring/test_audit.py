"""The audit is the gate before publication: every row accounted for, every promise kept, nothing published yet."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import Settings, load_settings
from tasks.adapters.gx import validate_decisions
from tasks.core.day.control_totals import MEASURES, hash_total
from tasks.core.day.records import Audited, Draft, FileTotals, count_by_decision
from tasks.core.decision.published_rows import CHANGES, SCHEMA
from tasks.core.lender.columns import NAMES
from tasks.errors import ExpectationsNotMet, PublishError, ScoringError
from tasks.model.load import suite_text
from tasks.scoring.audit import audit, require_plausible, require_reconciled
from tests.conftest import Project
from tests.days import FIRST, Day, elsewhere

ROWS = 300
SETTINGS = Settings()


@pytest.fixture(scope="module")
def day(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day that is screened and audited, a tenth of its rows bad."""
    project = elsewhere(trained, tmp_path_factory.mktemp("audited") / "store")
    project.deliver(rows=ROWS, bad_share=0.1)
    return Day(project)


@pytest.fixture(scope="module")
def decisions(day: Day) -> pa.Table:
    return pq.read_table(day.project.root / day.audited.decisions.key, partitioning=None)


def audited_under(day: Day, draft: Draft = FIRST, **sections: dict[str, Any]) -> Audited:
    """The day, audited by other settings."""
    settings = load_settings(day.project.with_settings(**sections).config)
    return audit(day.delivery, day.pins, draft, day.parts, settings)


def test_every_row_is_accounted_for_and_nothing_is_published(day: Day, decisions: pa.Table) -> None:
    audited = day.audited
    (totals,) = audited.files.values()
    assert totals.rows == ROWS == totals.decided + totals.quarantined + totals.duplicates_dropped
    assert decisions.num_rows == audited.decisions.rows == totals.decided == sum(audited.by_decision.values())
    assert audited.quarantine
    assert audited.quarantine.rows == totals.quarantined >= 30
    assert {path.name for path in day.project.root.iterdir()} & {"decisions", "reports"} == set()
    assert not list(day.project.root.rglob("manifest.json"))


def test_decisions_have_the_promised_schema_order_and_footer(day: Day, decisions: pa.Table) -> None:
    assert decisions.schema.equals(SCHEMA)
    assert (np.diff(decisions.column("application_id").to_numpy()) > 0).all()
    footer = pq.read_schema(day.project.root / day.audited.decisions.key).metadata
    assert (footer[b"schema_version"], footer[b"revision"]) == (b"1", b"1")
    assert footer[b"content_fingerprint"].decode() == day.audited.content_fingerprint
    refused = decisions.column("decision").to_numpy() == "refuse"
    assert (refused == (decisions.column("pd").to_numpy() >= day.pins.policy.cutoff)).all()
    assert 0 < refused.sum() < len(refused)


def test_the_quarantine_holds_rows_as_they_came_with_the_rules_they_break(day: Day) -> None:
    assert day.audited.quarantine
    rejected = pq.read_table(day.project.root / day.audited.quarantine.key, partitioning=None)
    assert set(rejected.column_names) == {"source_file", "source_row", "broken_rules", "application_id", *NAMES}
    assert all(rejected.column("broken_rules").to_pylist())
    assert (np.diff(rejected.column("source_row").to_numpy()) > 0).all()


def test_first_reasons_are_counted_as_they_are_stated(day: Day, decisions: pa.Table) -> None:
    stated = {
        each["values"]: each["counts"] for each in decisions.column("reason_1").drop_null().value_counts().to_pylist()
    }
    assert {code: count for code, count in day.audited.by_reason.items() if count} == stated
    assert stated


def test_rules_are_told_most_broken_first_and_again_in_the_same_order(day: Day) -> None:
    broken = list(day.audited.by_rule.items())
    assert [count for _, count in broken] == sorted((count for _, count in broken), reverse=True)
    assert list(audit(day.delivery, day.pins, day.draft, day.parts, day.settings).by_rule.items()) == broken


# --- what an audit that is finished counts for


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"audit": {"min_approval_share": 0.999, "max_approval_share": 1.0}}, "would be approved"),
        (
            {"contract": {"max_quarantined_rows": 1, "max_quarantined_share": 0.001}},
            "30 of 300 rows would be set aside",
        ),
    ],
)
def test_a_finished_audit_does_not_count_under_other_limits(
    day: Day, sections: dict[str, dict[str, Any]], message: str
) -> None:
    assert day.audited
    with pytest.raises(ExpectationsNotMet, match=message):
        audited_under(day, **sections)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1")], ids=["gone", "changed"])
def test_a_part_that_is_gone_or_changed_stops_the_day(
    day: Day, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    shutil.copytree(day.project.root / "work", tmp_path / "store/work")
    damage(tmp_path / "store" / day.parts[0].decided.key)
    settings = load_settings(elsewhere(day.project, tmp_path / "store").config)
    with pytest.raises(PublishError, match="is missing or damaged: it is not the file that was recorded"):
        audit(day.delivery, day.pins, Draft(1, "another audit", None), day.parts, settings)


# --- changes


def test_a_first_revision_has_no_changes(day: Day) -> None:
    assert (day.audited.changes, day.audited.changed_reasons) == (None, None)


def test_a_revision_tells_which_decisions_changed_and_how_many_reasons_beside(
    day: Day, decisions: pa.Table, tmp_path: Path
) -> None:
    reasons = tmp_path / "reasons.yaml"
    reasons.write_text(Path("configs/reasons.yaml").read_text("utf-8").replace("R01", "A1"))
    recoded = Day(day.project.with_settings(scoring={"reasons": str(reasons)}))
    draft = Draft(2, "another code", day.audited.decisions)
    second = audit(recoded.delivery, recoded.pins, draft, recoded.parts, recoded.settings)
    assert second.changes
    changes = pq.read_table(day.project.root / second.changes.key, partitioning=None)
    assert changes.schema.equals(CHANGES)
    assert changes.num_rows == 0
    codes = decisions.select([f"reason_{n}" for n in range(1, 5)]).to_pandas()
    assert second.changed_reasons == (codes == "R01").any(axis=1).sum() > 1


# --- totals


@pytest.mark.parametrize("measure", MEASURES)
def test_a_total_that_does_not_agree_with_what_was_read_stops_the_day(day: Day, measure: str) -> None:
    (part,) = day.parts
    other = replace(part, sums={**part.sums, measure: part.sums[measure] + 1})
    message = f"Control totals do not agree .*: {measure} of applications_1.csv. Nothing"
    with pytest.raises(ScoringError, match=message) as told:
        audit(day.delivery, day.pins, Draft(1, measure, None), [other], day.settings)
    assert str(part.sums[measure]) not in str(told.value)


def test_decisions_about_others_than_the_rows_decided_stop_the_day() -> None:
    ids = pa.chunked_array([[7, 8]])
    totals = {"SK_ID_CURR": {"a.csv": FileTotals(hash_total(ids), hash_total(ids), 0, 0)}}
    require_reconciled({"a.csv": FileTotals(2, 2, 0, 0)}, totals, hash_total(ids))
    with pytest.raises(ScoringError, match="SK_ID_CURR of the decisions. Nothing was published"):
        require_reconciled({"a.csv": FileTotals(2, 2, 0, 0)}, totals, hash_total(pa.chunked_array([[7, 9]])))
    with pytest.raises(ScoringError, match="Rows unaccounted for"):
        require_reconciled({"a.csv": FileTotals(3, 2, 0, 0)}, totals, hash_total(ids))


# --- plausible decisions


def plausible(decisions: pa.Table, **bounds: float) -> None:
    bounded = SETTINGS.model_copy(update={"audit": SETTINGS.audit.model_copy(update=bounds)})
    broken = validate_decisions([decisions], suite_text(bounded.audit.suite))
    require_plausible(broken, count_by_decision(decisions.column("decision")), bounded)


def test_a_share_of_approvals_up_to_the_bounds_is_plausible(decisions: pa.Table) -> None:
    share = count_by_decision(decisions.column("decision"))["approve"] / decisions.num_rows
    plausible(decisions, min_approval_share=share, max_approval_share=share)
    for bounds in ({"min_approval_share": share + 1e-6}, {"max_approval_share": share - 1e-6}):
        with pytest.raises(ExpectationsNotMet, match="would be approved; audit.min_approval_share is"):
            plausible(decisions, **bounds)


def test_the_share_of_approvals_is_judged_from_200_rows(decisions: pa.Table) -> None:
    plausible(decisions[:199], min_approval_share=0.999)
    with pytest.raises(ExpectationsNotMet, match="of 200 applications would be approved"):
        plausible(decisions[:200], min_approval_share=0.999)


def test_decisions_that_break_their_own_contract_stop_the_day(decisions: pa.Table) -> None:
    impossible = decisions.set_column(2, "pd", pa.array(np.full(decisions.num_rows, 1.5)))
    message = "The decisions break expectations/decisions.json: pd is a probability from 0 to 1. Nothing was published"
    with pytest.raises(ExpectationsNotMet, match=message):
        plausible(impossible)
