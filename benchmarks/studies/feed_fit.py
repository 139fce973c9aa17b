"""Fit of each column of a real file to the columns drawn before it.

The result is trees, curves and grids, as `Draw` defines them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri
from sklearn.tree import DecisionTreeRegressor

from tasks.core.feed.statistics import OTHER, RESIDUAL_SHARES, Draw
from tasks.core.feed.synthetic import base_of_multiple, score_at
from tasks.core.feed.ties import ABSENT, FIRST_FORM, NO_ORGANIZATION, OTHER_FORMS, SETTLED, UntiedRows, first_form_of
from tasks.core.lender.columns import COLUMNS, ID, NAMES, TEXTS, WEEKDAY

# Rows behind every published figure.
LEVEL_ROWS: Final = 20
_POINT_ROWS: Final = 40
_GROUP_ROWS: Final = 60
# The same as shares of the rows at hand, so that the statistics of a file of 300,000 rows are no
# longer than those of one of 6,000.
_LEVEL_SHARE: Final = 0.003
_POINT_SHARE: Final = 0.012
_GROUP_SHARE: Final = 0.01
# Most groups of a tree, and the share of the whole impurity that a split must take away.
_GROUPS: Final = {"missing": 20, "levels": 16, "residuals": 10, "forms": 8}
_GAIN: Final = {"missing": 0.0015, "levels": 0.001, "residuals": 0.004, "forms": 0.002}
_ROUNDS: Final = 30
# Fewer rows than these off the popular numbers are not worth a curve.
_CURVE_ROWS: Final = 60
# A number follows at most so many others; each must explain so much more of the variance of its
# normal score.
_MOST_FOLLOWED: Final = 6
_EXPLAINED: Final = 0.004
# Stands for a missing number in a tree; larger than any real one.
_MISSING: Final = 1e12

# Drawn first, because much follows them; what follows the weekday does so by `WeekdayWeights`. The
# others come in the declared order, the forms of a part after its average.
_FIRST: Final = (
    WEEKDAY, "NAME_CONTRACT_TYPE", "DAYS_BIRTH", "CODE_GENDER", "NAME_INCOME_TYPE",
    "NAME_EDUCATION_TYPE", "AMT_GOODS_PRICE", "AMT_CREDIT", "AMT_ANNUITY",
    "REGION_POPULATION_RELATIVE", "REGION_RATING_CLIENT", "NAME_FAMILY_STATUS",
    "ORGANIZATION_TYPE", "OCCUPATION_TYPE",
)  # fmt: skip
# Nobody in the feed worked before this age, nor has registered or got papers before birth.
_YOUNGEST_WORKER_DAYS: Final = 6_540
# Papers are issued anew at 20 and 45 years.
_PAPERS_DUE_DAYS: Final = (7_305, 16_436)
# All papers are younger than this: they were all exchanged then.
_LEAST_BASES: Final = {"DAYS_ID_PUBLISH": -6_200}
# A ratio beyond this comes of a base near zero.
_LARGEST_RATIO: Final = 3.0
_TIMES: Final[Mapping[str, tuple[str, *tuple[float, ...]]]] = {
    "AMT_CREDIT": ("AMT_GOODS_PRICE", 0),
    "AMT_ANNUITY": ("AMT_CREDIT", 0),
    "DAYS_EMPLOYED": ("DAYS_BIRTH", _YOUNGEST_WORKER_DAYS),
    "DAYS_REGISTRATION": ("DAYS_BIRTH", 0),
    "DAYS_ID_PUBLISH": ("DAYS_BIRTH", *_PAPERS_DUE_DAYS),
}
# Numbers whose popular values lie near others, not apart from them: drawn by score alone.
_BY_SCORE: Final = frozenset(
    {"AMT_INCOME_TOTAL", "AMT_GOODS_PRICE", "YEARS_BEGINEXPLUATATION_AVG", "YEARS_BUILD_AVG"}
)  # fmt: skip
_RATIO_DECIMALS: Final = 5
_DISTANCE_DECIMALS: Final = 4
# Amounts are multiples of these, in the feed's currency. 97 % of incomes and nearly all prices lie
# on theirs. Credit exceeds the price by a multiple of 0.132 % of it in 99.6 % of loans, and the
# log-odds of the third score are evenly spaced: found by trying steps on 6,000 rows.
_STEPS: Final[Mapping[str, float]] = {
    "AMT_INCOME_TOTAL": 4_500, "AMT_CREDIT": 4.5, "AMT_ANNUITY": 4.5, "AMT_GOODS_PRICE": 4_500,
    **{column.name: 1 for column in COLUMNS if column.kind == "integer"},
}  # fmt: skip
_GRIDS: Final[Mapping[str, tuple[float, float]]] = {"AMT_CREDIT": (1, 0.00132)}
_LOG_ODDS_STEP: Final[Mapping[str, float]] = {"EXT_SOURCE_3": 0.00721259}
# Building figures lie on a grid in four decimals: this share of the values, not counting those that
# lie there by chance.
_FINEST_PARTS: Final = 3_000
_ON_GRID: Final = 0.9
# A point is on a line to within its last digit and a half. Two points make a line if they lie so far
# apart.
_ON_LINE: Final = 1.5e-4
_LAST_DIGIT: Final = 1e-6
_APART: Final = 0.05
_LINES_TRIED: Final = 1_000


_LeafMaker = Callable[[NDArray[np.intp]], Any]
"""Function from the positions of a group's rows to the leaf of the group."""


