"""scikit-learn: folds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import StratifiedKFold


def stratified_folds(defaulted: np.ndarray, *, folds: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row positions (fitted on, held out) of each fold; every fold has the same default rate."""
    yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(defaulted)), defaulted)
