"""Values that do not parse are counted by notation; nothing of them is repeated."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.applications import parse_numbers
from tasks.core.lender.columns import ID
from tasks.core.notations import NOTATIONS, add_notations, count_notations, describe_notations

SPELLINGS = {
    "column name": ["AMT_CREDIT", "amt_credit", " AMT_CREDIT "],
    "word for missing": ["NA", "n/a", "#N/A", "null", "None", "-", "--", "?", ".", "missing", "XNA"],
    "thousands separator": ["1,234", "1,234,567.50", "-1,234", "1 234", "1\u00a0234,50", "1\u202f234", "1'234"],
    "decimal comma": ["1234,5", "0,25", ",5", "-12,75"],
    "points and comma": ["1.234,5", "12.345.678,00", "1.234.567"],
    "unit": ["12%", "$12", "€ 12", "1234 EUR", "12.5 kg", "1234x"],
    "truth value": ["true", "FALSE", "yes", "N"],
    "date": ["2026-11-02", "2026-11-02T00:00:00", "2.11.2026", "11/02/26"],
    "infinite": ["inf", "-Infinity"],
    "fraction": ["1.5", "-0.25"],
    "too large": ["9007199254740993", "1e400", "99999999999999999999"],
    "other text": ["plenty", "0x1F", "1.2.3", "12 of 13"],
}


@pytest.mark.parametrize(("notation", "cell"), [(name, cell) for name, cells in SPELLINGS.items() for cell in cells])
def test_a_cell_is_counted_under_its_notation(notation: str, cell: str) -> None:
    assert count_notations(pa.array([cell]), "AMT_CREDIT") == {notation: 1}


def test_every_notation_is_tried_here() -> None:
    assert {*SPELLINGS, "shortened id", "16-bit float", "32-bit float"} == set(NOTATIONS)


@pytest.mark.parametrize("cell", ["1.2E+11", "1,2E+11", "1E+11", "123456e6", " 1.00001e-05 "])
def test_an_exponent_in_an_id_is_told_as_a_spreadsheets_rounding(cell: str) -> None:
    assert count_notations(pa.array([cell]), ID) == {"shortened id": 1}
    assert "shortened id" not in count_notations(pa.array([cell]), "AMT_CREDIT")


@pytest.mark.parametrize("cell", ["A100001", "12 EUR", "1.5", "9007199254740993", "E5", "1e"])
def test_other_ids_that_do_not_parse_are_told_as_other_cells(cell: str) -> None:
    assert count_notations(pa.array([cell]), ID) == count_notations(pa.array([cell]), "AMT_CREDIT")


@pytest.mark.parametrize(("type_", "notation"), [(pa.float32(), "32-bit float"), (pa.float64(), "too large")], ids=str)
def test_an_id_that_came_as_a_float_has_no_exponent(type_: pa.DataType, notation: str) -> None:
    assert count_notations(pa.array([2.0**60], type_), ID) == {notation: 1}


def test_a_shortened_id_is_told_without_its_digits() -> None:
    (told,) = describe_notations({ID: {"shortened id": 60}})
    assert told == (
        "60 cells of SK_ID_CURR look like 1.2E+11: a spreadsheet has rounded the ids. "
        "Deliver them with all their digits, as whole numbers or as text."
    )
    assert "1 cell of SK_ID_CURR looks like 1.2E+11: a" in describe_notations({ID: {"shortened id": 1}})[0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([2**24], pa.float32()), {"32-bit float": 1}),
        (pa.array(np.array([2048], np.float16)), {"16-bit float": 1}),
        (pa.array([1.5, 2.5], pa.float32()), {"fraction": 2}),
        (pa.array([2.0**53]), {"too large": 1}),
        (pa.array([2**60]), {"too large": 1}),
        (pa.array([float("inf")]), {"infinite": 1}),
        (pa.array([True]), {"truth value": 1}),
    ],
)
def test_numbers_of_parquet_have_notations_too(values: pa.Array, expected: dict[str, int]) -> None:
    assert count_notations(values, "CNT_CHILDREN") == expected


@given(st.lists(st.text(max_size=12) | st.from_regex(r"[-+]?[0-9., ]{1,8}[a-z%]?", fullmatch=True), min_size=1))
def test_every_cell_is_counted_once(cells: list[str]) -> None:
    values = pa.array(cells, pa.string())
    _, is_lost = parse_numbers(values, whole=True)
    counts = count_notations(values.filter(pa.array(is_lost)), "AMT_CREDIT")
    assert sum(counts.values()) == is_lost.sum()


def test_sentences_come_with_the_most_frequent_notation_first_and_name_few_columns() -> None:
    counts = {name: {"decimal comma": 10} for name in "ABCDE"} | {"F": {"fraction": 1}}
    assert describe_notations(counts) == [
        "50 cells of A, B, C and 2 other columns look like 1234,5. Write 1234.5, with a decimal point.",
        "1 cell of F has a fraction, like 1.5, where whole numbers are expected. Write a whole number.",
    ]


def test_a_notation_of_a_newer_program_is_other_text() -> None:
    assert describe_notations({"A": {"runes": 2}}) == ["2 cells of A are other text. Write a number."]


def test_counts_of_chunks_add_up() -> None:
    assert add_notations({}, {"date": 1}, {"fraction": 2, "date": 4}) == {"date": 5, "fraction": 2}
