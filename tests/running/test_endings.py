"""A run that an error of ours ends tells it in one line; the caller gets the error, and no log its traceback."""

from datetime import date
from typing import Any

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client

from flows.options import runnable
from tasks.errors import ScoringError, SourceError
from tasks.running.endings import ends_in_a_line
from tasks.running.flows import flow
from tasks.running.step import step

LINE = "Exit 3, data owner: No files of 2026-11-02. Deliver them."


@step("list files")
def list_files(as_of: date) -> int:
    """Fail as a step without files does; a day of 2025 has three, and one of 2024 is a fault of the program."""
    if as_of.year > 2025:
        raise SourceError(f"No files of {as_of}.\n Deliver them.")
    return 3 // (as_of.year - 2024)


@ends_in_a_line(lambda n: f"Exit 0: {n} files")
def count_files(as_of: date) -> int:
    """Count the files of a day.

    Args:
        as_of: the day.
    """
    return list_files(as_of)


COUNT: Flow[..., Any] = flow(name="count-files")(count_files)


def test_outside_a_flow_run_the_function_is_a_plain_one() -> None:
    assert count_files(date(2025, 1, 1)) == 3
    with pytest.raises(SourceError, match="No files of 2026-11-02"):
        count_files(date(2026, 11, 2))


def test_the_parameters_are_those_of_the_function_with_their_descriptions() -> None:
    assert COUNT.parameters.properties["as_of"]["description"] == "the day."
    assert COUNT.parameters.properties["as_of"]["format"] == "date"


@pytest.mark.usefixtures("prefect_server")
class TestOnAServer:
    @pytest.mark.parametrize("is_command", [False, True], ids=["a flow", "a command"])
    def test_an_error_of_ours_reaches_the_caller_and_no_log_has_its_traceback(
        self, is_command: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        start = runnable(COUNT, without_prefect=False) if is_command else COUNT
        with pytest.raises(SourceError, match="No files of 2026-11-02") as raised:
            start(as_of=date(2026, 11, 2))
        assert raised.value.exit_code == 3
        assert [record for record in caplog.records if record.exc_info] == []

    def test_the_final_state_is_the_line(self) -> None:
        failed: Any = COUNT(as_of=date(2026, 11, 2), return_state=True)
        done: Any = COUNT(as_of=date(2025, 1, 1), return_state=True)
        with get_client(sync_client=True) as prefect:
            states = [prefect.read_flow_run(each.state_details.flow_run_id).state for each in (failed, done)]
        assert [(each.name, each.message) for each in states if each] == [
            ("Failed", LINE), ("Completed", "Exit 0: 3 files"),
        ]  # fmt: skip
        assert done.result() == 3

    def test_a_result_is_given_to_the_caller_as_it_is(self) -> None:
        assert COUNT(as_of=date(2025, 1, 1)) == 3
        assert runnable(COUNT, without_prefect=False)(as_of=date(2025, 1, 1)) == 3

    def test_a_fault_of_the_program_keeps_its_traceback(self, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(ZeroDivisionError):
            COUNT(as_of=date(2024, 1, 1))
        assert [record for record in caplog.records if record.exc_info] != []

    def test_inside_another_flow_the_plain_function_stays_one(self) -> None:
        @flow(name="another")
        def others() -> str:
            try:
                return f"{count_files(date(2026, 11, 2))}"
            except ScoringError as error:
                return type(error).__name__

        assert others() == "SourceError"
