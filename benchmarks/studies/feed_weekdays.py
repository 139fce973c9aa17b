"""Fit of the differences between weekdays, as `WeekdayWeights` defines them.

A table says how often values and levels come on each weekday. The columns are drawn one after
another, as the feed does it. If the table differs from what the draw gives by itself, the column
gets weights. So a difference that follows from an earlier column is not counted twice. Weights keep
the shares over all weekdays: the odds ratios of the table, with the margins of the draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import chi2

from benchmarks.studies.feed_fit import LEVEL_ROWS, short, spelled_number
from tasks.core.feed.statistics import EVERY_DAY_ALIKE, OTHER, FeedStatistics, WeekdayWeights
from tasks.core.feed.synthetic import DayDraft, level_shares, missing_shares
from tasks.core.feed.ties import ABSENT, NO_ORGANIZATION
from tasks.core.lender.columns import NAMES, TEXTS, WEEKDAY, WEEKDAYS
from tasks.errors import ConfigError

ROWS: Final = "rows"
_MISSING: Final = "missing share"
_LEVEL: Final = "share of rows"
_QUANTILE: Final = "quantile"
_ALL: Final = "all"
_QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
# A difference counts if chance makes one so large in 1 of 10,000 columns; about 100 are tested.
_CHANCE: Final = 1e-4
# Numbers whose normal scores move by less on every weekday are drawn alike.
_LEAST_SCORE: Final = 0.1
# Applications drawn for each one of the table, and most of them: more are slow, not better.
_DRAWN_PER_ROW: Final = 3
_MOST_DRAWN: Final = 300_000
_DAY: Final = date(2026, 10, 2)
_ROUNDS: Final = 60
# Weights beyond this stand for what no draw can reach.
_LARGEST: Final = 20.0
# Every region has nearly one rating. So the region must bring the difference of the ratings.
_RATING: Final = "REGION_RATING_CLIENT"
_REGION: Final = "REGION_POPULATION_RELATIVE"
# Weights of a level that lie nearer to 1 than this on all weekdays are left out.
_LEAST_WEIGHT: Final = 0.03
_DIGITS: Final = 3
_SCALE_DECIMALS: Final = 6

Counts = NDArray[np.float64]
"""Rows of each weekday (first axis) by kind of value (second axis)."""


def weekday_table(frame: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Table of real rows: shares of all rows, missing ones included, and quantiles, by weekday.

    Args:
        frame: real applications.
        columns: described columns of the statistics; numbers with shares are counted by level.
    """
    weekday = frame[WEEKDAY]
    n_rows = weekday.value_counts().reindex(WEEKDAYS, fill_value=0)
    parts = [pd.DataFrame({ROWS: n_rows}).T.assign(column=ROWS, what="count", key="")]
    for name in NAMES[1:]:
        values = frame[name]
        described = {}
        if name == WEEKDAY:
            continue
        if values.isna().any():
            lacking = pd.Series("", values.index)[values.isna()]
            described[_MISSING] = pd.crosstab(lacking, weekday) / n_rows
        if "shares" in columns[name]:
            spelled = values.dropna() if name in TEXTS else values.dropna().map(spelled_number)
            described[_LEVEL] = pd.crosstab(spelled, weekday) / n_rows
        else:
            quantiles = {day: part.quantile(list(_QUANTILES)) for day, part in values.groupby(weekday)}
            described[_QUANTILE] = pd.DataFrame({**quantiles, _ALL: values.quantile(list(_QUANTILES))})
        parts += [
            part.assign(column=name, what=what, key=part.index.astype(str))
            for what, part in described.items()
        ]  # fmt: skip
    return pd.concat(parts).reindex(columns=["column", "what", "key", *WEEKDAYS, _ALL]).fillna(0.0)


def read_weekdays(path: Path) -> pd.DataFrame:
    """Table that somebody else made of real rows, in the shape of `weekday_table`.

    Raises:
        ConfigError: columns are missing.
    """
    table = pd.read_csv(path, dtype={"key": str}, keep_default_na=False)
    if missing := {"column", "what", "key", *WEEKDAYS, _ALL} - set(table.columns):
        names = ", ".join(sorted(missing))
        raise ConfigError(f"{path.name} has no {names}; it must be a table by weekday.")
    return table


