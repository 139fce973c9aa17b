"""Estimates that re-weight the reference towards a day: PAPE, and two lighter ways to its weights.

Białek, Kuberski, Perrakis and Bifet 2024, "Estimating model performance under covariate shift without
labels", arXiv 2401.08348: weights of the reference rows by the ratio of densities day / reference; the
scores calibrated anew on the weighted reference; then CBPE with the new pd.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.special import expit, logit

from tasks.adapters.lightgbm import LightGBMModel, TreeSettings, fit_trees
from tasks.adapters.sklearn import fit_logistic

RAKED_BINS: Final = 10
RAKING_ROUNDS: Final = 30
LEAST_RAKED: Final = 20
"""Rows of the reference, and of the day, under which a bin is raked together with its neighbours."""
MOST_WEIGHT: Final = 50.0
"""Largest weight of a row, times the mean weight."""
CROSS_FITTED: Final = 3
DOMAIN_TREES: Final = TreeSettings(
    seed=7, learning_rate=0.1, max_depth=3, min_rows_per_leaf=100, feature_share=0.3, row_share=0.8,
    l2=20.0, max_bins=63,
)  # fmt: skip
N_DOMAIN_TREES: Final = 60
NEWTON_ROUNDS: Final = 12


class Sample(NamedTuple):
    """Applications as the estimates see them."""

    matrix: np.ndarray
    """All that weights may depend on, NaN where missing, the log-odds of pd last."""
    pd: np.ndarray
    defaulted: np.ndarray


Weigher = Callable[[Sample, Sample], np.ndarray]
"""Weight of each row of the reference (first) in the light of a day (second), mean 1."""


def raked(reference: Sample, day: Sample) -> np.ndarray:
    """Weights under which every column has the day's shares of bins: deciles, and the missing.

    Iterative proportional fitting, Deming and Stephan 1940, "On a least squares adjustment of a
    sampled frequency table when the expected marginal totals are known".
    """
    weights = np.ones(len(reference.pd))
    columns = [_binned(*each) for each in zip(reference.matrix.T, day.matrix.T, strict=True)]
    for _ in range(RAKING_ROUNDS):
        for bins, wanted in columns:
            have = np.bincount(bins, weights=weights, minlength=len(wanted))
            factor = np.divide(wanted * len(weights), have, out=np.ones(len(wanted)), where=have > 0)
            weights = np.minimum(weights * factor[bins], MOST_WEIGHT)
    return weights / weights.mean()


def _binned(reference: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bin of each row of the reference, and the day's share of each bin."""
    known = reference[~np.isnan(reference)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, RAKED_BINS + 1)[1:-1])) if len(known) else np.empty(0)
    both = []
    for values in (reference, day):
        bins = np.searchsorted(edges, values, side="left") + 1
        both.append(np.where(np.isnan(values), 0, bins))
    counts = np.array([np.bincount(bins, minlength=len(edges) + 2) for bins in both])
    if counts[:, 0].min() < LEAST_RAKED:  # too few are missing in one of the two: with the lowest bin
        both = [np.maximum(bins, 1) for bins in both]
    shares = np.bincount(both[1], minlength=len(edges) + 2) / len(day)
    return both[0], shares


def by_logistic(reference: Sample, day: Sample) -> np.ndarray:
    """Weights by a logistic regression that tells the day from the reference."""
    matrix, is_day = _together(reference, day)
    return _weights(fit_logistic((matrix, is_day), categories=())(reference.matrix))


def by_trees(reference: Sample, day: Sample) -> np.ndarray:
    """Weights by LightGBM that tells the day from the reference, each row by trees that never saw it."""
    matrix, is_day = _together(reference, day)
    fold = np.random.default_rng(7).integers(CROSS_FITTED, size=len(matrix))
    scores = np.empty(len(matrix))
    names = [f"column {n}" for n in range(matrix.shape[1])]
    for number in range(CROSS_FITTED):
        fitted = fold != number
        text = fit_trees(
            matrix[fitted], is_day[fitted], names=[name.replace(" ", "_") for name in names],
            trees=DOMAIN_TREES, directions=[0] * len(names), n_trees=N_DOMAIN_TREES,
        )  # fmt: skip
        scores[~fitted] = LightGBMModel(text).raw_scores(matrix[~fitted])
    return _weights(scores[: len(reference.pd)])


def _together(reference: Sample, day: Sample) -> tuple[np.ndarray, np.ndarray]:
    matrix = np.concatenate([reference.matrix, day.matrix])
    return matrix, np.arange(len(matrix)) >= len(reference.pd)


def _weights(log_odds: np.ndarray) -> np.ndarray:
    """Weights by the log-odds of being a row of the day."""
    weights = np.exp(log_odds - log_odds.max())
    weights = np.minimum(weights / weights.mean(), MOST_WEIGHT)
    return weights / weights.mean()


WEIGHERS: Final[Mapping[str, Weigher]] = {"raked": raked, "logistic": by_logistic, "trees": by_trees}


class Recalibrated(NamedTuple):
    """pd of a day, calibrated anew."""

    pd: np.ndarray
    rows: int
    """Rows of equal weight that would be as good: Kish 1965, "Survey sampling", (sum w)^2 / sum w^2."""


def recalibrate(reference: Sample, day: Sample, weights: np.ndarray) -> Recalibrated:
    """Fit a logistic curve on the weighted reference, and read the day's pd from it."""
    line = np.array([0.0, 1.0])
    design = np.column_stack([np.ones(len(weights)), logit(reference.pd)])
    for _ in range(NEWTON_ROUNDS):
        fitted = expit(design @ line)
        slope = design.T @ (weights * (reference.defaulted - fitted))
        curvature = (design * (weights * fitted * (1 - fitted))[:, None]).T @ design
        line = line + np.linalg.solve(curvature, slope)
    effective = weights.sum() ** 2 / np.sum(weights**2)
    return Recalibrated(expit(line[0] + line[1] * logit(day.pd)), int(effective))


def column_ranks(values: pa.ChunkedArray) -> np.ndarray:
    """Numbers that stand for the values of a column: themselves, or the places of texts; NaN where missing."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = values.combine_chunks().dictionary_encode().indices
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
