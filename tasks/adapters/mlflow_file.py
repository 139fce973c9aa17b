"""A registry of MLflow in one file of SQLite, read without MLflow, whose import takes longer than a small day.

A few questions are answered, from the tables of one schema, and only if nothing is unusual. Any
other answer is None: MLflow itself has to be asked, and says what is wrong.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tasks.core.model import bundle
from tasks.core.model.bundle import ModelPin

DIGEST_TAG: Final = "bundle_sha256"
BUNDLE_FOLDER: Final = "bundle"
SCHEMA: Final = "dc11669786a5"
"""Schema of MLflow's tables that is read here: that of the pinned version, as a test requires."""
_SQLITE: Final = "sqlite:///"
_OWN_WORDS: Final = {"latest"}
"""Aliases that MLflow does not look up."""
_DELETED: Final = "Deleted_Internal"
_PATIENCE_SECONDS: Final = 1.0
_ALIASED: Final = "select version from registered_model_aliases where name = ? and alias = ?"
_VERSION: Final = """
    select coalesce(nullif(storage_location, ''), source) from model_versions
    where name = ? and version = ? and current_stage <> ?
"""
_DIGEST: Final = "select value from model_version_tags where name = ? and version = ? and key = ?"
_ELSEWHERE: Final = "select count(*) from registered_models where workspace <> 'default'"


class _Version(NamedTuple):
    """A registered version, as far as it is read here."""

    pin: ModelPin
    folder: str
    """Address of its files."""


def aliased_version(uri: str, name: str, alias: str) -> ModelPin | None:
    """The version of a registered model that an alias points to; None if MLflow has to be asked."""
    if alias.lower() in _OWN_WORDS:
        return None
    with contextlib.suppress(sqlite3.Error), _opened(uri) as database:
        if database is None:
            return None
        found = database.execute(_ALIASED, (name, alias)).fetchall()
        version = _version(database, name, str(found[0][0])) if len(found) == 1 else None
        return version.pin if version else None
    return None


def registered_files(uri: str, pin: ModelPin) -> dict[str, bytes] | None:
    """Files of the bundle of a version, proven by its digest; None if MLflow has to be asked."""
    with contextlib.suppress(sqlite3.Error, OSError):
        if folder := _folder(uri, pin):
            files = read_bundle(folder / BUNDLE_FOLDER)
            return files if bundle.bundle_digest(bundle.file_digests(files)) == pin.digest else None
    return None


def registered_document(uri: str, pin: ModelPin, path: str) -> bytes | None:
    """Content of a document of a version; None if MLflow has to be asked."""
    with contextlib.suppress(sqlite3.Error, OSError):
        if folder := _folder(uri, pin):
            return (folder.parent / path).read_bytes()
    return None


def read_bundle(folder: Path) -> dict[str, bytes]:
    """Read the bundle's files that a folder holds. Nothing else in it is opened."""
    paths = {name: folder / name for name in bundle.FILES}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


def place(location: str) -> str:
    """Place of files of MLflow, spelled in one way."""
    parts = urlsplit(location)
    if parts.scheme not in {"", "file"}:
        return location.rstrip("/")
    return str(Path(url2pathname(parts.path) if parts.scheme else location).resolve())


def printable(address: str) -> str:
    """Address without user and password."""
    return re.sub(r"//[^/@]*@", "//", address)


@contextlib.contextmanager
def _opened(uri: str) -> Iterator[sqlite3.Connection | None]:
    """The registry's database, to read; None if it is no file, or not of the schema that is known here."""
    path = Path(uri.removeprefix(_SQLITE))
    if not uri.startswith(_SQLITE) or not path.is_file():
        yield None
        return
    address = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS)) as database:
        schemas = database.execute("select version_num from alembic_version").fetchall()
        is_known = schemas == [(SCHEMA,)] and database.execute(_ELSEWHERE).fetchone() == (0,)
        yield database if is_known else None


def _folder(uri: str, pin: ModelPin) -> Path | None:
    """Folder of the model of a version on this machine; None if it is elsewhere, or of another model of that name."""
    with _opened(uri) as database:
        version = _version(database, pin.name, pin.version) if database else None
    if version is None or version.pin != pin:
        return None
    path = Path(place(version.folder))
    return path if path.is_dir() else None


def _version(database: sqlite3.Connection, name: str, version: str) -> _Version | None:
    folders = database.execute(_VERSION, (name, version, _DELETED)).fetchall()
    digests = database.execute(_DIGEST, (name, version, DIGEST_TAG)).fetchall()
    if len(folders) != 1 or len(digests) != 1:
        return None
    return _Version(ModelPin(name, version, digests[0][0]), folders[0][0] or "")