def rows_of(table: pd.DataFrame) -> Counts:
    """Number of rows of each weekday in a table."""
    counts: Counts = table.loc[table.column == ROWS, list(WEEKDAYS)].to_numpy(np.float64)[0]
    return counts


def fit_weekdays(statistics: FeedStatistics, table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Weights of every column that differs by weekday, as `FeedStatistics.from_json` reads them.

    There are none if a weekday has too few rows.
    """
    n_rows = rows_of(table)
    if n_rows.min() < LEVEL_ROWS:
        return {}
    fit = _WeekdayFit(
        table,
        n_rows,
        DayDraft.begin(
            statistics,
            rows=min(_MOST_DRAWN, _DRAWN_PER_ROW * int(n_rows.sum())),
            seed=0,
            as_of=_DAY,
            history=True,
        ),
    )
    found = {name: fit.weights(name) for name in statistics.draws}
    return {name: entry for name, entry in found.items() if entry}


@dataclass(frozen=True, slots=True)
class _WeekdayFit:
    """Table, and the applications drawn so far with the weights found so far."""

    table: pd.DataFrame
    n_rows: Counts
    """Real rows by weekday."""
    day: DayDraft

    def weights(self, name: str) -> dict[str, Any]:
        """Weights of `name`; empty if its weekdays do not differ. Draws the column with them."""
        entry: dict[str, Any] = {}
        if name != WEEKDAY:
            entry |= self._missing(name)
            entry |= self._levels(name, WeekdayWeights(**entry))
        self.day.draw(name, WeekdayWeights(**entry))
        moved = self._score(name) | self._regions(name)
        if moved:
            entry |= moved
            self.day.draw(name, WeekdayWeights(**entry))
        return entry

    def _lines(self, name: str, what: str) -> pd.DataFrame:
        chosen = (self.table.column == name) & (self.table.what == what)
        lines: pd.DataFrame = self.table[chosen].set_index("key")[[*WEEKDAYS, _ALL]]
        return lines

    def _missing_rows(self, name: str) -> Counts:
        lines = self._lines(name, _MISSING)[list(WEEKDAYS)].to_numpy(np.float64)
        return np.rint(lines.sum(axis=0) * self.n_rows)

    def _chance_of_missing(self, name: str, weights: WeekdayWeights) -> NDArray[np.float64]:
        share = missing_shares(name, weights, self.day)
        chance = np.zeros(self.day.streams.rows) if share is None else share
        return np.where(ABSENT[name](self.day.draft), 1.0, chance) if name in ABSENT else chance

    def _by_weekday(self, weights: NDArray[np.float64]) -> Counts:
        return np.bincount(self.day.weekdays(), weights, len(WEEKDAYS)).astype(np.float64)

    def _missing(self, name: str) -> dict[str, Any]:
        real = self._missing_rows(name)
        if real.sum() < LEVEL_ROWS or missing_shares(name, EVERY_DAY_ALIKE, self.day) is None:
            return {}
        real = pooled(real, self.n_rows)
        chance = self._chance_of_missing(name, EVERY_DAY_ALIKE)
        drawn = self._by_weekday(chance)
        n_drawn = self._by_weekday(np.ones(chance.size))
        by_chance = chance_share(np.column_stack([chance, 1.0 - chance]), np.ones(chance.size))
        real_counts = np.column_stack([real, self.n_rows - real])
        drawn_counts = np.column_stack([drawn, n_drawn - drawn])
        if not differs(real_counts, drawn_counts, by_chance=by_chance):
            return {}
        wanted = with_margins(real_counts, drawn_counts)[:, 0]
        factors = np.ones(len(WEEKDAYS))
        for _ in range(_ROUNDS):
            weights = WeekdayWeights(missing=tuple(factors))
            drawn = self._by_weekday(self._chance_of_missing(name, weights))
            factors *= wanted / (n_drawn - wanted) / (drawn / (n_drawn - drawn))
            factors = np.clip(factors, 1.0 / _LARGEST, _LARGEST)
        return {"missing": _rounded(factors)}

    def _levels(self, name: str, weights: WeekdayWeights) -> dict[str, Any]:
        levels = list(self.day.statistics.draws[name].shares)
        listed = self._listed_levels(name, levels)
        quantiles = self._lines(name, _QUANTILE)
        is_estimated = not quantiles.empty and _are_whole(levels)
        if len(levels) == 1 or (listed is None and not is_estimated):
            return {}
        shares, rows = self._groups(name, weights)
        if listed is None:
            kinds, real = _moved_kinds(levels, rows @ shares, quantiles, self.n_rows)
        else:
            kinds, real = _common_kinds(listed, rows @ shares)
        if real.shape[1] <= 1:
            return {}
        by_chance = chance_share(shares @ kinds, rows.sum(axis=0))
        if not differs(real, rows @ shares @ kinds, by_chance=by_chance):
            return {}
        factors = _fit_factors(real, kinds, shares, rows)
        of_levels = factors[:, kinds.argmax(axis=1)].T
        found = {
            level: _rounded(each)
            for level, each in zip(levels, of_levels, strict=True)
            if np.abs(each - 1.0).max() >= _LEAST_WEIGHT
        }
        return {"levels": found} if found else {}

    def _groups(self, name: str, weights: WeekdayWeights) -> tuple[Counts, Counts]:
        """Shares of the levels in each group, and present rows by weekday and group."""
        present = 1.0 - self._chance_of_missing(name, weights)
        weekdays = self.day.weekdays()
        groups = list(level_shares(name, self.day))
        shares = np.array([share / share.sum() for share, _ in groups])
        rows = [np.bincount(weekdays[at], present[at], len(WEEKDAYS)) for _, at in groups]
        return shares, np.array(rows, dtype=np.float64).T

    def _listed_levels(self, name: str, levels: Sequence[str]) -> Counts | None:
        """Real rows by weekday and level, other levels in a last column; None if none is listed."""
        listed = self._lines(name, _LEVEL)[list(WEEKDAYS)]
        if listed.empty:
            return None
        keys = listed.index.astype(str)
        if name not in TEXTS:
            keys = keys.map(lambda key: spelled_number(float(key)))
        counts = np.rint(listed.to_numpy(np.float64) * self.n_rows).T
        by_level = pd.DataFrame(counts, columns=keys).reindex(columns=list(levels), fill_value=0.0)
        absent = self._missing_rows(name)
        if NO_ORGANIZATION in by_level and name == "ORGANIZATION_TYPE":
            absent = absent + by_level[NO_ORGANIZATION].to_numpy()
            by_level[NO_ORGANIZATION] = 0.0
        others = self.n_rows - absent - by_level.sum(axis=1).to_numpy()
        return np.column_stack([by_level.to_numpy(), np.maximum(others, 0.0)])

    def _score(self, name: str) -> dict[str, Any]:
        """Summands of normal scores: the median of what quartiles and median moved by.

        A single quantile of few values jumps by chance. Popular numbers have no summands.
        """
        draw = self.day.statistics.draws[name]
        quantiles = self._lines(name, _QUANTILE)
        if quantiles.empty or list(draw.shares) != [OTHER] or draw.times or draw.line:
            return {}
        normal: NDArray[np.float64] = np.asarray(ndtri(quantiles.index.to_numpy(np.float64)))
        moved = [
            np.median((np.interp(quantiles[day].to_numpy(), quantiles[_ALL], normal) - normal)[1:-1])
            for day in WEEKDAYS
        ]  # fmt: skip
        present = (~self.day.draft.lacks(name)).astype(np.float64)
        counts = self._by_weekday(present)
        drawn = self._by_weekday(self.day.scores[name] * present) / counts
        lacking = np.array(moved) - drawn
        lacking -= np.average(lacking, weights=counts)
        if np.abs(lacking).max() < _LEAST_SCORE:
            return {}
        return {"score": _rounded(lacking)}

    def _regions(self, name: str) -> dict[str, Any]:
        """Weights of the regions, by which their ratings come as often as they should."""
        if name != _REGION or OTHER in self.day.statistics.draws[_REGION].shares:
            return {}
        ratings = list(self.day.statistics.draws[_RATING].shares)
        shares, rows = self._groups(_RATING, EVERY_DAY_ALIKE)
        drawn = rows @ shares
        real = self._listed_levels(_RATING, ratings)
        if real is None or real[:, :-1].min() < LEVEL_ROWS or not differs(real[:, :-1], drawn):
            return {}
        wanted = with_margins(real[:, :-1], drawn)
        ratios = wanted / drawn.sum(axis=0)
        ratios /= ratios[:, [int(np.argmax(drawn.sum(axis=0)))]]
        regions, places = np.unique(self.day.draft.columns[_REGION], return_inverse=True)
        by_region = np.zeros((len(regions), len(ratings)))
        for share, at in level_shares(_RATING, self.day):
            by_region += np.outer(np.bincount(places[at], minlength=len(regions)), share)
        by_region /= by_region.sum(axis=1, keepdims=True)
        spelled = {float(level): level for level in self.day.statistics.draws[_REGION].shares}
        levels = {
            spelled[region]: _rounded(factors)
            for region, factors in zip(regions.tolist(), by_region @ ratios.T, strict=True)
            if np.abs(factors - 1.0).max() >= _LEAST_WEIGHT
        }
        return {"levels": levels}


def _common_kinds(real: Counts, drawn: Counts) -> tuple[Counts, Counts]:
    """Kinds of levels (level by kind), and real rows by weekday and kind.

    A level is a kind of its own if it has enough rows on each weekday. The others are the first
    kind together; if they are too few, the most frequent level comes first.

    Args:
        real: weekday by level, with unlisted levels in a last column.
        drawn: weekday by level.
    """
    named = (real[:, :-1].min(axis=0) >= LEVEL_ROWS) & (drawn.min(axis=0) >= LEVEL_ROWS)
    places = np.flatnonzero(named)
    places = places[np.argsort(-real[:, places].sum(axis=0), kind="stable")]
    kinds = np.eye(named.size)[:, places]
    counts = real[:, places]
    others = np.where(named, 0.0, 1.0)
    real_others = real @ np.append(others, 1.0)
    if real_others.min() < LEVEL_ROWS or (drawn @ others).min() < LEVEL_ROWS:
        return kinds, counts
    return np.column_stack([others, kinds]), np.column_stack([real_others, counts])


def _moved_kinds(
    levels: Sequence[str], drawn: Counts, quantiles: pd.DataFrame, n_rows: Counts
) -> tuple[Counts, Counts]:
    """Kinds of levels, and real rows by weekday and kind, estimated from quantiles.

    Levels whose shares are scaled alike on every weekday are one kind; the largest comes first.
    """
    numbers = np.array(levels, dtype=np.float64)
    shares = drawn.sum(axis=0) / drawn.sum()
    fitted = np.array([least_change(numbers, shares, quantiles[day]) for day in WEEKDAYS])
    scales = np.round(fitted / np.maximum(shares, 1e-12), _SCALE_DECIMALS)
    distinct, kind_of = np.unique(scales, axis=1, return_inverse=True)
    kinds = np.eye(distinct.shape[1])[kind_of.ravel()]
    kinds = kinds[:, shares @ kinds > 0.0]
    kinds = kinds[:, np.argsort(-(shares @ kinds), kind="stable")]
    return kinds, fitted @ kinds * n_rows[:, None]


def _fit_factors(real: Counts, kinds: Counts, shares: Counts, rows: Counts) -> Counts:
    """Factors by weekday and kind of level, 1 for the first kind; `kinds` is level by kind."""
    wanted = with_margins(real, rows @ shares @ kinds)
    factors = np.ones(wanted.shape)
    unnamed = 1.0 - kinds.sum(axis=1)
    for _ in range(_ROUNDS):
        for n, of_level in enumerate(factors @ kinds.T + unnamed):
            weighed = shares * of_level
            weighed /= weighed.sum(axis=1, keepdims=True)
            factors[n] *= wanted[n] / (rows[n] @ weighed @ kinds)
        factors = np.clip(factors / factors[:, :1], 1.0 / _LARGEST, _LARGEST)
    return factors


def with_margins(counts: Counts, like: Counts) -> Counts:
    """Counts with the margins of `like` and their own odds ratios.

    Iterative proportional fitting (Deming and Stephan, 1940). No count may be 0.
    """
    fitted = counts.astype(np.float64)
    for _ in range(_ROUNDS):
        fitted *= (like.sum(axis=1) / fitted.sum(axis=1))[:, None]
        fitted *= like.sum(axis=0) / fitted.sum(axis=0)
    return fitted


def differs(real: Counts, drawn: Counts, *, by_chance: float = 1.0) -> bool:
    """True if weekdays differ otherwise in the real rows than in the drawn ones.

    Pearson's chi-square of the real rows. The drawn rows give the expected odds ratios; they vary
    by chance as well, which makes the statistic larger. A kind of value without rows on some
    weekday cannot be compared.

    Args:
        real: real rows by weekday and kind.
        drawn: expected drawn rows by weekday and kind.
        by_chance: variance of the expectations of single drawn rows, as a share of the variance of
            drawn values; see `chance_share`.
    """
    if min(real.min(), drawn.min()) <= 0.0:
        return False
    expected = with_margins(drawn, real)
    statistic = float(((real - expected) ** 2 / expected).sum())
    statistic /= 1.0 + by_chance * float(real.sum() / drawn.sum())
    n_weekdays, n_kinds = real.shape
    return bool(chi2.sf(statistic, (n_weekdays - 1) * (n_kinds - 1)) < _CHANCE)


def chance_share(expected: Counts, rows: NDArray[np.float64]) -> float:
    """Variance of expectations as a share of the variance of values: 1 if all is certain, 0 to 1.

    Args:
        expected: group by kind, shares that sum to 1 or less in each group.
        rows: rows of each group.
    """
    mean = rows @ expected / rows.sum()
    between = rows @ (expected - mean) ** 2 / rows.sum()
    whole = float((mean * (1.0 - mean)).sum())
    return float(between.sum()) / whole if whole else 1.0


def least_change(
    numbers: NDArray[np.float64], shares: NDArray[np.float64], quantiles: pd.Series
) -> NDArray[np.float64]:  # fmt: skip
    """Shares of whole numbers that have the quantiles and differ least from `shares`.

    A quantile bounds the shares below and up to its number. Where a bound is broken, the numbers on
    either side of it are scaled to meet it: the least change in the sense of Kullback and Leibler
    (Csiszar, I-divergence geometry of probability distributions, 1975). The bound that is broken
    most comes first.
    """
    changed = shares.copy()
    bounds = [
        (chosen, share, sign)
        for share, number in zip(quantiles.index.astype(np.float64), quantiles, strict=True)
        for chosen, sign in ((numbers <= number, 1.0), (numbers < number, -1.0))
    ]
    for _ in range(_ROUNDS):
        broken_by = [sign * (share - changed[chosen].sum()) for chosen, share, sign in bounds]
        worst = int(np.argmax(broken_by))
        if broken_by[worst] <= 0.0:
            break
        chosen, share, _ = bounds[worst]
        _scale(changed, chosen, share)
    return changed


def _scale(shares: NDArray[np.float64], chosen: NDArray[np.bool_], wanted: float) -> None:
    """Scale the chosen shares, and the others, so that the chosen ones sum to `wanted`."""
    mass = float(shares[chosen].sum())
    if 0.0 < mass < 1.0:
        shares[chosen] *= wanted / mass
        shares[~chosen] *= (1.0 - wanted) / (1.0 - mass)


def pooled(counts: Counts, n_rows: Counts) -> Counts:
    """Counts by weekday; the weekdays of the smallest share one rate if one has too few rows."""
    if counts.min() >= LEVEL_ROWS:
        return counts
    order = np.argsort(counts, kind="stable")
    enough = int(np.argmax(np.cumsum(counts[order]) >= LEVEL_ROWS))
    small = order[: max(enough, 1) + 1]
    shared = counts.copy()
    shared[small] = n_rows[small] * counts[small].sum() / n_rows[small].sum()
    return shared


def _are_whole(levels: Sequence[str]) -> bool:
    """True if all levels are whole numbers; `OTHER` is none."""
    return all(level.lstrip("-").isdigit() for level in levels)


def _rounded(numbers: NDArray[np.float64]) -> list[float]:
    return [short(float(number), _DIGITS, decimals=_DIGITS) for number in numbers]
