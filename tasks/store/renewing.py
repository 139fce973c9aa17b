"""Objects that several processes may renew at the same time: one loop of compare and swap."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from tasks.errors import PublishError
from tasks.store.interface import AlreadyExists, Changed, NotFound, Store, Stored
from tasks.store.s3_client import pause_seconds

_TRIES: Final = 20
_SHORT_PAUSES: Final = 3


def read_if_there(store: Store, key: str) -> Stored | None:
    """Read the object under `key`; None if there is none.

    If the object is replaced while it is read, it is read again.

    Raises:
        PublishError: others replace it again and again.
    """
    for _ in range(_TRIES):
        try:
            return store.read(key)
        except NotFound:
            return None
        except Changed:
            continue
    raise PublishError(f"{store.location(key)} was replaced {_TRIES} times while it was read; run the command again.")


def renew(
    store: Store,
    key: str,
    renewed: Callable[[Stored | None], bytes | None],
    *,
    state: str = "Nothing was changed.",
) -> bool:
    """Renew an object from its present content. Returns True if it was written.

    No change that others make in between is lost.

    Args:
        store: place of the object.
        key: of the object.
        renewed: maps the object as read (None: there is none) to its new bytes, or to None to leave
            it as it is. It is called again each time another process was faster.
        state: sentence of the error message that says what is published and what is not.

    Raises:
        PublishError: others change it again and again, or the store contradicts itself.
    """
    for failures in range(_TRIES):
        seen = read_if_there(store, key)
        data = renewed(seen)
        if data is None or (seen and seen.data == data):
            return False
        try:
            if seen:
                store.replace(key, data, tag=seen.tag)
            else:
                store.create(key, data)
        except (AlreadyExists, Changed, NotFound):
            time.sleep(pause_seconds(min(failures, _SHORT_PAUSES)))
            continue
        return True
    raise PublishError(
        f"{store.location(key)} could not be renewed in {_TRIES} tries: each time others had "
        f"changed it, or it was there and was not. {state} See who else writes it, or what lies "
        "there; then run the command again."
    )


def overwrite(store: Store, key: str, data: bytes) -> bool:
    """Make `data` the object under `key`, whatever was there. Returns True if something else was, or nothing.

    It is for reports and checkpoints, which anyone may renew.

    Raises what `renew` raises.
    """
    return renew(store, key, lambda _: data)
