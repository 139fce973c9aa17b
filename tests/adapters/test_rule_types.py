"""Every type of rule, how it is judged and what a missing value is to it: by our engine and by Great Expectations.

`docs/rule-types.md` is written from what they say: `make docs`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from great_expectations.expectations import registry

from configs.settings import PROJECT
from tasks.adapters.gx import build_contract
from tasks.core.applications import parse_rows
from tasks.core.lender.columns import ID, NAMES
from tasks.errors import ConfigError
from tests.plain_gx import plain
from tests.proofs.contract_frames import RULES, ignoring

DOCUMENT: Final = PROJECT / "docs/rule-types.md"
REGISTERED: Final = sorted(registry.list_registered_expectation_implementations())
INF: Final = float("inf")
Kwargs = dict[str, Any]

# Rows that keep every rule of EXAMPLES, but that a value is missing.
GOOD: Final = pd.DataFrame(
    {
        "n": [1.0, 2.0, 3.0],
        "same": [1.0, 2.0, 3.0],
        "less": [0.5, 1.5, 2.5],
        "falling": [3.0, 2.0, 1.0],
        "t": ["2021", "2022", "2023"],
    }
)
MISSING: Final = pd.DataFrame({name: [None] * 4 for name in GOOD}).astype(GOOD.dtypes)
"""More of them than of any value."""
COLUMNS: Final = tuple(GOOD.columns)
SET: Final = [1, 2, 3]

EXAMPLES: Final[Mapping[str, Kwargs]] = {
    "expect_column_values_to_not_be_null": {"column": "n"},
    "expect_column_values_to_be_null": {"column": "n"},
    "expect_column_values_to_be_between": {"column": "n", "min_value": 1, "max_value": 3},
    "expect_column_values_to_be_in_set": {"column": "n", "value_set": SET},
    "expect_column_values_to_not_be_in_set": {"column": "n", "value_set": [9]},
    "expect_column_value_lengths_to_be_between": {"column": "t", "min_value": 4},
    "expect_column_value_lengths_to_equal": {"column": "t", "value": 4},
    "expect_column_values_to_match_regex": {"column": "t", "regex": "^20"},
    "expect_column_values_to_not_match_regex": {"column": "t", "regex": "x"},
    "expect_column_values_to_match_regex_list": {"column": "t", "regex_list": ["^20", "x"]},
    "expect_column_values_to_not_match_regex_list": {"column": "t", "regex_list": ["x", "y"]},
    "expect_column_values_to_be_json_parseable": {"column": "t"},
    "expect_column_values_to_match_json_schema": {"column": "t", "json_schema": {"type": "number"}},
    "expect_column_values_to_be_dateutil_parseable": {"column": "t"},
    "expect_column_values_to_match_strftime_format": {"column": "t", "strftime_format": "%Y"},
    "expect_column_pair_values_to_be_equal": {"column_A": "n", "column_B": "same"},
    "expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "n", "column_B": "less"},
    "expect_column_pair_values_to_be_in_set": {
        "column_A": "n",
        "column_B": "same",
        "value_pairs_set": [[1, 1], [2, 2], [3, 3]],
    },
    "expect_multicolumn_sum_to_equal": {"column_list": ["n", "falling"], "sum_total": 4},
    "expect_multicolumn_values_to_be_equal": {"column_list": ["n", "same"]},
    "expect_select_column_values_to_be_unique_within_record": {"column_list": ["n", "less"]},
    "expect_column_values_to_be_unique": {"column": "n"},
    "expect_compound_columns_to_be_unique": {"column_list": ["n", "falling"]},
    "expect_column_values_to_be_increasing": {"column": "n"},
    "expect_column_values_to_be_decreasing": {"column": "falling"},
    "expect_column_value_z_scores_to_be_less_than": {"column": "n", "threshold": 3, "double_sided": True},
    "expect_column_values_to_not_be_outliers": {"column": "n"},
    "expect_column_values_to_be_of_type": {"column": "n", "type_": "float64"},
    "expect_column_values_to_be_in_type_list": {"column": "n", "type_list": ["float64"]},
    "expect_column_type_to_be": {"column": "n", "type_": "float64"},
    "expect_column_min_to_be_between": {"column": "n", "min_value": 1, "max_value": 1},
    "expect_column_max_to_be_between": {"column": "n", "min_value": 3, "max_value": 3},
    "expect_column_mean_to_be_between": {"column": "n", "min_value": 2, "max_value": 2},
    "expect_column_median_to_be_between": {"column": "n", "min_value": 2, "max_value": 2},
    "expect_column_stdev_to_be_between": {"column": "n", "min_value": 1, "max_value": 1},
    "expect_column_sum_to_be_between": {"column": "n", "min_value": 6, "max_value": 6},
    "expect_column_quantile_values_to_be_between": {
        "column": "n",
        "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[2, 2]]},
    },
    "expect_column_unique_value_count_to_be_between": {"column": "n", "min_value": 3, "max_value": 3},
    "expect_column_proportion_of_unique_values_to_be_between": {"column": "n", "min_value": 1},
    "expect_column_proportion_of_non_null_values_to_be_between": {"column": "n", "min_value": 1},
    "expect_column_distinct_values_to_be_in_set": {"column": "n", "value_set": SET},
    "expect_column_distinct_values_to_contain_set": {"column": "n", "value_set": SET},
    "expect_column_distinct_values_to_equal_set": {"column": "n", "value_set": SET},
    "expect_column_most_common_value_to_be_in_set": {"column": "n", "value_set": SET, "ties_okay": True},
    "expect_column_kl_divergence_to_be_less_than": {
        "column": "t",
        "partition_object": {"values": ["2021", "2022", "2023"], "weights": [1 / 3] * 3},
        "threshold": 0.01,
    },
    "expect_table_row_count_to_be_between": {"min_value": 3, "max_value": 3},
    "expect_table_row_count_to_equal": {"value": 3},
    "expect_column_to_exist": {"column": "n"},
    "expect_table_columns_to_match_set": {"column_set": list(COLUMNS)},
    "expect_table_columns_to_match_ordered_list": {"column_list": list(COLUMNS)},
    "expect_table_column_count_to_equal": {"value": len(COLUMNS)},
    "expect_table_column_count_to_be_between": {"max_value": len(COLUMNS)},
}
"""A rule of each type that a contract may hold."""

REFUSED: Final[Mapping[str, Kwargs]] = {
    "expect_column_values_to_match_like_pattern": {"column": "t", "like_pattern": "20%"},
    "expect_column_values_to_match_like_pattern_list": {"column": "t", "like_pattern_list": ["20%"]},
    "expect_column_values_to_not_match_like_pattern": {"column": "t", "like_pattern": "20%"},
    "expect_column_values_to_not_match_like_pattern_list": {"column": "t", "like_pattern_list": ["20%"]},
    "expect_query_results_to_match_comparison": {
        "base_query": "SELECT 1",
        "comparison_data_source_name": "other",
        "comparison_query": "SELECT 1",
    },
    "expect_table_row_count_to_equal_other_table": {"other_table_name": "other"},
    "unexpected_rows_expectation": {"unexpected_rows_query": "SELECT * FROM {batch} WHERE n > 1"},
}
"""A rule of each type that no contract may hold."""


class Answer(NamedTuple):
    """What both engines say of one rule."""

    is_met: bool | None
    """None: it cannot be judged, and the day stops."""
    figures: Mapping[str, Any]
    judged: str
    observed: Any = ""
    """The figure of the day that Great Expectations found, if the rule sets limits to one."""


def entry(id_: str, type_: str, kwargs: Kwargs) -> Kwargs:
    meta = {"id": id_, "sentence": f"{id_} holds.", "owner": "data owner"}
    return {"type": type_, "kwargs": kwargs, "severity": "warning", "meta": meta}


ALL: Final = [entry(type_, type_, kwargs) for type_, kwargs in EXAMPLES.items()]


def suite(*entries: Kwargs) -> str:
    return json.dumps({"name": "types", "meta": {"version": "1"}, "expectations": entries})


def ask(entries: Sequence[Kwargs], frame: pd.DataFrame) -> dict[str, Answer]:
    """Rule id to the answer of both engines, which has to be the same."""
    frame = frame.reset_index(drop=True)
    oracle, answers = plain(suite(*entries), frame), {}
    sound = [each for each in entries if "crashed" not in oracle[each["meta"]["id"]]]
    for each in entries:
        id_ = each["meta"]["id"]
        if each not in sound:
            with pytest.raises(ConfigError, match=f"Rule '{id_}' of contract 'types' could not be evaluated"):
                ours([each], frame)
            answers[id_] = Answer(None, {}, "")
    answers |= ours(sound, frame)
    for each in entries:
        id_, expected = each["meta"]["id"], oracle[each["meta"]["id"]]
        answer = answers[id_]
        assert answer.is_met == expected.get("success"), id_
        assert answer.figures == {name: expected[name] for name in answer.figures}, id_
        if each["kwargs"].keys() & {"min_value", "value"}:
            answers[id_] = answer._replace(observed=expected.get("observed_value", ""))
    return answers


def ours(entries: Sequence[Kwargs], frame: pd.DataFrame) -> dict[str, Answer]:
    contract = build_contract(suite(*entries), columns=COLUMNS)
    counts = contract.check_frame(frame).counts
    across = contract.check_table(frame)
    broken = contract.check_columns(list(frame.columns))
    judged = dict.fromkeys(counts, "row by row") | {each.rule_id: "by the day" for each in across}
    return {
        id_: Answer(is_met, figures, judged.get(id_, "by the header"))
        for id_, is_met, figures in contract.results(counts, across, broken_columns=broken)
    }


# --- no third kind


def test_every_registered_type_is_proven_and_explained_or_refused() -> None:
    assert sorted([*RULES, *REFUSED]) == REGISTERED
    assert sorted([*EXAMPLES, *REFUSED]) == REGISTERED


def test_a_contract_may_hold_a_rule_of_every_type_that_is_not_refused() -> None:
    contract = build_contract(suite(*ALL), columns=COLUMNS)
    assert [rule.id for rule in contract.rules] == list(EXAMPLES)


def refusal(type_: str, kwargs: Kwargs, columns: Sequence[str] = COLUMNS) -> str:
    """Why a rule is refused when the contract is loaded."""
    with pytest.raises(ConfigError) as caught:
        build_contract(suite(entry("rule", type_, kwargs)), columns=columns)
    named, _, reason = str(caught.value).partition("): ")
    assert named == f"Contract 'types', entry 1 (rule, {type_}"
    return reason


@pytest.mark.parametrize("type_", sorted(REFUSED))
def test_a_type_that_cannot_be_judged_is_refused_with_a_reason(type_: str) -> None:
    assert registry.get_expectation_impl(type_)(**REFUSED[type_])
    assert refusal(type_, REFUSED[type_]).endswith(("on pandas.", "about one day's rows."))


# --- what a missing value is


def verdict(answer: Answer) -> str:
    """What becomes of a rule."""
    if answer.is_met is None:
        return "stops the day"
    told = "passes" if answer.is_met else "fails"
    if "unexpected_percent" in answer.figures and answer.figures["unexpected_percent"] is None:
        return f"{told}, percentage None"
    is_figure = answer.observed is None or isinstance(answer.observed, (int, float))
    return f"{told}: {answer.observed}" if is_figure and not answer.is_met else told


def of_rows(answer: Answer, rows: int) -> str:
    """What becomes of all the rows of a kind, of which there are so many."""
    if answer.is_met is None:
        return "stops the day"
    if answer.figures.get("unexpected_count") == rows:
        return "breaks"
    if answer.figures.get("missing_count") == rows:
        return "ignored"
    return "passes"


def of_missing(with_missing: Answer, without: Answer) -> str:
    """What becomes of the missing values beside good ones."""
    if with_missing.judged == "by the header":
        return "-"
    if "element_count" in with_missing.figures:
        return of_rows(with_missing, len(MISSING))
    assert without.is_met
    return "left out" if with_missing.is_met else "counts"


@dataclass(frozen=True)
class Case:
    """One row and one rule."""

    what: str
    type_: str
    kwargs: Kwargs
    row: Mapping[str, Any]


BETWEEN, IN_SET = "expect_column_values_to_be_between", "expect_column_values_to_be_in_set"
MATCH, NOT_IN_SET = "expect_column_values_to_match_regex", "expect_column_values_to_not_be_in_set"


def between(what: str, value: float, **bounds: Any) -> Case:
    return Case(what, BETWEEN, {"column": "n", **bounds}, {"n": value})


def condition(operator: str, parameter: Any) -> Case:
    """A row on which the condition's column is missing, and which would break the rule."""
    compared = {"type": "comparison", "column": {"name": "same"}, "operator": operator, "parameter": parameter}
    told = f"a row under the condition `{operator} {json.dumps(parameter)}` on a column that is missing there"
    return Case(told, BETWEEN, {"column": "n", "max_value": 0, "row_condition": compared}, {"n": 1.0, "same": np.nan})


