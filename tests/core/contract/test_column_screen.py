"""What a screen settles is what every row by itself would say; what it cannot prove it leaves alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.contract.column_screen import (
    Between,
    ChunkFacts,
    Condition,
    Greater,
    IsNull,
    NotNull,
    Screen,
    Where,
    conditions_of,
    number_limits,
    one_of,
)
from tasks.core.contract.rules import RuleCount, RuleVerdict

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 1.5, 2.0, -1.0, 2.0**53, math.inf, -math.inf, math.nan, None])
TEXTS = st.sampled_from(["x", "y", "", "X", "nan", None])
LIMITS = st.none() | st.sampled_from([0, 1, 1.5, 2, -1])


def settled(screen: Screen, values: list[Any], type_: pa.DataType | None = None) -> RuleVerdict | None:
    return screen.settle(ChunkFacts(pa.table({"a": pa.array(values, type_ or pa.float64())})))


def is_null(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


@given(st.lists(NUMBERS, max_size=6), LIMITS, LIMITS, st.booleans(), st.booleans())
def test_limits_are_settled_only_if_every_number_keeps_them(
    values: list[float | None], least: float | None, greatest: float | None, is_above: bool, is_below: bool
) -> None:
    known = [value for value in values if value is not None and not math.isnan(value)]
    is_kept = all(
        (least is None or value > least or (value == least and not is_above))
        and (greatest is None or value < greatest or (value == greatest and not is_below))
        for value in known
    )
    found = settled(Between("a", least, greatest, is_above, is_below), values)
    if found:
        assert is_kept
        assert found.broken.tolist() == []
        assert found.counts == RuleCount(len(values), len(values) - len(known), 0)
    else:
        assert not is_kept or any(abs(value) >= 2.0**53 for value in known)


@given(st.lists(NUMBERS, max_size=6), st.lists(st.sampled_from([0, 1, 1.5, 2.0, 7]), min_size=1, max_size=4))
def test_numbers_are_settled_only_if_each_is_one_of_the_values(
    values: list[float | None], allowed: list[float]
) -> None:
    screen = one_of("a", allowed)
    assert screen
    known = [value for value in values if value is not None and not math.isnan(value)]
    found = settled(screen, values)
    assert (found is not None) == all(value in allowed for value in known)
    assert found is None or found.counts == RuleCount(len(values), len(values) - len(known), 0)


@given(st.lists(TEXTS, max_size=6), st.lists(st.sampled_from(["x", "y", ""]), min_size=1, max_size=3))
def test_texts_are_settled_only_if_each_is_one_of_the_values(values: list[str | None], allowed: list[str]) -> None:
    screen = one_of("a", allowed)
    assert screen
    found = settled(screen, values, pa.string())
    assert (found is not None) == all(value is None or value in allowed for value in values)
    assert found is None or found.counts == RuleCount(len(values), values.count(None), 0)


@given(st.lists(NUMBERS, max_size=6))
def test_nulls_and_nan_break_the_rule_that_there_are_none(values: list[float | None]) -> None:
    found = settled(NotNull("a"), values)
    assert found
    assert found.broken.tolist() == [place for place, value in enumerate(values) if is_null(value)]
    assert found.counts == RuleCount(len(values), 0, len(found.broken))


@pytest.mark.parametrize("type_", [pa.int64(), pa.float64(), pa.string()])
def test_columns_without_rows_or_without_values_break_nothing(type_: pa.DataType) -> None:
    for values in ([], [None, None]):
        count = RuleCount(len(values), len(values), 0)
        if type_ == pa.string():
            screens: list[Screen | None] = [one_of("a", ["x"])]
        else:
            screens = [Between("a", 0, 1), one_of("a", [1])]
        for screen in screens:
            assert screen
            found = settled(screen, values, type_)
            assert found
            assert found.counts == count


@pytest.mark.parametrize("type_", [pa.bool_(), pa.date32(), pa.null(), pa.list_(pa.int64()), pa.decimal128(4)])
def test_other_types_are_left_to_the_engine(type_: pa.DataType) -> None:
    for screen in (NotNull("a"), Between("a", 0, 1), one_of("a", [1]), one_of("a", ["x"])):
        assert screen
        assert settled(screen, [None], type_) is None
        assert settled(screen, [], type_) is None


@pytest.mark.parametrize(
    ("screen", "values", "type_"),
    [
        (Between("a", 0, None), [2**53], pa.int64()),
        (Between("a", None, 0), [-(2**53)], pa.int64()),
        (Between("a", 0, 1), ["0"], pa.string()),
        (one_of("a", ["1"]), [1], pa.int64()),
        (one_of("a", [1]), ["1"], pa.string()),
        (NotNull("b"), [1], pa.int64()),
    ],
)
def test_what_engines_may_compare_in_another_way_is_left_to_them(
    screen: Screen, values: list[Any], type_: pa.DataType
) -> None:
    assert settled(screen, values, type_) is None


@pytest.mark.parametrize(
    "limits", [(None, None), (2, 1), ("0", 1), (True, 2), (math.nan, 1), (0, math.inf), (2**53, None), ([0], None)]
)
def test_limits_that_an_engine_may_refuse_have_no_screen(limits: tuple[Any, Any]) -> None:
    assert number_limits(*limits) is None


@pytest.mark.parametrize("values", [[], None, [True], [1, "1"], [None], [2**53], [math.nan], "xy"])
def test_lists_that_an_engine_may_understand_otherwise_have_no_screen(values: Any) -> None:
    assert one_of("a", values) is None


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6), st.booleans())
def test_a_comparison_of_two_numbers_is_settled_only_if_no_row_breaks_it(
    pairs: list[tuple[float | None, float | None]], is_equal_allowed: bool
) -> None:
    columns = {name: pa.array([pair[n] for pair in pairs], pa.float64()) for n, name in enumerate("ab")}
    found = Greater("a", "b", is_equal_allowed).settle(ChunkFacts(pa.table(columns)))
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    is_exact = all(abs(value) < 2.0**53 for pair in pairs for value in pair if value is not None)  # NaN is not, either
    is_kept = all(one > other or (is_equal_allowed and one == other) for one, other in known)
    assert (found is not None) == (is_kept and is_exact)
    assert found is None or found.counts == RuleCount(len(pairs), len(pairs) - len(known), 0)


CONDITIONS: dict[str, tuple[Condition, Callable[[Any, Any], bool]]] = {
    "equal": (Condition("t", "==", "x"), lambda t, _: t == "x"),
    "other": (Condition("t", "!=", "x"), lambda t, _: t != "x"),
    "missing": (Condition("t", "is null"), lambda t, _: t is None),
    "known": (Condition("n", "is not null"), lambda _, n: not is_null(n)),
    "one": (Condition("n", "==", 1), lambda _, n: n == 1),
    "not one": (Condition("n", "!=", 1), lambda _, n: n != 1),
}
"""A condition, and what it says of a row's text and number."""
SMALL = st.sampled_from([0.0, 1.0, 2.0, None])


