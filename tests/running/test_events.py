"""What is shown in the Prefect UI never decides about a run."""

import pytest
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from tasks.running.events import never_in_the_way


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


@pytest.mark.parametrize(("of_the_settings", "tried_again"), [(5, 1), (1, 1), (0, 0)])
def test_a_request_on_which_no_run_depends_is_tried_twice_at_most(of_the_settings: int, tried_again: int) -> None:
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: of_the_settings}):
        with never_in_the_way("table"):
            assert PREFECT_CLIENT_MAX_RETRIES.value() == tried_again
        assert PREFECT_CLIENT_MAX_RETRIES.value() == of_the_settings
