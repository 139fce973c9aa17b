"""Altair charts of series over days. A verdict has a shape and a word, and never a colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import altair as alt
import pandas as pd

_HEIGHT: Final = 220
"""Height of a chart in pixels."""
_MOST_MARKS: Final = 130
"""Days up to which each has a mark of its own; among more, only those that are worth a look have."""


class Look(NamedTuple):
    """Colour and shape of a verdict in charts."""

    colour: str
    """At least 3 to 1 on white and on Streamlit's dark ground (WCAG 2.2, 1.4.11)."""
    shape: str


LOOKS: Final = {
    "ok": Look("#2f8f4e", "circle"),
    "watch": Look("#b7791f", "triangle-up"),
    "alert": Look("#e0393e", "diamond"),
    "insufficient": Look("#7d8590", "cross"),
    "not monitored": Look("#7d8590", "stroke"),
    "older revision": Look("#7d8590", "stroke"),
    "refused": Look("#a04fc4", "square"),
    "not published": Look("#a04fc4", "square"),
    "damaged": Look("#a04fc4", "square"),
}
"""Standing of a day to its look."""
_LINE: Final = "#3b82c4"


def day_chart(
    lines: pd.DataFrame,
    figure: str,
    title: str,
    *,
    number: str,
    alarm: float | None = None,
    note: str = "",
) -> alt.LayerChart | alt.FacetChart:
    """A figure by day: a line, its interval as a band, a mark for each day's standing, an alarm line.

    Args:
        lines: a row a day with `as_of`, `standing`, the figure, and its interval, if it has one, in
            `<figure>_low` and `<figure>_high`.
        figure: name of the column.
        title: of the vertical axis.
        number: format of d3 for the values, such as `.1%`.
        alarm: value of a dashed line; None for none.
        note: label of that line.
    """
    shown = lines[["as_of", "standing", *_ends(lines, figure)]].rename(columns={figure: "value"})
    shown = shown.rename(columns={f"{figure}_low": "low", f"{figure}_high": "high"})
    base = alt.Chart(shown).encode(x=alt.X("as_of:T", title=None, axis=alt.Axis(format="%d %b %y", labelOverlap=True)))
    scale = alt.Scale(zero=alarm is not None)
    y = alt.Y("value:Q", title=title, axis=alt.Axis(format=number, tickCount=5), scale=scale)
    layers: list[alt.Chart] = []
    if "low" in shown:
        layers.append(base.mark_area(opacity=0.25, color=_LINE).encode(y=alt.Y("low:Q", title=title), y2="high:Q"))
    layers.append(base.mark_line(color=_LINE, strokeWidth=1.5).encode(y=y))
    layers.append(_marks(shown, y, number))
    if alarm is not None:
        layers += _alarm(alarm, note)
    return alt.layer(*layers).properties(height=_HEIGHT)


def _ends(lines: pd.DataFrame, figure: str) -> list[str]:
    ends = [f"{figure}_low", f"{figure}_high"]
    has_interval = all(end in lines and lines[end].notna().any() for end in ends)
    return [figure, *ends] if has_interval else [figure]


def _marks(shown: pd.DataFrame, y: alt.Y, number: str) -> alt.Chart:
    """A mark a day, by its standing, with its words on a tooltip."""
    marked = shown if len(shown) <= _MOST_MARKS else shown[shown["standing"] != "ok"]
    present = [standing for standing in LOOKS if (marked["standing"] == standing).any()]
    looks = [LOOKS[standing] for standing in present]
    legend = alt.Legend(orient="bottom", title=None, columns=3)
    return (
        alt.Chart(marked)
        .mark_point(filled=True, size=70, opacity=1)
        .encode(
            x="as_of:T",
            y=y,
            color=alt.Color(
                "standing:N",
                scale=alt.Scale(domain=present, range=[look.colour for look in looks]),
                legend=legend,
            ),
            shape=alt.Shape(
                "standing:N",
                scale=alt.Scale(domain=present, range=[look.shape for look in looks]),
                legend=legend,
            ),
            tooltip=[
                alt.Tooltip("as_of:T", title="Day", format="%Y-%m-%d"),
                alt.Tooltip("value:Q", title="Value", format=number),
                alt.Tooltip("standing:N", title="Verdict"),
            ],
        )
    )


def _alarm(alarm: float, note: str) -> list[alt.Chart]:
    at = pd.DataFrame({"value": [alarm], "note": [note]})
    rule = alt.Chart(at).mark_rule(strokeDash=[5, 4], color="#e0393e").encode(y="value:Q")
    words = alt.Chart(at).mark_text(align="left", baseline="bottom", dy=-3, color="#e0393e")
    return [rule, words.encode(x=alt.value(4), y="value:Q", text="note:N")]


def rows_chart(lines: pd.DataFrame, parts: Sequence[str], title: str) -> alt.Chart:
    """Rows by day, stacked by what became of them."""
    long = lines.melt("as_of", list(parts), "part", "rows").dropna()
    return (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=alt.X("as_of:T", title=None, axis=alt.Axis(format="%d %b %y", labelOverlap=True)),
            y=alt.Y("rows:Q", title=title, axis=alt.Axis(format="~s", tickCount=5)),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=list(parts), range=[_LINE, "#e0393e"]),
                legend=alt.Legend(orient="bottom", title=None),
            ),
            tooltip=[
                alt.Tooltip("as_of:T", title="Day", format="%Y-%m-%d"),
                alt.Tooltip("part:N", title="Rows"),
                alt.Tooltip("rows:Q", title="Number", format=","),
            ],
        )
        .properties(height=_HEIGHT)
    )


def bars_chart(rows: pd.DataFrame, name: str, value: str, title: str, *, number: str = ",") -> alt.Chart:
    """A horizontal bar for each row, in the order of the rows."""
    return (
        alt.Chart(rows)
        .mark_bar(color=_LINE)
        .encode(
            y=alt.Y(f"{name}:N", sort=None, title=None, axis=alt.Axis(labelLimit=160)),
            x=alt.X(f"{value}:Q", title=title, axis=alt.Axis(format=number, tickCount=4)),
            tooltip=[alt.Tooltip(f"{name}:N", title="Name"), alt.Tooltip(f"{value}:Q", title=title, format=number)],
        )
        .properties(height=alt.Step(24))
    )
