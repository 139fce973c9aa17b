"""Revisions of a day in the store: where they lie, which is the newest, and what readers see of them.

The manifest is the commit. Revisions are found by asking for rev=0001, rev=0002 … until one is missing, never by a
listing.
"""

from __future__ import annotations

import hashlib
from datetime import date

from tasks.core.day import DataFile
from tasks.core.manifest import Manifest, manifest_json, read_manifest
from tasks.errors import PublishError
from tasks.store import AlreadyExists, Changed, NotFound, Store, overwrite


def manifest_key(as_of: date, revision: int) -> str:
    """Where the manifest of a revision lies."""
    return f"revisions/day={as_of}/rev={revision:04d}/manifest.json"


def decisions_key(as_of: date) -> str:
    """Where downstream systems read the day's decisions."""
    return f"decisions/day={as_of}/decisions.parquet"


def newest_manifest(store: Store, as_of: date) -> Manifest | None:
    """The manifest of the day's newest revision, or None if the day was never published."""
    newest, revision = None, 1
    while True:
        key = manifest_key(as_of, revision)
        try:
            data = store.read(key).data
        except NotFound:
            return newest
        try:
            newest = read_manifest(data)
        except (ValueError, KeyError, TypeError):
            raise PublishError(f"{store.location(key)} is no manifest; restore it before the day is touched.") from None
        revision += 1


def report_key(as_of: date) -> str:
    """Where people find how the published applications of a day kept the contract."""
    return f"reports/day={as_of}/contract.json"


def refused_report_key(as_of: date) -> str:
    """Where people find why the contract stopped a day, the last time it did."""
    return f"reports/day={as_of}/contract-refused.json"


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


def commit(store: Store, manifest: Manifest) -> Manifest:
    """Create the manifest, which publishes the revision. Whoever comes second gets the winner's manifest.

    Raises:
        PublishError: another run published this revision from other inputs or with another model, policy or contract.
    """
    key = manifest_key(manifest.as_of, manifest.revision)
    try:
        store.create(key, manifest_json(manifest))
    except AlreadyExists:
        winner = read_manifest(store.read(key).data)
        if winner.fingerprint != manifest.fingerprint:
            raise PublishError(
                f"Another run published revision {manifest.revision} of {manifest.as_of} meanwhile, with other inputs, "
                "model, policy or contract. Nothing of this run was published; run the command again to compare."
            ) from None
        return winner
    return manifest


def show_to_readers(store: Store, manifest: Manifest) -> None:
    """Make the newest revision's decisions and report what readers see; does nothing where they are already.

    Raises:
        PublishError: the revision's data file is gone or is not what the manifest names; readers keep what they have.
    """
    audited = manifest.audited
    data, report = read_data(store, audited.decisions), read_data(store, audited.contract_report)
    overwrite(store, decisions_key(manifest.as_of), data)
    overwrite(store, report_key(manifest.as_of), report)
