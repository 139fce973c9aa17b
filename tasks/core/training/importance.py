"""Influence of the families of features on the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Influence(NamedTuple):
    """Influence of a family of features on a model."""

    family: str
    contribution: float
    """Mean size of the family's contribution to the raw score, in log-odds.

    The contributions of its features are added up row by row.
    """
    gain_share: float
    """Share in [0, 1] of the loss reduction in fitting."""


def influences_of(
    contributions: np.ndarray,
    gain: Mapping[str, float],
    names: Sequence[str],
    family_of: Mapping[str, str],
) -> tuple[Influence, ...]:
    """Measure the influence of each family, the greatest mean contribution first.

    A feature without a family is a family of its own.

    Args:
        contributions: contribution of each feature to each row's raw score, shape (rows, features).
        gain: feature to loss reduction.
        names: features in the order of the columns.
        family_of: feature to family.
    """
    families = [family_of.get(name, name) for name in names]
    total = sum(gain.values()) or 1.0
    influences = []
    for family in dict.fromkeys(families):
        own = [position for position, each in enumerate(families) if each == family]
        size = float(np.abs(contributions[:, own].sum(axis=1)).mean())
        own_gain = sum(gain.get(names[position], 0.0) for position in own)
        influences.append(Influence(family, size, own_gain / total))
    return tuple(sorted(influences, key=lambda each: (-each.contribution, each.family)))
