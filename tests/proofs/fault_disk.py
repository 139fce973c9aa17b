"""Breaking folders: between the steps of a day and the store, and between the store and the file system.

Nothing of the store is replaced. `BreakingStore` hands every verb on to the real store; `BreakingDisk` stands where
Python calls the file system, for paths under one folder alone.
"""

import contextlib
import errno
import fcntl
import io
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import pytest

from tasks.errors import PublishError
from tasks.store import Entry, Store, Stored

CHANGES: Final = {"create", "write", "mkdir", "link", "replace", "unlink"}
"""Calls that leave the folder another one. Between two of them it does not matter when a process dies."""
_WATCHED: Final = {"mkdir": os, "link": os, "replace": os, "unlink": os, "fsync": os, "open": os, "scandir": os,
                   "stat": os, "lstat": os, "flock": fcntl}  # fmt: skip
_NEEDS_ROOM: Final = {"create", "write", "mkdir", "link"}


@dataclass
class Fuse:
    """Sees calls one after the other, and strikes one of them."""

    number: int = 0
    """The call that is struck, counted from 1; with 0 all pass."""
    strike: Callable[[str], None] = lambda _: None
    """What befalls it, told by the call's name."""
    among: Callable[[str], bool] = lambda _: True
    """Which calls are counted, by name."""
    is_late: bool = False
    """Whether it is struck when it has done its work."""
    lasts: bool = False
    """Whether all that come after it are struck as well, counted or not, and do no work."""
    calls: list[str] = field(default_factory=list)
    """Of those that were counted, the name and what it was about."""

    @contextlib.contextmanager
    def call(self, name: str, about: object = "") -> Iterator[bool]:
        """Around a call; tells whether it is the one."""
        if self.lasts and 0 < self.number <= len(self.calls):
            self.strike(name)
        is_counted = self.among(name)
        self.calls += [f"{name} {about}"] if is_counted else []
        is_struck = is_counted and len(self.calls) == self.number
        if is_struck and not self.is_late:
            self.strike(name)
        try:
            yield is_struck
        finally:
            if is_struck and self.is_late:
                self.strike(name)