@given(
    st.lists(st.tuples(TEXTS, SMALL, SMALL), max_size=6),
    st.lists(st.sampled_from(sorted(CONDITIONS)), min_size=1, max_size=2),
    st.sampled_from([NotNull("a"), IsNull("a"), Between("a", 0, 1), one_of("a", [1]), Greater("a", "n", True)]),
)
def test_a_rule_under_conditions_is_judged_on_the_rows_that_meet_all_of_them(
    rows: list[tuple[str | None, float | None, float | None]], names: list[str], screen: Any
) -> None:
    types = {"t": pa.string(), "n": pa.float64(), "a": pa.float64()}
    table = pa.table({name: pa.array([row[n] for row in rows], type_) for n, (name, type_) in enumerate(types.items())})
    meeting = [place for place, (t, n, _) in enumerate(rows) if all(CONDITIONS[name][1](t, n) for name in names)]
    found = Where(tuple(CONDITIONS[name][0] for name in names), screen).settle(ChunkFacts(table))
    alone = screen.settle(ChunkFacts(table.take(pa.array(meeting, pa.int64()))))
    assert (found is None) == (alone is None)
    if found and alone:
        assert found.counts == alone.counts
        assert found.broken.tolist() == [meeting[place] for place in alone.broken]


def of_comparison(operator: str, parameter: Any) -> dict[str, Any]:
    return {"type": "comparison", "column": {"name": "a"}, "operator": operator, "parameter": parameter}


@pytest.mark.parametrize(
    "condition",
    [
        of_comparison("<", 1), of_comparison("==", 1.5), of_comparison("==", True), of_comparison("==", 2**53),
        of_comparison("==", "it's"), of_comparison("==", ""), of_comparison("IN", ["x"]), of_comparison("!=", None),
        {"type": "or", "conditions": [of_comparison("==", 1)]}, {"type": "and", "conditions": []},
        {"type": "and", "conditions": [of_comparison("==", 1), of_comparison("<", 1)]}, {}, "a == 1",
    ],
)  # fmt: skip
def test_conditions_that_may_be_understood_otherwise_have_no_screen(condition: Any) -> None:
    assert conditions_of(condition) is None


@pytest.mark.parametrize(
    ("condition", "type_"),
    [
        (Condition("a", "==", "1"), pa.int64()), (Condition("a", "==", 1), pa.string()),
        (Condition("a", "is null"), pa.bool_()), (Condition("b", "is null"), pa.int64()),
    ],
)  # fmt: skip
def test_a_condition_on_another_type_is_left_to_the_engine(condition: Condition, type_: pa.DataType) -> None:
    assert settled(Where((condition,), NotNull("a")), [None], type_) is None
