"""Reference statistics of the training rows, frozen with the model to compare later days with.

No statistic is one of few applicants (`tasks/core/disclosure.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.disclosure import inner_quantiles, is_enough_to_list, listed_values
from tasks.core.lender.columns import NUMBERS, TEXTS
from tasks.core.monitoring.reference import freeze_reference

_QUANTILES: Final = (0.005, 0.01, *(step / 20 for step in range(1, 20)), 0.99, 0.995)
"""Probabilities of the quantiles, without minimum and maximum: those are an applicant's value."""
_FEW_VALUES: Final = 30
"""Largest number of distinct values of a column that counts as a flag, a rating or a count."""


MONITORED: Final = "monitored"
"""Entry of what a day is judged by; models of an earlier program lack it."""


def reference_statistics(
    rows: pa.Table,
    pd: np.ndarray,
    weights: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Statistics of each column: missing share, and quantiles or shares of levels; those of the pd.

    A column of few numbers (a flag, a rating, a count) has its common values listed, too. `weights`
    are the columns' shares of the model's loss reduction.
    """
    columns: dict[str, Any] = {}
    for name in NUMBERS:
        values = rows.column(name).drop_null().to_numpy()
        columns[name] = {
            "missing_share": _missing_share(rows.column(name)),
            "quantiles": inner_quantiles(values, _QUANTILES),
        }
        distinct, counts = np.unique(values, return_counts=True)
        if 0 < len(distinct) <= _FEW_VALUES:
            rows_by_value = dict(zip(distinct.tolist(), counts.tolist(), strict=True))
            columns[name]["values"] = listed_values(rows_by_value, of=rows.num_rows)
    for name in TEXTS:
        columns[name] = {
            "missing_share": _missing_share(rows.column(name)),
            "level_shares": _level_shares(rows.column(name)),
        }
    return {
        "rows": rows.num_rows,
        "columns": columns,
        "pd_quantiles": inner_quantiles(pd, _QUANTILES),
        MONITORED: freeze_reference(rows, pd, weights).to_json(),
    }


def _level_shares(values: pa.ChunkedArray) -> dict[str, float]:
    """Listed levels with their shares of all rows, including the rows without a level."""
    counts = pc.value_counts(values.drop_null()).to_pylist()
    rows_by_level = {each["values"]: each["counts"] for each in counts}
    return {
        level: rows / len(values)
        for level, rows in sorted(rows_by_level.items())
        if is_enough_to_list(rows, of=len(values))
    }


def _missing_share(values: pa.ChunkedArray) -> float:
    return values.null_count / len(values) if len(values) else 0.0
