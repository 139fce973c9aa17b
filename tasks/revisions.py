"""Revisions of a day in the store: where they lie, which is the newest, and what readers see of them.

The manifest is the commit. Revisions are found by asking for rev=0001, rev=0002 … until one is missing, never by a
listing.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Final, NamedTuple

import pyarrow as pa

from tasks.adapters.files.parquet import read_footer
from tasks.core.day.manifest import Manifest, manifest_json, read_manifest
from tasks.core.day.records import DataFile
from tasks.errors import PublishError
from tasks.store import AlreadyExists, Changed, NotFound, Store, Stored, pause_seconds

_OF_REVISION: Final = re.compile(r"(?:revisions/day=[\d-]+/)?rev=(\d{4,5})/(\w+)\.json")
_TRIES: Final = 20
_SHORT_PAUSES: Final = 3


def manifest_key(as_of: date, revision: int) -> str:
    """Where the manifest of a revision lies."""
    return f"revisions/day={as_of}/rev={revision:04d}/manifest.json"


def announcement_key(as_of: date, revision: int) -> str:
    """Where it is noted that a revision was announced."""
    return f"revisions/day={as_of}/rev={revision:04d}/announced.json"


def decisions_key(as_of: date) -> str:
    """Where downstream systems read the day's decisions."""
    return f"decisions/day={as_of}/decisions.parquet"


def newest_manifest(store: Store, as_of: date) -> Manifest | None:
    """The manifest of the day's newest revision, or None if the day was never published."""
    newest, revision = None, 1
    while True:
        found = manifest_of(store, as_of, revision)
        if found is None:
            return newest
        newest, revision = found, revision + 1


def manifest_of(store: Store, as_of: date, revision: int) -> Manifest | None:
    """The manifest of one revision, or None. Raises `PublishError` where what lies there is none."""
    key = manifest_key(as_of, revision)
    stored = read_if_there(store, key)
    try:
        return read_manifest(stored.data) if stored else None
    except (ValueError, KeyError, TypeError):
        raise PublishError(f"{store.location(key)} is no manifest; restore it before the day is touched.") from None


def revisions_with(name: str, keys: Iterable[str]) -> frozenset[int]:
    """Numbers of the revisions that have a JSON file of this name, a regular expression.

    >>> sorted(revisions_with("manifest", ["rev=0001/manifest.json", "rev=0002/announced.json", "x"]))
    [1]
    """
    found = (_OF_REVISION.fullmatch(key) for key in keys)
    return frozenset(int(each[1]) for each in found if each and re.fullmatch(name, each[2]))


def require_unbroken(store: Store, as_of: date) -> None:
    """Stop where a manifest was lost before others: a new one in its place would bring those after it back.

    Raises:
        PublishError: names the revision that is missing.
    """
    left = max(revisions_with(r"\w+", (entry.key for entry in store.list(f"revisions/day={as_of}/"))), default=0)
    newest = newest_manifest(store, as_of)  # looked for after the listing, so that a commit meanwhile is no gap
    found = newest.revision if newest else 0
    if left > found:
        raise PublishError(
            f"{store.location(manifest_key(as_of, found + 1))} is missing, though the day has a revision {left}. "
            f"Nothing was changed. Restore revisions/day={as_of}/ from a backup; `scoring status --verify` lists all "
            "that is missing."
        )


def suite_key(digest: str) -> str:
    """Where the text of a contract that scored a day is kept."""
    return f"contracts/{digest}.json"


def report_key(as_of: date) -> str:
    """Where people find how the published applications of a day kept the contract."""
    return f"reports/day={as_of}/contract.json"


def report_page_key(as_of: date) -> str:
    """Where people look at it: a page that is made from the report."""
    return f"reports/day={as_of}/contract.html"


def refused_report_key(as_of: date) -> str:
    """Where people find why the contract stopped a day, the last time it did."""
    return f"reports/day={as_of}/contract-refused.json"


def refused_page_key(as_of: date) -> str:
    """Where people look at that."""
    return f"reports/day={as_of}/contract-refused.html"


def store_data(store: Store, prefix: str, name: str, data: bytes, *, rows: int, ending: str = "parquet") -> DataFile:
    """Store a data file under a name that carries its digest; the same content is stored once."""
    file = name_data(prefix, name, data, rows=rows, ending=ending)
    try:
        store.create(file.key, data)
    except AlreadyExists:
        if store.read(file.key).data != data:
            raise PublishError(
                f"{store.location(file.key)} does not hold what its name says; remove it and rerun."
            ) from None
    return file


def name_data(prefix: str, name: str, data: bytes, *, rows: int, ending: str = "parquet") -> DataFile:
    """The record of a data file, under a name that carries its digest."""
    sha256 = hashlib.sha256(data).hexdigest()
    return DataFile(f"{prefix}{name}-{sha256[:16]}.{ending}", sha256, len(data), rows)


def intact_data(store: Store, file: DataFile) -> bytes | None:
    """The bytes of a data file; None where it is gone, or not what its record says."""
    try:
        data = store.read(file.key).data
    except (NotFound, Changed):
        return None
    return data if hashlib.sha256(data).hexdigest() == file.sha256 else None


