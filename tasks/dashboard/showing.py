"""Periods, texts and tables, as all views of the dashboard show them."""

from __future__ import annotations

import re
from html import escape
from typing import Any, Final

import pandas as pd
import streamlit as st

from tasks.core.words import in_markdown, percent

PERIODS: Final = {"7 days": 7, "30 days": 30, "90 days": 90, "All days": None}
"""Period that a view may be about to its calendar days, up to the newest day; None for all."""
_UNBROKEN: Final = 12
"""Characters up to which a cell is not broken into lines."""
_REGION: Final = "max-height: 30rem; overflow: auto"
_TABLE: Final = "border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums"
_CELL: Final = (
    "border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); "
    "padding: .35rem .8rem .35rem 0; text-align: left; vertical-align: top"
)
_NONE: Final = "-"


def choose_period() -> int | None:
    """Let the reader choose a period; its calendar days, or None for all. It stays when the view changes."""
    chosen = st.segmented_control(
        "Period",
        list(PERIODS),
        default="30 days",
        required=True,
        key="period",
        bind="query-params",
        persist_state="session",
    )
    return PERIODS[chosen or "30 days"]


def in_streamlit(text: str) -> str:
    r"""Text escaped so that Streamlit shows it as it is: no link, picture, formula, colour or icon.

    >>> print(in_streamlit("a_b.csv: ![x](http://y) $1$ :red[z]"))
    a\_b.csv\: \!\[x\]\(http\://y\) \$1\$ \:red\[z\]
    >>> print(in_streamlit("-"), in_streamlit("1. First"))
    \- 1\. First
    """
    escaped = re.sub(r"([:$])", r"\\\1", in_markdown(text))
    return re.sub(r"^(\s*\d*)([-.=])", r"\1\\\2", escaped)  # nor an item of a list


def write(text: str) -> None:
    """Write a text from the store as it is."""
    st.markdown(in_streamlit(text))


def show_chart(chart: dict[str, Any], about: str) -> None:
    """Draw a chart of Vega-Lite as wide as its place; `about` is what a screen reader says of it."""
    st.vega_lite_chart(None, chart, alt=about)


def show_numbers(rows: pd.DataFrame, about: str, *, is_open: bool = False) -> None:
    """Table of the numbers behind a chart, in a fold that names them; texts are shown as they are."""
    with st.expander(f"In numbers: {about}", expanded=is_open):
        show_rows(rows, about)


def show_rows(rows: pd.DataFrame, about: str) -> None:
    """Table of texts. It scrolls by itself where it is wider or longer than its place, by keys, too."""
    st.html(table_html(rows, about))


def table_html(rows: pd.DataFrame, about: str) -> str:
    """Table as HTML, with every text as it is; `about` names it to a screen reader.

    >>> table_html(pd.DataFrame({"Rule": ["a<b"]}), "rules").count("a&lt;b")
    1
    """
    heads = "".join(f'<th scope="col" style="{_CELL}">{escape(str(name))}</th>' for name in rows)
    lines = [
        "".join(f'<td style="{_CELL}{_unbroken(str(cell))}">{escape(str(cell))}</td>' for cell in row)
        for row in rows.itertuples(index=False)
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div role="region" tabindex="0" aria-label="Table: {escape(about)}" style="{_REGION}">'
        f'<table style="{_TABLE}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _unbroken(text: str) -> str:
    """Style that keeps a day or a number in one line."""
    return "; white-space: nowrap" if len(text) <= _UNBROKEN else ""


def share_text(share: float | None) -> str:
    """Share in [0, 1] in percent; a dash for none."""
    return _NONE if share is None or pd.isna(share) else percent(share)


def count_text(count: float | None) -> str:
    """Number of things; a dash for none."""
    return _NONE if count is None or pd.isna(count) else f"{count:,.0f}"


def number_text(number: float | None, digits: int = 3) -> str:
    """Number with so many decimals; a dash for none."""
    return _NONE if number is None or pd.isna(number) else f"{number:,.{digits}f}"


def day_text(day: pd.Timestamp) -> str:
    """Day in ISO form; a dash for none."""
    return _NONE if pd.isna(day) else f"{day:%Y-%m-%d}"


def interval_text(low: float, high: float, digits: int = 3) -> str:
    """Both ends of an interval; a dash if there is none."""
    return _NONE if pd.isna(low) or pd.isna(high) else f"{low:,.{digits}f} to {high:,.{digits}f}"
