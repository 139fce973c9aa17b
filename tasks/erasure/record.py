"""Record of an erasure: the change of each object, for those who must prove it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from tasks.publication.layout import erasure_record_key
from tasks.store import Store, Stored


class ObjectChange(NamedTuple):
    """An object before and after, as the record states it."""

    key: str
    sha256: str
    rows: int
    """Number of the applicant's rows in it."""
    new_key: str | None = None
    """None if it is removed."""
    new_sha256: str | None = None


class ObjectRewrite(NamedTuple):
    """An object that is written over, or removed."""

    tag: str
    data: bytes | None
    """None if it is removed."""
    change: ObjectChange

    @property
    def key(self) -> str:
        """Key of the object."""
        return self.change.key


def rewrite(key: str, before: Stored, data: bytes | None, *, rows: int = 0) -> ObjectRewrite:
    """Rewrite of an object, from its bytes as read to its new bytes.

    Args:
        key: of the object.
        before: the object as read.
        data: its new bytes; None removes it.
        rows: number of the applicant's rows in it.
    """
    sha256 = sha256_of_data(before.data)
    if data is None:
        return ObjectRewrite(before.tag, None, ObjectChange(key, sha256, rows))
    change = ObjectChange(key, sha256, rows, key, sha256_of_data(data))
    return ObjectRewrite(before.tag, data, change)


class ErasureRecord:
    """Record of an erasure, for those who must prove it.

    It names nobody, and each change is written to it before it is made.
    """

    def __init__(self, store: Store, at: datetime, reason: str) -> None:
        """Prepare the record. Nothing is written before the first change."""
        self._store = store
        self._at = at.isoformat(timespec="seconds")
        self._reason = reason
        self.key = erasure_record_key(at, secrets.token_hex(4))
        self.changes: list[ObjectChange] = []

    @property
    def entry(self) -> dict[str, str]:
        """Time and reason of the erasure."""
        return {"at": self._at, "reason": self._reason}

    def add(self, changes: Sequence[ObjectChange]) -> None:
        """Add changes that are about to be made."""
        is_new = not self.changes
        self.changes.extend(changes)
        objects = [each._asdict() for each in self.changes]
        data = json.dumps(self.entry | {"objects": objects}, indent=1).encode()
        if is_new and changes:
            self._store.create(self.key, data)
        elif changes:
            self._store.replace(self.key, data, tag=self._store.read(self.key).tag)


def sha256_of_data(data: bytes) -> str:
    """SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
