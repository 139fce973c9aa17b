"""The day beside the reference, told without telling any one applicant's value.

For now this prepares samples for Evidently's own comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

OTHER: Final = "(rare or unseen)"


def coarsen(sample: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The sample with tails and rare levels folded together, so that no report can show a single applicant's value.

    Numbers are clipped to the frozen outer quantiles of the reference, and levels that the reference does not list
    become `OTHER`. Missing stays missing.

    Args:
        sample: typed applications, one column per entry of `columns` at least.
        columns: the bundle's reference statistics by column.

    >>> frozen = {"x": {"quantiles": [0.0, 5.0, 9.0]}, "c": {"level_shares": {"A": 1.0}}}
    >>> coarsen(pd.DataFrame({"x": [-1.0, 7.0, 99.0], "c": ["A", "Z", None]}), frozen).to_dict("list")
    {'x': [0.0, 7.0, 9.0], 'c': ['A', '(rare or unseen)', None]}
    """
    folded = {}
    for name, frozen in columns.items():
        values = sample[name]
        if "level_shares" in frozen:
            folded[name] = values.where(values.isna() | values.isin(list(frozen["level_shares"])), OTHER)
        elif frozen["quantiles"]:
            folded[name] = values.clip(frozen["quantiles"][0], frozen["quantiles"][-1])
        else:  # the reference never had a value here: only presence can be compared
            folded[name] = values.where(values.isna(), 0.0)
    return pd.DataFrame(folded)


def choose_sample(ids: np.ndarray, *, rows: int, seed: int) -> np.ndarray:
    """At most `rows` of the ids, drawn without replacement; the same for the same ids and seed."""
    if len(ids) <= rows:
        return ids
    return np.sort(np.random.default_rng(seed).choice(ids, rows, replace=False))
