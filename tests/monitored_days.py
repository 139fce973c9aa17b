"""A small reference and days beside it, for tests of what monitoring says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
from scipy.special import expit

from configs.monitoring import load_thresholds
from configs.settings import PROJECT
from tasks.core.lender.columns import TYPED_SCHEMA, WEEKDAYS
from tasks.core.monitoring.compared import Compared, compare_counts
from tasks.core.monitoring.counts import DayCounts, count_rows
from tasks.core.monitoring.reference import Frozen, freeze_reference
from tasks.core.monitoring.thresholds import Threshold, Thresholds

SHIPPED: Final = Thresholds.of(load_thresholds(PROJECT / "configs/monitoring.yaml").model_dump())
LIMITS: Final = (0.15, 0.25)
"""pd from which an application is referred, and from which it is refused."""
KINDS: Final = ("House / apartment", "With parents", "Rented apartment")


def typed(**columns: Any) -> pa.Table:
    """Typed rows with these columns alone; numbers may be NaN and texts None where they are missing."""
    made = {}
    for name, values in columns.items():
        kind = TYPED_SCHEMA.field(name).type
        made[name] = pa.array(list(values) if pa.types.is_string(kind) else np.asarray(values, float), kind)
        if not pa.types.is_string(kind):
            made[name] = pa.array(np.asarray(values, float), kind, from_pandas=True)
    return pa.table(made)


def applications(rows: int, *, seed: int, **changed: Any) -> pa.Table:
    """Typed rows of nobody, of one population; `changed` columns replace theirs.

    Two amounts go together, a score is often missing, employment has a code for "none", and on
    Sundays more applicants live with their parents.
    """
    random = np.random.default_rng(seed)
    credit = random.lognormal(13, 0.7, rows)
    score = random.beta(3, 2, rows)
    employed = -random.integers(1, 15_000, rows).astype(float)
    weekday = np.array(WEEKDAYS)[random.integers(0, 7, rows)]
    with_parents = np.where(weekday == "SUNDAY", 0.25, 0.05)
    kind = np.where(random.random(rows) < with_parents, KINDS[1], KINDS[0])
    columns = {
        "AMT_CREDIT": credit,
        "AMT_ANNUITY": credit / 20 * random.lognormal(0, 0.2, rows),
        "EXT_SOURCE_2": np.where(random.random(rows) < 0.2, np.nan, score),
        "DAYS_EMPLOYED": np.where(random.random(rows) < 0.18, 365243.0, employed),
        "CNT_CHILDREN": random.poisson(0.4, rows),
        "NAME_CONTRACT_TYPE": np.where(random.random(rows) < 0.1, "Revolving loans", "Cash loans"),
        "NAME_HOUSING_TYPE": kind,
        "WEEKDAY_APPR_PROCESS_START": weekday,
    }
    return typed(**columns | changed)


def pd_of(rows: int, *, seed: int, shift: float = 0.0) -> np.ndarray:
    """Probabilities of default, about 9 % on average."""
    return expit(np.random.default_rng(seed).normal(-2.5 + shift, 0.8, rows))


def frozen_of(rows: int = 4000, *, seed: int = 1, **changed: Any) -> Frozen:
    """Reference of so many rows; each column has half a percent of the model's loss reduction."""
    table = applications(rows, seed=seed, **changed)
    weights = dict.fromkeys(table.column_names, 0.005)
    return freeze_reference(table, pd_of(rows, seed=seed), weights)


FROZEN: Final = frozen_of()


def counts_of(rows: pa.Table, frozen: Frozen = FROZEN, *, seed: int = 2, shift: float = 0.0) -> DayCounts:
    """Counts of a day, decided at `LIMITS`."""
    pd = pd_of(rows.num_rows, seed=seed, shift=shift)
    return count_rows(rows, pd, np.searchsorted(LIMITS, pd, side="right"), frozen)


def beside(rows: pa.Table, frozen: Frozen = FROZEN, *, seed: int = 2, shift: float = 0.0) -> Compared:
    """A day held against a reference."""
    return compare_counts(counts_of(rows, frozen, seed=seed, shift=shift), frozen, thresholds=LIMITS)


def day_beside(rows: int = 2000, *, seed: int = 2, frozen: Frozen = FROZEN, **changed: Any) -> Compared:
    """A day of the same population, with `changed` columns, held against a reference."""
    return beside(applications(rows, seed=seed, **changed), frozen, seed=seed)


def only(what: str, **changes: Any) -> Thresholds:
    """The shipped thresholds with one statistic alone, which is corrected by itself."""
    own: Threshold = replace(SHIPPED.statistics[what], corrected="alone")
    of_all = {name: value for name, value in changes.items() if name in Thresholds.__slots__}
    own = replace(own, **{name: value for name, value in changes.items() if name not in of_all})
    return replace(SHIPPED, **{"statistics": {what: own}, "sure_rows": 1} | of_all)
