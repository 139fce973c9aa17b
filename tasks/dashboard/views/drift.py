"""Drift by column over days: the size of what changed, beside the line from which it is a finding."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd
import streamlit as st

from tasks.core.monitoring.metrics import DRIFT_SIZE
from tasks.dashboard.charts import day_chart
from tasks.dashboard.days import DayBook, latest
from tasks.dashboard.series import COLUMN_FIGURES, drift_of, figures_about, found_columns
from tasks.dashboard.showing import (
    choose_period,
    count_text,
    day_text,
    interval_text,
    number_text,
    show_chart,
    show_numbers,
    show_rows,
)
from tasks.publication.stored_day import StoredDay

_FOUND_LINE = 1.0
"""Size of a drift from which it is a finding, by the definition of the figure."""


def show_drift(book: DayBook, days: Mapping[date, StoredDay]) -> None:
    """Show the columns found most often in a period, and one of them day by day."""
    asked = latest(days, choose_period())
    seen, figures = book.see(asked), book.figures(asked)
    columns = found_columns(figures)
    if columns.empty:
        st.info("No day of this period was monitored. Monitor one: scoring monitor --as-of YYYY-MM-DD")
        return
    _show_found(columns)
    left, right = st.columns(2)
    column = left.selectbox("Column", columns["column"].tolist(), key="column", bind="query-params")
    about = figures_about(column, figures)
    metric = right.selectbox("Figure", about, format_func=COLUMN_FIGURES.__getitem__)
    series = drift_of(column, metric, figures, seen)
    title = COLUMN_FIGURES[metric]
    st.subheader(f"{column}: {title[0].lower()}{title[1:]}")
    st.markdown(_words(metric))
    if series["value"].notna().any():
        chart = day_chart(
            series.rename(columns={"low": "value_low", "high": "value_high"}),
            "value",
            title,
            number=".1%" if metric.endswith("share") else ".2f",
            alarm=_FOUND_LINE if metric == DRIFT_SIZE else None,
            note="a finding from here on",
        )
        show_chart(chart, f"{title} of {column} by day. The table below has the numbers.")
    show_numbers(_numbers(series), f"{column}, day by day", is_open=True)


def _words(metric: str) -> str:
    insufficient = "Days with too few applications for a verdict are grey, and insufficient in the table."
    if metric == DRIFT_SIZE:
        return (
            "Largest change of the column that is not chance, over all statistics, in units of its threshold of watch: "
            f"from 1 on it is a finding, and 0 means that all of it may be chance. {insufficient}"
        )
    return f"The band is the range expected of 95 of 100 days without drift, where the figure has one. {insufficient}"


def _show_found(columns: pd.DataFrame) -> None:
    st.subheader("Columns found most often")
    found = columns[columns["days"] > 0].head(10)
    if found.empty:
        st.markdown("No column was found on any day of this period.")
        return
    rows = {
        "Column": found["column"],
        "Days found": found["days"].map(count_text),
        "Last": found["last"].map(day_text),
        "Largest drift": found["largest"].map(lambda size: number_text(size, 1)),
    }
    show_rows(pd.DataFrame(rows), "columns found most often")


def _numbers(series: pd.DataFrame) -> pd.DataFrame:
    newest_first = series.iloc[::-1]
    ends = zip(newest_first["low"], newest_first["high"], strict=True)
    return pd.DataFrame(
        {
            "Day": newest_first["as_of"].map(day_text),
            "Verdict": newest_first["standing"],
            "Value": newest_first["value"].map(lambda value: number_text(value, 4)),
            "Expected": [interval_text(low, high, 4) for low, high in ends],
            "Applications": newest_first["n"].map(count_text),
        }
    )
