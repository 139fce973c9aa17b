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
    "printable_location",
]


class StorageSettings(Protocol):
    """Settings that open a store: the `storage` section, whose fields explain each of them."""

    @property
    def root(self) -> str:
        """A folder, or `s3://bucket/prefix`."""

    @property
    def single_writer(self) -> bool:
        """True if only one process at a time writes."""

    @property
    def kms_key(self) -> str | None:
        """Key with which S3 encrypts new objects; None leaves the choice to the bucket."""

    @property
    def part_bytes(self) -> int:
        """Bytes sent to S3 in one request."""

    @property
    def attempts(self) -> int:
        """Attempts of one request to S3, the first one included."""

    @property
    def connect_timeout_seconds(self) -> float:
        """Longest wait for a connection to S3."""

    @property
    def read_timeout_seconds(self) -> float:
        """Longest wait for more of an answer of S3."""


def open_store(storage: StorageSettings) -> Store:
    """Open the store at the root of the settings.

    Nothing is read, made or connected before its first use. Opening is cheap: a process keeps its
    connections to S3, and its knowledge of each S3 store, for all stores that it opens.

    Raises:
        ConfigError: the root is neither a folder nor an `s3://` address with a bucket.
    """
    scheme, separator, rest = storage.root.partition("://")
    if not separator:
        return FolderStore(Path(storage.root))
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if scheme != "s3" or not bucket or (prefix and not is_key(prefix)):
        allowed = "a folder's path, s3://bucket or s3://bucket/prefix"
        raise ConfigError(f"storage.root is {storage.root!r}; it must be {allowed}.")
    root = S3Root(
        bucket=bucket,
        prefix=f"{prefix}/" if prefix else "",
        single_writer=storage.single_writer,
        kms_key=storage.kms_key,
        part_bytes=storage.part_bytes,
        attempts=storage.attempts,
        connect_timeout_seconds=storage.connect_timeout_seconds,
        read_timeout_seconds=storage.read_timeout_seconds,
    )
    return S3Store(root)


def printable_location(store: Store, key: str) -> str:
    """Place of an object, or of a prefix that ends in a slash, for messages.

    A key that the store would refuse is escaped to ASCII instead.
    """
    is_locatable = key.isprintable() and is_key(key.removesuffix("/"))
    return store.location(key) if is_locatable else ascii(key)
