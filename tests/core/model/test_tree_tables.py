"""The tables held against LightGBM itself: the raw score to the last bit, contributions to 1e-9, on any small model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.adapters.lightgbm import LightGBMModel
from tasks.core.model.tree_tables import TreeTables
from tasks.core.model.trees import UnfitTreesError, read_trees

FEATURES = 5
FAMILIES = np.array([2, 0, 2, 7, 15])
VALUES = (np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e-35, 1.0, 1.5, -2.0, np.inf, -np.inf)


def fit(params: Mapping[str, Any], *, trees: int = 8, rows: int = 400, seed: int = 0, **dataset: Any) -> str:
    """A model's text; its rows have missing values, zeros, ties, and an outcome that depends on all of it."""
    random = np.random.default_rng(seed)
    matrix = random.choice([np.nan, 0.0, 1.0, 2.0, 3.0], (rows, FEATURES))
    matrix[:, 3] = random.normal(size=rows)
    matrix[:, 4] = np.where(random.random(rows) < 0.3, np.nan, random.normal(size=rows) * 1e-35)
    signal = np.nan_to_num(matrix[:, 0]) * (matrix[:, 1] == 0) + np.isnan(matrix[:, 2]) * matrix[:, 3]
    label = signal + random.normal(size=rows) > 1
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 2, "seed": seed, **params}
    data = lightgbm.Dataset(matrix, label=label.astype(float), params=settings, **dataset)
    return str(lightgbm.train(settings, data, trees).model_to_string())


def rows_for(text: str, *, seed: int = 0, rows: int = 120) -> np.ndarray:
    """Rows on, just above and just below the model's thresholds, among missing, zero, infinite and ordinary ones."""
    random = np.random.default_rng(seed)
    matrix = random.choice([*VALUES, *random.normal(size=6), *(random.normal(size=3) * 1e-35)], (rows, FEATURES))
    for tree in read_trees(text):
        for column, threshold in tree.splits:
            near = [threshold, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf)]
            matrix[random.integers(rows, size=3), column.feature] = near
    return matrix


def require_same(text: str, matrix: np.ndarray) -> None:
    tables, oracle = TreeTables(text, FAMILIES), LightGBMModel(text, FAMILIES)
    np.testing.assert_array_equal(tables.raw_scores(matrix), oracle.raw_scores(matrix))
    np.testing.assert_allclose(tables.contributions(matrix), oracle.contributions(matrix), rtol=0, atol=1e-9)


@given(
    st.fixed_dictionaries(
        {
            "max_depth": st.integers(1, 5),
            "num_leaves": st.integers(2, 12),
            "use_missing": st.booleans(),
            "zero_as_missing": st.booleans(),
            "max_bin": st.sampled_from([3, 15, 255]),
            "feature_fraction": st.sampled_from([0.4, 1.0]),
            "boost_from_average": st.booleans(),
            "lambda_l2": st.sampled_from([0.0, 10.0]),
            "min_gain_to_split": st.sampled_from([0.0, 2.0, 1e9]),
        }
    ),
    st.integers(0, 2**16),
)
def test_any_small_model_scores_and_explains_as_lightgbm_does(params: dict[str, Any], seed: int) -> None:
    text = fit(params, seed=seed)
    require_same(text, rows_for(text, seed=seed))


@pytest.mark.parametrize("depth", [6, 7, 8])
def test_deep_trees_are_cut_into_tables_and_stay_exact(depth: int) -> None:
    text = fit({"max_depth": depth, "num_leaves": 2**depth, "min_data_in_leaf": 1}, trees=3, rows=3000)
    assert TreeTables(text, FAMILIES).n_tables > 3
    require_same(text, rows_for(text))


def test_a_tree_of_one_leaf_gives_everybody_its_value() -> None:
    text = fit({"min_gain_to_split": 1e9})
    assert {len(tree.leaf_values) for tree in read_trees(text)} == {1}
    tables = TreeTables(text, FAMILIES)
    assert tables.raw_scores(np.zeros((3, FEATURES))).tolist() == [sum(t.leaf_values[0] for t in read_trees(text))] * 3
    assert not tables.contributions(np.zeros((3, FEATURES))).any()


