"""A plan names each day that is asked for with its reason, and notices what has changed since."""

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from configs.calendar import Calendar
from configs.settings import Settings, Storage
from tasks.errors import ConfigError
from tasks.operations.backfill_plan import (
    Asked,
    BackfillPlan,
    PlannedDay,
    Seen,
    change_since,
    plan_table,
    planned_by,
    read_plan,
    read_request,
)
from tasks.publication.layout import decisions_key, landing_key, manifest_key, refused_report_key
from tasks.publication.shown import show_newest
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import commit_revision

WEEK = (DAY, DAY + timedelta(days=6))
NOW = datetime(2026, 11, 9, 12, tzinfo=UTC)
PRAGUE = Calendar(zone="Europe/Prague", weekend=("saturday", "sunday"), holidays={}, zero_row_days={})
WHY = "the cut-off was wrong"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


SETTINGS = Settings(storage=Storage(root="the store"))


def plan(store: FolderStore, asked: Asked, now: datetime = NOW) -> BackfillPlan:
    return planned_by(asked, store, PRAGUE, "the store", now)


def deliver(store: FolderStore, day: date, text: bytes = b"rows", name: str = "a.csv") -> None:
    store.create(landing_key(day) + name, text)


def publish(store: FolderStore, revision: int = 1, **changes: Any) -> None:
    """Commit a revision of the test day, and show it to readers."""
    commit_revision(store, revision, **changes)
    show_newest(store, DAY, lambda key: None)


def days_of(made: BackfillPlan) -> list[tuple[int, str, str]]:
    return [(day.as_of.day, day.action, day.why.partition(" (")[0]) for day in made.days]


def fill(store: FolderStore) -> None:
    """A week: Monday published, Tuesday delivered, Wednesday refused; of Thursday and Friday nothing came."""
    for day in range(3):
        deliver(store, DAY + timedelta(days=day))
    publish(store)
    store.create(refused_report_key(DAY + timedelta(days=2)), b"{}")


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        (
            Asked(*WEEK),
            [
                (3, "publish", "delivered, not published"),
                (5, "ask the feed", "missing"),
                (6, "ask the feed", "missing"),
            ],
        ),
        (Asked(*WEEK, only="failed"), [(4, "publish", "refused by the contract")]),
        (
            Asked(*WEEK, only="all", pins="current", reason=WHY),
            [
                (2, "revise", "published"),
                (3, "publish", "delivered, not published"),
                (4, "publish", "refused by the contract"),
                (5, "ask the feed", "missing"),
                (6, "ask the feed", "missing"),
            ],
        ),
        (Asked(DAY, DAY), []),
    ],
)
def test_each_day_that_is_asked_for_is_planned_with_its_reason(
    store: FolderStore, asked: Asked, days: list[tuple[int, str, str]]
) -> None:
    fill(store)
    assert days_of(plan(store, asked)) == days


def test_the_days_that_are_left_out_are_counted_by_their_state(store: FolderStore) -> None:
    fill(store)
    assert plan(store, Asked(*WEEK)).others == {"published": 1, "refused by the contract": 1}


def test_a_day_that_readers_do_not_see_has_failed(store: FolderStore) -> None:
    commit_revision(store)
    assert days_of(plan(store, Asked(DAY, DAY, only="failed"))) == [(2, "publish", "behind")]
    store.delete(manifest_key(DAY, 1))
    store.create(decisions_key(DAY), b"PAR1")
    assert days_of(plan(store, Asked(DAY, DAY, only="failed"))) == [(2, "restore", "a manifest is missing")]


def test_a_weekend_day_is_planned_only_if_something_came(store: FolderStore) -> None:
    saturday = DAY + timedelta(days=5)
    assert days_of(plan(store, Asked(saturday, saturday))) == []
    deliver(store, saturday)
    assert days_of(plan(store, Asked(saturday, saturday))) == [(7, "publish", "delivered, not published")]


