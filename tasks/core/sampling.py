"""Random samples: the same number of rows and the same seed give the same sample."""

from __future__ import annotations

import numpy as np


def drawn_rows(rows: int, limit: int, *, seed: int) -> np.ndarray:
    """Draw at most `limit` of so many rows at random, without replacement; ascending positions.

    >>> drawn_rows(3, 5, seed=7).tolist(), len(drawn_rows(5, 3, seed=7))
    ([0, 1, 2], 3)
    """
    return np.sort(np.random.default_rng(seed).permutation(rows)[:limit])
