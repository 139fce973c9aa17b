import errno
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def test_a_link_that_leads_nowhere_or_to_a_folder_is_listed_and_not_passed_over(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "root")
    store.create("d/a", b"12")
    (tmp_path / "root/d/nowhere").symlink_to("gone")
    (tmp_path / "root/d/folder").symlink_to(tmp_path)
    assert [entry.key for entry in store.list("d/")] == ["d/a", "d/folder", "d/nowhere"]


def test_a_root_that_cannot_be_made_is_the_stores_fault() -> None:
    with pytest.raises(PublishError, match="could not create a: No such file or directory"):
        FolderStore(Path("/proc/nothing/here")).create("a", b"")


def test_an_object_that_vanishes_while_a_folder_is_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    store.create("d/a", b"12")
    store.create("d/b", b"12")
    walk = os.walk

    def and_then_one_goes(*arguments: Any, **options: Any) -> Iterator[Any]:
        for found in walk(*arguments, **options):
            (tmp_path / "d/a").unlink()
            yield found

    monkeypatch.setattr(os, "walk", and_then_one_goes)
    assert [entry.key for entry in store.list("d/")] == ["d/b"]


def test_as_many_locks_are_left_for_many_keys_as_for_more(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for key in range(50):
        store.delete(f"{key}")
    assert {len(path.name) for path in (tmp_path / ".locks").iterdir()} == {3}


# --- what a file system refuses, and what to do


CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EROFS: "it is mounted read-only",
    errno.EACCES: "this user has no right to it",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EXDEV: "a/ or a folder in it is a mount of its own",
    errno.ESTALE: "its mount does not answer",
    errno.EIO: "the disk or the network behind it fails",
    errno.EBUSY: "look at space, permissions and mount",
}


def refuse(monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
    """Let the file system refuse one kind of call."""

    def refused(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refused)


@pytest.mark.parametrize("call", ["link", "fsync"])
@pytest.mark.parametrize("code", CAUSES, ids=errno.errorcode.get)
def test_each_refusal_is_told_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    refuse(monkeypatch, call, code)
    message = f"could not create a/b: {os.strerror(code)}. Nothing was half-written; mend the folder: {CAUSES[code]}"
    with pytest.raises(PublishError, match=re.escape(message)):
        FolderStore(tmp_path).create("a/b", b"one")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_hard_links_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    refuse(monkeypatch, "link", code)
    with pytest.raises(PublishError, match="this file system makes no hard links, .*ext4, xfs, btrfs, NFS"):
        FolderStore(tmp_path).create("a/b", b"one")


def test_a_mount_of_its_own_within_the_store_is_told_so(tmp_path: Path) -> None:
    mount = tmp_path / "decisions"
    mount.mkdir()
    mounting = ["/usr/bin/env", "mount", "-t", "tmpfs", "tmpfs", str(mount)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount")
    try:
        with pytest.raises(PublishError, match="decisions/ or a folder in it is a mount of its own"):
            FolderStore(tmp_path).create("decisions/a", b"one")
        (mount / "a").write_bytes(b"one")
        store = FolderStore(tmp_path)
        with pytest.raises(PublishError, match="mount the store as a whole"):
            store.replace("decisions/a", b"two", tag=store.read("decisions/a").tag)
    finally:
        subprocess.run(["/usr/bin/env", "umount", str(mount)], check=True)
