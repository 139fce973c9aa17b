"""Data files of a revision: named by their digest, created once, verified before they count."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pyarrow as pa

from tasks.adapters.files.parquet import read_footer
from tasks.core.day.records import DataFile
from tasks.errors import PublishError
from tasks.store import AlreadyExists, Changed, NotFound, Store


def store_data(
    store: Store,
    prefix: str,
    name: str,
    data: bytes,
    *,
    rows: int,
    ending: str = "parquet",
) -> DataFile:
    """Store a data file under a name that carries its digest; the same content is stored once.

    Raises:
        PublishError: another content lies under that name.
    """
    file = name_data(prefix, name, data, rows=rows, ending=ending)
    try:
        store.create(file.key, data)
    except AlreadyExists:
        if store.read(file.key).data != data:
            raise PublishError(
                f"{store.location(file.key)} does not hold what its name says; remove it and rerun."
            ) from None
    return file


def name_data(
    prefix: str,
    name: str,
    data: bytes,
    *,
    rows: int,
    ending: str = "parquet",
) -> DataFile:
    """Record of a data file, under a name that carries its digest."""
    sha256 = hashlib.sha256(data).hexdigest()
    return DataFile(f"{prefix}{name}-{sha256[:16]}.{ending}", sha256, len(data), rows)


def intact_data(store: Store, file: DataFile) -> bytes | None:
    """Bytes of a data file; None if it is gone, or differs from its record."""
    try:
        # As a range, with a byte more than it has: a folder makes no tag for it, which takes as long as reading.
        data = store.read_range(file.key, 0, file.size_bytes + 1)
    except (NotFound, Changed):
        return None
    return data if hashlib.sha256(data).hexdigest() == file.sha256 else None


def read_data(store: Store, file: DataFile) -> bytes:
    """Bytes of a data file.

    Raises:
        PublishError: it is gone, or differs from its record.
    """
    data = intact_data(store, file)
    if data is None:
        raise PublishError(
            f"{store.location(file.key)} is missing or damaged: it is not the file that was "
            f"recorded (SHA-256 {file.sha256[:12]}…). Nothing was changed; readers see what they "
            "saw. Restore it from a backup; the next run makes anew what lies under work/."
        )
    return data


def require_stored(store: Store, files: Iterable[DataFile]) -> dict[str, bytes]:
    """Key to bytes of data files.

    Raises:
        PublishError: a file is gone, or differs from its record.
    """
    return {file.key: read_data(store, file) for file in files}


def shown_revision(data: bytes) -> int:
    """Number of the revision that a decisions file belongs to; 0 if the file is damaged."""
    try:
        return int(read_footer(data)["revision"])
    # Arrow raises OSError for some broken footers.
    except (pa.ArrowException, OSError, KeyError, ValueError):
        return 0
