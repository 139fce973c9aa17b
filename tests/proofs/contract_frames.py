"""Corrupted frames, and random suites of rules of every type, to hold our contract engine against Great Expectations.

A frame or a suite is drawn from a seeded generator, so the same seed gives the same one on any machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from great_expectations.expectations import registry

from tasks.adapters.gx_suite import ABOUT_COLUMNS
from tasks.core.contract.rules import typed_frame
from tasks.core.lender.columns import ID, NAMES

Kwargs = dict[str, Any]
Form = Literal["objects", "categories of a chunk", "categories of the day", "screened"]
FORMS: Final[tuple[Form, ...]] = ("objects", "categories of a chunk", "categories of the day", "screened")
"""How rows come: as frames with text as plain objects with None, or as categories, those that a chunk holds or those of
all rows; or as tables, which a screen sees before Great Expectations does."""

INF: Final = float("inf")
NUMBERS: Final = (
    "CNT_CHILDREN", "AMT_INCOME_TOTAL", "AMT_CREDIT", "AMT_ANNUITY", "AMT_GOODS_PRICE", "DAYS_BIRTH", "DAYS_EMPLOYED",
    "OWN_CAR_AGE", "EXT_SOURCE_1", "EXT_SOURCE_2", "EXT_SOURCE_3",
)  # fmt: skip
LEVELS: Final = ("NAME_TYPE_SUITE", "NAME_INCOME_TYPE", "CODE_GENDER")
PAPER: Final = "OCCUPATION_TYPE"
DATE: Final = "ORGANIZATION_TYPE"
TEXTS: Final = (*LEVELS, PAPER, DATE)
COLUMNS: Final = (ID, *NUMBERS, *TEXTS)

SOME_NUMBERS: Final = (
    0.0, -0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 1.0, 2.0, 3.0, -1.0, 7.5, 365243.0, 1e16, 2.0**53, INF, -INF,
)  # fmt: skip
SOME_LEVELS: Final = ("x", "y", "y", "X", "xyz", "", " x", "x\n", "é", "1", "1.0", "True", "nan", "None", "unseen")
SOME_PAPERS: Final = ('{"a": 1}', '{"a": "1"}', '{"b": 1}', "[1, 2]", "1", "1.0", "null", "NaN", '"x"')
SOME_DATES: Final = ("2024-02-29", "2023-02-29", "29.02.2024", "2024", "12:30", "9" * 14, "tomorrow", "")
SOME_IDS: Final = (1, 2, 3, 100001, 100002, 2**53 - 1, -1, 0)


@dataclass(frozen=True)
class Draw:
    """What chance decides, and the rows it may look at so that limits fall on values."""

    random: np.random.Generator
    frame: pd.DataFrame

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def one(self, values: Sequence[Any]) -> Any:
        return values[int(self.random.integers(len(values)))]

    def shuffled(self, values: Sequence[Any]) -> list[Any]:
        return [values[position] for position in self.random.permutation(len(values))]

    def some(self, values: Sequence[Any], most: int = 4) -> list[Any]:
        """From one to `most` of them, in any order."""
        return self.shuffled(values)[: int(self.random.integers(1, min(most, len(values)) + 1))]

    def number_column(self) -> str:
        return self.one((*NUMBERS, ID)) if self.chance(0.3) else self.one(NUMBERS[:5])

    def level_column(self) -> str:
        return self.one(LEVELS)

    def any_column(self) -> str:
        return self.one(COLUMNS) if self.chance(0.3) else self.one((*NUMBERS[:3], *LEVELS))

    def value(self, column: str) -> Any:
        """A value that is, or may be, in the column."""
        known = self.frame[column].dropna().tolist()
        if known and self.chance(0.6):
            return self.one(known)
        return self.one({ID: SOME_IDS, PAPER: SOME_PAPERS, DATE: SOME_DATES}.get(column, _pool(column)))

    def limit(self, of_rows: float) -> float:
        """What the rows themselves give, so that it falls on the limit; or any number."""
        is_known = not pd.isna(of_rows)
        return float(of_rows) if is_known and self.chance(0.5) else float(self.one(SOME_NUMBERS))

    def bounds(self, limit: Callable[[], float], *, strict: bool = True) -> Kwargs:
        """One or two limits."""
        limits = sorted(limit() for _ in range(2))
        both = {"min_value": limits[0], "max_value": limits[1]}
        kept = self.one((("min_value",), ("max_value",), ("min_value", "max_value"), ("min_value", "max_value")))
        flags = {flag: self.chance(0.5) for flag in ("strict_min", "strict_max") if strict and self.chance(0.5)}
        return {name: both[name] for name in kept} | flags


def _pool(column: str) -> Sequence[Any]:
    return SOME_NUMBERS if column in NUMBERS else SOME_LEVELS


# --- frames


def random_rows(random: np.random.Generator) -> pa.Table:
    """Typed rows that hold everything that a day may hold and some that it may not; 0 to 150 of them."""
    rows = int(random.choice([0, 1, 1, 2, 3, 5, 8, 13, 20, 40, 150]))
    papers = SOME_PAPERS if random.random() < 0.6 else (*SOME_PAPERS, "{", "")
    pools: dict[str, Sequence[Any]] = {**dict.fromkeys(LEVELS, SOME_LEVELS), PAPER: papers, DATE: SOME_DATES}
    numbers = {name: pa.array(_values(random, SOME_NUMBERS, rows), pa.float64()) for name in NUMBERS}
    texts = {name: pa.array(_values(random, pool, rows), pa.string()) for name, pool in pools.items()}
    return pa.table({ID: pa.array(_ids(random, rows), pa.int64()), **numbers, **texts})


def _values(random: np.random.Generator, pool: Sequence[Any], rows: int) -> list[Any]:
    """Values of a column: of the whole pool, of few of it, of one, or none at all; with or without nulls."""
    size = int(random.choice([len(pool), len(pool), 3, 2, 1, 0], p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1]))
    kept = [pool[position] for position in random.permutation(len(pool))[:size]]
    nulls = float(random.choice([0.0, 0.2, 0.6])) if kept else 1.0
    return [None if random.random() < nulls else kept[int(random.integers(len(kept)))] for _ in range(rows)]


def _ids(random: np.random.Generator, rows: int) -> list[int | None]:
    """Ids: each once, some twice, or some null."""
    ids: list[int | None] = [100001 + int(number) for number in random.permutation(rows)]
    kind = random.choice(["distinct", "doubled", "null", "both"])
    for position in range(rows):
        if kind in ("doubled", "both") and random.random() < 0.3:
            ids[position] = int(random.choice(SOME_IDS))
        if kind in ("null", "both") and random.random() < 0.2:
            ids[position] = None
    return ids


def plain_frame(rows: pa.Table, form: Form) -> pd.DataFrame:
    """All rows with text as objects: a missing one is None, or NaN where our frames hold categories."""
    frame: pd.DataFrame = rows.to_pandas()
    return (
        frame if form == "objects" else frame.assign(**{name: typed_frame(rows)[name].astype(object) for name in TEXTS})
    )


def chunks(rows: pa.Table, form: Form, size: int) -> list[pd.DataFrame]:
    """The rows in frames of `size`, as our engine is given them; at least one."""
    starts = range(0, max(rows.num_rows, 1), size)
    if form == "categories of the day":
        whole = typed_frame(rows)
        return [whole.iloc[start : start + size] for start in starts]
    parts = [rows.slice(start, size) for start in starts]
    return [part.to_pandas() if form == "objects" else typed_frame(part) for part in parts]


# --- rules


def _between(draw: Draw) -> Kwargs:
    """Rarely with the limits the wrong way round, which Great Expectations trips over."""
    column = draw.number_column()
    bounds = draw.bounds(lambda: float(draw.value(column)))
    return {"column": column, **bounds, **({"min_value": 3, "max_value": 1} if draw.chance(0.05) else {})}


def _figure(of: Callable[[pd.Series], float], *, numbers: bool = True) -> Callable[[Draw], Kwargs]:
    """A figure of a column, between limits."""

    def kwargs(draw: Draw) -> Kwargs:
        column = draw.number_column() if numbers else draw.any_column()
        return {"column": column, **draw.bounds(lambda: draw.limit(of(draw.frame[column])))}

    return kwargs


def _unique_count(draw: Draw) -> Kwargs:
    column = draw.any_column()
    of_rows = draw.frame[column].nunique()
    return {"column": column, **draw.bounds(lambda: draw.one((0, 1, of_rows, of_rows, of_rows + 1)))}


def _unique_share(values: pd.Series) -> float:
    return values.nunique() / max(values.count(), 1)


def _quantiles(draw: Draw) -> Kwargs:
    column, quantiles = draw.number_column(), sorted(draw.some((0.0, 0.1, 0.25, 0.5, 0.9, 1.0), 3))
    ranges = []
    for quantile in quantiles:
        of_rows = float(draw.frame[column].quantile(quantile, interpolation="nearest"))
        low, high = sorted((draw.limit(of_rows), draw.limit(of_rows)))
        ranges.append([None if draw.chance(0.2) else low, high])
    more = {"allow_relative_error": draw.one(("linear", "lower", "higher"))} if draw.chance(0.2) else {}
    return {"column": column, "quantile_ranges": {"quantiles": quantiles, "value_ranges": ranges}, **more}


def _value_set(draw: Draw) -> Kwargs:
    """Values of the column's type, or of another, or of several at once; or those next to what a float can hold."""
    column = draw.any_column()
    if column in NUMBERS and draw.chance(0.2):
        return {"column": column, "value_set": [2**53 + 1, draw.one((1, 2**53 - 1)), draw.one((2, 0.5, 2**53))]}
    mixed = [1, 1.0, 0.5, "1", "x", True, False, 2**53 + 1, 365243, "365243", None]
    values = draw.some(mixed, 5) if draw.chance(0.3) else [draw.value(column) for _ in range(4)]
    whole = [
        int(value) if isinstance(value, float) and abs(value) < 1e17 and value % 1 == 0 else value for value in values
    ]
    return {"column": column, "value_set": whole if draw.chance(0.5) else values}


