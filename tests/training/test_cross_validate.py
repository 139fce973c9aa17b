from dataclasses import replace

import numpy as np
import pytest

from configs.settings import Settings, Training
from tasks.core.lender.columns import TEXTS
from tasks.core.lender.feature_list import NEVER_INPUTS
from tasks.core.model.calibration import calibration_line
from tasks.core.model.features import feature_names
from tasks.core.training.cross_fitting import cross_fitted_pd
from tasks.training.baselines import LOGISTIC, UNTUNED, plain_columns
from tasks.training.cross_validate import MODEL, cross_validate, with_search
from tasks.training.folds import assigned_folds, build_folds, configured_trees, score_folds
from tasks.training.records import History, OutOfFold
from tasks.training.search import search_bounds
from tests.histories import synthetic_history

SMALL = Training(folds=3, max_trees=40, early_stopping_rounds=20, learning_rate=0.1)
PLAIN = SMALL.model_copy(update={"baselines": False})


def settings(training: Training = SMALL) -> Settings:
    return Settings(training=training)


def auc(defaulted: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(defaulted, scores))


@pytest.fixture(scope="module")
def history() -> History:
    return synthetic_history(3000)


@pytest.fixture(scope="module")
def judged(history: History) -> OutOfFold:
    return cross_validate(history, settings())


def same(one: OutOfFold, other: OutOfFold) -> bool:
    arrays = [(one.raw, other.raw), (one.pd, other.pd), (one.fold, other.fold)]
    rest = [(each.trees, each.n_trees, each.shapes, each.repeats) for each in (one, other)]
    return all(np.array_equal(*pair) for pair in arrays) and rest[0] == rest[1]


def test_the_same_seed_gives_the_same_result(history: History, judged: OutOfFold) -> None:
    assert same(replace(judged, repeats={MODEL: judged.repeats[MODEL]}), cross_validate(history, settings(PLAIN)))
    other = cross_validate(history, settings(PLAIN.model_copy(update={"seed": 8})))
    assert not np.array_equal(judged.fold, other.fold)


def test_every_fold_has_the_same_share_of_defaults(history: History, judged: OutOfFold) -> None:
    assert judged.fold.dtype == np.int8
    rows, defaults = np.bincount(judged.fold), np.bincount(judged.fold, weights=history.defaulted)
    assert rows.max() - rows.min() <= 1
    assert defaults.max() - defaults.min() <= 1


def test_a_fold_s_outcomes_do_not_reach_its_own_scores(history: History) -> None:
    fold = assigned_folds(history.defaulted, PLAIN)
    other = History(history.rows, history.defaulted.copy())
    other.defaulted[fold == 0] = np.random.default_rng(1).permutation(other.defaulted[fold == 0])
    # without early stopping the number of trees is the last one that they all have, whatever the outcomes say
    patient = PLAIN.model_copy(update={"max_trees": 1})
    scores = [
        score_folds(
            build_folds(each, fold, patient, feature_names(use_age=True)), each, configured_trees(patient), patient
        ).raw
        for each in (history, other)
    ]
    changed = scores[0] != scores[1]
    assert not changed[fold == 0].any()
    assert changed[fold == 1].any()
    assert changed[fold == 2].any()


def test_outcomes_without_a_reason_cannot_be_foretold(history: History) -> None:
    random = np.random.default_rng(2).permutation(history.defaulted)
    fold = assigned_folds(random, PLAIN)
    shuffled = History(history.rows, random)
    scored = score_folds(
        build_folds(shuffled, fold, PLAIN, feature_names(use_age=True)), shuffled, configured_trees(PLAIN), PLAIN
    )
    assert 0.44 < auc(random, scored.raw) < 0.56


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
    figures = {name: auc(history.defaulted, pd) for name, pd in {MODEL: judged.pd, **judged.baselines}.items()}
    assert min(figures.values()) > 0.65
    assert figures[MODEL] > figures[UNTUNED]
    assert {name: told[0].auc for name, told in judged.repeats.items()} == pytest.approx(figures)
    assert all(0.3 < told[0].cost < 0.9 for told in judged.repeats.values())


