"""Exact raw scores and Shapley contributions of small trees, looked up in tables.

The score and the contributions of a tree for a row depend only on the outcome, left or right, of
each of its splits. With at most 8 splits the outcomes are the bits of one byte. So the leaf's value
and the contribution of every feature family can be computed beforehand for all 256 bytes. The
outcomes of a row are put together once, and the rest is looking up.

**Contributions.** They are those of TreeSHAP with path-dependent expectations (Lundberg, Erion and
Lee 2018, "Consistent individualized feature attribution for tree ensembles", arXiv:1802.03888), as
LightGBM's `pred_contrib` computes them. Given the features in S, the expected value of the tree is

    v(S) = sum over leaves of  value * product over features i on its path of
           (o_i if i in S else z_i)

where o_i is 1 if the row keeps all splits on i along the path and 0 otherwise, and z_i is the share
of training rows that keep them, split by split. Shapley values are linear, so each leaf can be
taken alone. For a leaf with u features

    phi_j = value * (o_j - z_j) * sum over k of  k! (u - 1 - k)! / u! * e_k

with e_k the sum, over all choices of k of the other features, of the product of their o and of the
z of the rest: the coefficients of the polynomial  product over i != j of (z_i + o_i t).

**Cutting.** A tree with more splits is cut. What a leaf adds to a score or a contribution depends
only on the splits on its path. So a subtree, with the splits above it, is a table of its own, as
soon as they are at most 8 together. A row adds up one entry of each table. For the raw score all
entries of a tree but one are 0. So the raw score is LightGBM's, bit by bit: leaf values added in
the order of the trees.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.trees import NEARLY_ZERO, Split, SplitColumn, Tree, UnfitTreesError, read_trees

MAX_BITS: Final = 8
"""Outcomes that a key, one byte, can hold."""
_MAX_NUMBERS: Final = 1 << 24
"""Numbers in all tables together at most: 128 MB."""
BLOCK_ROWS: Final = 16_384
"""Rows that are scored at a time."""
_TOGETHER: Final = 32
"""Tables that are looked up at a time. Calls must be few, because threads wait for each other
between them."""
_NEVER: Final = -1
"""Outcomes that no key has."""


class _Step(NamedTuple):
    """One split on the way to a leaf."""

    split: Split
    goes_left: bool
    share: float
    """Share of the training rows at the split that went this way."""


class _Leaf(NamedTuple):
    value: float
    path: tuple[_Step, ...]


class _Subtree(NamedTuple):
    """Leaves that share a table."""

    splits: tuple[Split, ...]
    """Splits on the paths of the leaves, at most `MAX_BITS`. The place of a split is its bit in a
    key."""
    leaves: tuple[_Leaf, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """Results of a subtree for every key."""

    outcomes: tuple[int, ...]
    """Row of the outcomes from which each bit is taken, highest bit first."""
    leaf_values: np.ndarray
    """Raw score, shape (keys,); 0 if the row's leaf is in another subtree."""
    contributions: Mapping[int, np.ndarray]
    """Family to its contributions to the raw score, shape (keys,)."""


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Some tables of a stack, laid end to end, so that one call reads all of them."""

    numbers: np.ndarray
    """Number of each table in the stack, shape (tables,)."""
    starts: np.ndarray
    """Place of the first entry of each table, shape (tables, 1)."""
    entries: np.ndarray
    """Entries of all tables, shape (tables * keys,)."""

    def entries_at(self, keys: np.ndarray, places: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Look up the entries of these tables, float64, shape (tables, rows).

        Args:
            keys: key of each row in every table of the stack, uint8, shape (tables, rows).
            places: space to work in, int64, at least of that shape.
            found: space for the entries, float64, at least of that shape.
        """
        n = len(self.numbers)
        own_keys = keys if n == len(keys) else keys[self.numbers]
        np.add(own_keys, self.starts, out=places[:n])
        return np.take(self.entries, places[:n], out=found[:n], mode="wrap")


@dataclass(frozen=True, slots=True)
class _Stack:
    """Tables that follow each other and are looked up together."""

    outcomes: np.ndarray
    """Rows of the outcomes that keys are made of, int64, shape (bits, tables), highest bit
    first."""
    leaf_values: _Lookup
    contributions: Mapping[int, _Lookup]
    """Family to its tables."""

    def keys(self, outcomes: np.ndarray) -> np.ndarray:
        """Key of each row in each table, uint8, shape (tables, rows)."""
        keys = np.zeros((self.outcomes.shape[1], outcomes.shape[1]), np.uint8)
        bits = np.empty_like(keys)
        for places in self.outcomes:  # doubling is far faster than shifting
            np.add(keys, keys, out=keys)
            np.take(outcomes, places, axis=0, out=bits, mode="wrap")
            np.bitwise_or(keys, bits, out=keys)
        return keys


