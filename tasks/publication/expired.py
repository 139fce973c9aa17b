"""Expired files: data files that manifests name and that were removed by rule, noted beside them.

The note of a day distinguishes a file that was removed on purpose from a lost one. A file is noted
before it is removed, so that none is ever gone without a note. A file that is made anew is taken
off the note.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Final

from tasks.errors import PublishError
from tasks.publication.layout import expired_key
from tasks.store import Store, Stored
from tasks.store.renewing import read_if_there, renew

_FIELDS: Final = {"at", "rule"}
"""Fields of a removed file in the note."""
_Noted = dict[str, dict[str, str]]


def read_expired(store: Store, as_of: date) -> dict[str, dict[str, str]]:
    """Key of each removed file to its time (`at`) and its `rule`; empty if none was removed.

    Raises:
        PublishError: the object in the place of the note is not one.
    """
    stored = read_if_there(store, expired_key(as_of))
    return _read(store, as_of, stored.data) if stored else {}


def note_expired(store: Store, as_of: date, keys: Iterable[str], *, rule: str, at: str) -> None:
    """Add files to the day's note; a noted key keeps its first entry. Safe to repeat.

    Args:
        rule: by which they are removed, in words.
        at: time of the removal, in ISO format.

    Raises:
        PublishError: the object in the place of the note is not one, or others change it again and
            again.
    """
    added = {key: {"at": at, "rule": rule} for key in keys}
    _renew(store, as_of, lambda noted: added | noted)


def forget_expired(store: Store, as_of: date, keys: Iterable[str]) -> None:
    """Take files that exist again off the day's note. Safe to repeat.

    A file that is missing later was then lost. Raises what `note_expired` raises.
    """
    back = set(keys)
    _renew(store, as_of, lambda noted: {key: entry for key, entry in noted.items() if key not in back})


def _renew(store: Store, as_of: date, change: Callable[[_Noted], _Noted]) -> None:
    def renewed(seen: Stored | None) -> bytes | None:
        noted = _read(store, as_of, seen.data) if seen else {}
        changed = change(noted)
        if changed.keys() == noted.keys():
            return None
        return json.dumps({"expired": dict(sorted(changed.items()))}, indent=1).encode()

    renew(store, expired_key(as_of), renewed)


def _is_entry(entry: dict[Any, Any]) -> bool:
    """True if the entry has all fields of a removed file, each of them a text."""
    return entry.keys() == _FIELDS and all(type(value) is str for value in entry.values())


def _read(store: Store, as_of: date, data: bytes) -> dict[str, dict[str, str]]:
    try:
        noted = json.loads(data)["expired"]
        is_note = all(_is_entry(entry) for entry in noted.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_note = False
    if not is_note:
        raise PublishError(
            f"{store.location(expired_key(as_of))} does not note which files were removed and "
            "when; restore it from a backup, or remove it: then what was removed by rule is "
            "reported as missing."
        )
    return dict(noted)
