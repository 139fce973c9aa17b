"""The page of a model: its card, as training wrote it, and the days that it decided."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from tasks.adapters.pages.days import plain_number, sign_of
from tasks.adapters.pages.html import template, weekday_name
from tasks.core.reporting.days_page import DayLine

_DAYS: Final = re.compile(rb'<section id="days-of-model">.*?</section>\n?', re.DOTALL)
_FOOTER: Final = b'<footer class="quiet">'
"""Beginning of the end of a card, before which the days stand."""
_WITHOUT_CARD: Final = b'<body class="without-card">'
_TO_ALL_DAYS: Final = "../../"
"""Way from the page of a model to the folder of the page of all days."""


def model_page(name: str, version: str, lines: Sequence[DayLine], card: bytes | None, verdict: str = "") -> bytes:
    """Render the page of a model. The same card and lines give the same bytes.

    Args:
        name: of the model.
        version: of the model.
        lines: days that it decided, oldest first.
        card: the card's page as training wrote it; None if it is not to be had.
        verdict: address of the gate's verdict on it, relative to the page; empty if there is none.
    """
    days = template("model_days.html").render(
        lines=lines[::-1],
        all_days=f"{_TO_ALL_DAYS}index.html",
        to_pages=_TO_ALL_DAYS,
        weekday=weekday_name,
        sign=sign_of,
        number=plain_number,
        verdict=verdict,
    )
    if card is None:
        shown = Markup(days)  # noqa: S704 - our own template, which escapes what it is given
        return template("model_page.html").render(name=name, version=version, days=shown).encode()
    head, footer, tail = card.rpartition(_FOOTER)
    if not footer:
        head, footer, tail = card.rpartition(b"</body>")
    return head + days.encode() + b"\n" + footer + tail


def card_of_page(page: bytes) -> bytes | None:
    """Card that a page of a model holds; None if it was written without.

    >>> card = b'<body><footer class="quiet"></footer></body>'
    >>> card_of_page(model_page("m", "1", [], card)) == card, card_of_page(model_page("m", "1", [], None))
    (True, None)
    """
    return None if _WITHOUT_CARD in page else _DAYS.sub(b"", page)
