"""Price of the policy's choice of inputs.

The same kind of trees is grown in the same folds with other inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from configs.settings import Settings
from tasks.core.lender.feature_list import KEPT_OUT, SWITCHES
from tasks.core.model.features import feature_names
from tasks.core.sampling import drawn_rows
from tasks.core.training.cross_fitting import cross_fitted_pd
from tasks.core.words import counted
from tasks.model.policy_in_force import training_policy
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.training.folds import build_folds, score_folds
from tasks.training.records import Choices, History, OutOfFold


def other_inputs(forbidden: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """Each choice that the policy did not take, mapped to the inputs of a model under it.

    Each differs from the policy's in one input.

    Args:
        forbidden: names of `SWITCHES` that the policy forbids.

    >>> list(other_inputs(["age"]))
    ['with age', 'without social circle', 'without contact', 'without region', 'with gender and family status']
    """
    as_decided = feature_names(forbidden)
    switched = {}
    for switch in SWITCHES:
        word = "with" if switch in forbidden else "without"
        switched[f"{word} {switch.replace('_', ' ')}"] = feature_names({*forbidden} ^ {switch})
    return switched | {f"with {words}": (*as_decided, *columns) for words, columns in KEPT_OUT.items()}


@step("measure choices")
def measure_choices(history: History, judged: OutOfFold, settings: Settings) -> Choices:
    """Measure models under the choices that the policy did not take. None of them is registered.

    These models and the model as decided are measured on the same rows: at most
    `training.choice_rows`, drawn at random. If nothing is learned under a choice, the choice is
    left out, with a warning.
    """
    training = settings.training
    limit = training.choice_rows
    forbidden = training_policy(settings).inputs.forbidden
    some = drawn_rows(len(history.defaulted), limit, seed=training.seed)
    part = History(history.rows.take(pa.array(some)), history.defaulted[some])
    is_whole = len(some) == len(history.defaulted)
    rows = counted(len(some), "row")

    fold = judged.fold[some]

    def pd_with(names: Sequence[str]) -> np.ndarray:
        scored = score_folds(build_folds(part, fold, training, names), part, judged.trees, training)
        return cross_fitted_pd(scored.raw, part.defaulted, fold)

    unmeasured = Choices(some, judged.pd[some], {})
    if not limit:
        return unmeasured
    try:
        as_decided = judged.pd if is_whole else pd_with(feature_names(forbidden))
    except ValueError as error:
        run_logger().warning("No choice is measured; on %s: %s", rows, error)
        return unmeasured
    otherwise = {}
    for choice, names in other_inputs(forbidden).items():
        try:
            otherwise[choice] = pd_with(names)
        except ValueError as error:
            run_logger().warning("The choice %s is not measured: %s", choice, error)
        else:
            run_logger().info("Measured on %s what a model %s would be worth", rows, choice)
    return Choices(some, as_decided, otherwise)
