"""What a model is worth, found out on applications it never saw: folds, out-of-fold scores, the number of trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from configs.policy import load_policy
from configs.settings import Settings, Training
from tasks.core.calibration import fit_calibration
from tasks.core.features import build_features, fit_features
from tasks.errors import ConfigError, ModelError
from tasks.history import History
from tasks.orchestration import run_logger, step

if TYPE_CHECKING:
    from tasks.adapters.lightgbm import TreeSettings


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predictions for every row of the history by models that never saw it, and the shape of model they judge."""

    raw: np.ndarray
    """Raw scores (log-odds), shape (rows,)."""
    pd: np.ndarray
    """Their calibrated pd, shape (rows,)."""
    trees: TreeSettings
    n_trees: int
    baselines: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Simpler models to their calibrated pd in the same folds, shape (rows,)."""


@step("cross-validate")
def cross_validate(history: History, settings: Settings) -> OutOfFold:
    """Choose the number of trees, and score every application by trees that never saw it."""
    training, policy = settings.training, load_policy(settings.scoring.policy)
    raw, n_trees = _out_of_fold(history, training, use_age=policy.inputs.age)
    try:
        calibration = fit_calibration(raw, history.defaulted)
    except ValueError as error:
        raise ModelError(f"No model was registered: {error}. Look at the history and its outcomes.") from None
    return OutOfFold(raw, calibration.pd_of(raw), _trees(training), n_trees)


def _out_of_fold(history: History, training: Training, *, use_age: bool) -> tuple[np.ndarray, int]:
    """Raw scores of each row by trees that never saw it, and the mean number of trees that served best."""
    from tasks.adapters.lightgbm import fit_with_early_stopping
    from tasks.adapters.sklearn import stratified_folds

    rows, defaulted = history
    if min(defaulted.sum(), (~defaulted).sum()) < training.folds:
        raise ConfigError(
            f"{defaulted.sum()} of {len(defaulted)} applications defaulted; training.folds={training.folds} needs at "
            "least that many of either outcome. Give more history."
        )
    raw, best = np.empty(len(defaulted)), []
    folds = stratified_folds(defaulted, folds=training.folds, seed=training.seed)
    for number, (fitted_on, held_out) in enumerate(folds, start=1):
        taken = rows.take(pa.array(fitted_on))
        features = fit_features(taken, defaulted[fitted_on], use_age=use_age)
        n_trees, raw[held_out] = fit_with_early_stopping(
            (build_features(taken, features), defaulted[fitted_on]),
            (build_features(rows.take(pa.array(held_out)), features), defaulted[held_out]),
            names=features.names,
            trees=_trees(training),
            max_trees=training.max_trees,
            patience=training.early_stopping_rounds,
        )
        best.append(n_trees)
        run_logger().info("Fold %d of %d: %d trees", number, training.folds, n_trees)
    return raw, max(1, round(float(np.mean(best))))


def _trees(training: Training) -> TreeSettings:
    from tasks.adapters.lightgbm import TreeSettings

    return TreeSettings(**training.model_dump(include={each.name for each in fields(TreeSettings)}))
