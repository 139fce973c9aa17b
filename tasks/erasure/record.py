"""What an erasure did to which object, for those who must prove it."""

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
    """An object before and after, as the record tells it."""

    key: str
    sha256: str
    rows: int
    """Rows of the applicant in it."""
    new_key: str | None = None
    """None where it is removed."""
    new_sha256: str | None = None


class ObjectRewrite(NamedTuple):
    """An object that is written over, or removed."""

    tag: str
    data: bytes | None
    """None where it is removed."""
    change: ObjectChange

    @property
    def key(self) -> str:
        """Where it lies."""
        return self.change.key


def rewrite(key: str, before: Stored, data: bytes | None, *, rows: int = 0) -> ObjectRewrite:
    """An object as it was read, and what it becomes.

    Args:
        rows: of the applicant in it.
    """
    if data is None:
        return ObjectRewrite(before.tag, None, ObjectChange(key, sha256_of_data(before.data), rows))
    return ObjectRewrite(
        before.tag, data, ObjectChange(key, sha256_of_data(before.data), rows, key, sha256_of_data(data))
    )


class ErasureRecord:
    """What an erasure did, for those who must prove it; it names nobody, and is told before each change."""

    def __init__(self, store: Store, at: datetime, reason: str) -> None:
        """Nothing is written before there is something to tell."""
        self._store, self._at, self._reason = store, at.isoformat(timespec="seconds"), reason
        self.key = erasure_record_key(at, secrets.token_hex(4))
        self.changes: list[ObjectChange] = []

    @property
    def told(self) -> dict[str, str]:
        """When and why."""
        return {"at": self._at, "reason": self._reason}

    def tell(self, changes: Sequence[ObjectChange]) -> None:
        """Add changes that are about to be made."""
        is_new = not self.changes
        self.changes.extend(changes)
        data = json.dumps(self.told | {"objects": [each._asdict() for each in self.changes]}, indent=1).encode()
        if is_new and changes:
            self._store.create(self.key, data)
        elif changes:
            self._store.replace(self.key, data, tag=self._store.read(self.key).tag)


def sha256_of_data(data: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()
