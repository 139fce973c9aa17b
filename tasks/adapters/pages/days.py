"""The page of all days: a table that is whole by itself, and charts that its own script draws.

The script is part of the page and allowed by its digest alone; it reads the aggregates that the page
embeds, and asks for nothing. The same lines give the same bytes.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from pydantic import TypeAdapter

from tasks.adapters.pages.html import template, weekday_name
from tasks.core.reporting.days_page import (
    LOOKED_BACK_DAYS,
    MISSING,
    PUBLISHED,
    DayLine,
    drifted_columns,
    gravity,
    reasons_of_day,
    wrong_days,
)

_EMBEDDED: Final = re.compile(rb'<script type="application/json" id="days-data">(.*?)</script>', re.DOTALL)
_FORMAT: Final = 2
"""Number of the form of the embedded aggregates; it changes whenever `DayLine` does."""
_MOST_COLUMNS: Final = 40
"""Columns of the table of what drifted."""
_WINDOWS: Final = {"7": "7 days", "30": "30 days", "90": "90 days", "": "all days"}
"""Days of the calendar up to the newest, as text, to words."""
_FIRST_WINDOW: Final = "30"


class Sign(NamedTuple):
    """Sign and colour class of a verdict; its word stands beside it."""

    sign: str
    colour: str


SIGNS: Final[Mapping[str, Sign]] = {
    "ok": Sign("●", "met"),
    "watch": Sign("▲", "warned"),
    "alert": Sign("◆", "broken"),
    "insufficient": Sign("○", "unjudged"),
}
NO_SIGN: Final = Sign("-", "unjudged")
"""Of a day without a verdict."""


def days_page(lines: Sequence[DayLine], model_pages: Mapping[tuple[str, str], str]) -> bytes:
    """Render the page of all days.

    Args:
        lines: oldest first, as `core.reporting.days_page.with_missing_days` returns them.
        model_pages: name and version of a model to the relative address of its page.
    """
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = template("days_page.html").render(
        lines=lines[::-1],
        wrong=wrong_days(lines),
        columns=drifted_columns(lines, _MOST_COLUMNS),
        script=Markup(script),  # noqa: S704 - our own file
        script_source=f"'sha256-{digest}'",
        model_pages=model_pages,
        aggregates=htmlsafe_json_dumps(_embedded(lines), separators=(",", ":")),
        windows=_WINDOWS,
        first_window=_FIRST_WINDOW,
        looked_back=LOOKED_BACK_DAYS,
        missing=MISSING,
        published=PUBLISHED,
        weekday=weekday_name,
        sign=sign_of,
        gravity=gravity,
        reasons=reasons_of_day,
        number=plain_number,
    )
    return page.encode()


def embedded_lines(page: bytes) -> list[DayLine]:
    """Lines that a page of all days embeds, oldest first.

    Raises:
        ValueError: the page embeds none, or an earlier or later program wrote them.
    """
    found = _EMBEDDED.search(page)
    if not found:
        raise ValueError("the page embeds no aggregates")
    try:
        return _read_embedded(json.loads(found[1]))
    except (TypeError, KeyError, AttributeError, IndexError):
        raise ValueError("another program wrote the aggregates of the page") from None


def _read_embedded(content: dict[str, Any]) -> list[DayLine]:
    names, columns = [each.name for each in fields(DayLine)], content["columns"]
    if content["format"] != _FORMAT or content["fields"] != names:
        raise KeyError("format")
    rows = [dict(zip(names, row, strict=True)) for row in content["days"]]
    for row in rows:
        row["drift"] = [(columns[place], size, level) for place, size, level in row["drift"]]
    return _lines_type().validate_python(rows)


def _embedded(lines: Sequence[DayLine]) -> dict[str, Any]:
    """Aggregates as the page embeds them: a list a day, columns by their place in a list."""
    names = [each.name for each in fields(DayLine)]
    columns = sorted({drift.column for line in lines for drift in line.drift})
    place = {column: number for number, column in enumerate(columns)}
    days = []
    for line in lines:
        told = asdict(line) | {
            "as_of": line.as_of.isoformat(),
            "drift": [[place[each.column], each.size, each.level] for each in line.drift],
        }
        days.append([told[name] for name in names])
    signs = {level: sign.sign for level, sign in SIGNS.items()}
    return {"format": _FORMAT, "fields": names, "columns": columns, "signs": signs, "days": days}


def sign_of(verdict: str) -> Sign:
    """Sign of a verdict; that of no verdict for any other text."""
    return SIGNS.get(verdict, NO_SIGN)


def plain_number(value: float | None, digits: int) -> str:
    """Number with so many digits after the point; a dash if it is not known.

    >>> plain_number(0.48682, 3), plain_number(None, 3)
    ('0.487', '-')
    """
    return "-" if value is None else f"{value:,.{digits}f}"


@functools.cache
def _script() -> str:
    return (Path(__file__).parent / "days_page.js").read_text("utf-8")


@functools.cache
def _lines_type() -> TypeAdapter[list[DayLine]]:
    return TypeAdapter(list[DayLine])