def test_a_split_may_part_what_is_missing_from_all_else() -> None:
    random = np.random.default_rng(5)
    matrix = np.where(random.random((500, FEATURES)) < 0.4, np.nan, random.normal(size=(500, FEATURES)))
    data = lightgbm.Dataset(matrix, label=np.isnan(matrix[:, 1]).astype(float))
    text = lightgbm.train({"objective": "binary", "verbosity": -1, "max_depth": 2}, data, 4).model_to_string()
    assert np.inf in {split.threshold for tree in read_trees(text) for split in tree.splits}
    require_same(text, rows_for(text))


@pytest.mark.parametrize("block_rows", [1, 7, 119, 120, 121])
def test_rows_come_out_the_same_alone_and_in_blocks_of_any_size(block_rows: int, monkeypatch: Any) -> None:
    text = fit({"max_depth": 3})
    matrix, tables = rows_for(text), TreeTables(text, FAMILIES)
    together, why = tables.raw_scores(matrix), tables.contributions(matrix)
    monkeypatch.setattr("tasks.core.model.tree_tables.BLOCK_ROWS", block_rows)
    np.testing.assert_array_equal(tables.raw_scores(matrix), together)
    np.testing.assert_array_equal(tables.contributions(matrix), why)
    alone = [tables.raw_scores(matrix[row : row + 1])[0] for row in range(len(matrix))]
    np.testing.assert_array_equal(alone, together)


def test_contributions_and_the_mean_of_the_trees_add_up_to_the_score() -> None:
    text = fit({"max_depth": 3})
    matrix, tables = rows_for(text), TreeTables(text, FAMILIES)
    expected = sum(np.average(tree.leaf_values, weights=tree.leaf_rows) for tree in read_trees(text))
    np.testing.assert_allclose(
        tables.contributions(matrix).sum(axis=1) + expected, tables.raw_scores(matrix), atol=1e-12
    )


def test_more_than_250_thresholds_of_a_feature_are_no_matter() -> None:
    text = fit({"max_depth": 3, "max_bin": 5000, "min_data_in_bin": 1, "learning_rate": 0.9}, trees=300, rows=4000)
    assert len({split for tree in read_trees(text) for split in tree.splits if split.column.feature == 3}) > 250
    require_same(text, rows_for(text))


def test_no_rows_have_no_scores_and_layout_does_not_matter() -> None:
    text = fit({"max_depth": 3})
    matrix, tables = rows_for(text), TreeTables(text, FAMILIES)
    assert tables.raw_scores(matrix[:0]).shape == (0,)
    assert tables.contributions(matrix[:0]).shape == (0, 16)
    np.testing.assert_array_equal(tables.raw_scores(np.asfortranarray(matrix)), tables.raw_scores(matrix))


