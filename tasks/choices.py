"""What the policy's choice of inputs costs: the same kind of trees, in the same folds, with other inputs."""

from __future__ import annotations

from typing import Final

import numpy as np

from configs.policy import load_policy
from configs.settings import Settings
from tasks.core.cross_fitting import cross_fitted_pd
from tasks.core.features import feature_names
from tasks.cross_validate import OutOfFold
from tasks.folds import build_folds, score_folds
from tasks.history import History
from tasks.orchestration import run_logger, step

_NEVER: Final = ("CODE_GENDER", "NAME_FAMILY_STATUS")


def other_inputs(*, use_age: bool) -> dict[str, tuple[str, ...]]:
    """A choice that the policy did not take, to the inputs that a model would have under it.

    >>> list(other_inputs(use_age=True))
    ['without age', 'with gender and family status']
    """
    return {
        "without age" if use_age else "with age": feature_names(use_age=not use_age),
        "with gender and family status": (*feature_names(use_age=use_age), *_NEVER),
    }


@step("measure choices")
def measure_choices(history: History, judged: OutOfFold, settings: Settings) -> dict[str, np.ndarray]:
    """Each choice that the policy did not take, to the out-of-fold pd of a model under it, shape (rows,).

    No such model is registered; what it would gain is what the choice costs.
    """
    training = settings.training
    if not training.measure_choices:
        return {}
    choices = {}
    for choice, names in other_inputs(use_age=load_policy(settings.scoring.policy).inputs.age).items():
        scored = score_folds(build_folds(history, judged.fold, training, names), history, judged.trees, training)
        choices[choice] = cross_fitted_pd(scored.raw, history.defaulted, judged.fold)
        run_logger().info("Measured what a model %s would be worth", choice)
    return choices
