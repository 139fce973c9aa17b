"""Files that the feed delivered for a day: listed, digested and held against `_control.json`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import date
from typing import Final

from tasks.core.day.control import CONTROL, Control, read_control
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import CORRECTIONS, PUBLISH, Delivery, FileRef, Order
from tasks.core.files import format_of
from tasks.core.words import counted
from tasks.delivery.files import digest_of_stream, open_landing
from tasks.errors import InputsChanged, SourceError
from tasks.publication.expired import read_expired
from tasks.publication.layout import landing_key
from tasks.store import Changed, NotFound, Store

# Steps put suffixes behind a file's name, and most file systems end at 255.
_LONGEST_NAME_BYTES: Final = 200


_TOLD_NAMES: Final = 5
_TOLD_CHARACTERS: Final = 80


def list_delivery(
    store: Store,
    as_of: date,
    *,
    order: Order = PUBLISH,
    published: Manifest | None = None,
    may_be_empty: bool = False,
) -> Delivery:
    """All application files under the day's landing prefix; names that begin with `_` or `.` are no applications.

    Raises:
        SourceError: there are none, one has an unknown ending, or they differ from the control file.
        InputsChanged: a published day is to be revised, and files of it were removed by rule.
    """
    prefix = landing_key(as_of)
    expired = _expired_names(store, published) if published else ()
    if published and order.kind != "publish":
        require_unexpired(expired, published)
    files = _list_files(store, as_of, "", may_be_empty=may_be_empty)
    if order.kind != "publish":
        return Delivery(as_of, (*files, *_list_files(store, as_of, CORRECTIONS)))
    there = [entry.key.removeprefix(prefix) for entry in store.list(prefix + CORRECTIONS)]
    there = [name for name in there if _is_application(name.removeprefix(CORRECTIONS))]
    counted = [name for name in there if published and name in published.inputs]
    control = _control_of_counted(store, prefix + CORRECTIONS + CONTROL) if counted else None
    corrections = [
        _digested(store, as_of, name, _announced_rows(control, name.removeprefix(CORRECTIONS))) for name in counted
    ]
    waiting = tuple(name for name in there if name not in counted)
    return Delivery(as_of, (*files, *corrections), waiting=waiting, expired=expired)


def require_unexpired(expired: Sequence[str], published: Manifest) -> None:
    """Stop where files that a day was published from were removed by rule: nothing can be made of them any more.

    Raises:
        InputsChanged: says how many, and how to get them back.
    """
    if expired:
        raise InputsChanged(
            f"The landing of {published.as_of} has expired: {len(expired)} of the {len(published.inputs)} files that "
            f"revision {published.revision} was made from were removed by rule (retention.landing_days). Nothing was "
            "changed; the decisions stay published. To revise or monitor the day, restore the files from an archive "
            "under their names."
        )


def _expired_names(store: Store, published: Manifest) -> tuple[str, ...]:
    prefix = landing_key(published.as_of)
    there = {entry.key for entry in store.list(prefix)}
    gone = [name for name in published.inputs if prefix + name not in there]
    noted = read_expired(store, published.as_of) if gone else {}
    return tuple(name for name in gone if prefix + name in noted)


def _list_files(store: Store, as_of: date, folder: str, *, may_be_empty: bool = True) -> list[FileRef]:
    """The application files in the landing, or in a folder of it, all that its control file announces."""
    prefix = landing_key(as_of) + folder
    names = _application_names(store, prefix)
    if not names and not may_be_empty:
        raise SourceError(
            f"No application files have arrived for {as_of}: {store.location(prefix)} holds none. "
            "Deliver the day's files there, or make synthetic ones with `scoring generate`. If none are due, declare "
            "the day in configs/calendar.yaml."
        )
    control = _read_control(store, prefix + CONTROL)
    files = [_digested(store, as_of, folder + name, _announced_rows(control, name)) for name in names]
    if control is not None:
        _require_control(control, as_of, files, folder)
    return files


def _digested(store: Store, as_of: date, name: str, announced_rows: int | None) -> FileRef:
    key, file_format = landing_key(as_of) + name, format_of(name)
    with open_landing(store, key, name=name) as stream:
        digest = digest_of_stream(stream)
        size_bytes = stream.seek(0, os.SEEK_END)
    lines = digest.lines if file_format == "csv" else None
    return FileRef(name, key, file_format, size_bytes, digest.sha256, announced_rows, lines)


def _is_application(name: str) -> bool:
    """Whether a name under a prefix claims to be a file of applications, wherever it lies."""
    return not name.startswith(CORRECTIONS) and not any(part[:1] in {"_", "."} for part in name.split("/"))


def _application_names(store: Store, prefix: str) -> list[str]:
    """Names of all files that claim to hold applications, sorted."""
    listed = [entry.key.removeprefix(prefix) for entry in store.list(prefix)]
    names = [name for name in listed if _is_application(name)]
    for name in names:
        _require_plain_name(name)
    folders = [name for name in names if "/" in name]
    if folders:
        raise SourceError(
            f"{counted(len(folders), 'file')} in folders within {store.location(prefix)}, where nobody reads: "
            f"{', '.join(folders[:_TOLD_NAMES])}. Deliver them beside the others, or let the folder's name begin with "
            "_ if they are no applications."
        )
    folded = [name.casefold() for name in names]
    alike = [name for name in names if folded.count(name.casefold()) > 1]
    if alike:
        raise SourceError(
            f"{', '.join(alike)} differ in upper and lower case alone; which is meant cannot be known. Leave one."
        )
    return names


def _require_plain_name(name: str) -> None:
    is_plain = name.isprintable() and "\\" not in name and ".." not in name and name == name.strip()
    if not is_plain or len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME_BYTES:
        raise SourceError(
            f"{name[:_TOLD_CHARACTERS]!a} cannot be the name of an application file: allowed are printable "
            f"characters without backslash, without '..', without blanks at either end, at most {_LONGEST_NAME_BYTES} "
            "bytes of UTF-8. Rename it."
        )


def _read_control(store: Store, key: str) -> Control | None:
    try:
        return read_control(store.read(key).data)
    except NotFound:
        return None
    except Changed:
        raise SourceError(f"{key} was replaced while it was read. Run the day again when it is complete.") from None
    except ValueError as error:
        raise SourceError(f"{key} is no control file; {error}.") from None


def _control_of_counted(store: Store, key: str) -> Control | None:
    """The control file that came with corrections which are published; a new one may be on its way, with new ones."""
    with contextlib.suppress(SourceError):
        return _read_control(store, key)
    return None


def _announced_rows(control: Control | None, name: str) -> int | None:
    announced = control.files.get(name) if control else None
    return announced.rows if announced else None


def _require_control(control: Control, as_of: date, files: list[FileRef], folder: str) -> None:
    if control.day != as_of:
        raise SourceError(f"{CONTROL} announces {control.day}, but lies under {as_of}. Deliver the day's own files.")
    announced, arrived = set(control.files), {file.name.removeprefix(folder) for file in files}
    if announced != arrived:
        raise SourceError(
            f"The files of {as_of} are not those of {CONTROL}: missing {sorted(announced - arrived) or 'none'}, "
            f"not announced {sorted(arrived - announced) or 'none'}. Deliver the rest, or a corrected {CONTROL}."
        )
    for file in files:
        required = control.files[file.name.removeprefix(folder)].sha256
        if file.sha256 != required:
            raise SourceError(
                f"{file.name} has SHA-256 {file.sha256[:12]}…, {CONTROL} announces {required[:12]}…: "
                "the file was cut off or changed on its way. Deliver it again."
            )
