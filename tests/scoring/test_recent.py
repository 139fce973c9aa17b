"""A day is compared with the published days of the four weeks before it."""

import logging
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.adapters.files.parquet import write_parquet
from tasks.core.day.records import FileTotals
from tasks.publication.data_files import store_data
from tasks.publication.layout import day_prefix, manifest_key
from tasks.publication.manifests import commit
from tasks.scoring.recent import most_shared_ids, recent_days
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest


def publish(store: FolderStore, days_before: int, decided: int, *, revision: int = 1) -> str:
    """Publish a day of so many decisions; returns it in ISO form."""
    as_of = DAY - timedelta(days=days_before)
    audited = made_audit(files={"a.csv": FileTotals(decided, decided, 0, 0)})
    commit(store, made_manifest(audited, as_of=as_of, revision=revision))
    return as_of.isoformat()


def test_days_are_told_oldest_first_with_the_rows_decided_on_them(store: FolderStore) -> None:
    days = {publish(store, before, 100 * before): 100 * before for before in (7, 3, 1)}
    publish(store, 0, 50)
    publish(store, -1, 50)
    assert list(recent_days(store, DAY).items()) == list(days.items())


def test_days_of_more_than_four_weeks_ago_are_not_looked_at(store: FolderStore) -> None:
    publish(store, 29, 100)
    assert recent_days(store, DAY) == {}
    within = publish(store, 28, 100)
    assert recent_days(store, DAY) == {within: 100}


def test_of_a_revised_day_the_newest_revision_counts(store: FolderStore) -> None:
    publish(store, 1, 100)
    day = publish(store, 1, 90, revision=2)
    assert recent_days(store, DAY) == {day: 90}


def test_a_day_on_which_nobody_is_left_is_no_measure(store: FolderStore) -> None:
    publish(store, 1, 0)
    assert recent_days(store, DAY) == {}


def stored_day(store: FolderStore, days_before: int, ids: list[int]) -> str:
    """Publish a day whose decisions are there; returns it in ISO form."""
    as_of = DAY - timedelta(days=days_before)
    decided = write_parquet(pa.table({"application_id": ids}))
    decisions = store_data(store, day_prefix("revisions", as_of), "decisions", decided, rows=len(ids))
    commit(store, made_manifest(made_audit(decisions=decisions), as_of=as_of))
    return as_of.isoformat()


def test_the_day_with_the_most_of_the_same_applications_counts(store: FolderStore) -> None:
    ids = pa.chunked_array([[1, 2, 3], [4]])
    days = [stored_day(store, 3, [1, 9]), stored_day(store, 2, [1, 2, 3]), stored_day(store, 1, [8])]
    assert most_shared_ids(store, days, ids) == 3
    assert most_shared_ids(store, days[2:], ids) == 0
    assert most_shared_ids(store, [], ids) is None


def test_the_last_seven_days_are_compared(store: FolderStore) -> None:
    days = [stored_day(store, before, [before]) for before in range(8, 0, -1)]
    assert most_shared_ids(store, days, pa.chunked_array([[8]])) == 0
    assert most_shared_ids(store, days, pa.chunked_array([[7]])) == 1


def test_a_day_whose_decisions_are_gone_is_not_compared(store: FolderStore, caplog: pytest.LogCaptureFixture) -> None:
    days = [publish(store, 2, 100), stored_day(store, 1, [1])]
    with caplog.at_level(logging.WARNING):
        assert most_shared_ids(store, days, pa.chunked_array([[1]])) == 1
    assert f"The applications of {days[0]} cannot be compared" in caplog.text


def test_a_damaged_day_is_left_out_and_stops_nobody(
    store: FolderStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, _, third = (publish(store, before, 100) for before in (3, 2, 1))
    damaged = tmp_path / manifest_key(DAY - timedelta(days=2), 1)
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with caplog.at_level(logging.WARNING, "scoring"):
        assert list(recent_days(store, DAY)) == [first, third]
    (message,) = caplog.messages
    assert message.startswith(f"2026-10-31 is left out of the days to compare with: {damaged} is not a manifest")
