import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.applications import (
    as_text,
    parse_ids,
    parse_numbers,
    parse_rows,
    plain_values,
    quantities,
    rows_of_applicant,
)
from tasks.core.lender.columns import COLUMNS, ID, NAMES, TYPED_SCHEMA, missing_columns


def numbers(cells: list[str | None], *, whole: bool = False) -> tuple[list[float | None], list[bool]]:
    parsed, lost = parse_numbers(pa.array(cells, pa.string()), whole=whole)
    return parsed.to_pylist(), lost.tolist()


def delivered(rows: int, **columns: Any) -> pa.Table:
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


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("3.", 3.0), ("+3", 3.0), ("1e3", 1000.0), ("1.5e1", 15.0), (".0", 0.0), ("-0.000000", 0.0), ("0e-400", 0.0),
        ("3.00000000000000000", 3.0), ("100001000000000000000e-15", 100001.0), ("   12345678901   ", 12345678901.0),
        ("9007199254740991.0", float(2**53 - 1)), ("1" + "0" * 400 + "e-400", 1.0),
    ],
)  # fmt: skip
def test_a_whole_number_is_whole_in_every_notation(cell: str, value: float) -> None:
    assert numbers([cell], whole=True) == ([value], [False])
    assert numbers([cell, "7", cell, None, "x"], whole=True)[0] == [value, 7.0, value, None, None]


@pytest.mark.parametrize(
    "cell",
    [
        "15e-1", "100001.00000000000001", "9007199254740990.4", "9007199254740991.4", "1.00000000000000000000001e0",
        "1e-400", "1e-324", "-1e-400", "0." + "0" * 400 + "1", "  1.0000000000000000001  ", "+5.00000000000000001",
        "1e-9999999999999999999", "123456789012345e-1",
    ],
)  # fmt: skip
def test_a_fraction_below_the_precision_of_floats_is_a_fraction(cell: str) -> None:
    assert numbers([cell], whole=True) == ([None], [True])
    assert numbers(["7", cell, "x"], whole=True) == ([7.0, None, None], [False, True, True])


DIGITS = st.text("0123456789", min_size=1, max_size=30)
DECIMALS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-", "+"]),
    DIGITS,
    st.just("") | st.builds(".{}".format, st.just("") | DIGITS),
    st.just("") | st.builds("{}{}".format, st.sampled_from("eE"), st.integers(-350, 330)),
)
# Of random digits hardly any are whole, or nearly.
WHOLES = st.integers(-(2**53) - 2, 2**53 + 2)
NEARLY_WHOLE = st.builds("{}e{}".format, WHOLES, st.integers(-20, 5)) | st.builds(
    lambda value, zeros, last: f"{value}.{'0' * zeros}{last}", WHOLES, st.integers(0, 25), st.sampled_from("01")
)


@given(st.lists(DECIMALS | NEARLY_WHOLE, min_size=1))
def test_whether_a_number_is_whole_is_decided_on_its_text(cells: list[str]) -> None:
    exact = [Fraction(cell) for cell in cells]
    is_whole = [value.denominator == 1 and abs(value) < 2**53 for value in exact]
    parsed, lost = numbers(cells, whole=True)
    assert lost == [not each for each in is_whole]
    assert parsed == [float(value) if each else None for value, each in zip(exact, is_whole, strict=True)]


@given(st.lists(DECIMALS | st.text("0123456789", min_size=1, max_size=800), min_size=1))
def test_a_real_number_is_the_float_nearest_to_its_text(cells: list[str]) -> None:
    nearest = [float(cell) for cell in cells]
    parsed, lost = numbers(cells)
    assert parsed == [value if math.isfinite(value) else None for value in nearest]
    assert lost == [math.isinf(value) for value in nearest]


@pytest.mark.parametrize(("cell", "value"), [("1e-400", 0.0), ("2.5e-324", 5e-324), ("1e308", 1e308)])
def test_a_real_number_too_small_for_a_float_is_zero(cell: str, value: float) -> None:
    assert numbers([cell]) == ([value], [False])


