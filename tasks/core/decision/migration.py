"""Migrations: applications by how they were decided once and how they are decided another time.

Counts of a cell are told to the nearest 5, and those of 1 to 19 not at all (`tasks/core/disclosure.py`),
so that neither a cell nor the difference to a known total is one applicant's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tasks.core.disclosure import is_none_or_enough, rounded_count

UNDECIDED: Final = "none"
"""Word for an application that has no decision, because its row is in quarantine or did not come."""
Migrations = Mapping[str, Mapping[str, int | None]]
"""Name before to name after to the number of applications; None if they are too few to tell."""


def count_migrations(before: np.ndarray, after: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Exact number of applications for each pair of names, zeros included.

    Args:
        before, after: place in `names` of each application, shape (rows,).
        names: names of decisions or of risk bands.

    >>> count_migrations(np.array([0, 0, 1]), np.array([0, 1, 1]), ("a", "b"))
    {'a': {'a': 1, 'b': 1}, 'b': {'a': 0, 'b': 1}}
    """
    size = len(names)
    cells = np.bincount(before.astype(np.int64) * size + after, minlength=size * size).reshape(size, size)
    return {name: dict(zip(names, row, strict=True)) for name, row in zip(names, cells.tolist(), strict=True)}


def told_migrations(cells: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int | None]]:
    """The cells as they may be told.

    >>> told_migrations({"a": {"a": 1003, "b": 19}, "b": {"a": 0, "b": 20}})
    {'a': {'a': 1005, 'b': None}, 'b': {'a': 0, 'b': 20}}
    """
    return {name: {other: told_cell(rows) for other, rows in row.items()} for name, row in cells.items()}


def told_cell(rows: int) -> int | None:
    """Number of applications to the nearest 5; None for 1 to 19.

    >>> [told_cell(rows) for rows in (0, 1, 19, 20, 22)]
    [0, None, None, 20, 20]
    """
    return rounded_count(rows) if is_none_or_enough(rows) else None


def migration_lines(cells: Migrations) -> list[str]:
    r"""Lines of a table for a terminal: a row for each name before, a column for each name after.

    >>> print("\n".join(migration_lines({"a": {"a": 1005, "b": None}, "b": {"a": 0, "b": 20}})))
    before \ after           a           b
    a                    1,005    under 20
    b                        0          20
    """
    names = list(next(iter(cells.values()), {}))
    head = "before \\ after".ljust(14) + "".join(f"{name:>12}" for name in names)
    return [
        head,
        *(f"{name:<14}" + "".join(f"{_word(row[each]):>12}" for each in names) for name, row in cells.items()),
    ]


def _word(rows: int | None) -> str:
    return "under 20" if rows is None else f"{rows:,}"
