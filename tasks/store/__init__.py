"""Where everything lies: one interface, with an implementation for each kind of place."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tasks.errors import ConfigError
from tasks.store.folder import FolderStore
from tasks.store.interface import AlreadyExists, Changed, Entry, NotFound, Store, Stored

__all__ = [
    "AlreadyExists",
    "Changed",
    "Entry",
    "NotFound",
    "StorageSettings",
    "Store",
    "Stored",
    "open_store",
    "overwrite",
]


class StorageSettings(Protocol):
    """What a store has to be told; the `storage` section of the settings is one."""

    @property
    def root(self) -> str:
        """A folder."""


def open_store(storage: StorageSettings) -> Store:
    """The store at the root of the settings. Nothing is read or made until it is used."""
    if "://" in storage.root:
        raise ConfigError(
            f"storage.root is {storage.root!r}; this version keeps its store in a folder. Give it a path."
        )
    return FolderStore(Path(storage.root))


def overwrite(store: Store, key: str, data: bytes) -> None:
    """Make `data` the object under `key`, whatever was there: for reports and checkpoints, which anyone may renew."""
    while True:
        try:
            store.create(key, data)
        except AlreadyExists:
            try:
                found = store.read(key)
                if found.data != data:
                    store.replace(key, data, tag=found.tag)
            except (Changed, NotFound):
                continue
        return
