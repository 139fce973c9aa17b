"""Screen of a chunk before its rules are evaluated one by one: what its columns as a whole prove.

Most rules are about one column and hold for every row: it is not null, lies between limits, or is
one of some values. The number of nulls, the least and greatest value and the distinct values of a
column prove in one look that no row of the chunk can break such a rule, whatever the rule engine
would say of each row. Arrow finds these facts for all columns without Python's lock. A rule that
they do not settle is left to the engine, whose verdict stays the verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.contract.rules import RuleCount

Kind = Literal["text", "number"]

_EXACT: Final = 2.0**53
"""From here on a whole number may have no float of its own, so that engines may compare it otherwise."""
_NOBODY: Final = np.empty(0, dtype=np.int64)


class Settled(NamedTuple):
    """Verdict of a rule on a chunk that its screen proves."""

    broken: np.ndarray
    """Ascending positions of the rows that break the rule."""
    counts: RuleCount


@dataclass(frozen=True, slots=True)
class NotNull:
    """Screen of the rule that a column holds no null."""

    column: str

    def settle(self, facts: ChunkFacts) -> Settled | None:
        """Verdict on the chunk: the nulls themselves break the rule."""
        column = facts.column(self.column)
        if column is None:
            return None
        return Settled(column.null_positions, RuleCount(facts.rows, 0, column.nulls))


@dataclass(frozen=True, slots=True)
class Between:
    """Screen of the rule that every number of a column lies between limits; None is no limit."""

    column: str
    least: float | None
    greatest: float | None
    is_least_excluded: bool = False
    is_greatest_excluded: bool = False

    def settle(self, facts: ChunkFacts) -> Settled | None:
        """Verdict on the chunk if no row can break the rule, otherwise None."""
        column = facts.column(self.column)
        if column is None or column.kind != "number":
            return None
        if column.nulls < facts.rows and not self._holds(*column.bounds):
            return None
        return _kept(facts, column)

    def _holds(self, low: float, high: float) -> bool:
        if not _is_exact(low) or not _is_exact(high):
            return False
        least, greatest = self.least, self.greatest
        is_low = least is None or (low > least if self.is_least_excluded else low >= least)
        is_high = greatest is None or (high < greatest if self.is_greatest_excluded else high <= greatest)
        return is_low and is_high


@dataclass(frozen=True, slots=True)
class OneOf:
    """Screen of the rule that every value of a column is one of some values, all of them texts or all numbers."""

    column: str
    values: frozenset[str] | frozenset[float]
    kind: Kind

    def settle(self, facts: ChunkFacts) -> Settled | None:
        """Verdict on the chunk if no row can break the rule, otherwise None."""
        column = facts.column(self.column)
        if column is None or column.kind != self.kind:
            return None
        if column.nulls < facts.rows:
            distinct = column.distinct(most=len(self.values))
            if distinct is None or not distinct <= self.values:
                return None
        return _kept(facts, column)


Screen = NotNull | Between | OneOf
"""Screen of one rule."""


class ChunkFacts:
    """Facts about the columns of a chunk, each found when it is first asked for."""

    def __init__(self, rows: pa.Table) -> None:
        """Hold typed rows; nothing is looked at yet."""
        self._table = rows
        self._columns: dict[str, ColumnFacts | None] = {}
        self.rows: int = rows.num_rows

    def column(self, name: str) -> ColumnFacts | None:
        """Facts about a column; None if it is not there, or holds neither text nor numbers."""
        if name not in self._columns:
            self._columns[name] = self._look_at(name)
        return self._columns[name]

    def _look_at(self, name: str) -> ColumnFacts | None:
        if name not in self._table.column_names:
            return None
        values = self._table.column(name)
        kind = _kind_of(values.type)
        return ColumnFacts(values, kind) if kind else None


class ColumnFacts:
    """Facts about one column. NaN counts as null, as in the frames that rules are evaluated on."""

    def __init__(self, values: pa.ChunkedArray, kind: Kind) -> None:
        """Count the nulls of a column."""
        self.kind: Kind = kind
        self._values = values
        self._may_hold_nan = pa.types.is_floating(values.type) and _holds_nan(values)
        self.nulls: int = int(pc.sum(self._is_null()).as_py() or 0) if self._may_hold_nan else values.null_count

    @property
    def null_positions(self) -> np.ndarray:
        """Ascending positions of the nulls."""
        if not self.nulls:
            return _NOBODY
        return np.flatnonzero(self._is_null().to_numpy())

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest number that is not null; there must be one."""
        found = pc.min_max(self._values)
        return found["min"].as_py(), found["max"].as_py()

    def distinct(self, *, most: int) -> frozenset[str] | frozenset[float] | None:
        """Distinct values that are not null; None if there are more than `most`, or some are no exact floats."""
        values = pc.unique(self._values).drop_null()
        if len(values) > most + int(self._may_hold_nan):
            return None
        distinct = values.to_pylist()
        if self.kind == "number":
            distinct = [value for value in distinct if not math.isnan(value)]
            if not all(map(_is_exact, distinct)):
                return None
        return frozenset(distinct)

    def _is_null(self) -> pa.ChunkedArray:
        return pc.is_null(self._values, nan_is_null=True)


def number_limits(least: object, greatest: object) -> tuple[float | None, float | None] | None:
    """Limits as a screen takes them; None if a rule engine may understand them in another way.

    >>> number_limits(0, None), number_limits(3, 1), number_limits("0", 1), number_limits(2**60, None)
    ((0, None), None, None, None)
    """
    limits = (least, greatest)
    if limits == (None, None) or not all(limit is None or _is_plain_number(limit) for limit in limits):
        return None
    if least is not None and greatest is not None and least > greatest:  # type: ignore[operator]
        return None
    return limits  # type: ignore[return-value]


def one_of(column: str, values: object) -> OneOf | None:
    """Screen of a list of values; None if they are not all texts or all numbers, or none.

    >>> one_of("a", [1, 0.5]) == OneOf("a", frozenset({1, 0.5}), "number")
    True
    >>> one_of("a", [1, "1"]), one_of("a", [True]), one_of("a", [])
    (None, None, None)
    """
    if not isinstance(values, list) or not values:
        return None
    if all(isinstance(value, str) for value in values):
        return OneOf(column, frozenset(values), "text")
    if all(map(_is_plain_number, values)):
        return OneOf(column, frozenset(values), "number")
    return None


def _kept(facts: ChunkFacts, column: ColumnFacts) -> Settled:
    return Settled(_NOBODY, RuleCount(facts.rows, column.nulls, 0))


def _kind_of(type_: pa.DataType) -> Kind | None:
    if pa.types.is_integer(type_) or pa.types.is_float64(type_):
        return "number"
    return "text" if pa.types.is_string(type_) else None


def _holds_nan(values: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.is_nan(values)).as_py())


def _is_plain_number(value: object) -> bool:
    return type(value) in (int, float) and _is_exact(value)  # type: ignore[arg-type]


def _is_exact(value: float) -> bool:
    return abs(value) < _EXACT
