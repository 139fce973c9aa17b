"""Other amounts in one application, and the smallest change of one that would be approved.

The smallest change is found exactly, without trying every amount. An amount moves in steps of a
hundredth (`lender.amounts`). The pd is constant as long as no split of a tree turns, and a split
turns where a feature crosses its threshold. Among the amounts of one stretch (`Feature.stretch`) a
feature never falls, or never rises, so a bisection finds the step at which it crosses. All such
steps together cut the amounts into cells of equal pd. The nearest amount of a cell is its end
towards the present amount. So only the ends of cells are scored, the nearest first, with the
features built and the trees asked as for any application.

The contract is taken to allow a range around the present amount, as its limits and comparisons do.
The answer is about one model and one policy. It promises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.core.contract.rules import critical_positions
from tasks.core.contract.screening import RowContract
from tasks.core.decision.policy import Policy, is_approved
from tasks.core.lender.amounts import HUNDREDTHS
from tasks.core.model.bundle import Bundle, ModelPin, RawScorer, pd_of
from tasks.core.model.features import build_features, build_stretches, delivered_columns
from tasks.core.model.trees import NEARLY_ZERO, Tree
from tasks.core.words import percent

_MOST_STEPS: Final = 2**50
"""Greatest amount that is looked at, in hundredths: 11 million millions. float64 holds each step up to
there, and the contract ends far below."""
_CHECKED_AMOUNTS: Final = 2_048
"""Amounts on either side that the contract judges at a time. A check has a fixed cost."""
_MOST_STRETCHES: Final = 200_000
"""Stretches of a feature that are searched at most. With more of them, the range is narrowed."""
_SCORED_AMOUNTS: Final = 4_096
"""Ends of cells that are scored at a time. Mostly one of the nearest is approved."""

Places = np.ndarray
"""Amounts in hundredths, int64."""


@dataclass(frozen=True, slots=True)
class SmallestChange:
    """The change of one amount with which an application would be approved, all else as it is."""

    field: str
    now: float
    """The amount as delivered."""
    nearest: float | None
    """The nearest amount that would be approved; None if none of the range would."""
    low: float
    high: float
    """Ends of the range that was looked at."""


def way_sentence(change: SmallestChange, words: str) -> str:
    """Sentence on the smallest change, for people; `words` are those for the amount.

    >>> print(way_sentence(SmallestChange("AMT_CREDIT", 400.0, 390.0, 0.01, 900.0), "loan"))
    With AMT_CREDIT (loan) of 390.00 instead of 400.00 (-2.5%) it would have been approved.
    >>> print(way_sentence(SmallestChange("AMT_CREDIT", 400.0, None, 0.01, 900.0), "loan"))
    No AMT_CREDIT (loan) from 0.01 to 900.00 would have been approved.
    """
    if change.nearest is None:
        return f"No {change.field} ({words}) from {change.low:,.2f} to {change.high:,.2f} would have been approved."
    sign = "+" if change.nearest > change.now else "-"
    share = percent(abs(change.nearest - change.now) / change.now)
    return (
        f"With {change.field} ({words}) of {change.nearest:,.2f} instead of {change.now:,.2f} ({sign}{share}) "
        "it would have been approved."
    )


def promise_sentence(model: ModelPin, policy_version: str) -> str:
    """Sentence on how far a what-if goes."""
    return (
        f"This is about {model.name} version {model.version} and policy {policy_version}, all else as it is. It is "
        "not a promise: who applies anew is decided anew."
    )


def change_delivered(row: pa.Table, changes: Mapping[str, str]) -> pa.Table:
    """The rows as the feed would deliver them with other texts in some columns.

    >>> change_delivered(pa.table({"a": [1.0], "b": [2.0]}), {"b": "3"}).to_pylist()
    [{'a': 1.0, 'b': '3'}]
    """
    for name, text in changes.items():
        place = row.column_names.index(name)
        row = row.set_column(place, name, pa.array([text] * row.num_rows, pa.string()))
    return row


def feature_thresholds(trees: Sequence[Tree]) -> dict[int, np.ndarray]:
    """Number of each feature in the trees to the limits that its value may cross, ascending.

    Beside the thresholds these are the ends of what counts as zero. Between two of the limits no
    split of the feature turns.
    """
    limits: dict[int, set[float]] = {}
    below_zero = float(np.nextafter(-NEARLY_ZERO, -np.inf))
    for split in (split for tree in trees for split in tree.splits):
        own = limits.setdefault(split.column.feature, {below_zero, NEARLY_ZERO})
        own.add(split.threshold)
    return {feature: np.array(sorted(own)) for feature, own in limits.items()}


def smallest_change(
    row: pa.Table,
    field: str,
    *,
    bundle: Bundle,
    engine: RawScorer,
    trees: Sequence[Tree],
    policy: Policy,
    contract: RowContract,
) -> SmallestChange | None:
    """The smallest change of one amount with which a typed row would be approved.

    Of two amounts equally near the lesser counts. None if the amount is missing, so that no change
    of it has a size.

    Args:
        row: one typed row that keeps the contract and is not approved.
        field: column of an amount above 0.
        bundle: the model's features and calibration.
        engine: the model's trees, to score with.
        trees: the same trees, for their thresholds.
        policy: the policy that decides.
        contract: rules that the changed row must keep, too.
    """
    now = row.column(field)[0].as_py()
    if now is None:
        return None
    line = _Line(row, field, bundle)
    allowed = _allowed_range(line, now, contract)
    limits = {
        bundle.features.names[number]: thresholds
        for number, thresholds in feature_thresholds(trees).items()
        if field in delivered_columns(bundle.features.names[number])
    }
    searched = _narrowed(line, allowed, now, list(limits))
    nearest = None
    ends = _nearest_first(_cell_ends(line, searched, now, limits), now)
    for start in range(0, len(ends), _SCORED_AMOUNTS):
        places = ends[start : start + _SCORED_AMOUNTS]
        pd = pd_of(build_features(line.rows(places), bundle.features), engine, bundle.calibration)
        if len(approved := np.flatnonzero(is_approved(pd, policy))):
            nearest = float(_amounts(places[approved[:1]])[0])
            break
    low, high = _amounts(np.array([searched.first, searched.last])).tolist()
    return SmallestChange(field, now, nearest, low, high)


class _Range(NamedTuple):
    """Amounts from one to another, both among them, in hundredths; none if the last is before the first."""

    first: int
    last: int


class _Line:
    """One application with any amount in one of its columns."""

    def __init__(self, row: pa.Table, field: str, bundle: Bundle) -> None:
        self.field = field
        self._row = row
        self._features = bundle.features

    def rows(self, places: Places, columns: Sequence[str] | None = None) -> pa.Table:
        """The row once for each amount; some columns of it, or all."""
        row = self._row if columns is None else self._row.select(columns)
        rows = row.take(pa.array(np.zeros(len(places), np.int64)))
        amounts = pa.array(_amounts(places))
        return rows.set_column(rows.column_names.index(self.field), self.field, amounts)

    def values(self, places: Places, name: str) -> np.ndarray:
        """Value of a feature at each amount."""
        alone = replace(self._features, names=(name,))
        return build_features(self.rows(places, delivered_columns(name)), alone)[:, 0]

    def stretches(self, places: Places, name: str) -> np.ndarray:
        """Number of a feature's stretch at each amount; 0 if it has one stretch, or no value."""
        numbers = build_stretches(self.rows(places, delivered_columns(name)), self._features, name)
        return np.zeros(len(places)) if numbers is None else np.nan_to_num(numbers)


