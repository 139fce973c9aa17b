"""Quarantine by rule: which rules of the contract set rows aside, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd
import streamlit as st

from tasks.dashboard.charts import bars_chart, day_chart
from tasks.dashboard.days import DayBook, latest
from tasks.dashboard.series import quarantined_rows, rules_by_rows
from tasks.dashboard.showing import choose_period, count_text, day_text, share_text, show_chart, show_numbers, show_rows
from tasks.publication.stored_day import StoredDay


def show_quarantine(book: DayBook, days: Mapping[date, StoredDay]) -> None:
    """Show the rules that set rows aside in a period, and one of them day by day."""
    asked = latest(days, choose_period())
    seen = book.see(asked)
    refused = [day for day in seen if day.standing == "refused"]
    if refused:
        st.subheader("Days that the contract stopped")
        rows = [(str(day.as_of), day.headline) for day in reversed(refused)]
        show_rows(pd.DataFrame(rows, columns=["Day", "Why"]), "days that the contract stopped")
    quarantined = quarantined_rows(seen)
    rules = rules_by_rows(quarantined)
    st.subheader("Rules that set rows aside")
    if rules.empty:
        st.markdown("No row was set aside on a published day of this period.")
        return
    st.markdown("A row is counted for each rule that it breaks, so these add up to more than the rows in quarantine.")
    show_chart(
        bars_chart(rules.head(15), "rule", "rows", "Rows"),
        "Rows set aside by rule, the most first. The table below has the numbers.",
    )
    told = {"Rule": rules["rule"], "Rows": rules["rows"].map(count_text), "Days": rules["days"].map(count_text)}
    show_numbers(pd.DataFrame(told | {"Last": rules["last"].map(day_text)}), "rules")
    rule = st.selectbox("Rule", rules["rule"].tolist(), key="rule", bind="query-params")
    _show_rule(rule, quarantined, {pd.Timestamp(day.as_of): day.standing for day in seen if day.published})


def _show_rule(rule: str, quarantined: pd.DataFrame, standings: Mapping[pd.Timestamp, str]) -> None:
    """Rows that break a rule, by day; a day on which none did has 0."""
    of_rule = quarantined[quarantined["rule"] == rule].set_index("as_of").reindex(list(standings))
    lines = of_rule[["rows", "share"]].fillna(0).rename_axis("as_of").reset_index()
    lines["standing"] = list(standings.values())
    show_chart(
        day_chart(lines, "share", "Share of rows", number=".2%"),
        f"Share of the received rows that were set aside by {rule}, by day. The table below has the numbers.",
    )
    newest_first = lines[lines["rows"] > 0].iloc[::-1]
    numbers = {
        "Day": newest_first["as_of"].map(day_text),
        "Rows": newest_first["rows"].map(count_text),
        "Share": newest_first["share"].map(share_text),
    }
    show_numbers(pd.DataFrame(numbers), f"days on which {rule} set rows aside")
