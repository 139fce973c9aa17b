"""Correction of probabilities for many tests."""

from __future__ import annotations

import numpy as np


def family_adjusted(p: np.ndarray) -> np.ndarray:
    """Probabilities adjusted for any false finding (Holm 1979).

    It holds however the tests depend on each other. Many columns are near copies: 48 of them are
    missing together. A correction for the false discovery rate would take the copies of one chance
    event for evidence, and let 48 of them pass at 48 times the probability of one.

    >>> family_adjusted(np.array([0.01, 0.04])).tolist()
    [0.02, 0.04]
    """
    p = _known(p)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def _known(p: np.ndarray) -> np.ndarray:
    """Probabilities with 1 for each that could not be made: one of them must not silence the others."""
    return np.where(np.isnan(p), 1.0, p)