def _amounts(places: Places) -> np.ndarray:
    """Amounts as a decimal of two places reads: the quotient is correctly rounded."""
    return places / HUNDREDTHS


def _allowed_range(line: _Line, now: float, contract: RowContract) -> _Range:
    """Amounts around the present one with which the row keeps every critical rule."""
    below = int(np.floor(now * HUNDREDTHS))
    # Steps away from the present amount: the last known to be allowed, the first known not to be.
    down, up = (0, below + 1), (0, _MOST_STEPS + 1 - below)
    while down[1] - down[0] > 1 or up[1] - up[0] > 1:
        steps_down, steps_up = _between(*down), _between(*up)
        rows = line.rows(np.concatenate([below + 1 - steps_down, below + steps_up]))
        is_broken = np.zeros(rows.num_rows, dtype=bool)
        verdicts = contract.check_rows(rows, about=line.field)
        is_broken[critical_positions(contract.rules, verdicts)] = True
        down = _closer(down, steps_down, is_broken[: len(steps_down)])
        up = _closer(up, steps_up, is_broken[len(steps_down) :])
    return _Range(below + 1 - down[0], below + up[0])


def _between(first: int, last: int) -> np.ndarray:
    """Whole numbers between two, without the two; evenly spread ones, if they are many.

    >>> _between(3, 6).tolist(), _between(3, 4).tolist()
    ([4, 5], [])
    """
    if last - first <= _CHECKED_AMOUNTS:
        return np.arange(first + 1, last)
    return first + (last - first) // _CHECKED_AMOUNTS * np.arange(1, _CHECKED_AMOUNTS)


