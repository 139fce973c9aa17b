"""Which families of features move the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Influence(NamedTuple):
    """How much a family of features matters to a model."""

    family: str
    contribution: float
    """Mean size of its contributions to the raw score, in log-odds, those of its features added up row by row."""
    gain_share: float
    """Share in [0, 1] of the loss reduction in fitting."""


def influences_of(
    contributions: np.ndarray, gain: Mapping[str, float], names: Sequence[str], family_of: Mapping[str, str]
) -> tuple[Influence, ...]:
    """Families by their mean contribution, the greatest first; a feature without a family is one of its own.

    Args:
        contributions: Of each feature to each row's raw score, shape (rows, features).
        gain: Feature to loss reduction.
        names: The features in the order of the columns.
        family_of: Feature to family.
    """
    families = [family_of.get(name, name) for name in names]
    total = sum(gain.values()) or 1.0
    told = []
    for family in dict.fromkeys(families):
        own = [position for position, each in enumerate(families) if each == family]
        size = float(np.abs(contributions[:, own].sum(axis=1)).mean())
        told.append(Influence(family, size, sum(gain.get(names[position], 0.0) for position in own) / total))
    return tuple(sorted(told, key=lambda each: (-each.contribution, each.family)))