@pytest.mark.parametrize("night", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 4)])
@pytest.mark.parametrize("zone", ["Europe/Prague", "America/New_York", "UTC"])
def test_days_of_every_length_are_planned_once(store: FolderStore, night: date, zone: str) -> None:
    calendar = Calendar(zone=zone, weekend=(), holidays={}, zero_row_days={})
    asked = Asked(night - timedelta(days=2), night + timedelta(days=2))
    now = datetime.combine(night + timedelta(days=30), datetime.min.time(), UTC)
    made = planned_by(asked, store, calendar, "the store", now)
    assert [day.as_of - night for day in made.days] == [timedelta(days=n) for n in range(-2, 3)]


@pytest.mark.parametrize(
    ("now", "missing"),
    [
        ("2026-11-03T22:59:59+00:00", [2]),  # a minute to midnight in Prague: the 3rd may still come
        ("2026-11-03T23:00:00+00:00", [2, 3]),
        ("2026-11-04T00:30:00+01:00", [2, 3]),
        ("2026-11-03T18:00:00-05:00", [2, 3]),  # the machine's clock is another one
    ],
)
def test_today_is_not_missing_before_midnight_by_the_clock_of_the_business(
    store: FolderStore, now: str, missing: list[int]
) -> None:
    made = plan(store, Asked(*WEEK), datetime.fromisoformat(now))
    assert [day.as_of.day for day in made.days] == missing


@effort(max_examples=30)
@given(st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)), st.sampled_from(["missing", "failed", "all"]))
def test_a_plan_is_the_asked_part_of_the_range_in_order(
    tmp_path_factory: pytest.TempPathFactory, delivered: set[int], refused: set[int], only: Any
) -> None:
    store = FolderStore(tmp_path_factory.mktemp("store"))
    for n in delivered:
        deliver(store, DAY + timedelta(days=n))
    for n in delivered & refused:
        store.create(refused_report_key(DAY + timedelta(days=n)), b"{}")
    made = plan(store, Asked(DAY, DAY + timedelta(days=20), only), NOW + timedelta(days=60))
    days = [day.as_of for day in made.days]
    assert days == sorted(set(days))
    came = {DAY + timedelta(days=n) for n in delivered}
    stopped = {DAY + timedelta(days=n) for n in delivered & refused}
    expected = {"missing": came - stopped, "failed": stopped, "all": came}[only]
    assert {day.as_of for day in made.days if day.action == "publish"} == expected
    demanded = sum((DAY + timedelta(days=n)).weekday() < 5 for n in range(21))
    assert len(days) + sum(made.others.values()) >= demanded


# --- the plan as a file


def test_a_plan_survives_its_file(store: FolderStore, tmp_path: Path) -> None:
    fill(store)
    made = plan(store, Asked(*WEEK, only="all", pins="as-was", reason=WHY))
    file = tmp_path / "plan.json"
    file.write_text(made.to_json())
    assert read_plan(str(file), SETTINGS) == made
    assert "a.csv" not in made.to_json()


def spoil(field: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update({field: value})


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        (
            spoil("days", [{"as_of": "2026-11-02"}]),
            r"is not a plan of a backfill; wrong or missing there: days.0.action",
        ),
        (spoil("only", "some"), "wrong or missing there: only"),
        (spoil("plan_version", "9"), "plan_version is not 1"),
        (spoil("store", "/another/store"), "is a plan for the store /another/store; these settings name"),
    ],
)
def test_a_file_that_is_no_plan_of_this_store_is_refused(
    store: FolderStore, tmp_path: Path, spoiled: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = json.loads(plan(store, Asked(*WEEK)).to_json())
    spoiled(content)
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=message):
        read_plan(str(file), SETTINGS)


def test_a_file_that_is_not_there_or_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory. Make it anew: scoring backfill"):
        read_plan(str(tmp_path / "nowhere"), SETTINGS)
    (tmp_path / "plan.json").write_text("2 days of 2026 to do")
    with pytest.raises(ConfigError, match="it is not JSON. Make it anew"):
        read_plan(str(tmp_path / "plan.json"), SETTINGS)


def test_a_table_tells_range_days_and_what_is_left_out(store: FolderStore) -> None:
    fill(store)
    assert plan_table(plan(store, Asked(*WEEK))).splitlines() == [
        "3 days of 2026-11-02 to 2026-11-08 to do (missing)",
        "  2026-11-03  publish      delivered, not published",
        "  2026-11-05  ask the feed missing",
        "  2026-11-06  ask the feed missing",
        "  Not in the plan: 1 published, 1 refused by the contract",
    ]
    again = plan(store, Asked(DAY, DAY, only="all", pins="as-was", reason=WHY))
    assert "(all, published ones by their own model, policy and contract)" in plan_table(again)