CASES: Final = (
    between("a value on a limit", 1.0, max_value=1),
    between("a value on a strict limit", 1.0, max_value=1, strict_max=True),
    between("+inf, with a `max_value`", INF, max_value=1),
    between("+inf, with a `min_value` alone", INF, min_value=1),
    between("-inf, with a `min_value`", -INF, min_value=1),
    between("-inf, with a `max_value` alone", -INF, max_value=1),
    Case("-0.0 in the set of 0", IN_SET, {"column": "n", "value_set": [0]}, {"n": -0.0}),
    Case("the number 1 in the set of the text 1", IN_SET, {"column": "n", "value_set": ["1"]}, {"n": 1.0}),
    Case("the text 1 in the set of the number 1", IN_SET, {"column": "t", "value_set": [1]}, {"t": "1"}),
    Case("a missing value in a set that holds null", IN_SET, {"column": "n", "value_set": [1, None]}, {"n": np.nan}),
    Case("a missing value in a set without null", IN_SET, {"column": "n", "value_set": [1]}, {"n": np.nan}),
    Case("a missing value not in a set with null", NOT_IN_SET, {"column": "n", "value_set": [None]}, {"n": np.nan}),
    Case(
        "a missing value and 1, where the pairs hold null and 1",
        "expect_column_pair_values_to_be_in_set",
        {"column_A": "n", "column_B": "same", "value_pairs_set": [[None, 1]]},
        {"n": np.nan},
    ),
    Case("missing text, with the regex `None`", MATCH, {"column": "t", "regex": "None"}, {"t": None}),
    Case(
        "text without a character, with lengths from 1",
        "expect_column_value_lengths_to_be_between",
        {"column": "t", "min_value": 1},
        {"t": ""},
    ),
    condition("==", 1),
    condition("!=", 1),
    condition("<", 1),
    condition("IN", [1]),
    condition("NOT_IN", [1]),
)


