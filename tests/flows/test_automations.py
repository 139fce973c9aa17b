"""Automations are files: applied by name, never twice, and each of their alarms arrives as a line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4

import pytest
import yaml
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import emit_event
from prefect.events.actions import CallWebhook
from prefect.states import Crashed

from configs.settings import PROJECT, Settings
from flows.alarm_receiver import AlarmServer, Inbox
from flows.automations import AUTOMATIONS, apply_automations, load_automations
from tasks.errors import ConfigError
from tests.flows.test_alarm_receiver import wait_for_lines
from tests.monitoring.test_announce import RESULT

NAMES = {
    "credit scoring: a run has crashed",
    "credit scoring: a run is late",
    "credit scoring: a run went silent",
    "credit scoring: drift",
    "credit scoring: not published in time",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the reviewed files, to change them."""
    copy = tmp_path / "automations"
    copy.mkdir()
    for file in AUTOMATIONS.glob("*.yaml"):
        (copy / file.name).write_text(file.read_text("utf-8"), "utf-8")
    return copy


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def test_each_file_is_an_automation_and_each_alarm_calls_the_receiver() -> None:
    block = uuid4()
    automations = load_automations(AUTOMATIONS, block)
    assert {each.name for each in automations} == NAMES
    called = [action for each in automations for action in each.actions if isinstance(action, CallWebhook)]
    assert len(called) == len(NAMES) - 1
    assert {action.block_document_id for action in called} == {block}


def test_what_deployments_and_runs_are_tagged_with_is_what_automations_match() -> None:
    deployments = yaml.safe_load((PROJECT / "prefect.yaml").read_text("utf-8"))["deployments"]
    assert all("credit-scoring" in each["tags"] for each in deployments)
    assert [each["name"] for each in deployments if "expected" in each["tags"]] == ["expect"]
    assert "prefect.tag.expected" in (AUTOMATIONS / "not-published.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("enabled: true", "enabled: perhaps", "crashed-run.yaml is not an automation of Prefect: enabled"),
        ("threshold: 1", "treshold: 1", "crashed-run.yaml holds trigger.treshold, which Prefect does not know"),
        ("type: call-webhook", "type: call-webhok", "crashed-run.yaml names an action 'call-webhok'"),
        ('"credit scoring: a run has crashed"', '"crashed"', "expected names that begin with 'credit scoring: '"),
        ("a run has crashed", "drift", "each once"),
        ("actions:\n  - type", "actions: [none]\nrest:\n  - type", "must be a list of mappings"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_with_what_is_wrong(folder: Path, old: str, new: str, told: str) -> None:
    rewrite(folder / "crashed-run.yaml", old, new)
    with pytest.raises(ConfigError, match=told):
        load_automations(folder, UUID(int=0))


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no automation"):
        load_automations(tmp_path, UUID(int=0))


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a receiver that listens."""
    with AlarmServer(0, Inbox(settings_for(0, tmp_path))) as server:
        Thread(target=server.serve_forever).start()
        yield settings_for(server.server_port, tmp_path)
        server.shutdown()


def settings_for(port: int, folder: Path) -> Settings:
    alarms = {"log": str(folder / "alarms.log")} | ({"port": port} if port else {})
    return Settings.model_validate({"alarms": alarms})


def names_there(prefect: SyncPrefectClient) -> list[str]:
    return sorted(each.name for each in prefect.read_automations() if each.name.startswith("credit scoring: "))


@pytest.mark.usefixtures("prefect_server")
def test_automations_are_made_once_renewed_and_removed_by_name(folder: Path, receiver: Settings) -> None:
    apply_automations(folder, receiver)
    assert {each.done for each in apply_automations(folder, receiver)} == {"as it was"}
    with get_client(sync_client=True) as prefect:
        prefect.create_automation(load_automations(folder, uuid4())[0])  # a second of the same name
        assert len(names_there(prefect)) == len(NAMES) + 1
        rewrite(folder / "late-run.yaml", "within: 3600", "within: 1800")
        rewrite(folder / "drift-alert.yaml", '"credit scoring: drift"', '"credit scoring: the feed drifts"')
        done = {each.name: each.done for each in apply_automations(folder, receiver)}
        assert names_there(prefect) == sorted(done.keys() - {"credit scoring: drift"})
    assert done["credit scoring: a run is late"] == "renewed"
    assert done["credit scoring: the feed drifts"] == "made"
    assert done["credit scoring: drift"] == "removed"


@pytest.mark.usefixtures("prefect_server")
def test_a_crashed_run_and_a_drift_alert_become_lines_and_a_watch_none(
    receiver: Settings, emitted: Callable[[str], None]
) -> None:
    apply_automations(AUTOMATIONS, receiver)
    emitted("watch")
    emitted("alert")
    with get_client(sync_client=True) as prefect:
        run = prefect.create_flow_run(idle, name="score-2026-11-02", tags=["credit-scoring"])
        prefect.set_flow_run_state(run.id, Crashed(message="No heartbeat."), force=True)
    lines = wait_for_lines(Path(receiver.alarms.log), 2)
    crashed, drift = sorted(line.split(" | ")[1:] for line in lines)
    assert crashed[:4] == ["crashed run", "score-2026-11-02", "day 2026-11-02", "No heartbeat."]
    day = RESULT.last.isoformat()
    assert drift[:4] == ["drift", f"verdict on {day}", f"day {day}", f"{len(RESULT.findings)} findings"]


@flow(name="idle")
def idle() -> None:
    """Do nothing."""


@pytest.fixture
def emitted() -> Callable[[str], None]:
    """Emit the event of a verdict of a level, as monitoring does."""
    from dataclasses import replace

    from tasks.monitoring.announce import DRIFT_DETECTED, drift_event

    def emit(level: str) -> None:
        event = drift_event(replace(RESULT, level=level), ["report.html"], run=str(uuid4()))
        emit_event(DRIFT_DETECTED, resource=event["resource"], payload=json.loads(json.dumps(event["payload"])))

    return emit
