"""Inputs of the model, built from an application: one definition for training and scoring.

The lender's feature list defines each feature. All that is learned from data (the order of
categories, fill values, medians of groups) is frozen in a `FeatureSet` and travels in the model
bundle. Nothing is taken from the day being scored, and nothing frozen is learned from few
applicants (`tasks/core/disclosure.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.applications import quantities
from tasks.core.disclosure import is_enough_for_mean, is_enough_to_rank
from tasks.core.lender.columns import NO_CATEGORY, TEXTS
from tasks.core.lender.feature_list import FAMILIES, FEATURES, FILLED, GROUPED, SWITCHES

FEATURE_VERSION: Final = "2"
"""Version in every fingerprint. Raise it with any change of a feature's value."""

_PRIOR_ROWS: Final = 200
"""Weight in rows of the overall default rate, when a category's own rate is estimated
(Micci-Barreca 2001)."""
_FEATURE: Final = {feature.name: feature for feature in FEATURES}


@dataclass(frozen=True, slots=True)
class Encoding:
    """Encoding of a category as a number: its rank by default rate in training, lowest first."""

    levels: tuple[str, ...]
    unseen: float
    """Rank of a category that training never saw: the place of the overall default rate among the
    known ones."""


@dataclass(frozen=True, slots=True)
class Typical:
    """Medians of a column in training, by the level of a category."""

    column: str
    by: str
    medians: Mapping[str, float]
    otherwise: float
    """Median of all rows, for a category that is missing or too rare to have its own. 0 if few
    values are known."""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Frozen recipe: the features in their order, and all that was learned from training rows."""

    names: tuple[str, ...]
    encodings: Mapping[str, Encoding] = field(default_factory=dict)
    fills: Mapping[str, float] = field(default_factory=dict)
    """Column of `FILLED` to its mean; 0 if few values are known."""
    typical: tuple[Typical, ...] = ()
    """Medians for each pair of `GROUPED`."""


def feature_names(without: Iterable[str] = ()) -> tuple[str, ...]:
    """Inputs of the model, in order.

    Args:
        without: names of `SWITCHES`. No feature that reads a column of theirs remains.

    >>> set(feature_names()) - set(feature_names(["region"])) == set(SWITCHES["region"])
    True
    """
    forbidden = {column for switch in without for column in SWITCHES[switch]}
    return tuple(feature.name for feature in FEATURES if forbidden.isdisjoint(feature.columns))


def seen_switches(names: Iterable[str]) -> tuple[str, ...]:
    """Names of `SWITCHES` of which any of these features reads a column.

    >>> seen_switches(["AMT_CREDIT", "PHONE_CHANGE_TO_AGE"])
    ('age', 'contact')
    """
    seen = {column for name in names for column in delivered_columns(name)}
    return tuple(switch for switch, columns in SWITCHES.items() if not seen.isdisjoint(columns))


def delivered_columns(name: str) -> tuple[str, ...]:
    """Delivered columns behind a feature, or behind a column that is an input as it stands."""
    return _FEATURE[name].columns if name in _FEATURE else (name,)


def family_of(name: str) -> str:
    """Family of a feature, over which its contributions are summed."""
    return _FEATURE[name].family


def family_numbers(names: Iterable[str]) -> np.ndarray:
    """Place in `FAMILIES` of each feature's family, int64, shape (features,)."""
    places = {family: place for place, family in enumerate(FAMILIES)}
    return np.array([places[family_of(name)] for name in names], dtype=np.int64)


def column_weights(gain: Mapping[str, float]) -> dict[str, float]:
    """Share, 0 to 1, of each delivered column in the loss reduction of a model's features.

    A feature of several columns gives each of them an equal part.
    """
    total = sum(gain.values()) or 1.0
    weights: dict[str, float] = {}
    for name, reduction in gain.items():
        columns = delivered_columns(name)
        for column in columns:
            weights[column] = weights.get(column, 0.0) + reduction / len(columns) / total
    return {column: round(weight, 4) for column, weight in weights.items()}


def monotone_direction(name: str) -> int:
    """Direction of pd as the feature rises: +1 may not fall, -1 may not rise, 0 is free."""
    return _FEATURE[name].direction if name in _FEATURE else 0


def fit_features(rows: pa.Table, defaulted: np.ndarray, names: Iterable[str]) -> FeatureSet:
    """Learn the recipe of the features `names` from typed training rows.

    A name is that of a feature, or of a delivered column as it stands. A model with such a column
    measures the cost of leaving the column out.

    Args:
        rows: typed training rows.
        defaulted: True if the applicant defaulted, shape (rows,).
        names: features, in the order of the model's inputs.
    """
    names = tuple(names)
    overall = float(defaulted.mean())
    encodings = {name: _fit_encoding(rows.column(name), defaulted, overall) for name in TEXTS if name in names}
    fills = {name: _fit_fill(rows.column(name)) for name in FILLED}
    typical = tuple(_fit_typical(rows, column, by) for column, by in GROUPED)
    return FeatureSet(names, encodings, fills, typical)