def of_case(case: Case) -> str:
    (answer,) = ask([entry("case", case.type_, case.kwargs)], pd.DataFrame([{"same": 1.0, **case.row}])).values()
    if not answer.figures["element_count"]:
        return f"not judged: the rule {verdict(answer)}"
    return f"judged: {of_rows(answer, 1)}" if "row_condition" in case.kwargs else of_rows(answer, 1)


# --- the document


@pytest.fixture(scope="module")
def types_table() -> list[str]:
    good, beside = ask(ALL, GOOD), ask(ALL, pd.concat([GOOD, MISSING]))
    alone, none = ask(ALL, MISSING), ask(ALL, GOOD.iloc[:0])
    return [
        f"| `{type_}` | {good[type_].judged} | {of_missing(beside[type_], good[type_])} "
        f"| {verdict(alone[type_])} | {verdict(none[type_])} |"
        for type_ in EXAMPLES
    ]


@pytest.fixture(scope="module")
def several_table() -> list[str]:
    """For rules about two columns: what becomes of two equal rows in which the first, the second or both are missing.

    Two, because alike rows are what a compound key is about.
    """
    types = [(type_, ignored) for type_ in EXAMPLES for ignored in ignoring(type_)]
    entries = [
        entry(f"{type_}_{ignored}", type_, {**EXAMPLES[type_], "ignore_row_if": ignored}) for type_, ignored in types
    ]
    first, other = ["n"], ["same", "less", "falling"]
    frames = [
        pd.concat([GOOD.iloc[1:2]] * 2).assign(**dict.fromkeys(gone, np.nan)) for gone in (first, other, first + other)
    ]
    answers = [ask(entries, frame) for frame in frames]
    return [
        f"| `{type_}` | `{ignored}`{' (default)' if ignored == default_of(type_) else ''} | "
        + " | ".join(of_rows(each[f"{type_}_{ignored}"], 2) for each in answers)
        + " |"
        for type_, ignored in types
    ]


