"""Models: which version decided which days, and how it fares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd
import streamlit as st

from tasks.core.monitoring.metrics import TYPICAL_PD
from tasks.dashboard.charts import day_chart
from tasks.dashboard.days import DayBook, latest
from tasks.dashboard.series import COST, day_lines, models_in
from tasks.dashboard.showing import (
    choose_period,
    count_text,
    day_text,
    number_text,
    share_text,
    show_chart,
    show_numbers,
    show_rows,
    write,
)
from tasks.publication.stored_day import StoredDay


def show_model(book: DayBook, days: Mapping[date, StoredDay]) -> None:
    """Show the models that decided in a period, and one of them day by day."""
    asked = latest(days, choose_period())
    seen = book.see(asked)
    lines = day_lines(seen, book.figures(asked))
    models = models_in(lines)
    if models.empty:
        st.info("Nothing was decided in this period.")
        return
    st.subheader("Models that decided")
    show_rows(_told(models), "models that decided")
    model = st.selectbox("Model", models["model"].tolist()[::-1], key="model", bind="query-params")
    newest = next(day.published for day in reversed(seen) if day.published and day.model == model)
    st.subheader(model)
    write(
        f"Bundle {newest.model.digest}. Features {newest.feature_version}, policy {newest.policy['version']}, "
        f"cut-off {newest.policy['cutoff']:.4f}, contract {newest.contract['version']}, as of {newest.as_of}."
    )
    st.markdown(
        "The model card, with calibration and figures from training, lies in the registry beside the version: "
        "model_card.html among the artifacts of its run."
    )
    of_model = lines[lines["model"] == model]
    for figure, title, number in ((TYPICAL_PD, "Typical pd", ".1%"), ("expected_auc", "Expected AUC", ".2f")):
        st.subheader(title)
        if of_model[figure].notna().any():
            show_chart(day_chart(of_model, figure, title, number=number), f"{title} of {model} by day.")
        else:
            st.markdown("No day of this model has this figure: monitor the days first.")
    newest_first = of_model.iloc[::-1]
    numbers = {
        "Day": newest_first["as_of"].map(day_text),
        "Verdict": newest_first["standing"],
        "Typical pd": newest_first[TYPICAL_PD].map(share_text),
        "Expected AUC": newest_first["expected_auc"].map(number_text),
        "Expected default rate of the approved": newest_first["expected_default_rate_of_approved"].map(share_text),
    }
    show_numbers(pd.DataFrame(numbers), f"days of {model}")


def _told(models: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Model": models["model"],
            "Days": models["days"].map(count_text),
            "First": models["first"].map(day_text),
            "Last": models["last"].map(day_text),
            "Decided": models["decided"].map(count_text),
            "Verdicts": [
                f"{row.ok} ok, {row.watch} watch, {row.alert} alert" for row in models.itertuples(index=False)
            ],
            "Mean pd": models["mean_pd"].map(share_text),
            "Expected cost": models[COST].map(number_text),
        }
    )
