"""A published day is told to those who listen, in counts."""

from dataclasses import replace
from pathlib import Path

from configs.settings import Settings
from tasks.core.day.records import DataFile
from tasks.scoring.announce import announce, event_of
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest

CHANGES = DataFile(f"revisions/day={DAY}/changes-{'1' * 16}.parquet", "1" * 64, 9, 3)
FIRST = made_manifest()
SECOND = made_manifest(made_audit(changes=CHANGES, changed_reasons=2), revision=2, reason="amounts_were mended")


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
        "publication": FIRST.publication,
        "rows": 1,
        "withdrawn": False,
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
