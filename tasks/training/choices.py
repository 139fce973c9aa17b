"""What the policy's choice of inputs costs: the same kind of trees, in the same folds, with other inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from configs.policy import load_policy
from configs.settings import Settings
from tasks.core.lender.feature_list import KEPT_OUT
from tasks.core.model.features import feature_names
from tasks.core.sampling import drawn_rows
from tasks.core.training.cross_fitting import cross_fitted_pd
from tasks.core.words import counted
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.training.folds import build_folds, score_folds
from tasks.training.records import Choices, History, OutOfFold


def other_inputs(*, use_age: bool) -> dict[str, tuple[str, ...]]:
    """A choice that the policy did not take, to the inputs that a model would have under it.

    >>> list(other_inputs(use_age=True))
    ['without age', 'with gender and family status']
    """
    as_decided = feature_names(use_age=use_age)
    return {
        "without age" if use_age else "with age": feature_names(use_age=not use_age),
        **{f"with {words}": (*as_decided, *columns) for words, columns in KEPT_OUT.items()},
    }


@step("measure choices")
def measure_choices(history: History, judged: OutOfFold, settings: Settings) -> Choices:
    """What models under the choices that the policy did not take would be worth; none of them is registered.

    They are measured on at most `training.choice_rows` rows, drawn at random, and so is the model beside them.
    A choice under which nothing is learned from them is left out, with a warning.
    """
    limit, age = settings.training.choice_rows, load_policy(settings.scoring.policy).inputs.age
    some = drawn_rows(len(history.defaulted), limit, seed=settings.training.seed)
    part = History(history.rows.take(pa.array(some)), history.defaulted[some])
    is_whole = len(some) == len(history.defaulted)

    def pd(names: Sequence[str]) -> np.ndarray:
        training, fold = settings.training, judged.fold[some]
        scored = score_folds(build_folds(part, fold, training, names), part, judged.trees, training)
        return cross_fitted_pd(scored.raw, part.defaulted, fold)

    unmeasured = Choices(some, judged.pd[some], {})
    if not limit:
        return unmeasured
    try:
        as_decided = judged.pd if is_whole else pd(feature_names(use_age=age))
    except ValueError as error:
        run_logger().warning("No choice is measured; on %s: %s", counted(len(some), "row"), error)
        return unmeasured
    otherwise = {}
    for choice, names in other_inputs(use_age=age).items():
        try:
            otherwise[choice] = pd(names)
        except ValueError as error:
            run_logger().warning("The choice %s is not measured: %s", choice, error)
        else:
            run_logger().info("Measured on %s what a model %s would be worth", counted(len(some), "row"), choice)
    return Choices(some, as_decided, otherwise)
