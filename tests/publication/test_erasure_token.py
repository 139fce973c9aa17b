"""A run learns that an applicant was erased from its day."""

from datetime import date
from pathlib import Path

import pytest

from tasks.errors import PublishError
from tasks.publication.erasure_token import days_unfinished, note_erasure, read_token, require_no_erasure
from tasks.store.folder import FolderStore
from tests.conftest import DAY

NEXT = date(2026, 11, 3)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_a_day_without_an_erasure_has_no_token(store: FolderStore) -> None:
    assert read_token(store, DAY) is None
    assert require_no_erasure(store, DAY) is None


def test_every_erasure_leaves_a_token_of_its_own(store: FolderStore) -> None:
    tokens = set()
    for _ in range(3):
        note_erasure(store, DAY, is_over=True)
        tokens.add(require_no_erasure(store, DAY))
        assert read_token(store, DAY) in tokens
    assert len(tokens) == 3
    assert require_no_erasure(store, NEXT) is None


def test_no_run_begins_on_a_day_before_its_erasure_is_over(store: FolderStore) -> None:
    note_erasure(store, DAY, is_over=False)
    with pytest.raises(PublishError, match=f"An applicant is being erased from {DAY}, or the erasure broke off"):
        require_no_erasure(store, DAY)
    assert list(days_unfinished(store)) == [DAY]
    note_erasure(store, DAY, is_over=True)
    assert require_no_erasure(store, DAY) == read_token(store, DAY)
    assert list(days_unfinished(store)) == []
