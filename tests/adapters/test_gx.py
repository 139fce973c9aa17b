"""Plain Great Expectations with COMPLETE results, on the whole frame at once, is the oracle for our narrow chunks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.adapters.gx import Contract, build_contract, validate_decisions
from tasks.adapters.gx_suite import parse_suite, review_suite
from tasks.core.contract.rules import RECENT_FACTS, RuleCount, Verdicts, critical_positions, merge_counts, typed_frame
from tasks.core.lender.columns import COLUMNS, ID, NUMBERS
from tasks.errors import ConfigError
from tests.plain_gx import plain

SUITES = Path(__file__).parents[2] / "expectations"
IS_X = {"type": "comparison", "column": {"name": "t"}, "operator": "==", "parameter": "x"}
NOT_X = {"type": "comparison", "column": {"name": "t"}, "operator": "!=", "parameter": "x"}
A_NULL_OR_BIG = {
    "type": "or",
    "conditions": [
        {"type": "nullity", "column": {"name": "a"}, "is_null": True},
        {"type": "comparison", "column": {"name": "b"}, "operator": ">", "parameter": 2},
    ],
}
RECENT = dict(zip(RECENT_FACTS, (40, 50, 60, 45, 50, 55, 0), strict=True))
Entry = dict[str, Any]


def entry(id_: str, type_: str, severity: str = "warning", /, **kwargs: Any) -> Entry:
    meta = {"id": id_, "sentence": f"{id_} holds.", "owner": "data owner"}
    return {"type": type_, "kwargs": kwargs, "severity": severity, "meta": meta}


def suite(*entries: Any) -> str:
    return json.dumps({"name": "small", "meta": {"version": "7"}, "expectations": list(entries)})


MIXED = suite(
    entry("unique", "expect_column_values_to_be_unique", column="id"),
    entry("compound", "expect_compound_columns_to_be_unique", column_list=["id", "a"]),
    entry("rising", "expect_column_values_to_be_increasing", column="a"),
    entry("scores", "expect_column_value_z_scores_to_be_less_than", column="a", threshold=1, double_sided=True),
    entry("mean", "expect_column_mean_to_be_between", column="a", min_value=0, max_value=2),
    entry("known", "expect_column_values_to_not_be_null", column="a"),
    entry("absent", "expect_column_values_to_be_null", column="b"),
    entry("known_if_x", "expect_column_values_to_not_be_null", column="a", row_condition=IS_X),
    entry("absent_unless_x", "expect_column_values_to_be_null", column="b", row_condition=NOT_X),
    entry("range", "expect_column_values_to_be_between", column="a", min_value=0, max_value=2),
    entry("strict", "expect_column_values_to_be_between", column="a", min_value=0, max_value=2, strict_max=True),
    entry("range_if", "expect_column_values_to_be_between", column="b", min_value=1, row_condition=A_NULL_OR_BIG),
    entry("mostly", "expect_column_values_to_be_between", column="a", min_value=0, mostly=0.6),
    entry("numbers", "expect_column_values_to_be_in_set", column="a", value_set=[0, 1, 2]),
    entry("fractions", "expect_column_values_to_be_in_set", column="b", value_set=[0.5, 1]),
    entry("not_numbers", "expect_column_values_to_not_be_in_set", column="b", value_set=[0, 3]),
    entry("ids", "expect_column_values_to_be_in_set", column="id", value_set=[1, 2, 3]),
    entry("texts", "expect_column_values_to_be_in_set", column="t", value_set=["x", "y"]),
    entry("regex", "expect_column_values_to_match_regex", column="t", regex="^[xz]"),
    entry("length", "expect_column_value_lengths_to_be_between", column="t", min_value=1, max_value=2),
    entry("greater", "expect_column_pair_values_a_to_be_greater_than_b", column_A="a", column_B="b", or_equal=True),
    entry(
        "greater_both",
        "expect_column_pair_values_a_to_be_greater_than_b",
        column_A="a",
        column_B="b",
        ignore_row_if="either_value_is_missing",
        row_condition=IS_X,
    ),
    entry("equal", "expect_column_pair_values_to_be_equal", column_A="a", column_B="b", ignore_row_if="neither"),
    entry(
        "sum",
        "expect_multicolumn_sum_to_equal",
        column_list=["a", "b"],
        sum_total=3,
        ignore_row_if="any_value_is_missing",
    ),
    entry("differ", "expect_select_column_values_to_be_unique_within_record", column_list=["a", "b"]),
)


@pytest.fixture(scope="module")
def mixed() -> Contract:
    return build_contract(MIXED, columns=("id", "a", "b", "t"))


@pytest.fixture(scope="module")
def applications() -> Contract:
    return build_contract((SUITES / "applications.json").read_text())


def judge_in_chunks(contract: Contract, frame: pd.DataFrame, size: int) -> tuple[dict[str, list[int]], Verdicts]:
    """Broken positions in the whole frame, and the merged verdicts, of chunks of `size` rows."""
    rows: dict[str, list[int]] = {}
    counts: dict[str, RuleCount] = {}
    for start in range(0, max(len(frame), 1), size):
        verdicts = contract.check_frame(frame.iloc[start : start + size])
        counts = merge_counts(counts, verdicts.counts)
        for rule_id, positions in verdicts.broken.items():
            rows.setdefault(rule_id, []).extend((positions + start).tolist())
    return rows, Verdicts({}, counts)


def assert_parity(contract: Contract, text: str, frame: pd.DataFrame, *, size: int) -> None:
    oracle = plain(text, frame, RECENT)
    rows, verdicts = judge_in_chunks(contract, frame, size)
    across = contract.check_table(frame[list(contract.table_columns)], RECENT)
    broken_columns = contract.check_columns(list(frame.columns))
    results = contract.results(verdicts.counts, across, broken_columns=broken_columns)
    assert [result.rule_id for result in results] == [rule.id for rule in contract.rules]
    assert set(oracle) == {rule.id for rule in contract.rules}
    for rule, result in zip(contract.rules, results, strict=True):
        expected = oracle[rule.id]
        assert result.is_met == expected["success"], rule.id
        assert result.figures == {name: expected[name] for name in result.figures}, rule.id
        if rule.scope == "row":
            assert "element_count" in result.figures
            assert rows.get(rule.id, []) == expected["rows"], rule.id


@st.composite
def small_frames(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.integers(1, 12))
    column = lambda values: draw(st.lists(st.sampled_from(values), min_size=size, max_size=size))  # noqa: E731
    texts = pd.Series(column(["x", "y", "xyz", "Z", None]), dtype=object)
    return pd.DataFrame(
        {
            "id": np.array(column([1, 2, 3, 4]), dtype=np.int64),
            "a": np.array(column([0.0, 1.0, 2.0, -1.0, 7.5, np.nan]), dtype=np.float64),
            "b": np.array(column([0.0, 0.5, 1.0, 3.0, np.nan]), dtype=np.float64),
            "t": texts.astype("category") if draw(st.booleans()) else texts,
        }
    )


@settings(max_examples=6, derandomize=True, suppress_health_check=list(HealthCheck))
@given(frame=small_frames(), size=st.integers(1, 13))
def test_any_chunking_of_any_frame_gives_what_plain_great_expectations_gives(
    mixed: Contract, frame: pd.DataFrame, size: int
) -> None:
    assert_parity(mixed, MIXED, frame, size=size)


def random_applications(seed: int, rows: int) -> pd.DataFrame:
    """Applications of made-up values, many of them impossible."""
    random = np.random.default_rng(seed)
    text = ["Cash loans", "Revolving loans", "XNA", "F", "Y", "N", "MONDAY", "Working", "no such level", None]
    number = [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, -7000.0, -20000.0, 365243.0, 1e9, 2e9, np.nan]
    columns = {
        column.name: random.choice(np.array(text, dtype=object), rows)
        if column.kind == "text"
        else random.choice(number, rows)
        for column in COLUMNS
    }
    columns["SK_ID_CURR"] = np.where(random.random(rows) < 0.1, np.nan, random.integers(-3, 10 * rows, rows))
    return pd.DataFrame(columns)


def test_the_applications_suite_gives_what_plain_great_expectations_gives(applications: Contract) -> None:
    assert_parity(applications, (SUITES / "applications.json").read_text(), random_applications(1, 100), size=37)


def test_text_as_categories_is_judged_like_text_as_objects(applications: Contract) -> None:
    frame = random_applications(2, 500)
    as_categories = frame.astype({column.name: "category" for column in COLUMNS if column.kind == "text"})
    expected, found = applications.check_frame(frame), applications.check_frame(as_categories)
    assert found.counts == expected.counts
    assert {id_: rows.tolist() for id_, rows in found.broken.items()} == {
        id_: rows.tolist() for id_, rows in expected.broken.items()
    }


def comparison(column: str, operator: str, parameter: Any) -> Entry:
    return {"type": "comparison", "column": {"name": column}, "operator": operator, "parameter": parameter}


PRINTED_ALIKE = suite(
    entry("if_text", "expect_column_values_to_be_null", column="a", row_condition=comparison("t", "==", "1")),
    entry("if_number", "expect_column_values_to_be_null", column="a", row_condition=comparison("t", "==", 1)),
)


def test_conditions_that_are_printed_alike_are_told_apart() -> None:
    contract = build_contract(PRINTED_ALIKE, columns=("a", "t"))
    frame = pd.DataFrame({"a": [1.0, 2.0], "t": ["1", None]})
    assert_parity(contract, PRINTED_ALIKE, frame, size=2)
    assert contract.check_frame(frame).counts == {"if_text": RuleCount(1, 0, 1), "if_number": RuleCount(0, 0, 0)}


LARGE = suite(
    entry("one_of", "expect_column_values_to_be_in_set", column="a", value_set=[2**53 + 1, 1]),
    entry("none_of", "expect_column_values_to_not_be_in_set", column="a", value_set=[2**53 + 1, 1]),
)


def test_a_whole_number_that_no_float_can_hold_is_not_its_neighbour() -> None:
    assert_parity(build_contract(LARGE, columns=("a",)), LARGE, pd.DataFrame({"a": [2.0**53, 1.0]}), size=1)


TEXTUAL = suite(
    entry("json", "expect_column_values_to_be_json_parseable", column="t"),
    entry("day", "expect_column_values_to_match_strftime_format", column="t", strftime_format="%Y"),
    entry("same", "expect_column_pair_values_to_be_equal", column_A="t", column_B="u"),
    entry("after", "expect_column_values_to_be_null", column="u", row_condition=comparison("t", ">", "1")),
    entry("early", "expect_column_values_to_be_unique", column="u", row_condition=comparison("t", "<", "y")),
    entry("text", "expect_column_values_to_be_of_type", column="t", type_="str"),
)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_categories_are_judged_as_the_text_they_stand_for(size: int) -> None:
    contract = build_contract(TEXTUAL, columns=("t", "u"))
    text = pd.DataFrame({"t": ["1", "x", "2024", None], "u": ["1", "y", "y", "x"]})
    expected, rows = plain(TEXTUAL, text), judge_in_chunks(contract, text.astype("category"), size)[0]
    assert rows == {id_: expected[id_]["rows"] for id_ in ("json", "day", "same", "after")}
    across = contract.check_table(text.astype("category"))
    assert {each.rule_id: each.is_met for each in across} == {
        id_: expected[id_]["success"] for id_ in ("early", "text")
    }


def test_a_frame_without_rows_breaks_no_row_rule(mixed: Contract) -> None:
    frame = pd.DataFrame({"id": np.empty(0, np.int64), "a": np.empty(0), "b": np.empty(0), "t": np.empty(0, object)})
    verdicts = mixed.check_frame(frame)
    assert verdicts.broken == {}
    assert set(verdicts.counts) == {rule.id for rule in mixed.rules if rule.scope == "row"} | {"mostly"}
    assert all(count == RuleCount(0, 0, 0) for count in verdicts.counts.values())


def test_positions_count_within_the_chunk_whatever_its_index(mixed: Contract) -> None:
    frame = pd.DataFrame({"id": [1, 2, 3], "a": [1.0, np.nan, 9.0], "b": [0.5, 1.0, 1.0], "t": ["x", "x", None]})
    frame.index = pd.Index([70, 70, 5])
    broken = mixed.check_frame(frame).broken
    assert broken["known"].tolist() == [1]
    assert broken["range"].tolist() == [2]
    assert frame.index.tolist() == [70, 70, 5]


def test_rules_that_look_across_rows_are_table_rules_on_few_columns(mixed: Contract) -> None:
    across = [rule.id for rule in mixed.rules if rule.scope == "table"]
    assert across == ["unique", "compound", "rising", "scores", "mean", "mostly"]
    assert mixed.table_columns == ("id", "a")


def test_a_validation_is_json_and_holds_no_value_of_the_data(mixed: Contract) -> None:
    frame = pd.DataFrame({"id": [1, 1], "a": [81726354.5, -3.0], "b": [0.5, np.inf], "t": ["Zaphod", "x"]})
    verdicts, across = mixed.check_frame(frame), mixed.check_table(frame[list(mixed.table_columns)])
    validation = mixed.validation(mixed.results(verdicts.counts, across))
    text = json.dumps(validation, allow_nan=False)
    assert "Zaphod" not in text
    assert "81726354" not in text
    assert validation["success"] is False
    assert validation["statistics"]["evaluated_expectations"] == len(mixed.rules)
    by_id = {each["expectation_config"]["meta"]["id"]: each for each in validation["results"]}
    assert by_id["unique"]["result"]["unexpected_count"] == 2
    assert by_id["range"]["result"] == {
        "element_count": 2, "missing_count": 0, "missing_percent": 0.0, "unexpected_count": 2,
        "unexpected_percent": 100.0, "unexpected_percent_total": 100.0, "unexpected_percent_nonmissing": 100.0,
    }  # fmt: skip


def test_a_rule_without_counts_has_not_passed(mixed: Contract) -> None:
    counts = {rule.id: RuleCount() for rule in mixed.rules if rule.id != "range_if"}
    with pytest.raises(KeyError, match="range_if"):
        mixed.results(counts, [])


def test_missing_columns_are_found_in_the_header_alone(applications: Contract) -> None:
    names = [column.name for column in COLUMNS]
    assert applications.check_columns([*names, "further"]) == ()
    assert applications.check_columns(names[1:]) == ("columns_delivered",)
    assert applications.check_columns([]) == ("columns_delivered",)


def table_frame(ids: list[int], **columns: float | np.ndarray) -> pd.DataFrame:
    """What the rules about the whole day look at, as on a sound day; but for the given columns."""
    spread = np.linspace(-0.2, 0.2, len(ids))
    sound = {name: usual * (1 + spread) for name, usual in USUAL.items()} | columns
    return pd.DataFrame({"SK_ID_CURR": np.array(ids, dtype=np.int64), **sound})


USUAL = {
    "AMT_CREDIT": 5e5, "AMT_INCOME_TOTAL": 1.5e5, "AMT_ANNUITY": 2.5e4, "AMT_GOODS_PRICE": 4.5e5,
    "DAYS_BIRTH": -15_000, "EXT_SOURCE_1": 0.5, "EXT_SOURCE_2": 0.5, "EXT_SOURCE_3": 0.5,
}  # fmt: skip
VARYING = (
    "AMT_CREDIT",
    "AMT_INCOME_TOTAL",
    "AMT_ANNUITY",
    "DAYS_BIRTH",
    "EXT_SOURCE_1",
    "EXT_SOURCE_2",
    "EXT_SOURCE_3",
)


def broken_on(contract: Contract, frame: pd.DataFrame) -> list[str]:
    recent = dict.fromkeys(RECENT_FACTS, len(frame)) | {"recent_ids_max": 0}
    return [result.rule_id for result in contract.check_table(frame, recent) if not result.is_met]


def test_the_table_rules_of_applications_keep_a_sound_day_and_stop_a_double_id(applications: Contract) -> None:
    assert set(applications.table_columns) == {"SK_ID_CURR", *USUAL}
    assert broken_on(applications, table_frame(list(range(60)))) == []
    assert broken_on(applications, table_frame([*range(59), 0])) == ["SK_ID_CURR_unique"]
    assert "rows_delivered" in broken_on(applications, table_frame([]))


@pytest.mark.parametrize(("column", "factor"), [(name, factor) for name in list(USUAL)[:4] for factor in (0.1, 1000)])
def test_an_amount_in_another_unit_is_noticed(applications: Contract, column: str, factor: float) -> None:
    frame = table_frame(list(range(60)))
    frame[column] *= factor
    assert broken_on(applications, frame) == [f"{column}_in_usual_unit"]


def test_an_age_in_years_is_noticed(applications: Contract) -> None:
    assert broken_on(applications, table_frame(list(range(60)), DAYS_BIRTH=np.linspace(20, 70, 60))) == [
        "DAYS_BIRTH_in_usual_unit"
    ]


@pytest.mark.parametrize("column", VARYING)
def test_a_column_that_has_stuck_is_noticed(applications: Contract, column: str) -> None:
    ids, usual = list(range(60)), USUAL[column]
    stuck, varying = (usual * (1 + np.arange(60) % values / 100) for values in (9, 10))
    assert broken_on(applications, table_frame(ids, **{column: stuck})) == [f"{column}_varies"]
    assert broken_on(applications, table_frame(ids, **{column: varying})) == []


@pytest.mark.parametrize("days", ["recent", "weekday"])
@pytest.mark.parametrize(
    ("smallest", "largest", "is_met"), [(160, 100, True), (162, 100, False), (60, 20, True), (60, 19, False)]
)
def test_a_day_has_about_the_rows_of_recent_days(
    applications: Contract, days: str, smallest: int, largest: int, *, is_met: bool
) -> None:
    least, greatest = f"{days}_rows_min", f"{days}_rows_max"
    recent = dict.fromkeys(RECENT_FACTS, 60) | {"recent_ids_max": 0, least: smallest, greatest: largest}
    results = applications.check_table(table_frame(list(range(60))), recent)
    broken = "rows_like_recent_days" if days == "recent" else "rows_like_same_weekday"
    assert [result.rule_id for result in results if not result.is_met] == ([] if is_met else [broken])


@pytest.mark.parametrize(("known", "is_met"), [(30, True), (31, False)])
def test_half_of_a_day_may_have_been_decided_before(applications: Contract, known: int, *, is_met: bool) -> None:
    recent = dict.fromkeys(RECENT_FACTS, 60) | {"recent_ids_max": known}
    results = applications.check_table(table_frame(list(range(60))), recent)
    assert [result.rule_id for result in results if not result.is_met] == ([] if is_met else ["applications_are_new"])


def test_without_recent_days_the_rule_about_them_is_not_judged_and_no_pass(applications: Contract) -> None:
    across, counts = (
        applications.check_table(table_frame([1])),
        applications.check_frame(random_applications(3, 5)).counts,
    )
    unjudged = ["rows_like_recent_days", "applications_are_new", "rows_like_same_weekday"]
    assert [result.rule_id for result in across if result.is_met is None] == unjudged
    validation = applications.validation(applications.results(counts, across))
    assert validation["meta"]["not_judged"] == unjudged
    assert (
        len(validation["results"]) == validation["statistics"]["evaluated_expectations"] == len(applications.rules) - 3
    )
    assert [result.is_met for result in applications.unjudged_table()] == [None] * len(across)


RANGE = entry("range", "expect_column_values_to_be_between", "critical", column="a", min_value=0)


@pytest.mark.parametrize("frame", [pd.DataFrame({"a": ["Zaphod", "7"]}), pd.DataFrame({"b": [1.0]})])
def test_a_rule_that_crashes_is_a_config_error_without_values(frame: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match=r"'range' of contract 'small' could not be evaluated") as caught:
        build_contract(suite(RANGE), columns=("a",)).check_frame(frame)
    assert "Zaphod" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_table_rule_that_crashes_is_a_config_error_without_values_or_logs(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    contract = build_contract(
        suite(entry("mean", "expect_column_mean_to_be_between", column="a", min_value=0)), columns=("a",)
    )
    with pytest.raises(ConfigError, match="'mean' of contract 'small' could not be evaluated") as caught:
        contract.check_table(pd.DataFrame({"a": ["Zaphod", "7"]}))
    assert "Zaphod" not in str(caught.value) + caplog.text + "".join(capfd.readouterr())


def test_a_table_rule_that_takes_all_others_along_is_the_one_that_is_named() -> None:
    above = comparison("t", ">", 1)
    mean = entry("mean", "expect_column_mean_to_be_between", column="a", min_value=0)
    typed = entry("typed", "expect_column_values_to_be_of_type", column="t", type_="str", row_condition=above)
    frame = pd.DataFrame({"a": [1.0, 2.0], "t": ["Zaphod", "7"]})
    with pytest.raises(ConfigError, match="'typed' of contract 'small' could not be evaluated") as caught:
        build_contract(suite(mean, typed), columns=("a", "t")).check_table(frame)
    assert "Zaphod" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_great_expectations_is_silent(capfd: pytest.CaptureFixture[str], applications: Contract) -> None:
    applications.check_table(table_frame([1, 1]))
    assert capfd.readouterr() == ("", "")


def without(key: str, field: str | None = None) -> Entry:
    changed: Entry = json.loads(json.dumps(RANGE))
    del (changed[field] if field else changed)[key]
    return changed


def with_(**changes: Any) -> Entry:
    return {**RANGE, **changes}


PAIRS: Entry = {"column_A": "a", "column_B": "b", "value_pairs_set": [[1, 1]], "row_condition": IS_X}
IF_U = {**IS_X, "column": {"name": "u"}}
IS_LIKE = {**IS_X, "operator": "=~"}
LIKE: Entry = {"column": "t", "like_pattern": "x%"}
FAULTS: dict[str, tuple[Any, str]] = {
    "type": (with_(type="expect_column_values_to_be_betwen"), "Did you mean 'expect_column_values_to_be_between'?"),
    "extra kwarg": (with_(kwargs={"colum": "a", "min_value": 0}), "takes no 'colum'. Did you mean 'column'?"),
    "lacking kwarg": (with_(kwargs={"min_value": 0}), "needs 'column'"),
    "kwarg": (with_(kwargs={"column": 3, "min_value": 0}), "refuses 'column'"),
    "no bounds": (with_(kwargs={"column": "a"}), "min_value and max_value cannot both be None"),
    "severity": (with_(severity="criticl"), "severity 'criticl' is not one of .* Did you mean 'critical'"),
    "no severity": (without("severity"), "severity is missing"),
    "no kwargs": (without("kwargs"), "kwargs is missing"),
    "field": ({**RANGE, "kwarg": {}}, "unknown field 'kwarg'. Did you mean 'kwargs'"),
    "no id": (without("id", "meta"), "meta.id is missing"),
    "bad id": (with_(meta={**RANGE["meta"], "id": "a;b"}), "letters, digits and underscores"),
    "no sentence": (without("sentence", "meta"), "meta.sentence is missing"),
    "no owner": (without("owner", "meta"), "meta.owner is missing"),
    "column": (with_(kwargs={"column": "aa", "min_value": 0}), "there is no column 'aa'. Did you mean 'a'"),
    "condition column": (
        with_(kwargs={**RANGE["kwargs"], "row_condition": IF_U}), "no column 'u'"
    ),
    "condition text": (with_(kwargs={**RANGE["kwargs"], "row_condition": "t > 1"}), "row_condition is not understood"),
    "condition": (with_(kwargs={**RANGE["kwargs"], "row_condition": IS_LIKE}), "refuses its row_condition"),
    "evidence of a row rule": (with_(meta={**RANGE["meta"], "from_rows": 9}), "belongs to rules about the whole day"),
    "evidence": (with_(meta={**RANGE["meta"], "from_days": "7"}), "from_days must be a whole number from 1"),
    "extra meta": (with_(meta={**RANGE["meta"], "sentense": "."}), "unknown field meta.sentense. Did you mean"),
    "fact": (with_(kwargs={"column": "a", "min_value": {"$PARAMETER": "rows_min"}}), "refers to 'rows_min'; the facts"),
    "parameter of a row rule": (
        with_(kwargs={"column": "a", "min_value": {"$PARAMETER": "recent_rows_min"}}), "takes no .PARAMETER"
    ),
    "parameter of the header": (
        entry("h", "expect_table_column_count_to_equal", value={"$PARAMETER": "recent_rows_min"}), "takes no .PARAMETER"
    ),
    "formula": (
        entry("f", "expect_table_row_count_to_be_between", min_value={"$PARAMETER": "recent_rows_min *"}),
        "formula of min_value is not understood",
    ),
    "ignored condition": (
        entry("pairs", "expect_column_pair_values_to_be_in_set", **PAIRS), "would ignore the row_condition"
    ),
    "pattern": (
        entry("p", "expect_column_values_to_match_like_pattern", **LIKE), "cannot evaluate .* pandas"
    ),
    "other table": (
        entry("o", "expect_table_row_count_to_equal_other_table", other_table_name="u"), "there is no other table"
    ),
    "query": (
        entry("q", "unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch} WHERE a > 1"),
        "cannot evaluate .* pandas",
    ),
    "text of an id": (
        entry("t", "expect_column_values_to_match_regex", column=ID, regex="^7"), f"reads text, and {ID} is a number"
    ),
    "text of a number": (
        entry("t", "expect_column_value_lengths_to_equal", column=NUMBERS[0], value=1), "reads text, and .* is a number"
    ),
    "no object": ("expect_column_to_exist", "an entry must be an object"),
}  # fmt: skip


@pytest.mark.parametrize(("faulty", "complaint"), FAULTS.values(), ids=FAULTS.keys())
def test_a_faulty_entry_is_named_and_refused(faulty: Any, complaint: str) -> None:
    good = entry("good", "expect_column_values_to_not_be_null", column="t")
    with pytest.raises(ConfigError, match=rf"^Contract 'small', entry 2.*: .*{complaint}"):
        build_contract(suite(good, faulty), columns=("a", "b", "t", ID, NUMBERS[0]))


def test_an_error_names_the_entry_by_position_id_and_type() -> None:
    with pytest.raises(ConfigError, match=r"entry 2 \(range, expect_column_values_to_be_between\): another entry has"):
        build_contract(suite(RANGE, RANGE), columns=("a",))


def test_a_rule_with_mostly_speaks_of_the_day_and_sets_no_row_aside() -> None:
    share = with_(kwargs={**RANGE["kwargs"], "mostly": 0.5}, meta={**RANGE["meta"], "from_rows": 9})
    contract = build_contract(suite(share), columns=("a",))
    verdicts = contract.check_frame(pd.DataFrame({"a": [-1.0, 2.0]}))
    assert (contract.rules[0].scope, contract.rules[0].from_rows, contract.table_columns) == ("table", 9, ())
    assert critical_positions(contract.rules, verdicts).tolist() == []
    assert [result.is_met for result in contract.results(verdicts.counts, ())] == [True]
    worse = contract.check_frame(pd.DataFrame({"a": [-1.0, -2.0, 2.0]}))
    assert [result.is_met for result in contract.results(worse.counts, ())] == [False]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"meta": {"version": "1"}, "expectations": []}', "has no name"),
        ('{"name": "s", "expectations": []}', "has no meta.version"),
        ('{"name": "s", "meta": {"version": 1}, "expectations": []}', "has no meta.version"),
        ('{"name": "s", "meta": {"version": "1"}, "expectations": []}', "has no expectations"),
        ('{"name": "s", "meta": {"version": "1"}, "expectation": []}', "'expectation'. Did you mean 'expectations'"),
    ],
)
def test_a_text_that_is_no_suite_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        build_contract(text)


def test_what_great_expectations_drops_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(gx.ExpectationSuite):
        def __init__(self, **suite: Any) -> None:
            super().__init__(**{**suite, "expectations": suite["expectations"][:-1]})

    monkeypatch.setattr(gx, "ExpectationSuite", Forgetful)
    with pytest.raises(ConfigError, match="loaded 0 of 1 entries"):
        build_contract(suite(RANGE), columns=("a",))


def test_the_digest_is_of_the_meaning_not_of_the_layout() -> None:
    loose = json.dumps(json.loads(suite(RANGE)), indent=4, sort_keys=True)
    first, same = build_contract(suite(RANGE), columns=("a",)), build_contract(loose, columns=("a",))
    other = build_contract(suite(with_(severity="info")), columns=("a",))
    assert first.version == "7"
    assert first.digest == same.digest
    assert len({first.digest, other.digest}) == 2


def good_decisions() -> pd.DataFrame:
    rows = 3
    constants = {"model_name": "m", "model_version": "1", "policy_version": "1", "contract_version": "1"}
    return pd.DataFrame(
        {
            "application_id": np.arange(1, rows + 1),
            "as_of": pd.Timestamp("2024-05-02").date(),
            "pd": [0.0, 0.2, 1.0],
            "decision": ["approve", "refer", "refuse"],
            "risk_band": ["A", "C", "E"],
            "cutoff": 0.09,
            "reason_1": [None, "R1", "R1"],
            "reason_2": [None, None, "R2"],
            "reason_3": [None] * rows,
            "reason_4": [None] * rows,
            **constants,
        }
    )


BREAKS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "pd above 1": (lambda frame: frame.assign(pd=[0.1, 0.2, 1.0000001]), "pd_in_range"),
    "pd below 0": (lambda frame: frame.assign(pd=[0.1, 0.2, -1e-9]), "pd_in_range"),
    "pd missing": (lambda frame: frame.assign(pd=[0.1, np.nan, 0.2]), "pd_known"),
    "double id": (lambda frame: frame.assign(application_id=[1, 2, 2]), "application_id_unique"),
    "decision": (lambda frame: frame.assign(decision=["approve", "refer", "reject"]), "decision_in_domain"),
    "cutoff 0": (lambda frame: frame.assign(cutoff=0.0), "cutoff_in_range"),
    "cutoff 1": (lambda frame: frame.assign(cutoff=1.0), "cutoff_in_range"),
    "reason approved": (lambda frame: frame.assign(reason_1=["R1"] * 3), "approved_has_no_reason_1"),
    "reason refused": (
        lambda frame: frame.assign(reason_1=[None, "R1", None], reason_2=None),
        "not_approved_has_reason_1",
    ),
    "reason referred": (lambda frame: frame.assign(reason_1=[None, None, "R1"]), "not_approved_has_reason_1"),
    "reason order": (lambda frame: frame.assign(reason_3=[None, "R3", None]), "reason_2_before_3"),
    "version": (lambda frame: frame.assign(model_version=None), "model_version_known"),
    "column gone": (lambda frame: frame.drop(columns="cutoff"), "columns_published"),
    "column more": (lambda frame: frame.assign(extra=1), "columns_published"),
    "order": (lambda frame: frame[frame.columns[::-1]], "columns_published"),
}


def table_of(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


@pytest.mark.parametrize(("change", "rule_id"), BREAKS.values(), ids=BREAKS.keys())
def test_decisions_that_break_a_promise_are_named(change: Callable[[pd.DataFrame], pd.DataFrame], rule_id: str) -> None:
    broken = validate_decisions([table_of(change(good_decisions()))], (SUITES / "decisions.json").read_text())
    assert [rule.id for rule in broken] == [rule_id]


@pytest.fixture
def decisions_text() -> str:
    return (SUITES / "decisions.json").read_text()


def test_good_decisions_may_be_published(decisions_text: str) -> None:
    assert validate_decisions([table_of(good_decisions())], decisions_text) == ()


@pytest.mark.parametrize("rows_at_a_time", [1, 4, 6, 7])
def test_decisions_are_judged_as_plain_great_expectations_judges_them(decisions_text: str, rows_at_a_time: int) -> None:
    frame = pd.concat([good_decisions(), good_decisions().assign(pd=2.0, decision="no", reason_4="R4")])
    frame = frame.reset_index(drop=True)
    oracle = plain(decisions_text, frame)
    table = table_of(frame)
    groups = [table.slice(start, rows_at_a_time) for start in range(0, len(frame), rows_at_a_time)]
    broken = [rule.id for rule in validate_decisions(groups, decisions_text)]
    assert sorted(broken) == sorted(id_ for id_, result in oracle.items() if not result["success"])


def test_rules_about_one_column_alone_are_judged_as_among_all(applications: Contract) -> None:
    rows = pa.Table.from_pandas(random_applications(4, 200))
    everything, alone = applications.check_rows(rows), applications.check_rows(rows, about="AMT_CREDIT")
    about = {rule.id for rule in applications.rules if "AMT_CREDIT" in rule.columns}
    assert alone.counts == {id_: count for id_, count in everything.counts.items() if id_ in about}
    assert {id_: rows.tolist() for id_, rows in alone.broken.items()} == {
        id_: rows.tolist() for id_, rows in everything.broken.items() if id_ in about
    }
    assert "annuity_within_credit" in alone.counts


def test_every_rule_about_rows_has_a_screen_that_says_what_great_expectations_says(applications: Contract) -> None:
    """Without its screen a rule would cost every chunk half a millisecond, however few its rows are."""
    reviewed = review_suite(parse_suite((SUITES / "applications.json").read_text()), columns=None)
    assert [each.rule.id for each in reviewed if each.row_rule and each.row_rule.screen is None] == []
    for seed, size in ((6, 1), (7, 2), (8, 300)):
        rows = pa.Table.from_pandas(random_applications(seed, size))
        screened, evaluated = applications.check_rows(rows), applications.check_frame(typed_frame(rows))
        assert screened.counts == evaluated.counts
        assert {id_: found.tolist() for id_, found in screened.broken.items()} == {
            id_: found.tolist() for id_, found in evaluated.broken.items()
        }