@dataclass
class Unflushed:
    """What a disk has been told and need not have kept: names in folders, and bytes of files."""

    names: list[tuple[Path, Callable[[], object]]] = field(default_factory=list)
    """The folder of each new name, and what takes it back; in the order in which they came."""
    files: set[Path] = field(default_factory=set)

    def flush(self, path: Path) -> None:
        """Keep a file's bytes, or a folder's names."""
        self.files.discard(path)
        self.names = [each for each in self.names if each[0] != path]

    def lose(self) -> None:
        """Cut the power. Of the names that were not flushed the newest stays, and half of every such file.

        A disk may keep any of them; this is how it harms most who relies on an order of his own.
        """
        for _, take_back in reversed(self.names[:-1]):
            take_back()
        for path in self.files:
            if path.exists():
                os.truncate(path, path.stat().st_size // 2)


def _taking_back(call: str, path: Path, *args: Any) -> list[tuple[Path, Callable[[], object]]]:
    """The folder in which a call is about to make a name, and what takes that back; empty where it makes none."""
    if call == "mkdir":
        return [(path.parent, partial(shutil.rmtree, path, ignore_errors=True))]
    new = Path(args[0]) if call in {"link", "replace"} else path
    if call == "replace" and new.exists():
        return [(new.parent, partial(new.write_bytes, new.read_bytes()))]
    return [(new.parent, partial(new.unlink, missing_ok=True))] if call in {"create", "link", "replace"} else []


def fail_on_disk(name: str) -> None:
    """What a disk does that is full or broken."""
    code = errno.ENOSPC if name in _NEEDS_ROOM else errno.EIO
    raise OSError(code, os.strerror(code))


def fail_in_store(name: str) -> None:
    """What any store does that cannot be reached."""
    raise PublishError(f"The store could not {name}: broken on purpose.")


def die(_: str) -> None:
    """End this process at once: no handler, no `finally`, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


class BreakingStore:
    """The real store behind a fuse that sees every verb."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    def read(self, key: str) -> Stored:
        with self._fuse.call("read", key):
            return self._store.read(key)

    def read_range(self, key: str, begin: int, end: int) -> bytes:
        with self._fuse.call("read_range", key):
            return self._store.read_range(key, begin, end)

    @contextlib.contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with self._fuse.call("open", key), self._store.open(key) as stream:
            yield stream

    def create(self, key: str, data: bytes) -> None:
        with self._fuse.call("create", key):
            self._store.create(key, data)

    @contextlib.contextmanager
    def create_stream(self, key: str) -> Iterator[BinaryIO]:
        with self._fuse.call("create_stream", key), self._store.create_stream(key) as stream:
            yield stream

    def replace(self, key: str, data: bytes, *, tag: str) -> None:
        with self._fuse.call("replace", key):
            self._store.replace(key, data, tag=tag)

    def delete(self, key: str) -> None:
        with self._fuse.call("delete", key):
            self._store.delete(key)

    def list(self, prefix: str) -> Iterator[Entry]:
        with self._fuse.call("list", prefix):
            yield from self._store.list(prefix)

    def location(self, key: str) -> str:
        return self._store.location(key)


class BreakingDisk:
    """Where Python calls the file system: what concerns one folder passes a fuse, everything else passes by."""

    def __init__(self, folder: Path, fuse: Fuse, *, halves_writes: bool) -> None:
        """With `halves_writes` the write that is struck writes the first half of its bytes."""
        self._folder, self._halves_writes = folder, halves_writes
        self._open_file = io.open
        self.fuse, self.unflushed = fuse, Unflushed()

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Every call passes here until the block ends."""
        with pytest.MonkeyPatch.context() as patch:
            for name, module in _WATCHED.items():
                patch.setattr(module, name, partial(self._call, name, getattr(module, name)))
            patch.setattr(io, "open", self._open)
            yield

    def write(self, path: Path, data: Any, write: Callable[[Any], int]) -> int:
        """Write to an open file."""
        with self.fuse.call("write", path) as is_struck:
            self.unflushed.files.add(path)
            return write(data[: len(data) // 2] if is_struck and self._halves_writes else data)

    def _call(self, name: str, function: Callable[..., Any], target: Any, *args: Any, **options: Any) -> Any:
        path = _path_of(target)
        if not path.is_relative_to(self._folder):
            return function(target, *args, **options)
        with self.fuse.call(name, path):
            new_names = _taking_back(name, path, *args)
            result = function(target, *args, **options)
            self.unflushed.names += new_names
            if name in {"link", "replace"} and path in self.unflushed.files:
                self.unflushed.files.add(Path(args[0]))
            if name == "fsync":
                self.unflushed.flush(path)
            return result

    def _open(self, target: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        path = _path_of(target)
        if not path.is_relative_to(self._folder):
            return self._open_file(target, mode, *args, **options)
        is_read = set(mode) <= set("rbt")
        file = self._call("open" if is_read else "create", partial(_File, self), path, mode.replace("b", ""))
        binary = io.BufferedReader(file) if is_read else io.BufferedWriter(file)
        return binary if "b" in mode else io.TextIOWrapper(binary)


class _File(io.FileIO):
    """An open file whose reads and writes pass a disk's fuse."""

    def __init__(self, disk: BreakingDisk, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._disk, self._path = disk, path

    def readinto(self, buffer: Any) -> Any:
        with self._disk.fuse.call("read", self._path):
            return super().readinto(buffer)

    def readall(self) -> Any:
        with self._disk.fuse.call("read", self._path):
            return super().readall()

    def write(self, data: Any) -> Any:
        return self._disk.write(self._path, data, super().write)


def _path_of(target: Any) -> Path:
    """The path that a call is about: given as such, as a descriptor, or as an open file."""
    descriptor = target.fileno() if hasattr(target, "fileno") else target
    if isinstance(descriptor, int):
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    return Path(os.fsdecode(target))
