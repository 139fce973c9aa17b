"""Days of a plan are done by processes; whatever becomes of one, the others are done, and the worst is told."""

import sys
import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from configs.calendar import Calendar
from configs.settings import Settings, Storage
from tasks.errors import ExpectationsNotMet, InputsChanged, PublishError, ScoringError, SourceError
from tasks.operations.backfill import BackfilledDay, backfill, day_line, days_done, require_done, worst_error
from tasks.operations.backfill_plan import Asked, BackfillPlan, PlannedDay, planned_by
from tasks.publication.layout import landing_key
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import commit_revision

CALENDAR = Calendar(zone="UTC", weekend=(), holidays={}, zero_row_days={})
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def planned(root: Path, *, delivered: int, last: int | None = None) -> tuple[BackfillPlan, Settings]:
    """Plan of the first days from the test day on, of which so many were delivered."""
    store, settings = FolderStore(root), Settings(storage=Storage(root=str(root)))
    for n in range(delivered):
        store.create(f"{landing_key(DAY + timedelta(days=n))}a.csv", b"rows")
    asked = Asked(DAY, DAY + timedelta(days=(last or delivered) - 1))
    return planned_by(asked, store, CALENDAR, str(root), NOW), settings


def ends(words: str, code: int) -> list[str]:
    """Command that writes words on standard error and ends with a code."""
    return [sys.executable, "-c", f"import sys; print({words!r}, file=sys.stderr); sys.exit({code})"]


def test_a_day_that_fails_holds_up_no_other_and_tells_its_error(tmp_path: Path) -> None:
    plan, settings = planned(tmp_path, delivered=4, last=5)
    commands = {
        2: ends("07:00:01  2 files arrived\nExpectationsNotMet: 3 rules\nare not met.", 4),
        3: ends("", 0),
        4: ends("Traceback\n  ...\nValueError: a value of somebody", 1),
        5: [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"],
    }
    done = backfill(plan, lambda day: [commands[day.as_of.day]], settings)
    assert [(day.as_of.day, day.outcome, day.exit_code) for day in done] == [
        (2, "failed", 4), (3, "no applications", 0), (4, "failed", 1), (5, "failed", 1), (6, "nothing came", 3),
    ]  # fmt: skip
    assert done[0].told == "ExpectationsNotMet: 3 rules are not met."
    assert "somebody" not in done[2].told
    assert done[3].told == "its process was ended by signal 9"
    assert done[4].told == "missing: ask the feed for its files"


def test_the_first_command_that_fails_is_the_last_of_its_day(tmp_path: Path) -> None:
    plan, settings = planned(tmp_path, delivered=1)
    mark = tmp_path / "mark"
    touch = [sys.executable, "-c", f"open({str(mark)!r}, 'x')"]
    (day,) = backfill(plan, lambda day: [touch, ends("SourceError: cut off", 3), ends("never", 0)], settings)
    assert mark.exists()
    assert (day.outcome, day.told, day.exit_code) == ("failed", "SourceError: cut off", 3)


def test_a_day_that_changed_since_the_plan_is_named_and_left_out(tmp_path: Path) -> None:
    plan, settings = planned(tmp_path, delivered=2)
    FolderStore(tmp_path).create(f"{landing_key(DAY)}b.csv", b"more rows")
    changed, other = backfill(plan, lambda day: [ends("", 0)], settings)
    assert (changed.outcome, changed.exit_code) == ("left out", InputsChanged.exit_code)
    assert changed.told == "its landing has changed since the plan; make a new plan"
    assert other.outcome == "no applications"


def test_a_day_that_was_published_since_the_plan_is_done_and_nothing_is_run(tmp_path: Path) -> None:
    plan, settings = planned(tmp_path, delivered=1)
    commit_revision(FolderStore(tmp_path))
    (day,) = backfill(plan, lambda day: [ends("PublishError: ran twice", 6)], settings)
    assert (day.outcome, day.exit_code) == ("done before", 0)


def test_what_was_published_is_told_though_a_later_command_failed(tmp_path: Path) -> None:
    plan, settings = planned(tmp_path, delivered=1)

    def commands(_: PlannedDay) -> Iterable[list[str]]:
        commit_revision(FolderStore(tmp_path))
        yield ends("InputsChanged: not monitored", 7)

    (day,) = backfill(plan, commands, settings)
    assert (day.outcome, day.told, day.exit_code) == ("published", "revision 1; InputsChanged: not monitored", 7)


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_days_are_in_work_at_a_time_than_was_said(tmp_path: Path, at_once: int) -> None:
    plan, settings = planned(tmp_path / "store", delivered=5)
    lock, most = threading.Lock(), [0]
    working: set[date] = set()

    def commands(day: PlannedDay) -> Iterable[list[str]]:
        with lock:
            working.add(day.as_of)
            most[0] = max(most[0], len(working))
        yield ends("", 0)
        yield [sys.executable, "-c", ""]
        with lock:
            working.discard(day.as_of)

    assert len(backfill(plan, commands, settings, at_once)) == 5
    assert most[0] <= at_once


def test_an_interrupted_backfill_ends_what_it_has_begun(tmp_path: Path) -> None:
    plan, settings = planned(tmp_path / "store", delivered=3)
    mark = tmp_path / "mark"
    is_begun = threading.Event()

    def commands(day: PlannedDay) -> Iterable[list[str]]:
        if day.as_of == DAY:
            is_begun.wait()
            raise KeyboardInterrupt
        is_begun.set()
        yield [sys.executable, "-c", f"import time; time.sleep(600); open({str(mark)!r}, 'x')"]

    with pytest.raises(KeyboardInterrupt):
        backfill(plan, commands, settings, at_once=2)
    assert not mark.exists()


def test_json_lines_of_the_days_are_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCORING_LOG", "json")
    plan, settings = planned(tmp_path, delivered=1)
    backfill(plan, lambda day: [ends('{"step": "arrive"}\nSourceError: cut off', 3)], settings)
    assert '{"step": "arrive"}' in capsys.readouterr().err.splitlines()


# --- what is told in the end


def ended(code: int, day: date = DAY) -> BackfilledDay:
    return BackfilledDay(day, "failed" if code else "published", "as told", code, 12.3)


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        ((0, 0), None),
        ((0, 3), SourceError),
        ((3, 4), ExpectationsNotMet),
        ((7, 4), InputsChanged),
        ((7, 6, 3), PublishError),
        ((6, 1), ScoringError),
    ],
)
def test_the_gravest_error_is_that_of_the_backfill(codes: tuple[int, ...], error: type[ScoringError] | None) -> None:
    days = [ended(code) for code in codes]
    assert worst_error(days) is error
    if error is None:
        require_done(days)
    else:
        with pytest.raises(error, match=f"{sum(map(bool, codes))} of {len(codes)} days could not be done"):
            require_done(days)


def test_every_day_is_told_in_a_line() -> None:
    assert day_line(ended(0)) == "2026-11-02  published       12 s  as told"
    assert day_line(ended(4)) == "2026-11-02  failed          12 s  as told (exit 4)"
    assert days_done([ended(0), ended(4)]).count("\n") == 1