# --- what changed since


def only_day(made: BackfillPlan) -> PlannedDay:
    (day,) = made.days
    return day


def test_a_day_that_stands_as_planned_has_not_changed(store: FolderStore) -> None:
    deliver(store, DAY)
    made = plan(store, Asked(DAY, DAY))
    assert change_since(only_day(made), made, store) is None


@pytest.mark.parametrize("name", ["b.csv", "_control.json", "corrections/c.csv"])
def test_whatever_comes_into_the_landing_is_a_change(store: FolderStore, name: str) -> None:
    deliver(store, DAY)
    made = plan(store, Asked(DAY, DAY))
    deliver(store, DAY, name=name)
    change = change_since(only_day(made), made, store)
    assert change == ("its landing has changed since the plan", False)


def test_a_file_of_the_same_size_that_was_written_again_is_a_change(store: FolderStore, tmp_path: Path) -> None:
    deliver(store, DAY)
    made = plan(store, Asked(DAY, DAY))
    os.utime(tmp_path / landing_key(DAY) / "a.csv", (1, 1))
    assert change_since(only_day(made), made, store) == ("its landing has changed since the plan", False)


def test_a_missing_day_that_was_published_since_is_done(store: FolderStore) -> None:
    deliver(store, DAY)
    made = plan(store, Asked(DAY, DAY))
    publish(store)
    assert change_since(only_day(made), made, store) == ("revision 1 was published since the plan", True)
    publish(store, 2)
    assert change_since(only_day(made), made, store) == ("revision 2 was published since the plan", False)


@pytest.mark.parametrize(("reason", "is_done"), [(WHY, True), ("another one", False), (None, False)])
def test_a_revised_day_is_done_if_its_next_revision_has_the_reason_of_the_plan(
    store: FolderStore, reason: str | None, is_done: bool
) -> None:
    deliver(store, DAY)
    publish(store)
    made = plan(store, Asked(DAY, DAY, only="all", pins="current", reason=WHY))
    publish(store, 2, reason=reason)
    assert change_since(only_day(made), made, store) == ("revision 2 was published since the plan", is_done)


def test_revisions_that_are_gone_or_damaged_are_a_change(store: FolderStore, tmp_path: Path) -> None:
    publish(store)
    made = plan(store, Asked(DAY, DAY, only="all", pins="current", reason=WHY))
    (tmp_path / manifest_key(DAY, 1)).write_text("{}")
    change = change_since(only_day(made), made, store)
    assert change == ("its revisions are not those that the plan saw", False)


def test_the_state_that_a_plan_saw_names_revision_and_publication(store: FolderStore) -> None:
    publish(store)
    made = plan(store, Asked(DAY, DAY, only="all", pins="current", reason=WHY))
    seen = only_day(made).seen
    assert seen.revision == 1
    assert seen.publication
    assert seen == Seen(seen.landing, 1, seen.publication)


# --- what is asked


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"last": None}, "Which days"),
        ({"first": None}, "Which days"),
        ({"first": WEEK[1], "last": WEEK[0]}, "ends on 2026-11-02, before it begins on 2026-11-08"),
        ({"only": "all"}, "say by which model, policy and contract"),
        ({"only": "all", "pins": "current", "reason": " "}, "say by which model, policy and contract"),
        ({"only": "all", "reason": WHY}, "say by which model, policy and contract"),
        ({"pins": "as-was"}, "missing takes no day that readers see"),
        ({"only": "failed", "reason": WHY}, "failed takes no day that readers see"),
    ],
)
def test_a_request_that_cannot_be_understood_says_what_to_give(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_request(**{"first": WEEK[0], "last": WEEK[1]} | asked)


def test_a_request_keeps_its_reason_without_blanks() -> None:
    assert read_request(*WEEK, "all", "as-was", f" {WHY}\n") == Asked(*WEEK, "all", "as-was", WHY)
    assert read_request(*WEEK, reason="  ") == Asked(*WEEK)
