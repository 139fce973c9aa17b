import stat
from pathlib import Path

import pytest

from tasks.errors import PublishError
from tasks.store.folder import FolderStore


def test_a_stream_that_breaks_leaves_no_file(tmp_path: Path) -> None:
    def write_and_break() -> None:
        with FolderStore(tmp_path).create_stream("a/b") as stream:
            stream.write(b"half")
            raise RuntimeError("torn")

    with pytest.raises(RuntimeError, match="torn"):
        write_and_break()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_store_that_is_no_folder_says_what_to_mend(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file where the folder should be")
    with pytest.raises(PublishError, match=r"could not create a: .*\. Nothing was half-written; mend the folder"):
        FolderStore(tmp_path / "root").create("a", b"")


def test_published_files_can_be_read_by_others(tmp_path: Path) -> None:
    FolderStore(tmp_path / "root").create("a", b"one")
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE((tmp_path / "root" / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
