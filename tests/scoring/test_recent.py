"""A day is compared with the published days of the four weeks before it."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.core.day.records import FileTotals
from tasks.publication.layout import manifest_key
from tasks.publication.manifests import commit
from tasks.scoring.recent import recent_days
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


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
