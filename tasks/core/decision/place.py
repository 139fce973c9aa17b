"""Place of one application among others of its day, as far as it may be told."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.core.disclosure import is_enough, rounded_count, too_few


class Place(NamedTuple):
    """Place of a pd among those of a group of applications."""

    lower_share: float | None
    """Share of the group with a lower pd, in [0, 1]; None if the group is too small."""
    sentence: str
    """The place in words, or why it is not told."""


def place_among(pds: np.ndarray, pd: float) -> Place:
    """Place of a pd among those of a group, its own among them. Counts and shares are rounded.

    >>> place_among(np.arange(100) / 100, 0.25).sentence
    '25% of 100 applications had a lower pd.'
    >>> place_among(np.zeros(19), 0.0).lower_share is None
    True
    """
    if not is_enough(len(pds)):
        return Place(None, too_few(len(pds)))
    share = float(np.mean(pds < pd))
    return Place(share, f"{_whole_percent(share)} of {rounded_count(len(pds)):,} applications had a lower pd.")


def _whole_percent(share: float) -> str:
    """Share in whole percent; one application of many never reads as none, nor all but one as all.

    >>> [_whole_percent(share) for share in (0.0, 0.001, 0.25, 0.999, 1.0)]
    ['0%', 'less than 1%', '25%', 'more than 99%', '100%']
    """
    text = f"{share:.0%}"
    if text == "0%" and share:
        return "less than 1%"
    return "more than 99%" if text == "100%" and share < 1 else text
