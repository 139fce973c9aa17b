"""LightGBM: fitting, and scoring from its text format."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import lightgbm
import numpy as np

from tasks.core.lender.feature_list import FAMILIES
from tasks.errors import ModelError

_MONOTONE_METHOD: Final = "basic"  # the others gain nothing that can be told apart: docs/model.md
_LOSS: Final = 2
"""Position of the value in LightGBM's evaluations: (rows, metric, value, is higher better)."""
_FEATURE_RANGES: Final = re.compile(r"^feature_infos=.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """LightGBM's own settings, under the project's names."""

    seed: int
    learning_rate: float
    max_depth: int
    min_rows_per_leaf: int
    feature_share: float
    row_share: float
    l2: float
    max_bins: int

    def parameters(self, directions: Sequence[int] = ()) -> dict[str, object]:
        """The settings in LightGBM's words. The same data and seed give the same model."""
        monotone = {
            "monotone_constraints": list(directions),
            "monotone_constraints_method": _MONOTONE_METHOD,
        }
        return {
            "objective": "binary",
            **_reproducible(self.seed),
            **(monotone if any(directions) else {}),
            "feature_pre_filter": False,  # rows are binned once for all sizes of leaves
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

    def __init__(
        self,
        text: str,
        families: np.ndarray | None = None,
        *,
        caveat: str | None = None,
    ) -> None:
        """Parse a model's text.

        Args:
            text: the model.
            families: of its features, as `family_numbers` gives them; contributions need them.
            caveat: warning for its users; None if there is none.

        Raises:
            ModelError: the text is not a LightGBM model.
        """
        self._families = families
        self._alone = threading.Lock()
        self.caveat = caveat
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise ModelError(f"The registered model is not a LightGBM text model: {error}") from None

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        """Raw scores (log-odds), float64, shape (rows,)."""
        if not len(matrix):
            return np.empty(0)
        return np.asarray(self._booster.predict(matrix, raw_score=True), dtype=np.float64)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Exact Shapley contributions to each raw score (log-odds), shape (rows, families).

        They are those of `Engine`.
        """
        if self._families is None:
            raise TypeError("the model was read without the families of its features")
        summed = np.zeros((len(matrix), len(FAMILIES)), order="F")
        if len(matrix):
            by_feature = self.contributions_by_feature(matrix).T
            for contribution, family in zip(by_feature, self._families, strict=True):
                summed[:, family] += contribution
        return summed

    def contributions_by_feature(self, matrix: np.ndarray) -> np.ndarray:
        """Contribution of each feature to each raw score (log-odds), shape (rows, features)."""
        # Before each answer LightGBM computes its trees' depths anew, in the trees themselves.
        with self._alone:
            contributions = self._booster.predict(matrix, pred_contrib=True)
        return np.asarray(contributions)[:, :-1]  # the last one is the same for everybody


@dataclass(frozen=True, slots=True)
class Grown:
    """Trees grown on one part of the rows, which the other part judges."""

    booster: lightgbm.Booster

    def raw_scores(self, matrix: np.ndarray, n_trees: int) -> np.ndarray:
        """Raw scores (log-odds) by the first `n_trees`, float64, shape (rows,)."""
        scores = self.booster.predict(matrix, raw_score=True, num_iteration=n_trees)
        return np.asarray(scores, dtype=np.float64)

    def explain_rate(self, matrix: np.ndarray, n_trees: int) -> float:
        """Rows a second at which LightGBM gives exact contributions, timed on these rows.

        The contributions are those of the first `n_trees`.
        """
        begun = time.perf_counter()
        self.booster.predict(matrix, pred_contrib=True, num_iteration=n_trees)
        return len(matrix) / (time.perf_counter() - begun)


def bin_rows(
    matrix: np.ndarray,
    defaulted: np.ndarray,
    *,
    names: Sequence[str],
    trees: TreeSettings,
    like: lightgbm.Dataset | None = None,
) -> lightgbm.Dataset:
    """Bin rows to bytes, once for all trees that are tried on them. The matrix may be freed after.

    The bins are taken over from the rows `like`: for held-out rows, those on which the trees are
    grown.
    """
    dataset = lightgbm.Dataset(
        matrix,
        label=defaulted.astype(float),
        feature_name=list(names),
        params=trees.parameters(),
        reference=like,
    )
    return dataset.construct()


def grow_in_step(
    folds: Sequence[tuple[lightgbm.Dataset, lightgbm.Dataset]],
    *,
    trees: TreeSettings,
    directions: Sequence[int],
    max_trees: int,
    patience: int,
    tell: Callable[[int, float], None],
) -> tuple[list[Grown], int]:
    """Grow trees on every fold, one tree at a time, while the mean held-out log-loss falls.

    Growing stops after `patience` trees that have not lowered it. If each fold stopped by itself,
    it would be judged on rows that it has looked at, and would cut the others short.

    Args:
        folds: rows to grow on, and rows held out, both binned.
        trees: shape of the trees.
        directions: those of `fit_trees`.
        max_trees: largest number of trees.
        patience: number of trees without gain after which growing stops.
        tell: called with the number of trees and the mean loss after each round.

    Returns:
        The trees of each fold, and the number of them at which the mean loss was lowest.
    """
    boosters = [lightgbm.Booster(trees.parameters(directions), fitting) for fitting, _ in folds]
    for booster, (_, held_out) in zip(boosters, folds, strict=True):
        booster.add_valid(held_out, "held out")
    losses: list[float] = []
    best = 0
    while len(losses) < max_trees and len(losses) - best < patience:
        for booster in boosters:
            booster.update()
        losses.append(float(np.mean([booster.eval_valid()[0][_LOSS] for booster in boosters])))
        best = int(np.argmin(losses)) + 1
        tell(len(losses), losses[-1])
    texts = [booster.model_to_string(num_iteration=-1) for booster in boosters]
    return [Grown(lightgbm.Booster(model_str=text)) for text in texts], best


def fit_trees(
    matrix: np.ndarray,
    defaulted: np.ndarray,
    *,
    names: Sequence[str],
    trees: TreeSettings,
    directions: Sequence[int],
    n_trees: int,
) -> str:
    """Fit a model, and return it as LightGBM text.

    The text lacks the range of each feature, because the ends of a range are somebody's values.
    `directions` hold a number for each feature: pd may only rise with it (1), only fall (-1), or
    either (0).
    """
    rows = bin_rows(matrix, defaulted, names=names, trees=trees)
    booster = lightgbm.train(trees.parameters(directions), rows, num_boost_round=n_trees)
    no_ranges = "feature_infos=" + " ".join(["none"] * len(names))
    return _FEATURE_RANGES.sub(no_ranges, booster.model_to_string())


def fit_untuned(
    train: tuple[np.ndarray, np.ndarray],
    *,
    categories: Sequence[int],
    seed: int,
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit LightGBM as it comes: 100 trees of 31 leaves, learning rate 0.1; it maps a matrix to log-odds.

    `categories` are the positions of columns that hold codes of categories.
    """
    matrix, defaulted = train
    rows = lightgbm.Dataset(
        matrix,
        label=defaulted.astype(float),
        categorical_feature=list(categories),
    )
    booster = lightgbm.train({"objective": "binary", **_reproducible(seed)}, rows)
    return lambda held_out: np.asarray(booster.predict(held_out, raw_score=True), dtype=np.float64)


def gain_by_feature(text: str) -> dict[str, float]:
    """Total loss reduction of each feature's splits."""
    booster = lightgbm.Booster(model_str=text)
    gains = booster.feature_importance("gain").tolist()
    return dict(zip(booster.feature_name(), gains, strict=True))


def _reproducible(seed: int) -> dict[str, object]:
    """Settings that give the same model from the same rows and seed, with any number of threads."""
    return {"verbosity": -1, "deterministic": True, "force_col_wise": True, "seed": seed}