def _distinct_set(draw: Draw) -> Kwargs:
    """What the column holds; or some other values."""
    column = draw.any_column()
    held = draw.frame[column].dropna().unique().tolist()
    return {"column": column, "value_set": held} if held and draw.chance(0.5) else _value_set(draw)


def _value_pairs(draw: Draw) -> Kwargs:
    names = [draw.any_column(), draw.any_column()]
    pairs = [[draw.value(name) if draw.chance(0.85) else None for name in names] for _ in range(4)]
    if len(draw.frame) and draw.chance(0.6):
        position = int(draw.random.integers(len(draw.frame)))
        row = [draw.frame[name].tolist()[position] for name in names]
        pairs.append([None if pd.isna(value) else value for value in row])
    return {"column_A": names[0], "column_B": names[1], "value_pairs_set": pairs}


def _pair(draw: Draw) -> Kwargs:
    pool = draw.one((NUMBERS[:4], NUMBERS[:4], (ID, *NUMBERS[:2]), LEVELS, LEVELS, (NUMBERS[0], LEVELS[0])))
    return {"column_A": draw.one(pool), "column_B": draw.one(pool)}


def _several(draw: Draw) -> Kwargs:
    pool = draw.one((NUMBERS, NUMBERS[:3], LEVELS, COLUMNS, (ID, NUMBERS[0]), (NUMBERS[0], LEVELS[0])))
    return {"column_list": [draw.one(pool), *draw.some(pool, 3)]}


