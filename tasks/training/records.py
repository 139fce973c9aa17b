"""Records that the steps of a training hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.core.training.model_card import ModelCard
from tasks.core.training.model_shape import TriedShape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tasks.adapters.lightgbm import TreeSettings


class History(NamedTuple):
    """Typed applications that keep the contract, with their outcomes."""

    rows: pa.Table
    defaulted: np.ndarray
    """True if the applicant defaulted, shape (rows,)."""
    files: tuple[str, ...] = ()
    """SHA-256 of each file."""
    left_out: Mapping[str, int] = MappingProxyType({})
    """Reason for leaving rows out, mostly a rule of the contract, to the number of rows.

    A row may break several rules.
    """
    is_of_not_refused: bool = False
    """True if some of the outcomes matured in the store, which happens to applicants alone who were not refused."""


class Effort(NamedTuple):
    """Time that a model took over all folds, in seconds by the clock, on all processors."""

    fit_seconds: float
    score_seconds: float


class Baseline(NamedTuple):
    """Plain model, judged in the same folds as the model."""

    pd: np.ndarray
    """pd of every row, calibrated as the model's, shape (rows,)."""
    effort: Effort


@dataclass(frozen=True, slots=True)
class ScoredFolds:
    """Scores by trees of one shape of rows that the trees never saw."""

    trees: TreeSettings
    n_trees: int
    raw: np.ndarray
    """Raw scores (log-odds), shape (rows,)."""
    reasons_per_second: float
    """Rows that LightGBM explains in a second."""
    effort: Effort


class Repetition(NamedTuple):
    """Figures of a model in one cross-validation."""

    auc: float
    cost: float
    """Cost per application, in units of the cost matrix, at the break-even cut-off."""


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predictions for every row of the history by models that never saw it, and their shape."""

    raw: np.ndarray
    """Raw scores (log-odds), shape (rows,)."""
    pd: np.ndarray
    """pd of the rows, each calibrated on the other folds alone, shape (rows,)."""
    fold: np.ndarray
    """Number, from 0, of the fold that held a row out, int8, shape (rows,)."""
    trees: TreeSettings
    n_trees: int
    shapes: tuple[TriedShape, ...]
    """Every shape tried; one of them is chosen."""
    baselines: Mapping[str, Baseline]
    """Name of a baseline to what it says, in the same folds and calibrated the same way."""
    repeats: Mapping[str, tuple[Repetition, ...]]
    """Name of the model (`MODEL`) or of a baseline to its figures in each cross-validation.

    The first is this cross-validation.
    """
    effort: Effort
    """Time of the trees of the chosen shape."""


class Choices(NamedTuple):
    """Models that differ in their inputs alone, judged out-of-fold on the same rows."""

    rows: np.ndarray
    """Positions in the history of the rows that the models were measured on."""
    as_decided: np.ndarray
    """pd of the model with the inputs that the policy allows, shape (rows,)."""
    otherwise: Mapping[str, np.ndarray]
    """Each other choice to the pd of a model under it, shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Records about a model that are kept beside its bundle."""

    metrics: dict[str, float]
    figures: dict[str, Figure]
    description: str
    """Description of the registered version, in Markdown."""
    card: ModelCard
