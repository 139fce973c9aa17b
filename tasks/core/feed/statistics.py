"""Statistics of the real feed, without any of its rows.

They hold figures of single columns, and the dependence of each column on others. A column is drawn
after others. A small tree says what it depends on; its leaves stand for groups of many rows
(Breiman et al., Classification and Regression Trees, 1984; as a way to make synthetic data:
Reiter, Using CART to generate partially synthetic public use microdata, 2005). Numbers have a
linear term besides. The weekday of an application changes shares and scores of some columns.
`benchmarks/studies/feed_statistics.py` makes the file from a real one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tasks.core.lender.columns import NAMES, WEEKDAY, WEEKDAYS
from tasks.errors import ConfigError

Leaf = float | Mapping[str, float] | Sequence[float]
"""Share of rows; or level to share; or five residuals, at the shares of `RESIDUAL_SHARES`."""

RESIDUAL_SHARES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
OTHER: Final = "other"
"""Level that stands for all numbers except the popular ones."""


@dataclass(frozen=True, slots=True)
class FeedSplit:
    """Split of rows into two groups.

    The first group has a `column` that is at most a number, or is a level, or is missing. The
    second group has all other rows.
    """

    column: str
    at: float | str | None
    """Largest number of the first group, its level, or None if its values are missing.

    If this is a number, missing values belong to the second group.
    """
    first: FeedTree
    second: FeedTree


FeedTree = FeedSplit | Leaf


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Distribution of one column of the real feed."""

    missing_share: float = 0.0
    """Share of rows without a value, 0 to 1."""
    quantiles: Mapping[str, float] = field(default_factory=dict)
    """`min`, `p01`, `q1`, `median`, `q3`, `p99`, `max` of the present values; empty for text."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Level to its share of the present values.

    Given for categories and for numbers that take few values; empty for other numbers.
    """
    sentinel: float = math.nan
    """Number that means something else, NaN if there is none; the quantiles leave it out."""
    sentinel_share: float = 0.0
    """Share of rows that hold the sentinel, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Rule by which one column follows from the columns drawn before it."""

    missing: FeedTree | None = None
    """Tree of shares of rows without a value; None if the column's `missing_share` says it all."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Level to its share of the present values: categories, or popular numbers and `OTHER`."""
    levels: FeedTree = field(default_factory=dict)
    """Tree whose leaves are shares of levels; a level that a leaf does not name comes by `rest`."""
    rest: Mapping[str, float] = field(default_factory=dict)
    """Level to its share in groups whose leaf does not name it.

    Levels that are not named here either share the remainder in proportion to `shares`.
    """
    curve: tuple[tuple[float, float], ...] = ()
    """Curve of the numbers that are not popular.

    It holds ascending shares of the rows with such a number, each with the number below which
    they lie.
    """
    residuals: FeedTree = (-1.28, -0.52, 0.0, 0.52, 1.28)
    """Tree whose leaves are residuals of the normal score of these rows, at `RESIDUAL_SHARES`."""
    follows: Mapping[str, float] = field(default_factory=dict)
    """Earlier column to the weight of its normal score in the normal score of this column."""
    times: tuple[str, tuple[float, ...]] | None = None
    """Column and offsets whose sum the drawn number is a multiple of.

    Of several offsets the largest counts that leaves the sum negative. Credit is a multiple of the
    price of the goods; days since papers were issued are one of the days since they were due.
    """
    least: float = -math.inf
    """Lower bound of the number that is multiplied."""
    line: tuple[str, float, float] | None = None
    """Column, base and slope of a line; the drawn number is a distance from it.

    The forms of a part of a building lie near such lines.
    """
    grid: tuple[float, float] | None = None
    """First point and step of the grid that the drawn number lies on."""
    log_odds: bool = False
    """True if the grid is one of log-odds."""
    steps: tuple[float, float] | None = None
    """First point and step of the grid of the column's values; None if they have any digits."""


