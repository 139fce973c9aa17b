"""Synthetic applications: a believable day of the feed, and its outcome.

Columns are drawn one after another, each by its `Draw`: the row falls into one of the groups of a small tree, the group
says how often the value is missing, and with which shares the levels come. For numbers the draw is one of normal
scores: a weighted sum of the scores of earlier columns and a residual that the group distributes; the column's curve
turns the score into a value. Then the ties put right what must hold on every row.

Every column draws from random streams of its own, and a row uses only its own draws. So a column added at the end
alters no other, and the first rows of a day are the same whatever number of rows is asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from tasks.core.feed.outcome import NOISE, default_logit
from tasks.core.feed.statistics import OTHER, RESIDUAL_SHARES, Draw, FeedSplit, FeedStatistics, FeedTree, levels_of
from tasks.core.feed.ties import ABSENT, FIRST_FORM, NO_ORGANIZATION, OTHER_FORMS, REVOLVING, UnsettledRows, tie
from tasks.core.lender.columns import ID, NAMES, TARGET, TEXTS, TYPED_SCHEMA
from tasks.errors import ConfigError

__all__ = ["FeedStatistics", "base_of_multiple", "random_stream", "score_at", "synthesize_applications"]


def synthesize_applications(
    statistics: FeedStatistics, *, rows: int, seed: int, as_of: date, with_target: bool = False
) -> pa.Table:
    """`rows` applications of day `as_of` in `TYPED_SCHEMA`; with `with_target` an int64 TARGET (1 = default) second.

    The same `seed` and `as_of` give the same rows, with or without TARGET, and the first rows of a longer day. Ids come
    once within any 1,073 successive days of one seed, and within 5,365 where no day has more than 400,000 rows.

    Raises:
        ConfigError: `rows` is not in 0 to 2,000,000, or `seed` is negative.
    """
    if not 0 <= rows <= _IDS_A_DAY:
        raise ConfigError(f"rows is {rows}; a synthetic day holds 0 to {_IDS_A_DAY:,} applications.")
    streams = _Streams(seed, as_of, rows)
    draft = _draw_all(statistics, streams)
    tie(draft, nameless=streams.uniform("record of AMT_GOODS_PRICE") < _nameless_share(statistics))
    draft.columns[ID] = _ids(as_of, rows)
    table = pa.Table.from_arrays([_as_arrow(draft, name) for name in NAMES], schema=TYPED_SCHEMA)
    if not with_target:
        return table
    logit = default_logit(draft, statistics) + NOISE * streams.normal("outcome noise")
    defaulted = streams.uniform("outcome") < expit(logit)
    return table.add_column(1, TARGET, pa.array(defaulted.astype(np.int64)))


# 1,073 days of 2,000,000 ids fill the positive 32-bit integers, which some readers still keep ids in.
_IDS_A_DAY: Final = 2_000_000
_DAYS_OF_IDS: Final = 1_073
# Days that share a range of ids start this far apart in it, so that only very large ones can meet.
_IDS_APART: Final = 400_000
# Prime to `_IDS_A_DAY`, so multiplying scatters the ids of a day over its range without any coming twice.
_ID_STRIDE: Final = 1_236_077


def _ids(as_of: date, rows: int) -> NDArray[np.int64]:
    cycle, slot = divmod(as_of.toordinal(), _DAYS_OF_IDS)
    positions = np.arange(rows, dtype=np.int64) + cycle * _IDS_APART
    ids: NDArray[np.int64] = 1 + slot * _IDS_A_DAY + positions * _ID_STRIDE % _IDS_A_DAY
    return ids


@dataclass(frozen=True, slots=True)
class _Streams:
    """One random stream per name; the first n numbers of a stream do not depend on how many are drawn."""

    seed: int
    as_of: date
    rows: int

    def normal(self, name: str) -> NDArray[np.float64]:
        return random_stream(self.seed, self.as_of, name).standard_normal(self.rows)

    def uniform(self, name: str) -> NDArray[np.float64]:
        return random_stream(self.seed, self.as_of, name).random(self.rows)


def random_stream(seed: int, as_of: date, name: str) -> np.random.Generator:
    """A random generator for one purpose of one day. Raises `ConfigError` for a seed below 0."""
    if seed < 0:
        raise ConfigError(f"seed is {seed}; a seed is a whole number from 0 up.")
    return np.random.default_rng(np.random.SeedSequence([seed, as_of.toordinal(), zlib.crc32(name.encode())]))


_NO_CODE: Final = -1
# Building figures are shares in four decimals.
_BUILDING: Final = frozenset(name for name in NAMES if name.endswith((FIRST_FORM, *OTHER_FORMS)) and name not in TEXTS)
_BUILDING_DECIMALS: Final = 4
# Normal scores of the residuals' shares, and how far beyond them the outer pieces go on.
_RESIDUAL_SCORES: Final = ndtri(RESIDUAL_SHARES)
_FARTHEST_SCORE: Final = 6.0


@dataclass(frozen=True, slots=True)
class _Day:
    """A day while it is drawn."""

    statistics: FeedStatistics
    streams: _Streams
    draft: UnsettledRows
    scores: dict[str, NDArray[np.float64]]
    """Normal scores of the numbers drawn so far, 0 where one is missing."""


def _draw_all(statistics: FeedStatistics, streams: _Streams) -> UnsettledRows:
    levels = {name: tuple(statistics.columns[name].shares) for name in TEXTS}
    day = _Day(statistics, streams, UnsettledRows(levels, {}, {}), {})
    for name, draw in statistics.draws.items():
        gone, codes = _missing_rows(name, draw, day), _draw_codes(name, draw, day)
        if name in TEXTS:
            codes[gone] = _NO_CODE
            day.draft.quantities[name] = day.draft.columns[name] = codes.astype(np.int16)
        else:
            _draw_numbers(name, draw, day, codes=codes, gone=gone)
    return day.draft


def _draw_numbers(name: str, draw: Draw, day: _Day, *, codes: NDArray[np.intp], gone: NDArray[np.bool_]) -> None:
    """Turn the drawn levels of a column into numbers; those that are no popular one come by their score."""
    numbers = np.array([np.nan if level == OTHER else float(level) for level in draw.shares])
    quantity = numbers[codes]
    others = np.flatnonzero(np.isnan(quantity) & ~gone)
    if draw.curve:
        quantity[others] = _number_at(_draw_scores(name, draw, day, others), draw)
    quantity[gone] = np.nan
    quantity = expit(_snap(logit(quantity), draw.grid)) if draw.log_odds else _snap(quantity, draw.grid)
    if draw.curve:
        day.scores[name] = score_at(quantity, draw)
    known = day.statistics.columns[name].quantiles
    day.draft.quantities[name] = quantity
    day.draft.columns[name] = np.clip(_settled(name, draw, day.draft), known["min"], known["max"])


def _missing_rows(name: str, draw: Draw, day: _Day) -> NDArray[np.bool_]:
    n_rows, absent = day.streams.rows, ABSENT.get(name)
    gone = absent(day.draft) if absent else np.zeros(n_rows, dtype=bool)
    if draw.missing is not None:
        share = np.zeros(n_rows)
        for leaf, rows in rows_by_leaf(draw.missing, day.draft, n_rows):
            share[rows] = leaf
        return gone | (day.streams.uniform(f"record of {name}") < share)
    whole = 0.0 if absent else day.statistics.columns[name].missing_share
    return gone | (day.streams.uniform(f"record of {name}") < whole) if whole else gone


def rows_by_leaf(
    tree: FeedTree, draft: UnsettledRows, n_rows: int, *, among: NDArray[np.intp] | None = None
) -> Iterator[tuple[Any, NDArray[np.intp]]]:
    """Every leaf with the ascending positions of the rows that fall into it; leaves without rows left out."""
    pending: list[tuple[FeedTree, NDArray[np.intp]]] = [(tree, np.arange(n_rows) if among is None else among)]
    while pending:
        node, rows = pending.pop()
        if not isinstance(node, FeedSplit):
            if rows.size:
                yield node, rows
            continue
        first = _in_first(node, draft, rows)
        pending += [(node.second, rows[~first]), (node.first, rows[first])]


def _in_first(split: FeedSplit, draft: UnsettledRows, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    quantities = draft.quantities[split.column][rows]
    if split.at is None:
        return quantities < 0 if split.column in draft.levels else np.isnan(quantities)
    if isinstance(split.at, str):
        return quantities == draft.levels[split.column].index(split.at)
    return quantities <= split.at


def _draw_codes(name: str, draw: Draw, day: _Day) -> NDArray[np.intp]:
    """Each row's level, as its place in `draw.shares`; what is too rare for any group comes as in the whole feed."""
    codes = np.zeros(day.streams.rows, dtype=np.intp)
    if len(draw.shares) == 1:
        return codes
    own = day.streams.uniform(f"level of {name}")
    told = levels_of(draw.levels) | set(draw.rest) | {NO_ORGANIZATION}
    rare = {level: share for level, share in draw.shares.items() if level not in told}
    unnamed = _unnamed_shares(name, draw)
    for leaf, rows in rows_by_leaf(draw.levels, day.draft, day.streams.rows):
        named = rare | leaf
        total = sum(share for level, share in unnamed.items() if level not in named)
        scale = max(0.0, 1.0 - sum(named.values())) / total if total else 0.0
        cumulated = np.cumsum([named[level] if level in named else scale * unnamed[level] for level in draw.shares])
        codes[rows] = np.searchsorted(cumulated[:-1] / cumulated[-1], own[rows], side="right")
    return codes


