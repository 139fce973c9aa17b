"""Overview: volumes, approval, pd, quarantine and expected cost of a period, and the days to look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

import pandas as pd
import streamlit as st

from tasks.core.monitoring.metrics import TYPICAL_PD
from tasks.core.words import counted
from tasks.dashboard.charts import LOOKS, day_chart, rows_chart
from tasks.dashboard.days import DayBook, latest
from tasks.dashboard.series import COST, day_lines, mean_by_rows
from tasks.dashboard.showing import (
    choose_period,
    count_text,
    day_text,
    interval_text,
    number_text,
    share_text,
    show_chart,
    show_numbers,
    show_rows,
)
from tasks.publication.stored_day import StoredDay


class _Chart(NamedTuple):
    """Chart of a figure by day."""

    title: str
    number: str
    """Format of d3 for its values."""
    words: str
    """Sentence on what the figure is."""


_CHARTS: Final = {
    "approval_rate": _Chart(
        "Approval rate", ".0%", "Share of the decided applications that were approved, with its 95 % interval."
    ),
    TYPICAL_PD: _Chart(
        "Typical pd", ".1%", "pd at the mean logit, and the range that is expected of a day without drift."
    ),
    "quarantined_share": _Chart("In quarantine", ".1%", "Share of the received rows that the contract set aside."),
    COST: _Chart(
        "Expected cost",
        ".2f",
        "Wrong decisions per application, in units of a lost good customer, with a 95 % interval. It trusts the model.",
    ),
}
"""Figure to its chart."""


def show_overview(book: DayBook, days: Mapping[date, StoredDay]) -> None:
    """Show a period: filters, headline figures, the days to look at, charts and the numbers behind them."""
    asked = latest(days, choose_period())
    with st.spinner(f"Reading {counted(len(asked), 'day')} …"):
        lines = _filtered(day_lines(book.see(asked), book.figures(asked)))
    if lines.empty:
        st.info("No day has this verdict and this model in this period. Take a filter away.")
        return
    _show_headline(lines)
    _show_days_to_look_at(lines)
    _show_charts(lines)
    show_numbers(_numbers(lines), "the days shown")


def _filtered(lines: pd.DataFrame) -> pd.DataFrame:
    """Days with the verdicts and models that the reader chose; all of them if nothing was chosen."""
    present = [standing for standing in LOOKS if (lines["standing"] == standing).any()]
    models = sorted(model for model in lines["model"].unique() if model)
    left, right = st.columns(2)
    verdicts = left.multiselect("Verdict", present, placeholder="All verdicts")
    chosen_models = right.multiselect("Model", models, placeholder="All models")
    is_shown = lines["standing"].isin(verdicts or present) & (lines["model"].isin(chosen_models) | (not chosen_models))
    return lines[is_shown].reset_index(drop=True)


def _show_headline(lines: pd.DataFrame) -> None:
    received = lines["received"].sum()
    figures = {
        "Days": count_text(len(lines)),
        "Decided applications": count_text(lines["decided"].sum()),
        "Approval rate": share_text(mean_by_rows(lines, "approval_rate")),
        "In quarantine": share_text(lines["quarantined"].sum() / received if received else None),
        "Expected cost": number_text(mean_by_rows(lines, COST)),
    }
    for column, (name, figure) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(name, figure)


def _show_days_to_look_at(lines: pd.DataFrame) -> None:
    """Every day whose verdict is not `ok`, newest first, with its reason in words."""
    counts = lines["standing"].value_counts()
    told = ", ".join(f"{counts[standing]:,} {standing}" for standing in LOOKS if standing in counts)
    st.subheader("Days to look at")
    first, last = day_text(lines["as_of"].min()), day_text(lines["as_of"].max())
    st.markdown(f"{counted(len(lines), 'day')} from {first} to {last}: {told}.")
    odd = lines[lines["standing"] != "ok"].iloc[::-1]
    if odd.empty:
        return
    rows = {"Day": odd["as_of"].map(day_text), "Verdict": odd["standing"], "Why": odd["why"]}
    show_rows(pd.DataFrame(rows), "days whose verdict is not ok")


def _show_charts(lines: pd.DataFrame) -> None:
    st.subheader("Applications")
    show_chart(
        rows_chart(lines, ["decided", "quarantined"], "Rows"),
        "Rows decided and rows in quarantine, by day. The table at the end has the numbers.",
    )
    for place, (figure, chart) in zip([*st.columns(2), *st.columns(2)], _CHARTS.items(), strict=True):
        with place:
            st.subheader(chart.title)
            st.markdown(chart.words)
            if lines[figure].isna().all():
                st.markdown("No day of this period has this figure: monitor the days first.")
                continue
            show_chart(
                day_chart(lines, figure, chart.title, number=chart.number),
                f"{chart.title} by day. {chart.words} The table at the end has the numbers.",
            )


def _numbers(lines: pd.DataFrame) -> pd.DataFrame:
    newest_first = lines.iloc[::-1]
    costs = zip(newest_first[f"{COST}_low"], newest_first[f"{COST}_high"], strict=True)
    return pd.DataFrame(
        {
            "Day": newest_first["as_of"].map(day_text),
            "Verdict": newest_first["standing"],
            "Model": newest_first["model"],
            "Revision": newest_first["revision"].map(count_text),
            "Received": newest_first["received"].map(count_text),
            "Decided": newest_first["decided"].map(count_text),
            "In quarantine": newest_first["quarantined_share"].map(share_text),
            "Approval rate": newest_first["approval_rate"].map(share_text),
            "Mean pd": newest_first["mean_pd"].map(share_text),
            "Expected cost": newest_first[COST].map(number_text),
            "95 % interval": [interval_text(low, high) for low, high in costs],
        }
    )
