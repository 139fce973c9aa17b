"""What the feed delivered for a day: listed and digested anew on every attempt."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any, Final

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.core.day import Delivery, FileRef, format_of
from tasks.errors import SourceError
from tasks.inputs import require_own_files
from tasks.landing import open_landing, sha256_of
from tasks.orchestration import run_logger, step
from tasks.store import Changed, NotFound, Store, open_store

CONTROL: Final = "_control.json"
CORRECTIONS: Final = "corrections/"
# Steps put suffixes behind a file's name, and most file systems end at 255.
_LONGEST_NAME_BYTES: Final = 200
_TOLD_NAMES: Final = 5
_TOLD_CHARACTERS: Final = 80


@step("arrive")
def arrive(as_of: date, settings: Settings, *, is_published: bool = False) -> Delivery:
    """The day's landing files with their digests, held against `_control.json` where there is one.

    Raises:
        SourceError: no file came of an unpublished day and the calendar says that some must, or one is not what its
            name, the control file or another day's publication say.
    """
    store = open_store(settings.storage)
    excuse = load_calendar(settings.scoring.calendar).excuse(as_of)
    delivery = replace(list_delivery(store, as_of, may_be_empty=is_published or bool(excuse)), excuse=excuse)
    require_own_files(store, delivery)
    size = sum(file.size_bytes for file in delivery.files) / 1e6
    run_logger().info("%d files arrived for %s, %.1f MB", len(delivery.files), as_of, size)
    return delivery


def landing(as_of: date) -> str:
    """Key prefix under which the feed delivers a day."""
    return f"landing/day={as_of}/"


def list_delivery(store: Store, as_of: date, *, may_be_empty: bool = False) -> Delivery:
    """All application files under the day's landing prefix; names that begin with `_` or `.` are no applications.

    Raises:
        SourceError: there are none, one has an unknown ending, or they differ from the control file.
    """
    prefix = landing(as_of)
    names = _application_names(store, prefix)
    control = _read_control(store, prefix + CONTROL)
    if not names and not may_be_empty:
        raise SourceError(
            f"No application files have arrived for {as_of}: {store.location(prefix)} holds none. "
            "Deliver the day's files there, or make synthetic ones with `scoring generate`. If none are due, declare "
            "the day in configs/calendar.yaml."
        )
    files = [
        FileRef(
            name, prefix + name, format_of(name), size, _sha256(store, prefix + name), _announced_rows(control, name)
        )
        for name, size in sorted(names.items())
    ]
    if control is not None:
        _require_control(control, as_of, files)
    return Delivery(as_of, tuple(files))


def _application_names(store: Store, prefix: str) -> dict[str, int]:
    """Name to size in bytes of every file that claims to hold applications."""
    found = {entry.key.removeprefix(prefix): entry.size_bytes for entry in store.list(prefix)}
    if n_corrections := sum(name.startswith(CORRECTIONS) for name in found):
        run_logger().warning("%d files under %s are left alone; this version reads none", n_corrections, CORRECTIONS)
    names = {
        name: size
        for name, size in found.items()
        if not name.startswith(CORRECTIONS) and not any(part[:1] in {"_", "."} for part in name.split("/"))
    }
    for name in sorted(names):
        _require_plain_name(name)
    folders = sorted(name for name in names if "/" in name)
    if folders:
        raise SourceError(
            f"{len(folders)} files lie in folders within {store.location(prefix)}, where nobody reads them: "
            f"{', '.join(folders[:_TOLD_NAMES])}. Deliver them beside the others, or let the folder's name begin with "
            "_ if they are no applications."
        )
    folded = [name.casefold() for name in sorted(names)]
    alike = [name for name in sorted(names) if folded.count(name.casefold()) > 1]
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


def _sha256(store: Store, key: str) -> str:
    with open_landing(store, key, name=key.rpartition("/")[2]) as stream:
        return sha256_of(stream)


def _read_control(store: Store, key: str) -> dict[str, Any] | None:
    try:
        control = json.loads(store.read(key).data)
        files = {name: (_count(each["rows"]), each["sha256"].lower()) for name, each in control["files"].items()}
        return {"day": date.fromisoformat(control["day"]), "files": files}
    except NotFound:
        return None
    except Changed:
        raise SourceError(f"{key} was replaced while it was read. Run the day again when it is complete.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SourceError(
            f"{key} is no control file; required is "
            '{"day": "YYYY-MM-DD", "files": {"<name>": {"rows": <number>, "sha256": "<hex>"}}}.'
        ) from None


def _count(rows: Any) -> int:
    if type(rows) is not int or rows < 0:
        raise TypeError
    return rows


def _announced_rows(control: dict[str, Any] | None, name: str) -> int | None:
    return control["files"].get(name, (None, None))[0] if control else None


def _require_control(control: dict[str, Any], as_of: date, files: list[FileRef]) -> None:
    if control["day"] != as_of:
        raise SourceError(f"{CONTROL} announces {control['day']}, but lies under {as_of}. Deliver the day's own files.")
    announced, arrived = set(control["files"]), {file.name for file in files}
    if announced != arrived:
        raise SourceError(
            f"The files of {as_of} are not those of {CONTROL}: missing {sorted(announced - arrived) or 'none'}, "
            f"not announced {sorted(arrived - announced) or 'none'}. Deliver the rest, or a corrected {CONTROL}."
        )
    for file in files:
        required = control["files"][file.name][1]
        if file.sha256 != required:
            raise SourceError(
                f"{file.name} has SHA-256 {file.sha256[:12]}…, {CONTROL} announces {required[:12]}…: "
                "the file was cut off or changed on its way. Deliver it again."
            )