class TreeTables:
    """Model of small trees, scored and explained from tables by any number of threads at once."""

    caveat: None = None

    def __init__(self, text: str, families: np.ndarray) -> None:
        """Compute the tables of a model in LightGBM's text format.

        Args:
            text: the model.
            families: family of each feature, as `features.family_numbers` gives them, shape
                (features,).

        Raises:
            UnfitTreesError: the tables would not be exact or would be too large: `trees.read_trees`
                refuses the model, a leaf lies behind more than 8 different splits, or the tables
                would take too much memory.
        """
        subtrees: list[_Subtree] = []
        for tree in read_trees(text):
            root = 0 if tree.splits else ~0
            subtrees += _cut(tree, root, ())
        numbers = sum(_size(subtree, families) for subtree in subtrees)
        if numbers > _MAX_NUMBERS:
            raise UnfitTreesError(f"its tables would hold {numbers:,} numbers, more than {_MAX_NUMBERS:,}")
        splits = sorted({split for subtree in subtrees for split in subtree.splits})
        self.n_tables = len(subtrees)
        self._n_features = len(families)
        self._thresholds = _thresholds(splits)
        places = {split: place for place, split in enumerate(splits)}
        self._stacks: list[_Stack] = []
        for start in range(0, len(subtrees), _TOGETHER):
            together = _tabulate(subtrees[start : start + _TOGETHER], places, families)
            self._stacks.append(_stack(together, nowhere=len(splits)))

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        """Raw scores (log-odds), float64, shape (rows,), equal to LightGBM's to the last bit."""
        scores = np.zeros(len(matrix))
        for rows, outcomes in self._by_blocks(matrix):
            space = _space(outcomes)
            for stack in self._stacks:
                keys = stack.keys(outcomes)
                for values in stack.leaf_values.entries_at(keys, *space):
                    scores[rows] += values  # tree by tree: NumPy's own sums add in another order
        return scores

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Exact Shapley contributions to each raw score (log-odds), as `Engine` defines them.

        Shape (rows, families).
        """
        summed = np.zeros((len(FAMILIES), len(matrix)))
        for rows, outcomes in self._by_blocks(matrix):
            space = _space(outcomes)
            for stack in self._stacks:
                keys = stack.keys(outcomes)
                for family, tables in stack.contributions.items():
                    for values in tables.entries_at(keys, *space):
                        summed[family, rows] += values
        return summed.T

    def _by_blocks(self, matrix: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Cut a matrix into blocks of rows, each with the outcomes of its splits."""
        if matrix.ndim != 2 or matrix.shape[1] != self._n_features:  # noqa: PLR2004 - rows, features
            raise ValueError(f"expected a matrix of {self._n_features} features, got shape {matrix.shape}")
        for start in range(0, len(matrix), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            yield rows, self._outcomes(matrix[rows])

    def _outcomes(self, matrix: np.ndarray) -> np.ndarray:
        """Outcomes of all splits: 1 if a row goes left, 0 if it goes right.

        One row for every split, and a last one of zeros; uint8, shape (splits + 1, rows).
        """
        n_splits = sum(map(len, self._thresholds.values()))
        outcomes = np.empty((n_splits + 1, len(matrix)), dtype=bool)
        outcomes[-1] = False
        first = 0
        for column, thresholds in self._thresholds.items():
            values = _with_missing(matrix[:, column.feature], column, thresholds)
            last = first + len(thresholds)
            goes_left = outcomes[first:last]
            limits = thresholds[:, np.newaxis]
            if column.missing_goes_left:  # NaN is neither above a threshold nor below
                np.logical_not(np.greater(values, limits, out=goes_left), out=goes_left)
            else:
                np.less_equal(values, limits, out=goes_left)
            first = last
        return outcomes.view(np.uint8)


def _thresholds(splits: Sequence[Split]) -> dict[SplitColumn, np.ndarray]:
    """Column to the thresholds of its splits, both in the order of `splits`."""
    thresholds: dict[SplitColumn, list[float]] = {}
    for split in splits:
        thresholds.setdefault(split.column, []).append(split.threshold)
    return {column: np.array(values) for column, values in thresholds.items()}


def _size(subtree: _Subtree, families: np.ndarray) -> int:
    """Numbers in the table of a subtree: leaf values and contributions, for every key."""
    return (1 + len(_families(subtree, families))) << len(subtree.splits)


def _space(outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Space for the places and entries of a stack.

    It is used again and again, because new memory costs more than the work in it.
    """
    shape = _TOGETHER, outcomes.shape[1]
    return np.empty(shape, np.intp), np.empty(shape)


def _stack(tables: Sequence[_Table], *, nowhere: int) -> _Stack:
    """Lay tables side by side.

    A table of few bits gets leading bits that are never set, from row `nowhere` of the outcomes.
    """
    bits = max(len(table.outcomes) for table in tables)
    outcomes = [(nowhere,) * (bits - len(table.outcomes)) + table.outcomes for table in tables]
    by_family: dict[int, dict[int, np.ndarray]] = {}
    for number, table in enumerate(tables):
        for family, values in table.contributions.items():
            by_family.setdefault(family, {})[number] = values
    leaf_values = {number: table.leaf_values for number, table in enumerate(tables)}
    return _Stack(
        np.array(outcomes, dtype=np.intp).reshape(len(tables), bits).T,
        _lay_out(leaf_values, bits),
        {family: _lay_out(by_family[family], bits) for family in sorted(by_family)},
    )


def _lay_out(parts: Mapping[int, np.ndarray], bits: int) -> _Lookup:
    """Lay tables, given by number, end to end, each with room for keys of so many bits."""
    entries = np.zeros((len(parts), 1 << bits))
    for row, part in zip(entries, parts.values(), strict=True):
        row[: len(part)] = part
    starts = np.arange(len(parts))[:, np.newaxis] << bits
    return _Lookup(np.array(list(parts)), starts, entries.ravel())


def _with_missing(values: np.ndarray, column: SplitColumn, thresholds: np.ndarray) -> np.ndarray:
    """Values as the splits of a column read them: a missing one is NaN."""
    # Any other threshold has zero and all nearly zero values on one side.
    if np.abs(thresholds).min() <= NEARLY_ZERO:
        values = np.where(np.abs(values) <= NEARLY_ZERO, 0.0, values)
    if column.missing == "zero":
        return np.where(np.abs(values) <= NEARLY_ZERO, np.nan, values)
    if column.missing == "none" and (is_nan := np.isnan(values)).any():
        return np.where(is_nan, 0.0, values)
    return values


def _cut(tree: Tree, child: int, path: tuple[_Step, ...]) -> Iterator[_Subtree]:
    """Cut a tree below `child` into subtrees as large as a key has room for, from left to right."""
    leaves = tuple(_leaves(tree, child, path))
    splits = tuple(dict.fromkeys(step.split for leaf in leaves for step in leaf.path))
    if len(splits) <= MAX_BITS:
        yield _Subtree(splits, leaves)
        return
    if child < 0:
        raise UnfitTreesError(f"a leaf of it lies behind {len(splits)} different splits, more than {MAX_BITS}")
    for below, step in _children(tree, child):
        yield from _cut(tree, below, (*path, step))


def _leaves(tree: Tree, child: int, path: tuple[_Step, ...]) -> Iterator[_Leaf]:
    if child < 0:
        yield _Leaf(tree.leaf_values[~child], path)
        return
    for below, step in _children(tree, child):
        yield from _leaves(tree, below, (*path, step))


def _children(tree: Tree, number: int) -> Iterator[tuple[int, _Step]]:
    for below, goes_left in ((tree.left[number], True), (tree.right[number], False)):
        share = tree.rows(below) / tree.split_rows[number]
        yield below, _Step(tree.splits[number], goes_left, share)


def _families(subtree: _Subtree, families: np.ndarray) -> set[int]:
    return {int(families[split.column.feature]) for split in subtree.splits}


class _Conditions(NamedTuple):
    """Conditions under which a row comes to a leaf, feature by feature along its path."""

    features: tuple[int, ...]
    masks: tuple[int, ...]
    """Bits of the splits on each feature."""
    wanted: tuple[int, ...]
    """Outcomes of these bits in a row that keeps them; `_NEVER` if no row does."""
    shares: tuple[float, ...]
    """Share of the training rows that keep the splits on each feature."""


def _tabulate(
    subtrees: Sequence[_Subtree],
    places: Mapping[Split, int],
    families: np.ndarray,
) -> list[_Table]:
    """Compute the tables of some subtrees, all leaves behind as many features at once.

    Args:
        subtrees: their splits and leaves.
        places: split of the model to its row of the outcomes.
        families: family of each feature, shape (features,).
    """
    keys = np.arange(1 << max(len(subtree.splits) for subtree in subtrees), dtype=np.int16)
    tables = [_empty_table(subtree, places, families) for subtree in subtrees]
    owned = [(table, leaf) for table, subtree in zip(tables, subtrees, strict=True) for leaf in subtree.leaves]
    conditions = [_conditions(leaf, subtree.splits) for subtree in subtrees for leaf in subtree.leaves]
    alike: dict[int, list[int]] = {}
    for number, each in enumerate(conditions):
        alike.setdefault(len(each.features), []).append(number)
    added: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for numbers in alike.values():
        values = np.array([owned[number][1].value for number in numbers])
        by_key = _by_key([conditions[number] for number in numbers], values, keys)
        added |= zip(numbers, zip(*by_key, strict=True), strict=True)
    for number, (table, leaf) in enumerate(owned):  # in the order of the leaves, in which sums are exact again
        n_keys = len(table.leaf_values)
        is_reached, contributions = added[number]
        table.leaf_values[is_reached[:n_keys]] = leaf.value
        for feature, contribution in zip(conditions[number].features, contributions, strict=True):
            table.contributions[int(families[feature])][:] += contribution[:n_keys]
    return tables


def _by_key(
    conditions: Sequence[_Conditions],
    values: np.ndarray,
    keys: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Keys that lead to each of some leaves behind as many features, and what each of these contributes for every key.

    Args:
        conditions: those of each leaf.
        values: raw score of each leaf, shape (leaves,).
        keys: all keys, int16.

    Returns:
        Two arrays, of shape (leaves, keys), and of shape (leaves, features, keys).
    """
    shape = len(conditions), len(conditions[0].features)
    masks = np.array([each.masks for each in conditions], dtype=np.int16).reshape(*shape, 1)
    wanted = np.array([each.wanted for each in conditions], dtype=np.int16).reshape(*shape, 1)
    kept = (keys & masks) == wanted
    bits = 1 << np.arange(shape[1])[:, np.newaxis]
    patterns = (kept * bits).sum(axis=1, keepdims=True)
    shapley = _shapley(np.array([each.shares for each in conditions]).reshape(shape))
    contributions = values[:, np.newaxis, np.newaxis] * shapley
    return kept.all(axis=1), np.take_along_axis(contributions, patterns, axis=2)


def _empty_table(subtree: _Subtree, places: Mapping[Split, int], families: np.ndarray) -> _Table:
    n_keys = 1 << len(subtree.splits)
    outcomes = tuple(places[split] for split in reversed(subtree.splits))
    contributions = {family: np.zeros(n_keys) for family in sorted(_families(subtree, families))}
    return _Table(outcomes, np.zeros(n_keys), contributions)


def _conditions(leaf: _Leaf, splits: Sequence[Split]) -> _Conditions:
    """Conditions of a leaf, in bits of the keys of its subtree."""
    masks: dict[int, int] = {}
    wanted: dict[int, int] = {}
    shares: dict[int, float] = {}
    for step in leaf.path:
        feature = step.split.column.feature
        bit = 1 << splits.index(step.split)
        before = wanted.get(feature, 0)
        is_again = masks.get(feature, 0) & bit
        is_contrary = is_again and bool(before & bit) != step.goes_left
        wanted[feature] = _NEVER if is_contrary or before == _NEVER else before | bit * step.goes_left
        masks[feature] = masks.get(feature, 0) | bit
        shares[feature] = shares.get(feature, 1.0) * step.share
    return _Conditions(tuple(masks), tuple(masks.values()), tuple(wanted.values()), tuple(shares.values()))


def _shapley(shares: np.ndarray) -> np.ndarray:
    """Contribution of each feature on the way to leaves of value 1, shape (leaves, features, 2 ** features).

    The last axis is over what a row keeps: bit i is the o of feature i. The head of this module
    derives the formula.

    Args:
        shares: z of each feature on the way to each leaf, shape (leaves, features).
    """
    n = shares.shape[1]
    weights = [math.factorial(k) * math.factorial(n - 1 - k) / math.factorial(n) for k in range(n)]
    kept = (np.arange(1 << n) >> np.arange(n)[:, np.newaxis] & 1).astype(np.float64)
    found = np.empty((*shares.shape, 1 << n))
    for j in range(n):
        coefficients: list[Any] = [1.0]
        for o, z in ((kept[i], shares[:, i, np.newaxis]) for i in range(n) if i != j):
            padded = [0.0, *coefficients, 0.0]
            coefficients = [z * padded[k + 1] + o * padded[k] for k in range(len(coefficients) + 1)]
        weighted = (weight * e for weight, e in zip(weights, coefficients, strict=True))
        found[:, j] = (kept[j] - shares[:, j, np.newaxis]) * sum(weighted)
    return found
