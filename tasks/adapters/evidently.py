"""Evidently: how a day differs from the reference, and what its columns look like."""

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
    """One report: a page to look at (works offline) and the same figures to read."""

    html: bytes
    json: bytes


def compare_samples(
    reference: pd.DataFrame, current: pd.DataFrame, *, numbers: Sequence[str], texts: Sequence[str]
) -> tuple[Rendered, tuple[str, ...]]:
    """Evidently's drift report, and the columns that its default tests call drifted, most drifted first."""
    snapshot = _run(DataDriftPreset(), reference, current, numbers=numbers, texts=texts)
    report = _rendered(snapshot)
    return report, _drifted(json.loads(report.json)["metrics"])


def describe(
    reference: pd.DataFrame, current: pd.DataFrame, *, numbers: Sequence[str], texts: Sequence[str]
) -> Rendered:
    """Evidently's data summary: missing values and distributions of each column beside the reference's."""
    return _rendered(_run(DataSummaryPreset(), reference, current, numbers=numbers, texts=texts))


def _run(
    preset: Any, reference: pd.DataFrame, current: pd.DataFrame, *, numbers: Sequence[str], texts: Sequence[str]
) -> Any:
    definition = DataDefinition(numerical_columns=list(numbers), categorical_columns=list(texts))
    frames = [Dataset.from_pandas(frame, data_definition=definition) for frame in (current, reference)]
    with warnings.catch_warnings():  # its statistics divide by zero on constant columns, and say so each time
        warnings.simplefilter("ignore")
        return Report([preset]).run(*frames)


def _rendered(snapshot: Any) -> Rendered:
    return Rendered(snapshot.get_html_str(as_iframe=False).encode(), snapshot.json().encode())


def _drifted(metrics: list[dict[str, Any]]) -> tuple[str, ...]:
    """A p-value below its threshold or a distance above it, by the ratio of the two."""
    found = []
    for metric in metrics:
        config = metric["config"]
        if not config["type"].endswith(":ValueDrift"):
            continue
        value, threshold = metric["value"], config["threshold"]
        strength = threshold / max(value, 1e-300) if "p_value" in config["method"] else value / threshold
        if strength > 1:
            found.append((strength, config["column"]))
    return tuple(column for _, column in sorted(found, key=lambda each: (-each[0], each[1])))
