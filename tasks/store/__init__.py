"""Where everything lies: one interface, with an implementation for each kind of place."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import ConfigError
from tasks.store.folder import FolderStore
from tasks.store.interface import AlreadyExists, Changed, Entry, NotFound, Store, Stored

__all__ = ["AlreadyExists", "Changed", "Entry", "NotFound", "Store", "Stored", "open_store", "overwrite"]


def open_store(root: str) -> Store:
    """The store at `root`, a folder. Nothing is read or made until it is used."""
    if "://" in root:
        raise ConfigError(f"storage.root is {root!r}; this version keeps its store in a folder. Give it a path.")
    return FolderStore(Path(root))


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
