"""Random samples that come out the same for the same rows and seed."""

from __future__ import annotations

import numpy as np


def choose_sample(ids: np.ndarray, *, rows: int, seed: int) -> np.ndarray:
    """At most `rows` of the ids, drawn without replacement; the same for the same ids and seed."""
    if len(ids) <= rows:
        return ids
    return np.sort(np.random.default_rng(seed).choice(ids, rows, replace=False))


def drawn_rows(rows: int, limit: int, *, seed: int) -> np.ndarray:
    """Ascending positions of at most `limit` of so many rows, drawn at random."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:limit])
