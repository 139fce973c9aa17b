"""What a model is worth is found out on applications that it never saw."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from configs.settings import Settings, Training
from tasks.core.model.calibration import calibration_line
from tasks.core.training.cross_fitting import cross_fitted_pd
from tasks.errors import ModelError
from tasks.training.baselines import LOGISTIC, UNTUNED
from tasks.training.cross_validate import MODEL, asked_of_training, cross_validate
from tasks.training.folds import assigned_folds, configured_trees
from tasks.training.records import History, OutOfFold
from tests.training.conftest import PLAIN, SMALL


def settings(training: Training = SMALL) -> Settings:
    return Settings(training=training)


def auc(defaulted: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(defaulted, scores))


def same(one: OutOfFold, other: OutOfFold) -> bool:
    arrays = [(one.raw, other.raw), (one.pd, other.pd), (one.fold, other.fold)]
    rest = [(each.trees, each.n_trees, each.shapes, each.repeats) for each in (one, other)]
    return all(np.array_equal(*pair) for pair in arrays) and rest[0] == rest[1]


@pytest.fixture(scope="module")
def plain(history: History) -> OutOfFold:
    """The same, without baselines."""
    return cross_validate(history, settings(PLAIN))


def test_the_same_seed_gives_the_same_result_with_baselines_and_without(judged: OutOfFold, plain: OutOfFold) -> None:
    assert same(plain, replace(judged, repeats={MODEL: judged.repeats[MODEL]}))
    assert plain.baselines == {}


def test_a_fold_s_calibration_never_uses_its_own_outcomes(history: History, judged: OutOfFold) -> None:
    own, other = judged.fold == 1, history.defaulted.copy()
    other[own] = np.random.default_rng(3).permutation(other[own])
    pd = cross_fitted_pd(judged.raw, other, judged.fold)
    assert np.array_equal(pd[own], judged.pd[own])
    assert not np.any(pd[~own] == judged.pd[~own])


def test_pd_is_calibrated_though_each_fold_was_calibrated_by_the_others(history: History, judged: OutOfFold) -> None:
    _, slope = calibration_line(np.log(judged.pd / (1 - judged.pd)), history.defaulted)
    assert 0.9 < slope < 1.1
    assert abs(judged.pd.mean() - history.defaulted.mean()) < 0.005


def test_the_model_and_both_baselines_are_ahead_of_chance(history: History, judged: OutOfFold) -> None:
    assert list(judged.baselines) == [LOGISTIC, UNTUNED]
    figures = {
        name: auc(history.defaulted, pd)
        for name, pd in {MODEL: judged.pd, **{name: each.pd for name, each in judged.baselines.items()}}.items()
    }
    assert min(figures.values()) > 0.65
    assert figures[MODEL] > figures[UNTUNED]
    assert {name: told[0].auc for name, told in judged.repeats.items()} == pytest.approx(figures)
    assert all(0.3 < told[0].cost < 0.9 for told in judged.repeats.values())


def test_repeats_are_other_folds_and_leave_the_first_as_it_is(history: History, plain: OutOfFold) -> None:
    twice = cross_validate(history, settings(PLAIN.model_copy(update={"repeats": 2})))
    assert same(plain, replace(twice, repeats=plain.repeats))
    first, second = twice.repeats[MODEL]
    assert first == plain.repeats[MODEL][0]
    assert second.auc != first.auc


def test_without_a_search_the_configured_shape_stands_alone(judged: OutOfFold) -> None:
    (only,) = judged.shapes
    assert (only.depth, only.n_trees, only.is_chosen) == (SMALL.max_depth, judged.n_trees, True)
    assert judged.trees == configured_trees(SMALL)


def test_a_model_whose_scores_fall_where_defaults_rise_is_no_model(history: History) -> None:
    halves = PLAIN.model_copy(update={"folds": 2, "max_trees": 5})
    fold = assigned_folds(history.defaulted, halves)
    misleading = np.where(history.defaulted == (fold == 0), -100.0, -9000.0)  # each half says the reverse of the other
    position = history.rows.column_names.index("DAYS_REGISTRATION")
    column = pa.array(misleading, history.rows.schema.field(position).type)
    rows = history.rows.set_column(position, "DAYS_REGISTRATION", column)
    with pytest.raises(ModelError, match="No model was registered: pd would not rise with the score"):
        cross_validate(History(rows, history.defaulted), settings(halves))


@pytest.mark.parametrize(("trials", "expected"), [(None, 0), (0, 0), (4, 4)])
def test_a_search_is_asked_for_by_its_trials(trials: int | None, expected: int) -> None:
    assert asked_of_training(settings(), search=trials, benchmark=False).training.search_trials == expected
