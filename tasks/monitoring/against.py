"""References that a day is judged against: that of the model, and the days before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.contract.screening import PD
from tasks.core.model.bundle import ModelPin
from tasks.core.model.reference import MONITORED
from tasks.core.monitoring.metrics import LAST_DAYS
from tasks.core.monitoring.reference import Frozen, freeze_reference
from tasks.core.monitoring.usual_days import dispersion_of, recent_reference, rows_of_metrics, score_dispersion_of
from tasks.errors import SourceError
from tasks.model.load import load_bundle
from tasks.publication.layout import day_of, metrics_key, room_prefix, verdict_key
from tasks.publication.references import read_reference
from tasks.running.context import run_logger
from tasks.store import Store
from tasks.store.renewing import read_if_there

AgainstKind = Literal["reference", "last-28"]
"""Rows that a day is compared with: those of training, or those of the days before it."""
_LOOKED_BACK_DAYS: Final = 60
"""Days before a day within which its 28 days are looked for."""
_DAY_BEFORE: Final = 4
"""Days within which the monitored day before counts as the day before: a long weekend."""


@dataclass(frozen=True, slots=True)
class Against:
    """The reference of a day, and what the days before make of it."""

    kind: AgainstKind
    frozen: Frozen
    dispersion: np.ndarray
    """Variance between days over that of random rows, shape (columns,)."""
    score_dispersion: float
    """The same of the mean score."""
    days: tuple[pa.Table, ...]
    """Metrics of the days before, of the same model, the newest first."""
    watched_before: frozenset[tuple[str, str]]
    """Column and statistic of the findings of the monitored day before."""


def frozen_reference(model: ModelPin, settings: Settings, store: Store) -> Frozen:
    """The reference that was frozen with a model.

    A model of an earlier program has none; it is made of the reference sample in the store.

    Raises:
        ModelError: the sample is gone, or belongs to another model.
    """
    reference = load_bundle(model, settings).reference
    if MONITORED in reference:
        return Frozen.from_json(reference[MONITORED])
    sample = read_reference(store, model, trained_rows=reference["rows"])
    run_logger().info("%s version %s froze no reference; its sample stands for it", model.name, model.version)
    return freeze_reference(sample, sample.column(PD).to_numpy())


def against_reference(store: Store, as_of: date, model: ModelPin, frozen: Frozen) -> Against:
    """The reference of training, with the variation between the days before."""
    days = _metrics_before(store, as_of, model)
    spread = score_dispersion_of(days, frozen)
    watched = _watched_before(store, as_of, model)
    return Against("reference", frozen, dispersion_of(days, frozen), spread, days, watched)


def against_recent_days(store: Store, as_of: date, model: ModelPin, frozen: Frozen) -> Against:
    """The days before in place of the rows of training.

    Raises:
        SourceError: no day before was monitored, or none with an application.
    """
    days = _metrics_before(store, as_of, model)
    if not any(map(rows_of_metrics, days)):
        raise SourceError(
            f"No day in the {_LOOKED_BACK_DAYS} days before {as_of} was monitored with version {model.version} of "
            f"{model.name}. Monitor them first, or compare with the reference: scoring monitor --as-of {as_of}"
        )
    recent = recent_reference(days, frozen)
    spread = score_dispersion_of(days, frozen)
    return Against("last-28", recent, dispersion_of(days, frozen), spread, days, frozenset())


def _metrics_before(store: Store, as_of: date, model: ModelPin) -> tuple[pa.Table, ...]:
    """Metrics of at most 28 days before, the newest first, of the same version of the model."""
    days = {day_of(entry.key) for entry in store.list(room_prefix("monitoring"))}
    recent = sorted((day for day in days if day and _is_recent(day, as_of)), reverse=True)
    found: list[pa.Table] = []
    for day in recent:
        if len(found) == LAST_DAYS:
            break
        there = read_if_there(store, metrics_key(day))
        if there is None:
            continue
        metrics = read_parquet(there.data)
        if pc.all(pc.equal(metrics.column("model_version"), model.version)).as_py():
            found.append(metrics)
    return tuple(found)


def _is_recent(day: date, as_of: date) -> bool:
    return as_of - timedelta(days=_LOOKED_BACK_DAYS) <= day < as_of


def _watched_before(store: Store, as_of: date, model: ModelPin) -> frozenset[tuple[str, str]]:
    """Column and statistic of the findings of the last monitored day before; none of another model's."""
    for back in range(1, _DAY_BEFORE + 1):
        there = read_if_there(store, verdict_key(as_of - timedelta(days=back)))
        if there:
            verdict = json.loads(there.data)
            is_own = verdict["model_version"] == model.version
            return frozenset((finding["column"], finding["what"]) for finding in verdict["findings"] if is_own)
    return frozenset()
