"""The tidy table of a monitored day, one row for each figure.

Trends, pages and dashboards read this table alone. It holds counts, shares and quantiles that
`tasks/core/disclosure.py` allows, and no applicant's value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple, get_args

import pyarrow as pa
import pyarrow.compute as pc

Level = Literal["ok", "watch", "alert", "insufficient"]
"""`alert`: somebody must act. `watch`: look at it today. `insufficient`: too few rows to tell."""
LEVELS: Final = get_args(Level)
"""All levels."""
LAST_DAYS: Final = 28
"""Published days before a day that it is held against: four weeks have each weekday as often."""
WHOLE_DAY: Final = "day"
"""Slice of a figure of the whole day."""
NO_COLUMN: Final = ""
"""Column of a figure that is about no single column."""
SHARE: Final = "share"
"""Share of the rows in a cell; its slice is `cell=<number>`, and its range is the expected one."""
EXPECTED: Final = "expected_share"
"""Share of the rows in a cell that is expected of the day."""
TYPICAL_PD: Final = "typical_pd"
"""pd at the mean of logit(pd); its range is the expected one, even about its middle in log-odds."""

MEAN_CREDIT: Final = "mean_credit"
"""Credit asked for, on average, by the applications of one decision, in currency units."""
DRIFT_SIZE: Final = "drift_size"
"""Largest change of a column that is not chance, in units of the size of `watch`; from 1 on it is a finding."""


class Metric(NamedTuple):
    """One figure of a monitored day."""

    metric: str
    """Name of the figure, such as `missing_share`."""
    value: float | None
    """The figure; None if it could not be made, or if it may not be shown."""
    n: int
    """Rows behind the figure."""
    column: str = NO_COLUMN
    slice: str = WHOLE_DAY
    """Part of the day that the figure is about, such as `gender=F`, `bin=3` or `file=part-1.csv`."""
    low: float | None = None
    """Lower end of the interval: of the estimate, or of the values that are expected without drift."""
    high: float | None = None
    level: Level = "ok"


METRICS_SCHEMA: Final = pa.schema(
    [
        pa.field("as_of", pa.date32(), nullable=False),
        pa.field("revision", pa.int64(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("slice", pa.string(), nullable=False),
        pa.field("column", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("level", pa.string(), nullable=False),
    ]
)


def metrics_table(
    metrics: Iterable[Metric],
    *,
    as_of: date,
    revision: int,
    model_version: str,
) -> pa.Table:
    """Table of `METRICS_SCHEMA`, sorted by metric, column and slice; a figure that is not finite is null.

    >>> table = metrics_table(
    ...     [Metric("rows", math.inf, 5)], as_of=date(2026, 3, 2), revision=1, model_version="7"
    ... )
    >>> table.column("metric").to_pylist(), table.column("value").to_pylist()
    (['rows'], [None])
    """
    ordered = sorted(metrics, key=lambda each: (each.metric, each.column, each.slice))
    told = {"as_of": as_of, "revision": revision, "model_version": model_version}
    columns = {name: [value] * len(ordered) for name, value in told.items()}
    for name in Metric._fields:
        columns[name] = [_plain(getattr(metric, name)) for metric in ordered]
    return pa.table(columns, schema=METRICS_SCHEMA)


def metrics_of(table: pa.Table, names: Sequence[str]) -> list[Metric]:
    """Figures of these names in a table of `METRICS_SCHEMA`."""
    chosen = table.filter(pc.is_in(table.column("metric"), value_set=pa.array(names, pa.string())))
    return [Metric(**row) for row in chosen.select(Metric._fields).to_pylist()]


def _plain(value: object) -> object:
    """The value, or None instead of a number that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
