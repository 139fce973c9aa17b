"""Rows that share an id within a day.

Corrected rows are replaced and exact copies dropped. Different rows are all set aside: nobody here
can know which of them is the applicant's true one, unless one is a correction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd


class Sorted(NamedTuple):
    """Masks of rows that share an id. They exclude each other; rows in neither stay as they are."""

    copies: np.ndarray
    """True if the row is an exact copy, but not the first."""
    conflicting: np.ndarray
    """True if the row is left of an id whose rows differ."""


class Turns(NamedTuple):
    """Effect of corrections on the rows that came before them."""

    replaced: np.ndarray
    """True if the row's id came again in a later turn."""
    without_origin: int
    """Number of ids that came in a correction, but in no delivery before."""


def take_turns(ids: np.ndarray, turns: np.ndarray) -> Turns:
    """Find the rows that a later turn replaces.

    Args:
        ids: id of each row, int64, shape (n,).
        turns: turn in which each row came: 0 for the feed's own, 1 and up for corrections in order.

    >>> take_turns(np.array([1, 1, 2, 3]), np.array([0, 1, 0, 1]))
    Turns(replaced=array([ True, False, False, False]), without_origin=1)
    """
    by_id = pd.Series(turns).groupby(ids)
    if len(ids):
        replaced: np.ndarray = turns < by_id.transform("max").to_numpy()
    else:
        replaced = np.zeros(0, dtype=bool)
    return Turns(replaced, int((by_id.min() > 0).sum()))


def shared_ids(ids: np.ndarray) -> np.ndarray:
    """Ids that occur more than once in `ids`, ascending.

    >>> shared_ids(np.array([3, 1, 3, 2, 1, 3])).tolist()
    [1, 3]
    """
    values, counts = np.unique(ids, return_counts=True)
    shared: np.ndarray = values[counts > 1]
    return shared


def sort_out(ids: np.ndarray, content: pd.DataFrame) -> Sorted:
    """Separate exact copies from conflicting rows.

    Args:
        ids: id of each row, shape (n,), rows in the day's order (file name, then row).
        content: everything that makes two rows of one id the same, one row for each entry of `ids`.

    >>> done = sort_out(np.array([1, 1, 2, 2]), pd.DataFrame({"a": [5.0, 5.0, 6.0, 7.0]}))
    >>> done.copies.tolist(), done.conflicting.tolist()
    ([False, True, False, False], [False, False, True, True])
    """
    rows = content.assign(**{"\0id": ids})
    copies = rows.duplicated(keep="first").to_numpy()
    left = pd.Series(ids[~copies])
    conflicting = np.zeros(len(ids), dtype=bool)
    conflicting[~copies] = left.duplicated(keep=False).to_numpy()
    return Sorted(copies, conflicting)
