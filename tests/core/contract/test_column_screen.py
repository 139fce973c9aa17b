"""What a screen settles is what every row by itself would say; what it cannot prove it leaves alone."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.contract.column_screen import Between, ChunkFacts, NotNull, Screen, Settled, number_limits, one_of
from tasks.core.contract.rules import RuleCount

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 1.5, 2.0, -1.0, 2.0**53, math.inf, -math.inf, math.nan, None])
TEXTS = st.sampled_from(["x", "y", "", "X", "nan", None])
LIMITS = st.none() | st.sampled_from([0, 1, 1.5, 2, -1])


def settled(screen: Screen, values: list[Any], type_: pa.DataType | None = None) -> Settled | None:
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
