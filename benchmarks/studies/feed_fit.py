"""How each column of a real file follows the ones drawn before it: trees, curves, grids, as `Draw` means them."""

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
from tasks.core.feed.ties import ABSENT, FIRST_FORM, NO_ORGANIZATION, OTHER_FORMS, SETTLED, UnsettledRows, first_form_of
from tasks.core.lender.columns import COLUMNS, ID, NAMES, TEXTS

# Rows behind every published figure.
LEVEL_ROWS: Final = 20
_POINT_ROWS: Final = 40
_GROUP_ROWS: Final = 60
# The same as shares of the rows at hand, so that a file of 300,000 rows is told of no longer than one of 6,000.
_LEVEL_SHARE: Final = 0.003
_POINT_SHARE: Final = 0.012
_GROUP_SHARE: Final = 0.01
# Most groups a tree tells apart, and the share of the whole impurity that a split must take away.
_GROUPS: Final = {"missing": 20, "levels": 16, "residuals": 10, "forms": 8}
_GAIN: Final = {"missing": 0.0015, "levels": 0.001, "residuals": 0.004, "forms": 0.002}
_ROUNDS: Final = 30
# Fewer rows than these off the popular numbers are not worth a curve.
_CURVE_ROWS: Final = 60
# A number follows at most so many others, each explaining so much more of its normal score's variance.
_MOST_FOLLOWED: Final = 6
_EXPLAINED: Final = 0.004
# Stands for a missing number in a tree; larger than any real one.
_MISSING: Final = 1e12

