"""Search for the shape of the model.

Shapes are tried on the same folds. The cheapest of those as good as the best is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from configs.policy import Costs
from configs.settings import Training
from tasks.core.decision.policy import cost_at_break_even
from tasks.core.training.cross_fitting import cross_fitted_pd
from tasks.core.training.evaluation import auc_of
from tasks.core.training.model_shape import TriedShape, choose_shape, log_losses
from tasks.errors import ModelError
from tasks.running.context import run_logger
from tasks.training.folds import Fold, configured_trees, score_folds
from tasks.training.records import History, ScoredFolds

if TYPE_CHECKING:
    from tasks.adapters.lightgbm import TreeSettings
    from tasks.adapters.optuna import Bounds

_DEPTH: Final = "max_depth"


@dataclass(frozen=True, slots=True)
class Tried:
    """Shape that was tried, with the out-of-fold scores of its trees."""

    shape: TriedShape
    scored: ScoredFolds
    losses: np.ndarray
    """Log-loss of each row, float32."""


def search_shape(
    folds: Sequence[Fold],
    history: History,
    training: Training,
    judge: Callable[[ScoredFolds], Tried],
) -> tuple[ScoredFolds, tuple[TriedShape, ...]]:
    """Scores of the chosen shape, and all shapes tried.

    The configured shape at every depth comes first, then the shapes that Optuna proposes.

    Raises:
        ModelError: no shape learned anything.
    """
    from tasks.adapters.optuna import search_lowest

    configured = configured_trees(training)
    tried = list[Tried]()

    def loss(numbers: Mapping[str, float]) -> float:
        scored = score_folds(folds, history, with_numbers(configured, numbers), training)
        try:
            tried.append(judge(scored))
        except ValueError as error:
            run_logger().warning("A shape is left out: %s", error)
            return float("inf")
        shape = tried[-1].shape
        run_logger().info(
            "Shape %d of %d: depth %d, rate %.3f, %d trees: log-loss %.5f, AUC %.4f, price %d",
            len(tried), training.search_trials, shape.depth, shape.learning_rate, shape.n_trees,
            shape.log_loss, shape.auc, shape.price,
        )  # fmt: skip
        return shape.log_loss

    bounds = search_bounds(configured)
    numbers = {name: getattr(configured, name) for name in bounds}
    depths = range(configured.max_depth, 0, -1)
    at_each_depth = [numbers | {_DEPTH: depth} for depth in depths]
    trials = training.search_trials
    search_lowest(loss, bounds, first=at_each_depth, trials=trials, seed=training.seed)
    if not tried:
        raise ModelError(
            "No model was registered: no shape learned anything. "
            "Look at the history and its outcomes."
        )  # fmt: skip
    shapes = choose_shape([each.shape for each in tried], [each.losses for each in tried])
    chosen = next(each.scored for each, shape in zip(tried, shapes, strict=True) if shape.is_chosen)
    return chosen, shapes


def search_bounds(configured: TreeSettings) -> dict[str, Bounds]:
    """Numbers that a search varies, each with its bounds.

    No tree is deeper than configured, and the bounds always include the configured numbers.
    """
    from tasks.adapters.optuna import Bounds

    usual = {
        "learning_rate": Bounds(0.02, 0.15, is_log=True),
        "min_rows_per_leaf": Bounds(20, 500, is_log=True, is_whole=True),
        "feature_share": Bounds(0.1, 0.6),
        "row_share": Bounds(0.5, 1.0),
        "l2": Bounds(0.0, 60.0),
    }
    depth = Bounds(1, configured.max_depth, is_whole=True)
    widened = {name: each.including(getattr(configured, name)) for name, each in usual.items()}
    return {_DEPTH: depth} | widened


def with_numbers(configured: TreeSettings, numbers: Mapping[str, float]) -> TreeSettings:
    """Configured trees with other numbers."""
    # The search looks for whole numbers as such, so the types fit.
    return replace(configured, **numbers)  # type: ignore[arg-type]


def judge_shape(scored: ScoredFolds, history: History, fold: np.ndarray, costs: Costs) -> Tried:
    """Judge a shape by calibrated, cross-fitted pd. Raises `ValueError` if it learned nothing."""
    pd = cross_fitted_pd(scored.raw, history.defaulted, fold)
    losses = log_losses(pd, history.defaulted)
    trees = scored.trees
    shape = TriedShape(
        depth=trees.max_depth,
        n_trees=scored.n_trees,
        learning_rate=trees.learning_rate,
        min_rows_per_leaf=trees.min_rows_per_leaf,
        feature_share=trees.feature_share,
        row_share=trees.row_share,
        l2=trees.l2,
        auc=auc_of(pd, history.defaulted),
        log_loss=float(losses.mean(dtype=np.float64)),
        cost=cost_at_break_even(pd, history.defaulted, **costs.model_dump()),
        reasons_per_second=scored.reasons_per_second,
    )
    return Tried(shape, scored, losses)
