"""Every application is scored by trees that never saw it."""

import numpy as np
import pytest

from configs.settings import Training
from tasks.core.model.features import feature_names
from tasks.errors import ConfigError
from tasks.training.folds import assigned_folds, build_folds, configured_trees, score_folds
from tasks.training.records import History
from tests.training.conftest import PLAIN

NAMES = feature_names()


def raw_scores(history: History, fold: np.ndarray, training: Training = PLAIN) -> np.ndarray:
    folds = build_folds(history, fold, training, NAMES)
    return score_folds(folds, history, configured_trees(training), training).raw


def test_every_fold_has_the_same_share_of_defaults(history: History) -> None:
    fold = assigned_folds(history.defaulted, PLAIN)
    assert fold.dtype == np.int8
    rows, defaults = np.bincount(fold), np.bincount(fold, weights=history.defaulted)
    assert len(rows) == PLAIN.folds
    assert rows.max() - rows.min() <= 1
    assert defaults.max() - defaults.min() <= 1


def test_folds_depend_on_the_seed_alone(history: History) -> None:
    fold, again = (assigned_folds(history.defaulted, PLAIN) for _ in range(2))
    assert np.array_equal(fold, again)
    other = assigned_folds(history.defaulted, PLAIN.model_copy(update={"seed": 8}))
    assert not np.array_equal(fold, other)


@pytest.mark.parametrize("is_rare", [True, False])
def test_every_fold_needs_one_of_either_outcome(*, is_rare: bool) -> None:
    enough, few = ((np.arange(300) < rare) == is_rare for rare in (3, 2))
    assert set(assigned_folds(enough, PLAIN)) == {0, 1, 2}
    with pytest.raises(ConfigError, match=rf"{few.sum()} of 300 applications defaulted; training.folds=3 needs"):
        assigned_folds(few, PLAIN)


def test_a_fold_s_outcomes_do_not_reach_its_own_scores(history: History) -> None:
    fold = assigned_folds(history.defaulted, PLAIN)
    other = History(history.rows, history.defaulted.copy())
    other.defaulted[fold == 0] = np.random.default_rng(1).permutation(other.defaulted[fold == 0])
    # without early stopping the number of trees is the last one that they all have, whatever the outcomes say
    patient = PLAIN.model_copy(update={"max_trees": 1})
    changed = raw_scores(history, fold, patient) != raw_scores(other, fold, patient)
    assert not changed[fold == 0].any()
    assert changed[fold == 1].any()
    assert changed[fold == 2].any()


def test_outcomes_without_a_reason_cannot_be_foretold(history: History) -> None:
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(2).permutation(history.defaulted)
    scores = raw_scores(History(history.rows, random), assigned_folds(random, PLAIN))
    assert 0.44 < roc_auc_score(random, scores) < 0.56


def test_the_configured_shape_is_that_of_the_settings() -> None:
    trees = configured_trees(Training(learning_rate=0.3, max_depth=2, l2=4, seed=9))
    assert (trees.learning_rate, trees.max_depth, trees.l2, trees.seed) == (0.3, 2, 4, 9)
