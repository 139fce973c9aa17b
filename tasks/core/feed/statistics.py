"""What is known of the real feed, without any of its rows: figures of single columns, and how each follows others.

A column is drawn after others. What it depends on is said by a small tree whose leaves stand for groups of many rows
(Breiman et al., Classification and Regression Trees, 1984; as a way to make synthetic data: Reiter, Using CART to
generate partially synthetic public use microdata, 2005), and for numbers by a linear term besides.
`benchmarks/studies/feed_statistics.py` makes the file from a real one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tasks.core.lender.columns import NAMES
from tasks.errors import ConfigError

Leaf = float | Mapping[str, float] | Sequence[float]
"""A share of rows; or level to share; or five residuals, at the shares of `RESIDUAL_SHARES`."""

RESIDUAL_SHARES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
OTHER: Final = "other"
"""The level that stands for all numbers but the popular ones."""


@dataclass(frozen=True, slots=True)
class FeedSplit:
    """Two groups of rows: those whose `column` is at most a number, or is a level, or is missing; and the others."""

    column: str
    at: float | str | None
    """The largest number of the first group (a missing one belongs to the second), its level, or None for missing."""
    first: FeedTree
    second: FeedTree


FeedTree = FeedSplit | Leaf


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """How one column of the real feed is distributed."""

    missing_share: float = 0.0
    """Share of rows without a value, 0 to 1."""
    quantiles: Mapping[str, float] = field(default_factory=dict)
    """`min`, `p01`, `q1`, `median`, `q3`, `p99`, `max` of the present values; empty for text."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Level to its share of the present values, for categories and for numbers that take few values; else empty."""
    sentinel: float = math.nan
    """A number that means something else, NaN where there is none; the quantiles leave it out."""
    sentinel_share: float = 0.0
    """Share of rows that hold the sentinel, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Draw:
    """How one column follows from those drawn before it."""

    missing: FeedTree | None = None
    """Leaves are shares of rows without a value; None where the column's own missing share says it all."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Level to its share of the present values: categories, popular numbers, and `OTHER` for all other numbers."""
    levels: FeedTree = field(default_factory=dict)
    """Leaves are shares of levels in a group; a level that a leaf does not name is drawn by `rest`."""
    rest: Mapping[str, float] = field(default_factory=dict)
    """Level to its share where no leaf names it; levels not named here either share what is left by `shares`."""
    curve: tuple[tuple[float, float], ...] = ()
    """Ascending shares of the rows with another number than a popular one, and the numbers below which they lie."""
    residuals: FeedTree = (-1.28, -0.52, 0.0, 0.52, 1.28)
    """Leaves are residuals of such rows' normal score, at `RESIDUAL_SHARES`."""
    follows: Mapping[str, float] = field(default_factory=dict)
    """Earlier column to the weight of its normal score in this column's normal score."""
    times: tuple[str, tuple[float, ...]] | None = None
    """A column, and what to add to it, the largest that leaves it negative if there are several. The drawn number is a
    multiple of that: credit of the goods' price, days since papers were issued of the days since they were due."""
    least: float = -math.inf
    """What the number that is multiplied is at least."""
    line: tuple[str, float, float] | None = None
    """Column, base and slope of a line that the drawn number is a distance from: the forms of a building's part."""
    grid: tuple[float, float] | None = None
    """First point and step of the grid that the drawn number lies on."""
    log_odds: bool = False
    """True where the grid is one of log-odds."""
    steps: tuple[float, float] | None = None
    """First point and step of the grid that the column's values lie on; None where they have any digits."""


@dataclass(frozen=True, slots=True)
class FeedStatistics:
    """What is known of the real feed, without any of its rows."""

    columns: Mapping[str, ColumnStatistics]
    draws: Mapping[str, Draw]
    """Column to how it is drawn, in the order of drawing; columns that others settle are not among them."""
    sample_rows: int
    """Rows behind the minima and maxima, which sets how rare these are."""
    default_share: float
    """Share of the real applications that defaulted, 0 to 1."""

    @classmethod
    def from_json(cls, text: str) -> FeedStatistics:
        """The statistics as the reviewed file spells them.

        Raises:
            ConfigError: its columns are not the declared ones, or a column follows one that is drawn later.
        """
        document = json.loads(text)
        if unlike := set(document["columns"]) ^ set(NAMES):
            raise ConfigError(f"The feed statistics and the declared columns differ in: {', '.join(sorted(unlike))}.")
        columns = {
            name: ColumnStatistics(**{key: value for key, value in entry.items() if key != "kind"})
            for name, entry in document["columns"].items()
        }
        if unknown := set(document["draws"]) - set(NAMES):
            raise ConfigError(f"The feed statistics draw undeclared columns: {', '.join(sorted(unknown))}.")
        draws = {name: _draw({"shares": columns[name].shares} | entry) for name, entry in document["draws"].items()}
        _require_order(draws)
        return cls(columns, draws, document["sample_rows"], document["default_share"])


def _draw(entry: Mapping[str, Any]) -> Draw:
    trees = {part: _tree(entry[part]) for part in ("missing", "levels", "residuals") if part in entry}
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
    """A split is written `[column, at, first, second]`."""
    if isinstance(node, list) and node and isinstance(node[0], str):
        column, at, first, second = node
        return FeedSplit(column, at, _tree(first), _tree(second))
    return node


def columns_of(tree: FeedTree | None) -> set[str]:
    """The columns that a tree asks for."""
    if not isinstance(tree, FeedSplit):
        return set()
    return {tree.column} | columns_of(tree.first) | columns_of(tree.second)


def levels_of(tree: FeedTree) -> set[str]:
    """The levels that any leaf of the tree names."""
    if isinstance(tree, FeedSplit):
        return levels_of(tree.first) | levels_of(tree.second)
    return set(tree) if isinstance(tree, Mapping) else set()


def _require_order(draws: Mapping[str, Draw]) -> None:
    drawn: set[str] = set()
    for name, draw in draws.items():
        asked = columns_of(draw.missing) | columns_of(draw.levels) | columns_of(draw.residuals) | set(draw.follows)
        asked |= {base[0] for base in (draw.times, draw.line) if base}
        if early := asked - drawn:
            raise ConfigError(
                f"In the feed statistics {name} follows {', '.join(sorted(early))}, which no draw before it makes."
            )
        drawn.add(name)
