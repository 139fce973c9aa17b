"""The README's way to a scheduled day: its own commands, a real server, a worker that is killed and started again."""

import hashlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.states import AwaitingRetry, Scheduled

from configs.settings import PROJECT
from flows.score_applications import score_applications
from tasks.publication.manifests import newest_manifest
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project

T = TypeVar("T")
README = (PROJECT / "README.md").read_text("utf-8")
IMPATIENT = {
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
}
"""How often worker and server look for work, which is every 10 and 5 s by default."""
SCHEDULED = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)  # seven in the morning where the business is


def commands_of_the_readme(port: int) -> list[list[str]]:
    """The commands under "Run it every day", for this Python and a free port."""
    block = re.search(r"## Run it every day.*?```\n(.*?)```", README, re.DOTALL)
    assert block
    lines = [line.split(" #")[0].strip().replace("4200", str(port)) for line in block[1].splitlines()]
    bin_folder = f"{Path(sys.executable).parent}/"
    return [shlex.split(line.replace(".venv/bin/", bin_folder)) for line in lines if line.startswith(".venv/bin/")]


class Operations:
    """What ops have: a terminal and the API behind the UI."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._api = f"http://127.0.0.1:{port}/api"
        self._environment = {**os.environ, **IMPATIENT, "PREFECT_HOME": str(home), "PREFECT_API_URL": self._api}
        self._home = home
        self._server, *self._set_up, self._worker = commands_of_the_readme(port)

    def set_up(self) -> None:
        assert [command[1] for command in self._set_up] == ["server", "work-pool", "automation", "--no-prompt"]
        automations = PROJECT / "configs/automations.yaml"
        impatient = self._home / "automations.yaml"  # the same rule; the test waits half as long for it
        impatient.write_text(automations.read_text().replace("within: 90", "within: 45"))
        assert impatient.read_text() != automations.read_text()
        for command in self._set_up:
            told = [str(impatient) if word == "configs/automations.yaml" else word for word in command]
            done = subprocess.run(told, cwd=PROJECT, env=self._environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr

    def start_server(self) -> subprocess.Popen[bytes]:
        return self._start(self._server, "server.log")

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self._start(self._worker, "worker.log")

    def _start(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self._home / log).open("ab") as output:
            return subprocess.Popen(
                command, cwd=PROJECT, env=self._environment, stdout=output, stderr=output, start_new_session=True
            )

    def prefect(self) -> SyncPrefectClient:
        return SyncPrefectClient(self._api)

    def run(self, run_id: UUID) -> FlowRun:
        with self.prefect() as prefect:
            return prefect.read_flow_run(run_id)

    def task_states(self, run_id: UUID) -> list[tuple[str, str]]:
        with self.prefect() as prefect:
            done = prefect.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
        return [(re.sub(r"-[0-9a-f]{3}$", "", each.name), str(each.state_name)) for each in done]

    def runs_of(self, name: str) -> list[FlowRun]:
        with self.prefect() as prefect:
            return [each for each in prefect.read_flow_runs() if each.name == name]

    def scheduled_by_itself(self, deployment: UUID) -> bool:
        """Whether the server has made a run from the deployment's schedule."""
        with self.prefect() as prefect:
            runs = prefect.read_flow_runs()
        return any(each.deployment_id == deployment and each.auto_scheduled for each in runs)

    def worker_log(self) -> str:
        return (self._home / "worker.log").read_text()


@pytest.fixture
def operations(tmp_path: Path) -> Iterator[Operations]:
    home = tmp_path / "prefect"
    home.mkdir()
    desk = Operations(home)
    server = desk.start_server()
    try:
        desk.set_up()
        yield desk
    finally:
        kill(server)


def wait_for(what: Callable[[], T], desk: Operations, *, seconds: float = 150) -> T:
    """The first true value; a run that never comes fails the test with what the worker said."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, desk.worker_log()[-5000:]
        time.sleep(0.5)
    return found


def kill(worker: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the worker and to the flow runs it has started: nobody can say goodbye."""
    for process in [*descendants(worker.pid), worker.pid]:
        os.kill(process, signal.SIGKILL)
    worker.wait()


def descendants(process: int) -> list[int]:
    """Process ids of all children and theirs, while they live."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [each for child in children for each in (*descendants(int(child)), int(child))]


def published(project: Project) -> list[str]:
    return sorted(path.parent.name for path in (project.root / "revisions").rglob("manifest.json"))


def test_a_scheduled_day_survives_its_worker_and_is_published_once(operations: Operations, project: Project) -> None:
    project.deliver(rows=2000)
    slow = project.with_settings(scoring={"chunk_rows": 10})
    with operations.prefect() as prefect:
        daily = prefect.read_deployment_by_name("score-applications/daily")
        run_id = prefect.create_flow_run_from_deployment(
            daily.id, parameters={"config": slow.config}, state=Scheduled(scheduled_time=SCHEDULED)
        ).id

    wait_for(lambda: operations.scheduled_by_itself(daily.id), operations)

    worker = operations.start_worker()
    screening = ("screen and score applications_1.csv", "Running")
    wait_for(lambda: screening in operations.task_states(run_id), operations)
    wait_for(lambda: "rows screened and scored" in operations.worker_log(), operations)
    kill(worker)
    assert published(project) == []

    worker = operations.start_worker()
    try:
        wait_for(lambda: operations.run(run_id).state_name == "Crashed", operations)
        with operations.prefect() as prefect:
            prefect.set_flow_run_state(run_id, AwaitingRetry(), force=True)
        wait_for(lambda: operations.run(run_id).state_name == "Completed", operations)
        monitored = wait_for(lambda: operations.runs_of(f"monitor-{DAY}"), operations)
        wait_for(lambda: operations.run(monitored[0].id).state_name == "Completed", operations)
    finally:
        kill(worker)

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
