"""A wait for files ends when they can be read, and never later than it may."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.day.arrival import LandingLook, Wait, WaitLimits, duration
from tasks.core.day.control import Announced, Control

DAY = date(2026, 11, 2)
SEVEN = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
LIMITS = WaitLimits(wait_seconds=600, quiet_seconds=60)


def look(*files: str, announced: tuple[str, ...] | None = None, size: int = 1_000_000, at: int = 0) -> LandingLook:
    control = None if announced is None else Control(DAY, {name: Announced(1, "0a") for name in announced})
    entries = {name: (size, SEVEN + timedelta(seconds=at)) for name in files}
    return LandingLook(entries, files, control)


def seen(*looks: tuple[float, LandingLook]) -> Wait:
    """A wait whose landing was empty at first, after these looks at their times."""
    wait = Wait(look())
    for seconds, each in looks:
        wait = wait.then(each, seconds)
    return wait


@pytest.mark.parametrize(("last", "is_quiet"), [(159.9, False), (160.0, True)])
def test_files_are_quiet_after_a_whole_period_without_change(last: float, is_quiet: bool) -> None:
    assert seen((100, look("a.csv")), (last, look("a.csv"))).is_quiet(LIMITS) is is_quiet


@pytest.mark.parametrize("change", [look("a.csv", size=2), look("a.csv", at=1), look("a.csv", "b.csv"), look("b.csv")])
def test_a_change_of_size_time_or_name_begins_the_period_anew(change: LandingLook) -> None:
    wait = seen((100, look("a.csv")), (150, change), (200, change))
    assert (wait.is_quiet(LIMITS), wait.changed_seconds) == (False, 150)
    assert wait.then(change, 210).is_quiet(LIMITS)


def test_a_hidden_file_that_grows_is_a_change() -> None:
    hidden = LandingLook({"a.csv": (1, SEVEN), ".a.csv.part": (5, SEVEN)}, ("a.csv",))
    assert seen((0, look("a.csv", size=1)), (60, hidden)).is_news


def test_an_announced_file_that_is_missing_is_never_quiet() -> None:
    partial = look("a.csv", announced=("a.csv", "b.csv"))
    wait = seen((0, partial), (599, partial))
    assert (wait.is_quiet(LIMITS), wait.is_over(LIMITS), partial.missing) == (False, False, ("b.csv",))
    assert wait.then(partial, 600).is_over(LIMITS)


@pytest.mark.parametrize(("seconds", "is_over"), [(599.9, False), (600.0, True)])
def test_without_a_file_the_wait_is_over_at_its_end(seconds: float, is_over: bool) -> None:
    assert seen((seconds, look())).is_over(LIMITS) is is_over


def test_a_file_that_came_in_time_may_become_quiet_after_the_end_and_one_that_still_grows_may_not() -> None:
    in_time = seen((590, look()), (601, look("a.csv")))
    assert not in_time.is_over(LIMITS)
    assert in_time.then(look("a.csv"), 661).is_quiet(LIMITS)
    assert in_time.then(look("a.csv", size=2), 611).is_over(LIMITS)


def test_names_that_look_the_same_are_the_same() -> None:
    assert look("e\u0301.csv", announced=("\u00e9.csv",)).is_as_announced


@pytest.mark.parametrize(
    ("files", "announced", "is_as_announced", "is_empty"),
    [
        ((), None, False, True),
        ((), (), True, False),
        (("a.csv",), None, False, False),
        (("a.csv",), ("a.csv",), True, False),
        (("a.csv", "b.csv"), ("a.csv",), False, False),
        ((), ("a.csv",), False, False),
    ],
)
def test_files_are_as_announced_if_they_are_those_and_no_others(
    files: tuple[str, ...], announced: tuple[str, ...] | None, is_as_announced: bool, is_empty: bool
) -> None:
    now = look(*files, announced=announced)
    assert (now.is_as_announced, now.is_empty) == (is_as_announced, is_empty)


@pytest.mark.parametrize(
    ("now", "sentence", "failure"),
    [
        (look(), "0 files there, 0.0 MB", "no file came within 10 minutes"),
        (look("a.csv"), "1 file there, 1.0 MB", "1 file there, 1.0 MB, still changing after 10 minutes"),
        (
            look("a.csv", announced=("a.csv", "b.csv", "c.csv")),
            "1 file there, 1.0 MB; missing: b.csv, c.csv",
            "2 announced files did not come within 10 minutes: b.csv, c.csv",
        ),
        (
            look(announced=tuple(f"{n}.csv" for n in range(7))),
            "0 files there, 0.0 MB; missing: 0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 2 others",
            "7 announced files did not come within 10 minutes: 0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 2 others",
        ),
    ],
)
def test_a_wait_is_told_in_names_and_numbers(now: LandingLook, sentence: str, failure: str) -> None:
    assert str(now) == sentence
    assert Wait(now).failure(LIMITS).startswith(failure)
    rests = "; going on once nothing has changed for 1 minute"
    assert Wait(now).sentence(LIMITS) == (sentence + rests if now.files and not now.missing else sentence)


SHORT = WaitLimits(wait_seconds=30, quiet_seconds=5)
LONGEST_PAUSE = 4.0
CONTROLS = st.sampled_from([None, ("a.csv",), ("a.csv", "b.csv")])
LANDINGS = st.just(look()) | st.builds(look, st.sampled_from(["a.csv", "b.csv"]), announced=CONTROLS)
LOOKS = st.lists(st.tuples(st.floats(1, LONGEST_PAUSE), LANDINGS), max_size=50)


@given(LOOKS)
def test_whatever_comes_the_wait_ends_within_its_time_and_one_quiet_period(
    looks: list[tuple[float, LandingLook]],
) -> None:
    wait = Wait(look())
    for pause, each in looks:
        if wait.is_quiet(SHORT) or wait.is_over(SHORT):
            break
        wait = wait.then(each, wait.seconds + pause)
    assert wait.seconds <= SHORT.wait_seconds + SHORT.quiet_seconds + 2 * LONGEST_PAUSE


def test_a_duration_is_told_as_people_say_it() -> None:
    told = [duration(seconds) for seconds in (0, 59, 60, 3600)]
    assert told == ["0 s", "59 s", "1 minute", "60 minutes"]
