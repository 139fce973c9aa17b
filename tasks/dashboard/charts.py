"""Charts over days as Vega-Lite. A verdict has a shape and a word, and never a colour alone.

They are written as JSON, which Vega-Lite's documentation describes: Altair would check each against its
schema, for a third of a second a page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import pandas as pd

_HEIGHT: Final = 220
"""Height of a chart in pixels."""
_BAR: Final = 24
"""Height of a horizontal bar with the gap beside it, in pixels."""
_MOST_MARKS: Final = 130
"""Days up to which each has a mark of its own; among more, only those that are not `ok` have."""


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
    "withdrawn": Look("#a04fc4", "square"),
    "damaged": Look("#a04fc4", "square"),
}
"""Standing of a day to its look."""
_LINE: Final = "#3b82c4"
_ALARM: Final = "#e0393e"
_FEW_DAYS: Final = 10
"""Days up to which the axis has a tick a day; Vega-Lite would set several to a day."""
_TOLD_DAY: Final = {"field": "as_of", "type": "temporal", "title": "Day", "format": "%Y-%m-%d"}


def day_chart(
    lines: pd.DataFrame,
    figure: str,
    title: str,
    *,
    number: str,
    alarm: float | None = None,
    note: str = "",
) -> dict[str, Any]:
    """Vega-Lite of a figure by day: a line, its interval as a band, a mark for each day's standing, an alarm line.

    Args:
        lines: a row a day with `as_of`, `standing`, the figure, and its interval, if it has one, in
            `<figure>_low` and `<figure>_high`.
        figure: name of the column.
        title: of the vertical axis.
        number: format of d3 for the values, such as `.1%`.
        alarm: value of a dashed line; None for none.
        note: label of that line.
    """
    names = {"as_of": "as_of", "standing": "standing", figure: "value"}
    names |= {f"{figure}_{end}": end for end in ("low", "high") if f"{figure}_{end}" in lines}
    rows = lines[list(names)].rename(columns=names)
    has_interval = {"low", "high"} <= set(rows) and bool(rows["low"].notna().any())
    scale = {"zero": alarm is not None, "nice": True}
    value = {"field": "value", "type": "quantitative", "scale": scale}
    value["axis"] = {"title": title, "format": number, "tickCount": 5}
    day = _day_axis(rows)
    layers = [
        *([_band(day)] if has_interval else []),
        {"mark": {"type": "line", "color": _LINE, "strokeWidth": 1.5}, "encoding": {"x": day, "y": value}},
        _marks(rows, day, value, number),
        *(_alarm(alarm, note) if alarm is not None else []),
    ]
    return _chart(rows, _HEIGHT, layers)


def _chart(rows: pd.DataFrame, height: int, layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Layers over rows that lie in the chart itself; a missing number is null.

    The rows lie below the top: there Streamlit would take them out and send them after the chart, which
    Vega-Lite draws empty meanwhile, with a warning for each scale.
    """
    days = {str(name): rows[name].dt.strftime("%Y-%m-%dT00:00:00") for name in rows.select_dtypes("datetime")}
    values = rows.assign(**days).to_json(orient="records")  # a day without an hour would count as UTC's
    return {"height": height, "layer": [{"data": {"values": json.loads(values)}, "layer": list(layers)}]}


def _day_axis(rows: pd.DataFrame) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": None, "format": "%d %b %y", "labelOverlap": True}
    if rows["as_of"].nunique() <= _FEW_DAYS:
        axis["tickCount"] = {"interval": "day", "step": 1}
    return {"field": "as_of", "type": "temporal", "timeUnit": "yearmonthdate", "axis": axis}


def _band(day: Mapping[str, Any]) -> dict[str, Any]:
    encoding = {"x": day, "y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}
    return {"mark": {"type": "area", "opacity": 0.25, "color": _LINE}, "encoding": encoding}


def _marks(rows: pd.DataFrame, day: Mapping[str, Any], value: Mapping[str, Any], number: str) -> dict[str, Any]:
    """A mark a day, by its standing, with its words on a tooltip."""
    drawn = rows.loc[rows["value"].notna(), "standing"]
    present = [standing for standing in LOOKS if (drawn == standing).any()]
    shown = present if len(rows) <= _MOST_MARKS else [standing for standing in present if standing != "ok"]
    legend = {"orient": "bottom", "title": None, "columns": 3}
    looks = [LOOKS[standing] for standing in shown]
    by_standing = {"field": "standing", "type": "nominal", "legend": legend}
    return {
        "transform": [{"filter": {"field": "standing", "oneOf": shown}}],
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
        "encoding": {
            "x": day,
            "y": value,
            "color": by_standing | {"scale": {"domain": shown, "range": [look.colour for look in looks]}},
            "shape": by_standing | {"scale": {"domain": shown, "range": [look.shape for look in looks]}},
            "tooltip": [
                _TOLD_DAY,
                {"field": "value", "type": "quantitative", "title": "Value", "format": number},
                {"field": "standing", "type": "nominal", "title": "Verdict"},
            ],
        },
    }


def _alarm(alarm: float, note: str) -> list[dict[str, Any]]:
    rule = {"type": "rule", "aria": False, "strokeDash": [5, 4], "color": _ALARM}
    words = {"type": "text", "aria": False, "align": "left", "baseline": "bottom", "dy": -3, "color": _ALARM}
    at = {"datum": alarm, "type": "quantitative"}
    return [
        {"mark": rule, "encoding": {"y": at}},
        {"mark": words, "encoding": {"x": {"value": 4}, "y": at, "text": {"value": note}}},
    ]


def rows_chart(lines: pd.DataFrame, parts: Sequence[str], title: str) -> dict[str, Any]:
    """Vega-Lite of rows by day, stacked by what became of them: two parts."""
    rows = lines.melt("as_of", list(parts), "part", "rows").dropna()
    by_part = {
        "scale": {"domain": list(parts), "range": [_LINE, _ALARM]},
        "legend": {"orient": "bottom", "title": None},
    }
    number = {"field": "rows", "type": "quantitative"}
    encoding = {
        "x": _day_axis(rows),
        "y": number | {"axis": {"title": title, "format": "~s", "tickCount": 5}},
        "color": {"field": "part", "type": "nominal", **by_part},
        "tooltip": [
            _TOLD_DAY,
            {"field": "part", "type": "nominal", "title": "Rows"},
            number | {"title": "Number", "format": ","},
        ],
    }
    return _chart(rows, _HEIGHT, [{"mark": "bar", "encoding": encoding}])


def bars_chart(rows: pd.DataFrame, name: str, value: str, title: str, *, number: str = ",") -> dict[str, Any]:
    """Vega-Lite of a horizontal bar for each row, in the order of the rows."""
    named = {"field": name, "type": "nominal"}
    length = {"field": value, "type": "quantitative"}
    encoding = {
        "y": named | {"sort": None, "axis": {"title": None, "labelLimit": 200}},
        "x": length | {"axis": {"title": title, "format": number, "tickCount": 4}},
        "tooltip": [named | {"title": "Name"}, length | {"title": title, "format": number}],
    }
    mark = {"type": "bar", "color": _LINE}
    return _chart(rows[[name, value]], _BAR * max(len(rows), 2), [{"mark": mark, "encoding": encoding}])