def _sum(draw: Draw) -> Kwargs:
    """The sum of a row: of few columns or many, where the order of adding shows in the last digit."""
    names = draw.some((ID, *NUMBERS), 12)
    names = [names[0], *names]
    sums = draw.frame[names].sum(axis=1, skipna=False).dropna().tolist() if draw.chance(0.8) else []
    if draw.chance(0.05):
        names = [*names, LEVELS[0]]
    return {"column_list": names, "sum_total": draw.one(sums) if sums else draw.one(SOME_NUMBERS[:12])}


def _lengths(draw: Draw) -> Kwargs:
    return {"column": draw.one(TEXTS), **draw.bounds(lambda: draw.one((0, 1, 2, 3, 10, 1.5)))}


SOME_REGEXES: Final = ("^x", "x$", "^[a-z]+$", r"\d", "^$", ".", "y|z", "(?i)x", "é", "^(x|y)$")


def _regex(draw: Draw) -> str:
    return "(" if draw.chance(0.02) else draw.one(SOME_REGEXES)


def _regexes(draw: Draw) -> Kwargs:
    return {"column": draw.one(TEXTS), "regex_list": [_regex(draw) for _ in range(3)]}


def _partition(draw: Draw) -> Kwargs:
    """The frozen shares of some levels, or of some bins."""
    limits = {"threshold": draw.one((0.0, 0.1, 1.0, INF))}
    if draw.chance(0.7):
        values = sorted(set(draw.some(SOME_LEVELS)))
        shares = {"values": values, "weights": [1 / len(values)] * len(values)}
        more = {"tail_weight_holdout": 0.01, "internal_weight_holdout": 0.01} if draw.chance(0.5) else {}
        return {"column": draw.level_column(), "partition_object": shares, **limits, **more}
    bins = {"bins": [0, 1, 2, 3], "weights": [0.3, 0.3, 0.4]}
    return {"column": draw.one(NUMBERS), "partition_object": bins, **limits}


