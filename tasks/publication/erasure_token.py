"""Note by which a run learns that an applicant was erased from its day during the run.

A run that has read an applicant's rows may publish them after the last look of the erasure. So an
erasure leaves a fresh token twice: when it begins on a day, and when nothing of the applicant is
left there, before its last look. A run reads the token before it lists anything, and around its
commit. If the token differs, the run stops.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import date
from typing import Final

from tasks.errors import PublishError
from tasks.publication.layout import day_of, erased_key, room_prefix
from tasks.store import Store
from tasks.store.renewing import overwrite, read_if_there

_UNDER_WAY: Final = "under way"


def note_erasure(store: Store, as_of: date, *, is_over: bool) -> None:
    """Leave a fresh token; until the erasure is over, no run begins on the day."""
    note = {"erasure": "over" if is_over else _UNDER_WAY, "token": secrets.token_hex(16)}
    overwrite(store, erased_key(as_of), json.dumps(note).encode())


def read_token(store: Store, as_of: date) -> str | None:
    """Token of the day's last erasure, different for each one.

    None if there was none, or if its note was removed.
    """
    stored = read_if_there(store, erased_key(as_of))
    return stored.tag if stored else None


def require_no_erasure(store: Store, as_of: date) -> str | None:
    """Token of the day's last erasure, for a run that begins; None if there is none.

    Raises:
        PublishError: an erasure is under way, or died; the landing is partly erased.
    """
    stored = read_if_there(store, erased_key(as_of))
    if stored and _UNDER_WAY.encode() in stored.data:
        raise PublishError(
            f"An applicant is being erased from {as_of}, or the erasure broke off. Nothing was "
            "changed. Let it end, or finish it with the same command (scoring clean --erase); then "
            "run this command again."
        )
    return stored.tag if stored else None


def days_unfinished(store: Store) -> Iterator[date]:
    """Days on which an erasure was begun and is not over."""
    for entry in store.list(room_prefix("work")):
        as_of = day_of(entry.key)
        if as_of and entry.key == erased_key(as_of):
            stored = read_if_there(store, entry.key)
            if stored and _UNDER_WAY.encode() in stored.data:
                yield as_of