def default_of(type_: str) -> str:
    return str(registry.get_expectation_impl(type_).__fields__["ignore_row_if"].default)


def cases_table() -> list[str]:
    return [f"| {case.what} | `{case.type_}` | {of_case(case)} |" for case in CASES]


def refused_table() -> list[str]:
    pairs = {**EXAMPLES["expect_column_pair_values_to_be_in_set"], "row_condition": CASES[-1].kwargs["row_condition"]}
    also = {
        "`expect_column_pair_values_to_be_in_set` with a `row_condition`": refusal(
            "expect_column_pair_values_to_be_in_set", pairs
        ),
        "a rule that reads text, on a number": refusal(MATCH, {"column": ID, "regex": "^1"}, NAMES),
    }
    told = {f"`{type_}`": refusal(type_, kwargs) for type_, kwargs in REFUSED.items()} | also
    return [f"| {what} | {reason[0].upper()}{reason[1:]} |" for what, reason in told.items()]


INTRO: Final = """# Types of rule

What each type of expectation in a contract says of rows, and above all of missing values. Every cell was given by our
engine and by plain Great Expectations alike. Written by `make docs` from `tests/adapters/test_rule_types.py`; do not
edit it here.

A value that does not parse is missing to all other rules. A row rule passes on a column that is empty or holds nothing
but missing values, with the percentage None; so does one whose `row_condition` matches no row. Whoever wants a column
to be there asks for it with `expect_column_values_to_not_be_null`. Bounds are inclusive unless they are strict. `!=`
and `NOT_IN` in a `row_condition` match rows where the column is missing, the other comparisons do not. Text is judged
as plain text, also where a chunk holds it as categories."""

