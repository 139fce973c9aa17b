"""A scoring run as a process worker of Prefect executes it, in a process of its own that can be killed; and its retry.

A worker of Prefect 3.9 prepares the folder and starts `python -m prefect.engine` in it; the run and the flow's
entrypoint stand in the environment.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL
from prefect.states import AwaitingRetry, Crashed, Pending

from configs.settings import PROJECT
from flows.score_applications import score_applications
from tests.conftest import DAY

_ENTRYPOINT: Final = "flows/score_applications.py:score_applications"
_PATIENCE_SECONDS: Final = 180


def create_run(config: str) -> UUID:
    """A new run of the scoring flow, not yet executed."""
    with _client() as prefect:
        return prefect.create_flow_run(score_applications, parameters={"as_of": DAY, "config": config}).id


def start(run_id: UUID, log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Execute a run, or execute it again."""
    path = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), str(PROJECT))))
    told = {
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "PREFECT__FLOW_RUN_ID": str(run_id),
        "PREFECT__FLOW_ENTRYPOINT": _ENTRYPOINT,
        "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
    }
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "prefect.engine"],
            cwd=PROJECT,
            env={**os.environ, **environment, **told, "PYTHONPATH": path},
            stdout=output,
            stderr=output,
        )


def end_of(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a process, negative where a signal ended it."""
    return process.wait(_PATIENCE_SECONDS)


def press_retry(run_id: UUID) -> None:
    """What becomes of a run whose process died: its worker reports it, ops press Retry, and a worker takes it up."""
    with _client() as prefect:
        prefect.set_flow_run_state(run_id, Crashed())
        prefect.set_flow_run_state(run_id, AwaitingRetry(), force=True)
        prefect.set_flow_run_state(run_id, Pending())


def run_of(run_id: UUID) -> FlowRun:
    """The run as the server has it."""
    with _client() as prefect:
        return prefect.read_flow_run(run_id)


def states_of(run_id: UUID) -> set[tuple[str, str]]:
    """Name and state of each step, over all attempts."""
    with _client() as prefect:
        done = prefect.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
    return {(re.sub(r"-[0-9a-f]{3}$", "", each.name), str(each.state_name)) for each in done}


def _client() -> SyncPrefectClient:
    return get_client(sync_client=True)
