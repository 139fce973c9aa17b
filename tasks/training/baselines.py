"""Baselines: plain models of the same applications in the same folds.

A model that is not ahead of them is not worth its trouble.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from configs.settings import BaselineKinds
from tasks.core.applications import quantities
from tasks.core.lender.columns import NAMES, TEXTS
from tasks.core.model.features import feature_names
from tasks.core.training.cross_fitting import cross_fitted_pd
from tasks.running.context import run_logger
from tasks.training.records import Baseline, Effort, History

ALIKE: Final = "everybody alike"
NAIVE_BAYES: Final = "naive Bayes"
LOGISTIC: Final = "logistic regression"
FOREST: Final = "random forest"
HISTOGRAMS: Final = "HistGradientBoosting"
XGBOOST: Final = "XGBoost"
CATBOOST: Final = "CatBoost"
UNTUNED: Final = "LightGBM, raw columns"
_EXTRA: Final = "benchmark"

Scorer = Callable[[np.ndarray], np.ndarray]
"""Maps a matrix of plain columns to log-odds."""


class PlainColumns(NamedTuple):
    """Input columns of the model as they were delivered, with nothing derived from them."""

    matrix: np.ndarray
    """float32, shape (rows, columns), NaN where missing; texts as codes."""
    categories: tuple[int, ...]
    """Positions of the columns that were texts."""


def judge_baselines(
    history: History,
    fold: np.ndarray,
    *,
    without: Collection[str] = (),
    seed: int,
    kinds: BaselineKinds,
) -> dict[str, Baseline]:
    """Calibrated, cross-fitted pd of every row by each baseline. No model saw the rows it scores.

    None sees an input of `without`, names of `SWITCHES`. A baseline whose score says nothing about
    defaults, or whose package is not installed, is left out, with a warning.
    """
    if kinds == "none":
        return {}
    columns = plain_columns(history.rows, without)
    judged = {ALIKE: _alike(history)} if kinds == "all" else {}
    for name, fit in _fits(kinds, seed).items():
        try:
            judged[name] = _judge(fit, columns, history, fold)
        except ValueError as error:
            run_logger().warning("Baseline %s is left out: %s", name, error)
        except ModuleNotFoundError as error:
            line = "Baseline %s is left out: %s is not installed; the extra `%s` brings it"
            run_logger().warning(line, name, error.name, _EXTRA)
        else:
            run_logger().info("Baseline %s judged", name)
    return judged


def _fits(kinds: BaselineKinds, seed: int) -> Mapping[str, Callable[..., Scorer]]:
    """Name of each baseline to what fits it."""
    from tasks.adapters.lightgbm import fit_untuned
    from tasks.adapters.sklearn import fit_forest, fit_histogram_boosting, fit_logistic, fit_naive_bayes

    plain: dict[str, Callable[..., Scorer]] = {LOGISTIC: fit_logistic, UNTUNED: partial(fit_untuned, seed=seed)}
    if kinds == "plain":
        return plain
    return {
        NAIVE_BAYES: fit_naive_bayes,
        LOGISTIC: plain[LOGISTIC],
        FOREST: partial(fit_forest, seed=seed),
        HISTOGRAMS: partial(fit_histogram_boosting, seed=seed),
        XGBOOST: partial(_fit_xgboost, seed=seed),
        CATBOOST: partial(_fit_catboost, seed=seed),
        UNTUNED: plain[UNTUNED],
    }


def _fit_xgboost(*args: Any, **options: Any) -> Scorer:
    from tasks.adapters.xgboost import fit_xgboost

    return fit_xgboost(*args, **options)


def _fit_catboost(*args: Any, **options: Any) -> Scorer:
    from tasks.adapters.catboost import fit_catboost

    return fit_catboost(*args, **options)


def _alike(history: History) -> Baseline:
    """Default rate of the history for everybody: what is known without any model."""
    return Baseline(np.full(len(history.defaulted), history.defaulted.mean()), Effort(0.0, 0.0))


def plain_columns(rows: pa.Table, without: Collection[str] = ()) -> PlainColumns:
    """Columns of typed rows that a model without the inputs of `without` may see.

    A code that stands for "none" is missing.
    """
    names = [name for name in feature_names(without) if name in NAMES]
    matrix = np.empty((rows.num_rows, len(names)), dtype=np.float32, order="F")
    for position, name in enumerate(names):
        is_text = name in TEXTS
        matrix[:, position] = _codes(rows.column(name)) if is_text else quantities(rows, name)
    texts = tuple(position for position, name in enumerate(names) if name in TEXTS)
    return PlainColumns(matrix, texts)


def _codes(values: pa.ChunkedArray) -> np.ndarray:
    encoded = values.combine_chunks().dictionary_encode()
    codes: np.ndarray = encoded.indices.cast(pa.float64()).to_numpy(False)
    return codes


def _judge(fit: Callable[..., Scorer], columns: PlainColumns, history: History, fold: np.ndarray) -> Baseline:
    raw = np.empty(len(fold))
    fit_seconds = score_seconds = 0.0
    for held_out in (fold == number for number in np.unique(fold)):
        begun = time.perf_counter()
        scores = fit((columns.matrix[~held_out], history.defaulted[~held_out]), categories=columns.categories)
        fitted = time.perf_counter()
        raw[held_out] = scores(columns.matrix[held_out])
        fit_seconds += fitted - begun
        score_seconds += time.perf_counter() - fitted
    return Baseline(cross_fitted_pd(raw, history.defaulted, fold), Effort(fit_seconds, score_seconds))