@dataclass(frozen=True, slots=True)
class WeekdayWeights:
    """Difference of one column between weekdays: one number for each of `WEEKDAYS`."""

    missing: Sequence[float] = ()
    """Factors of the odds that a row has no value; empty if weekdays do not differ."""
    levels: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Level to factors of its share in every group, before the shares are scaled to sum to 1.

    Levels that are not named have the factor 1.
    """
    score: Sequence[float] = ()
    """Summands of the normal scores; empty if weekdays do not differ."""


EVERY_DAY_ALIKE: Final = WeekdayWeights()


@dataclass(frozen=True, slots=True)
class FeedStatistics:
    """Statistics of the real feed, without any of its rows."""

    columns: Mapping[str, ColumnStatistics]
    draws: Mapping[str, Draw]
    """Column to its draw, in the order of drawing; columns that ties settle have none."""
    sample_rows: int
    """Number of rows behind the minima and maxima, which sets how rare these are."""
    default_share: float
    """Share of the real applications that defaulted, 0 to 1."""
    by_weekday: Mapping[str, WeekdayWeights] = field(default_factory=dict)
    """Column to its difference between weekdays; columns that hardly differ have none."""

    @classmethod
    def from_json(cls, text: str) -> FeedStatistics:
        """Statistics from the text of the reviewed file.

        Raises:
            ConfigError: its columns are not the declared ones, a column follows one that is
                drawn later, or a difference between weekdays is incomplete.
        """
        document = json.loads(text)
        if unlike := set(document["columns"]) ^ set(NAMES):
            names = ", ".join(sorted(unlike))
            raise ConfigError(f"The feed statistics and the declared columns differ in: {names}.")
        columns = {name: _column(entry) for name, entry in document["columns"].items()}
        if unknown := set(document["draws"]) - set(NAMES):
            names = ", ".join(sorted(unknown))
            raise ConfigError(f"The feed statistics draw undeclared columns: {names}.")
        entries = document["draws"].items()
        draws = {name: _draw({"shares": columns[name].shares} | entry) for name, entry in entries}
        _require_order(draws)
        by_weekday = {
            name: WeekdayWeights(**entry) for name, entry in document.get("by_weekday", {}).items()
        }  # fmt: skip
        _require_weekdays(by_weekday, draws)
        rows = document["sample_rows"]
        return cls(columns, draws, rows, document["default_share"], by_weekday)


def _column(entry: Mapping[str, Any]) -> ColumnStatistics:
    return ColumnStatistics(**{key: value for key, value in entry.items() if key != "kind"})


def _draw(entry: Mapping[str, Any]) -> Draw:
    parts = [part for part in ("missing", "levels", "residuals") if part in entry]
    trees = {part: _tree(entry[part]) for part in parts}
    times = entry.get("times")
    return Draw(
        **trees,
        shares=entry["shares"],
        rest=entry.get("rest", {}),
        curve=tuple((share, value) for share, value in entry.get("curve", ())),
        follows=entry.get("follows", {}),
        times=(times[0], tuple(times[1:])) if times else None,
        least=entry.get("least", -math.inf),
        line=_tuple(entry.get("line")),
        grid=_tuple(entry.get("grid")),
        log_odds=entry.get("log_odds", False),
        steps=_tuple(entry.get("steps")),
    )


def _tuple(values: Any) -> Any:
    return tuple(values) if values else None


def _tree(node: Any) -> FeedTree:
    """Tree from its JSON; a split is written `[column, at, first, second]`."""
    if isinstance(node, list) and node and isinstance(node[0], str):
        column, at, first, second = node
        return FeedSplit(column, at, _tree(first), _tree(second))
    return node


def columns_of(tree: FeedTree | None) -> set[str]:
    """Columns that a tree asks for; none if there is no tree."""
    if not isinstance(tree, FeedSplit):
        return set()
    return {tree.column} | columns_of(tree.first) | columns_of(tree.second)


def levels_of(tree: FeedTree) -> set[str]:
    """Levels that any leaf of the tree names."""
    if isinstance(tree, FeedSplit):
        return levels_of(tree.first) | levels_of(tree.second)
    return set(tree) if isinstance(tree, Mapping) else set()


def _require_order(draws: Mapping[str, Draw]) -> None:
    drawn: set[str] = set()
    for name, draw in draws.items():
        asked = set(draw.follows)
        for tree in (draw.missing, draw.levels, draw.residuals):
            asked |= columns_of(tree)
        asked |= {base[0] for base in (draw.times, draw.line) if base}
        if early := asked - drawn:
            names = ", ".join(sorted(early))
            raise ConfigError(
                f"In the feed statistics {name} follows {names}, which no draw before it makes."
            )  # fmt: skip
        drawn.add(name)


def _require_weekdays(
    by_weekday: Mapping[str, WeekdayWeights], draws: Mapping[str, Draw]
) -> None:  # fmt: skip
    order = list(draws)
    after = order[order.index(WEEKDAY) + 1 :] if WEEKDAY in draws else []
    for name, weights in by_weekday.items():
        if name not in after:
            raise ConfigError(
                f"In the feed statistics {name} differs by weekday, but is not drawn after {WEEKDAY}."
            )  # fmt: skip
        if unknown := set(weights.levels) - set(draws[name].shares):
            levels = ", ".join(sorted(unknown))
            raise ConfigError(
                f"In the feed statistics the weekdays of {name} name levels it never takes: {levels}."
            )  # fmt: skip
        for numbers in (weights.missing, weights.score, *weights.levels.values()):
            if len(numbers) not in (0, len(WEEKDAYS)):
                raise ConfigError(
                    f"In the feed statistics {name} has {len(numbers)} numbers by weekday; "
                    f"there must be {len(WEEKDAYS)}."
                )  # fmt: skip
