from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.core.day.records import DataFile
from tasks.core.outcomes.delivered import OUTCOMES_SCHEMA
from tasks.publication.layout import receipt_key
from tasks.publication.outcome_ledger import Receipt, expire_delivery, keep_delivery, read_outcomes, receipts_of
from tasks.store import Store
from tasks.store.folder import FolderStore
from tests.store.dying import Died, DyingStore

ROWS = pa.table({"application_id": [1], "defaulted": [True], "known_on": [date(2027, 1, 2)]}, schema=OUTCOMES_SCHEMA)
NO_FILE = DataFile("", "", 0, 1)


def receipt(sha256: str) -> Receipt:
    return Receipt(0, "o.csv", "csv", sha256, NO_FILE, NO_FILE, {}, {"version": "1"}, "2027-01-03T00:00:00+00:00")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


class Rival(FolderStore):
    """A store in which another process takes a delivery in right before the first receipt is written."""

    def __init__(self, root: Path, sha256: str) -> None:
        super().__init__(root)
        self._theirs: str | None = sha256

    def create(self, key: str, data: bytes) -> None:
        if key == receipt_key(1) and self._theirs:
            sha256, self._theirs = self._theirs, None
            keep_delivery(self, receipt(sha256), sha256.encode(), ROWS)
        super().create(key, data)


def keys(store: Store) -> set[str]:
    return {entry.key for entry in store.list("outcomes/")}


def test_a_rival_with_another_file_takes_the_number_and_nothing_lies_about(tmp_path: Path) -> None:
    store = Rival(tmp_path, "theirs")
    kept = keep_delivery(store, receipt("ours"), b"ours", ROWS)
    first, second = receipts_of(store)
    assert (first.sha256, second.sha256, kept) == ("theirs", "ours", second)
    named = {each.key for one in (first, second) for each in (one.file, one.accepted)}
    assert keys(store) == named | {receipt_key(1), receipt_key(2)}


def test_a_rival_with_the_same_file_is_adopted(tmp_path: Path) -> None:
    store = Rival(tmp_path, "same")
    kept = keep_delivery(store, receipt("same"), b"same", ROWS)
    assert list(receipts_of(store)) == [kept]
    assert len(keys(store)) == 3


@pytest.mark.parametrize("calls", range(3))
def test_a_delivery_whose_process_died_is_taken_in_by_the_next(store: FolderStore, calls: int) -> None:
    with pytest.raises(Died):
        keep_delivery(DyingStore(store, calls=calls), receipt("a"), b"a", ROWS)
    assert list(receipts_of(store)) == []
    kept = keep_delivery(store, receipt("a"), b"a", ROWS)
    assert keys(store) == {kept.file.key, kept.accepted.key, receipt_key(1)}


def test_an_expired_delivery_leaves_its_receipt_and_its_number(store: FolderStore) -> None:
    first = keep_delivery(store, receipt("a"), b"a", ROWS)
    expire_delivery(store, first, on=date(2028, 1, 1))
    assert keys(store) == {receipt_key(1)}
    (gone,) = receipts_of(store)
    assert gone.expired_on == "2028-01-01"
    assert read_outcomes(store, [gone]).num_rows == 0
    assert keep_delivery(store, receipt("a"), b"a", ROWS).number == 1
    assert keep_delivery(store, receipt("b"), b"b", ROWS).number == 2
