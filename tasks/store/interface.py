"""The object store as the rest of the system sees it: six verbs and two streams.

Keys look like `landing/day=D/x.csv`. Two promises carry everything built on the store. `create`
succeeds for exactly one caller, even if others try at the same instant. `replace` succeeds only if
the object is still the one that was read. A reader never sees half an object. Two more verbs serve
housekeeping alone: `unfinished` and `forget`, for writes that never ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


class NotFound(Exception):
    """No object lies under this key."""


class AlreadyExists(Exception):
    """`create` found an object under this key and left it as it is."""


class Changed(Exception):
    """The object under this key is not the one that was read. It was left as it is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed object."""

    key: str
    size_bytes: int
    modified_at: datetime
    """Time of its last write by the store's clock, in UTC."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A write that has not ended, of a process that still runs or has died. No reader sees it."""

    key: str
    """Key of the object, if the store knows it; otherwise a name for the write itself."""
    size_bytes: int
    modified_at: datetime
    """Time at which bytes of it were last written, in UTC."""
    upload: str
    """The store's own name for the write."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as read: its bytes and the tag that `replace` compares."""

    data: bytes
    tag: str


class Store(Protocol):
    """The verbs of both the folder and S3.

    A store that cannot be reached or is full raises `tasks.errors.PublishError`.
    """

    def read(self, key: str) -> Stored:
        """Read the whole object.

        Raises:
            NotFound: there is no object under this key.
            Changed: the object was replaced while a broken read was resumed.
        """

    def read_range(self, key: str, begin: int, end: int) -> bytes:
        """Read the bytes from `begin` to before `end`; fewer if the object ends before. Raises what `read` raises."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open one version of the object as a seekable stream. Raises what `read` raises."""

    def create(self, key: str, data: bytes) -> None:
        """Write a new object, whole or not at all. Raises `AlreadyExists`."""

    def create_stream(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Write a new object piece by piece. Raises `AlreadyExists`.

        The object appears when the block ends without error.
        """

    def replace(self, key: str, data: bytes, *, tag: str) -> None:
        """Replace the object that `read` returned with `tag`. Raises `Changed` or `NotFound`."""

    def delete(self, key: str) -> None:
        """Remove the object. A missing object is not an error."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """List all objects whose key begins with `prefix`, sorted by key.

        Nothing needs it to be correct.
        """

    def unfinished(self) -> Iterator[Unfinished]:
        """List all writes that were begun and have not ended."""

    def forget(self, write: Unfinished) -> None:
        """Give an unfinished write up and free its space.

        A process that still writes it fails. An ended write is not an error.
        """

    def location(self, key: str) -> str:
        """Path or `s3://` address of the object, or of a prefix that ends in a slash."""
