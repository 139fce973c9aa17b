"""The object store: one interface, with an implementation for each kind of place.

It knows keys and bytes, and nothing of days. Called by whoever reads or writes the store.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tasks.errors import ConfigError
from tasks.store.folder import FolderStore
from tasks.store.interface import AlreadyExists, Changed, Entry, NotFound, Store, Stored, Unfinished
from tasks.store.keys import is_key
from tasks.store.s3 import S3Store
from tasks.store.s3_client import S3Root

__all__ = [
    "AlreadyExists",
    "Changed",
    "Entry",
    "NotFound",
    "StorageSettings",
    "Store",
    "Stored",
    "Unfinished",
    "open_store",
    "told_location",
]


class StorageSettings(Protocol):
    """What a store has to be told; the `storage` section of the settings is one, and explains each."""

    @property
    def root(self) -> str:
        """A folder, or `s3://bucket/prefix`."""

    @property
    def single_writer(self) -> bool:
        """Whether one process at a time writes."""

    @property
    def kms_key(self) -> str | None:
        """What S3 encrypts new objects with; None leaves it to the bucket."""

    @property
    def part_bytes(self) -> int:
        """Bytes S3 is sent in one request."""

    @property
    def attempts(self) -> int:
        """Tries of one request to S3 in all."""

    @property
    def connect_timeout_seconds(self) -> float:
        """Longest wait for a connection."""

    @property
    def read_timeout_seconds(self) -> float:
        """Longest silence of an answer."""


def open_store(storage: StorageSettings) -> Store:
    """The store at the root of the settings. Nothing is read, made or connected until it is used.

    Opening is cheap: connections to S3 and what is known of its stores are kept per process, not per opened store.

    Raises:
        ConfigError: the root is neither a folder nor an `s3://` address with a bucket.
    """
    scheme, separator, rest = storage.root.partition("://")
    if not separator:
        return FolderStore(Path(storage.root))
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if scheme != "s3" or not bucket or (prefix and not is_key(prefix)):
        raise ConfigError(
            f"storage.root is {storage.root!r}; allowed are a folder's path and s3://bucket or s3://bucket/prefix."
        )
    return S3Store(
        S3Root(
            bucket, f"{prefix}/" if prefix else "", single_writer=storage.single_writer, kms_key=storage.kms_key,
            part_bytes=storage.part_bytes, attempts=storage.attempts,
            connect_timeout_seconds=storage.connect_timeout_seconds, read_timeout_seconds=storage.read_timeout_seconds,
        )
    )  # fmt: skip


def told_location(store: Store, key: str) -> str:
    """Where a person finds an object, or all under a prefix ending in a slash, whatever it is called."""
    return store.location(key) if key.isprintable() and is_key(key.removesuffix("/")) else ascii(key)
