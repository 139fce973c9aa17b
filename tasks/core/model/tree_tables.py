"""Exact raw scores and Shapley contributions of small trees, looked up in tables.

What a tree gives a row depends on nothing but the outcome, left or right, of each of its splits. With at most 8 splits
those are the bits of one byte, and whatever the tree gives can be computed beforehand for all 256 bytes: its leaf's
value, and the contribution of every feature family. A row's outcomes are put together once, and the rest is looking up.

**Contributions.** They are those of TreeSHAP with path-dependent expectations (Lundberg, Erion and Lee 2018,
"Consistent individualized feature attribution for tree ensembles", arXiv:1802.03888), as LightGBM's `pred_contrib`
computes them. Given the features in S, the tree is expected to give

    v(S) = sum over leaves of  value * product over features i on its path of (o_i if i in S else z_i)

where o_i is 1 if the row keeps all splits on i along the path and 0 otherwise, and z_i is the share of training rows
that keep them, split by split. Shapley values are linear, so leaves can be taken one by one; for one with u features

    phi_j = value * (o_j - z_j) * sum over k of  k! (u - 1 - k)! / u! * e_k

with e_k the sum, over all choices of k of the other features, of the product of their o and of the z of the rest: the
coefficients of the polynomial  product over i != j of (z_i + o_i t).

**Cutting.** A tree with more splits is cut: a leaf's share needs the splits on its path alone, so a subtree with the
splits above it is a table of its own, as soon as they are no more than 8 together. A row adds up one entry of each. Of
a tree's entries all but one are 0 for the raw score, so it stays LightGBM's, bit by bit: leaf values added in the order
of the trees.
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
"""In all tables together: 128 MB."""
BLOCK_ROWS: Final = 16_384
_TOGETHER: Final = 32
"""Rows and tables that are worked on at a time. Calls must be few: threads wait for each other between them."""


class _Step(NamedTuple):
    """One split on the way to a leaf."""

    split: Split
    goes_left: bool
    share: float
    """Of the training rows that came to the split, those that went this way."""


class _Leaf(NamedTuple):
    value: float
    path: tuple[_Step, ...]


class _Subtree(NamedTuple):
    """Leaves that share a table."""

    splits: tuple[Split, ...]
    """All that lie on their paths, no more than `MAX_BITS`; the place of each is its bit in a key."""
    leaves: tuple[_Leaf, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """What a subtree gives for every key."""

    outcomes: tuple[int, ...]
    """For each bit, highest first, the row of the outcomes that it is taken from."""
    leaf_values: np.ndarray
    """Raw score, shape (keys,); 0 where the row's leaf is in another subtree."""
    contributions: Mapping[int, np.ndarray]
    """Family to its contributions to the raw score, shape (keys,)."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """Some tables laid end to end, and how to look into all of them at once."""

    which: np.ndarray
    """Those of the tables of a stack that are among them, shape (tables,)."""
    firsts: np.ndarray
    """Where the entries of each begin, shape (tables, 1)."""
    entries: np.ndarray
    """Shape (tables * keys,)."""

    def up(self, keys: np.ndarray, places: np.ndarray, found: np.ndarray) -> np.ndarray:
        """What the tables give for the keys, uint8, shape (all tables of the stack, rows).

        `places` and `found` are space to work in, int64 and float64, of that shape.
        """
        n = len(self.which)
        np.add(keys if n == len(keys) else keys[self.which], self.firsts, out=places[:n])
        return np.take(self.entries, places[:n], out=found[:n], mode="wrap")


@dataclass(frozen=True, slots=True)
class _Stack:
    """Tables that follow each other, looked up together."""

    outcomes: np.ndarray
    """The rows of the outcomes that keys are made of, int64, shape (bits, tables), highest bit first."""
    leaf_values: _Looked
    contributions: Mapping[int, _Looked]
    """By family."""

    def keys(self, outcomes: np.ndarray) -> np.ndarray:
        """The key of each row in each table, uint8, shape (tables, rows)."""
        keys = np.zeros((self.outcomes.shape[1], outcomes.shape[1]), np.uint8)
        bits = np.empty_like(keys)
        for places in self.outcomes:  # doubling is far faster than shifting
            np.add(keys, keys, out=keys)
            np.bitwise_or(keys, np.take(outcomes, places, axis=0, out=bits, mode="wrap"), out=keys)
        return keys


class TreeTables:
    """A model of small trees, scored and explained from tables. It may be asked by several threads at once."""

    caveat: None = None

    def __init__(self, text: str, families: np.ndarray) -> None:
        """Work out the tables of a model in LightGBM's text format.

        Args:
            text: the model.
            families: of its features, as `features.family_numbers` gives them, shape (features,).

        Raises:
            UnfitTreesError: it cannot be done exactly: `trees.read_trees` says what else it refuses; a leaf lies behind
                more than 8 different splits; or the tables would take too much memory.
        """
        subtrees = [subtree for tree in read_trees(text) for subtree in _cut(tree, 0 if tree.splits else ~0, ())]
        numbers = sum((1 + len(_families(subtree, families))) << len(subtree.splits) for subtree in subtrees)
        if numbers > _MAX_NUMBERS:
            raise UnfitTreesError(f"its tables would hold {numbers:,} numbers, more than {_MAX_NUMBERS:,}")
        splits = sorted({split for subtree in subtrees for split in subtree.splits})
        self.n_tables = len(subtrees)
        self._n_features = len(families)
        self._thresholds = {
            column: np.array([split.threshold for split in splits if split.column == column])
            for column in dict.fromkeys(split.column for split in splits)
        }
        places = {split: place for place, split in enumerate(splits)}
        tables = [_tabulate(subtree, places, families) for subtree in subtrees]
        starts = range(0, len(tables), _TOGETHER)
        self._stacks = [_stack(tables[start : start + _TOGETHER], nowhere=len(splits)) for start in starts]

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        """Raw scores (log-odds), float64, shape (rows,), to the last bit those of LightGBM."""
        scores = np.zeros(len(matrix))
        for rows, outcomes in self._by_blocks(matrix):
            space = _space(outcomes)
            for stack in self._stacks:
                for values in stack.leaf_values.up(stack.keys(outcomes), *space):
                    scores[rows] += values  # tree by tree: NumPy's own sums add in another order
        return scores

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Exact Shapley contributions to each raw score (log-odds), shape (rows, families), as `Engine` has them."""
        summed = np.zeros((len(FAMILIES), len(matrix)))
        for rows, outcomes in self._by_blocks(matrix):
            space = _space(outcomes)
            for stack in self._stacks:
                keys = stack.keys(outcomes)
                for family, tables in stack.contributions.items():
                    for values in tables.up(keys, *space):
                        summed[family, rows] += values
        return summed.T

    def _by_blocks(self, matrix: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of rows with the outcomes of their splits."""
        if matrix.ndim != 2 or matrix.shape[1] != self._n_features:  # noqa: PLR2004 - rows and features
            raise ValueError(f"a matrix of {self._n_features} features is needed, not of shape {matrix.shape}")
        for start in range(0, len(matrix), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            yield rows, self._outcomes(matrix[rows])

    def _outcomes(self, matrix: np.ndarray) -> np.ndarray:
        """1 where a row goes left, 0 where right; a row for every split, and one of zeros; uint8, shape (all, rows)."""
        outcomes = np.empty((1 + sum(map(len, self._thresholds.values())), len(matrix)), dtype=bool)
        outcomes[-1], first = False, 0
        for column, thresholds in self._thresholds.items():
            values, last = _looked_at(matrix[:, column.feature], column, thresholds), first + len(thresholds)
            goes_left, limits = outcomes[first:last], thresholds[:, np.newaxis]
            if column.missing_goes_left:  # NaN is neither above a threshold nor below
                np.logical_not(np.greater(values, limits, out=goes_left), out=goes_left)
            else:
                np.less_equal(values, limits, out=goes_left)
            first = last
        return outcomes.view(np.uint8)


def _space(outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and values of a stack, to be used again: new memory costs more than what is done in it."""
    shape = _TOGETHER, outcomes.shape[1]
    return np.empty(shape, np.intp), np.empty(shape)


def _stack(tables: Sequence[_Table], *, nowhere: int) -> _Stack:
    """Tables side by side; those of few bits get leading ones that are never set, from the outcomes' row `nowhere`."""
    bits = max(len(table.outcomes) for table in tables)
    outcomes = [(nowhere,) * (bits - len(table.outcomes)) + table.outcomes for table in tables]

    def laid_out(parts: Mapping[int, np.ndarray]) -> _Looked:
        entries = np.zeros((len(parts), 1 << bits))
        for row, part in zip(entries, parts.values(), strict=True):
            row[: len(part)] = part
        return _Looked(np.array(list(parts)), np.arange(len(parts))[:, np.newaxis] << bits, entries.ravel())

    return _Stack(
        np.array(outcomes, dtype=np.intp).reshape(len(tables), bits).T,
        laid_out({number: table.leaf_values for number, table in enumerate(tables)}),
        {
            family: laid_out(
                {n: table.contributions[family] for n, table in enumerate(tables) if family in table.contributions}
            )
            for family in sorted({family for table in tables for family in table.contributions})
        },
    )


def _looked_at(values: np.ndarray, column: SplitColumn, thresholds: np.ndarray) -> np.ndarray:
    """Values as the splits of a column look at them: what is missing is NaN."""
    if np.abs(thresholds).min() <= NEARLY_ZERO:  # any other threshold has zero and what nearly is on one side
        values = np.where(np.abs(values) <= NEARLY_ZERO, 0.0, values)
    if column.missing == "zero":
        return np.where(np.abs(values) <= NEARLY_ZERO, np.nan, values)
    if column.missing == "none" and (is_nan := np.isnan(values)).any():
        return np.where(is_nan, 0.0, values)
    return values


def _cut(tree: Tree, child: int, path: tuple[_Step, ...]) -> Iterator[_Subtree]:
    """The subtrees of what lies below, from left to right, as large as a key has room for."""
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
        yield below, _Step(tree.splits[number], goes_left, tree.rows(below) / tree.split_rows[number])


def _families(subtree: _Subtree, families: np.ndarray) -> set[int]:
    return {int(families[split.column.feature]) for split in subtree.splits}


def _tabulate(subtree: _Subtree, places: Mapping[Split, int], families: np.ndarray) -> _Table:
    keys = np.arange(1 << len(subtree.splits))
    goes_left = {split: (keys >> bit & 1).astype(bool) for bit, split in enumerate(subtree.splits)}
    leaf_values = np.zeros(len(keys))
    contributions = {family: np.zeros(len(keys)) for family in sorted(_families(subtree, families))}
    for leaf in subtree.leaves:
        kept: dict[int, np.ndarray] = {}
        shares: dict[int, float] = {}
        for step in leaf.path:
            feature = step.split.column.feature
            kept[feature] = kept.get(feature, True) & (goes_left[step.split] == step.goes_left)
            shares[feature] = shares.get(feature, 1.0) * step.share
        is_reached = np.logical_and.reduce([np.ones(len(keys), dtype=bool), *kept.values()])
        leaf_values[is_reached] = leaf.value
        for feature, shapley in zip(kept, _shapley(list(kept.values()), list(shares.values())), strict=True):
            contributions[int(families[feature])] += leaf.value * shapley
    return _Table(tuple(places[split] for split in reversed(subtree.splits)), leaf_values, contributions)


def _shapley(kept: Sequence[np.ndarray], shares: Sequence[float]) -> Iterator[np.ndarray]:
    """The contribution of each feature on a leaf's path, for a leaf of value 1, as the head of this module derives it.

    Args:
        kept: o of each feature for every key, bool, shape (keys,).
        shares: z of each.
    """
    n = len(kept)
    weights = [math.factorial(k) * math.factorial(n - 1 - k) / math.factorial(n) for k in range(n)]
    for j in range(n):
        coefficients: list[Any] = [1.0]
        for o, z in ((kept[i], shares[i]) for i in range(n) if i != j):
            padded = [0.0, *coefficients, 0.0]
            coefficients = [z * padded[k + 1] + o * padded[k] for k in range(len(coefficients) + 1)]
        yield (kept[j] - shares[j]) * sum(weight * e for weight, e in zip(weights, coefficients, strict=True))
