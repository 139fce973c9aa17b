"""A withdrawn day: the deliveries that were taken back, and nothing left of what was judged of them."""

from pathlib import Path

import pytest

from tasks.publication.layout import decisions_key, judgement_keys, metrics_key, verdict_key
from tasks.publication.manifests import manifest_json, read_manifest
from tasks.publication.stored_day import StoredDay
from tasks.publication.withdrawn import deliveries_taken_back, forget_judgement
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import commit_revision, made_manifest


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_only_what_came_right_before_a_withdrawal_was_taken_back(store: FolderStore) -> None:
    commit_revision(store, 1, inputs={"a.csv": "right"})
    commit_revision(store, 2, inputs={"a.csv": "wrong"})
    commit_revision(store, 3, inputs={}, is_withdrawn=True)
    commit_revision(store, 4, inputs={"b.csv": "wrong, too"})
    newest = commit_revision(store, 5, inputs={}, is_withdrawn=True)
    assert deliveries_taken_back(store, newest) == ({"a.csv": "wrong"}, {"b.csv": "wrong, too"})
    assert StoredDay(store, DAY).last_decided == (StoredDay(store, DAY).manifests or ())[3]


def test_nothing_is_taken_back_of_a_day_that_is_decided_again(store: FolderStore) -> None:
    commit_revision(store, 1)
    commit_revision(store, 2, inputs={}, is_withdrawn=True)
    assert deliveries_taken_back(store, commit_revision(store, 3)) == ()


def test_a_day_that_was_never_published_has_no_decisions(store: FolderStore) -> None:
    assert StoredDay(store, DAY).last_decided is None


def test_all_that_monitoring_wrote_of_a_day_is_forgotten_and_nothing_else(store: FolderStore) -> None:
    kept = decisions_key(DAY)
    for key in (*judgement_keys(DAY), kept):
        store.create(key, b"x")
    for _ in range(2):
        forget_judgement(store, DAY)
        assert [entry.key for entry in store.list("")] == [kept]
    assert {verdict_key(DAY), metrics_key(DAY)} <= set(judgement_keys(DAY))


@pytest.mark.parametrize("is_withdrawn", [True, False])
def test_a_manifest_says_that_it_withdraws_and_says_nothing_where_it_does_not(is_withdrawn: bool) -> None:
    manifest = made_manifest(is_withdrawn=is_withdrawn)
    data = manifest_json(manifest)
    assert read_manifest(data) == manifest
    assert (b"is_withdrawn" in data) is is_withdrawn
