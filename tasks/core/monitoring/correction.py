"""Correction of probabilities for many tests."""

from __future__ import annotations

import numpy as np


def false_discovery_adjusted(p: np.ndarray) -> np.ndarray:
    """Probabilities adjusted for the false discovery rate (Benjamini and Hochberg 1995).

    >>> false_discovery_adjusted(np.array([0.01, 0.02, 0.5])).tolist()
    [0.03, 0.03, 0.5]
    """
    p = _known(p)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def family_adjusted(p: np.ndarray) -> np.ndarray:
    """Probabilities adjusted for any false finding (Holm 1979).

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