def build_features(rows: pa.Table, features: FeatureSet) -> np.ndarray:
    """Build the model matrix of typed rows.

    It is float64, of shape (rows, features), column-major, NaN if missing.
    """
    inputs = _Inputs(rows, features)
    matrix = np.empty((rows.num_rows, len(features.names)), order="F")
    for position, name in enumerate(features.names):
        feature = _FEATURE.get(name)
        matrix[:, position] = inputs.column(name) if feature is None else feature.value(inputs)
    return matrix


def build_stretches(rows: pa.Table, features: FeatureSet, name: str) -> np.ndarray | None:
    """Number of the stretch, `Feature.stretch`, of each typed row in a feature, float64, shape (rows,).

    None if the feature has one stretch. NaN if an amount is missing.
    """
    feature = _FEATURE.get(name)
    if feature is None or feature.stretch is None:
        return None
    return feature.stretch(_Inputs(rows, features))


class _Inputs:
    """Typed rows and a frozen recipe, as formulas read them. Each column is made once."""

    def __init__(self, rows: pa.Table, features: FeatureSet) -> None:
        self._rows = rows
        self._features = features
        self._made: dict[str, np.ndarray] = {}

    def column(self, name: str) -> np.ndarray:
        if name not in self._made:
            encoding = self._features.encodings.get(name)
            if encoding is None:
                self._made[name] = quantities(self._rows, name)
            else:
                self._made[name] = _rank(self._rows.column(name), encoding)
        return self._made[name]

    def filled(self, name: str) -> np.ndarray:
        values = self.column(name)
        return np.where(np.isnan(values), self._features.fills[name], values)

    def typical(self, name: str, by: str) -> np.ndarray:
        frozen = next(each for each in self._features.typical if (each.column, each.by) == (name, by))
        level = pc.index_in(self._rows.column(by), value_set=pa.array(frozen.medians, pa.string()))
        medians = pa.array([*frozen.medians.values(), frozen.otherwise], pa.float64())
        place = pc.fill_null(level, len(frozen.medians)).combine_chunks()
        typical: np.ndarray = medians.take(place).to_numpy()
        return typical


def _rank(values: pa.ChunkedArray, encoding: Encoding) -> np.ndarray:
    code = pc.index_in(values, value_set=pa.array(encoding.levels, pa.string()))
    ranks = pc.fill_null(code.cast(pa.float64()), encoding.unseen)
    known = pc.and_(pc.is_valid(values), pc.not_equal(values, NO_CATEGORY))
    rank: np.ndarray = pc.if_else(pc.fill_null(known, False), ranks, None).to_numpy()
    return rank


def _fit_fill(values: pa.ChunkedArray) -> float:
    """Mean of the known values, 0 if there are few.

    It is correctly rounded, so that it does not depend on the chunks of the rows.

    >>> _fit_fill(pa.chunked_array([[0.1] * 30, [0.3] * 30, [None]]))
    0.2
    """
    known = values.drop_null().to_pylist()
    return math.fsum(known) / len(known) if is_enough_for_mean(len(known)) else 0.0


def _fit_typical(rows: pa.Table, column: str, by: str) -> Typical:
    values = rows.select([by, column]).to_pandas()
    groups = values.groupby(by)[column].agg(["median", "count"])
    medians = {
        str(level): float(median)
        for level, median, known in groups.itertuples(name=None)
        if is_enough_for_mean(known) and is_enough_to_rank(known, of=len(values)) and median > 0
    }
    is_known = is_enough_for_mean(values[column].count())
    return Typical(column, by, medians, float(values[column].median()) if is_known else 0.0)


def _fit_encoding(values: pa.ChunkedArray, defaulted: np.ndarray, overall: float) -> Encoding:
    table = (
        pa.table({"level": values, "bad": defaulted.astype(float)})
        .group_by("level")
        .aggregate([("bad", "sum"), ("bad", "count")])
    )
    columns = (table.column(name).to_pylist() for name in ("level", "bad_sum", "bad_count"))
    rates = {
        level: (bad + overall * _PRIOR_ROWS) / (rows + _PRIOR_ROWS)
        for level, bad, rows in zip(*columns, strict=True)
        if level is not None and level != NO_CATEGORY and is_enough_to_rank(rows, of=len(values))
    }
    levels = sorted(rates, key=lambda level: (rates[level], level))
    return Encoding(tuple(levels), sum(rates[level] < overall for level in levels) - 0.5)