@pytest.mark.parametrize(
    "type_", [pa.decimal32(9, 4), pa.decimal64(18, 4), pa.decimal128(38, 20), pa.decimal256(76, 20)], ids=str
)
def test_a_decimal_reads_like_its_text(type_: pa.DataType) -> None:
    cells = [Decimal("0.1"), Decimal("-7.0000"), None, Decimal("31234.0001")]
    assert parse_numbers(pa.array(cells, type_), whole=False)[0].to_pylist() == [0.1, -7.0, None, 31234.0001]
    parsed, lost = parse_numbers(pa.array(cells, type_), whole=True)
    assert (parsed.to_pylist(), lost.tolist()) == ([None, -7.0, None, None], [True, False, False, True])


@given(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(0, 38))
def test_a_decimal_is_the_float_nearest_to_it(digits: int, scale: int) -> None:
    value = Decimal(f"{digits}e-{scale}")
    column = pa.array([value], pa.decimal128(38, scale))
    assert parse_numbers(column, whole=False)[0].to_pylist() == [float(value)]
    is_whole = digits % 10**scale == 0 and abs(digits) < 2**53 * 10**scale
    assert parse_numbers(column, whole=True)[1].tolist() == [not is_whole]


@pytest.mark.parametrize(("type_", "largest"), [(pa.uint64(), 2**64 - 1), (pa.int64(), 2**63 - 1)], ids=str)
def test_a_binary_whole_number_that_no_float_holds_is_lost_not_rounded(type_: pa.DataType, largest: int) -> None:
    parsed, lost = parse_numbers(pa.array([2**53 - 1, 2**53, 2**53 + 1, largest], type_), whole=True)
    assert (parsed.to_pylist(), lost.tolist()) == ([float(2**53 - 1), None, None, None], [False, True, True, True])
    assert parse_numbers(pa.array([2**53 + 1], type_), whole=False)[0].to_pylist() == [float(2**53)]


@pytest.mark.parametrize(("bits", "type_"), [(11, pa.float16()), (24, pa.float32())], ids=str)
def test_a_whole_number_must_be_exact_in_the_bits_that_it_came_in(bits: int, type_: pa.DataType) -> None:
    values = pa.array(np.array([2**bits - 1, 2**bits, -(2**bits), 1 - 2**bits]), type_)
    for delivered_as in (values, *([] if bits == 11 else [values.dictionary_encode()])):
        raw = pa.table({"x": delivered_as})
        parsed, lost = parse_numbers(plain_values(raw, "x"), whole=True)
        assert parsed.to_pylist() == [2**bits - 1, None, None, 1 - 2**bits]
        assert lost.tolist() == [False, True, True, False]
        assert not parse_numbers(plain_values(raw, "x"), whole=False)[1].any()


@pytest.mark.parametrize("type_", [pa.float32(), pa.float64(), pa.int16(), pa.uint64()], ids=str)
def test_numbers_in_a_dictionary_read_as_themselves(type_: pa.DataType) -> None:
    plain = pa.array([3, 7, None, 3], type_)
    raw, encoded = (delivered(4, AMT_CREDIT=values, SK_ID_CURR=values) for values in (plain, plain.dictionary_encode()))
    assert parse_rows(encoded).rows.equals(parse_rows(raw).rows)
    assert as_text(encoded).equals(as_text(raw))


def test_a_truth_value_is_one_or_zero_where_whole_numbers_belong_and_no_amount() -> None:
    values = pa.array([True, False, None])
    parsed, lost = parse_numbers(values, whole=True)
    assert (parsed.to_pylist(), lost.tolist()) == ([1.0, 0.0, None], [False] * 3)
    parsed, lost = parse_numbers(values, whole=False)
    assert (parsed.to_pylist(), lost.tolist()) == ([None, None, None], [True, True, False])


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


