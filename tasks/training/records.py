"""Records that the steps of a training hand each other."""

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
    """True where the applicant defaulted, shape (rows,)."""
    files: tuple[str, ...] = ()
    """SHA-256 of each file."""
    left_out: Mapping[str, int] = MappingProxyType({})
    """Why rows were left out, a rule of the contract mostly, to how many; a row may break several."""


@dataclass(frozen=True, slots=True)
class ScoredFolds:
    """What trees of one shape say of rows they never saw."""

    trees: TreeSettings
    n_trees: int
    raw: np.ndarray
    """Raw scores (log-odds), shape (rows,)."""
    reasons_per_second: float
    """Rows a second that LightGBM explains."""


class Repetition(NamedTuple):
    """How good a model was in one cross-validation."""

    auc: float
    cost: float
    """Per application, in units of the cost matrix, at the break-even cut-off."""


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predictions for every row of the history by models that never saw it, and the shape of model they judge."""

    raw: np.ndarray
    """Raw scores (log-odds), shape (rows,)."""
    pd: np.ndarray
    """Their pd, each calibrated on the other folds alone, shape (rows,)."""
    fold: np.ndarray
    """Which fold, from 0, held a row out, int8, shape (rows,)."""
    trees: TreeSettings
    n_trees: int
    shapes: tuple[TriedShape, ...]
    """Every shape tried; one of them is chosen."""
    baselines: Mapping[str, np.ndarray]
    """Name to pd of every row, in the same folds and calibrated the same way."""
    repeats: Mapping[str, tuple[Repetition, ...]]
    """Name of the model (`MODEL`) or a baseline to its figures in each cross-validation; the first is this one."""


class Choices(NamedTuple):
    """Models that differ in their inputs alone, judged out-of-fold on the same rows."""

    rows: np.ndarray
    """Positions in the history of the rows they were measured on."""
    as_decided: np.ndarray
    """pd of the model with the inputs that the policy allows, shape (rows,)."""
    otherwise: Mapping[str, np.ndarray]
    """Another choice to the pd of a model under it, shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is recorded about a model beside its bundle."""

    metrics: dict[str, float]
    figures: dict[str, Figure]
    documents: dict[str, bytes]
    """Path among the run's artifacts to content: the model card, and its figures for programs."""
    description: str
    """Of the registered version, in Markdown."""
    card: ModelCard
