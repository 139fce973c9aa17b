"""Screen of a chunk before its rules are evaluated one by one: what its columns as a whole prove.

Most rules are about one column: it is not null, lies between limits, or is one of some values. The
number of nulls, the least and greatest value and the distinct values of a column prove in one look
that no row of the chunk can break such a rule, whatever the rule engine would say of each row. So
does one comparison of two columns, and all of this on the rows that meet a plain condition. Arrow
finds these facts without Python's lock. A rule that they do not settle is left to the engine, whose
verdict stays the verdict.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.contract.rules import RuleCount, RuleVerdict

Kind = Literal["text", "number"]

_EXACT: Final = 2.0**53
"""From here on a whole number may have no float of its own, so that engines may compare it otherwise."""
_PLAIN_TEXT: Final = re.compile(r"[A-Za-z0-9_ ]+")
_NOBODY: Final = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class NotNull:
    """Screen of the rule that a column holds no null."""

    column: str

    def settle(self, facts: ChunkFacts) -> RuleVerdict | None:
        """Verdict on the chunk: the nulls themselves break the rule."""
        column = facts.column(self.column)
        if column is None:
            return None
        return RuleVerdict(column.null_positions, RuleCount(facts.rows, 0, column.nulls))


@dataclass(frozen=True, slots=True)
class Between:
    """Screen of the rule that every number of a column lies between limits; None is no limit."""

    column: str
    least: float | None
    greatest: float | None
    is_least_excluded: bool = False
    is_greatest_excluded: bool = False

    def settle(self, facts: ChunkFacts) -> RuleVerdict | None:
        """Verdict on the chunk if no row can break the rule, otherwise None."""
        column = facts.column(self.column, "number")
        if column is None:
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

    def settle(self, facts: ChunkFacts) -> RuleVerdict | None:
        """Verdict on the chunk if no row can break the rule, otherwise None."""
        column = facts.column(self.column, self.kind)
        if column is None:
            return None
        if column.nulls < facts.rows:
            distinct = column.distinct(most=len(self.values))
            if distinct is None or not distinct <= self.values:
                return None
        return _kept(facts, column)


@dataclass(frozen=True, slots=True)
class IsNull:
    """Screen of the rule that a column holds nothing but nulls."""

    column: str

    def settle(self, facts: ChunkFacts) -> RuleVerdict | None:
        """Verdict on the chunk: every value breaks the rule."""
        column = facts.column(self.column)
        if column is None:
            return None
        return RuleVerdict(column.known_positions, RuleCount(facts.rows, 0, facts.rows - column.nulls))


@dataclass(frozen=True, slots=True)
class Greater:
    """Screen of the rule that one number is greater than another, where both are known."""

    column: str
    other: str
    is_equal_allowed: bool

    def settle(self, facts: ChunkFacts) -> RuleVerdict | None:
        """Verdict on the chunk if no row can break the rule, otherwise None."""
        first, second = (facts.column(name, "number") for name in (self.column, self.other))
        if first is None or second is None or not (first.is_exact and second.is_exact):
            return None
        is_kept = (pc.greater_equal if self.is_equal_allowed else pc.greater)(first.values, second.values)
        if not pc.all(is_kept, min_count=0).as_py():
            return None
        return RuleVerdict(_NOBODY, RuleCount(facts.rows, is_kept.null_count, 0))


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition on a column that a row must meet for a rule to be about it."""

    column: str
    operator: Literal["==", "!=", "is null", "is not null"]
    parameter: str | int | None = None

    def mask(self, facts: ChunkFacts) -> pa.ChunkedArray | None:
        """True for each row that meets it, never null; None if the column cannot be compared so."""
        if self.operator in ("is null", "is not null"):
            known = facts.column(self.column)
            is_null = known.is_null() if known else None
            return is_null if self.operator == "is null" or is_null is None else pc.invert(is_null)
        column = facts.column(self.column, "text" if isinstance(self.parameter, str) else "number")
        if column is None or not column.is_exact:
            return None
        is_met = (pc.equal if self.operator == "==" else pc.not_equal)(column.values, self.parameter)
        return pc.fill_null(is_met, self.operator == "!=")


@dataclass(frozen=True, slots=True)
class Where:
    """Screen of a rule about the rows that meet all of some conditions."""

    conditions: tuple[Condition, ...]
    screen: PlainScreen

    def settle(self, facts: ChunkFacts) -> RuleVerdict | None:
        """Verdict on the chunk if the screen settles it on those rows, otherwise None."""
        part = facts.where(self.conditions)
        found = self.screen.settle(part.facts) if part else None
        if part is None or found is None or not len(found.broken):
            return found
        return RuleVerdict(part.positions[found.broken], found.counts)


PlainScreen = NotNull | IsNull | Between | OneOf | Greater
"""Screen of a rule about every row."""
Screen = PlainScreen | Where
"""Screen of one rule."""


class _Part(NamedTuple):
    """Rows of a chunk that meet conditions."""

    facts: ChunkFacts
    mask: pa.ChunkedArray

    @property
    def positions(self) -> np.ndarray:
        return np.flatnonzero(self.mask.to_numpy())


