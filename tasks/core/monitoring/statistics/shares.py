"""Shares of single cells: missing values, the code for "none", unseen levels, tails.

Missing and sentinel shares are compared both ways, unseen levels and tails for more of them alone:
Fisher's exact test, by the hypergeometric distribution (Fisher 1935). A unit error lies in a tail.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import hypergeom

from tasks.core.monitoring.cells import Role
from tasks.core.monitoring.compared import Compared
from tasks.core.monitoring.statistics.record import Tests


def missing_tests(day: Compared) -> Tests:
    """Share of rows without a value."""
    return _share_tests(day, (Role.MISSING,), "are missing")


def sentinel_tests(day: Compared) -> Tests:
    """Share of rows with the code for "none"."""
    return _share_tests(day, (Role.SENTINEL,), 'hold the code for "none"')


def unseen_tests(day: Compared) -> Tests:
    """Share of rows with a value that is rare in the reference or not in it; more of them alone."""
    return _share_tests(day, (Role.UNLISTED,), "hold a value that the reference does not list", one_sided=True)


def tail_tests(day: Compared) -> Tests:
    """Share of rows beyond the outer 0.1 % of the reference on each side; more of them alone."""
    return _share_tests(day, (Role.LOW, Role.HIGH), "lie {label}, as after a change of unit", one_sided=True)


def _share_tests(day: Compared, roles: tuple[Role, ...], words: str, *, one_sided: bool = False) -> Tests:
    layout = day.layout
    is_seen = (day.day.cells > 0) | (day.due > 0)
    cells = np.flatnonzero(np.isin(layout.roles, roles) & is_seen)
    column = layout.column_of[cells]
    rows, reference_rows = np.round(day.rows[column]), np.round(day.cell_rows[cells])
    found, due = np.round(day.observed[cells]), np.round(day.expected[cells] * day.cell_rows[cells])
    more = hypergeom.sf(found - 1, rows + reference_rows, found + due, rows)
    less = hypergeom.cdf(found, rows + reference_rows, found + due, rows)
    both = np.minimum(1.0, 2 * np.minimum(more, less))
    p = np.asarray(more if one_sided else both)
    value, expected = day.shares[cells], day.expected[cells]
    change = value - expected
    low, high = day.range_of(cells)

    def sentence(position: int) -> str:
        told = words.format(label=layout.labels[cells[position]])
        name = layout.names[column[position]]
        return f"{value[position]:.1%} of the values of {name} {told}, instead of {expected[position]:.1%}."

    names = tuple(layout.names[each] for each in column)
    effect = np.maximum(change, 0.0) if one_sided else np.abs(change)
    return Tests(names, p, effect, value, expected, low, high, sentence)
