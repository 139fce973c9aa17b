"""XGBoost, for comparison; an optional package (`pip install credit-scoring[benchmark]`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import xgboost

_SETTINGS: Final[dict[str, Any]] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "learning_rate": 0.05,
    "max_depth": 4,
    "min_child_weight": 5,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
}
_TREES: Final = 300


def fit_xgboost(
    train: tuple[np.ndarray, np.ndarray],
    *,
    categories: Sequence[int],
    seed: int,
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit XGBoost on plain columns; it maps a matrix to log-odds.

    `categories` are the positions of columns that hold codes of categories.
    """
    kinds = ["c" if position in set(categories) else "q" for position in range(train[0].shape[1])]

    def rows(matrix: np.ndarray, defaulted: np.ndarray | None = None) -> Any:
        return xgboost.DMatrix(matrix, label=defaulted, feature_types=kinds, enable_categorical=True)

    booster = xgboost.train({**_SETTINGS, "seed": seed}, rows(*train), num_boost_round=_TREES)
    return lambda matrix: np.asarray(booster.predict(rows(matrix), output_margin=True), dtype=np.float64)
