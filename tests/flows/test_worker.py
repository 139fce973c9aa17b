"""The README's way to a scheduled day: its own commands, a real server, a worker that is killed and started again."""

import contextlib
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.events.schemas.automations import AutomationCore, EventTrigger
from prefect.states import AwaitingRetry, Scheduled

from configs.settings import PROJECT
from flows.operations.processes import Processes
from flows.operations.surroundings import Surroundings
from flows.score_applications import score_applications
from tasks.publication.manifests import newest_manifest
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project

T = TypeVar("T")
README = (PROJECT / "README.md").read_text("utf-8")
MAKEFILE = (PROJECT / "Makefile").read_text("utf-8")
IMPATIENT = {
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
}
"""How often worker and server look for work, which is every 10 and 5 s by default."""
SCHEDULED = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)  # seven in the morning where the business is


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Operations:
    """What ops have: a terminal and the API behind the UI."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self._api = f"http://127.0.0.1:{port}/api"
        self.place = Surroundings(folder, port)
        self.alarms = folder / "alarms.log"
        self._environment = {
            **os.environ,
            **IMPATIENT,
            "OPERATIONS_FOLDER": str(folder),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self._api,
            "SCORING_ALARMS__PORT": str(free_port()),
            "SCORING_ALARMS__LOG": str(self.alarms),
        }

    def call(self, command: str) -> tuple[int, str]:
        """Exit code and output of a command of the README."""
        assert f"\nmake {command} " in README
        recipe = re.search(rf"^{command}: .*\n\t@\$\(BIN\)/python (.*)$", MAKEFILE, re.MULTILINE)
        assert recipe
        program = [sys.executable, *recipe[1].split()]
        done = subprocess.run(program, cwd=PROJECT, env=self._environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def be_impatient(self) -> None:
        """Let the rule of silent runs wait half as long."""
        with self.prefect() as prefect:
            (rule,) = prefect.read_automations_by_name("credit scoring: a run went silent")
            assert isinstance(rule.trigger, EventTrigger)
            assert rule.trigger.within == timedelta(seconds=90)
            rule.trigger.within = timedelta(seconds=45)
            prefect.update_automation(
                rule.id, AutomationCore.model_validate(rule.model_dump(exclude={"id", "owner_resource"}))
            )

    def pid_of(self, name: str) -> int:
        """Process id of a program; 0 while it does not run."""
        return next(each.pid for each in Processes(self.place).all() if each.name == name)

    def prefect(self) -> SyncPrefectClient:
        return SyncPrefectClient(self._api)

    def run(self, run_id: UUID) -> FlowRun:
        with self.prefect() as prefect:
            return prefect.read_flow_run(run_id)

    def task_states(self, run_id: UUID) -> list[tuple[str, str]]:
        with self.prefect() as prefect:
            done = prefect.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
        return [(re.sub(r"-[0-9a-f]{3}$", "", each.name), str(each.state_name)) for each in done]

    def all_runs(self) -> list[FlowRun]:
        with self.prefect() as prefect:
            return prefect.read_flow_runs()

    def runs_of(self, name: str) -> list[FlowRun]:
        return [each for each in self.all_runs() if each.name == name]

    def made(self) -> list[tuple[str, UUID]]:
        """Names and ids of deployments and automations."""
        with self.prefect() as prefect:
            deployments = [(each.name, each.id) for each in prefect.read_deployments()]
            automations = [(each.name, each.id) for each in prefect.read_automations()]
        return sorted([*deployments, *automations])

    def worker_log(self) -> str:
        return (self.place.log / "worker.log").read_text()


@contextlib.contextmanager
def operations_desk() -> Iterator[Operations]:
    """A desk of its own folder, whose processes end with the block."""
    with tempfile.TemporaryDirectory(prefix="up") as folder:  # a socket's name must be short
        desk = Operations(Path(folder))
        try:
            yield desk
        finally:
            if Processes(desk.place).is_up():
                Processes(desk.place).end_supervisor()


@pytest.fixture
def operations() -> Iterator[Operations]:
    with operations_desk() as desk:
        yield desk


def wait_for(what: Callable[[], T], desk: Operations, *, seconds: float = 600) -> T:
    """The first true value; a run that never comes fails the test with what the worker said."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, desk.worker_log()[-5000:]
        time.sleep(0.5)
    return found


def kill(worker: int) -> None:
    """SIGKILL to the worker and to the flow runs it has started: nobody can say goodbye."""
    for process in [*descendants(worker), worker]:
        os.kill(process, signal.SIGKILL)


