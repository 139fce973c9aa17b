"""Advice: all that somebody should do about a day, and nothing if nothing is to be done."""

import pytest

from tasks.core.monitoring.metrics import Level
from tasks.core.reporting.advice import Advice, DayState, advise
from tests.reported_days import AS_OF, state_of, verdict_of

QUIET = verdict_of(verdict="ok", findings=[], quality=[], fairness={})


def test_a_published_day_without_a_finding_needs_nothing() -> None:
    assert advise(AS_OF, state_of(monitoring="ok"), QUIET) == ()


@pytest.mark.parametrize(
    ("published", "words"), [(False, "Nothing is published."), (True, "The published revision stays")]
)
def test_a_refused_day_is_scored_again_when_its_files_are_sound(words: str, *, published: bool) -> None:
    state = state_of(is_refused=True, is_published=published, monitoring="ok" if published else "")
    (advice,) = advise(AS_OF, state, None)
    assert advice.text.startswith(words)
    assert (advice.command, advice.link) == ("scoring score --as-of 2026-11-02", "refused")


@pytest.mark.parametrize(
    ("monitoring", "words"),
    [
        ("not monitored", "not monitored yet"),
        ("damaged", "cannot be read"),
        ("archived", "archived"),
        ("rev 1 only", "an older revision"),
    ],
)
def test_a_day_without_a_verdict_is_monitored(monitoring: str, words: str) -> None:
    (advice,) = advise(AS_OF, state_of(monitoring=monitoring), None)
    assert words in advice.text
    assert advice.command == "scoring monitor --as-of 2026-11-02"


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (state_of(state="behind"), "scoring score --as-of 2026-11-02"),
        (state_of(state="a manifest is missing", is_published=False), "scoring status --verify"),
        (state_of(state="its manifest is damaged", is_published=False), "scoring status --verify"),
        (state_of(state="delivered, not published", is_published=False), "scoring score --as-of 2026-11-02"),
        (state_of(state="withdrawn", monitoring=""), "scoring score --as-of 2026-11-02"),
        (
            state_of(hints=("2 files of corrections waiting",)),
            'scoring score --as-of 2026-11-02 --corrections --reason "..."',
        ),
        (
            state_of(hints=("landing changed: 1 new, 0 gone",)),
            'scoring score --as-of 2026-11-02 --force --reason "..."',
        ),
    ],
)
def test_the_ledger_says_which_command_helps(state: DayState, command: str) -> None:
    assert [each.command for each in advise(AS_OF, state, QUIET)] == [command]


@pytest.mark.parametrize("level", ["watch", "alert", "insufficient"])
def test_the_verdict_says_what_to_do_and_its_remarks_follow(level: Level) -> None:
    found = advise(AS_OF, state_of(monitoring=level), verdict_of(verdict=level))
    assert found == (
        Advice("Look at the columns named first.", link="drift"),
        Advice("Delivery, worth a look: Day: rows received 500; usual is 900 to 1,100."),
    )
