"""The contract lets a day pass, or stops it and says where the report lies."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from configs.settings import load_settings
from tasks.adapters.files.parquet import write_parquet
from tasks.core.day.records import Draft
from tasks.errors import ExpectationsNotMet
from tasks.model.contract import pinned_contract
from tasks.publication.data_files import store_data
from tasks.publication.layout import day_prefix, refused_page_key, refused_report_key
from tasks.publication.manifests import commit
from tasks.scoring.assemble import Assembled, assemble
from tasks.scoring.contract_gate import Gate, Passed
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.days import FIRST, Day, delivered, elsewhere, lay
from tests.manifests import made_audit, made_manifest

BAD = 10
"""Rows of the day that are set aside."""


@pytest.fixture(scope="module")
def day(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day of two files with 200 rows in all, a twentieth of them bad."""
    project = elsewhere(trained, tmp_path_factory.mktemp("judged") / "store")
    project.deliver(rows=200, files=2)
    for name in ("applications_1.csv", "applications_2.csv"):
        rows = delivered(project, name)
        rows.loc[: BAD // 2 - 1, "REGION_RATING_CLIENT"] = "9"
        lay(project, rows, name)
    return Day(project)


@pytest.fixture(scope="module")
def put_together(day: Day) -> Assembled:
    return assemble(day.store, day.parts, chunk_rows=1000)


@pytest.fixture
def assembled(put_together: Assembled) -> Assembled:
    """The rows of the day, of which a gate takes columns out."""
    return replace(put_together)


def gate_of(day: Day, root: Path, **contract: Any) -> Gate:
    """The day's gate under other limits; what it refuses is reported in a store of its own."""
    settings = load_settings(day.project.with_settings(contract=contract).config)
    return Gate(FolderStore(root), pinned_contract(day.pins, day.settings), day.delivery.as_of, settings)


def report_of(passed: Passed) -> dict[str, Any]:
    report = json.loads(passed.report)
    return report | {"rules": {rule["id"]: rule for rule in report["rules"]}}


def test_the_report_counts_all_files(day: Day, assembled: Assembled, tmp_path: Path) -> None:
    passed = gate_of(day, tmp_path).require_contract(day.parts, assembled, FIRST)
    report = report_of(passed)
    assert (report["rows"], report["quarantined"], report["refused"], report["revision"]) == (200, BAD, None, 1)
    assert report["quarantined_by_rule"] == passed.by_rule == {"REGION_RATING_CLIENT_in_domain": BAD}
    told = report["rules"]["REGION_RATING_CLIENT_in_domain"]
    assert (told["checked"], told["broken"], told["outcome"]) == (200, BAD, "rows quarantined")
    results = {each["expectation_config"]["meta"]["id"]: each["result"] for each in report["validation"]["results"]}
    assert results["REGION_RATING_CLIENT_in_domain"]["element_count"] == 200
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(("most", "stops"), [(BAD, False), (BAD - 1, True)])
def test_a_day_passes_up_to_its_budget_of_bad_rows(
    day: Day, assembled: Assembled, tmp_path: Path, most: int, stops: bool
) -> None:
    gate = gate_of(day, tmp_path, max_quarantined_rows=most, max_quarantined_share=0.0)
    if not stops:
        assert gate.require_contract(day.parts, assembled, FIRST).by_rule
        return
    message = f"^The applications of {DAY} are not published. 10 of 200 rows"
    with pytest.raises(ExpectationsNotMet, match=message) as told:
        gate.require_contract(day.parts, assembled, FIRST)
    assert str(told.value).endswith(f"Every rule's counts: {tmp_path}/{refused_page_key(DAY)}")
    report = json.loads((tmp_path / refused_report_key(DAY)).read_text())
    assert report["refused"] in str(told.value)


def test_a_day_without_a_row_to_decide_is_stopped_within_its_budget(
    day: Day, assembled: Assembled, tmp_path: Path
) -> None:
    nobody = replace(assembled, decided=assembled.decided[:0])
    with pytest.raises(ExpectationsNotMet, match="at least one row must remain"):
        gate_of(day, tmp_path, max_quarantined_rows=200).require_contract(day.parts, nobody, FIRST)


def test_files_without_any_row_are_no_day(day: Day, assembled: Assembled, tmp_path: Path) -> None:
    parts = [replace(part, rows=0) for part in day.parts]
    with pytest.raises(ExpectationsNotMet, match=f"The files of {DAY} hold no rows. Deliver them, or declare the day"):
        gate_of(day, tmp_path).require_contract(parts, assembled, FIRST)


# --- the days before


def recent(days: int, rows: int) -> dict[str, int]:
    return {(DAY - timedelta(days=n)).isoformat(): rows for n in range(days, 0, -1)}


@pytest.mark.parametrize(
    ("days", "rows", "outcome"),
    [
        (7, 420, "met"),
        (7, 422, "day stopped"),
        (7, 85, "met"),
        (7, 84, "day stopped"),
        (6, 422, "warned"),
        (0, 0, "not judged"),
    ],
)
def test_a_day_is_compared_with_the_published_days_before_it(
    day: Day, assembled: Assembled, tmp_path: Path, days: int, rows: int, outcome: str
) -> None:
    gate, draft = gate_of(day, tmp_path), Draft(2, "why", None, recent_days=recent(days, rows))
    if outcome == "day stopped":
        with pytest.raises(ExpectationsNotMet, match="about as many rows as those published in the four weeks before"):
            gate.require_contract(day.parts, assembled, draft)
        return
    passed = gate.require_contract(day.parts, assembled, draft)
    assert passed.recent_days == draft.recent_days
    assert report_of(passed)["rules"]["rows_like_recent_days"]["outcome"] == outcome


@pytest.mark.parametrize(("shared", "stops"), [(95, False), (96, True)])
def test_a_day_of_applications_that_were_decided_before_is_stopped(
    day: Day, assembled: Assembled, tmp_path: Path, shared: int, stops: bool
) -> None:
    ids = assembled.decided.column("application_id").to_pylist()
    assert len(ids) == 190
    store, as_of = FolderStore(tmp_path), DAY - timedelta(days=1)
    known = write_parquet(pa.table({"application_id": [*ids[:shared], *range(190 - shared)]}))
    decisions = store_data(store, day_prefix("revisions", as_of), "decisions", known, rows=190)
    commit(store, made_manifest(made_audit(decisions=decisions), as_of=as_of))
    gate = gate_of(day, tmp_path)
    if stops:
        with pytest.raises(ExpectationsNotMet, match="were decided on any one of the seven published days before"):
            gate.require_contract(day.parts, assembled, FIRST)
        return
    assert report_of(gate.require_contract(day.parts, assembled, FIRST))["rules"]["applications_are_new"]["is_met"]


def test_a_first_revision_is_compared_with_what_the_store_holds_unless_nobody_asks(
    day: Day, assembled: Assembled, tmp_path: Path
) -> None:
    commit(FolderStore(tmp_path), made_manifest(as_of=DAY - timedelta(days=1)))
    passed = gate_of(day, tmp_path).require_contract(day.parts, replace(assembled), FIRST)
    assert passed.recent_days == recent(1, 1)
    alone = gate_of(day, tmp_path, compare_recent_days=False).require_contract(day.parts, assembled, FIRST)
    assert alone.recent_days == {}
