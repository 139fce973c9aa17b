"""What is shown in the Prefect UI never decides about a run."""

import pytest
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from tasks.running.events import never_in_the_way
from tasks.running.flows import flow


def test_an_error_becomes_a_warning_that_repeats_nothing_of_its_message(caplog: pytest.LogCaptureFixture) -> None:
    with never_in_the_way("event day.published"):
        raise ValueError("AMT_INCOME_TOTAL was 271828")
    assert caplog.messages == ["The event day.published could not be sent: ValueError"]


def test_the_warning_says_what_was_not_done(caplog: pytest.LogCaptureFixture) -> None:
    with never_in_the_way("page of 2026-11-02", done="written"):
        raise ValueError
    assert caplog.messages == ["The page of 2026-11-02 could not be written: ValueError"]


def test_what_succeeds_is_silent_and_the_end_of_the_program_is_not_held_up(caplog: pytest.LogCaptureFixture) -> None:
    with never_in_the_way("table"):
        done = True
    assert done
    with pytest.raises(KeyboardInterrupt), never_in_the_way("table"):
        raise KeyboardInterrupt
    assert caplog.messages == []


@pytest.mark.usefixtures("prefect_server")
def test_in_a_flow_run_a_request_on_which_no_run_depends_is_tried_twice_at_most() -> None:
    tried_again = []

    @flow(name="shows-a-table")
    def shows_a_table() -> None:
        with never_in_the_way("table"):
            tried_again.append(PREFECT_CLIENT_MAX_RETRIES.value())

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 5}):
        shows_a_table()
    assert tried_again == [1]
