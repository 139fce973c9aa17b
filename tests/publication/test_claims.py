"""A delivered file belongs to one day."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tasks.core.day.records import Delivery, FileRef, FileTotals
from tasks.errors import SourceError
from tasks.publication.claims import claim_inputs, require_own_files
from tasks.publication.layout import input_key
from tasks.publication.manifests import commit
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest

NEXT = date(2026, 11, 3)
SHA256 = "5" * 64
DELIVERY = Delivery(DAY, (FileRef("today.csv", f"landing/day={DAY}/today.csv", "csv", 9, SHA256),))
TOMORROW = made_manifest(as_of=NEXT, inputs={"a.csv": SHA256})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def claimant(store: FolderStore) -> str:
    return str(json.loads(store.read(input_key(SHA256)).data)["day"])


def test_a_day_claims_its_files_and_may_claim_them_again(store: FolderStore) -> None:
    claim_inputs(store, DELIVERY)
    claim_inputs(store, DELIVERY)
    require_own_files(store, DELIVERY)
    assert claimant(store) == str(DAY)


def test_a_file_that_another_day_was_published_from_is_refused(store: FolderStore) -> None:
    claim_inputs(store, replace(DELIVERY, as_of=NEXT))
    commit(store, TOMORROW)
    message = f"today.csv is the file of another day: {NEXT} was published from the very same one, a.csv"
    for step in (require_own_files, claim_inputs):
        with pytest.raises(SourceError, match=message):
            step(store, DELIVERY)
    assert claimant(store) == str(NEXT)


def test_of_two_days_that_come_to_publish_one_file_at_once_the_second_is_refused(store: FolderStore) -> None:
    claim_inputs(store, replace(DELIVERY, as_of=NEXT))
    require_own_files(store, DELIVERY)
    with pytest.raises(SourceError, match=f"is being published for {NEXT} at this moment, or a run .* remove"):
        claim_inputs(store, DELIVERY)
    store.delete(input_key(SHA256))
    claim_inputs(store, DELIVERY)
    assert claimant(store) == str(DAY)


def test_the_claim_of_a_day_that_was_published_from_other_files_is_taken_over(store: FolderStore) -> None:
    claim_inputs(store, replace(DELIVERY, as_of=NEXT))
    commit(store, replace(TOMORROW, inputs={"a.csv": "6" * 64}))
    require_own_files(store, DELIVERY)
    claim_inputs(store, DELIVERY)
    assert claimant(store) == str(DAY)


@pytest.mark.parametrize("note", [b"", b"{}", b"null", b'{"day": "yesterday"}'])
def test_a_note_that_names_no_day_claims_nothing(store: FolderStore, note: bytes) -> None:
    store.create(input_key(SHA256), note)
    require_own_files(store, DELIVERY)
    claim_inputs(store, DELIVERY)
    assert claimant(store) == str(DAY)


def test_a_file_without_rows_belongs_to_no_day(store: FolderStore) -> None:
    claim_inputs(store, replace(DELIVERY, as_of=NEXT))
    files = {"a.csv": FileTotals(0, 0, 0, 0), "b.csv": FileTotals(3, 3, 0, 0)}
    commit(store, replace(TOMORROW, audited=made_audit(files=files)))
    require_own_files(store, DELIVERY)


def test_files_announced_without_rows_are_the_same_every_day_and_not_claimed(store: FolderStore) -> None:
    (file,) = DELIVERY.files
    claim_inputs(store, replace(DELIVERY, files=(replace(file, announced_rows=0),)))
    assert list(store.list("inputs/")) == []
