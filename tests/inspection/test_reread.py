import errno
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tasks.errors import PublishError
from tasks.inspection.reread import Reader
from tasks.publication.data_files import store_data
from tasks.store import Entry, Stored
from tasks.store.folder import FolderStore

DAY = date(2026, 11, 2)
MANIFEST = f"revisions/day={DAY}/rev=0001/manifest.json"


class Failing(FolderStore):
    """A store on a disk that fails where one object lies; or that is gone altogether."""

    def __init__(self, root: Path, *, bad: str, is_gone: bool = False) -> None:
        super().__init__(root)
        self._bad = bad
        self._is_gone = is_gone

    def read(self, key: str) -> Stored:
        if key == self._bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(key)

    def list(self, prefix: str) -> Iterator[Entry]:
        if self._is_gone:
            raise PublishError("The store does not answer.")
        return super().list(prefix)


def test_an_object_that_cannot_be_read_is_a_problem_and_the_rest_is_read(tmp_path: Path) -> None:
    reader = Reader(Failing(tmp_path, bad="contracts/a.json"))
    reader.store.create("contracts/b.json", b"b")
    assert [reader.data(f"contracts/{name}.json") for name in "ab"] == [None, b"b"]
    found = reader.checked(DAY, revisions=1)
    assert found.problems == (
        f"{tmp_path}/contracts/a.json cannot be read. Input/output error. Restore it from a backup.",
    )
    assert found.files == 1


def test_a_store_that_is_gone_is_no_problem_of_one_object(tmp_path: Path) -> None:
    reader = Reader(Failing(tmp_path, bad="contracts/a.json", is_gone=True))
    with pytest.raises(PublishError, match="does not answer"):
        reader.data("contracts/a.json")
    assert reader.is_sound


def test_what_is_found_twice_is_told_once(tmp_path: Path) -> None:
    reader = Reader(FolderStore(tmp_path))
    assert [reader.data("contracts/a.json"), reader.data("contracts/a.json")] == [None, None]
    assert len(reader.checked(DAY, revisions=0).problems) == 1


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../b", "a\0b", "a\nb"])
def test_a_name_of_no_object_is_told_in_plain_characters_and_never_opened(tmp_path: Path, key: str) -> None:
    reader = Reader(FolderStore(tmp_path))
    assert reader.data(key) is None
    assert reader.landed_sha256(key) is None
    told = [*reader.checked(DAY, revisions=0).problems, *reader.checked(DAY, revisions=0).remarks]
    assert told
    assert all(each.isprintable() for each in told)


@pytest.mark.parametrize(("kept", "is_file_to_blame"), [(b"other", True), (b"decisions", False)])
def test_the_name_of_a_file_tells_whether_it_or_its_manifest_was_altered(
    tmp_path: Path, kept: bytes, is_file_to_blame: bool
) -> None:
    store = FolderStore(tmp_path)
    file = store_data(store, f"revisions/day={DAY}/", "decisions", b"decisions", rows=1)
    recorded = file if is_file_to_blame else type(file)(file.key, "0" * 64, file.size_bytes, file.rows)
    (tmp_path / file.key).write_bytes(kept)
    reader = Reader(store)
    assert reader.data_file(recorded, manifest=MANIFEST) is None
    (problem,) = reader.checked(DAY, revisions=1).problems
    assert problem.startswith(store.location(file.key if is_file_to_blame else MANIFEST))