def test_baselines_can_be_left_out(history: History) -> None:
    plain = cross_validate(history, settings(PLAIN))
    assert plain.baselines == {}
    assert list(plain.repeats) == [MODEL]


def test_repeats_are_other_folds_and_leave_the_first_as_it_is(history: History, judged: OutOfFold) -> None:
    thrice = cross_validate(history, settings(PLAIN.model_copy(update={"repeats": 3})))
    assert same(judged, replace(thrice, repeats=judged.repeats))
    told = thrice.repeats[MODEL]
    assert told[0] == judged.repeats[MODEL][0]
    assert len({each.auc for each in told}) == 3


@pytest.mark.parametrize("use_age", [True, False])
def test_baselines_see_no_more_than_the_model(history: History, *, use_age: bool) -> None:
    matrix, categories = plain_columns(history.rows, use_age=use_age)
    assert matrix.shape[1] == 120 - (len(NEVER_INPUTS) - 1) - (not use_age)
    assert len(categories) == len(set(TEXTS) - NEVER_INPUTS)
    assert not (matrix == 365243).any()


def test_without_a_search_the_configured_shape_stands_alone(judged: OutOfFold) -> None:
    (only,) = judged.shapes
    assert (only.depth, only.n_trees, only.is_chosen) == (3, judged.n_trees, True)
    assert judged.trees == configured_trees(SMALL)


def test_a_search_is_bounded_seeded_and_keeps_all_it_tried(history: History) -> None:
    searching = with_search(settings(PLAIN.model_copy(update={"max_depth": 2})), 4)
    first, second = (cross_validate(history, searching) for _ in range(2))
    assert same(first, second)
    assert [shape.depth for shape in first.shapes[:2]] == [2, 1]
    assert len(first.shapes) == 4
    bounds = search_bounds(configured_trees(searching.training))
    for shape in first.shapes:
        assert 1 <= shape.depth <= 2
        assert bounds["learning_rate"].low <= shape.learning_rate <= bounds["learning_rate"].high
        assert bounds["l2"].low <= shape.l2 <= bounds["l2"].high
    (chosen,) = (shape for shape in first.shapes if shape.is_chosen)
    assert (chosen.depth, chosen.n_trees, chosen.l2) == (first.trees.max_depth, first.n_trees, first.trees.l2)
    assert chosen.auc == pytest.approx(auc(history.defaulted, first.pd))


def test_bounds_are_wide_enough_for_what_is_configured() -> None:
    odd = configured_trees(Training(learning_rate=0.5, l2=0, min_rows_per_leaf=1, max_depth=1))
    bounds = search_bounds(odd)
    assert all(each.low <= getattr(odd, name) <= each.high for name, each in bounds.items())
    assert (bounds["max_depth"].low, bounds["max_depth"].high) == (1, 1)


@pytest.mark.parametrize("method", ["all threads", "one thread"])
def test_the_number_of_threads_changes_no_byte(history: History, method: str) -> None:
    from threadpoolctl import threadpool_limits

    from tasks.adapters.lightgbm import fit_trees

    matrix, _ = plain_columns(history.rows, use_age=True)
    names = [f"f{position}" for position in range(matrix.shape[1])]

    def fit() -> str:
        trees = configured_trees(SMALL)
        return fit_trees(matrix, history.defaulted, names=names, trees=trees, directions=[0] * len(names), n_trees=20)

    with threadpool_limits(1 if method == "one thread" else 2, user_api="openmp"):
        one = fit()
    assert one == fit()


def test_a_bound_direction_is_kept(history: History) -> None:
    from tasks.adapters.lightgbm import LightGBMModel, fit_trees

    random = np.random.default_rng(4)
    matrix = np.column_stack([random.normal(size=3000), history.defaulted + random.normal(size=3000)])
    for direction in (1, -1):
        text = fit_trees(
            matrix, history.defaulted, names=("noise", "signal"), directions=(direction, 0), n_trees=30,
            trees=replace(configured_trees(SMALL), feature_share=1),
        )  # fmt: skip
        line = np.column_stack([np.linspace(-3, 3, 200), np.zeros(200)])
        steps = np.diff(LightGBMModel(text).raw_scores(line))
        assert (direction * steps >= 0).all()
        assert steps.any()
