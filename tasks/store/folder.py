"""The object store in a local folder.

`create` is a hard link: the file system lets exactly one caller win and shows the object whole.
`replace` compares and renames under a file lock, so it is safe between processes of one machine.
Unfinished writes lie under `.unfinished/`, where no reader looks.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import os
import stat
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from tasks.errors import PublishError
from tasks.store.interface import AlreadyExists, Changed, Entry, NotFound, Stored, Unfinished
from tasks.store.keys import require_key
from tasks.store.reading import translated_reads

_UNFINISHED: Final = ".unfinished"
_LOCKS: Final = ".locks"
_LOCK_DIGITS: Final = 3
_SOMETHING_ELSE: Final = "something else lies where it needs a folder or a file, so move that away"
_MOUNT_IS_GONE: Final = "its mount does not answer any more, so mount it again"
_OPEN_FILES: Final = "too many files are open, so raise the limit (ulimit -n)"
_WHAT_TO_DO: Final = {
    errno.ENOSPC: "the disk is full (df -h) or has no room for more names (df -i), so make room",
    errno.EDQUOT: "the quota is used up, so make room or have it raised",
    errno.EFBIG: "no file may be so large here, so raise the limit (ulimit -f) or make room",
    errno.EROFS: "it is mounted read-only, so mount it to be written",
    errno.EACCES: "this user has no right to it, so grant it (ls -ld)",
    errno.EPERM: "this user may not do that here, so look who owns it and if it is immutable (lsattr)",
    errno.ENAMETOOLONG: "the name is too long for this file system, so give it a shorter one",
    errno.EIO: "the disk or the network behind it fails, so see the system's log",
    errno.ESTALE: _MOUNT_IS_GONE,
    errno.ENOTCONN: _MOUNT_IS_GONE,
    errno.ENODEV: _MOUNT_IS_GONE,
    errno.ETIMEDOUT: _MOUNT_IS_GONE,
    errno.EMFILE: _OPEN_FILES,
    errno.ENFILE: _OPEN_FILES,
    errno.ENOTDIR: _SOMETHING_ELSE,
    errno.EISDIR: _SOMETHING_ELSE,
    errno.ELOOP: _SOMETHING_ELSE,
    errno.EINVAL: _SOMETHING_ELSE,
}
"""Number of an error of the file system to its cause, and what to do."""
_WITHOUT_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
_LINKS: Final = (
    "this file system makes no hard links, by which one writer alone wins, so lay the store on one "
    "that does (ext4, xfs, btrfs, NFS), or on S3"
)


class FolderStore:
    """A `Store` in a folder. The first write makes the folder."""

    def __init__(self, root: Path) -> None:
        """Name the folder `root`. Every key is a path relative to it."""
        self._root = root

    def read(self, key: str) -> Stored:
        """Read the whole object. Raises `NotFound`."""
        with self.open(key) as stream:
            data = stream.read()
        return Stored(data, _tag(data))

    def read_range(self, key: str, begin: int, end: int) -> bytes:
        """Read the bytes from `begin` to before `end`; fewer if the object ends before. Raises `NotFound`."""
        with self.open(key) as stream:
            stream.seek(begin)
            return stream.read(end - begin)

    @contextlib.contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Open the object as a seekable stream. Raises `NotFound`."""
        path = self._path(key)
        with _translated("read", key):
            if path.is_fifo() or path.is_socket():
                # Reading it would wait for ever.
                raise OSError(errno.EINVAL, "It is not a file")
            file = path.open("rb", buffering=0)
        with translated_reads(file, functools.partial(_translated, "read", key)) as stream:
            yield stream

    def create(self, key: str, data: bytes) -> None:
        """Write a new object, whole or not at all. Raises `AlreadyExists`."""
        with self.create_stream(key) as stream:
            stream.write(data)

    @contextlib.contextmanager
    def create_stream(self, key: str) -> Iterator[BinaryIO]:
        """Write a new object piece by piece. Raises `AlreadyExists`.

        The object appears when the block ends without error.
        """
        path = self._path(key)
        with _translated("create", key):
            if path.exists():  # saves the writing; the link below decides
                raise AlreadyExists(key)
            with self._unfinished() as (temporary, stream):
                yield stream
                _flush_to_disk(stream)
                _make_folder(path.parent)
                _link(temporary, path, key)
            _sync_folder(path.parent)

    def replace(self, key: str, data: bytes, *, tag: str) -> None:
        """Replace the object that `read` returned with `tag`. Raises `Changed` or `NotFound`."""
        path = self._path(key)
        with _translated("replace", key), self._locked(key):
            if self.read(key).tag != tag:
                raise Changed(key)
            with self._unfinished() as (temporary, stream):
                stream.write(data)
                _flush_to_disk(stream)
                temporary.replace(path)
            _sync_folder(path.parent)

    def delete(self, key: str) -> None:
        """Remove the object. A missing object is not an error."""
        with _translated("delete", key), self._locked(key):
            self._path(key).unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[Entry]:
        """List all objects whose key begins with `prefix`, sorted by key."""
        folder = self._root / prefix.rpartition("/")[0]
        with _translated("list", prefix):
            entries = [
                Entry(path.relative_to(self._root).as_posix(), *seen)
                for path in _found_in(folder)
                if (seen := _size_and_time(path))
            ]
        visible = (entry for entry in entries if not entry.key.startswith((_UNFINISHED, _LOCKS)))
        wanted = (entry for entry in visible if entry.key.startswith(prefix))
        yield from sorted(wanted, key=lambda entry: entry.key)

    def unfinished(self) -> Iterator[Unfinished]:
        """List all writes that were begun and have not ended. A folder does not know their keys."""
        with _translated("list", _UNFINISHED):
            paths = _found_in(self._root / _UNFINISHED)
            found = [(path.name, _size_and_time(path)) for path in paths]
        for name, seen in sorted(found):
            if seen:
                yield Unfinished(f"{_UNFINISHED}/{name}", *seen, name)

    def forget(self, write: Unfinished) -> None:
        """Remove an unfinished write.

        A process that still writes it fails. An ended write is not an error.
        """
        with _translated("delete", write.key):
            (self._root / _UNFINISHED / write.upload).unlink(missing_ok=True)

    def location(self, key: str) -> str:
        """The path of the object or prefix."""
        return str(self._path(key.removesuffix("/")))

    def _path(self, key: str) -> Path:
        return self._root / require_key(key)

    @contextlib.contextmanager
    def _unfinished(self) -> Iterator[tuple[Path, BinaryIO]]:
        folder = self._root / _UNFINISHED
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / uuid.uuid4().hex
        try:
            with path.open("xb") as stream:
                yield path, stream
        finally:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        folder = self._root / _LOCKS
        folder.mkdir(parents=True, exist_ok=True)
        # Keys share 4096 locks: lock files cannot be removed safely, and one per key would leave a
        # file for every object.
        name = hashlib.sha256(key.encode()).hexdigest()[:_LOCK_DIGITS]
        with (folder / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def _translated(verb: str, key: str) -> Iterator[None]:
    """Turn an error of the file system into the store's own."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and verb != "create":
            raise NotFound(key) from None
        raise _unwritten(verb, key, error, _what_to_do(key, error)) from error


def _link(temporary: Path, path: Path, key: str) -> None:
    """Let a written file appear under its name.

    Raises:
        AlreadyExists: there is an object under this key.
        PublishError: the file system makes no hard links.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise AlreadyExists(key) from None
    except OSError as error:
        if error.errno in _WITHOUT_LINKS:
            raise _unwritten("create", key, error, _LINKS) from None
        raise


def _what_to_do(key: str, error: OSError) -> str:
    if error.errno == errno.EXDEV:
        return (
            f"{key.partition('/')[0]}/ or a folder in it is a mount of its own, and objects are "
            "linked into place, which works within one mount alone, so mount the store as a whole"
        )
    return _WHAT_TO_DO.get(error.errno or 0, "look at space, permissions and mount")


def _unwritten(verb: str, key: str, error: OSError, what_to_do: str) -> PublishError:
    return PublishError(
        f"The store could not {verb} {key}: {error.strerror}. Nothing was half-written; mend the "
        f"folder: {what_to_do}. Then run the command again."
    )


def _found_in(folder: Path) -> Iterator[Path]:
    """Find everything under a folder except folders.

    Links are found, wherever they lead. A folder that cannot be read raises its `OSError`.
    """

    def stop(error: OSError) -> None:
        raise error

    if not folder.is_dir():
        return
    for place, folders, files in os.walk(folder, onerror=stop):
        # os.path is faster here than Path.
        links = (name for name in folders if os.path.islink(os.path.join(place, name)))  # noqa: PTH114, PTH118
        yield from (Path(place, name) for name in (*files, *links))


def _size_and_time(path: Path) -> tuple[int, datetime] | None:
    """Size in bytes (0 if it is not a file) and time of the last write; None if it has vanished."""
    try:
        try:
            seen = path.stat()
        except FileNotFoundError:
            seen = path.lstat()
    except FileNotFoundError:
        return None
    size_bytes = seen.st_size if stat.S_ISREG(seen.st_mode) else 0
    return size_bytes, datetime.fromtimestamp(seen.st_mtime, UTC)


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _flush_to_disk(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents so that they survive a power cut."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
