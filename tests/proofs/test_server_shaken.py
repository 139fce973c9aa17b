"""A day whose Prefect server is restarted or whose database is locked: published once, after Retry at the latest."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from prefect.states import AwaitingRetry

from tasks.publication.layout import verdict_key
from tests.conftest import DAY, Project
from tests.flows.test_worker import Operations, operations_desk, published, wait_for
from tests.proofs.evidence import note

LOCKED_SECONDS = 30


@pytest.fixture
def desk() -> Iterator[Operations]:
    """What `make up` starts."""
    with operations_desk() as operations:
        code, told = operations.call("up")
        assert code == 0, told
        yield operations


def kill_the_server(desk: Operations) -> None:
    """SIGKILL to the server; supervisord starts another one."""
    killed = desk.pid_of("prefect-server")
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: desk.pid_of("prefect-server") not in {0, killed}, desk)


def lock_the_database(desk: Operations) -> None:
    """Keep everybody else from writing into Prefect's database for half a minute."""
    with sqlite3.connect(desk.place.folder / "prefect/prefect.db", timeout=60, isolation_level=None) as database:
        database.execute("BEGIN EXCLUSIVE")
        time.sleep(LOCKED_SECONDS)
        database.execute("ROLLBACK")


@pytest.mark.parametrize("shake", [kill_the_server, lock_the_database])
def test_a_day_under_way_is_published_once(
    desk: Operations, project: Project, shake: Callable[[Operations], None]
) -> None:
    project.deliver(rows=1000)
    run_id = begin(desk, project.with_settings(scoring={"chunk_rows": 10}))
    wait_for(lambda: "rows screened and scored" in desk.worker_log(), desk)
    shake(desk)
    ended = wait_for(lambda: ended_as(desk, run_id), desk)
    if ended != "Completed":
        with desk.prefect() as prefect:
            prefect.set_flow_run_state(run_id, AwaitingRetry(), force=True)
        assert wait_for(lambda: ended_as(desk, run_id) == "Completed", desk)
    assert published(project) == ["rev=0001"]
    words = shake.__name__.replace("_", " ")
    note(
        f"shaken-{words.replace(' ', '-')}",
        f"A day under way, and then: {words}",
        "Server and worker of `make up`. The day was published once, by its first attempt or after one Retry.",
        [{"first attempt ended": ended, "revisions": 1}],
    )


def test_a_day_that_no_event_reached_is_judged_by_the_run_that_catches_up(desk: Operations, project: Project) -> None:
    project.deliver(rows=300)
    with desk.prefect() as prefect:
        after = prefect.read_deployment_by_name("monitor-decisions/after-publication")
        prefect.pause_deployment(after.id)
    run_id = begin(desk, project)
    assert wait_for(lambda: ended_as(desk, run_id), desk) == "Completed"
    with desk.prefect() as prefect:
        catch_up = prefect.read_deployment_by_name("monitor-missing-days/catch-up")
        caught = prefect.create_flow_run_from_deployment(
            catch_up.id, parameters={"config": project.config, "grace_minutes": 0}
        ).id
    assert wait_for(lambda: ended_as(desk, caught), desk) == "Completed"
    assert (project.root / verdict_key(DAY)).exists()


def test_publishing_starts_monitoring_within_a_minute(desk: Operations, project: Project) -> None:
    project.deliver(rows=300)
    run_id = begin(desk, project)
    assert wait_for(lambda: ended_as(desk, run_id), desk) == "Completed"
    (monitoring,) = wait_for(lambda: desk.runs_of(f"monitor-{DAY}"), desk)
    scored = desk.run(run_id)
    assert scored.end_time
    assert monitoring.created
    assert monitoring.created - scored.end_time < timedelta(minutes=1)


def begin(desk: Operations, project: Project) -> UUID:
    """Id of a run of the deployment for the test day."""
    with desk.prefect() as prefect:
        daily = prefect.read_deployment_by_name("score-applications/daily")
        parameters = {"as_of": str(DAY), "config": project.config}
        return prefect.create_flow_run_from_deployment(daily.id, parameters=parameters).id


def ended_as(desk: Operations, run_id: UUID) -> str | None:
    """Name of the state in which a run has ended; None while it has not, or while nobody answers."""
    try:
        state = desk.run(run_id).state
    except Exception:  # noqa: BLE001 - the server is away
        return None
    return state.name if state and state.is_final() else None
