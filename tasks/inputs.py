"""Which day a delivered file was published for, so that yesterday's file is not taken for today's.

The manifest of a day says what it was made from, and is the truth. A note under the file's digest only says which day's
manifest to look at, so that no day need be listed; it is written before the manifest, and one whose day was never
published, or was revised to other files, counts for nothing.
"""

from __future__ import annotations

import json
from datetime import date

from tasks.core.day import Delivery, FileRef
from tasks.errors import SourceError
from tasks.revisions import newest_manifest
from tasks.store import NotFound, Store, overwrite


def require_own_files(store: Store, delivery: Delivery) -> None:
    """Refuse a delivery with a file that another day was published from.

    Files that were announced with no rows are equal every day, and pass.

    Raises:
        SourceError: names the file and the other day.
    """
    for file in _telling(delivery):
        noted = _noted_day(store, file)
        if noted in {None, delivery.as_of}:
            continue
        published = newest_manifest(store, noted)
        names = [name for name, sha256 in published.inputs.items() if sha256 == file.sha256] if published else []
        if names:
            raise SourceError(
                f"{file.name} is the file of another day: {noted} was published from the very same one, {names[0]} "
                f"(SHA-256 {file.sha256[:12]}…). Nothing was published. Deliver the applications of {delivery.as_of}; "
                f"or, should {noted} have been given the wrong file, mend that day first."
            )


def note_inputs(store: Store, delivery: Delivery) -> None:
    """Remember which day each file is about to be published for. Raises `SourceError` as `require_own_files` does."""
    require_own_files(store, delivery)  # again: another day may have been published since this one's files arrived
    for file in _telling(delivery):
        note = {"day": delivery.as_of.isoformat(), "file": file.name}
        overwrite(store, input_key(file.sha256), json.dumps(note).encode())


def input_key(sha256: str) -> str:
    """Where the note about the file with this digest lies."""
    return f"inputs/sha256={sha256}.json"


def _telling(delivery: Delivery) -> list[FileRef]:
    return [file for file in delivery.files if file.announced_rows != 0]


def _noted_day(store: Store, file: FileRef) -> date | None:
    try:
        return date.fromisoformat(json.loads(store.read(input_key(file.sha256)).data)["day"])
    except (NotFound, ValueError, KeyError, TypeError):
        return None
