import lightgbm
import numpy as np
import pytest

from tasks.adapters.lightgbm import LightGBMModel, TreeSettings, bin_rows, fit_trees, grow_in_step

TREES = TreeSettings(
    seed=3, learning_rate=0.2, max_depth=2, min_rows_per_leaf=5, feature_share=0.7, row_share=0.8, l2=1.0, max_bins=63
)
NAMES = ("a", "b", "c", "d")
FREE = (0, 0, 0, 0)


def rows(count: int = 900, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(count, 4))
    matrix[::9, 2] = np.nan
    return matrix, matrix[:, 0] + random.normal(size=count) > 0.5


def cut(matrix: np.ndarray, defaulted: np.ndarray, folds: int = 3) -> list[tuple[lightgbm.Dataset, lightgbm.Dataset]]:
    fold, binned = np.arange(len(matrix)) % folds, []
    for number in range(folds):
        fitting = bin_rows(matrix[fold != number], defaulted[fold != number], names=NAMES, trees=TREES)
        held_out = matrix[fold == number], defaulted[fold == number]
        binned.append((fitting, bin_rows(*held_out, names=NAMES, trees=TREES, like=fitting)))
    return binned


def held_out_losses(fitting: lightgbm.Dataset, held_out: lightgbm.Dataset, rounds: int) -> list[float]:
    """LightGBM's own training of one fold."""
    told: dict[str, dict[str, list[float]]] = {}
    lightgbm.train(
        TREES.parameters(FREE), fitting, rounds, valid_sets=[held_out], valid_names=["held out"],
        callbacks=[lightgbm.record_evaluation(told)],
    )  # fmt: skip
    return told["held out"]["binary_logloss"]


@pytest.mark.parametrize("patience", [1, 4, 12])
def test_folds_stop_together_where_lightgbm_s_own_curves_are_lowest_in_the_mean(patience: int) -> None:
    heard: list[tuple[int, float]] = []
    _, n_trees = grow_in_step(
        cut(*rows()), trees=TREES, directions=FREE, max_trees=60, patience=patience,
        tell=lambda grown, loss: heard.append((grown, loss)),
    )  # fmt: skip
    curve = np.mean([held_out_losses(*fold, rounds=60) for fold in cut(*rows())], axis=0)
    stopped = next((n for n in range(1, 61) if n - (int(np.argmin(curve[:n])) + 1) >= patience), 60)
    assert n_trees == int(np.argmin(curve[:stopped])) + 1
    assert [grown for grown, _ in heard] == list(range(1, stopped + 1))
    np.testing.assert_allclose([loss for _, loss in heard], curve[:stopped], rtol=1e-12)


def test_no_more_trees_grow_than_are_allowed_and_each_fold_scores_by_its_own() -> None:
    matrix, defaulted = rows()
    grown, n_trees = grow_in_step(
        cut(matrix, defaulted), trees=TREES, directions=FREE, max_trees=3, patience=50, tell=lambda *_: None
    )
    assert n_trees <= 3
    scores = [each.raw_scores(matrix, n_trees) for each in grown]
    assert not np.array_equal(scores[0], scores[1])
    assert len(scores) == 3


def test_a_model_s_text_tells_no_feature_s_range_and_scores_as_if_it_did() -> None:
    matrix, defaulted = rows()
    text = fit_trees(matrix, defaulted, names=NAMES, trees=TREES, directions=FREE, n_trees=20)
    assert "feature_infos=none none none none\n" in text
    own = lightgbm.train(TREES.parameters(FREE), bin_rows(matrix, defaulted, names=NAMES, trees=TREES), 20)
    beyond = matrix * 100
    for each in (matrix, beyond):
        np.testing.assert_array_equal(LightGBMModel(text).raw_scores(each), own.predict(each, raw_score=True))
    told = lightgbm.Booster(model_str=text).predict(beyond, pred_contrib=True)
    np.testing.assert_array_equal(told, own.predict(beyond, pred_contrib=True))


@pytest.mark.parametrize("direction", [1, -1])
def test_a_bound_feature_moves_the_score_one_way_only(direction: int) -> None:
    matrix, defaulted = rows()
    text = fit_trees(matrix, defaulted, names=NAMES, trees=TREES, directions=(direction, 0, 0, 0), n_trees=30)
    higher = matrix + np.array([0.5, 0, 0, 0])
    moved = LightGBMModel(text).raw_scores(higher) - LightGBMModel(text).raw_scores(matrix)
    assert np.all(moved * direction >= 0)
    assert moved.any() == (direction == 1), "the score of this history rises with the feature"
