"""The manifest is the commit of a revision."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.core.day.manifest import Manifest
from tasks.core.day.records import DataFile
from tasks.errors import PublishError, SourceError
from tasks.publication.erasure_token import note_erasure
from tasks.publication.layout import announcement_key, manifest_key
from tasks.publication.manifests import commit, manifest_json, manifest_of, newest_manifest, read_manifest
from tasks.publication.stored_day import StoredDay, published_revision
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest

FIRST = made_manifest()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_a_manifest_reads_back_as_it_was_written(store: FolderStore) -> None:
    commit(store, FIRST)
    read = manifest_of(store, DAY, 1)
    assert read == FIRST
    assert read
    assert list(read.audited.by_rule) == ["z", "a"]


def test_aliases_of_columns_stand_in_a_manifest_that_has_any() -> None:
    named = replace(FIRST, column_aliases={"client": "SK_ID_CURR"})
    assert read_manifest(manifest_json(named)) == named
    assert json.loads(manifest_json(named))["column_aliases"] == {"client": "SK_ID_CURR"}
    assert "column_aliases" not in json.loads(manifest_json(FIRST))


@pytest.mark.parametrize("content", [b"", b"null", b"5", b"[]", b"{}", b'{"audited": 3}'])
def test_what_is_no_manifest_stops_the_day(store: FolderStore, content: bytes) -> None:
    store.create(manifest_key(DAY, 1), content)
    with pytest.raises(PublishError, match="is not a manifest; restore it"):
        newest_manifest(store, DAY)


def test_the_newest_of_several_revisions_is_found(store: FolderStore) -> None:
    assert newest_manifest(store, DAY) is None
    for revision in (1, 2, 3):
        commit(store, replace(FIRST, revision=revision))
    assert newest_manifest(store, DAY) == replace(FIRST, revision=3)


def test_who_comes_second_with_the_same_fingerprint_gets_the_winner(store: FolderStore) -> None:
    winner = commit(store, FIRST)
    assert commit(store, replace(FIRST, run={"at": "later"})) == winner == FIRST


def test_who_comes_second_with_another_fingerprint_publishes_nothing(store: FolderStore) -> None:
    commit(store, FIRST)
    with pytest.raises(PublishError, match="Another run published revision 1 of 2026-11-02 meanwhile"):
        commit(store, replace(FIRST, fingerprint="g"))
    assert newest_manifest(store, DAY) == FIRST


@pytest.mark.parametrize("gone", [1, 2])
def test_where_a_manifest_is_lost_before_others_the_day_is_not_touched(
    store: FolderStore, tmp_path: Path, gone: int
) -> None:
    StoredDay(store, DAY).require_unbroken()
    for revision in (1, 2, 3):
        commit(store, replace(FIRST, revision=revision))
    StoredDay(store, DAY).require_unbroken()
    shutil.rmtree(tmp_path / f"revisions/day={DAY}/rev=000{gone}")
    message = f"rev=000{gone}/manifest.json is missing, though the day has a revision 3. Nothing was changed"
    with pytest.raises(PublishError, match=message):
        StoredDay(store, DAY).require_unbroken()


def test_a_revision_that_was_announced_and_has_no_manifest_is_missed(store: FolderStore) -> None:
    commit(store, FIRST)
    store.create(announcement_key(DAY, 2), b"{}")
    with pytest.raises(PublishError, match="rev=0002/manifest.json is missing, though the day has a revision 2"):
        StoredDay(store, DAY).require_unbroken()


def test_rows_are_shown_of_a_published_day_alone(store: FolderStore) -> None:
    with pytest.raises(SourceError, match="2026-11-02 has not been published, so nothing can be told. Score it first"):
        published_revision(store, DAY, consequence="nothing can be told")
    commit(store, FIRST)
    assert published_revision(store, DAY, consequence="nothing can be told") == FIRST
    note_erasure(store, DAY, is_over=False)
    with pytest.raises(PublishError, match="An applicant is being erased from 2026-11-02"):
        published_revision(store, DAY, consequence="nothing can be told")


# --- sound manifests

ALTERED: dict[str, Callable[[Manifest], Manifest]] = {
    "no contract": lambda each: replace(each, contract={"version": "1"}),
    "no policy": lambda each: replace(each, policy={"version": "1"}),
    "another type": lambda each: replace(each, audited=made_audit(by_decision={"approve": "1"})),
    "no object": lambda each: replace(each, audited=made_audit(decisions=DataFile("../a", "0", 1, 1))),
}


def test_a_manifest_as_it_was_written_is_sound() -> None:
    assert read_manifest(manifest_json(FIRST)) == FIRST


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_a_manifest_that_tells_what_none_can_is_not_sound(alter: Callable[[Manifest], Manifest]) -> None:
    with pytest.raises(ValueError, match="not a manifest|not so|validation error"):
        read_manifest(manifest_json(alter(FIRST)))


def test_a_manifest_whose_seal_is_broken_is_not_read() -> None:
    content = json.loads(manifest_json(FIRST)) | {"reason": "another"}
    with pytest.raises(ValueError, match="sealed by a digest"):
        read_manifest(json.dumps(content).encode())


def test_a_manifest_of_a_newer_program_is_not_read() -> None:
    with pytest.raises(ValueError, match="a newer version of this program"):
        read_manifest(manifest_json(replace(FIRST, manifest_version="99")))