def _rows_between(draw: Draw) -> Kwargs:
    rows = len(draw.frame)
    return draw.bounds(lambda: draw.one((0, 1, rows, rows, rows + 1)))


SOME_TYPES: Final = ("float64", "int64", "str", "object", "int", "float", "O", "category", "bool")
SOME_SCHEMAS: Final = (
    {"type": "number"},
    {"type": "object", "properties": {"a": {"type": "integer"}}},
    {"type": "object", "required": ["a"]},
    {"enum": [1, None]},
    {"type": "no type"},
)


def _z_scores(draw: Draw) -> Kwargs:
    limits = {"threshold": draw.one((0.5, 1, 1.5, 3)), "double_sided": draw.chance(0.5)}
    return {"column": draw.number_column(), **limits}


def _named_set(draw: Draw) -> Kwargs:
    names = list(COLUMNS) if draw.chance(0.5) else draw.some(COLUMNS, 16)
    return {"column_set": names, **({"exact_match": draw.chance(0.5)} if draw.chance(0.7) else {})}


def _order(draw: Draw) -> Kwargs:
    return {"column_list": list(COLUMNS) if draw.chance(0.5) else draw.some(COLUMNS, 16)}


RULES: Final[Mapping[str, Callable[[Draw], Kwargs]]] = {
    # row by row
    "expect_column_values_to_be_null": lambda draw: {"column": draw.any_column()},
    "expect_column_values_to_not_be_null": lambda draw: {"column": draw.any_column()},
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _value_set,
    "expect_column_values_to_not_be_in_set": _value_set,
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": lambda draw: {
        "column": draw.one(TEXTS),
        "value": draw.one((0, 1, 2, 3, 10)),
    },
    "expect_column_values_to_match_regex": lambda draw: {"column": draw.one(TEXTS), "regex": _regex(draw)},
    "expect_column_values_to_not_match_regex": lambda draw: {"column": draw.one(TEXTS), "regex": _regex(draw)},
    "expect_column_values_to_match_regex_list": lambda draw: _regexes(draw) | {"match_on": draw.one(("any", "all"))},
    "expect_column_values_to_not_match_regex_list": _regexes,
    "expect_column_values_to_be_json_parseable": lambda draw: {"column": draw.one((PAPER, PAPER, *LEVELS))},
    "expect_column_values_to_match_json_schema": lambda draw: {
        "column": PAPER,
        "json_schema": draw.one(SOME_SCHEMAS[:4] if draw.chance(0.9) else SOME_SCHEMAS),
    },
    "expect_column_values_to_be_dateutil_parseable": lambda draw: {"column": draw.one((DATE, DATE, *LEVELS))},
    "expect_column_values_to_match_strftime_format": lambda draw: {
        "column": draw.one((DATE, DATE, *LEVELS)),
        "strftime_format": draw.one(("%Y-%m-%d", "%d.%m.%Y", "%Y", "%H:%M")),
    },
    "expect_column_pair_values_to_be_equal": _pair,
    "expect_column_pair_values_a_to_be_greater_than_b": lambda draw: (
        _pair(draw) | ({"or_equal": draw.chance(0.5)} if draw.chance(0.6) else {})
    ),
    "expect_column_pair_values_to_be_in_set": _value_pairs,
    "expect_multicolumn_sum_to_equal": _sum,
    "expect_multicolumn_values_to_be_equal": _several,
    "expect_select_column_values_to_be_unique_within_record": _several,
    # by the day as a whole
    "expect_column_values_to_be_unique": lambda draw: {"column": draw.any_column()},
    "expect_compound_columns_to_be_unique": _several,
    "expect_column_values_to_be_increasing": lambda draw: {
        "column": draw.number_column(),
        "strictly": draw.chance(0.5),
    },
    "expect_column_values_to_be_decreasing": lambda draw: {
        "column": draw.number_column(),
        "strictly": draw.chance(0.5),
    },
    "expect_column_value_z_scores_to_be_less_than": _z_scores,
    "expect_column_values_to_not_be_outliers": lambda draw: {
        "column": draw.number_column(),
        "method": draw.one(("iqr", "std")),
        "multiplier": draw.one((0, 0.5, 1.5, 3)),
    },
    "expect_column_values_to_be_of_type": lambda draw: {"column": draw.any_column(), "type_": draw.one(SOME_TYPES)},
    "expect_column_values_to_be_in_type_list": lambda draw: {
        "column": draw.any_column(),
        "type_list": draw.some(SOME_TYPES, 3),
    },
    "expect_column_type_to_be": lambda draw: {"column": draw.any_column(), "type_": draw.one(SOME_TYPES)},
    "expect_column_min_to_be_between": _figure(pd.Series.min),
    "expect_column_max_to_be_between": _figure(pd.Series.max),
    "expect_column_mean_to_be_between": _figure(pd.Series.mean),
    "expect_column_median_to_be_between": _figure(pd.Series.median),
    "expect_column_stdev_to_be_between": _figure(pd.Series.std),
    "expect_column_sum_to_be_between": _figure(pd.Series.sum),
    "expect_column_quantile_values_to_be_between": _quantiles,
    "expect_column_unique_value_count_to_be_between": _unique_count,
    "expect_column_proportion_of_unique_values_to_be_between": _figure(_unique_share, numbers=False),
    "expect_column_proportion_of_non_null_values_to_be_between": _figure(
        lambda values: values.count() / max(len(values), 1), numbers=False
    ),
    "expect_column_distinct_values_to_be_in_set": _distinct_set,
    "expect_column_distinct_values_to_contain_set": _distinct_set,
    "expect_column_distinct_values_to_equal_set": _distinct_set,
    "expect_column_most_common_value_to_be_in_set": lambda draw: _value_set(draw) | {"ties_okay": draw.chance(0.5)},
    "expect_column_kl_divergence_to_be_less_than": _partition,
    "expect_table_row_count_to_be_between": _rows_between,
    "expect_table_row_count_to_equal": lambda draw: {"value": len(draw.frame) + draw.one((0, 0, 1))},
    # by the header
    "expect_column_to_exist": lambda draw: (
        {"column": draw.one(NAMES) if draw.chance(0.3) else draw.one(COLUMNS)}
        | ({"column_index": draw.one((0, 1, 2, 99))} if draw.chance(0.3) else {})
    ),
    "expect_table_columns_to_match_set": _named_set,
    "expect_table_columns_to_match_ordered_list": _order,
    "expect_table_column_count_to_equal": lambda draw: {"value": draw.one((len(COLUMNS), len(COLUMNS), 1))},
    "expect_table_column_count_to_be_between": lambda draw: draw.bounds(
        lambda: draw.one((0, len(COLUMNS), len(COLUMNS) + 1)), strict=False
    ),
}
"""How to draw the kwargs of a rule of each type that a contract may hold."""

