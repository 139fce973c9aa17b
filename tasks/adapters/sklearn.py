"""scikit-learn: folds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, RobustScaler

_WINSOR: Final = 5.0
_COMMON_SHARE: Final = 0.005
"""Categories under this share of the rows are taken together."""
_INVERSE_PENALTY: Final = 0.01
_MAX_ROUNDS: Final = 100


def assign_folds(defaulted: np.ndarray, *, folds: int, seed: int) -> np.ndarray:
    """Which fold, from 0, holds each row out, int8, shape (rows,); every fold has the same default rate."""
    fold = np.empty(len(defaulted), dtype=np.int8)
    split = StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(defaulted)), defaulted)
    for number, (_, held_out) in enumerate(split):
        fold[held_out] = number
    return fold


def scores_logistic(
    train: tuple[np.ndarray, np.ndarray], held_out: np.ndarray, *, categories: Sequence[int]
) -> np.ndarray:
    """Held-out log-odds of a logistic regression with L2 penalty on plain columns.

    Missing numbers become the median, with a column that says so; numbers are scaled by their quartiles and cut off at
    `_WINSOR` of their distances. Categories become one column each; those that training did not see become none. The
    solver is L-BFGS on float32, which needs a few seconds for 300,000 rows.

    Args:
        train: matrix, NaN where missing, and outcomes.
        held_out: matrix of the rows to score.
        categories: positions of columns that hold codes of categories.
    """
    numbers = [position for position in range(train[0].shape[1]) if position not in set(categories)]
    scaled = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        RobustScaler(copy=False),
        FunctionTransformer(np.clip, kw_args={"a_min": -_WINSOR, "a_max": _WINSOR}),
    )
    named = OneHotEncoder(min_frequency=_COMMON_SHARE, handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    plain = ColumnTransformer([("numbers", scaled, numbers), ("categories", named, list(categories))])
    model = make_pipeline(plain, LogisticRegression(C=_INVERSE_PENALTY, max_iter=_MAX_ROUNDS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of a baseline are worth no minute
        model.fit(*train)
    return np.asarray(model.decision_function(held_out), dtype=np.float64)