@pytest.mark.parametrize("cell", ["1.2E+11", "1e5", " 1.00001e+05 ", "0e0", "-1E5", "1e400"])
@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_an_id_with_an_exponent_is_lost_and_other_whole_numbers_are_read(cell: str, type_: pa.DataType) -> None:
    values = pa.array(["100001", cell, None, ""]).cast(type_)
    ids, is_lost = parse_ids(values)
    assert (ids.to_pylist(), is_lost.tolist()) == ([100001.0, None, None, None], [False, True, False, False])
    if cell != "1e400":
        assert parse_numbers(values, whole=True)[0].to_pylist()[1] == float(cell)


def test_only_the_column_of_ids_is_read_without_exponents() -> None:
    typed = parse_rows(delivered(2, SK_ID_CURR=["1.00001E+05", "100002"], CNT_CHILDREN=["1e0", "2"]))
    assert typed.rows.column(ID).to_pylist() == [None, 100002]
    assert typed.rows.column("CNT_CHILDREN").to_pylist() == [1.0, 2.0]
    assert {name: each.tolist() for name, each in typed.unparsable.items()} == {ID: [0]}


def test_an_erasure_still_finds_the_row_of_a_shortened_id() -> None:
    assert rows_of_applicant(pa.table({ID: ["1.00001E+05", "100002"]}), 100001).tolist() == [True, False]


@given(st.integers(1, 9_000_000_000_000_000))
def test_an_id_that_came_as_a_float_is_written_in_digits(number: int) -> None:
    table = as_text(delivered(1, SK_ID_CURR=[float(number)]))
    assert table.column(ID).to_pylist() == [str(number)]


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


def test_an_empty_or_blank_text_is_missing_and_blanks_around_text_belong_to_it() -> None:
    cells = ["", " ", "\t\u00a0", " F", "\u200b"]
    parsed = parse_rows(delivered(5, CODE_GENDER=cells)).rows.column("CODE_GENDER").to_pylist()
    assert parsed == [None, None, None, " F", "\u200b"]


def test_missing_columns_are_told_in_declared_order() -> None:
    assert missing_columns([name for name in NAMES if name not in ("AMT_CREDIT", ID)]) == (ID, "AMT_CREDIT")
    assert missing_columns(NAMES) == ()


def test_rows_as_text_are_what_was_delivered() -> None:
    table = as_text(delivered(1, AMT_CREDIT=["1,5"], CNT_CHILDREN=[np.int64(2)]))
    assert (table.column("AMT_CREDIT").to_pylist(), table.column("CNT_CHILDREN").to_pylist()) == (["1,5"], ["2"])


def test_a_code_for_none_is_no_quantity() -> None:
    rows = parse_rows(delivered(3, DAYS_EMPLOYED=[365243, -365243, None], DAYS_BIRTH=[365243, -9, None])).rows
    np.testing.assert_array_equal(quantities(rows, "DAYS_EMPLOYED"), [np.nan, -365243.0, np.nan])
    np.testing.assert_array_equal(quantities(rows, "DAYS_BIRTH"), [365243.0, -9.0, np.nan])


BINARY = {
    pa.float16(): st.floats(width=16),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats() | st.integers(-5, 5).map(float),
    pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.bool_(): st.booleans(),
    pa.decimal128(20, 3): st.decimals("-1e16", "1e16", places=3),
    pa.string(): st.text('Fé1.,"\n \t\u00a0\u200b', max_size=4) | DECIMALS,
}


@given(st.data())
def test_rows_as_text_parse_to_what_they_parsed_to_before(data: st.DataObject) -> None:
    def column(name: str) -> pa.Array:
        type_ = data.draw(st.sampled_from(list(BINARY)), name)
        cells: list[Any] = data.draw(st.lists(st.none() | BINARY[type_], min_size=3, max_size=3), name)
        return pa.array(np.array(cells, np.float16) if type_ == pa.float16() else cells, type_)

    one_of_each = (ID, "CNT_CHILDREN", "AMT_CREDIT", "CODE_GENDER")
    table = pa.table({name: column(name) if name in one_of_each else pa.nulls(3, pa.string()) for name in NAMES})
    before, after = parse_rows(table), parse_rows(as_text(table))
    assert after.rows.equals(before.rows)
    assert {name: each.tolist() for name, each in after.unparsable.items()} == {
        name: each.tolist() for name, each in before.unparsable.items()
    }
