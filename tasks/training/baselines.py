"""Baselines: plain models of the same applications in the same folds.

A model that is not ahead of them is not worth its trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.core.applications import quantities
from tasks.core.lender.columns import NAMES, TEXTS
from tasks.core.model.features import feature_names
from tasks.core.training.cross_fitting import cross_fitted_pd
from tasks.running.context import run_logger
from tasks.training.records import History

LOGISTIC: Final = "logistic regression"
UNTUNED: Final = "LightGBM, raw columns"


class PlainColumns(NamedTuple):
    """Input columns of the model as they were delivered, with nothing derived from them."""

    matrix: np.ndarray
    """float32, shape (rows, columns), NaN where missing; texts as codes."""
    categories: tuple[int, ...]
    """Positions of the columns that were texts."""


def baseline_pds(
    history: History,
    fold: np.ndarray,
    *,
    without: Collection[str] = (),
    seed: int,
) -> dict[str, np.ndarray]:
    """Calibrated, cross-fitted pd of every row by each baseline. No model saw the rows it scores.

    None sees an input of `without`, names of `SWITCHES`.
    A baseline whose score says nothing about defaults is left out, with a warning.
    """
    from tasks.adapters.lightgbm import scores_untuned
    from tasks.adapters.sklearn import scores_logistic

    columns = plain_columns(history.rows, without)
    models: Mapping[str, Callable[..., np.ndarray]] = {
        LOGISTIC: scores_logistic,
        UNTUNED: partial(scores_untuned, seed=seed),
    }
    pds = {}
    for name, scores in models.items():
        try:
            raw = _out_of_fold(scores, columns, history, fold)
            pds[name] = cross_fitted_pd(raw, history.defaulted, fold)
        except ValueError as error:
            run_logger().warning("Baseline %s is left out: %s", name, error)
        else:
            run_logger().info("Baseline %s judged", name)
    return pds


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


def _out_of_fold(
    scores: Callable[..., np.ndarray], columns: PlainColumns, history: History, fold: np.ndarray
) -> np.ndarray:
    raw = np.empty(len(fold))
    for held_out in (fold == number for number in np.unique(fold)):
        train = columns.matrix[~held_out], history.defaulted[~held_out]
        raw[held_out] = scores(train, columns.matrix[held_out], categories=columns.categories)
    return raw
