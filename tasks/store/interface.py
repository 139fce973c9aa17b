"""The object store as the rest of the system sees it: five verbs and two streams, on keys like `landing/day=D/x.csv`.

Two promises carry everything built on it. `create` succeeds for exactly one caller, whoever else tries at the same
instant. `replace` succeeds only if the object is still the one that was read. A reader never sees half an object. Two
verbs more are for housekeeping alone: `unfinished` and `forget`, for writes that never ended.
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
    """`create` found an object under this key; it was left as it is."""


class Changed(Exception):
    """Another object lies there than the one that was read; it was left as it is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed object."""

    key: str
    size_bytes: int
    modified_at: datetime
    """When it was last written, by the store's clock, in UTC."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A write that was begun and has not ended: of a process at work, or of one that died. No reader sees it."""

    key: str
    """What is being written, where the store knows it; otherwise a name of the write's own."""
    size_bytes: int
    modified_at: datetime
    """When something of it was last written, in UTC."""
    upload: str
    """What the store calls the write."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as read: its bytes, and the tag that `replace` compares."""

    data: bytes
    tag: str


class Store(Protocol):
    """What folder and S3 both do. A store that cannot be reached or is full raises `tasks.errors.PublishError`."""

    def read(self, key: str) -> Stored:
        """The whole object. Raises `NotFound`, or `Changed` where it was replaced while a broken read was resumed."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """One version of the object as a seekable stream. Raises what `read` raises."""

    def create(self, key: str, data: bytes) -> None:
        """Write a new object, whole or not at all. Raises `AlreadyExists`."""

    def create_stream(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Write a new object piece by piece; it appears when the block ends without error. Raises `AlreadyExists`."""

    def replace(self, key: str, data: bytes, *, tag: str) -> None:
        """Write over the object that `read` returned with this `tag`. Raises `Changed` or `NotFound`."""

    def delete(self, key: str) -> None:
        """Remove the object; no error where there is none."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """All objects whose key begins with `prefix`, sorted by key. Never needed for correctness."""

    def unfinished(self) -> Iterator[Unfinished]:
        """All writes that were begun and have not ended."""

    def forget(self, write: Unfinished) -> None:
        """Give a write up and free its space; a process that is still at it fails. No error where it has ended."""

    def location(self, key: str) -> str:
        """Where a person finds the object, or all under a prefix ending in a slash: a path or an `s3://` address."""
