"""Cross-validation: the worth of a model on applications that it never saw.

It gives the folds, the out-of-fold scores, the shape of the model, and the baselines.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from configs.policy import PolicyFile
from configs.settings import Settings, Training
from tasks.core.decision.policy import cost_at_break_even
from tasks.core.model.features import feature_names
from tasks.core.training.cross_fitting import cross_fitted_pd
from tasks.core.training.evaluation import auc_of
from tasks.core.training.model_shape import TriedShape
from tasks.errors import ModelError
from tasks.model.policy_in_force import training_policy
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.training.baselines import judge_baselines
from tasks.training.folds import Fold, assigned_folds, build_folds, configured_trees, score_folds
from tasks.training.records import History, OutOfFold, Repetition, ScoredFolds
from tasks.training.search import judge_shape, search_shape

if TYPE_CHECKING:
    from tasks.adapters.lightgbm import TreeSettings

MODEL: Final = "model"
"""Name of the model itself beside the names of the baselines."""
_TREES_A_LINE: Final = 50


def asked_of_training(settings: Settings, *, search: int | None, benchmark: bool) -> Settings:
    """Settings of a training, with what was asked of this one.

    Args:
        settings: settings in the file.
        search: number of shapes to try; None for that of the settings.
        benchmark: True to judge models of every kind beside.
    """
    asked: dict[str, Any] = {} if search is None else {"search_trials": search}
    if benchmark:
        asked["baselines"] = "all"
    return settings.model_copy(update={"training": settings.training.model_copy(update=asked)})


@step("cross-validate")
def cross_validate(history: History, settings: Settings) -> OutOfFold:
    """Choose the shape of the model, and score every application by trees that never saw it.

    The baselines are judged beside it, in the same folds.
    """
    policy = training_policy(settings)
    training = settings.training
    judged = _cross_validate(history, training, policy, trees=None)
    if training.repeats > 1:
        _log_repeat(1, judged, training)
    for number in range(1, training.repeats):
        seeded = training.model_copy(update={"seed": training.seed + number, "search_trials": 0})
        seeded_trees = replace(judged.trees, seed=seeded.seed)
        again = _cross_validate(history, seeded, policy, trees=seeded_trees)
        both = [name for name in judged.repeats if name in again.repeats]
        repeats = {name: judged.repeats[name] + again.repeats[name] for name in both}
        judged = replace(judged, repeats=repeats)
        _log_repeat(number + 1, again, training)
    return judged


def _log_repeat(number: int, judged: OutOfFold, training: Training) -> None:
    auc, cost = judged.repeats[MODEL][0]
    line = "Cross-validation %d of %d: AUC %.4f, cost %.4f"
    run_logger().info(line, number, training.repeats, auc, cost)


def _cross_validate(
    history: History, training: Training, policy: PolicyFile, *, trees: TreeSettings | None
) -> OutOfFold:
    """One cross-validation of `trees`, or of those configured or found if `trees` is None."""
    fold = assigned_folds(history.defaulted, training)
    folds = build_folds(history, fold, training, feature_names(policy.inputs.forbidden))
    scored, shapes = _chosen(folds, history, fold, training, policy, trees)
    del folds
    pd = cross_fitted_pd(scored.raw, history.defaulted, fold)
    baselines = judge_baselines(
        history, fold, without=policy.inputs.forbidden, seed=training.seed, kinds=training.baselines
    )
    by_name = {MODEL: pd} | {name: each.pd for name, each in baselines.items()}
    repeats = {name: (_figures(each, history, policy),) for name, each in by_name.items()}
    return OutOfFold(
        scored.raw, pd, fold, scored.trees, scored.n_trees, shapes, baselines, repeats, scored.effort
    )  # fmt: skip


def _chosen(
    folds: tuple[Fold, ...],
    history: History,
    fold: np.ndarray,
    training: Training,
    policy: PolicyFile,
    trees: TreeSettings | None,
) -> tuple[ScoredFolds, tuple[TriedShape, ...]]:
    """Scores of the chosen shape, and all shapes tried."""
    judge = partial(judge_shape, history=history, fold=fold, costs=policy.costs)
    if training.search_trials:
        return search_shape(folds, history, training, judge)

    def log_progress(grown: int, loss: float) -> None:
        if grown % _TREES_A_LINE == 0:
            line = "%d trees on each of %d folds: log-loss %.5f"
            run_logger().info(line, grown, training.folds, loss)

    shape = trees or configured_trees(training)
    scored = score_folds(folds, history, shape, training, log_progress)
    try:
        return scored, (judge(scored).shape,)
    except ValueError as error:
        raise ModelError(
            f"No model was registered: {error}. Look at the history and its outcomes."
        ) from None  # fmt: skip


def _figures(pd: np.ndarray, history: History, policy: PolicyFile) -> Repetition:
    cost = cost_at_break_even(pd, history.defaulted, **policy.costs.model_dump())
    return Repetition(auc_of(pd, history.defaulted), cost)