def descendants(process: int) -> list[int]:
    """Process ids of all children and theirs, while they live."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [each for child in children for each in (*descendants(int(child)), int(child))]


def published(project: Project) -> list[str]:
    return sorted(path.parent.name for path in (project.root / "revisions").rglob("manifest.json"))


def test_a_scheduled_day_survives_its_worker_and_is_published_once(operations: Operations, project: Project) -> None:
    project.deliver(rows=2000)
    slow = project.with_settings(scoring={"chunk_rows": 2})
    code, told = operations.call("up")
    assert (code, "Everything is up." in told) == (0, True), told
    assert f"UI: {operations.place.ui}" in told
    assert "next: daily at " in told
    before = operations.made(), [each.pid for each in Processes(operations.place).all()]
    code, told = operations.call("up")
    assert (code, "nothing was changed" in told) == (0, True), told
    assert before == (operations.made(), [each.pid for each in Processes(operations.place).all()])

    operations.be_impatient()
    with operations.prefect() as prefect:
        daily = prefect.read_deployment_by_name("score-applications/daily")
        run_id = prefect.create_flow_run_from_deployment(
            daily.id, parameters={"config": slow.config}, state=Scheduled(scheduled_time=SCHEDULED)
        ).id
    screening = ("screen and score applications_1.csv", "Running")
    wait_for(lambda: screening in operations.task_states(run_id), operations)
    wait_for(lambda: "rows screened and scored" in operations.worker_log(), operations)
    assert f"in progress: score-{DAY}-r1, Running" in operations.call("ps")[1]
    killed = operations.pid_of("worker")
    kill(killed)
    assert published(project) == []

    wait_for(lambda: operations.pid_of("worker") not in {0, killed}, operations)
    wait_for(lambda: operations.run(run_id).state_name == "Crashed", operations)
    with operations.prefect() as prefect:
        prefect.set_flow_run_state(run_id, AwaitingRetry(), force=True)
    wait_for(lambda: operations.run(run_id).state_name == "Completed", operations)
    monitored = wait_for(lambda: operations.runs_of(f"monitor-{DAY}"), operations)
    wait_for(lambda: operations.run(monitored[0].id).state_name == "Completed", operations)

    crashed = [line for line in operations.alarms.read_text("utf-8").splitlines() if " | crashed run | " in line]
    assert len(crashed) == 1
    assert f" | score-{DAY}-r1 | day {DAY} | No heartbeat for 90 seconds" in crashed[0]
    assert crashed[0].endswith(f" | {operations.place.ui}/runs/flow-run/{run_id}")
    run = operations.run(run_id)
    assert (run.name, run.run_count) == (f"score-{DAY}-r1", 2)
    assert {"credit-scoring", "scoring", f"{DAY}", "model-1"} <= set(run.tags)
    assert ("pin", "Cached") in operations.task_states(run_id)
    assert published(project) == ["rev=0001"]
    assert len(operations.runs_of(f"monitor-{DAY}")) == 1
    manifest = newest_manifest(FolderStore(project.root), DAY)
    assert manifest
    assert monitored[0].parameters["publication"] == manifest.publication
    assert operations.worker_log().count(f"This run works in {PROJECT}, on the store {project.root}") == 3
    once = hashlib.sha256(project.decisions.read_bytes()).hexdigest()
    assert once == _scored_in_one_go(project)

    code, told = operations.call("down")
    assert (code, "schedules: off, read back" in told) == (0, True), told
    assert "no process is left, and nothing answers" in told
    assert operations.call("down") == (0, "Nothing runs here.\n")
    assert operations.call("ps")[0] == 8


def test_a_port_that_is_taken_is_named_before_anything_starts(operations: Operations) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", operations.place.port))
        other.listen()
        code, told = operations.call("up")
    assert code == 2
    assert f"Port {operations.place.port} of 127.0.0.1 cannot be had" in told
    assert not operations.place.socket.exists()


def _scored_in_one_go(project: Project) -> str:
    elsewhere = project.with_settings(storage={"root": str(project.root.with_name("elsewhere"))})
    Project(elsewhere.config, project.root.with_name("elsewhere")).deliver(rows=2000)
    score_applications.fn(as_of=DAY, config=elsewhere.config)
    path = project.root.with_name("elsewhere") / f"decisions/day={DAY}/decisions.parquet"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_parameter_of_every_deployment_is_explained_in_the_ui() -> None:
    from flows.monitor_decisions import monitor_decisions

    for flow in (score_applications, monitor_decisions):
        explained = flow.parameters.properties
        assert {"as_of", "config"} <= set(explained)
        assert [name for name, each in explained.items() if len(each.get("description", "")) <= 20] == []
