"""One outcome for each id, out of all that were delivered; every row has exactly one fate.

An outcome is delivered again, corrected, or contradicted. The newest statement about an id counts:
the one of the latest date from which it is known, and of the latest delivery among those of that
date. Nothing is thrown away: each row is counted under what became of it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

FATES: Final = (
    "counted", "duplicated", "corrected", "contradictory", "unknown", "early", "refused", "learned", "later",
)  # fmt: skip
"""Fates of a row that keeps the contract.

- `counted`: it is the outcome of a decided application, and figures are made of it.
- `duplicated`: another row says the same of the id, and that one stands for both.
- `corrected`: a newer row gives the id another result.
- `contradictory`: the newest rows of the id give two results under one date, in one delivery. Which of
  them is true nobody here can know, so no row of the id counts.
- `unknown`: no published day decided the id.
- `early`: every day that decided the id lies too near before the date of the outcome.
- `refused`: the application was refused, so there is no loan that could have had an outcome.
- `learned`: the model that decided the application had learned from its outcome, as when a day is decided
  again by a newer model. A figure of it would flatter the model; training learns from it all the same.
- `later`: it was not known yet on the day for which figures are made.
"""
FATE_SENTENCES: Final = {
    "counted": "Outcomes that the figures are made of.",
    "duplicated": "Another row says the same of the id.",
    "corrected": "A newer row gives the id another result.",
    "contradictory": "The newest rows of the id give two results under one date; none of its rows counts.",
    "unknown": "No published day decided the id.",
    "early": "The decision lies too near before the date of the outcome.",
    "refused": "The application was refused, so it should have no outcome.",
    "learned": "The model that decided the application had learned from its outcome.",
    "later": "Not known yet on the day for which figures are made.",
}
"""Fate to the sentence that people read."""
_COUNTED, _DUPLICATED, _CORRECTED, _CONTRADICTORY, _UNKNOWN, _EARLY, _REFUSED, _LEARNED, _LATER = range(len(FATES))


class Settled(NamedTuple):
    """Delivered outcomes with what is to be made of them."""

    fate: np.ndarray
    """Index into `FATES`, int8, shape (rows,). Rows at `rows` are counted until they are matched."""
    rows: np.ndarray
    """Positions of the rows that stand for their id, by rising id."""


def settle_outcomes(
    ids: np.ndarray,
    defaulted: np.ndarray,
    known_on: np.ndarray,
    delivery: np.ndarray,
    *,
    today: int,
) -> Settled:
    """Choose the outcome of each id.

    Args:
        ids: int64, shape (rows,).
        defaulted: True if the applicant defaulted, shape (rows,).
        known_on: day from which the outcome is known, days since 1970-01-01, shape (rows,).
        delivery: number of the delivery, shape (rows,).
        today: day for which figures are made, in the same unit; later outcomes are left out.

    >>> ids, bad = np.array([1, 1, 2, 2, 3]), np.array([False, True, True, True, False])
    >>> settled = settle_outcomes(ids, bad, np.array([5, 9, 5, 5, 99]), np.ones(5), today=50)
    >>> [FATES[each] for each in settled.fate], settled.rows.tolist()
    (['corrected', 'counted', 'counted', 'duplicated', 'later'], [1, 2])
    """
    fate = np.full(len(ids), _LATER, dtype=np.int8)
    known = np.flatnonzero(known_on <= today)
    order = known[np.lexsort((known, delivery[known], known_on[known], ids[known]))]
    if not len(order):
        return Settled(fate, order)
    begins = np.flatnonzero(np.diff(ids[order], prepend=ids[order[0]] - 1))
    sizes = np.diff(begins, append=len(order))
    newest = np.repeat(order[begins + sizes - 1], sizes)  # the newest row of each row's id
    is_newest = (known_on[order] == known_on[newest]) & (delivery[order] == delivery[newest])
    is_same = defaulted[order] == defaulted[newest]
    is_torn = np.repeat(np.logical_or.reduceat(is_newest & ~is_same, begins), sizes)
    # The first of the newest rows stands for the id; they are equal where it is not torn.
    place = np.arange(len(order))
    first = np.minimum.reduceat(np.where(is_newest, place, len(order)), begins)
    found = np.where(is_same, _DUPLICATED, _CORRECTED)
    found[first] = _COUNTED
    found[is_torn] = _CONTRADICTORY
    fate[order] = found
    return Settled(fate, order[first][~is_torn[first]])


class Matching:
    """Outcomes of ids on their way to the decisions that they belong to.

    Days are given from the newest on. An outcome belongs to the first of them that decided its id and
    lies at least `maturity_days` before its date: the latest decision that it can be about.
    """

    def __init__(self, ids: np.ndarray, known_on: np.ndarray, *, maturity_days: int) -> None:
        """Begin with outcomes without decisions.

        Args:
            ids: rising, each once, shape (outcomes,).
            known_on: days since 1970-01-01, shape (outcomes,).
            maturity_days: days that must lie between a decision and its outcome.
        """
        self._ids = ids
        self._decided_until = known_on - maturity_days
        self._is_matched = np.zeros(len(ids), dtype=bool)
        self._is_seen = np.zeros(len(ids), dtype=bool)

    @property
    def is_over(self) -> bool:
        """True if every outcome has its decision."""
        return bool(self._is_matched.all())

    def take_day(self, as_of: int, decided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Match the outcomes of one day: their positions, and those of their rows of the day.

        Args:
            as_of: the day, days since 1970-01-01; below all that were given before.
            decided: ids that the day decided, each once, shape (applications,).
        """
        if not len(self._ids):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        place = np.minimum(np.searchsorted(self._ids, decided), len(self._ids) - 1)
        there = np.flatnonzero(self._ids[place] == decided)
        place = place[there]
        self._is_seen[place] = True
        is_due = ~self._is_matched[place] & (self._decided_until[place] >= as_of)
        self._is_matched[place[is_due]] = True
        return place[is_due], there[is_due]

    def unmatched_fates(self) -> np.ndarray:
        """Fate of each outcome that has no decision, `counted` for the others; int8, shape (outcomes,)."""
        without = np.where(self._is_seen, _EARLY, _UNKNOWN)
        return np.where(self._is_matched, _COUNTED, without).astype(np.int8)


def with_uncounted(fate: np.ndarray, *, refused: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Fates in which the rows at these positions are `refused` or `learned`; figures are made of neither."""
    found = fate.copy()
    found[refused] = _REFUSED
    found[learned] = _LEARNED
    return found


def count_fates(fate: np.ndarray) -> dict[str, int]:
    """Fate to its number of rows; all fates are there, and they add up to all rows.

    >>> count_fates(np.array([0, 0, 8]))["later"]
    1
    """
    return dict(zip(FATES, np.bincount(fate, minlength=len(FATES)).tolist(), strict=True))