# Drawn first, because much follows them; the others come in the declared order, the forms of a part after its average.
_FIRST: Final = (
    "NAME_CONTRACT_TYPE", "DAYS_BIRTH", "CODE_GENDER", "NAME_INCOME_TYPE", "NAME_EDUCATION_TYPE", "AMT_GOODS_PRICE",
    "AMT_CREDIT", "AMT_ANNUITY", "REGION_POPULATION_RELATIVE", "REGION_RATING_CLIENT", "NAME_FAMILY_STATUS",
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
# Numbers whose popular values are rather near others than apart from them: drawn by score alone.
_BY_SCORE: Final = frozenset({"AMT_INCOME_TOTAL", "AMT_GOODS_PRICE", "YEARS_BEGINEXPLUATATION_AVG", "YEARS_BUILD_AVG"})
_RATIO_DECIMALS: Final = 5
_DISTANCE_DECIMALS: Final = 4
# Amounts are multiples of these, in the feed's currency. 97 % of incomes and nearly all prices lie on theirs; credit
# exceeds the price by a multiple of 0.132 % of it in 99.6 % of loans, and the log-odds of the third score are evenly
# spaced: found by trying steps on 6,000 rows.
_STEPS: Final[Mapping[str, float]] = {
    "AMT_INCOME_TOTAL": 4_500, "AMT_CREDIT": 4.5, "AMT_ANNUITY": 4.5, "AMT_GOODS_PRICE": 4_500,
    **{column.name: 1 for column in COLUMNS if column.kind == "integer"},
}  # fmt: skip
_GRIDS: Final[Mapping[str, tuple[float, float]]] = {"AMT_CREDIT": (1, 0.00132)}
_LOG_ODDS_STEP: Final[Mapping[str, float]] = {"EXT_SOURCE_3": 0.00721259}
# Building figures lie on a grid in four decimals; so many of the values, beyond what chance puts there.
_FINEST_PARTS: Final = 3_000
_ON_GRID: Final = 0.9
# A point is on a line to within its last digit and a half; two points make one if they lie so far apart.
_ON_LINE: Final = 1.5e-4
_LAST_DIGIT: Final = 1e-6
_APART: Final = 0.05
_LINES_TRIED: Final = 1_000


_LeafMaker = Callable[[NDArray[np.intp]], Any]
"""What is told of a group, by the positions of its rows."""


def order() -> list[str]:
    """The columns in the order in which they are drawn."""
    drawn = [name for name in NAMES if name != ID and name not in SETTLED]
    forms = [name for name in drawn if first_form_of(name)]
    return [*_FIRST, *(name for name in drawn if name not in _FIRST and name not in forms), *forms]


@dataclass
class Fit:
    """Real rows as they would be drawn: quantities, normal scores, and what trees may ask about."""

    columns: Mapping[str, Mapping[str, Any]]
    sample_rows: int
    draft: UnsettledRows
    scores: dict[str, NDArray[np.float64]]
    asked: dict[tuple[str, str | None], NDArray[np.float64]]
    """Column and level (None: the number itself) to what a tree sees; a missing number is `_MISSING`."""

    @classmethod
    def begin(cls, frame: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]], sample_rows: int) -> Fit:
        """Real rows of which nothing is told yet, with the described `columns`."""
        levels = {name: tuple(columns[name]["shares"]) for name in TEXTS}
        values: dict[str, NDArray[Any]] = {
            name: pd.Categorical(frame[name], categories=levels[name]).codes
            if name in levels
            else frame[name].to_numpy()
            for name in NAMES
        }
        goods = values["AMT_GOODS_PRICE"]
        values["AMT_GOODS_PRICE"] = np.where(np.isnan(goods), values["AMT_CREDIT"], goods)
        return cls(columns, sample_rows, UnsettledRows(levels, values, {}), {}, {})

    @property
    def rows(self) -> int:
        """How many real rows there are."""
        return len(self.draft.columns[ID])

    def draw(self, name: str) -> dict[str, Any]:
        """How `name` follows from the columns drawn before it; from now on others may follow it."""
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
        self, name: str, present: NDArray[np.bool_], quantity: NDArray[np.float64], entry: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Popular numbers by levels, the others by a curve."""
        column, derived = self.columns[name], not {"times", "line"}.isdisjoint(entry)
        if "shares" in column and not derived:
            return self._levels(name, present, quantity, column["shares"])
        found, counts = np.unique(quantity[present], return_counts=True)
        common = counts >= (np.inf if name in _BY_SCORE else max(LEVEL_ROWS, _LEVEL_SHARE * present.sum()))
        is_other = present & ~np.isin(quantity, found[common])
        n_present, n_other = int(present.sum()), int(is_other.sum())
        n_told = n_present if n_other >= _CURVE_ROWS else n_present - n_other
        shares = {
            spelled_number(short(number, 8)): round(count / n_told, 4)
            for number, count in zip(found[common].tolist(), counts[common].tolist(), strict=True)
        }
        if n_other < _CURVE_ROWS:
            return {"shares": shares, **self._levels(name, present, quantity, shares)}
        shares = {OTHER: round(n_other / n_present, 4)} | shares
        levels = self._levels(name, present, np.where(is_other, np.nan, quantity), shares)
        curve = list(_points(quantity[is_other], column, self.sample_rows, derived=derived))
        draw = Draw(curve=tuple((share, number) for share, number in curve))
        self.scores[name] = score_at(np.where(present, quantity, np.nan), draw)
        return {"shares": shares, **levels, "curve": curve, **self._residuals(name, quantity[is_other], is_other)}

    def _quantity(
        self, name: str, values: NDArray[np.float64], present: NDArray[np.bool_], entry: dict[str, Any]
    ) -> NDArray[np.float64]:
        if step := _STEPS.get(name):
            entry["steps"] = [0, step]
        if name in _TIMES:
            column, *offsets = entry["times"] = list(_TIMES[name])
            if name in _LEAST_BASES:
                entry["least"] = _LEAST_BASES[name]
            base = base_of_multiple(self.draft.columns[column], tuple(offsets), entry.get("least", -np.inf))
            ratio = np.minimum(values / base, _LARGEST_RATIO)
            return _to_grid(ratio, name, entry) if name in _GRIDS else _centred(ratio)
        if name.endswith((FIRST_FORM, *OTHER_FORMS)) and (steps := steps_of(values[present])):
            entry["steps"] = list(steps)
        if first := first_form_of(name):
            line = line_through(self.draft.columns[first][present], values[present])
            entry["line"] = [first, *line]
            return np.round(values - line[0] - line[1] * self.draft.columns[first], _DISTANCE_DECIMALS) + 0.0
        return _to_grid(values, name, entry)

    def _offer(self, name: str, quantity: NDArray[Any], present: NDArray[np.bool_]) -> None:
        """Let the trees of later columns ask about `name`."""
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
        self, name: str, present: NDArray[np.bool_], values: NDArray[Any], shares: Mapping[str, float]
    ) -> dict[str, Any]:
        """How the levels' shares differ between groups; NaN among numbers stands for `OTHER`."""
        spelled = list(shares)
        if len(spelled) == 1:
            return {}
        codes = values if name in TEXTS else _codes(values, spelled)
        rows = np.flatnonzero(present & (codes >= 0))
        told = [n for n in range(len(spelled)) if (codes[rows] == n).sum() >= LEVEL_ROWS]
        # What is too rare to be told of keeps its share of the whole feed.
        drawn = sum(share for level, share in shares.items() if level != NO_ORGANIZATION or name != "ORGANIZATION_TYPE")
        rare = 1.0 - sum(shares[spelled[n]] for n in told) / drawn
        groups: list[tuple[int, dict[int, int]]] = []

        def leaf(group: NDArray[np.intp]) -> dict[str, float]:
            counts = {n: int((codes[group] == n).sum()) for n in told}
            named = {n: count for n, count in counts.items() if count >= LEVEL_ROWS}
            groups.append((group.size - sum(named.values()), {n: c for n, c in counts.items() if n not in named}))
            return {spelled[n]: short(count / group.size * (1.0 - rare), 3, decimals=3) for n, count in named.items()}

        target = np.eye(len(spelled))[codes[rows].astype(np.intp)]
        tree = self._tree(target[:, told or [0]], rows, "forms" if first_form_of(name) else "levels", leaf)
        rest = {spelled[n]: share for n, share in _rest(groups).items()}
        return {"levels": tree} | ({"rest": rest} if rest else {})

    def _residuals(self, name: str, numbers: NDArray[np.float64], is_other: NDArray[np.bool_]) -> dict[str, Any]:
        rows, score = np.flatnonzero(is_other), _normal_scores(name, numbers)
        earlier = {other: scores[rows] for other, scores in self.scores.items() if other != name}
        weights = _follow(earlier, score)
        residual = np.zeros(self.rows)
        residual[rows] = score - sum(
            (weight * earlier[other] for other, weight in weights.items()), np.zeros(rows.size)
        )

        def leaf(group: NDArray[np.intp]) -> list[float]:
            return [round(float(value), 2) for value in np.quantile(residual[group], RESIDUAL_SHARES)]

        entry: dict[str, Any] = {"follows": weights} if weights else {}
        return entry | {"residuals": self._tree(residual[rows], rows, "residuals", leaf)}

    def _tree(self, target: NDArray[Any], rows: NDArray[np.intp], purpose: str, leaf: _LeafMaker) -> Any:
        """The groups among `rows` in which `target` differs most, as nested lists with `leaf(group)` at the ends."""
        if not self.asked or rows.size < 2 * _GROUP_ROWS:
            return leaf(rows)
        seen = np.column_stack([column[rows] for column in self.asked.values()]).astype(np.float32)
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
    """The fitted tree from `node` on as `[column, at, first, second]`, with `leaf(rows)` at its ends."""
    if tree.children_left[node] < 0:
        return leaf(rows)
    (name, level), threshold = asked[tree.feature[node]], float(tree.threshold[node])
    column, children = matrix[:, tree.feature[node]], [tree.children_left[node], tree.children_right[node]]
    at: float | str | None
    if level is not None:
        at, first = (level or None), column <= threshold
    elif threshold > _MISSING / 4:
        at, first = None, column > threshold
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
    """Each ratio by the middle of those equal to it in five decimals: rounded amounts spread what is one ratio."""
    rounded = np.round(ratio, _RATIO_DECIMALS)
    medians: pd.Series = pd.Series(ratio).groupby(rounded).median().round(_RATIO_DECIMALS + 2)
    return np.asarray(medians.reindex(rounded), dtype=np.float64)


