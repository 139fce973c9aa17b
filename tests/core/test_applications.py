import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.applications import (
    COLUMNS,
    ID,
    NAMES,
    TYPED_SCHEMA,
    as_text,
    missing_columns,
    parse_numbers,
    parse_rows,
)


def numbers(cells: list[str | None], *, whole: bool = False) -> tuple[list[float | None], list[bool]]:
    parsed, lost = parse_numbers(pa.array(cells, pa.string()), whole=whole)
    return parsed.to_pylist(), lost.tolist()


def delivered(rows: int, **columns: list[object]) -> pa.Table:
    return pa.table({name: columns.get(name, [None] * rows) for name in NAMES})


def test_the_columns_are_home_credits_121() -> None:
    assert len(NAMES) == len(set(NAMES)) == 121
    assert (NAMES[0], NAMES[1], NAMES[-1]) == (ID, "NAME_CONTRACT_TYPE", "AMT_REQ_CREDIT_BUREAU_YEAR")
    assert [column.kind for column in COLUMNS].count("text") == 16


@pytest.mark.parametrize(
    ("cell", "value"),
    [("5", 5.0), ("+7", 7.0), (" 8 ", 8.0), ("-0", 0.0), ("1e3", 1000.0), (".5", 0.5), ("2.", 2.0), ("1E-2", 0.01)],
)
def test_a_number_reads_as_people_and_programs_write_it(cell: str, value: float) -> None:
    assert numbers([cell]) == ([value], [False])
    assert numbers([cell, "x"])[0][0] == value  # beside a cell that sends the whole column the slow way


def test_minus_zero_is_zero() -> None:
    parsed, _ = numbers(["-0.0"])
    assert math.copysign(1, parsed[0] or 0.0) == 1


@pytest.mark.parametrize(
    "cell", ["abc", "1,000", "0x1F", "inf", "-Infinity", "nan", "1e400", "1 2", "--1", "1_000", "٣"]
)
def test_what_is_no_number_is_lost_not_guessed(cell: str) -> None:
    assert numbers([cell]) == ([None], [True])


@pytest.mark.parametrize("cell", [None, "", "   "])
def test_an_empty_cell_is_missing_not_lost(cell: str | None) -> None:
    assert numbers([cell]) == ([None], [False])


def test_a_whole_number_has_no_fraction_and_fits_exactly() -> None:
    cells = ["3", "3.0", "3.5", str(2**53 - 1), str(2**53), str(2**53 + 1)]
    parsed = [3.0, 3.0, None, float(2**53 - 1), None, None]
    assert numbers(cells, whole=True) == (parsed, [False, False, True, False, True, True])


def test_a_nan_in_a_binary_file_is_missing_and_an_infinity_is_lost() -> None:
    parsed, lost = parse_numbers(pa.array([math.nan, math.inf, 1.5, None]), whole=False)
    assert parsed.to_pylist() == [None, None, 1.5, None]
    assert lost.tolist() == [False, True, False, False]


@pytest.mark.parametrize("type_", [pa.int8(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.string()])
def test_the_same_number_reads_the_same_from_any_type(type_: pa.DataType) -> None:
    parsed, lost = parse_numbers(pa.array([4, None]).cast(type_), whole=True)
    assert parsed.to_pylist() == [4.0, None]
    assert not lost.any()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_finite_float_survives_its_own_text(values: list[float]) -> None:
    parsed, lost = numbers([repr(value) for value in values])
    assert parsed == values
    assert not any(lost)


def test_columns_may_come_in_any_order_beside_others() -> None:
    table = delivered(1, SK_ID_CURR=["7"], AMT_CREDIT=["10.5"]).append_column("EXTRA", pa.array(["?"]))
    shuffled = table.select(list(reversed(table.column_names)))
    assert parse_rows(shuffled).rows.equals(parse_rows(table).rows)
    assert parse_rows(table).rows.schema == TYPED_SCHEMA
    assert parse_rows(table).rows.column(ID).to_pylist() == [7]


def test_what_would_not_parse_is_reported_by_column_and_position() -> None:
    typed = parse_rows(delivered(3, SK_ID_CURR=["1", "two", "3"], AMT_CREDIT=["x", "1", "y"]))
    assert {name: positions.tolist() for name, positions in typed.unparsable.items()} == {ID: [1], "AMT_CREDIT": [0, 2]}
    assert typed.rows.column(ID).to_pylist() == [1, None, 3]


def test_an_empty_text_is_missing() -> None:
    assert parse_rows(delivered(2, CODE_GENDER=["", "F"])).rows.column("CODE_GENDER").to_pylist() == [None, "F"]


def test_missing_columns_are_told_in_declared_order() -> None:
    assert missing_columns([name for name in NAMES if name not in ("AMT_CREDIT", ID)]) == (ID, "AMT_CREDIT")
    assert missing_columns(NAMES) == ()


def test_rows_as_text_are_what_was_delivered() -> None:
    table = as_text(delivered(1, AMT_CREDIT=["1,5"], CNT_CHILDREN=[np.int64(2)]))
    assert (table.column("AMT_CREDIT").to_pylist(), table.column("CNT_CHILDREN").to_pylist()) == (["1,5"], ["2"])
