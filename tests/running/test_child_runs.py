"""A process that a run starts is told where Prefect is, and not which run started it."""

import pytest
from prefect import flow
from prefect.client.orchestration import get_client

from tasks.running.child_runs import child_environment


def test_the_variables_that_name_the_run_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "0f1e")
    monkeypatch.setenv("PREFECT_HOME", "/a/home")
    environment = child_environment()
    assert "PREFECT__FLOW_RUN_ID" not in environment
    assert environment["PREFECT_HOME"] == "/a/home"


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_run_names_the_server_that_records_it() -> None:
    with get_client(sync_client=True) as client:
        address = str(client.api_url).rstrip("/")
    assert flow(child_environment)()["PREFECT_API_URL"] == address