TYPES: Final = """## All types

A rule is judged *row by row* in chunks as they are read, *by the day* when all rows are there, or *by the header*. What
becomes of a row with a missing value: it is *ignored* (counted as missing, breaks nothing), *passes* or *breaks*. A
figure of the day leaves missing values *out*, or *counts* their rows; where it fails its limits the figure follows,
None if there is none."""

SEVERAL: Final = """## Rules about several columns

What becomes of a row in which the first of two columns is missing, the second, or both; of two such rows that are
alike, for a compound key."""


def document(types: Sequence[str], several: Sequence[str]) -> str:
    return "\n".join(
        [
            *(INTRO, "", TYPES, ""),
            *table("type", "judged", "a missing value", "nothing but missing values", "no rows", rows=types),
            *("", SEVERAL, ""),
            *table("type", "`ignore_row_if`", "first missing", "second missing", "all missing", rows=several),
            *("", "## Single values", ""),
            *table("case", "type", "what becomes of it", rows=cases_table()),
            *("", "## Refused when a contract is loaded", ""),
            *table("type", "why", rows=refused_table()),
            "",
        ]
    )


def table(*names: str, rows: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(names)} |", f"| {' | '.join('---' for _ in names)} |", *rows]


def test_the_document_says_what_both_engines_say(types_table: list[str], several_table: list[str]) -> None:
    written = document(types_table, several_table)
    if os.environ.get("WRITE_DOCS"):
        DOCUMENT.write_text(written, "utf-8")
    assert DOCUMENT.read_text("utf-8") == written


def test_a_value_that_does_not_parse_is_missing_to_the_other_rules() -> None:
    raw = pa.table({name: pa.array(["many" if name == "AMT_CREDIT" else None], pa.string()) for name in NAMES})
    rule = entry("rule", BETWEEN, {"column": "AMT_CREDIT", "min_value": 1})
    counts = build_contract(suite(rule)).check_rows(parse_rows(raw).rows).counts
    assert (counts["rule"].missing, counts["rule"].broken) == (1, 0)