def _closer(pair: tuple[int, int], steps: np.ndarray, is_broken: np.ndarray) -> tuple[int, int]:
    """The pair of allowed and not allowed steps after some steps between them were judged.

    >>> _closer((0, 9), np.array([2, 4, 6]), np.array([False, True, True]))
    (2, 4)
    """
    allowed, broken = pair
    if is_broken.any():
        broken = int(steps[is_broken.argmax()])
    return max([allowed, *steps[steps < broken][-1:].tolist()]), broken


def _narrowed(line: _Line, allowed: _Range, now: float, names: Sequence[str]) -> _Range:
    """The range, halved towards the present amount until no feature has too many stretches."""
    middle = int(now * HUNDREDTHS)
    first, last = allowed
    while first <= last and max([0, *(_n_turns(line, _Range(first, last), name) for name in names)]) > _MOST_STRETCHES:
        first, last = (first + middle + 1) // 2, (last + middle) // 2
    return _Range(first, last)


def _n_turns(line: _Line, searched: _Range, name: str) -> int:
    """Number of turns from one stretch of a feature to the next that a range has at most."""
    numbers = line.stretches(np.array(searched), name)
    return int(min(abs(numbers[1] - numbers[0]), searched.last - searched.first))


def _cell_ends(line: _Line, searched: _Range, now: float, limits: Mapping[str, np.ndarray]) -> Places:
    """Ends of the cells of equal pd towards the present amount, and what lies beside it, ascending."""
    if searched.first > searched.last:
        return np.empty(0, np.int64)
    below = int(np.floor(now * HUNDREDTHS))
    beside = np.arange(below - 1, below + 3)
    starts = [_starts_of_cells(line, searched, name, thresholds) for name, thresholds in limits.items()]
    cells = np.unique(np.concatenate([beside[:0], *starts]))
    is_above = _amounts(cells) > now
    ends = np.unique(np.concatenate([cells[is_above], cells[~is_above] - 1, beside]))
    is_within = (searched.first <= ends) & (ends <= searched.last) & (_amounts(ends) != now)
    return ends[is_within]


def _starts_of_cells(line: _Line, searched: _Range, name: str, thresholds: np.ndarray) -> Places:
    """Amounts at which a stretch of a feature begins, or at which it has just crossed a threshold."""
    begins = _starts_of_stretches(line, searched, name)
    ends = np.append(begins[1:] - 1, searched.last)
    crossed = _crossings(lambda places: line.values(places, name), thresholds, begins, ends)
    return np.concatenate([begins, crossed])


def _starts_of_stretches(line: _Line, searched: _Range, name: str) -> Places:
    """First amount of each stretch of a feature, ascending."""
    first, last = np.array([searched.first]), np.array([searched.last])
    if not (n_turns := _n_turns(line, searched, name)):
        return first
    if n_turns >= searched.last - searched.first:
        return np.arange(searched.first, searched.last + 1)
    lowest = line.stretches(np.array(searched), name).min()
    halves = lowest + np.arange(n_turns) + 0.5
    turns = _crossings(lambda places: line.stretches(places, name), halves, first, last)
    return np.unique(np.concatenate([first, turns]))


def _crossings(
    value: Callable[[Places], np.ndarray],
    thresholds: np.ndarray,
    first: Places,
    last: Places,
) -> Places:
    """First amounts on the other side of a threshold, found by bisection.

    Args:
        value: number at each amount; between a first and its last it never falls, or never rises.
        thresholds: numbers that may be crossed, shape (thresholds,).
        first, last: ends of the spans of amounts that are searched, shape (spans,).

    >>> _crossings(lambda places: 10.0 - places, np.array([3.0, 30.0]), np.array([0]), np.array([9]))
    array([7])
    """
    is_above = value(first)[:, np.newaxis] > thresholds
    span, threshold = np.nonzero(is_above != (value(last)[:, np.newaxis] > thresholds))
    begins_above = is_above[span, threshold]
    low, high = first[span], last[span]
    while (high - low > 1).any():
        middle = (low + high) // 2
        is_before = (value(middle) > thresholds[threshold]) == begins_above
        low, high = np.where(is_before, middle, low), np.where(is_before, high, middle)
    return high


def _nearest_first(places: Places, now: float) -> Places:
    """Amounts by their distance to the present one; of two equally near the lesser first."""
    present = now * HUNDREDTHS
    if round(present) / HUNDREDTHS == now:
        present = round(present)  # the product may be off by its last bit, and part what is equally near
    return places[np.lexsort((places, np.abs(places - present)))]
