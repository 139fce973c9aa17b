"""A day in the store, looked at once."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from configs.calendar import Calendar, Clock
from tasks.publication.layout import announcement_key, decisions_key, manifest_key, publishing_key
from tasks.publication.shown import show_newest
from tasks.publication.stored_day import StoredDay
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import commit_revision

CALENDAR = Calendar(zone="UTC", weekend=(), holidays={}, zero_row_days={})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_manifests_are_told_oldest_first_with_all_that_they_name(store: FolderStore) -> None:
    manifests = tuple(commit_revision(store, revision) for revision in (1, 2))
    day = StoredDay(store, DAY)
    assert day.manifests == manifests
    assert day.named == {file.key for manifest in manifests for file in manifest.audited.data_files}
    assert {entry.key for entry in day.data} == day.named


def test_a_file_that_no_manifest_names_is_data_all_the_same(store: FolderStore) -> None:
    commit_revision(store)
    orphans = [f"quarantine/day={DAY}/rejected-{'a' * 16}.parquet", f"revisions/day={DAY}/changes-{'b' * 16}.parquet"]
    for key in (*orphans, f"revisions/day={DAY}/notes.txt"):
        store.create(key, b"x")
    day = StoredDay(store, DAY)
    assert sorted({entry.key for entry in day.data} - day.named) == orphans


@pytest.mark.parametrize("key", [manifest_key(DAY, 1), manifest_key(DAY, 2)])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"{}")], ids=["missing", "damaged"])
def test_where_one_manifest_is_gone_nobody_can_say_what_is_named(
    store: FolderStore, tmp_path: Path, key: str, damage: Callable[[Path], object]
) -> None:
    for revision in (1, 2):
        commit_revision(store, revision)
        store.create(announcement_key(DAY, revision), b"{}")
    damage(tmp_path / key)
    assert StoredDay(store, DAY).manifests is None
    assert StoredDay(store, DAY).named == set()


def test_readers_see_a_known_revision_or_nothing(store: FolderStore, tmp_path: Path) -> None:
    assert StoredDay(store, DAY).is_known()
    commit_revision(store, 1)
    commit_revision(store, 2)
    show_newest(store, DAY)
    assert StoredDay(store, DAY).is_known()
    store.delete(manifest_key(DAY, 2))
    assert not StoredDay(store, DAY).is_known()
    (tmp_path / decisions_key(DAY)).write_bytes(b"PAR1 nonsense")
    assert not StoredDay(store, DAY).is_known()


def test_a_day_is_busy_until_a_day_after_the_last_write(store: FolderStore) -> None:
    assert not StoredDay(store, DAY).is_busy(Clock(DAY, CALENDAR))
    store.create(publishing_key(DAY, "0"), b"")
    (entry,) = StoredDay(store, DAY).work
    written = CALENDAR.business_day(entry.modified_at)
    for days, is_busy in ((0, True), (1, True), (2, False)):
        clock = Clock(written + timedelta(days=days), CALENDAR)
        assert StoredDay(store, DAY).is_busy(clock) == is_busy
