"""What the model sees of an application: one definition for training and scoring.

Features are computed column by column with the four basic operations and comparisons only, so a row's features are the
same bits alone or in any batch. Whatever is learned from data (the order of categories) is frozen in a `FeatureSet` and
travels in the model bundle; nothing is ever taken from the day being scored.

Gender and family status are never inputs, nor is the hour or weekday of applying, which no refusal could honestly name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.applications import ID, NUMBERS, TEXTS

FEATURE_VERSION: Final = "1"
"""Part of every fingerprint: raise it with any change of a feature's value."""

NEVER_INPUTS: Final = frozenset(
    {ID, "CODE_GENDER", "NAME_FAMILY_STATUS", "WEEKDAY_APPR_PROCESS_START", "HOUR_APPR_PROCESS_START"}
)
AGE: Final = "DAYS_BIRTH"
NOT_EMPLOYED_DAYS: Final = 365243.0
"""DAYS_EMPLOYED of applicants without employment (pensioners, mostly): a code, not a number of days."""
NO_CATEGORY: Final = "XNA"
_COMMON_SHARE: Final = 0.0005
"""Levels under this share of the training rows are left out of the bundle: a rare text could be a person's."""
_PRIOR_ROWS: Final = 200
"""Weight of the overall default rate when a category's own rate is estimated, in rows (Micci-Barreca 2001)."""

Columns = Callable[[str], np.ndarray]


@dataclass(frozen=True, slots=True)
class Derived:
    """A feature computed from columns; missing where any column it needs is missing or a denominator is 0."""

    name: str
    columns: tuple[str, ...]
    formula: Callable[[Columns], np.ndarray]


@dataclass(frozen=True, slots=True)
class Encoding:
    """A category as an ordered number: its rank by default rate in training, lowest first."""

    levels: tuple[str, ...]
    unseen: float
    """Rank of a category that training never saw: where the overall default rate stands between the known ones."""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The frozen recipe: which features, in which order, and how categories are numbered."""

    names: tuple[str, ...]
    encodings: Mapping[str, Encoding]


def _ratio(name: str, above: str, below: str) -> Derived:
    def formula(column: Columns) -> np.ndarray:
        denominator = column(below)
        return column(above) / np.where(denominator == 0, np.nan, denominator)

    return Derived(name, (above, below), formula)


def _total(name: str, *columns: str) -> Derived:
    return Derived(name, columns, lambda column: sum((column(each) for each in columns[1:]), start=column(columns[0])))


def _external_sources(column: Columns) -> np.ndarray:
    return np.column_stack([column(f"EXT_SOURCE_{n}") for n in (1, 2, 3)])


def _external_mean(column: Columns) -> np.ndarray:
    scores = _external_sources(column)
    known = ~np.isnan(scores)
    count = known.sum(axis=1)
    scores = np.where(known, scores, 0.0)
    return (scores[:, 0] + scores[:, 1] + scores[:, 2]) / np.where(count == 0, np.nan, count)


_EXTERNAL: Final = ("EXT_SOURCE_1", "EXT_SOURCE_2", "EXT_SOURCE_3")
_ADDRESSES: Final = ("REG_REGION_NOT_LIVE_REGION", "REG_REGION_NOT_WORK_REGION", "LIVE_REGION_NOT_WORK_REGION",
                     "REG_CITY_NOT_LIVE_CITY", "REG_CITY_NOT_WORK_CITY", "LIVE_CITY_NOT_WORK_CITY")  # fmt: skip
_ENQUIRIES: Final = tuple(f"AMT_REQ_CREDIT_BUREAU_{span}" for span in ("HOUR", "DAY", "WEEK", "MON", "QRT", "YEAR"))

DERIVED: Final[tuple[Derived, ...]] = (
    _ratio("CREDIT_TO_INCOME", "AMT_CREDIT", "AMT_INCOME_TOTAL"),
    _ratio("ANNUITY_TO_INCOME", "AMT_ANNUITY", "AMT_INCOME_TOTAL"),
    _ratio("CREDIT_TO_ANNUITY", "AMT_CREDIT", "AMT_ANNUITY"),
    _ratio("GOODS_TO_CREDIT", "AMT_GOODS_PRICE", "AMT_CREDIT"),
    _ratio("GOODS_TO_INCOME", "AMT_GOODS_PRICE", "AMT_INCOME_TOTAL"),
    _ratio("INCOME_PER_PERSON", "AMT_INCOME_TOTAL", "CNT_FAM_MEMBERS"),
    _ratio("CHILDREN_SHARE", "CNT_CHILDREN", "CNT_FAM_MEMBERS"),
    _ratio("EMPLOYED_TO_AGE", "DAYS_EMPLOYED", "DAYS_BIRTH"),
    _ratio("REGISTERED_TO_AGE", "DAYS_REGISTRATION", "DAYS_BIRTH"),
    _ratio("ID_PUBLISHED_TO_AGE", "DAYS_ID_PUBLISH", "DAYS_BIRTH"),
    _ratio("CAR_AGE_TO_AGE", "OWN_CAR_AGE", "DAYS_BIRTH"),
    _ratio("PHONE_CHANGE_TO_AGE", "DAYS_LAST_PHONE_CHANGE", "DAYS_BIRTH"),
    _ratio("DEFAULTS_30_SHARE", "DEF_30_CNT_SOCIAL_CIRCLE", "OBS_30_CNT_SOCIAL_CIRCLE"),
    _ratio("DEFAULTS_60_SHARE", "DEF_60_CNT_SOCIAL_CIRCLE", "OBS_60_CNT_SOCIAL_CIRCLE"),
    Derived("EXT_SOURCE_MEAN", _EXTERNAL, _external_mean),
    Derived("EXT_SOURCE_MIN", _EXTERNAL, lambda column: np.fmin.reduce(_external_sources(column), axis=1)),
    Derived("EXT_SOURCE_MAX", _EXTERNAL, lambda column: np.fmax.reduce(_external_sources(column), axis=1)),
    Derived("EXT_SOURCE_KNOWN", _EXTERNAL, lambda column: (~np.isnan(_external_sources(column))).sum(axis=1) * 1.0),
    Derived("EXT_SOURCE_2_TIMES_3", _EXTERNAL[1:], lambda column: column("EXT_SOURCE_2") * column("EXT_SOURCE_3")),
    _total("DOCUMENTS", *(f"FLAG_DOCUMENT_{n}" for n in range(2, 22))),
    _total("ADDRESS_MISMATCHES", *_ADDRESSES),
    _total("CREDIT_ENQUIRIES", *_ENQUIRIES),
)


def feature_names(*, use_age: bool) -> tuple[str, ...]:
    """The model's inputs, in order; without age nothing derived from it remains either."""
    plain = [name for name in (*NUMBERS, *TEXTS) if name not in NEVER_INPUTS and (use_age or name != AGE)]
    return (*plain, *(feature.name for feature in DERIVED if use_age or AGE not in feature.columns))


