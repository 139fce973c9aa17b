"""The Prefect server's side of what runs: work pool, deployments and their schedules, runs and workers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import yaml
from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from configs.settings import PROJECT
from flows.operations.surroundings import Surroundings
from tasks.errors import ConfigError, OrchestratorError
from tasks.running.prefect_api import few_attempts

POOL: Final = "credit-scoring"
_UNDER_WAY: Final = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


class LastSign(NamedTuple):
    """Last sign that a worker gave to the server."""

    name: str
    at: datetime | None
    is_online: bool


class PrefectSide:
    """Things on the server that `up` makes, and `down` switches off."""

    def __init__(self, surroundings: Surroundings) -> None:
        """Nothing is asked yet."""
        self._place = surroundings
        self._deployed = surroundings.run / "deployed.sha256"
        self._switched_off = surroundings.run / "switched_off.json"

    def answers(self) -> bool:
        """True if the server answers a question that needs its database."""
        with few_attempts(), get_client(sync_client=True, httpx_settings={"timeout": 5.0}) as client:
            try:
                return client.api_healthcheck() is None and client.count_flow_runs() >= 0
            except HTTPError:
                return False

    def make_pool(self) -> bool:
        """Make the work pool; False if it is there already."""
        with _asked() as client:
            try:
                client.read_work_pool(POOL)
            except ObjectNotFound:
                client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
                return True
            return False

    def deploy(self) -> bool:
        """Deploy everything that prefect.yaml names; False if nothing has changed since it was deployed.

        Deploying anew would switch on again the schedules that somebody has switched off in the UI.

        Raises:
            ConfigError: `prefect deploy` refused; its own words say why.
        """
        digest = _digest_of_deployments()
        is_same = self._deployed.exists() and self._deployed.read_text() == digest
        if is_same and _names_in_file() <= {each.name for each in self.deployments()}:
            return False
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
        done = subprocess.run(  # noqa: S603 - a program of this environment
            command, cwd=PROJECT, env=os.environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
            raise ConfigError(f"`prefect deploy --all` ended with exit {done.returncode}:\n{said}")
        self._deployed.write_text(digest)
        return True

    def switch_off(self) -> list[str]:
        """Pause every deployment and the work pool, and read back that they are paused.

        Returns:
            Names of the deployments that were not paused before. `switch_on` resumes these alone.

        Raises:
            OrchestratorError: one is still on.
        """
        with _asked() as client:
            running = [each for each in self.deployments() if not each.paused]
            self._switched_off.write_text(json.dumps(sorted({*self._off_by_us(), *(each.name for each in running)})))
            client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
            for each in running:
                client.pause_deployment(each.id)
            still_on = [each.name for each in self.deployments() if not each.paused]
            if still_on or not client.read_work_pool(POOL).is_paused:
                raise OrchestratorError(
                    f"Schedules are still on after they were switched off: {', '.join(still_on) or POOL}. Nothing was "
                    "stopped. Run `make down` again, or pause them in the UI."
                )
        return [each.name for each in running]

    def switch_on(self) -> list[str]:
        """Resume the work pool and the deployments that `switch_off` has paused; returns the names of the latter."""
        if not self._switched_off.exists():
            return []
        names = self._off_by_us()
        with _asked() as client:
            client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))
            resumed = [each for each in self.deployments() if each.paused and each.name in names]
            for each in resumed:
                client.resume_deployment(each.id)
        self._switched_off.unlink()
        return [each.name for each in resumed]

    def deployments(self) -> list[DeploymentResponse]:
        """Deployments on our work pool."""
        ours = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
        with _asked() as client:
            return client.read_deployments(work_pool_filter=ours)

    def under_way(self) -> list[FlowRun]:
        """Runs of our work pool that are in progress."""
        return self._runs(_UNDER_WAY)

    def next_runs(self, count: int = 3) -> list[FlowRun]:
        """Scheduled runs that come next, the soonest first."""
        return self._runs([StateType.SCHEDULED], count)

    def awaited_schedules(self) -> int:
        """Number of deployments whose schedule is on."""
        return sum(
            not each.paused and any(schedule.active for schedule in each.schedules) for each in self.deployments()
        )

    def workers(self) -> list[LastSign]:
        """Workers of our pool, the one with the newest sign first."""
        with _asked() as client:
            workers = client.read_workers_for_work_pool(POOL)
        signs = [LastSign(each.name, each.last_heartbeat_time, each.status == "ONLINE") for each in workers]
        return sorted(signs, key=lambda sign: sign.at.timestamp() if sign.at else 0.0, reverse=True)

    def _runs(self, states: list[StateType], count: int = 200) -> list[FlowRun]:
        of_states = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)))
        ours = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
        soonest = FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC if states == [StateType.SCHEDULED] else FlowRunSort.ID_DESC
        with _asked() as client:
            return client.read_flow_runs(flow_run_filter=of_states, work_pool_filter=ours, sort=soonest, limit=count)

    def _off_by_us(self) -> list[str]:
        if not self._switched_off.exists():
            return []
        names: list[str] = json.loads(self._switched_off.read_text())
        return names


@contextmanager
def _asked() -> Iterator[SyncPrefectClient]:
    """Client of the server. An answer that does not come is an `OrchestratorError`."""
    with get_client(sync_client=True) as client:
        try:
            yield client
        except HTTPError as error:
            raise OrchestratorError(
                f"The Prefect server did not answer as it should: {type(error).__name__}. See its log, then run the "
                "command again; it goes on where it stopped."
            ) from None


def _names_in_file() -> set[str]:
    return {each["name"] for each in yaml.safe_load((PROJECT / "prefect.yaml").read_text("utf-8"))["deployments"]}


def _digest_of_deployments() -> str:
    """Digest of all that `prefect deploy` reads: prefect.yaml, and the flows' parameters."""
    sources: list[Path] = [PROJECT / "prefect.yaml", *sorted((PROJECT / "flows").glob("*.py"))]
    digest = hashlib.sha256(str(PROJECT).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()
