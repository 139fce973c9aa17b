"""Control file: may come beside delivered files and announces the rows and digest of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from tasks.core.words import normal_name

CONTROL: Final = "_control.json"


class Announced(NamedTuple):
    """Rows and digest that are announced of one file."""

    rows: int
    sha256: str
    """Digest in lower case."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control file."""

    day: date
    files: Mapping[str, Announced]
    """File name (`normal_name`), relative to the control file, to its announcement."""


def read_control(data: bytes) -> Control:
    """Read a control file from its bytes.

    Raises:
        ValueError: the bytes are not a control file; the message carries nothing of them.

    >>> data = b'{"day": "2026-11-02", "files": {"a.csv": {"rows": 2, "sha256": "0A"}}}'
    >>> read_control(data).files
    {'a.csv': Announced(rows=2, sha256='0a')}
    """
    try:
        content = json.loads(data)
        return Control(date.fromisoformat(content["day"]), _announced(content["files"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            'expected {"day": "YYYY-MM-DD", "files": {"<name>": {"rows": <number>, "sha256": "<hex>"}}}'
        ) from None


def _announced(files: Mapping[str, Any]) -> dict[str, Announced]:
    """Name to announcement. Raises `ValueError` if two names look the same."""
    announced = {
        normal_name(name): Announced(_count(each["rows"]), each["sha256"].lower()) for name, each in files.items()
    }
    if len(announced) < len(files):
        raise ValueError("two names that look the same")
    return announced


def _count(rows: object) -> int:
    if type(rows) is not int or rows < 0:
        raise TypeError
    return rows
