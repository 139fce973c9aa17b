"""What the feed delivered for a day: listed and digested anew on every attempt."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date
from typing import Any, Final

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.core.day import Delivery, FileRef, format_of
from tasks.errors import SourceError
from tasks.orchestration import run_logger, step
from tasks.store import NotFound, Store, open_store

CONTROL: Final = "_control.json"
_PIECE_BYTES: Final = 4 << 20


@step("arrive")
def arrive(as_of: date, settings: Settings) -> Delivery:
    """The day's landing files with their digests, held against `_control.json` where there is one.

    Raises:
        SourceError: no file came, and the calendar says that some must.
    """
    excuse = load_calendar(settings.scoring.calendar).excuse(as_of)
    delivery = replace(list_delivery(open_store(settings.storage), as_of, may_be_empty=bool(excuse)), excuse=excuse)
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
    names = {entry.key.removeprefix(prefix): entry.size_bytes for entry in store.list(prefix)}
    names = {name: size for name, size in names.items() if "/" not in name and name[0] not in "_."}
    control = _read_control(store, prefix + CONTROL)
    if not names and not may_be_empty:
        raise SourceError(
            f"No application files have arrived for {as_of}: {store.location(prefix)} holds none. "
            "Deliver the day's files there, or make synthetic ones with `scoring generate`. If none are due, declare the "
            "day in configs/calendar.yaml."
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


def _sha256(store: Store, key: str) -> str:
    digest = hashlib.sha256()
    with store.open(key) as stream:
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _read_control(store: Store, key: str) -> dict[str, Any] | None:
    try:
        control = json.loads(store.read(key).data)
        files = {name: (_count(each["rows"]), each["sha256"].lower()) for name, each in control["files"].items()}
        return {"day": control["day"], "files": files}
    except NotFound:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
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
    if control["day"] != as_of.isoformat():
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
