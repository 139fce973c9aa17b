"""CatBoost, for comparison; an optional package (`pip install credit-scoring[benchmark]`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from catboost import CatBoostClassifier

_SETTINGS: Final[dict[str, Any]] = {
    "iterations": 400,
    "learning_rate": 0.05,
    "depth": 6,
    "verbose": False,
    "allow_writing_files": False,
}
_MISSING: Final = -1
"""Code of a missing category."""


def fit_catboost(
    train: tuple[np.ndarray, np.ndarray],
    *,
    categories: Sequence[int],
    seed: int,
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit CatBoost on plain columns; it maps a matrix to log-odds.

    `categories` are the positions of columns that hold codes of categories.
    """
    model = CatBoostClassifier(**_SETTINGS, cat_features=list(categories), random_seed=seed)
    model.fit(_frame(train[0], categories), train[1].astype(int))

    def scores(matrix: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(_frame(matrix, categories), prediction_type="RawFormulaVal"), dtype=np.float64)

    return scores


def _frame(matrix: np.ndarray, categories: Sequence[int]) -> pd.DataFrame:
    """Matrix as CatBoost takes it: categories as whole numbers."""
    columns = dict(enumerate(matrix.T))
    codes = {position: np.nan_to_num(columns[position], nan=_MISSING).astype(int) for position in categories}
    return pd.DataFrame(columns | codes)