WITHOUT_CONDITION: Final = {"expect_column_pair_values_to_be_in_set"}
"""Types that have a `row_condition` which Great Expectations would ignore."""
IGNORING: Final = {
    "expect_column_pair": ("both_values_are_missing", "either_value_is_missing", "neither"),
    "expect_": ("all_values_are_missing", "any_value_is_missing", "never"),
}


def ignoring(type_: str) -> tuple[str, ...]:
    """What `ignore_row_if` may say in a rule of this type; none if it has no such thing."""
    if "ignore_row_if" not in registry.get_expectation_impl(type_).__fields__:
        return ()
    return next(values for prefix, values in IGNORING.items() if type_.startswith(prefix))


def random_condition(draw: Draw) -> Kwargs:
    """A row condition: a comparison, of the column's type or of another, a nullity, or several of them."""
    if draw.chance(0.2):
        return {"type": draw.one(("and", "or")), "conditions": [_comparison(draw) for _ in range(draw.one((2, 3)))]}
    return _comparison(draw)


def _comparison(draw: Draw) -> Kwargs:
    column = draw.any_column()
    if draw.chance(0.2):
        return {"type": "nullity", "column": {"name": column}, "is_null": draw.chance(0.5)}
    operator = draw.one(("==", "==", "!=", "<", "<=", ">", ">=", "IN", "NOT_IN"))
    parameter = draw.one((1, "1", "x", 0.5)) if draw.chance(0.1) else draw.value(column)
    if isinstance(parameter, float) and not np.isfinite(parameter) and draw.chance(0.8):
        parameter = 1.0  # Great Expectations has no way to write infinity
    if operator in ("IN", "NOT_IN"):
        parameter = [parameter, *(1.0 if isinstance(parameter, (int, float)) else "x" for _ in range(2))]
    return {"type": "comparison", "column": {"name": column}, "operator": operator, "parameter": parameter}


