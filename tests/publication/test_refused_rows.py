"""Rows of a refused revision are kept for people, replaced by the next stop, and never kept past an erasure."""

from pathlib import Path

import pyarrow as pa
import pytest

from tasks.errors import PublishError
from tasks.publication.erasure_token import note_erasure, read_token
from tasks.publication.layout import refused_rows_key
from tasks.publication.refused_rows import forget_refused_rows, keep_refused_rows, read_refused_rows
from tasks.store.folder import FolderStore
from tests.conftest import DAY

ROWS = pa.table({"SK_ID_CURR": ["17", "A"], "broken_rules": ["x", "y"]})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_the_last_stop_counts(store: FolderStore) -> None:
    assert read_refused_rows(store, DAY) is None
    keep_refused_rows(store, DAY, ROWS, revision=1, erasure=None)
    keep_refused_rows(store, DAY, ROWS[:1], revision=2, erasure=None)
    kept = read_refused_rows(store, DAY)
    assert kept
    assert (kept.revision, kept.rows.to_pylist()) == (2, ROWS[:1].to_pylist())


def test_a_stop_without_rows_replaces_those_of_an_earlier_one(store: FolderStore) -> None:
    keep_refused_rows(store, DAY, ROWS, revision=1, erasure=None)
    keep_refused_rows(store, DAY, ROWS[:0], revision=1, erasure=None)
    kept = read_refused_rows(store, DAY)
    assert kept
    assert kept.rows.num_rows == 0


def test_nothing_stays_if_an_applicant_was_erased_since_the_run_began(store: FolderStore) -> None:
    note_erasure(store, DAY, is_over=True)
    before = read_token(store, DAY)
    keep_refused_rows(store, DAY, ROWS, revision=1, erasure=before)
    assert read_refused_rows(store, DAY)
    note_erasure(store, DAY, is_over=True)
    keep_refused_rows(store, DAY, ROWS, revision=1, erasure=before)
    assert read_refused_rows(store, DAY) is None


def test_what_is_forgotten_is_gone_and_may_be_forgotten_again(store: FolderStore) -> None:
    keep_refused_rows(store, DAY, ROWS, revision=1, erasure=None)
    forget_refused_rows(store, DAY)
    forget_refused_rows(store, DAY)
    assert list(store.list("")) == []


@pytest.mark.parametrize("data", [b"PAR1 nonsense", b""])
def test_damage_is_told_with_the_command_that_mends_it(store: FolderStore, data: bytes) -> None:
    store.create(refused_rows_key(DAY), data)
    with pytest.raises(PublishError, match=f"refused.parquet is damaged. .* scoring score --as-of {DAY}$"):
        read_refused_rows(store, DAY)
