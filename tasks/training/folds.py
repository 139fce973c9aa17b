"""Folds of the history, each binned once for all the trees that are tried on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from configs.settings import Training
from tasks.core.model.features import FeatureSet, build_features, fit_features, monotone_direction
from tasks.errors import ConfigError
from tasks.training.records import Effort, History, ScoredFolds

if TYPE_CHECKING:
    import lightgbm

    from tasks.adapters.lightgbm import TreeSettings

_EXPLAINED_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows that one set of trees is grown on, and rows that judge it."""

    held_out: np.ndarray
    """Positions in the history, rising."""
    features: FeatureSet
    """Learned from the rows that are not held out, and from no others."""
    fitting: lightgbm.Dataset
    judging: lightgbm.Dataset


def assigned_folds(defaulted: np.ndarray, training: Training) -> np.ndarray:
    """Number of the fold that holds each row out, int8, shape (rows,).

    Raises:
        ConfigError: an outcome is too rare.
    """
    from tasks.adapters.sklearn import assign_folds

    if min(defaulted.sum(), (~defaulted).sum()) < training.folds:
        raise ConfigError(
            f"{defaulted.sum()} of {len(defaulted)} applications defaulted; "
            f"training.folds={training.folds} needs at least that many of either outcome. "
            "Give more history."
        )
    return assign_folds(defaulted, folds=training.folds, seed=training.seed)


def build_folds(
    history: History,
    fold: np.ndarray,
    training: Training,
    names: Sequence[str],
) -> tuple[Fold, ...]:
    """Binned folds. The features `names` are learned anew for each, from the rows not held out."""
    numbers = range(training.folds)
    return tuple(_build_fold(history, fold == number, training, names) for number in numbers)


def _build_fold(
    history: History,
    is_held_out: np.ndarray,
    training: Training,
    names: Sequence[str],
) -> Fold:
    from tasks.adapters.lightgbm import bin_rows

    fitted_on = np.flatnonzero(~is_held_out)
    held_out = np.flatnonzero(is_held_out)
    rows = history.rows.take(pa.array(fitted_on))
    trees = configured_trees(training)
    features = fit_features(rows, history.defaulted[fitted_on], names)
    fitting = bin_rows(
        build_features(rows, features),
        history.defaulted[fitted_on],
        names=features.names,
        trees=trees,
    )
    judging = bin_rows(
        _matrix(history, held_out, features),
        history.defaulted[held_out],
        names=features.names,
        trees=trees,
        like=fitting,
    )
    return Fold(held_out, features, fitting, judging)


def score_folds(
    folds: Sequence[Fold],
    history: History,
    trees: TreeSettings,
    training: Training,
    tell: Callable[[int, float], None] = lambda _trees, _loss: None,
) -> ScoredFolds:
    """Grow trees of one shape on all folds, choose their number, and score the rows held out.

    `tell` receives the number of trees grown so far and the mean held-out log-loss with them.
    """
    from tasks.adapters.lightgbm import grow_in_step

    begun = time.perf_counter()
    grown, n_trees = grow_in_step(
        [(fold.fitting, fold.judging) for fold in folds],
        trees=trees,
        directions=[monotone_direction(name) for name in folds[0].features.names],
        max_trees=training.max_trees,
        patience=training.early_stopping_rounds,
        tell=tell,
    )
    fitted = time.perf_counter()
    raw = np.empty(len(history.defaulted))
    for fold, each in zip(folds, grown, strict=True):
        matrix = _matrix(history, fold.held_out, fold.features)
        raw[fold.held_out] = each.raw_scores(matrix, n_trees)
    effort = Effort(fitted - begun, time.perf_counter() - fitted)
    some = _matrix(history, folds[0].held_out[:_EXPLAINED_ROWS], folds[0].features)
    return ScoredFolds(trees, n_trees, raw, grown[0].explain_rate(some, n_trees), effort)


def configured_trees(training: Training) -> TreeSettings:
    """Shape of trees that the settings describe."""
    from tasks.adapters.lightgbm import TreeSettings

    return TreeSettings(**training.model_dump(include={each.name for each in fields(TreeSettings)}))


def _matrix(history: History, positions: np.ndarray, features: FeatureSet) -> np.ndarray:
    return build_features(history.rows.take(pa.array(positions)), features)
