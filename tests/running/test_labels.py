"""A run is found by its name and its tags."""

import pytest
from prefect import flow, tags
from prefect.client.orchestration import get_client

from tasks.running.labels import label_run


def test_outside_a_flow_run_nothing_is_labelled() -> None:
    label_run(tags=["2026-11-02"], name="score-2026-11-02-r1")


@pytest.mark.usefixtures("prefect_server")
def test_a_run_keeps_its_tags_and_gets_more_and_a_name() -> None:
    @flow(flow_run_name="score")
    def label() -> None:
        label_run(tags=["2026-11-02"])
        label_run(tags=["model-1"], name="score-2026-11-02-r1")

    with tags("credit-scoring"):
        run_id = label(return_state=True).state_details.flow_run_id
    assert run_id
    with get_client(sync_client=True) as prefect:
        run = prefect.read_flow_run(run_id)
    assert (run.name, set(run.tags)) == ("score-2026-11-02-r1", {"credit-scoring", "2026-11-02", "model-1"})
