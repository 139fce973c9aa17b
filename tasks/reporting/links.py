"""Links between pages of the store."""

from __future__ import annotations

import posixpath
from typing import Final
from urllib.parse import quote

_PATH_CHARACTERS: Final = "/=."


def relative_link(page: str, target: str) -> str:
    """Address of an object, as a link on the page under another key.

    >>> relative_link("reports/day=2026-11-02/index.html", "reports/model=a%20b/version=1/index.html")
    '../model=a%2520b/version=1/index.html'
    """
    return quote(posixpath.relpath(target, posixpath.dirname(page)), safe=_PATH_CHARACTERS)
