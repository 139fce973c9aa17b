"""LightGBM: fitting, and scoring from its text format."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm
import numpy as np

from tasks.errors import ModelError


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """LightGBM's own settings, under the names the project uses."""

    seed: int
    learning_rate: float
    max_depth: int
    min_rows_per_leaf: int
    feature_share: float
    row_share: float
    l2: float
    max_bins: int

    def parameters(self) -> dict[str, object]:
        """The settings in LightGBM's words; the same data and seed give the same model."""
        return {
            "objective": "binary",
            "verbosity": -1,
            "deterministic": True,
            "force_col_wise": True,
            "seed": self.seed,
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "num_leaves": 2**self.max_depth,
            "min_data_in_leaf": self.min_rows_per_leaf,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "lambda_l2": self.l2,
            "max_bin": self.max_bins,
        }


class LightGBMModel:
    """A model read from LightGBM's text format."""

    def __init__(self, text: str) -> None:
        """Parse a model's text. Raises `ModelError` where it is no LightGBM model."""
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise ModelError(f"The registered model is no LightGBM text model: {error}") from None

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        """Raw scores (log-odds), float64, shape (rows,)."""
        if not len(matrix):
            return np.empty(0)
        return np.asarray(self._booster.predict(matrix, raw_score=True), dtype=np.float64)


def fit_with_early_stopping(
    train: tuple[np.ndarray, np.ndarray],
    held_out: tuple[np.ndarray, np.ndarray],
    *,
    names: tuple[str, ...],
    trees: TreeSettings,
    max_trees: int,
    patience: int,
) -> tuple[int, np.ndarray]:
    """Number of trees after which the held-out log-loss was lowest, and the held-out raw scores there."""
    fitting = _dataset(*train, names=names)
    booster = lightgbm.train(
        trees.parameters(),
        fitting,
        num_boost_round=max_trees,
        valid_sets=[fitting.create_valid(held_out[0], held_out[1])],
        callbacks=[lightgbm.early_stopping(patience, verbose=False)],
    )
    raw = booster.predict(held_out[0], raw_score=True, num_iteration=booster.best_iteration)
    return booster.best_iteration, np.asarray(raw)


def fit_trees(
    matrix: np.ndarray, defaulted: np.ndarray, *, names: tuple[str, ...], trees: TreeSettings, n_trees: int
) -> str:
    """The fitted model as LightGBM text."""
    booster = lightgbm.train(trees.parameters(), _dataset(matrix, defaulted, names=names), num_boost_round=n_trees)
    return str(booster.model_to_string())


def gain_by_feature(text: str) -> dict[str, float]:
    """Total loss reduction of each feature's splits."""
    booster = lightgbm.Booster(model_str=text)
    return dict(zip(booster.feature_name(), booster.feature_importance("gain").tolist(), strict=True))


def contributions(text: str, matrix: np.ndarray) -> np.ndarray:
    """LightGBM's own contribution of each feature to each row's raw score (log-odds), shape (rows, features)."""
    told = lightgbm.Booster(model_str=text).predict(matrix, pred_contrib=True)
    return np.asarray(told)[:, :-1]  # the last is the same for everybody


def _dataset(matrix: np.ndarray, defaulted: np.ndarray, *, names: tuple[str, ...]) -> lightgbm.Dataset:
    return lightgbm.Dataset(matrix, label=defaulted.astype(float), feature_name=list(names), free_raw_data=False)
