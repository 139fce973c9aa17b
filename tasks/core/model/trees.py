"""LightGBM's text format, read without LightGBM: the trees of a model of numbers.

The format is that of LightGBM's `GBDT::SaveModelToString` and `Tree::ToString` (v4); what a split does with a value is
`Tree::NumericalDecision` in its `tree.h`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

Missing = Literal["none", "zero", "nan"]
_MISSING: Final[tuple[Missing, ...]] = ("none", "zero", "nan")
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT, _MISSING_MASK = 1, 2, 2, 3
"""Bits of `decision_type`."""
NEARLY_ZERO: Final = float(np.float32(1e-35))
"""LightGBM's `kZeroThreshold`: up to this a value is zero to it; its `c_api.cpp` leaves it out when it reads a row."""


class UnfitTreesError(ValueError):
    """The model is not made of trees that can be read, or tabulated, exactly; says why."""


class SplitColumn(NamedTuple):
    """A feature as a split looks at it."""

    feature: int
    missing: Missing
    """What counts as missing: nothing (NaN is 0), zero and NaN, or NaN."""
    missing_goes_left: bool


class Split(NamedTuple):
    """A row goes left where its value is at most the threshold."""

    column: SplitColumn
    threshold: float


@dataclass(frozen=True, slots=True)
class Tree:
    """Splits by number; a child below 0 is leaf `~child`."""

    splits: tuple[Split, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    split_rows: tuple[float, ...]
    """Training rows that came to each split."""
    leaf_values: tuple[float, ...]
    """Raw score (log-odds) that each leaf adds."""
    leaf_rows: tuple[float, ...]

    def rows(self, child: int) -> float:
        """Training rows that came to a split, or to a leaf."""
        return self.split_rows[child] if child >= 0 else self.leaf_rows[~child]


def read_trees(text: str) -> tuple[Tree, ...]:
    """The trees of a model in LightGBM's text format; its raw score is the sum of one leaf of each, in their order.

    Raises:
        UnfitTreesError: the model has several classes, averages its trees, splits by category, has linear leaves,
            is damaged, or is no LightGBM model at all.
    """
    head, *blocks = text.split("\nTree=")
    facts = _facts(head)
    if facts.get("num_class") != "1" or facts.get("num_tree_per_iteration") != "1":
        raise UnfitTreesError("it is no LightGBM model of one class")
    if "average_output" in head.splitlines():
        raise UnfitTreesError("it averages its trees")
    trees = tuple(_read_tree(_facts(block.split("\nend of trees", 1)[0])) for block in blocks)
    features = {split.column.feature for tree in trees for split in tree.splits}
    if not features <= set(range(len(facts.get("feature_names", "").split()))):
        raise UnfitTreesError("it splits by a feature that it does not have")
    return trees


def _facts(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _read_tree(facts: dict[str, str]) -> Tree:
    if facts.get("is_linear", "0") != "0":
        raise UnfitTreesError("it has linear leaves")
    if facts.get("num_cat") != "0":
        raise UnfitTreesError("it splits by category")
    try:
        tree = Tree(
            tuple(_read_splits(facts)),
            tuple(map(int, facts.get("left_child", "").split())),
            tuple(map(int, facts.get("right_child", "").split())),
            tuple(map(float, facts.get("internal_count", "").split())),
            tuple(map(float, facts["leaf_value"].split())),
            tuple(map(float, facts.get("leaf_count", "").split())),
        )
    except (KeyError, ValueError, IndexError) as error:
        raise UnfitTreesError(f"a tree of it cannot be read ({error!r})") from None
    n_splits = len(tree.leaf_values) - 1
    if n_splits and {len(tree.splits), len(tree.left), len(tree.right), len(tree.split_rows)} != {n_splits}:
        raise UnfitTreesError("a tree of it is incomplete")
    if n_splits and (len(tree.leaf_rows) != n_splits + 1 or min(*tree.split_rows, *tree.leaf_rows) <= 0):
        raise UnfitTreesError("it does not tell how many training rows came to each split and leaf")
    if n_splits and not _is_whole(tree):
        raise UnfitTreesError("a tree of it does not lead to each leaf once")
    if not np.isfinite(tree.leaf_values).all():
        raise UnfitTreesError("a leaf of it has no finite value")
    return tree


def _is_whole(tree: Tree) -> bool:
    """Whether every split but the first, and every leaf, lies once below an earlier split, as LightGBM numbers them."""
    parents = {child: number for children in (tree.left, tree.right) for number, child in enumerate(children)}
    n_splits = len(tree.splits)
    is_complete = parents.keys() == {*range(1, n_splits), *range(~n_splits, 0)}  # as many as there are children
    return is_complete and all(parent < child for child, parent in parents.items() if child > 0)


def _read_splits(facts: dict[str, str]) -> Iterator[Split]:
    features, thresholds = facts.get("split_feature", "").split(), facts.get("threshold", "").split()
    for feature, threshold, kind in zip(features, thresholds, facts.get("decision_type", "").split(), strict=True):
        bits = int(kind)
        if bits & _CATEGORICAL:
            raise UnfitTreesError("it splits by category")
        missing = _MISSING[bits >> _MISSING_SHIFT & _MISSING_MASK]
        # Where nothing counts as missing, the default says nothing; so equal splits are told to be equal.
        goes_left = missing != "none" and bool(bits & _DEFAULT_LEFT)
        yield Split(SplitColumn(int(feature), missing, goes_left), float(threshold))