def _unnamed_shares(name: str, draw: Draw) -> dict[str, float]:
    """Level to its share where no leaf names it; no organisation is never drawn, but settled by a tie."""
    named = sum(draw.rest.values())
    others = sum(share for level, share in draw.shares.items() if level not in draw.rest)
    scale = max(0.0, 1.0 - named) / others if others else 0.0
    shares = {level: draw.rest.get(level, scale * share) for level, share in draw.shares.items()}
    return shares | ({NO_ORGANIZATION: 0.0} if name == "ORGANIZATION_TYPE" else {})


def _draw_scores(name: str, draw: Draw, day: _Day, others: NDArray[np.intp]) -> NDArray[np.float64]:
    """Normal scores of the rows `others`: what earlier columns foretell, and a residual."""
    own = day.streams.normal(name)
    score = np.zeros(day.streams.rows)
    for leaf, rows in rows_by_leaf(draw.residuals, day.draft, day.streams.rows, among=others):
        score[rows] = _residual(own[rows], leaf)
    foretold: NDArray[np.float64] = score[others]
    for earlier, weight in draw.follows.items():
        foretold += weight * day.scores[earlier][others]
    return foretold


def _residual(own: NDArray[np.float64], leaf: tuple[float, ...]) -> NDArray[np.float64]:
    """A standard normal score as the group spreads it: pieces between the leaf's five residuals, the outer ones on."""
    at = np.array([-_FARTHEST_SCORE, *_RESIDUAL_SCORES, _FARTHEST_SCORE])
    below = leaf[0] + (leaf[1] - leaf[0]) / (at[2] - at[1]) * (at[0] - at[1])
    above = leaf[-1] + (leaf[-1] - leaf[-2]) / (at[-2] - at[-3]) * (at[-1] - at[-2])
    return np.interp(own, at, np.array([below, *leaf, above]))