class ChunkFacts:
    """Facts about the columns of a chunk, each found when it is first asked for."""

    def __init__(self, rows: pa.Table, mask: pa.ChunkedArray | None = None) -> None:
        """Hold typed rows, of all of them or of those at which `mask` is True; nothing is looked at yet."""
        self._table = rows
        self._mask = mask
        self._columns: dict[str, ColumnFacts | None] = {}
        self._parts: dict[tuple[Condition, ...], _Part | None] = {}
        self.rows: int = rows.num_rows if mask is None else pc.sum(mask, min_count=0).as_py()

    def where(self, conditions: tuple[Condition, ...]) -> _Part | None:
        """Facts about the rows that meet all conditions; None if a condition cannot be judged here."""
        if conditions not in self._parts:
            masks = [condition.mask(self) for condition in conditions]
            if all(mask is not None for mask in masks):
                mask = reduce(pc.and_, masks)
                self._parts[conditions] = _Part(ChunkFacts(self._table, mask), mask)
            else:
                self._parts[conditions] = None
        return self._parts[conditions]

    def column(self, name: str, kind: Kind | None = None) -> ColumnFacts | None:
        """Facts about a column; None if it is not there, holds neither text nor numbers, or is not of this kind."""
        if name not in self._columns:
            self._columns[name] = self._look_at(name)
        facts = self._columns[name]
        return facts if facts and kind in (None, facts.kind) else None

    def _look_at(self, name: str) -> ColumnFacts | None:
        place = self._table.schema.get_field_index(name)
        kind = _kind_of(self._table.schema.field(place).type) if place >= 0 else None
        if kind is None:
            return None
        values = self._table.column(place)
        return ColumnFacts(values if self._mask is None else values.filter(self._mask), kind)


class ColumnFacts:
    """Facts about one column. NaN counts as null, as in the frames that rules are evaluated on."""

    def __init__(self, values: pa.ChunkedArray, kind: Kind) -> None:
        """Count the nulls of a column."""
        self.kind: Kind = kind
        self.values = values
        self._holds_nan = pa.types.is_floating(values.type) and bool(pc.any(pc.is_nan(values)).as_py())
        self.nulls: int = pc.sum(self.is_null()).as_py() if self._holds_nan else values.null_count

    @property
    def null_positions(self) -> np.ndarray:
        """Ascending positions of the nulls."""
        return np.flatnonzero(self.is_null().to_numpy()) if self.nulls else _NOBODY

    @property
    def known_positions(self) -> np.ndarray:
        """Ascending positions of all other values."""
        return _NOBODY if self.nulls == len(self.values) else np.flatnonzero(~self.is_null().to_numpy())

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest number that is not null; there must be one."""
        found = pc.min_max(self.values)
        return found["min"].as_py(), found["max"].as_py()

    @property
    def is_exact(self) -> bool:
        """True if any engine compares the values in the same way: texts, and numbers that a float holds exactly."""
        if self.kind == "text":
            return True
        is_known = self.nulls < len(self.values)
        return not self._holds_nan and (not is_known or all(map(_is_exact, self.bounds)))

    def distinct(self, *, most: int) -> frozenset[str] | frozenset[float] | None:
        """Distinct values that are not null; None if there are clearly more than `most`, or no exact floats."""
        values = pc.unique(self.values).drop_null()
        if len(values) > most + int(self._holds_nan) + 1:  # 0 may come with either sign
            return None
        distinct = values.to_pylist()
        if self.kind == "number":
            distinct = [value for value in distinct if not math.isnan(value)]
            if not all(map(_is_exact, distinct)):
                return None
        return frozenset(distinct)

    def is_null(self) -> pa.ChunkedArray:
        """True for each null."""
        return pc.is_null(self.values, nan_is_null=True)


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


def conditions_of(condition: Mapping[str, Any]) -> tuple[Condition, ...] | None:
    """Conditions of a row condition in Great Expectations' JSON; None if a screen may understand it in another way.

    >>> conditions_of({"type": "comparison", "column": {"name": "a"}, "operator": "==", "parameter": 1})
    (Condition(column='a', operator='==', parameter=1),)
    >>> conditions_of({"type": "comparison", "column": {"name": "a"}, "operator": ">", "parameter": 1}) is None
    True
    """
    match condition:
        case {"type": "and", "conditions": [*parts]}:
            found = [conditions_of(part) for part in parts]
            return tuple(each for part in found if part for each in part) if parts and all(found) else None
        case {"type": "nullity", "column": {"name": str(name)}, "is_null": bool(is_null)}:
            return (Condition(name, "is null" if is_null else "is not null"),)
        case {
            "type": "comparison", "column": {"name": str(name)}, "operator": "==" | "!=" as operator,
            "parameter": parameter,
        } if _is_plain_parameter(parameter):  # fmt: skip
            return (Condition(name, operator, parameter),)
    return None


def _kept(facts: ChunkFacts, column: ColumnFacts) -> RuleVerdict:
    return RuleVerdict(_NOBODY, RuleCount(facts.rows, column.nulls, 0))


def _kind_of(type_: pa.DataType) -> Kind | None:
    if pa.types.is_integer(type_) or pa.types.is_float64(type_):
        return "number"
    return "text" if pa.types.is_string(type_) else None


def _is_plain_number(value: object) -> bool:
    return type(value) in (int, float) and _is_exact(value)  # type: ignore[arg-type]


def _is_plain_parameter(value: object) -> bool:
    """True for whole numbers and for texts that are quoted in the same way by everybody."""
    if isinstance(value, str):
        return bool(_PLAIN_TEXT.fullmatch(value))
    return type(value) is int and _is_exact(value)


def _is_exact(value: float) -> bool:
    return abs(value) < _EXACT
