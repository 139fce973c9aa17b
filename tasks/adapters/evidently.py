"""Evidently: the differences between a day and the reference, and summaries of its columns."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset, DataSummaryPreset


@dataclass(frozen=True, slots=True)
class Rendered:
    """One report: a page for people, which works offline, and the same figures for programs."""

    html: bytes
    json: bytes


def compare_samples(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    numbers: Sequence[str],
    texts: Sequence[str],
) -> tuple[Rendered, tuple[str, ...]]:
    """Make Evidently's drift report, and list the columns that its default tests call drifted.

    The most drifted column comes first.
    """
    snapshot = _run(DataDriftPreset(), reference, current, numbers=numbers, texts=texts)
    report = _rendered(snapshot)
    return report, _drifted(json.loads(report.json)["metrics"])


def describe(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    numbers: Sequence[str],
    texts: Sequence[str],
) -> Rendered:
    """Make Evidently's data summary.

    It shows missing values and the distribution of each column beside the reference's.
    """
    return _rendered(_run(DataSummaryPreset(), reference, current, numbers=numbers, texts=texts))


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


def _rendered(snapshot: Any) -> Rendered:
    return Rendered(snapshot.get_html_str(as_iframe=False).encode(), snapshot.json().encode())


def _drifted(metrics: list[dict[str, Any]]) -> tuple[str, ...]:
    """Columns with a p-value below its threshold or a distance above it, strongest drift first.

    The strength of drift is the ratio of the two. Equal ones are sorted by name.
    """
    found = []
    for metric in metrics:
        config = metric["config"]
        if not config["type"].endswith(":ValueDrift"):
            continue
        value = metric["value"]
        threshold = config["threshold"]
        is_p_value = "p_value" in config["method"]
        strength = threshold / max(value, 1e-300) if is_p_value else value / threshold
        if strength > 1:
            found.append((strength, config["column"]))
    return tuple(column for _, column in sorted(found, key=lambda each: (-each[0], each[1])))
