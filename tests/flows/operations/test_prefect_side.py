"""Schedules are switched off and on again on a real server; what somebody else paused stays paused."""

from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from flows.operations.prefect_side import POOL, PrefectSide
from flows.operations.surroundings import Surroundings

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def side(tmp_path: Path) -> PrefectSide:
    place = Surroundings(tmp_path, 4200)
    place.run.mkdir()
    return PrefectSide(place)


def deployed(name: str, *, paused: bool = False) -> UUID:
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("test-prefect-side")
        return client.create_deployment(flow, name, work_pool_name=POOL, paused=paused)


def is_paused(deployment: UUID) -> bool:
    with get_client(sync_client=True) as client:
        return client.read_deployment(deployment).paused


def test_schedules_go_off_and_those_that_were_on_come_back(side: PrefectSide) -> None:
    assert PREFECT_API_URL.value()
    side.make_pool()
    assert not side.make_pool()
    on, off = deployed("on"), deployed("off", paused=True)
    assert "on" in side.switch_off()
    assert is_paused(on)
    with get_client(sync_client=True) as client:
        assert client.read_work_pool(POOL).is_paused
    assert side.switch_off() == []  # again: what was on is remembered all the same
    assert "on" in side.switch_on()
    assert (is_paused(on), is_paused(off)) == (False, True)
    with get_client(sync_client=True) as client:
        assert not client.read_work_pool(POOL).is_paused
    assert side.switch_on() == []


def test_a_run_in_progress_is_seen_and_a_scheduled_one_comes_next(side: PrefectSide) -> None:
    from prefect.states import Running, Scheduled

    side.make_pool()
    deployment = deployed("seen")
    with get_client(sync_client=True) as client:
        running = client.create_flow_run_from_deployment(deployment, state=Running())
        scheduled = client.create_flow_run_from_deployment(deployment, state=Scheduled())
    assert running.id in {each.id for each in side.under_way()}
    assert scheduled.id in {each.id for each in side.next_runs(100)}
    assert running.id not in {each.id for each in side.next_runs(100)}