def read_data(store: Store, file: DataFile) -> bytes:
    """The bytes of a data file.

    Raises:
        PublishError: it is gone, or not what its record says.
    """
    data = intact_data(store, file)
    if data is None:
        raise PublishError(
            f"{store.location(file.key)} is missing or damaged: it is not the file that was recorded (SHA-256 "
            f"{file.sha256[:12]}…). Nothing was changed; readers see what they saw. Restore it from a backup; the next "
            "run makes anew what lies under work/."
        )
    return data


def require_stored(store: Store, files: Iterable[DataFile]) -> dict[str, bytes]:
    """Key to bytes of data files. Raises `PublishError` unless every one is there and is what its record says."""
    return {file.key: read_data(store, file) for file in files}


def commit(store: Store, manifest: Manifest) -> Manifest:
    """Create the manifest, which publishes the revision. Whoever comes second gets the winner's manifest.

    Raises:
        PublishError: another run published this revision from other inputs or with another model, policy or contract.
    """
    key = manifest_key(manifest.as_of, manifest.revision)
    try:
        store.create(key, manifest_json(manifest))
    except AlreadyExists:
        winner = manifest_of(store, manifest.as_of, manifest.revision)
        if winner is None or winner.fingerprint != manifest.fingerprint:
            raise PublishError(
                f"Another run published revision {manifest.revision} of {manifest.as_of} meanwhile, with other inputs, "
                "model, policy or contract. Nothing of this run was published; run the command again to compare."
            ) from None
        return winner
    return manifest


def show_newest(store: Store, as_of: date, mended: Callable[[str], object] = lambda _: None) -> Manifest | None:
    """Make the newest revision what readers of the day see; does nothing where it is already. None: never published.

    Whoever is late cannot bring an older revision back: what readers see is looked at before the newest revision is
    looked for, and replaced only if it is still that. No two revisions have the same bytes, since each carries its
    number.

    Args:
        mended: told the key of each copy that was not what readers should see. The page of the contract report is no
            copy: another version of the program may make another one of the same report.

    Raises:
        PublishError: a data file or a manifest is gone or damaged; readers keep what they have.
    """
    newest = _show(
        store, as_of, decisions_key(as_of), lambda manifest: _copy(store, manifest.audited.decisions), mended
    )
    if newest:
        report = report_key(as_of)
        _show(store, as_of, report, lambda manifest: _copy(store, manifest.audited.contract_report), mended)
        _show(store, as_of, report_page_key(as_of), lambda manifest: _page(store, manifest), lambda _: None)
    return newest


class _Shown(NamedTuple):
    """What readers should see."""

    sha256: str
    data: Callable[[], bytes]


def _copy(store: Store, file: DataFile) -> _Shown:
    return _Shown(file.sha256, lambda: read_data(store, file))


def _page(store: Store, manifest: Manifest) -> _Shown:
    """The contract report as a page, from the copy that people read or the data file, whichever is whole."""
    from tasks.adapters.pages.html import contract_page

    file = manifest.audited.contract_report
    report = intact_data(store, replace(file, key=report_key(manifest.as_of))) or read_data(store, file)
    page = contract_page(json.loads(report))
    return _Shown(hashlib.sha256(page).hexdigest(), lambda: page)


def _show(
    store: Store, as_of: date, key: str, shown_of: Callable[[Manifest], _Shown], mended: Callable[[str], object]
) -> Manifest | None:
    for failures in range(_TRIES):
        seen = read_if_there(store, key)
        newest = newest_manifest(store, as_of)
        _require_known(store, key, seen, newest)
        shown = shown_of(newest) if newest else None
        if shown is None or (seen and hashlib.sha256(seen.data).hexdigest() == shown.sha256):
            return newest
        try:
            _put(store, key, shown.data(), seen)
        except (AlreadyExists, Changed, NotFound):
            time.sleep(pause_seconds(min(failures, _SHORT_PAUSES)))
            continue
        mended(key)
        return newest
    raise PublishError(
        f"{store.location(key)} was changed by others {_TRIES} times while the newest revision of {as_of} was to be "
        "shown. The revision is published; see who else writes there, then run the command again."
    )


def _require_known(store: Store, key: str, seen: Stored | None, newest: Manifest | None) -> None:
    """Stop where readers see a revision whose manifest is gone: the day would be decided again as if it never was."""
    shown = shown_revision(seen.data) if seen and key.endswith(".parquet") else 0
    if shown > (newest.revision if newest else 0):
        raise PublishError(
            f"{store.location(key)} shows revision {shown}, whose manifest is missing. Nothing was changed. Restore "
            "revisions/ from a backup; `scoring status --verify` lists all that is missing."
        )


def shown_revision(data: bytes) -> int:
    """Number of the revision that a decisions file belongs to; 0 where the file is damaged and cannot say."""
    try:
        return int(read_footer(data)["revision"])
    except (pa.ArrowException, OSError, KeyError, ValueError):  # OSError is what Arrow calls some broken footers
        return 0


def read_if_there(store: Store, key: str) -> Stored | None:
    """The object under `key`, or None; an object that was replaced while it was read is read again."""
    for _ in range(_TRIES):
        try:
            return store.read(key)
        except NotFound:
            return None
        except Changed:
            continue
    raise PublishError(f"{store.location(key)} was replaced {_TRIES} times while it was read; run the command again.")


def _put(store: Store, key: str, data: bytes, seen: Stored | None) -> None:
    if seen:
        store.replace(key, data, tag=seen.tag)
    else:
        store.create(key, data)
