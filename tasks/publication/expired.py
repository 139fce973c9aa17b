"""What retention removed: data files that manifests name and that are gone by rule, noted beside the manifests.

The note of a day tells a file that was removed on purpose from one that was lost. Whoever removes files notes them
first, so that none is ever gone without a word; whoever makes one anew takes it off the note.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

from tasks.errors import PublishError
from tasks.publication.layout import expired_key
from tasks.store import Store, Stored
from tasks.store.renewing import read_if_there, renew

_TOLD: Final = {"at", "rule"}
_Noted = dict[str, dict[str, str]]


def read_expired(store: Store, as_of: date) -> dict[str, dict[str, str]]:
    """Key of each removed data file to when (`at`) and by which `rule`; empty where none was.

    Raises:
        PublishError: what lies there is no such note.
    """
    stored = read_if_there(store, expired_key(as_of))
    return _read(store, as_of, stored.data) if stored else {}


def note_expired(store: Store, as_of: date, keys: Iterable[str], *, rule: str, at: str) -> None:
    """Add data files to the day's note; a key that is noted already keeps its first note. Safe to repeat.

    Args:
        rule: by which they are removed, in words.
        at: when, in ISO format.

    Raises:
        PublishError: what lies there is no such note, or others change it again and again.
    """
    added = {key: {"at": at, "rule": rule} for key in keys}
    _renew(store, as_of, lambda noted: added | noted)


def forget_expired(store: Store, as_of: date, keys: Iterable[str]) -> None:
    """Take files that are there again off the day's note: should one be missing later, it was lost. Safe to repeat.

    Raises what `note_expired` raises.
    """
    back = set(keys)
    _renew(store, as_of, lambda noted: {key: told for key, told in noted.items() if key not in back})


def _renew(store: Store, as_of: date, change: Callable[[_Noted], _Noted]) -> None:
    def renewed(seen: Stored | None) -> bytes | None:
        noted = _read(store, as_of, seen.data) if seen else {}
        changed = change(noted)
        if changed.keys() == noted.keys():
            return None
        return json.dumps({"expired": dict(sorted(changed.items()))}, indent=1).encode()

    renew(store, expired_key(as_of), renewed)


def _read(store: Store, as_of: date, data: bytes) -> dict[str, dict[str, str]]:
    try:
        noted = json.loads(data)["expired"]
        is_note = all(
            each.keys() == _TOLD and all(type(word) is str for word in each.values()) for each in noted.values()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_note = False
    if not is_note:
        raise PublishError(
            f"{store.location(expired_key(as_of))} does not note which files were removed and when; restore it from a "
            "backup, or remove it: then what was removed by rule is told as missing."
        )
    return dict(noted)
