"""The flow run around a step, where there is none."""

import logging

import pytest

from tasks.running.context import flow_run_id, is_in_flow_run, run_logger


def test_outside_a_flow_run_the_projects_own_logger_speaks(caplog: pytest.LogCaptureFixture) -> None:
    assert (is_in_flow_run(), flow_run_id()) == (False, None)
    with caplog.at_level(logging.INFO, logger="scoring"):
        run_logger().info("%d rows", 3)
    assert caplog.record_tuples == [("scoring", logging.INFO, "3 rows")]
