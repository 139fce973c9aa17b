"""LightGBM's text format, read without LightGBM: the trees of a model of numbers.

The format is that of LightGBM's `GBDT::SaveModelToString` and `Tree::ToString` (v4). A split treats
a value as `Tree::NumericalDecision` in its `tree.h` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

Missing = Literal["none", "zero", "nan"]
_MISSING: Final[tuple[Missing, ...]] = ("none", "zero", "nan")
# Bits of `decision_type`.
_CATEGORICAL: Final = 1
_DEFAULT_LEFT: Final = 2
_MISSING_SHIFT: Final = 2
_MISSING_MASK: Final = 3
NEARLY_ZERO: Final = float(np.float32(1e-35))
"""LightGBM's `kZeroThreshold`: it treats a value up to this size as zero. Its `c_api.cpp` leaves
such a value out when it reads a row."""


class UnfitTreesError(ValueError):
    """The model's trees cannot be read, or tabulated, exactly. The message says why."""


class SplitColumn(NamedTuple):
    """Feature as a split reads it."""

    feature: int
    missing: Missing
    """Values that count as missing: none (NaN is 0), zero and NaN, or NaN alone."""
    missing_goes_left: bool


class Split(NamedTuple):
    """Split of a tree: a row goes left if its value is at most the threshold."""

    column: SplitColumn
    threshold: float


@dataclass(frozen=True, slots=True)
class Tree:
    """Tree of numbered splits. A child below 0 is leaf `~child`."""

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
    """Read the trees of a model in LightGBM's text format.

    The raw score is the sum of one leaf of each tree, in their order.

    Raises:
        UnfitTreesError: the model has several classes, averages its trees, splits by category, has
            linear leaves, is damaged, or is not a LightGBM model at all.
    """
    head, *blocks = text.split("\nTree=")
    facts = _facts(head)
    if facts.get("num_class") != "1" or facts.get("num_tree_per_iteration") != "1":
        raise UnfitTreesError("it is not a LightGBM model of one class")
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
    lengths = {len(tree.splits), len(tree.left), len(tree.right), len(tree.split_rows)}
    if n_splits and lengths != {n_splits}:
        raise UnfitTreesError("a tree of it is incomplete")
    if n_splits and (len(tree.leaf_rows) != n_splits + 1 or min(*tree.split_rows, *tree.leaf_rows) <= 0):
        raise UnfitTreesError("it does not tell how many training rows came to each split and leaf")
    if n_splits and not _is_whole(tree):
        raise UnfitTreesError("a tree of it does not lead to each leaf once")
    if not np.isfinite(tree.leaf_values).all():
        raise UnfitTreesError("a leaf of it has no finite value")
    return tree


def _is_whole(tree: Tree) -> bool:
    """True if every leaf, and every split but the first, lies once below an earlier split.

    LightGBM numbers splits so.
    """
    parents = {child: number for children in (tree.left, tree.right) for number, child in enumerate(children)}
    n_splits = len(tree.splits)
    # There are as many splits and leaves here as there are children, so none lies below two.
    is_complete = parents.keys() == {*range(1, n_splits), *range(~n_splits, 0)}
    return is_complete and all(parent < child for child, parent in parents.items() if child > 0)


def _read_splits(facts: dict[str, str]) -> Iterator[Split]:
    features = facts.get("split_feature", "").split()
    thresholds = facts.get("threshold", "").split()
    kinds = facts.get("decision_type", "").split()
    for feature, threshold, kind in zip(features, thresholds, kinds, strict=True):
        bits = int(kind)
        if bits & _CATEGORICAL:
            raise UnfitTreesError("it splits by category")
        missing = _MISSING[bits >> _MISSING_SHIFT & _MISSING_MASK]
        # If nothing counts as missing, the default direction has no effect. It is dropped, so that
        # splits of equal effect are equal.
        goes_left = missing != "none" and bool(bits & _DEFAULT_LEFT)
        yield Split(SplitColumn(int(feature), missing, goes_left), float(threshold))
