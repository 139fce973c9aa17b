"""The control file that may come beside delivered files: how many rows each has, and its digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

CONTROL: Final = "_control.json"


class Announced(NamedTuple):
    """What is announced of one file."""

    rows: int
    sha256: str
    """In lower case."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control file."""

    day: date
    files: Mapping[str, Announced]
    """By name, relative to the control file."""


def read_control(data: bytes) -> Control:
    """The control file in stored bytes.

    Raises:
        ValueError: it is none; the message carries nothing of it.

    >>> read_control(b'{"day": "2026-11-02", "files": {"a.csv": {"rows": 2, "sha256": "0A"}}}').files
    {'a.csv': Announced(rows=2, sha256='0a')}
    """
    try:
        told = json.loads(data)
        files = {name: Announced(_count(each["rows"]), each["sha256"].lower()) for name, each in told["files"].items()}
        return Control(date.fromisoformat(told["day"]), files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            'required is {"day": "YYYY-MM-DD", "files": {"<name>": {"rows": <number>, "sha256": "<hex>"}}}'
        ) from None


def _count(rows: object) -> int:
    if type(rows) is not int or rows < 0:
        raise TypeError
    return rows
