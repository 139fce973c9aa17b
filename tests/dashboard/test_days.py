"""Days as the dashboard sees them: read from the store, kept, and read again when they changed."""

import json
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from configs.settings import Storage
from tasks.core.monitoring.metrics import METRICS_SCHEMA
from tasks.dashboard.days import DayBook, latest
from tasks.dashboard.series import day_lines
from tasks.publication.layout import manifest_key, metrics_key, refused_report_key, verdict_key
from tasks.store import Stored, open_store
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.dashboard.made_days import (
    ALERTED,
    DAMAGED,
    OK,
    REFUSED,
    REVISED,
    STANDINGS,
    UNMONITORED,
    monitor_day,
    publish_day,
)


class CountingStore(FolderStore):
    """A folder that counts what is read of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads = list[str]()

    def read(self, key: str) -> Stored:
        self.reads.append(key)
        return super().read(key)


def test_each_kind_of_day_has_its_standing(book: DayBook) -> None:
    seen = book.see(book.list_days().values())
    assert {day.as_of: day.standing for day in seen} == STANDINGS
    assert [day.as_of for day in seen if day.published is None] == [REFUSED, DAMAGED]


def test_a_store_on_s3_is_seen_alike(book: DayBook, store: FolderStore, s3_root: str) -> None:
    on_s3 = open_store(Storage(root=s3_root))
    for room in ("landing", "revisions", "decisions", "reports", "monitoring"):
        for entry in store.list(f"{room}/"):
            on_s3.create(entry.key, store.read(entry.key).data)
    there = DayBook(on_s3)
    here, seen = (each.see(each.list_days().values()) for each in (book, there))
    assert seen == here
    assert there.figures(there.list_days().values()).equals(book.figures(book.list_days().values()))


def test_a_day_says_why_in_words(book: DayBook) -> None:
    why = {day.as_of: day.why for day in book.see(book.list_days().values())}
    assert why[ALERTED].startswith("35.0% of the values of EXT_SOURCE_2 are missing, instead of ")
    assert why[REFUSED] == "Not published. The feed *broke*."
    assert why[OK].startswith("No change found.")
    assert why[UNMONITORED] == ""
    assert why[DAMAGED] == "The newest manifest is missing, or cannot be read."


def test_figures_are_those_of_the_files_without_single_cells(book: DayBook, store: FolderStore) -> None:
    found = book.figures(book.list_days().values())
    assert found.schema == METRICS_SCHEMA
    places = [Path(store.location(metrics_key(day))) for day in STANDINGS]
    plain = pd.concat([pd.read_parquet(place) for place in places if place.exists()])
    plain = plain[~plain["metric"].isin(["share", "expected_share"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.to_pandas(), plain)


def test_revisions_are_told_with_those_that_cannot_be_read(book: DayBook) -> None:
    days = book.list_days()
    assert [manifest and manifest.reason for manifest in book.revisions(days[REVISED]).values()] == [
        None,
        "a :red[late] file",
    ]
    assert book.revisions(days[DAMAGED]) == {1: None}


def test_the_contract_of_a_published_day_and_of_a_stopped_one_are_told_apart(book: DayBook) -> None:
    days = book.list_days()
    published, refused = book.contract(days[OK]), book.refusal(days[REFUSED])
    assert published is not None
    assert refused is not None
    assert (published.refused, refused.refused) == (None, "The feed *broke*.")
    assert (book.refusal(days[OK]), book.contract(days[REFUSED])) == (None, None)


def test_what_was_read_is_kept_until_its_listing_changes(tmp_path: Path) -> None:
    store = CountingStore(tmp_path)
    publish_day(store, DAY)
    monitor_day(store, DAY)
    book = DayBook(store)
    for _ in range(2):
        book.see(book.list_days().values())
        book.figures(book.list_days().values())
    assert sorted(store.reads) == sorted([manifest_key(DAY, 1), verdict_key(DAY), metrics_key(DAY)])
    publish_day(store, DAY, revision=2, fingerprint="f2")
    assert book.see(book.list_days().values())[0].standing == "older revision"
    assert store.reads[3:] == [manifest_key(DAY, 2)]


def test_a_landing_is_never_looked_at(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.create(f"landing/day={DAY}/a.csv", b"SK_ID_CURR\n1\n")
    assert DayBook(store).list_days() == {}


def test_a_verdict_on_another_publication_of_the_same_revision_does_not_count(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    publish_day(store, DAY)
    monitor_day(store, DAY)
    written = store.read(verdict_key(DAY))
    moved = json.dumps(json.loads(written.data) | {"publication": "that of a day which was moved away"})
    store.replace(verdict_key(DAY), moved.encode(), tag=written.tag)
    book = DayBook(store)
    (seen,) = book.see(book.list_days().values())
    assert (seen.standing, seen.verdict) == ("not monitored", {})


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"verdict": "fine", "revision": 1}', b"\xff"])
def test_a_verdict_that_cannot_be_read_is_damaged_and_hides_nothing_else(tmp_path: Path, content: bytes) -> None:
    store = FolderStore(tmp_path)
    publish_day(store, DAY)
    store.create(verdict_key(DAY), content)
    store.create(metrics_key(DAY), content)
    book = DayBook(store)
    days = book.list_days()
    (seen,) = book.see(days.values())
    assert (seen.standing, seen.published is not None) == ("damaged", True)
    assert book.figures(days.values()).num_rows == 0


def test_a_refusal_that_cannot_be_read_leaves_the_day_unpublished(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.create(refused_report_key(DAY), b"{")
    (seen,) = DayBook(store).see(DayBook(store).list_days().values())
    assert seen.standing == "not published"


@pytest.mark.parametrize(("length", "count"), [(1, 1), (7, 2), (8, 3), (None, 3)])
def test_a_period_is_of_calendar_days_up_to_the_newest(tmp_path: Path, length: int | None, count: int) -> None:
    store = FolderStore(tmp_path)
    days: list[date] = [DAY, DAY + timedelta(1), DAY + timedelta(7)]
    for day in days:
        publish_day(store, day)
    book = DayBook(store)
    assert [day.as_of for day in latest(book.list_days(), length)] == days[-count:]
    assert latest({}, length) == []


def test_a_withdrawn_day_says_so_and_no_model_decided_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    publish_day(store, DAY)
    monitor_day(store, DAY)
    publish_day(store, DAY, revision=2, fingerprint="w", reason="another day's file", is_withdrawn=True)
    book = DayBook(store)
    (seen,) = book.see(book.list_days().values())
    assert (seen.standing, seen.why, seen.model, seen.verdict) == ("withdrawn", "another day's file", "", {})
    (line,) = day_lines([seen], book.figures(book.list_days().values())).to_dict("records")
    assert (line["standing"], pd.isna(line["decided"]), pd.isna(line["mean_pd"])) == ("withdrawn", True, True)
