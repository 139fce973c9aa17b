"""Evidently: the differences between a day and the reference, and summaries of its columns."""

from __future__ import annotations

import html
import json
import warnings
from collections.abc import Sequence
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset, DataSummaryPreset

from tasks.adapters.pages.html import Rendered
from tasks.core.words import in_json


def compare_samples(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    numbers: Sequence[str],
    texts: Sequence[str],
    note: str = "",
) -> tuple[Rendered, tuple[str, ...]]:
    """Make Evidently's drift report, and list the columns that its default tests call drifted.

    The most drifted column comes first. The report begins with the note, if there is one.
    """
    snapshot = _run(DataDriftPreset(), reference, current, numbers=numbers, texts=texts)
    report = _rendered(snapshot, note)
    return report, _drifted(json.loads(report.json)["metrics"])


def describe(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    numbers: Sequence[str],
    texts: Sequence[str],
    note: str = "",
) -> Rendered:
    """Make Evidently's data summary.

    It shows missing values and the distribution of each column beside the reference's. It begins
    with the note, if there is one.
    """
    snapshot = _run(DataSummaryPreset(), reference, current, numbers=numbers, texts=texts)
    return _rendered(snapshot, note)


def _run(
    preset: Any,
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    numbers: Sequence[str],
    texts: Sequence[str],
) -> Any:
    definition = DataDefinition(numerical_columns=list(numbers), categorical_columns=list(texts))
    datasets = [
        Dataset.from_pandas(current, data_definition=definition),
        Dataset.from_pandas(reference, data_definition=definition),
    ]
    with warnings.catch_warnings():
        # Its statistics divide by zero on constant columns, and warn each time.
        warnings.simplefilter("ignore")
        return Report([preset]).run(*datasets)


def _rendered(snapshot: Any, note: str) -> Rendered:
    page = snapshot.get_html_str(as_iframe=False)
    told = in_json(json.loads(snapshot.json()))
    if note:
        body = "</head>\n    <body>"
        page = page.replace(body, f"{body}\n    <p>{html.escape(note)}</p>", 1)
        told = {"note": note, **told}
    return Rendered(page.encode(), json.dumps(told, allow_nan=False).encode())


def _drifted(metrics: list[dict[str, Any]]) -> tuple[str, ...]:
    """Columns with a p-value below its threshold or a distance above it, strongest drift first.

    The strength of drift is the ratio of the two. Equal ones are sorted by name.
    """
    found = []
    for metric in metrics:
        config = metric["config"]
        value = metric["value"]
        if value is None or not config["type"].endswith(":ValueDrift"):
            continue
        threshold = config["threshold"]
        is_p_value = "p_value" in config["method"]
        strength = threshold / max(value, 1e-300) if is_p_value else value / threshold
        if strength > 1:
            found.append((strength, config["column"]))
    return tuple(column for _, column in sorted(found, key=lambda each: (-each[0], each[1])))