def _number_at(score: NDArray[np.float64], draw: Draw) -> NDArray[np.float64]:
    """The numbers at normal scores; between the curve's points they go by score, so that the tails thin out."""
    shares, numbers = zip(*draw.curve, strict=True)
    return np.interp(score, ndtri(shares), numbers)


def score_at(quantity: NDArray[np.float64], draw: Draw) -> NDArray[np.float64]:
    """The normal scores of numbers, popular ones included; 0 where there is none."""
    shares, numbers = (np.array(side) for side in zip(*draw.curve, strict=True))
    distinct, places = np.unique(numbers, return_inverse=True)
    scores = np.bincount(places, ndtri(shares)) / np.bincount(places)
    return np.nan_to_num(np.interp(quantity, distinct, scores))


def _settled(name: str, draw: Draw, draft: UnsettledRows) -> NDArray[np.float64]:
    """The column's values from the quantities drawn for it, on the grid that the feed keeps to."""
    values = draft.quantities[name]
    if draw.times:
        values = _snap(values * base_of_multiple(draft.columns[draw.times[0]], draw.times[1], draw.least), draw.steps)
    elif draw.line:
        column, base, slope = draw.line
        values = _snap(values + base + slope * draft.columns[column], draw.steps)
    else:
        values = _snap(values, draw.steps)
    if name in _BUILDING:
        values = np.round(values, _BUILDING_DECIMALS)
    return values + 0.0  # no negative zeros


def _snap(values: NDArray[np.float64], grid: tuple[float, float] | None) -> NDArray[np.float64]:
    """The values on the nearest points of a grid."""
    if grid is None:
        return values
    first, step = grid
    on_grid: NDArray[np.float64] = first + np.rint((values - first) / step) * step
    return on_grid


def base_of_multiple(values: NDArray[np.float64], offsets: tuple[float, ...], least: float) -> NDArray[np.float64]:
    """The values moved by the largest of the ascending offsets that leaves them negative, or by the first."""
    moved = values + offsets[0]
    for offset in offsets[1:]:
        moved = np.where(values + offset < 0, values + offset, moved)
    return np.maximum(moved, least)


def _nameless_share(statistics: FeedStatistics) -> float:
    """Share of the revolving loans without goods."""
    revolving = statistics.columns["NAME_CONTRACT_TYPE"].shares[REVOLVING]
    return statistics.columns["AMT_GOODS_PRICE"].missing_share / revolving


def _as_arrow(draft: UnsettledRows, name: str) -> pa.Array:
    values = draft.columns[name]
    if name not in draft.levels:
        return pa.array(values, TYPED_SCHEMA.field(name).type, from_pandas=True)
    codes = pa.array(values, mask=values < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(draft.levels[name])).cast(pa.string())
