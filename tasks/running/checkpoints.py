"""Finished work of a day, kept in the store, so that a retried run continues after its last step.

A step returns a small record. The record is kept as JSON under `work/day=D/`. Its key is made of
all that the result depends on: input digests, pins, the settings that the step reads, and this
program itself. A record counts only while every data file that it names is intact; otherwise the
step works anew. Nothing is ever unpickled.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from configs.settings import PROJECT
from tasks.core.day.records import DataFile
from tasks.publication.data_files import intact_data
from tasks.store import Changed, NotFound, Store
from tasks.store.renewing import overwrite

R = TypeVar("R")
COUNTED_VERSIONS: Final = ("great-expectations", "lightgbm", "numpy", "pandas", "pyarrow")
"""Packages whose version can change the result of a row."""


def recall(store: Store, key: str, kind: type[R]) -> R | None:
    """Record kept under `key`.

    None if there is none, or if a data file that it names is gone or damaged.
    """
    try:
        record = TypeAdapter(kind).validate_python(json.loads(store.read(key).data))
    except (NotFound, Changed, ValueError, ValidationError):
        return None
    is_intact = all(intact_data(store, file) is not None for file in _data_files(record))
    return record if is_intact else None


def keep(store: Store, key: str, record: Any) -> None:
    """Keep a step's record, a frozen dataclass, under `key`."""
    overwrite(store, key, json.dumps(asdict(record), default=str).encode())


def digest_of(*parts: Any) -> str:
    """Short digest of records, settings and texts, for a checkpoint's key."""
    plain = [_plain(part) for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()[:16]


@functools.cache
def code_digest() -> str:
    """Digest of the program that decides a row: its source and `COUNTED_VERSIONS`."""
    digest = hashlib.sha256()
    sources = [path for room in ("configs", "tasks") for path in (PROJECT / room).rglob("*.py")]
    for path in sorted(sources):
        digest.update(path.relative_to(PROJECT).as_posix().encode() + path.read_bytes())
    for package in COUNTED_VERSIONS:
        digest.update(importlib.metadata.version(package).encode())
    return digest.hexdigest()


def _plain(part: Any) -> Any:
    if isinstance(part, BaseModel):
        return part.model_dump()
    return asdict(part) if is_dataclass(part) and not isinstance(part, type) else part


def _data_files(record: Any) -> Iterator[DataFile]:
    """Data files that a record, or a record within it, names."""
    for field in fields(record):
        value = getattr(record, field.name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, DataFile):
                yield each
            elif is_dataclass(each):
                yield from _data_files(each)