RECENT: Final = {"recent_rows_min": 2, "recent_rows_median": 5.5, "recent_rows_max": 40}
"""Figures of the days before."""


def of_recent_days(draw: Draw, type_: str, kwargs: Kwargs) -> Kwargs:
    """Limits made of figures of the days before, for rules about a figure of this one."""
    is_figure = not hasattr(registry.get_expectation_impl(type_), "map_metric") and type_ not in ABOUT_COLUMNS
    limits = [name for name in ("min_value", "max_value", "value") if is_figure and name in kwargs]
    return {name: {"$PARAMETER": f"{draw.one(tuple(RECENT))} * {draw.one((0.5, 1, 2))}"} for name in limits}


def printed_alike(condition: Kwargs) -> Kwargs:
    """A condition on the text of what another compares with, which Great Expectations prints like that one."""
    if condition.get("operator") not in ("==", "!=", "IN", "NOT_IN"):
        return condition
    parameter = condition["parameter"]
    text = [str(value) for value in parameter] if isinstance(parameter, list) else str(parameter)
    return condition | {"parameter": text}


def random_entry(draw: Draw, type_: str, id_: str, conditions: Sequence[Kwargs]) -> Kwargs:
    """A rule of the type, with whatever it may carry."""
    fields, kwargs = registry.get_expectation_impl(type_).__fields__, RULES[type_](draw)
    if draw.chance(0.2):
        kwargs |= of_recent_days(draw, type_, kwargs)
    if "mostly" in fields and draw.chance(0.35):
        kwargs["mostly"] = draw.one((0, 0.3, 0.5, 2 / 3, 0.9, 1))
    if "row_condition" in fields and type_ not in WITHOUT_CONDITION and draw.chance(0.4):
        kwargs["row_condition"] = draw.one(conditions)
    if (values := ignoring(type_)) and draw.chance(0.75):
        kwargs["ignore_row_if"] = draw.one(values)
    meta = {"id": id_, "sentence": f"{id_} holds.", "owner": "data owner"}
    return {"type": type_, "kwargs": kwargs, "severity": draw.one(("critical", "warning", "info")), "meta": meta}


def random_suite(draw: Draw, size: int) -> list[Kwargs]:
    """The entries of a suite of `size` rules, each of another type; some share a row condition."""
    conditions = [random_condition(draw) for _ in range(4)]
    conditions += [printed_alike(each) for each in conditions]
    types = draw.shuffled(sorted(RULES))[:size]
    return [random_entry(draw, type_, f"rule_{n}", conditions) for n, type_ in enumerate(types)]


def suite_text(entries: Sequence[Kwargs]) -> str:
    """A suite of these entries as it would lie in a file."""
    return json.dumps({"name": "drawn", "meta": {"version": "1"}, "expectations": list(entries)})
