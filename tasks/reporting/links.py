"""Links of the page of a day: to the pages that are there, by addresses relative to it."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from datetime import date
from typing import Final
from urllib.parse import quote

from tasks.core.model.bundle import ModelPin
from tasks.publication.layout import (
    backtest_page_key,
    day_of,
    day_page_key,
    days_page_key,
    model_page_key,
    monitoring_key,
    realised_key,
    refused_page_key,
    report_page_key,
    verdict_key,
)

_PATH_CHARACTERS: Final = "/=."


def links_of(as_of: date, model: ModelPin | None, keys: Collection[str]) -> dict[str, str]:
    """Name of each page that is there to its address, relative to the page of the day.

    Args:
        as_of: the day.
        model: the model that decided its newest revision; None if none did.
        keys: all keys of the reports in the store.
    """
    before, after = neighbours(as_of, keys)
    wanted = {
        "index": days_page_key(),
        "before": day_page_key(before) if before else "",
        "after": day_page_key(after) if after else "",
        "contract": report_page_key(as_of),
        "refused": refused_page_key(as_of),
        "drift": monitoring_key(as_of, "drift.html"),
        "verdict": verdict_key(as_of),
        "model": model_page_key(model.name, model.version) if model else "",
    }
    there = {name: key for name, key in wanted.items() if key in keys}
    if realised_key(as_of) in keys:  # a backtest leaves it with its own page
        there["outcomes"] = backtest_page_key()
    return {name: relative_link(day_page_key(as_of), key) for name, key in there.items()}


def neighbours(as_of: date, keys: Collection[str]) -> tuple[date | None, date | None]:
    """The nearest days before and after that have a page; None where there is none."""
    days = {day for key in keys if (day := day_of(key)) and key == day_page_key(day)}
    before = [day for day in days if day < as_of]
    after = [day for day in days if day > as_of]
    return max(before, default=None), min(after, default=None)


def relative_link(page: str, target: str) -> str:
    """Address of an object, as a link on the page under another key.

    >>> relative_link("reports/day=2026-11-02/index.html", "reports/model=a%20b/version=1/index.html")
    '../model=a%2520b/version=1/index.html'
    """
    return quote(posixpath.relpath(target, posixpath.dirname(page)), safe=_PATH_CHARACTERS)