@pytest.mark.parametrize(
    ("params", "dataset", "told"),
    [
        ({}, {"categorical_feature": [0]}, "splits by category"),
        ({"linear_tree": True}, {}, "linear leaves"),
        ({"objective": "multiclass", "num_class": 3}, {}, "one class"),
        ({"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}, {}, "averages"),
    ],
    ids=["categories", "linear leaves", "several classes", "random forest"],
)
def test_models_of_another_kind_are_refused(params: dict[str, Any], dataset: dict[str, Any], told: str) -> None:
    with pytest.raises(UnfitTreesError, match=told):
        TreeTables(fit({"min_data_per_group": 1, "cat_smooth": 1, **params}, **dataset), FAMILIES)


def a_chain(splits: int) -> str:
    """A tree in which the last leaf lies behind so many splits, each on another threshold."""
    text = fit({"max_depth": 1}, trees=1)
    numbers = range(splits)
    tree = {
        "num_leaves": splits + 1, "num_cat": 0, "split_feature": "3 " * splits,
        "threshold": " ".join(str(-n / 4) for n in numbers), "decision_type": "10 " * splits,
        "left_child": " ".join(str(n + 1 if n + 1 < splits else ~splits) for n in numbers),
        "right_child": " ".join(str(~n) for n in numbers),
        "leaf_value": " ".join(str(n / 10) for n in range(splits + 1)),
        "leaf_weight": "1 " * (splits + 1), "leaf_count": "1 " * (splits + 1),
        "internal_value": "0 " * splits, "internal_weight": "0 " * splits,
        "internal_count": " ".join(str(splits + 1 - n) for n in numbers), "is_linear": 0, "shrinkage": 1,
    }  # fmt: skip
    block = "\n".join(f"{name}={str(value).strip()}" for name, value in tree.items())
    text = re.sub(r"Tree=0\n.*?\n\n\n", lambda _: f"Tree=0\n{block}\n\n\n", text, flags=re.DOTALL)
    return re.sub(r"tree_sizes=.*\n", "", text)


def test_a_leaf_behind_eight_splits_is_exact_and_behind_nine_refused() -> None:
    require_same(a_chain(8), rows_for(a_chain(8)))
    with pytest.raises(UnfitTreesError, match="behind 9 different splits, more than 8"):
        TreeTables(a_chain(9), FAMILIES)


def test_tables_that_would_not_fit_into_memory_are_refused(monkeypatch: Any) -> None:
    text = a_chain(8)  # leaves' values, and contributions of a single family
    numbers = 2 * 2**8
    monkeypatch.setattr("tasks.core.model.tree_tables._MAX_NUMBERS", numbers)
    TreeTables(text, FAMILIES)
    monkeypatch.setattr("tasks.core.model.tree_tables._MAX_NUMBERS", numbers - 1)
    with pytest.raises(UnfitTreesError, match=f"{numbers:,} numbers"):
        TreeTables(text, FAMILIES)


@pytest.mark.parametrize("together", [1, 3, 8, 9])
def test_tables_may_be_looked_up_in_stacks_of_any_size(together: int, monkeypatch: Any) -> None:
    monkeypatch.setattr("tasks.core.model.tree_tables._TOGETHER", together)
    text = fit({"max_depth": 3, "min_gain_to_split": 2.0})
    assert len({len(tree.splits) for tree in read_trees(text)}) > 1
    require_same(text, rows_for(text))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: "no model", "not a LightGBM model"),
        (lambda text: text.replace("leaf_value=", "leaf_worth="), "cannot be read"),
        (lambda text: text.replace("threshold=", "threshold=x "), "cannot be read"),
        (lambda text: re.sub("left_child=.*", "left_child=-1", text), "incomplete"),
        (lambda text: re.sub("internal_count=.*", "internal_count=0 0 0 0 0 0 0", text), "incomplete|how many"),
        (lambda text: re.sub("leaf_count=.*", "leaf_count=1", text), "how many"),
        (lambda text: re.sub(r"leaf_count=\d+", "leaf_count=0", text), "how many"),
        (lambda text: re.sub(r"split_feature=\d+", "split_feature=5", text), "does not have"),
        (lambda text: re.sub(r"split_feature=\d+", "split_feature=-1", text), "does not have"),
        (lambda text: re.sub(r"left_child=\S+", "left_child=0", text), "each leaf once"),
        (lambda text: re.sub(r"left_child=\S+", "left_child=77", text), "each leaf once"),
        (lambda text: re.sub(r"leaf_value=\S+", "leaf_value=nan", text), "no finite value"),
    ],
    ids=[
        "other text",
        "no values",
        "no threshold",
        "half a tree",
        "no rows at splits",
        "no rows at leaves",
        "an empty leaf",
        "a feature too many",
        "a feature before the first",
        "a circle",
        "a way to nowhere",
        "no number",
    ],
)
def test_a_damaged_text_is_refused(damage: Any, told: str) -> None:
    with pytest.raises(UnfitTreesError, match=told):
        read_trees(damage(fit({"max_depth": 3})))


def test_a_matrix_of_other_features_is_refused() -> None:
    with pytest.raises(ValueError, match="5 features"):
        TreeTables(fit({"max_depth": 2}), FAMILIES).raw_scores(np.zeros((2, 4)))