def order() -> list[str]:
    """Columns in the order in which they are drawn."""
    drawn = [name for name in NAMES if name != ID and name not in SETTLED]
    forms = [name for name in drawn if first_form_of(name)]
    others = [name for name in drawn if name not in _FIRST and name not in forms]
    return [*_FIRST, *others, *forms]


@dataclass
class Fit:
    """Real rows as they would be drawn: quantities, normal scores, and the questions of trees."""

    columns: Mapping[str, Mapping[str, Any]]
    sample_rows: int
    draft: UntiedRows
    scores: dict[str, NDArray[np.float64]]
    asked: dict[tuple[str, str | None], NDArray[np.float64]]
    """Column and level (None: the number itself) to the values that a tree sees.

    A missing number is `_MISSING`.
    """

    @classmethod
    def begin(
        cls,
        frame: pd.DataFrame,
        columns: Mapping[str, Mapping[str, Any]],
        sample_rows: int,
    ) -> Fit:
        """Fit of real rows before the first draw, with the described `columns`."""
        levels = {name: tuple(columns[name]["shares"]) for name in TEXTS}
        values: dict[str, NDArray[Any]] = {
            name: pd.Categorical(frame[name], categories=levels[name]).codes
            if name in levels
            else frame[name].to_numpy()
            for name in NAMES
        }
        goods = values["AMT_GOODS_PRICE"]
        values["AMT_GOODS_PRICE"] = np.where(np.isnan(goods), values["AMT_CREDIT"], goods)
        return cls(columns, sample_rows, UntiedRows(levels, values, {}), {}, {})

    @property
    def rows(self) -> int:
        """Number of real rows."""
        return len(self.draft.columns[ID])

    def draw(self, name: str) -> dict[str, Any]:
        """Draw of `name` from the columns before it. From now on other columns may follow it."""
        values = self.draft.columns[name].copy()
        absent = ABSENT[name](self.draft) if name in ABSENT else np.zeros(self.rows, dtype=bool)
        lacking = self.draft.lacks(name) & ~absent
        entry: dict[str, Any] = {}
        if lacking.sum() >= LEVEL_ROWS and name != "AMT_GOODS_PRICE":
            entry["missing"] = self._missing(lacking, ~absent)
        present = ~absent & ~lacking
        if name in TEXTS:
            quantity = values
            entry |= self._levels(name, present, values, self.columns[name]["shares"])
        else:
            quantity = self._quantity(name, values, present, entry)
            entry |= self._numbers(name, present, quantity, entry)
        self.draft.quantities[name] = quantity
        self._offer(name, quantity, present)
        return entry

    def _numbers(
        self,
        name: str,
        present: NDArray[np.bool_],
        quantity: NDArray[np.float64],
        entry: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Draw of numbers: popular ones by levels, the others by a curve."""
        column = self.columns[name]
        derived = not {"times", "line"}.isdisjoint(entry)
        if "shares" in column and not derived:
            return self._levels(name, present, quantity, column["shares"])
        found, counts = np.unique(quantity[present], return_counts=True)
        least = max(LEVEL_ROWS, _LEVEL_SHARE * present.sum())
        common = counts >= (np.inf if name in _BY_SCORE else least)
        is_other = present & ~np.isin(quantity, found[common])
        n_present = int(present.sum())
        n_other = int(is_other.sum())
        n_shared = n_present if n_other >= _CURVE_ROWS else n_present - n_other
        shares = {
            spelled_number(short(number, 8)): round(count / n_shared, 4)
            for number, count in zip(found[common].tolist(), counts[common].tolist(), strict=True)
        }
        if n_other < _CURVE_ROWS:
            return {"shares": shares, **self._levels(name, present, quantity, shares)}
        shares = {OTHER: round(n_other / n_present, 4)} | shares
        levels = self._levels(name, present, np.where(is_other, np.nan, quantity), shares)
        curve = list(_points(quantity[is_other], column, self.sample_rows, derived=derived))
        draw = Draw(curve=tuple((share, number) for share, number in curve))
        self.scores[name] = score_at(np.where(present, quantity, np.nan), draw)
        residuals = self._residuals(name, quantity[is_other], is_other)
        return {"shares": shares, **levels, "curve": curve, **residuals}

    def _quantity(
        self,
        name: str,
        values: NDArray[np.float64],
        present: NDArray[np.bool_],
        entry: dict[str, Any],
    ) -> NDArray[np.float64]:
        if step := _STEPS.get(name):
            entry["steps"] = [0, step]
        if name in _TIMES:
            column, *offsets = entry["times"] = list(_TIMES[name])
            if name in _LEAST_BASES:
                entry["least"] = _LEAST_BASES[name]
            least = entry.get("least", -np.inf)
            base = base_of_multiple(self.draft.columns[column], tuple(offsets), least)
            ratio = np.minimum(values / base, _LARGEST_RATIO)
            return _to_grid(ratio, name, entry) if name in _GRIDS else _centred(ratio)
        is_building = name.endswith((FIRST_FORM, *OTHER_FORMS))
        if is_building and (steps := steps_of(values[present])):
            entry["steps"] = list(steps)
        if first := first_form_of(name):
            averages = self.draft.columns[first]
            start, slope = line_through(averages[present], values[present])
            entry["line"] = [first, start, slope]
            return np.round(values - start - slope * averages, _DISTANCE_DECIMALS) + 0.0
        return _to_grid(values, name, entry)

    def _offer(self, name: str, quantity: NDArray[Any], present: NDArray[np.bool_]) -> None:
        """Allow the trees of later columns to ask about `name`, unless it is the weekday."""
        if name == WEEKDAY:
            return
        if name not in TEXTS:
            self.asked[name, None] = np.where(present & ~np.isnan(quantity), quantity, _MISSING)
            return
        for code, level in enumerate(self.draft.levels[name]):
            holds = present & (quantity == code)
            if LEVEL_ROWS <= holds.sum() <= self.rows - LEVEL_ROWS:
                self.asked[name, level] = np.where(holds, 0.0, 1.0)
        if (~present).sum() >= LEVEL_ROWS:
            self.asked[name, ""] = np.where(present, 1.0, 0.0)

    def _missing(self, lacking: NDArray[np.bool_], among: NDArray[np.bool_]) -> Any:
        rows = np.flatnonzero(among)
        return self._tree(
            lacking[rows].astype(np.float64),
            rows,
            "missing",
            lambda group: short(float(lacking[group].mean()), 4, decimals=4),
        )

    def _levels(
        self,
        name: str,
        present: NDArray[np.bool_],
        values: NDArray[Any],
        shares: Mapping[str, float],
    ) -> dict[str, Any]:
        """Tree of the shares of levels by group. NaN among numbers stands for `OTHER`."""
        spelled = list(shares)
        if len(spelled) == 1:
            return {}
        codes = values if name in TEXTS else _codes(values, spelled)
        rows = np.flatnonzero(present & (codes >= 0))
        common = [n for n in range(len(spelled)) if (codes[rows] == n).sum() >= LEVEL_ROWS]
        # A level that is too rare for a leaf keeps its share of the whole feed.
        never_drawn = {NO_ORGANIZATION} if name == "ORGANIZATION_TYPE" else set()
        drawn = sum(share for level, share in shares.items() if level not in never_drawn)
        rare = 1.0 - sum(shares[spelled[n]] for n in common) / drawn
        groups: list[tuple[int, dict[int, int]]] = []

        def leaf(group: NDArray[np.intp]) -> dict[str, float]:
            counts = {n: int((codes[group] == n).sum()) for n in common}
            named = {n: count for n, count in counts.items() if count >= LEVEL_ROWS}
            unnamed = {n: count for n, count in counts.items() if n not in named}
            groups.append((group.size - sum(named.values()), unnamed))
            return {
                spelled[n]: short(count / group.size * (1.0 - rare), 3, decimals=3)
                for n, count in named.items()
            }  # fmt: skip

        target = np.eye(len(spelled))[codes[rows].astype(np.intp)]
        purpose = "forms" if first_form_of(name) else "levels"
        tree = self._tree(target[:, common or [0]], rows, purpose, leaf)
        rest = {spelled[n]: share for n, share in _rest(groups).items()}
        return {"levels": tree} | ({"rest": rest} if rest else {})

    def _residuals(
        self,
        name: str,
        numbers: NDArray[np.float64],
        is_other: NDArray[np.bool_],
    ) -> dict[str, Any]:
        rows = np.flatnonzero(is_other)
        score = _normal_scores(name, numbers)
        earlier = {other: scores[rows] for other, scores in self.scores.items() if other != name}
        weights = _follow(earlier, score)
        weighed = (weight * earlier[other] for other, weight in weights.items())
        residual = np.zeros(self.rows)
        residual[rows] = score - sum(weighed, np.zeros(rows.size))

        def leaf(group: NDArray[np.intp]) -> list[float]:
            quantiles = np.quantile(residual[group], RESIDUAL_SHARES)
            return [round(float(value), 2) for value in quantiles]

        entry: dict[str, Any] = {"follows": weights} if weights else {}
        return entry | {"residuals": self._tree(residual[rows], rows, "residuals", leaf)}

    def _tree(
        self,
        target: NDArray[Any],
        rows: NDArray[np.intp],
        purpose: str,
        leaf: _LeafMaker,
    ) -> Any:
        """Tree of the groups among `rows` in which `target` differs most.

        It is nested lists with `leaf(group)` at the ends.
        """
        if not self.asked or rows.size < 2 * _GROUP_ROWS:
            return leaf(rows)
        columns = [column[rows] for column in self.asked.values()]
        seen = np.column_stack(columns).astype(np.float32)
        matrix = seen.astype(np.float64)
        impurity = float(np.mean(np.var(target, axis=0)))
        tree = DecisionTreeRegressor(
            max_leaf_nodes=_GROUPS[purpose],
            min_samples_leaf=max(_GROUP_ROWS, round(_GROUP_SHARE * rows.size)),
            min_impurity_decrease=_GAIN[purpose] * impurity,
            random_state=0,
        ).fit(matrix, target)
        return _nested(tree.tree_, list(self.asked), matrix, rows, leaf)


def _nested(
    tree: Any,
    asked: Sequence[tuple[str, str | None]],
    matrix: NDArray[Any],
    rows: NDArray[np.intp],
    leaf: _LeafMaker,
    node: int = 0,
) -> Any:
    """Fitted tree from `node` on: `[column, at, first, second]`, with `leaf(rows)` at its ends."""
    if tree.children_left[node] < 0:
        return leaf(rows)
    name, level = asked[tree.feature[node]]
    threshold = float(tree.threshold[node])
    column = matrix[:, tree.feature[node]]
    children = [tree.children_left[node], tree.children_right[node]]
    at: float | str | None
    if level is not None:
        at = level or None
        first = column <= threshold
    elif threshold > _MISSING / 4:
        at = None
        first = column > threshold
        children.reverse()
    else:
        at = _between(column, threshold)
        first = column <= at
    deeper = (
        _nested(tree, asked, matrix[mask], rows[mask], leaf, child)
        for mask, child in zip((first, ~first), children, strict=True)
    )
    return [name, at, *deeper]


def _centred(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ratios, each replaced by the median of those equal to it in five decimals.

    Rounded amounts spread what is one ratio.
    """
    rounded = np.round(ratio, _RATIO_DECIMALS)
    medians: pd.Series = pd.Series(ratio).groupby(rounded).median().round(_RATIO_DECIMALS + 2)
    return np.asarray(medians.reindex(rounded), dtype=np.float64)


def _to_grid(quantity: NDArray[np.float64], name: str, entry: dict[str, Any]) -> NDArray[np.float64]:
    """Quantity on its grid, which is written to `entry`; unchanged if there is no grid."""
    if name in _GRIDS:
        base, step = entry["grid"] = list(_GRIDS[name])
        return base + np.rint((quantity - base) / step) * step
    if name in _LOG_ODDS_STEP:
        odds = logit(quantity)
        base, step = _even_spacing(odds[np.isfinite(odds)], _LOG_ODDS_STEP[name])
        entry |= {"grid": [base, step], "log_odds": True}
        return expit(base + np.rint((odds - base) / step) * step)
    return quantity


def _even_spacing(points: NDArray[np.float64], step: float) -> tuple[float, float]:
    """Point near the middle and step of a grid that all points lie on.

    The given `step` is about right.
    """
    base = float(np.median(points))
    base = float(points[np.argmin(np.abs(points - base))])
    for _ in range(4):
        turns = np.rint((points - base) / step)
        slope, start = np.polyfit(turns, points, 1)
        base, step = float(start), float(slope)
    return round(base, 15), round(step, 15)


def steps_of(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """First point and step of the coarsest grid of nearly all values; None if there is none.

    Values have four decimals. The steps tried are one over a whole number, from 0 up, and whole
    ten-thousandths, from 1 down.
    """
    found, counts = np.unique(values, return_counts=True)
    upward = [(0.0, 1.0 / parts) for parts in range(2, _FINEST_PARTS)]
    downward = [(1.0, n * 1e-4) for n in range(3, 500)]
    for base, step in sorted(upward + downward, key=lambda each: -each[1]):
        chance = 1e-4 / step
        nearest = np.round(base + np.rint((found - base) / step) * step, 4)
        on_grid = np.abs(found - nearest) < _LAST_DIGIT
        weighed = float(counts[on_grid].sum() / counts.sum())
        if (min(weighed, float(on_grid.mean())) - chance) / (1.0 - chance) >= _ON_GRID:
            return base, round(step, 9)
    return None


def _between(column: NDArray[Any], threshold: float) -> float:
    """Shortest number that splits the column as the threshold does."""
    below = float(column[column <= threshold].max())
    above = float(column[column > threshold].min())
    for digits in range(1, 9):
        candidate = float(f"{threshold:.{digits}g}")
        if below <= candidate < above:
            return short(candidate, 9)
    return threshold


def _follow(scores: Mapping[str, NDArray[np.float64]], score: NDArray[np.float64]) -> dict[str, float]:
    """Earlier scores that explain this one best, with their weights by least squares.

    They are added one by one.
    """
    chosen: list[str] = []
    left: NDArray[Any] = score - score.mean()
    weights: NDArray[Any] = np.zeros(0)
    explained = 0.0
    while len(chosen) < min(_MOST_FOLLOWED, len(scores)):
        gains = {
            name: abs(float(np.corrcoef(left, other)[0, 1])) for name, other in scores.items()
            if name not in chosen and other.std() > 0
        }  # fmt: skip
        best = max(gains, key=lambda name: gains[name])
        matrix = np.column_stack([scores[name] for name in (*chosen, best)])
        fitted: NDArray[Any] = np.linalg.lstsq(matrix, score, rcond=None)[0]
        rest = score - matrix @ fitted
        share = 1.0 - float(rest.var() / score.var())
        if share - explained < _EXPLAINED * (1.0 - explained):
            break
        chosen.append(best)
        weights = fitted
        left = rest
        explained = share
    return {name: round(float(weight), 3) for name, weight in zip(chosen, weights, strict=True)}


def line_through(first: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """Base and slope of the line on which most points lie, to within the last of four decimals."""
    generator = np.random.default_rng(0)
    best = (0.0, 1.0)
    most = int((np.abs(other - first) < _ON_LINE).sum())
    for one, two in generator.integers(0, first.size, (_LINES_TRIED, 2)):
        if abs(first[one] - first[two]) < _APART:
            continue
        slope = round(float((other[one] - other[two]) / (first[one] - first[two])), 4)
        base = round(float(other[one] - slope * first[one]), 4)
        on_line = int((np.abs(other - base - slope * first) < _ON_LINE).sum())
        if on_line > most:
            best = (base + 0.0, slope)
            most = on_line
    return best


def _rest(groups: Sequence[tuple[int, Mapping[int, int]]]) -> dict[int, float]:
    """Weights of the levels that groups do not name.

    By these weights each level comes as often as it must over all groups.

    Args:
        groups: for each group, the rows of unnamed levels, and the count of each of these levels.
    """
    counts: dict[int, int] = {}
    for _, unnamed in groups:
        for n, count in unnamed.items():
            counts[n] = counts.get(n, 0) + count
    common = [n for n, count in sorted(counts.items()) if count >= LEVEL_ROWS]
    n_rare = sum(counts[n] for n in counts if n not in common)
    total = max(1, sum(counts.values()))
    weights = {n: counts[n] / total for n in common}
    for _ in range(_ROUNDS):  # iterative proportional fitting
        drawn = dict.fromkeys(common, 0.0)
        for rows, unnamed in groups:
            here = {n: weights[n] for n in common if n in unnamed}
            weighed = sum(here.values()) + n_rare / total
            for n, weight in here.items():
                drawn[n] += rows * weight / weighed
        weights = {
            n: weights[n] * counts[n] / drawn[n] if drawn[n] else weights[n] for n in common
        }  # fmt: skip
    scale = (1.0 - n_rare / total) / sum(weights.values()) if weights else 0.0
    return {n: round(weight * scale, 3) for n, weight in weights.items()}


def _codes(values: NDArray[np.float64], spelled: Sequence[str]) -> NDArray[np.intp]:
    """Place of each number among the levels, -1 if it has none. NaN is `OTHER`, if listed."""
    codes = np.full(values.shape, -1)
    for n, level in enumerate(spelled):
        if level == OTHER:
            codes[np.isnan(values)] = n
        else:
            codes[np.isclose(values, float(level), rtol=1e-7, atol=0)] = n
    return codes


def _normal_scores(name: str, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal scores of the numbers by rank; equal numbers share theirs out at random."""
    jitter = np.random.default_rng(zlib.crc32(name.encode())).random(numbers.size)
    ranks = np.empty(numbers.size)
    ranks[np.lexsort((jitter, numbers))] = (np.arange(numbers.size) + 0.5) / numbers.size
    scores: NDArray[np.float64] = ndtri(ranks)
    return scores


def _points(
    numbers: NDArray[np.float64], column: Mapping[str, Any], sample_rows: int, *, derived: bool
) -> Iterator[list[float]]:
    """Points of a curve: ascending shares of rows, each with the number below which they lie.

    Neighbouring points are equally many rows apart.
    """
    ordered = np.sort(numbers)
    size = numbers.size
    each = max(_POINT_ROWS, round(_POINT_SHARE * size))
    rarest = round(1.0 / (2 * sample_rows), 6)
    # A ratio or a distance has no published range; its ends are the means of its outermost rows.
    if derived:
        least = float(ordered[:LEVEL_ROWS].mean())
        most = float(ordered[-LEVEL_ROWS:].mean())
    else:
        least = column["quantiles"]["min"]
        most = column["quantiles"]["max"]
    found, counts = np.unique(numbers, return_counts=True)
    popular = counts >= max(LEVEL_ROWS, _LEVEL_SHARE * size)
    ends = np.cumsum(counts)
    points: list[tuple[float, float]] = [(rarest, least)]
    position = 0
    for n in [*np.flatnonzero(popular).tolist(), None]:
        end = size if n is None else int(ends[n])
        start = size if n is None else int(ends[n] - counts[n])
        between = range(position + each // 2, start - each // 2 + 1, each)
        points += [(at / size, float(ordered[at])) for at in between]
        if n is not None:
            points += [(start / size, float(found[n])), (end / size, float(found[n]))]
        position = end
    points.append((1.0 - rarest, max(most, points[-1][1])))
    last = (0.0, -np.inf)
    for share, number in points:
        point = (min(max(round(share, 4), rarest), 1.0 - rarest), number)
        if point[0] > last[0]:
            yield [point[0], short(number, 7)]
            last = point


def short(value: float, digits: int, *, decimals: int | None = None) -> float:
    """Value in at most so many digits; an int if it is whole."""
    rounded = float(f"{value:.{digits}g}") if decimals is None else round(value, decimals)
    return int(rounded) if rounded == int(rounded) else rounded


def spelled_number(level: float) -> str:
    """Number as the name of a level."""
    return str(int(level)) if level == int(level) else repr(level)
