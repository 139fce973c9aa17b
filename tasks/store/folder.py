"""The object store in a local folder.

`create` is a hard link: the file system lets exactly one caller win and shows the object whole. `replace` compares and
renames under a file lock, so it is safe between processes of one machine. Unfinished writes lie under `.unfinished/`,
beside everything a reader looks at.
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
from tasks.store.reading import told_reads

_UNFINISHED: Final = ".unfinished"
_LOCKS: Final = ".locks"
_LOCK_DIGITS: Final = 3


class FolderStore:
    """A `Store` on a folder, which is made when something is first written."""

    def __init__(self, root: Path) -> None:
        """`root` is the folder under which every key is a relative path."""
        self._root = root

    def read(self, key: str) -> Stored:
        """The whole object. Raises `NotFound`."""
        with self.open(key) as stream:
            data = stream.read()
        return Stored(data, _tag(data))

    @contextlib.contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """The object as a seekable stream. Raises `NotFound`."""
        path = self._path(key)
        with _told("read", key):
            if path.is_fifo() or path.is_socket():
                raise OSError(errno.EINVAL, "It is no file")  # and reading it would wait for ever
            file = path.open("rb", buffering=0)
        with told_reads(file, functools.partial(_told, "read", key)) as stream:
            yield stream

    def create(self, key: str, data: bytes) -> None:
        """Write a new object, whole or not at all. Raises `AlreadyExists`."""
        with self.create_stream(key) as stream:
            stream.write(data)

    @contextlib.contextmanager
    def create_stream(self, key: str) -> Iterator[BinaryIO]:
        """Write a new object piece by piece; it appears when the block ends without error. Raises `AlreadyExists`."""
        path = self._path(key)
        with _told("create", key):
            if path.exists():  # spares the writing; the link below is what decides
                raise AlreadyExists(key)
            with self._unfinished() as (temporary, stream):
                yield stream
                _settle(stream)
                _make_folder(path.parent)
                try:
                    os.link(temporary, path)
                except FileExistsError:
                    raise AlreadyExists(key) from None
            _sync_folder(path.parent)

    def replace(self, key: str, data: bytes, *, tag: str) -> None:
        """Write over the object that `read` returned with this `tag`. Raises `Changed` or `NotFound`."""
        path = self._path(key)
        with _told("replace", key), self._locked(key):
            if self.read(key).tag != tag:
                raise Changed(key)
            with self._unfinished() as (temporary, stream):
                stream.write(data)
                _settle(stream)
                temporary.replace(path)
            _sync_folder(path.parent)

    def delete(self, key: str) -> None:
        """Remove the object; no error where there is none."""
        with _told("delete", key), self._locked(key):
            self._path(key).unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[Entry]:
        """All objects whose key begins with `prefix`, sorted by key."""
        folder = self._root / prefix.rpartition("/")[0]
        with _told("list", prefix):
            entries = [
                Entry(path.relative_to(self._root).as_posix(), *seen)
                for path in _found_in(folder)
                if (seen := _size_and_time(path))
            ]
        visible = (entry for entry in entries if not entry.key.startswith((_UNFINISHED, _LOCKS)))
        yield from sorted((entry for entry in visible if entry.key.startswith(prefix)), key=lambda entry: entry.key)

    def unfinished(self) -> Iterator[Unfinished]:
        """All writes that were begun and have not ended; which keys they are for nobody noted."""
        with _told("list", _UNFINISHED):
            found = [(path.name, _size_and_time(path)) for path in _found_in(self._root / _UNFINISHED)]
        yield from (Unfinished(f"{_UNFINISHED}/{name}", *seen, name) for name, seen in sorted(found) if seen)

    def forget(self, write: Unfinished) -> None:
        """Remove what was written so far; a process that is still at it fails. No error where it has ended."""
        with _told("delete", write.key):
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
        # Keys share 4096 locks: lock files cannot be removed safely, and one per key would be left for every object.
        with (folder / hashlib.sha256(key.encode()).hexdigest()[:_LOCK_DIGITS]).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def _told(verb: str, key: str) -> Iterator[None]:
    """Turn what the file system says into the store's own words."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and verb != "create":
            raise NotFound(key) from None
        raise PublishError(
            f"The store could not {verb} {key}: {error.strerror}. Nothing was half-written; "
            "mend the folder (space, permissions, mount) and run the command again."
        ) from error


def _found_in(folder: Path) -> Iterator[Path]:
    """Everything but folders under a folder; neither what cannot be read nor a link, wherever it leads, goes unseen."""

    def stop(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(folder, onerror=stop) if folder.is_dir() else ():
        links = (name for name in folders if os.path.islink(os.path.join(place, name)))  # noqa: PTH114, PTH118 - fast
        yield from (Path(place, name) for name in (*files, *links))


def _size_and_time(path: Path) -> tuple[int, datetime] | None:
    """Bytes of a file, 0 of anything else, and when it was last written; None where it has vanished meanwhile."""
    try:
        try:
            seen = path.stat()
        except FileNotFoundError:
            seen = path.lstat()
    except FileNotFoundError:
        return None
    return seen.st_size if stat.S_ISREG(seen.st_mode) else 0, datetime.fromtimestamp(seen.st_mtime, UTC)


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _settle(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents, so that they are still there after a power cut."""
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