def monotone_direction(name: str) -> int:  # noqa: ARG001 - no feature is bound yet
    """1 where pd may only rise with the feature, -1 where it may only fall, 0 where either may be."""
    return 0


def fit_features(rows: pa.Table, defaulted: np.ndarray, *, use_age: bool) -> FeatureSet:
    """Learn the order of categories from typed training rows and their outcomes, shape (n,)."""
    overall = float(defaulted.mean())
    names = feature_names(use_age=use_age)
    encodings = {name: _fit_encoding(rows.column(name), defaulted, overall) for name in TEXTS if name in names}
    return FeatureSet(names, encodings)


def build_features(rows: pa.Table, features: FeatureSet) -> np.ndarray:
    """The model matrix of typed rows: float64, shape (rows, features), column-major, NaN where missing."""
    cache: dict[str, np.ndarray] = {}

    def column(name: str) -> np.ndarray:
        if name not in cache:
            encoding = features.encodings.get(name)
            values = rows.column(name)
            cache[name] = _number(name, values) if encoding is None else _rank(values, encoding)
        return cache[name]

    derived = {feature.name: feature.formula for feature in DERIVED}
    matrix = np.empty((rows.num_rows, len(features.names)), order="F")
    for position, name in enumerate(features.names):
        matrix[:, position] = derived[name](column) if name in derived else column(name)
    return matrix


def _number(name: str, values: pa.ChunkedArray) -> np.ndarray:
    numbers: np.ndarray = values.to_numpy()
    return np.where(numbers == NOT_EMPLOYED_DAYS, np.nan, numbers) if name == "DAYS_EMPLOYED" else numbers


def _rank(values: pa.ChunkedArray, encoding: Encoding) -> np.ndarray:
    code = pc.index_in(values, value_set=pa.array(encoding.levels, pa.string()))
    ranks = pc.fill_null(code.cast(pa.float64()), encoding.unseen)
    known = pc.and_(pc.is_valid(values), pc.not_equal(values, NO_CATEGORY))
    rank: np.ndarray = pc.if_else(pc.fill_null(known, False), ranks, None).to_numpy()
    return rank


def _fit_encoding(values: pa.ChunkedArray, defaulted: np.ndarray, overall: float) -> Encoding:
    table = (
        pa.table({"level": values, "bad": defaulted.astype(float)})
        .group_by("level")
        .aggregate([("bad", "sum"), ("bad", "count")])
    )
    rates = {
        level: (bad + overall * _PRIOR_ROWS) / (rows + _PRIOR_ROWS)
        for level, bad, rows in zip(
            *(table.column(name).to_pylist() for name in ("level", "bad_sum", "bad_count")), strict=True
        )
        if level is not None and level != NO_CATEGORY and rows >= _COMMON_SHARE * len(values)
    }
    levels = sorted(rates, key=lambda level: (rates[level], level))
    return Encoding(tuple(levels), sum(rates[level] < overall for level in levels) - 0.5)