def _to_grid(quantity: NDArray[np.float64], name: str, entry: dict[str, Any]) -> NDArray[np.float64]:
    """The quantity on its grid, if it has one, which `entry` then tells."""
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
    """A point near the middle and the step of a grid that all points lie on, from a step that is about right."""
    base = float(np.median(points))
    base = float(points[np.argmin(np.abs(points - base))])
    for _ in range(4):
        turns = np.rint((points - base) / step)
        slope, start = np.polyfit(turns, points, 1)
        base, step = float(start), float(slope)
    return round(base, 15), round(step, 15)


def steps_of(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """First point and step of the coarsest grid that nearly all values lie on, as far as four decimals tell.

    Tried are steps of one over a whole number from 0 up, and of whole ten-thousandths from 1 down.
    """
    found, counts = np.unique(values, return_counts=True)
    tried = [(0.0, 1.0 / parts) for parts in range(2, _FINEST_PARTS)] + [(1.0, n * 1e-4) for n in range(3, 500)]
    for base, step in sorted(tried, key=lambda each: -each[1]):
        chance = 1e-4 / step
        on_grid = np.abs(found - np.round(base + np.rint((found - base) / step) * step, 4)) < _LAST_DIGIT
        weighed = float(counts[on_grid].sum() / counts.sum())
        if (min(weighed, float(on_grid.mean())) - chance) / (1.0 - chance) >= _ON_GRID:
            return base, round(step, 9)
    return None


def _between(column: NDArray[Any], threshold: float) -> float:
    """The shortest number that splits the column as the threshold does."""
    below, above = float(column[column <= threshold].max()), float(column[column > threshold].min())
    for digits in range(1, 9):
        candidate = float(f"{threshold:.{digits}g}")
        if below <= candidate < above:
            return short(candidate, 9)
    return threshold


def _follow(scores: Mapping[str, NDArray[np.float64]], score: NDArray[np.float64]) -> dict[str, float]:
    """The earlier scores that explain this one best, added one by one, and their weights by least squares."""
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
        chosen, weights, left, explained = [*chosen, best], fitted, rest, share
    return {name: round(float(weight), 3) for name, weight in zip(chosen, weights, strict=True)}


def line_through(first: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """Base and slope of the line on which most points lie to within the last of four decimals."""
    generator = np.random.default_rng(0)
    best, most = (0.0, 1.0), int((np.abs(other - first) < _ON_LINE).sum())
    for one, two in generator.integers(0, first.size, (_LINES_TRIED, 2)):
        if abs(first[one] - first[two]) < _APART:
            continue
        slope = round(float((other[one] - other[two]) / (first[one] - first[two])), 4)
        base = round(float(other[one] - slope * first[one]), 4)
        on_line = int((np.abs(other - base - slope * first) < _ON_LINE).sum())
        if on_line > most:
            best, most = (base + 0.0, slope), on_line
    return best


def _rest(groups: Sequence[tuple[int, Mapping[int, int]]]) -> dict[int, float]:
    """Weights of the levels that groups do not name, so that over all groups each comes as often as it should.

    Args:
        groups: per group its rows of unnamed levels, and the count of each of these.
    """
    counts: dict[int, int] = {}
    for _, unnamed in groups:
        for n, count in unnamed.items():
            counts[n] = counts.get(n, 0) + count
    told = [n for n, count in sorted(counts.items()) if count >= LEVEL_ROWS]
    untold = sum(counts[n] for n in counts if n not in told)
    total = max(1, sum(counts.values()))
    weights = {n: counts[n] / total for n in told}
    for _ in range(_ROUNDS):  # iterative proportional fitting
        drawn = dict.fromkeys(told, 0.0)
        for rows, unnamed in groups:
            here = {n: weights[n] for n in told if n in unnamed}
            weighed = sum(here.values()) + untold / total
            for n, weight in here.items():
                drawn[n] += rows * weight / weighed
        weights = {n: weights[n] * counts[n] / drawn[n] if drawn[n] else weights[n] for n in told}
    scale = (1.0 - untold / total) / sum(weights.values()) if weights else 0.0
    return {n: round(weight * scale, 3) for n, weight in weights.items()}


def _codes(values: NDArray[np.float64], spelled: Sequence[str]) -> NDArray[np.intp]:
    """Each number's place among the levels, -1 where it is none of them; NaN is `OTHER`, if that is one."""
    codes = np.full(values.shape, -1)
    for n, level in enumerate(spelled):
        codes[np.isnan(values) if level == OTHER else np.isclose(values, float(level), rtol=1e-7, atol=0)] = n
    return codes


def _normal_scores(name: str, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """The numbers' normal scores by rank; equal numbers share theirs out at random."""
    jitter = np.random.default_rng(zlib.crc32(name.encode())).random(numbers.size)
    ranks = np.empty(numbers.size)
    ranks[np.lexsort((jitter, numbers))] = (np.arange(numbers.size) + 0.5) / numbers.size
    scores: NDArray[np.float64] = ndtri(ranks)
    return scores


def _points(
    numbers: NDArray[np.float64], column: Mapping[str, Any], sample_rows: int, *, derived: bool
) -> Iterator[list[float]]:
    """Ascending shares of rows and the numbers below which they lie, evenly many rows apart."""
    ordered, size = np.sort(numbers), numbers.size
    each = max(_POINT_ROWS, round(_POINT_SHARE * size))
    rarest = round(1.0 / (2 * sample_rows), 6)
    # A ratio or a distance has no published range; its ends are the means of its outermost rows.
    least, most = (
        (float(ordered[:LEVEL_ROWS].mean()), float(ordered[-LEVEL_ROWS:].mean()))
        if derived
        else (column["quantiles"]["min"], column["quantiles"]["max"])
    )
    found, counts = np.unique(numbers, return_counts=True)
    popular = counts >= max(LEVEL_ROWS, _LEVEL_SHARE * size)
    ends = np.cumsum(counts)
    points: list[tuple[float, float]] = [(rarest, least)]
    position = 0
    for n in [*np.flatnonzero(popular).tolist(), None]:
        start, end = (int(ends[n] - counts[n]), int(ends[n])) if n is not None else (size, size)
        points += [(at / size, float(ordered[at])) for at in range(position + each // 2, start - each // 2 + 1, each)]
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
    """The value in at most so many digits, an int where it is whole."""
    rounded = float(f"{value:.{digits}g}") if decimals is None else round(value, decimals)
    return int(rounded) if rounded == int(rounded) else rounded


def spelled_number(level: float) -> str:
    """A number as the name of a level."""
    return str(int(level)) if level == int(level) else repr(level)
