"""Claims of days on delivered files, so that yesterday's file is not taken for today's.

The manifest of a day names the files that the day was made from, and is the truth. A note under the
file's digest only names the day whose manifest to read, so that no day is listed. The note is also
a claim: it is written right before the manifest, and of two days only one can write it. A note does
not count if its day was revised to other files.
"""

from __future__ import annotations

import json
from datetime import date

from tasks.core.day.records import Delivery, FileRef
from tasks.errors import SourceError
from tasks.publication.layout import input_key
from tasks.publication.manifests import newest_manifest
from tasks.store import AlreadyExists, Changed, NotFound, Store


def require_own_files(store: Store, delivery: Delivery) -> None:
    """Refuse a delivery with a file that another day was published from.

    A file without rows, as an engine writes for an empty partition, is the same every day, and
    passes.

    Raises:
        SourceError: names the file and the other day.
    """
    for file in _files_with_rows(delivery):
        noted = _noted_day(store, file)
        if noted in {None, delivery.as_of}:
            continue
        published = newest_manifest(store, noted)
        inputs = published.inputs if published else {}
        names = [name for name, sha256 in inputs.items() if sha256 == file.sha256]
        totals = published.audited.files if published else {}
        if any(name not in totals or totals[name].rows for name in names):
            raise SourceError(
                f"{file.name} is the file of another day: {noted} was published from the very "
                f"same one, {names[0]} (SHA-256 {file.sha256[:12]}…). Nothing was published. "
                f"Deliver the applications of {delivery.as_of}; or, if {noted} was given the "
                "wrong file, mend that day first."
            )


def claim_inputs(store: Store, delivery: Delivery) -> None:
    """Claim each file for its day, right before the day is published from it.

    The caller leaves out files without rows. Of two days that claim the same file exactly one
    succeeds.

    Raises:
        SourceError: another day was published from one of the files, or has claimed it and is about
            to be published.
    """
    for file in _files_with_rows(delivery):
        note = json.dumps({"day": delivery.as_of.isoformat(), "file": file.name}).encode()
        while not _claim(store, file, delivery, note):
            require_own_files(store, delivery)


def _claim(store: Store, file: FileRef, delivery: Delivery, note: bytes) -> bool:
    """Claim a file, and return True if it is this day's now; False if another try is needed.

    A claim of a day that was published from other files is taken over.
    """
    key = input_key(file.sha256)
    try:
        store.create(key, note)
    except AlreadyExists:
        return _take_over(store, file, delivery, note)
    return True


def _take_over(store: Store, file: FileRef, delivery: Delivery, note: bytes) -> bool:
    key = input_key(file.sha256)
    try:
        found = store.read(key)
        noted = _day_in(found.data)
        if noted == delivery.as_of:
            return True
        if noted is not None and newest_manifest(store, noted) is None:
            raise SourceError(
                f"{file.name} is being published for {noted} at this moment, or a run for {noted} "
                f"died while it was. Nothing was published. If it belongs to {delivery.as_of}, "
                f"remove {store.location(key)} when no run for {noted} is under way, and run the "
                "day again."
            )
        require_own_files(store, delivery)
        store.replace(key, note, tag=found.tag)
    except (Changed, NotFound):
        return False
    return True


def _files_with_rows(delivery: Delivery) -> list[FileRef]:
    """Files of a delivery, without those that were announced with no rows."""
    return [file for file in delivery.files if file.announced_rows != 0]


def _noted_day(store: Store, file: FileRef) -> date | None:
    try:
        return _day_in(store.read(input_key(file.sha256)).data)
    except (NotFound, Changed):
        return None


def _day_in(note: bytes) -> date | None:
    try:
        return date.fromisoformat(json.loads(note)["day"])
    except (ValueError, KeyError, TypeError):
        return None
