"""Days whose files come late, or while the run looks on: real files, real threads, a real Prefect server."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import ArtifactFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry

from flows.score_applications import score_applications
from tasks.errors import InputsChanged, SourceError
from tests.conftest import DAY, Project
from tests.days import delivered, lay

PATIENT: dict[str, Any] = {"wait_minutes": 10, "quiet_seconds": 0.5}
BRIEF: dict[str, Any] = {"wait_minutes": 0.02, "quiet_seconds": 0.3}


def score(project: Project) -> Any:
    return score_applications.fn(as_of=DAY, config=project.config)


def prepared(project: Project, tmp_path: Path) -> Path:
    """The day's files with their control file, at a place from which a feed copies them."""
    project.deliver(rows=60, files=2)
    return Path(shutil.move(project.landing, tmp_path / "feed"))


@contextlib.contextmanager
def copying(source: Path, project: Project, when: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Copy the files piece by piece while the block runs, the control file first.

    It begins `when` the run is seen to wait, or after some minutes, so that no run waits in vain.
    """

    def copy() -> None:
        deadline = time.monotonic() + 300
        while not when() and time.monotonic() < deadline:
            time.sleep(0.2)
        project.landing.mkdir(parents=True)
        for path in sorted(source.iterdir(), key=lambda path: path.name != "_control.json"):
            data = path.read_bytes()
            with (project.landing / path.name).open("wb", buffering=0) as stream:
                for start in range(0, len(data), len(data) // 4 + 1):
                    stream.write(data[start : start + len(data) // 4 + 1])
                    time.sleep(0.1)

    feed = threading.Thread(target=copy)
    feed.start()
    try:
        yield
    finally:
        feed.join()


def test_files_that_are_announced_are_scored_once_the_last_is_whole(project: Project, tmp_path: Path) -> None:
    source = prepared(project, tmp_path)
    patient = project.with_settings(landing={**PATIENT, "quiet_seconds": 3600})
    with copying(source, patient):
        result = score(patient)
    assert (result.outcome, result.manifest.totals.rows) == ("published", 60)
    assert sorted(result.manifest.inputs) == ["applications_1.csv", "applications_2.csv"]
    assert "wait for files" not in result.manifest.step_seconds


def test_files_that_nothing_announces_are_scored_once_they_rest(project: Project) -> None:
    project.deliver(rows=60)
    lay(project, delivered(project))
    assert score(project.with_settings(landing=PATIENT)).outcome == "published"


def test_a_file_that_comes_after_publication_is_refused_at_once_with_the_command_of_a_revision(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.deliver(rows=60)
    lay(project, delivered(project))
    patient = project.with_settings(landing={**PATIENT, "wait_minutes": 1440})
    score(patient)
    lay(project, delivered(project), "applications_2.csv")
    caplog.clear()
    command = f'scoring score --as-of {DAY} --force --reason "..."'
    with caplog.at_level("INFO", "scoring"), pytest.raises(InputsChanged, match="new: applications_2.csv") as late:
        score(patient)
    assert late.value.exit_code == 7
    assert command in str(late.value)
    assert not any("Waiting" in message for message in caplog.messages)


# --- with Prefect


def attempt(project: Project, run: FlowRun) -> Any:
    return run_flow(score_applications, flow_run=run, parameters={"as_of": DAY, "config": project.config})


def bars_beside(run: FlowRun) -> list[tuple[Any, str]]:
    """Length and text of each bar that a run shows."""
    with get_client(sync_client=True) as prefect:
        artifacts = prefect.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id={"any_": [run.id]}))
    return [(each.data, str(each.description)) for each in artifacts if each.key == f"waiting-{DAY}"]


@pytest.mark.usefixtures("prefect_server")
def test_a_retried_run_waits_anew_and_shows_it(project: Project, tmp_path: Path) -> None:
    source = prepared(project, tmp_path)
    brief, patient = (project.with_settings(landing=landing) for landing in (BRIEF, PATIENT))
    with get_client(sync_client=True) as prefect:
        run = prefect.create_flow_run(score_applications, parameters={"as_of": DAY, "config": brief.config})
    with pytest.raises(SourceError, match="no file came within 1.2 s"):
        attempt(brief, run)
    ((percent, told),) = bars_beside(run)
    assert percent == 100
    assert "no file came within 1.2 s" in told
    with get_client(sync_client=True) as prefect:
        prefect.set_flow_run_state(run.id, AwaitingRetry(), force=True)
        run = prefect.read_flow_run(run.id)
    with copying(source, patient, when=lambda: len(bars_beside(run)) == 2):
        assert attempt(patient, run).outcome == "published"
    (told,) = (told for _, told in bars_beside(run) if told.startswith("Waited "))
    assert told.endswith(": 2 files there, 0.0 MB")


def run_of_a_schedule(project: Project) -> FlowRun:
    """A run that the server has made from the schedule of a deployment, for a moment that has passed."""
    daily = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 7 * * *", timezone="Europe/Prague"))
    now = datetime.now(UTC)
    period = {"start_time": (now - timedelta(days=3)).isoformat(), "end_time": (now - timedelta(days=1)).isoformat()}
    with get_client(sync_client=True) as prefect:
        deployment = prefect.create_deployment(
            flow_id=prefect.create_flow(score_applications),
            name=project.root.parent.name,
            schedules=[daily],
            parameters={"as_of": str(DAY), "config": project.config},
        )
        prefect.request("POST", f"/deployments/{deployment}/schedule", json={**period, "min_runs": 1, "max_runs": 1})
        runs = [each for each in prefect.read_flow_runs() if each.deployment_id == deployment]
    return min(runs, key=lambda run: str(run.expected_start_time))


@pytest.mark.usefixtures("prefect_server")
def test_a_run_of_a_schedule_waits_without_being_told_and_one_that_somebody_starts_does_not(
    project: Project, tmp_path: Path
) -> None:
    source = prepared(project, tmp_path)
    with pytest.raises(SourceError, match="No application files have arrived"):
        score_applications(as_of=DAY, config=project.config)
    run = run_of_a_schedule(project)
    with copying(source, project, when=lambda: len(bars_beside(run)) == 1):
        assert attempt(project, run).outcome == "published"
    assert len(bars_beside(run)) == 1
