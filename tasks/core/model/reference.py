"""Statistics of the training rows, frozen with the model: the reference that later days are compared with."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.lender.columns import NUMBERS, TEXTS

_QUANTILES: Final = (0.005, 0.01, *(step / 20 for step in range(1, 20)), 0.99, 0.995)
"""No minimum and no maximum: those are somebody's value."""
_LEAST_ROWS: Final = 20
"""What fewer rows say is told of nobody: no level, no common value, and no quantiles."""
_BEYOND: Final = 10
"""Rows that lie beyond each quantile, or it would be nearly an extreme."""
_FEW_VALUES: Final = 30
_FLAG_VALUES: Final = (0.0, 1.0)
_RARE_SHARE: Final = 0.001
"""Levels under this share are not kept one by one; a rare value could point to a person."""


def reference_statistics(rows: pa.Table, pd: np.ndarray) -> dict[str, Any]:
    """What training looked like, column by column: missing share, quantiles or shares of levels, and the pd.

    A number with few values (a flag, a rating, a count) has its common values listed beside its quantiles.
    """
    columns: dict[str, Any] = {}
    least = max(_LEAST_ROWS, _RARE_SHARE * rows.num_rows)
    for name in NUMBERS:
        values = rows.column(name).drop_null().to_numpy()
        columns[name] = {"missing_share": _missing_share(rows.column(name)), "quantiles": _quantiles(values)}
        distinct, counts = np.unique(values, return_counts=True)
        if 0 < len(distinct) <= _FEW_VALUES:
            is_told = (counts >= least) | bool(np.isin(distinct, _FLAG_VALUES).all())
            columns[name]["values"] = distinct[is_told].tolist()
    for name in TEXTS:
        counts = pc.value_counts(rows.column(name).drop_null()).to_pylist()
        common = {each["values"]: each["counts"] for each in counts if each["counts"] >= least}
        kept = {level: count / rows.num_rows for level, count in sorted(common.items())}
        columns[name] = {"missing_share": _missing_share(rows.column(name)), "level_shares": kept}
    return {"rows": rows.num_rows, "columns": columns, "pd_quantiles": _quantiles(pd)}


def _quantiles(values: np.ndarray) -> list[float]:
    """The quantiles, as far as some rows lie beyond each; none of few values."""
    if len(values) < _LEAST_ROWS:
        return []
    end = _BEYOND / len(values)
    quantiles: list[float] = np.quantile(values, np.clip(_QUANTILES, end, 1 - end)).tolist()
    return quantiles


def _missing_share(values: pa.ChunkedArray) -> float:
    return values.null_count / len(values) if len(values) else 0.0
