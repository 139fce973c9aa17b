from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tasks.errors import PublishError
from tasks.publication.expired import forget_expired, note_expired, read_expired
from tasks.publication.layout import expired_key
from tasks.store.folder import FolderStore

DAY = date(2026, 11, 2)
OLD, NEW = f"quarantine/day={DAY}/rejected-0.parquet", f"revisions/day={DAY}/changes-1.parquet"
RULE = "quarantine is kept for 30 days"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_of_a_day_from_which_nothing_was_removed_nothing_is_noted(store: FolderStore) -> None:
    assert read_expired(store, DAY) == {}
    note_expired(store, DAY, [], rule=RULE, at="2026-12-01T00:00:00+00:00")
    assert list(store.list("")) == []


def test_what_was_removed_later_is_added_to_what_was_removed_before(store: FolderStore) -> None:
    note_expired(store, DAY, [OLD], rule=RULE, at="2026-12-01T00:00:00+00:00")
    note_expired(store, DAY, [NEW, OLD], rule="all is kept for a year", at="2027-12-01T00:00:00+00:00")
    assert read_expired(store, DAY) == {
        OLD: {"at": "2026-12-01T00:00:00+00:00", "rule": RULE},
        NEW: {"at": "2027-12-01T00:00:00+00:00", "rule": "all is kept for a year"},
    }


def test_a_note_made_twice_is_written_once(store: FolderStore) -> None:
    note_expired(store, DAY, [OLD], rule=RULE, at="2026-12-01T00:00:00+00:00")
    tag = store.read(expired_key(DAY)).tag
    note_expired(store, DAY, [OLD], rule=RULE, at="2026-12-02T00:00:00+00:00")
    assert store.read(expired_key(DAY)).tag == tag


def test_what_is_there_again_is_taken_off_the_note(store: FolderStore) -> None:
    forget_expired(store, DAY, [OLD])
    assert list(store.list("")) == []
    note_expired(store, DAY, [OLD, NEW], rule=RULE, at="t")
    forget_expired(store, DAY, [OLD, "another"])
    assert set(read_expired(store, DAY)) == {NEW}


class Overtaken(FolderStore):
    """A store in which another run writes first, once."""

    overtake: Callable[[], object] | None = None

    def create(self, key: str, data: bytes) -> None:
        self._let_pass()
        super().create(key, data)

    def replace(self, key: str, data: bytes, *, tag: str) -> None:
        self._let_pass()
        super().replace(key, data, tag=tag)

    def _let_pass(self) -> None:
        if overtake := self.overtake:
            self.overtake = None
            overtake()


@pytest.mark.parametrize("before", [[], ["work/x"]])
def test_of_two_who_note_at_once_neither_loses_a_line(store: FolderStore, tmp_path: Path, before: list[str]) -> None:
    note_expired(store, DAY, before, rule=RULE, at="t")
    slow = Overtaken(tmp_path)
    slow.overtake = lambda: note_expired(store, DAY, [NEW], rule=RULE, at="t")
    note_expired(slow, DAY, [OLD], rule=RULE, at="t")
    assert set(read_expired(store, DAY)) == {OLD, NEW, *before}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'{"expired": []}',
        b'{"expired": {"k": {"at": "t"}}}',
        b'{"expired": {"k": {"at": 1, "rule": "r"}}}',
    ],
)
def test_what_is_no_note_is_neither_trusted_nor_written_over(store: FolderStore, content: bytes) -> None:
    store.create(expired_key(DAY), content)
    with pytest.raises(PublishError, match="does not note which files were removed"):
        read_expired(store, DAY)
    with pytest.raises(PublishError, match="does not note which files were removed"):
        note_expired(store, DAY, [OLD], rule=RULE, at="t")
    assert store.read(expired_key(DAY)).data == content
