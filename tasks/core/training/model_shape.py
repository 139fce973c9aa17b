"""The shape of a model, the cost of its exact reasons, and the choice among several shapes.

Exact Shapley contributions of small trees can be looked up instead of computed. A contribution
depends only on the outcomes of the splits that a row can meet, so a table with one entry for each
combination of outcomes holds them all. A tree with more splits than a table has bits is cut into
subtrees, each with the splits on the path to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any, Final

import numpy as np

TABLE_BITS: Final = 8
"""Splits that one table covers. Its keys are bytes, so a table has at most 256 entries."""
DEEPEST: Final = 8
"""Depth of the deepest tree with tables of `TABLE_BITS`. At depth 9 the path alone would need all
bits."""


@dataclass(frozen=True, slots=True)
class TriedShape:
    """Shape of a model, its out-of-fold figures, and the cost of its reasons."""

    depth: int
    n_trees: int
    learning_rate: float
    min_rows_per_leaf: int
    feature_share: float
    row_share: float
    l2: float
    auc: float
    log_loss: float
    """Mean log-loss of the calibrated, cross-fitted pd."""
    cost: float
    """Cost per application, in units of the cost matrix, at the break-even cut-off."""
    reasons_per_second: float = field(default=0.0, compare=False)
    """Rows a second that LightGBM itself explains (`pred_contrib`), measured on the training
    machine."""
    excess_loss: float = 0.0
    """Log-loss above that of the best shape tried."""
    excess_error: float = 0.0
    """Standard error of `excess_loss`, paired over rows."""
    is_chosen: bool = True

    @property
    def price(self) -> int:
        """Table look-ups for the exact reasons of one row."""
        return self.n_trees * lookups_per_tree(self.depth)

    def figures(self) -> dict[str, Any]:
        """All figures by name, including the price."""
        return asdict(self) | {"price": self.price}


@cache
def lookups_per_tree(depth: int) -> int:
    """Number of tables for a full tree of this depth, each of at most `TABLE_BITS` bits.

    >>> [lookups_per_tree(depth) for depth in range(1, 9)]
    [1, 1, 1, 2, 8, 16, 32, 128]

    Raises:
        ValueError: the tree is deeper than `DEEPEST`, or has no split.
    """
    if not 1 <= depth <= DEEPEST:
        raise ValueError(f"trees of depth {depth} have no tables; depths 1 to {DEEPEST} have")
    return _tables(above=0, depth=depth)


def _tables(*, above: int, depth: int) -> int:
    """Number of tables for a full subtree of a depth with some splits above it."""
    if above + 2**depth - 1 <= TABLE_BITS:
        return 1
    return 2 * _tables(above=above + 1, depth=depth - 1)


def log_losses(pd: np.ndarray, defaulted: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the probability of each row's outcome, float32, shape (rows,)."""
    given = np.where(defaulted, pd, 1 - pd)
    return np.asarray(-np.log(np.maximum(given, np.finfo(np.float64).tiny)), dtype=np.float32)


def choose_shape(shapes: Sequence[TriedShape], losses: Sequence[np.ndarray]) -> tuple[TriedShape, ...]:
    """Choose the cheapest of the shapes that are as good as the best.

    All shapes come back with their distance from the best; the chosen one is marked. A shape is as
    good as the best if its mean log-loss is within one standard error of the lowest (Breiman et al.
    1984, "Classification and Regression Trees", section 3.4.3). The error is that of the
    difference, row by row. It is far smaller than the error of either shape, because both are
    judged by the same applicants. The cheapest has the lowest price; then fewer trees, then the
    lower loss.

    Args:
        shapes: tried shapes, at least one.
        losses: log-losses of each shape, row by row.
    """
    means = [float(loss.mean(dtype=np.float64)) for loss in losses]
    lowest = min(means)
    best = losses[int(np.argmin(means))].astype(np.float64)
    placed = [
        replace(
            shape,
            excess_loss=mean - lowest,
            excess_error=_error_of_mean(loss - best),
            is_chosen=False,
        )
        for shape, loss, mean in zip(shapes, losses, means, strict=True)
    ]
    as_good = [shape for shape in placed if shape.excess_loss <= shape.excess_error]
    chosen = min(as_good, key=lambda shape: (shape.price, shape.n_trees, shape.log_loss))
    return tuple(replace(shape, is_chosen=shape is chosen) for shape in placed)


def shapes_table(shapes: Sequence[TriedShape]) -> str:
    """Tried shapes as a Markdown table, cheapest first."""
    head = (
        "depth", "trees", "rate", "AUC", "log-loss", "above the best", "cost", "price",
        "reasons/s", "",
    )  # fmt: skip
    cheapest_first = sorted(shapes, key=lambda shape: (shape.price, shape.log_loss))
    rows = [_table_row(shape) for shape in cheapest_first]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def _table_row(shape: TriedShape) -> tuple[str, ...]:
    return (
        f"{shape.depth}",
        f"{shape.n_trees:,}",
        f"{shape.learning_rate:.3f}",
        f"{shape.auc:.4f}",
        f"{shape.log_loss:.5f}",
        f"{shape.excess_loss:.5f} ± {shape.excess_error:.5f}",
        f"{shape.cost:.4f}",
        f"{shape.price:,}",
        f"{shape.reasons_per_second:,.0f}",
        "chosen" if shape.is_chosen else "",
    )


def _error_of_mean(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
