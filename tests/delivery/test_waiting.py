"""The wait for real files that appear, grow, are renamed and vanish in a folder, by a clock that the test turns."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.core.day.arrival import Wait, WaitLimits
from tasks.delivery.waiting import look_at_landing, wait_for_delivery
from tasks.errors import SourceError
from tasks.publication.layout import landing_key
from tasks.store import open_store
from tasks.store.folder import FolderStore
from tests.conftest import DAY

ROWS = b"SK_ID_CURR\n1\n"
LIMITS = WaitLimits(wait_seconds=600, quiet_seconds=60)
Event = Callable[[], object]


class Feed:
    """A landing to which a feed delivers at given seconds of the wait."""

    def __init__(self, root: Path) -> None:
        self.store = FolderStore(root)
        self.landing = root / landing_key(DAY)
        self.landing.mkdir(parents=True)
        self.told: list[str] = []
        self._now = 0.0
        self._events: list[tuple[float, Event]] = []

    def at(self, seconds: float, event: Event) -> None:
        self._events.append((seconds, event))

    def write(self, name: str, data: bytes = ROWS) -> None:
        (self.landing / name).write_bytes(data)

    def announce(self, *names: str, day: str = str(DAY), data: bytes = ROWS) -> None:
        files = {name: {"rows": 1, "sha256": hashlib.sha256(data).hexdigest()} for name in names}
        self.write("_control.json", json.dumps({"day": day, "files": files}).encode())

    def wait(self, limits: WaitLimits = LIMITS, *, may_be_empty: bool = False) -> Wait:
        return wait_for_delivery(
            self.store, DAY, limits, may_be_empty=may_be_empty,
            tell=lambda wait: self.told.append(str(wait.look)), clock=lambda: self._now, sleep=self._sleep,
        )  # fmt: skip

    def _sleep(self, seconds: float) -> None:
        self._now += seconds
        due = [each for each in self._events if each[0] <= self._now]
        self._events = [each for each in self._events if each[0] > self._now]
        for _, event in due:
            event()


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    return Feed(tmp_path)


def test_announced_files_that_are_there_end_the_wait_with_the_first_look(feed: Feed) -> None:
    feed.write("a.csv")
    feed.announce("a.csv")
    assert feed.wait().seconds == 0
    assert feed.told == []


def test_announced_files_end_the_wait_as_soon_as_the_last_is_written_whatever_comes_first(feed: Feed) -> None:
    feed.at(30, lambda: feed.announce("a.csv", "b.csv"))
    feed.at(100, lambda: feed.write("b.csv"))
    feed.at(200, lambda: feed.write("a.csv", ROWS[:5]))
    feed.at(240, lambda: feed.write("a.csv"))
    wait = feed.wait()
    assert (wait.seconds, wait.look.files) == (240, ("a.csv", "b.csv"))
    assert list(dict.fromkeys(feed.told)) == [
        "0 files there, 0.0 MB",
        "0 files there, 0.0 MB; missing: a.csv, b.csv",
        "1 file there, 0.0 MB; missing: a.csv",
        "2 files there, 0.0 MB",
    ]


def test_files_that_nothing_announces_are_waited_for_until_they_rest(feed: Feed) -> None:
    for seconds in range(100, 200, 20):
        feed.at(seconds, lambda seconds=seconds: feed.write("a.csv", ROWS * seconds))
    feed.at(210, lambda: feed.write("b.csv"))
    wait = feed.wait()
    assert (wait.seconds, wait.look.files) == (270, ("a.csv", "b.csv"))


def test_a_hidden_copy_that_grows_and_is_renamed_keeps_the_wait_up(feed: Feed) -> None:
    feed.write("a.csv")
    for seconds in range(40, 400, 40):
        feed.at(seconds, lambda seconds=seconds: feed.write(".b.csv.part", ROWS * seconds))
    feed.at(400, lambda: (feed.landing / ".b.csv.part").rename(feed.landing / "b.csv"))
    wait = feed.wait()
    assert (wait.seconds, wait.look.files) == (460, ("a.csv", "b.csv"))


def test_a_copy_that_keeps_the_time_of_its_original_is_new_all_the_same(feed: Feed) -> None:
    def deliver() -> None:
        feed.write("a.csv")
        os.utime(feed.landing / "a.csv", (1_000_000_000, 1_000_000_000))

    feed.at(100, deliver)
    assert feed.wait().seconds == 160


def damaged(feed: Feed) -> None:
    feed.announce("a.csv", data=b"something else")


def of_another_day(feed: Feed) -> None:
    feed.announce("a.csv", day="2026-11-01")


def cut_off(feed: Feed) -> None:
    feed.write("_control.json", b'{"day": "20')


def of_fewer_files(feed: Feed) -> None:
    feed.announce()


@pytest.mark.parametrize("announce", [damaged, of_another_day, cut_off, of_fewer_files])
def test_files_that_contradict_their_control_file_are_left_to_the_next_step_once_they_rest(
    feed: Feed, announce: Callable[[Feed], None]
) -> None:
    feed.write("a.csv")
    announce(feed)
    assert feed.wait().seconds == 60


def test_corrections_and_marks_of_folders_are_not_waited_for(feed: Feed) -> None:
    feed.store.create(f"{landing_key(DAY)}corrections/a.csv", ROWS)
    feed.write(".DS_Store")
    with pytest.raises(SourceError, match="no file came within 10 minutes"):
        feed.wait()


@pytest.mark.parametrize("store", ["folder", "s3"])
def test_a_day_without_files_is_told_with_what_to_do(store: str, feed: Feed, request: pytest.FixtureRequest) -> None:
    if store == "s3":
        from configs.settings import Storage

        feed.store = open_store(Storage(root=request.getfixturevalue("s3_root")))  # type: ignore[assignment]
    place = feed.store.location(landing_key(DAY))
    with pytest.raises(SourceError) as late:
        feed.wait()
    assert str(late.value) == (
        f"The files of {DAY} are not complete in {place}: no file came within 10 minutes. Nothing was published. "
        "Deliver them, and run the day again (Retry in Prefect), which waits anew; landing.wait_minutes says how "
        "long. If none are due, declare the day in configs/calendar.yaml."
    )
    assert late.value.exit_code == 3


def test_an_announced_file_that_does_not_come_is_named(feed: Feed) -> None:
    feed.write("a.csv")
    feed.announce("a.csv", "b.csv")
    with pytest.raises(SourceError, match="1 announced file did not come within 10 minutes: b.csv"):
        feed.wait()


def test_a_file_that_never_rests_ends_the_wait_after_its_time(feed: Feed) -> None:
    def grow(sizes: Iterator[int] = iter(range(1, 10_000))) -> None:  # noqa: B008 - one run of sizes for all calls
        feed.write("a.csv", ROWS * next(sizes))

    for seconds in range(0, 2000, 10):
        feed.at(seconds, grow)
    with pytest.raises(SourceError, match="1 file there, 0.0 MB, still changing after 10 minutes"):
        feed.wait()
    assert len(feed.told) <= 62


def test_where_nobody_need_deliver_nobody_waits_and_what_comes_is_waited_for(feed: Feed) -> None:
    assert feed.wait(may_be_empty=True).seconds == 0
    feed.write("a.csv", ROWS[:3])
    feed.at(10, lambda: feed.write("a.csv"))
    assert feed.wait(may_be_empty=True).seconds == 70


def test_a_file_that_vanishes_while_its_digest_is_taken_does_not_end_the_wait(feed: Feed) -> None:
    feed.write("a.csv", b"unfinished")
    feed.announce("a.csv")
    feed.at(10, lambda: (feed.landing / "a.csv").unlink())
    feed.at(50, lambda: feed.write("a.csv"))
    assert feed.wait().seconds == 50


def test_a_look_on_s3_is_that_of_a_folder(s3_root: str, feed: Feed) -> None:
    from configs.settings import Storage

    bucket = open_store(Storage(root=s3_root))
    feed.write("a.csv")
    feed.announce("a.csv", "b.csv")
    for path in feed.landing.iterdir():
        bucket.create(f"{landing_key(DAY)}{path.name}", path.read_bytes())
    told: list[Any] = [look_at_landing(store, DAY) for store in (feed.store, bucket)]
    assert {(look.files, look.missing, look.size_bytes) for look in told} == {(("a.csv",), ("b.csv",), len(ROWS))}
