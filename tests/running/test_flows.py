"""Flows with Prefect around them, and without."""

import subprocess
import sys

from prefect import Flow

from tasks.running.flows import flow

WITHOUT_PREFECT = """
import sys
from tasks.running.context import flow_run_id, is_in_flow_run
from tasks.running.flows import flow

@flow(name="double", flow_run_name="doubling")
def double(number: int) -> int:
    return 2 * number

print(double.fn(21), is_in_flow_run(), flow_run_id(), "prefect" in sys.modules)
print(double.name, double.flow_run_name, type(double.with_options()).__name__, "prefect" in sys.modules)
"""


@flow(name="double", flow_run_name="doubling")
def double(number: int) -> int:
    return 2 * number


def test_the_plain_function_needs_no_prefect_and_anything_else_is_prefects() -> None:
    call = [sys.executable, "-c", WITHOUT_PREFECT]
    told = subprocess.run(call, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == ["42 False None False", "double doubling Flow True"]


def test_where_prefect_is_imported_a_flow_is_one_of_prefect_as_an_entrypoint_must_be() -> None:
    assert isinstance(double, Flow)
    assert (double.name, double.flow_run_name, double.fn(21)) == ("double", "doubling", 42)


def test_every_flow_beats_keeps_no_result_and_is_not_tried_again() -> None:
    ends = (double.on_completion_hooks, double.on_failure_hooks, double.on_crashed_hooks, double.on_cancellation_hooks)
    assert [len(hooks) for hooks in (double.on_running_hooks, *ends)] == [1, 1, 1, 1, 1]
    assert (double.retries, double.persist_result, double.log_prints) == (0, False, False)
