"""The day beside the reference, told without telling any one applicant's value.

For now this prepares samples for Evidently's own comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

OTHER: Final = "(rare or unseen)"


def coarsen(sample: pd.DataFrame, columns: Mapping[str, Any], *, seed: int) -> pd.DataFrame:
    """The sample as a report may show it: shuffled rows of common values, none of them a single applicant's own.

    Evidently draws small samples value by value. So each number becomes the nearest of the reference's frozen quantiles
    (or of its common values, where it has few), and levels that the reference does not list become `OTHER`. Missing
    stays missing.

    Args:
        sample: typed applications, one column per entry of `columns` at least.
        columns: the bundle's reference statistics by column.
        seed: of the shuffle.

    >>> frozen = {"x": {"quantiles": [0.0, 5.0, 9.0]}, "c": {"level_shares": {"A": 1.0}}}
    >>> rows = pd.DataFrame({"x": [-1.0, 5.9, 99.0], "c": ["A", "Z", None]})
    >>> coarsen(rows, frozen, seed=0).sort_values("x").to_dict("list")
    {'x': [0.0, 5.0, 9.0], 'c': ['A', '(rare or unseen)', None]}
    """
    folded = {name: _fold(sample[name], frozen) for name, frozen in columns.items()}
    return pd.DataFrame(folded).sample(frac=1.0, random_state=seed, ignore_index=True)


def _fold(values: pd.Series, frozen: Mapping[str, Any]) -> pd.Series:
    if "level_shares" in frozen:
        return values.where(values.isna() | values.isin(list(frozen["level_shares"])), OTHER)
    common = np.unique(frozen.get("values") or frozen["quantiles"] or [0.0])
    between = (common[1:] + common[:-1]) / 2
    nearest = common[np.searchsorted(between, values.to_numpy(dtype=np.float64))]
    return pd.Series(np.where(values.isna(), np.nan, nearest), index=values.index)
