"""Cells of a column: the frozen bins into which its values fall.

Missing values and the code for "none" have a cell each. A number of many values has ten bins
between quantiles of the reference, and a tail below and above them. A number of few values and a
text have a cell for each common value, and one for all others. Every cell of values holds enough
rows of the reference to be published (`tasks/core/disclosure.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.disclosure import inner_quantiles, is_enough, is_enough_to_list
from tasks.core.lender.columns import NO_CATEGORY, SENTINELS

_DECILES: Final = tuple(step / 10 for step in range(1, 10))
"""Probabilities of the edges between bins: ten bins, as for a population stability index
(Siddiqi, Credit Risk Scorecards, 2006)."""
_TAIL: Final = 0.001
"""Share of the reference beyond the outer edge on each side. A value times 1,000 lies there."""
_FEW_VALUES: Final = 30
"""Largest number of distinct values of a number that has a cell for each of them."""


class Role(StrEnum):
    """Meaning of a cell."""

    MISSING = "missing"
    SENTINEL = "sentinel"
    """The code for "none"."""
    VALUE = "value"
    UNLISTED = "unseen"
    """Values that are rare in the reference, or that it does not have."""
    LOW = "low tail"
    HIGH = "high tail"


@dataclass(frozen=True, slots=True)
class ColumnCells:
    """Cells of one column, in the order of their codes."""

    name: str
    edges: tuple[float, ...] = ()
    """Upper edges of the bins but the last; a value at an edge belongs to the bin below it."""
    tails: tuple[float, float] | None = None
    """Numbers below and above which the tails lie; None if the column has none."""
    listed: tuple[float, ...] | tuple[str, ...] | None = None
    """Values that have a cell of their own, ascending; None if the column has bins."""
    sentinel: float | str | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """Role of each cell: missing, sentinel, then the values.

        >>> [str(role) for role in ColumnCells("x", edges=(5.0,), tails=(0.0, 9.0)).roles]
        ['missing', 'sentinel', 'low tail', 'value', 'value', 'high tail']
        """
        if self.listed is not None:
            values = [*[Role.VALUE] * len(self.listed), Role.UNLISTED]
        else:
            values = [Role.VALUE] * (len(self.edges) + 1)
            if self.tails:
                values = [Role.LOW, *values, Role.HIGH]
        return (Role.MISSING, Role.SENTINEL, *values)

    @property
    def labels(self) -> tuple[str, ...]:
        """Words for each cell.

        >>> ColumnCells("x", edges=(5.0,), tails=(0.0, 9.0)).labels[2:]
        ('below 0', '0 to 5', 'above 5, up to 9', 'above 9')
        """
        none = "no code" if self.sentinel is None else _shown(self.sentinel)
        if self.listed is not None:
            return ("missing", none, *map(_shown, self.listed), "rare or unseen")
        lower = ["", *(f"above {_shown(edge)}" for edge in self.edges)]
        upper = [*(f"up to {_shown(edge)}" for edge in self.edges), ""]
        if not self.tails:
            pairs = zip(lower, upper, strict=True)
            return ("missing", none, *(", ".join(filter(None, pair)) or "any value" for pair in pairs))
        low, high = map(_shown, self.tails)
        upper[-1] = f"up to {high}"
        bins = [", ".join(filter(None, pair)) for pair in zip(lower, upper, strict=True)]
        first = _shown(self.edges[0]) if self.edges else high
        bins[0] = low if first == low else f"{low} to {first}"
        return ("missing", none, f"below {low}", *bins, f"above {high}")

    def codes_of(self, values: pa.ChunkedArray | pa.Array) -> np.ndarray:
        """Code of the cell of each value, intp, shape (rows,)."""
        if pa.types.is_string(values.type):
            return self._codes_of_texts(values)
        return self._codes_of_numbers(np.asarray(values.to_numpy(zero_copy_only=False)))

    def _codes_of_numbers(self, values: np.ndarray) -> np.ndarray:
        if self.listed is None:
            codes = np.searchsorted(self._all_edges, values, side="left") + _FIRST
        else:
            codes = _position_in(np.array(self.listed, dtype=np.float64), values) + _FIRST
        if self.sentinel is not None:
            codes[values == self.sentinel] = _SENTINEL
        codes[np.isnan(values)] = _MISSING
        return codes

    @property
    def _all_edges(self) -> tuple[float, ...]:
        """Upper edges of all cells of values but the last; below the low tail's number is one, too."""
        if not self.tails:
            return self.edges
        low, high = self.tails
        return (float(np.nextafter(low, -np.inf)), *self.edges, high)

    def _codes_of_texts(self, values: pa.ChunkedArray | pa.Array) -> np.ndarray:
        array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        listed = self.listed or ()
        # Arrow compares texts as they are; numpy pads them all to the longest, and drops zero bytes.
        position = pc.index_in(array, value_set=pa.array(listed, pa.string())).fill_null(len(listed))
        codes = position.to_numpy(zero_copy_only=False).astype(np.intp) + _FIRST
        if self.sentinel is not None:
            codes[pc.equal(array, self.sentinel).fill_null(False).to_numpy(zero_copy_only=False)] = _SENTINEL
        codes[array.is_null().to_numpy(zero_copy_only=False)] = _MISSING
        return codes


