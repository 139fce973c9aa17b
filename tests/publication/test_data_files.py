"""A data file is what its name and its record say, or it does not count."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.core.day.records import DataFile
from tasks.errors import PublishError
from tasks.publication.data_files import intact_data, read_data, require_stored, store_data
from tasks.store import Store
from tasks.store.folder import FolderStore
from tests.conftest import DAY

DAMAGES: dict[str, Callable[[Path], object]] = {"gone": Path.unlink, "changed": lambda path: path.write_bytes(b"x")}


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def stored(store: Store, content: bytes = b"decisions") -> DataFile:
    return store_data(store, f"revisions/day={DAY}/", "decisions", content, rows=1)


def test_data_is_stored_once_and_never_under_anothers_name(store: FolderStore) -> None:
    first = stored(store)
    assert stored(store) == first
    assert stored(store, b"others").key != first.key
    store.delete(first.key)
    store.create(first.key, b"something else")
    with pytest.raises(PublishError, match="does not hold what its name says"):
        stored(store)


def test_a_data_file_is_read_back_as_it_was_stored(store: FolderStore) -> None:
    file = stored(store)
    assert (file.size_bytes, file.rows) == (9, 1)
    assert read_data(store, file) == intact_data(store, file) == b"decisions"
    assert require_stored(store, [file]) == {file.key: b"decisions"}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_data_file_that_is_gone_or_changed_does_not_count(
    store: FolderStore, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    file, other = stored(store), stored(store, b"others")
    damage(tmp_path / file.key)
    assert intact_data(store, file) is None
    with pytest.raises(PublishError, match="is missing or damaged: it is not the file that was recorded"):
        read_data(store, file)
    with pytest.raises(PublishError, match="is missing or damaged"):
        require_stored(store, [other, file])
