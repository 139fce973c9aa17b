"""A published day is told in counts: as an event, and as a page."""

from dataclasses import replace
from pathlib import Path

import pytest

from configs.settings import Settings
from tasks.core.day.records import DataFile, FileTotals
from tasks.core.lender.feature_list import FAMILIES
from tasks.scoring.announce import announce, day_markdown, event_of
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest

CHANGES = DataFile(f"revisions/day={DAY}/changes-{'1' * 16}.parquet", "1" * 64, 9, 3)
FIRST = made_manifest()
SECOND = made_manifest(made_audit(changes=CHANGES, changed_reasons=2), revision=2, reason="amounts_were mended")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_outside_a_flow_run_nobody_is_told(store: FolderStore, tmp_path: Path) -> None:
    announce(FIRST, Settings.model_validate({"storage": {"root": str(tmp_path)}}), None)
    assert list(store.list("")) == []


# --- the event


def test_the_event_of_a_day_says_where_its_decisions_lie(store: FolderStore, tmp_path: Path) -> None:
    event = event_of(FIRST, store, "own.yaml")
    assert event["resource"]["prefect.resource.id"] == f"scoring.day.{DAY}"
    assert event["payload"] == {
        "as_of": str(DAY),
        "config": "own.yaml",
        "revision": 1,
        "rows": 1,
        "decisions": f"{tmp_path}/decisions/day={DAY}/decisions.parquet",
    }


def test_the_event_of_a_revision_says_why_and_how_much_has_changed(store: FolderStore, tmp_path: Path) -> None:
    payload = event_of(SECOND, store, None)["payload"]
    told = {name: payload[name] for name in ("config", "reason", "changed", "changed_reasons", "changes")}
    assert told == {
        "config": "",
        "reason": "amounts_were mended",
        "changed": 3,
        "changed_reasons": 2,
        "changes": f"{tmp_path}/{CHANGES.key}",
    }


def test_an_event_sent_twice_is_the_same_one(store: FolderStore, tmp_path: Path) -> None:
    sent = event_of(FIRST, store, None)["event_id"]
    assert event_of(FIRST, store, "own.yaml")["event_id"] == sent
    others = (replace(FIRST, revision=2), replace(FIRST, run={"at": "later"}))
    assert sent not in {event_of(other, store, None)["event_id"] for other in others}
    assert event_of(FIRST, FolderStore(tmp_path / "other"), None)["event_id"] != sent


# --- the page


def test_the_page_accounts_for_the_rows_of_every_file(store: FolderStore) -> None:
    files = {"a_1.csv": FileTotals(1500, 1400, 60, 40), "b.csv": FileTotals(6, 2, 1, 1, 1, 1)}
    page = day_markdown(made_manifest(made_audit(files=files, by_decision={"approve": 701, "refuse": 701})), store)
    assert "| a\\_1.csv | 1,500 | 1,400 | 60 | 40 | 0 | 0 |\n" in page
    assert "| b.csv | 6 | 2 | 1 | 1 | 1 | 1 |\n" in page
    assert "| all files | 1,506 | 1,402 | 61 | 41 | 1 | 1 |\n" in page
    assert "| approve | 701 | 50.0% |\n" in page


def test_the_page_of_a_revision_says_why_and_how_much_has_changed(store: FolderStore, tmp_path: Path) -> None:
    page = day_markdown(SECOND, store)
    assert page.startswith(f"# Applications of {DAY}, revision 2\n")
    assert "\nReason for this revision: amounts\\_were mended\n" in page
    assert "\nChanged: 3 decisions, and the reasons of 2 others.\n" in page
    assert f"- Changes: `{tmp_path}/{CHANGES.key}`\n" in page
    assert "Reason for this revision" not in day_markdown(FIRST, store)


def test_the_page_tells_the_rules_that_rows_break(store: FolderStore) -> None:
    assert "\n| z | 2 |\n| a | 1 |\n" in day_markdown(FIRST, store)
    assert "No row was quarantined." in day_markdown(made_manifest(made_audit(by_rule={})), store)


@pytest.mark.parametrize("n_codes", [0, 1, 16])
def test_the_page_tells_all_first_reasons(store: FolderStore, n_codes: int) -> None:
    names = [f"{reason.code} {FAMILIES[family]}" for family, reason in FIRST.reasons.items()]
    by_reason = {reason.code: max(n_codes - n, 0) for n, reason in enumerate(FIRST.reasons.values())}
    refused = max(sum(by_reason.values()), 1)
    page = day_markdown(
        made_manifest(made_audit(by_reason=by_reason, by_decision={"approve": 1, "refuse": refused})), store
    )
    for place, name in enumerate(names):
        count = n_codes - place
        assert (f"\n| {name} | {count:,} | {count / refused:.1%} |\n" in page) == (place < n_codes)


def test_a_day_from_before_there_were_reasons_tells_none(store: FolderStore) -> None:
    assert "first reason" not in day_markdown(replace(FIRST, reasons={}), store)
