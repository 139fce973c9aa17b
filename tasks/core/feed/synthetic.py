"""Synthetic applications: a believable day of the feed, and its outcome.

Columns are drawn one after another, each by its `Draw`. A row falls into one of the groups of a
small tree. The group says how often the value is missing, and gives the shares of the levels.
Numbers are drawn as normal scores: a weighted sum of the scores of earlier columns, and a residual
that the group distributes. The curve of the column turns the score into a value. At last the ties
correct everything that must hold on every row.

The weekday is drawn first. It changes how often some values are missing, the shares of some levels
and some scores. All applications of a day have the weekday of that day; a history mixes weekdays.

Every column draws from random streams of its own, and a row uses only its own draws. So a column
added at the end alters no other, and the first rows of a day are the same for any number of rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from tasks.core.feed.outcome import NOISE, default_logit
from tasks.core.feed.statistics import (
    EVERY_DAY_ALIKE,
    OTHER,
    RESIDUAL_SHARES,
    Draw,
    FeedSplit,
    FeedStatistics,
    FeedTree,
    WeekdayWeights,
    levels_of,
)
from tasks.core.feed.ties import ABSENT, FIRST_FORM, NO_ORGANIZATION, OTHER_FORMS, REVOLVING, UntiedRows, tie
from tasks.core.lender.columns import ID, NAMES, TARGET, TEXTS, TYPED_SCHEMA, WEEKDAY, WEEKDAYS
from tasks.errors import ConfigError

__all__ = [
    "DayDraft",
    "FeedStatistics",
    "base_of_multiple",
    "level_shares",
    "missing_shares",
    "random_stream",
    "score_at",
    "synthesize_applications",
]


def synthesize_applications(
    statistics: FeedStatistics,
    *,
    rows: int,
    seed: int,
    as_of: date,
    with_target: bool = False,
    history: bool = False,
) -> pa.Table:
    """Draw `rows` applications of day `as_of` in `TYPED_SCHEMA`.

    All of them have the weekday of `as_of`. If `history`, they stand for a long time before it,
    and have the weekdays of the real feed. If `with_target`, the second column is an int64 TARGET
    (1 = default). The same `seed`, `as_of` and `history` give the same rows, with or without
    TARGET, and the first rows of a longer day. An id
    comes once within any 1,073 successive days of one seed, and within 5,365 if no day has more
    than 400,000 rows.

    Raises:
        ConfigError: `rows` is not in 0 to 2,000,000, or `seed` is negative.
    """
    if not 0 <= rows <= _IDS_A_DAY:
        raise ConfigError(
            f"rows is {rows}; a synthetic day holds 0 to {_IDS_A_DAY:,} applications."
        )  # fmt: skip
    day = DayDraft.begin(statistics, rows=rows, seed=seed, as_of=as_of, history=history)
    for name in statistics.draws:
        day.draw(name, statistics.by_weekday.get(name, EVERY_DAY_ALIKE))
    streams = day.streams
    draft = day.draft
    nameless = streams.uniform("record of AMT_GOODS_PRICE") < _nameless_share(statistics)
    tie(draft, nameless=nameless)
    draft.columns[ID] = _ids(as_of, rows)
    table = pa.Table.from_arrays([_as_arrow(draft, name) for name in NAMES], schema=TYPED_SCHEMA)
    if not with_target:
        return table
    logit = default_logit(draft, statistics) + NOISE * streams.normal("outcome noise")
    defaulted = streams.uniform("outcome") < expit(logit)
    return table.add_column(1, TARGET, pa.array(defaulted.astype(np.int64)))


# 1,073 days of 2,000,000 ids fill the positive 32-bit integers, in which some readers keep ids.
_IDS_A_DAY: Final = 2_000_000
_DAYS_OF_IDS: Final = 1_073
# Days that share a range of ids start this far apart in it, so that only very large ones can meet.
_IDS_APART: Final = 400_000
# Prime to `_IDS_A_DAY`: multiplication scatters the ids of a day over its range without repeats.
_ID_STRIDE: Final = 1_236_077


def _ids(as_of: date, rows: int) -> NDArray[np.int64]:
    cycle, slot = divmod(as_of.toordinal(), _DAYS_OF_IDS)
    positions = np.arange(rows, dtype=np.int64) + cycle * _IDS_APART
    ids: NDArray[np.int64] = 1 + slot * _IDS_A_DAY + positions * _ID_STRIDE % _IDS_A_DAY
    return ids


@dataclass(frozen=True, slots=True)
class _Streams:
    """Random streams of a day, one for each name.

    The first n numbers of a stream are the same however many are drawn.
    """

    seed: int
    as_of: date
    rows: int

    def normal(self, name: str) -> NDArray[np.float64]:
        return random_stream(self.seed, self.as_of, name).standard_normal(self.rows)

    def uniform(self, name: str) -> NDArray[np.float64]:
        return random_stream(self.seed, self.as_of, name).random(self.rows)


def random_stream(seed: int, as_of: date, name: str) -> np.random.Generator:
    """Random generator for one purpose of one day. Raises `ConfigError` if the seed is below 0."""
    if seed < 0:
        raise ConfigError(f"seed is {seed}; a seed is a whole number from 0 up.")
    entropy = [seed, as_of.toordinal(), zlib.crc32(name.encode())]
    return np.random.default_rng(np.random.SeedSequence(entropy))


_NO_CODE: Final = -1
# Building figures are shares in four decimals.
_BUILDING: Final = frozenset(
    name for name in NAMES if name.endswith((FIRST_FORM, *OTHER_FORMS)) and name not in TEXTS
)  # fmt: skip
_BUILDING_DECIMALS: Final = 4
# Normal scores of the residuals' shares, and how far beyond them the outer pieces go on.
_RESIDUAL_SCORES: Final = ndtri(RESIDUAL_SHARES)
_FARTHEST_SCORE: Final = 6.0


@dataclass(frozen=True, slots=True)
class DayDraft:
    """Applications while they are drawn."""

    statistics: FeedStatistics
    streams: _Streams
    draft: UntiedRows
    scores: dict[str, NDArray[np.float64]]
    """Normal scores of the numbers drawn so far; 0 if a number is missing."""
    history: bool

    @classmethod
    def begin(cls, statistics: FeedStatistics, *, rows: int, seed: int, as_of: date, history: bool) -> DayDraft:
        """Applications before the first draw; see `synthesize_applications`."""
        levels = {name: tuple(statistics.columns[name].shares) for name in TEXTS}
        streams = _Streams(seed, as_of, rows)
        return cls(statistics, streams, UntiedRows(levels, {}, {}), {}, history)

    def weekdays(self) -> NDArray[np.intp]:
        """Weekday of each row, as its place in `WEEKDAYS`; only after `WEEKDAY` was drawn."""
        places = np.array([WEEKDAYS.index(level) for level in self.draft.levels[WEEKDAY]])
        weekdays: NDArray[np.intp] = places[self.draft.columns[WEEKDAY]]
        return weekdays

    def draw(self, name: str, weights: WeekdayWeights) -> None:
        """Draw column `name`, with `weights` for each weekday. Its predecessors must be drawn."""
        gone = _missing_rows(name, weights, self)
        codes = _draw_codes(name, weights, self)
        if name in TEXTS:
            codes[gone] = _NO_CODE
            self.draft.quantities[name] = self.draft.columns[name] = codes.astype(np.int16)
        else:
            _draw_numbers(name, weights, self, codes=codes, gone=gone)


def _draw_numbers(
    name: str,
    weights: WeekdayWeights,
    day: DayDraft,
    *,
    codes: NDArray[np.intp],
    gone: NDArray[np.bool_],
) -> None:
    """Turn the drawn levels of a column into numbers. Numbers not popular come by their score."""
    draw = day.statistics.draws[name]
    numbers = np.array([np.nan if level == OTHER else float(level) for level in draw.shares])
    quantity = numbers[codes]
    others = np.flatnonzero(np.isnan(quantity) & ~gone)
    if draw.curve:
        quantity[others] = _number_at(_draw_scores(name, weights, day, others), draw)
    quantity[gone] = np.nan
    quantity = _quantities_on_grid(quantity, draw)
    if draw.curve:
        day.scores[name] = score_at(quantity, draw)
    known = day.statistics.columns[name].quantiles
    day.draft.quantities[name] = quantity
    values = _values_on_grid(name, draw, day.draft)
    day.draft.columns[name] = np.clip(values, known["min"], known["max"])


def _quantities_on_grid(quantity: NDArray[np.float64], draw: Draw) -> NDArray[np.float64]:
    if not draw.log_odds:
        return _snap(quantity, draw.grid)
    on_grid: NDArray[np.float64] = expit(_snap(logit(quantity), draw.grid))
    return on_grid


def _missing_rows(name: str, weights: WeekdayWeights, day: DayDraft) -> NDArray[np.bool_]:
    absent = ABSENT.get(name)
    gone = absent(day.draft) if absent else np.zeros(day.streams.rows, dtype=bool)
    share = missing_shares(name, weights, day)
    if share is None:
        return gone
    return gone | (day.streams.uniform(f"record of {name}") < share)


def missing_shares(
    name: str, weights: WeekdayWeights, day: DayDraft
) -> NDArray[np.float64] | None:  # fmt: skip
    """Probability of each row that its value is missing, ties aside; None if it never is."""
    draw = day.statistics.draws[name]
    share = np.zeros(day.streams.rows)
    if draw.missing is not None:
        for leaf, rows in rows_by_leaf(draw.missing, day.draft, day.streams.rows):
            share[rows] = leaf
    elif name in ABSENT or not day.statistics.columns[name].missing_share:
        return None
    else:
        share[:] = day.statistics.columns[name].missing_share
    if not weights.missing:
        return share
    factor = np.asarray(weights.missing)[day.weekdays()]
    scaled: NDArray[np.float64] = share * factor / (1.0 - share + share * factor)
    return scaled


def rows_by_leaf(
    tree: FeedTree,
    draft: UntiedRows,
    n_rows: int,
    *,
    among: NDArray[np.intp] | None = None,
) -> Iterator[tuple[Any, NDArray[np.intp]]]:
    """Leaves, each with the ascending positions of its rows. Leaves without rows are left out."""
    rows = np.arange(n_rows) if among is None else among
    pending: list[tuple[FeedTree, NDArray[np.intp]]] = [(tree, rows)]
    while pending:
        node, rows = pending.pop()
        if not isinstance(node, FeedSplit):
            if rows.size:
                yield node, rows
            continue
        first = _in_first(node, draft, rows)
        pending += [(node.second, rows[~first]), (node.first, rows[first])]


def _in_first(split: FeedSplit, draft: UntiedRows, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    quantities = draft.quantities[split.column][rows]
    if split.at is None:
        return quantities < 0 if split.column in draft.levels else np.isnan(quantities)
    if isinstance(split.at, str):
        return quantities == draft.levels[split.column].index(split.at)
    return quantities <= split.at


def _draw_codes(name: str, weights: WeekdayWeights, day: DayDraft) -> NDArray[np.intp]:
    """Level of each row, as its place in `Draw.shares`."""
    codes = np.zeros(day.streams.rows, dtype=np.intp)
    levels = list(day.statistics.draws[name].shares)
    if name == WEEKDAY and not day.history:
        codes[:] = levels.index(WEEKDAYS[day.streams.as_of.weekday()])
        return codes
    if len(levels) == 1:
        return codes
    own = day.streams.uniform(f"level of {name}")
    for shares, rows in level_shares(name, day):
        for factors, chosen in _rows_by_weekday(levels, weights, day, rows):
            cumulated = np.cumsum(shares * factors)
            bounds = cumulated[:-1] / cumulated[-1]
            codes[chosen] = np.searchsorted(bounds, own[chosen], side="right")
    return codes


def level_shares(
    name: str, day: DayDraft
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.intp]]]:  # fmt: skip
    """Shares of the levels of `Draw.shares` in each group, with the rows of the group.

    A level that is too rare for any group comes with its share in the whole feed. Shares sum to 1
    only nearly.
    """
    draw = day.statistics.draws[name]
    grouped = levels_of(draw.levels) | set(draw.rest) | {NO_ORGANIZATION}
    rare = {level: share for level, share in draw.shares.items() if level not in grouped}
    unnamed = _unnamed_shares(name, draw)
    for leaf, rows in rows_by_leaf(draw.levels, day.draft, day.streams.rows):
        named = rare | leaf
        total = sum(share for level, share in unnamed.items() if level not in named)
        scale = max(0.0, 1.0 - sum(named.values())) / total if total else 0.0
        shares = {level: scale * share for level, share in unnamed.items()} | named
        yield np.array([shares[level] for level in draw.shares]), rows


def _rows_by_weekday(
    levels: Sequence[str],
    weights: WeekdayWeights,
    day: DayDraft,
    rows: NDArray[np.intp],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.intp]]]:
    """Factors of the levels on each weekday, with those of `rows` that have it."""
    if not weights.levels:
        yield np.ones(len(levels)), rows
        return
    alike = [1.0] * len(WEEKDAYS)
    factors = np.array([weights.levels.get(level, alike) for level in levels])
    weekdays = day.weekdays()[rows]
    for n in range(len(WEEKDAYS)):
        yield factors[:, n], rows[weekdays == n]


def _unnamed_shares(name: str, draw: Draw) -> dict[str, float]:
    """Level to its share in groups whose leaf does not name it.

    The level for no organisation is never drawn: a tie settles it.
    """
    named = sum(draw.rest.values())
    others = sum(share for level, share in draw.shares.items() if level not in draw.rest)
    scale = max(0.0, 1.0 - named) / others if others else 0.0
    shares = {level: draw.rest.get(level, scale * share) for level, share in draw.shares.items()}
    return shares | ({NO_ORGANIZATION: 0.0} if name == "ORGANIZATION_TYPE" else {})


def _draw_scores(name: str, weights: WeekdayWeights, day: DayDraft, others: NDArray[np.intp]) -> NDArray[np.float64]:
    """Normal scores of the rows `others`: the prediction by earlier columns, and a residual."""
    draw = day.statistics.draws[name]
    own = day.streams.normal(name)
    score = np.zeros(day.streams.rows)
    for leaf, rows in rows_by_leaf(draw.residuals, day.draft, day.streams.rows, among=others):
        score[rows] = _residual(own[rows], leaf)
    predicted: NDArray[np.float64] = score[others]
    for earlier, weight in draw.follows.items():
        predicted += weight * day.scores[earlier][others]
    if weights.score:
        predicted += np.asarray(weights.score)[day.weekdays()[others]]
    return predicted


def _residual(own: NDArray[np.float64], leaf: tuple[float, ...]) -> NDArray[np.float64]:
    """Residuals of the group for standard normal scores.

    Linear pieces join the five residuals of the leaf; the outer pieces go on beyond them.
    """
    at = np.array([-_FARTHEST_SCORE, *_RESIDUAL_SCORES, _FARTHEST_SCORE])
    below = leaf[0] + (leaf[1] - leaf[0]) / (at[2] - at[1]) * (at[0] - at[1])
    above = leaf[-1] + (leaf[-1] - leaf[-2]) / (at[-2] - at[-3]) * (at[-1] - at[-2])
    return np.interp(own, at, np.array([below, *leaf, above]))


def _number_at(score: NDArray[np.float64], draw: Draw) -> NDArray[np.float64]:
    """Numbers at normal scores.

    Between the points of the curve they are interpolated by score, so that the tails thin out.
    """
    shares, numbers = zip(*draw.curve, strict=True)
    return np.interp(score, ndtri(shares), numbers)


def score_at(quantity: NDArray[np.float64], draw: Draw) -> NDArray[np.float64]:
    """Normal scores of numbers, popular ones included; 0 if there is no number."""
    shares, numbers = (np.array(side) for side in zip(*draw.curve, strict=True))
    distinct, places = np.unique(numbers, return_inverse=True)
    scores = np.bincount(places, ndtri(shares)) / np.bincount(places)
    return np.nan_to_num(np.interp(quantity, distinct, scores))


def _values_on_grid(name: str, draw: Draw, draft: UntiedRows) -> NDArray[np.float64]:
    """Values of the column from the quantities drawn for it, on the grid of the feed."""
    values = draft.quantities[name]
    if draw.times:
        column, offsets = draw.times
        base_values = base_of_multiple(draft.columns[column], offsets, draw.least)
        values = _snap(values * base_values, draw.steps)
    elif draw.line:
        column, base, slope = draw.line
        values = _snap(values + base + slope * draft.columns[column], draw.steps)
    else:
        values = _snap(values, draw.steps)
    if name in _BUILDING:
        values = np.round(values, _BUILDING_DECIMALS)
    return values + 0.0  # no negative zeros


def _snap(values: NDArray[np.float64], grid: tuple[float, float] | None) -> NDArray[np.float64]:
    """Values moved to the nearest points of a grid; unchanged if there is no grid."""
    if grid is None:
        return values
    first, step = grid
    on_grid: NDArray[np.float64] = first + np.rint((values - first) / step) * step
    return on_grid


def base_of_multiple(
    values: NDArray[np.float64],
    offsets: tuple[float, ...],
    least: float,
) -> NDArray[np.float64]:
    """Values plus the largest of the ascending offsets that leaves them negative, or the first.

    No result is below `least`.
    """
    moved = values + offsets[0]
    for offset in offsets[1:]:
        moved = np.where(values + offset < 0, values + offset, moved)
    return np.maximum(moved, least)


def _nameless_share(statistics: FeedStatistics) -> float:
    """Share of the revolving loans without goods."""
    revolving = statistics.columns["NAME_CONTRACT_TYPE"].shares[REVOLVING]
    return statistics.columns["AMT_GOODS_PRICE"].missing_share / revolving


def _as_arrow(draft: UntiedRows, name: str) -> pa.Array:
    values = draft.columns[name]
    if name not in draft.levels:
        return pa.array(values, TYPED_SCHEMA.field(name).type, from_pandas=True)
    codes = pa.array(values, mask=values < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(draft.levels[name])).cast(pa.string())
