"""A search looks for the shape of the trees within bounds, and keeps all that it has tried."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from configs.policy import load_policy
from configs.settings import Training
from tasks.core.model.features import feature_names
from tasks.core.training.model_shape import TriedShape
from tasks.errors import ModelError
from tasks.training.folds import assigned_folds, build_folds, configured_trees
from tasks.training.records import History, ScoredFolds
from tasks.training.search import judge_shape, search_bounds, search_shape, with_numbers
from tests.histories import synthetic_history
from tests.training.conftest import PLAIN

COSTS = load_policy("configs/policy.yaml").costs
SHALLOW = {"max_depth": 2, "search_trials": 3}


@pytest.fixture(scope="module")
def small() -> History:
    return synthetic_history(1500)


def searched(
    history: History, training: Training, turned: Callable[[ScoredFolds], ScoredFolds] = lambda scored: scored
) -> tuple[ScoredFolds, tuple[TriedShape, ...]]:
    """Search on scores that are judged after they are `turned`."""
    fold = assigned_folds(history.defaulted, training)
    folds = build_folds(history, fold, training, feature_names())
    return search_shape(
        folds, history, training, lambda scored: judge_shape(turned(scored), history=history, fold=fold, costs=COSTS)
    )


def test_a_search_is_bounded_seeded_and_keeps_all_it_tried(small: History) -> None:
    training = PLAIN.model_copy(update=SHALLOW)
    (scored, shapes), (again, same_shapes) = (searched(small, training) for _ in range(2))
    assert shapes == same_shapes
    assert np.array_equal(scored.raw, again.raw)
    assert len(shapes) == 3
    assert [shape.depth for shape in shapes[:2]] == [2, 1]
    bounds = search_bounds(configured_trees(training))
    for shape in shapes:
        assert 1 <= shape.depth <= 2
        assert bounds["learning_rate"].low <= shape.learning_rate <= bounds["learning_rate"].high
        assert bounds["l2"].low <= shape.l2 <= bounds["l2"].high
    (chosen,) = (shape for shape in shapes if shape.is_chosen)
    assert (chosen.depth, chosen.n_trees, chosen.l2) == (scored.trees.max_depth, scored.n_trees, scored.trees.l2)


def test_where_no_shape_learns_anything_there_is_no_model(small: History, caplog: pytest.LogCaptureFixture) -> None:
    training = PLAIN.model_copy(update={"max_depth": 1, "search_trials": 1, "max_trees": 5})
    with pytest.raises(ModelError, match="No model was registered: no shape learned anything"):
        searched(small, training, lambda scored: replace(scored, raw=-scored.raw))
    assert caplog.messages[0].startswith("A shape is left out: pd would not rise with the score")


def test_bounds_are_wide_enough_for_what_is_configured() -> None:
    odd = configured_trees(Training(learning_rate=0.5, l2=0, min_rows_per_leaf=1, max_depth=1))
    bounds = search_bounds(odd)
    assert all(each.low <= getattr(odd, name) <= each.high for name, each in bounds.items())
    assert (bounds["max_depth"].low, bounds["max_depth"].high) == (1, 1)


def test_other_numbers_leave_the_rest_of_a_shape_as_configured() -> None:
    configured = configured_trees(PLAIN)
    other = with_numbers(configured, {"l2": 7.0, "max_depth": 1})
    assert (other.l2, other.max_depth) == (7.0, 1)
    assert with_numbers(other, {"l2": configured.l2, "max_depth": configured.max_depth}) == configured