_MISSING: Final = 0
_SENTINEL: Final = 1
_FIRST: Final = 2
"""Code of the first cell of values."""


def cut_cells(name: str, values: pa.ChunkedArray) -> ColumnCells:
    """Cut a column of the reference into cells."""
    if pa.types.is_string(values.type):
        levels = pc.value_counts(values.drop_null()).to_pylist()
        rows_of = {each["values"]: each["counts"] for each in levels}
        rows_of.pop(NO_CATEGORY, None)
        listed = [level for level, rows in rows_of.items() if is_enough_to_list(rows, of=len(values))]
        return ColumnCells(name, listed=tuple(sorted(listed)), sentinel=NO_CATEGORY)
    sentinel = SENTINELS.get(name)
    numbers = values.drop_null().to_numpy()
    numbers = numbers[np.isfinite(numbers) & (numbers != sentinel)]
    distinct, counts = np.unique(numbers, return_counts=True)
    if len(distinct) <= _FEW_VALUES or not is_enough(len(numbers)):
        pairs = zip(distinct.tolist(), counts.tolist(), strict=True)
        listed = [value for value, rows in pairs if is_enough_to_list(rows, of=len(values))]
        return ColumnCells(name, listed=tuple(listed), sentinel=sentinel)
    low, *inner, high = inner_quantiles(numbers, (_TAIL, *_DECILES, 1 - _TAIL))
    within = numbers[(low <= numbers) & (numbers <= high)]
    if not is_enough(len(within)):
        return ColumnCells(name, sentinel=sentinel)
    edges = _edges_with_enough(within, sorted({edge for edge in inner if low <= edge < high}))
    return ColumnCells(name, edges=edges, tails=(low, high), sentinel=sentinel)


def _edges_with_enough(numbers: np.ndarray, edges: Sequence[float]) -> tuple[float, ...]:
    """The ascending edges of which each bin between has enough rows."""
    kept: list[float] = []
    counted = 0
    for edge in edges:
        below = int((numbers <= edge).sum())
        if is_enough(below - counted) and is_enough(len(numbers) - below):
            kept.append(edge)
            counted = below
    return tuple(kept)


def _position_in(listed: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Position of each value in the ascending list; its length for values that are not in it."""
    if not len(listed):
        return np.zeros(len(values), dtype=np.intp)
    position = np.minimum(np.searchsorted(listed, values), len(listed) - 1)
    return np.where(listed[position] == values, position, len(listed))


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.10g}"
