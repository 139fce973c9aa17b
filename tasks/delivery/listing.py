"""Files that the feed delivered for a day: listed, digested and compared with `_control.json`."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Collection
from datetime import date
from typing import Final

from tasks.core.day.control import CONTROL, Control, read_control
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import CORRECTIONS, PUBLISH, Delivery, FileRef, Order
from tasks.core.day.standing import Standing
from tasks.core.files import format_of
from tasks.core.words import counted, normal_name
from tasks.delivery.files import digest_of_stream, open_landing
from tasks.errors import InputsChanged, SourceError
from tasks.publication.expired import read_expired
from tasks.publication.layout import is_delivered, landing_key
from tasks.publication.withdrawn import deliveries_taken_back
from tasks.store import Changed, Entry, NotFound, Store

# Steps put suffixes behind a file's name, and most file systems end at 255.
_LONGEST_NAME_BYTES: Final = 200
_MAX_NAMES: Final = 5
"""Most file names in one message."""
_MAX_CHARACTERS: Final = 80
"""Most characters of a file name in a message."""


def stand(
    store: Store,
    as_of: date,
    published: Manifest | None,
    *,
    order: Order = PUBLISH,
    excuse: str | None = None,
    erasure: str | None = None,
) -> Standing:
    """Standing of a day, by the names in its landing and its newest revision.

    Args:
        store: where the day lies.
        as_of: the day.
        published: its newest revision; None if the day was never published.
        order: what is asked for.
        excuse: reason why the feed may stay away; None if the day must have applications.
        erasure: token of the last erasure. A run that decides the day reads it before this call, so
            that no look at the landing is older than the token.
    """
    prefix = landing_key(as_of)
    there = {normal_name(entry.key.removeprefix(prefix)) for entry in store.list(prefix)}
    inputs = published.inputs_by_name if published else {}
    corrections = [name for name in sorted(there) if _is_correction(name)]
    is_waiting = order.kind == "publish"
    return Standing(
        as_of,
        order,
        published,
        excuse,
        erasure,
        expired=_expired_names(store, published, there) if published else (),
        waiting=tuple(name for name in corrections if name not in inputs) if is_waiting else (),
        taken_back=deliveries_taken_back(store, published) if published else (),
    )


def list_delivery(store: Store, standing: Standing, *, range_bytes: int | None = None) -> Delivery:
    """All application files of a day that count, with their digests.

    A name that begins with `_` or `.`, or marks a folder, is not a file of applications. Published
    corrections always count; the others count if a revision is ordered.

    Args:
        store: where the files lie.
        standing: how the day stands.
        range_bytes: size of the ranges into which a plain CSV file is cut; None cuts none.

    Raises:
        SourceError: there are no files, one has an unknown ending, or they differ from the control
            file.
        InputsChanged: a revision of a published day is ordered, and files of it were removed by
            rule.
    """
    as_of = standing.as_of
    is_revision = standing.order.kind != "publish"
    if is_revision:
        require_unexpired(standing)
    files = _list_files(store, as_of, "", may_be_empty=standing.may_be_empty, range_bytes=range_bytes)
    corrections = _list_files(store, as_of, CORRECTIONS) if is_revision else _published_corrections(store, standing)
    return Delivery(as_of, (*files, *corrections))


def require_unexpired(standing: Standing) -> None:
    """Require all files that a day was published from: none may have been removed by rule.

    Raises:
        InputsChanged: says how many were removed, and how to get them back.
    """
    published = standing.published
    if published and standing.expired:
        raise InputsChanged(
            f"The landing of {published.as_of} has expired: {len(standing.expired)} of the "
            f"{len(published.inputs)} files that revision {published.revision} was made from were "
            "removed by rule (retention.landing_days). Nothing was changed; the decisions stay "
            "published. To revise or monitor the day, restore the files from an archive under "
            "their names."
        )


def _published_corrections(store: Store, standing: Standing) -> list[FileRef]:
    """Corrections in the landing that the newest revision was made from."""
    inputs = standing.published.inputs_by_name if standing.published else {}
    prefix = landing_key(standing.as_of)
    there = [entry.key.removeprefix(prefix) for entry in store.list(prefix + CORRECTIONS)]
    names = [name for name in there if _is_correction(name) and normal_name(name) in inputs]
    control = _control_of_counted(store, prefix + CORRECTIONS + CONTROL) if names else None
    return [
        _digested(store, standing.as_of, name, _announced_rows(control, name.removeprefix(CORRECTIONS)))
        for name in names
    ]


def _is_correction(name: str) -> bool:
    """True if the name is that of a file of corrections."""
    return name.startswith(CORRECTIONS) and _is_application(name.removeprefix(CORRECTIONS))


def _expired_names(store: Store, published: Manifest, there: Collection[str]) -> tuple[str, ...]:
    """Files of a revision that the landing does not hold any more and that were removed by rule."""
    gone = [name for name in published.inputs if normal_name(name) not in there]
    noted = {normal_name(key) for key in read_expired(store, published.as_of)} if gone else set()
    return tuple(name for name in gone if normal_name(landing_key(published.as_of) + name) in noted)


def _list_files(
    store: Store,
    as_of: date,
    folder: str,
    *,
    may_be_empty: bool = True,
    range_bytes: int | None = None,
) -> list[FileRef]:
    """Application files in the landing, or in a folder of it; they agree with its control file.

    Raises:
        SourceError: there are none though some must come, or they differ from the control file.
    """
    prefix = landing_key(as_of) + folder
    names = _application_names(store, prefix)
    if not names and not may_be_empty:
        raise SourceError(
            f"No application files have arrived for {as_of}: {store.location(prefix)} holds none. "
            "Deliver the day's files there, or make synthetic ones with `scoring generate`. If "
            "none are due, declare the day in configs/calendar.yaml."
        )
    control = _read_control(store, prefix + CONTROL)
    files = [_digested(store, as_of, folder + name, _announced_rows(control, name), range_bytes) for name in names]
    if control is not None:
        _require_control(control, as_of, files, folder)
    return files


def _digested(
    store: Store, as_of: date, name: str, announced_rows: int | None, range_bytes: int | None = None
) -> FileRef:
    key = landing_key(as_of) + name
    file_format = format_of(name)
    is_text = file_format == "csv"
    with open_landing(store, key, name=name) as stream:
        digest = digest_of_stream(stream, range_bytes=range_bytes if is_text else None)
        size_bytes = stream.seek(0, os.SEEK_END)
    lines = digest.lines if is_text else None
    name = normal_name(name)
    return FileRef(name, key, file_format, size_bytes, digest.sha256, announced_rows, lines, digest.ranges)


def _is_application(name: str) -> bool:
    """True if a name under a prefix is that of a file of applications, in any folder."""
    return not name.startswith(CORRECTIONS) and is_delivered(name)


def _application_names(store: Store, prefix: str) -> list[str]:
    """Names of all files of applications under a prefix, sorted.

    Raises:
        SourceError: a name cannot be used, or lies in a folder, or two differ only in case or in
            the way their letters are written.
    """
    listed = {entry.key.removeprefix(prefix): entry for entry in store.list(prefix)}
    names = [name for name, entry in listed.items() if _is_application(name) and not _is_folder(name, entry)]
    for name in names:
        _require_plain_name(name)
    folders = [name for name in names if "/" in name]
    if folders:
        raise SourceError(
            f"{counted(len(folders), 'file')} in folders within {store.location(prefix)}, where "
            f"nobody reads: {', '.join(folders[:_MAX_NAMES])}. Deliver them beside the others, or "
            "let the folder's name begin with _ if they are not applications."
        )
    folded = Counter(normal_name(name).casefold() for name in names)
    alike = [name for name in names if folded[normal_name(name).casefold()] > 1]
    if alike:
        is_case = len({normal_name(name) for name in alike}) > 1
        told = alike if is_case else [ascii(name) for name in alike]
        difference = "upper and lower case" if is_case else "composed and decomposed letters, which look the same,"
        raise SourceError(f"{', '.join(told)} differ in {difference} alone; which is meant cannot be known. Leave one.")
    return sorted(names, key=normal_name)


def _is_folder(name: str, entry: Entry) -> bool:
    """True for the object without bytes by which some tools mark the folder of corrections."""
    return f"{name}/" == CORRECTIONS and not entry.size_bytes


def _require_plain_name(name: str) -> None:
    is_plain = name.isprintable() and "\\" not in name and ".." not in name and name == name.strip()
    if not is_plain or len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME_BYTES:
        raise SourceError(
            f"{name[:_MAX_CHARACTERS]!a} cannot be the name of an application file: it must have "
            "only printable characters, no backslash, no '..', no blanks at either end, and at "
            f"most {_LONGEST_NAME_BYTES} bytes of UTF-8. Rename it."
        )


def _read_control(store: Store, key: str) -> Control | None:
    try:
        return read_control(store.read(key).data)
    except NotFound:
        return None
    except Changed:
        raise SourceError(f"{key} was replaced while it was read. Run the day again when it is complete.") from None
    except ValueError as error:
        raise SourceError(f"{key} is not a control file; {error}.") from None


def _control_of_counted(store: Store, key: str) -> Control | None:
    """Control file beside published corrections; None if there is none, or if it cannot be read.

    A new one may be on its way, with new corrections, so it stops nothing.
    """
    with contextlib.suppress(SourceError):
        return _read_control(store, key)
    return None


def _announced_rows(control: Control | None, name: str) -> int | None:
    announced = control.files.get(normal_name(name)) if control else None
    return announced.rows if announced else None


def _require_control(control: Control, as_of: date, files: list[FileRef], folder: str) -> None:
    if control.day != as_of:
        raise SourceError(f"{CONTROL} announces {control.day}, but lies under {as_of}. Deliver the day's own files.")
    announced = set(control.files)
    arrived = {file.name.removeprefix(folder) for file in files}
    if announced != arrived:
        raise SourceError(
            f"The files of {as_of} are not those of {CONTROL}: missing "
            f"{sorted(announced - arrived) or 'none'}, not announced "
            f"{sorted(arrived - announced) or 'none'}. Deliver the rest, or a corrected {CONTROL}."
        )
    for file in files:
        required = control.files[file.name.removeprefix(folder)].sha256
        if file.sha256 != required:
            raise SourceError(
                f"{file.name} has SHA-256 {file.sha256[:12]}…, {CONTROL} announces "
                f"{required[:12]}…: the file was cut off or changed on its way. Deliver it again."
            )
