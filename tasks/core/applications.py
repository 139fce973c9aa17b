"""Reading of an application: a delivered row becomes a typed one.

The lender declares the types of the columns (`tasks/core/lender/columns.py`); they are never
guessed from the data. So an application reads the same from CSV, gzip or parquet, alone or in a day
of a million.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.lender.columns import COLUMNS, ID, SENTINELS, TYPED_SCHEMA, Kind

# Number as people and programs write it: sign, digits, point, exponent. No thousands separators,
# hex, inf or nan.
_NUMBER: Final = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
# Significant bits of a number as it was delivered (IEEE 754). Whole numbers below 2**bits are exact;
# a larger one could silently have become its neighbour.
_SIGNIFICANT_BITS: Final = {pa.float16(): 11, pa.float32(): 24}
_BITS_OF_FLOAT64: Final = 53
# float64 distinguishes numbers of up to 15 digits (DBL_DIG), so a text of at most 15 characters is
# whole if its float64 is. But a number too small for float64 becomes zero. The shortest text of
# such a number is "1e-324", six characters.
_DECISIVE_CHARACTERS: Final = 15
_SHORTEST_UNDERFLOW: Final = 6


class TypedRows(NamedTuple):
    """A chunk of delivered rows after parsing."""

    rows: pa.Table
    """All declared columns in `TYPED_SCHEMA`, one row per delivered row. A value that did not parse
    is null."""
    unparsable: Mapping[str, np.ndarray]
    """Column name to the ascending positions of the rows whose value is not of the declared
    type."""


def parse_rows(raw: pa.Table) -> TypedRows:
    """Read a delivered chunk by the declared types.

    Columns may come in any order; undeclared ones are ignored.

    A number is a sign, digits, a decimal point and an exponent; blanks around it are ignored. These
    are unparsable: infinity, NaN written as text, thousands separators, fractions in `integer`
    columns, however small, and whole numbers from 2**53 on. A whole number that came in fewer bits
    must be smaller: see `largest_whole`. An id as text has no exponent: see `parse_ids`. A `real`
    becomes the nearest float64. A cell of blanks alone is missing. In binary input (parquet) a NaN
    is a missing value, as in pandas, and a truth value counts as 1 or 0 in `integer` columns.
    docs/values.md shows how each notation is read.

    Raises:
        KeyError: a declared column is absent; call `missing_columns` first.
    """
    arrays = []
    unparsable = {}
    for column in COLUMNS:
        values = plain_values(raw, column.name)
        if column.kind == "text":
            arrays.append(_parse_text(values))
            continue
        if column.kind == "id":
            numbers, is_lost = parse_ids(values)
        else:
            numbers, is_lost = parse_numbers(values, whole=column.kind == "integer")
        if is_lost.any():
            unparsable[column.name] = np.flatnonzero(is_lost)
        arrays.append(numbers.cast(column.arrow_type))
    return TypedRows(pa.Table.from_arrays(arrays, schema=TYPED_SCHEMA), unparsable)


def as_text(raw: pa.Table) -> pa.Table:
    """Delivered rows with every declared column as text, for people to read and correct.

    The text parses to the same typed rows.
    """
    texts = {}
    for column in COLUMNS:
        values = plain_values(raw, column.name)
        texts[column.name] = _text_of(values, column.kind)
    return pa.table(texts)


def _text_of(values: pa.Array, kind: Kind) -> pa.Array:
    if pa.types.is_floating(values.type):
        # First to float64, because the shortest text of a float32 is another number.
        numbers = values.cast(pa.float64())
        numbers = pc.if_else(pc.is_nan(numbers), None, numbers)  # pandas writes a missing value as NaN
        return numbers.cast(pa.string()) if kind in ("real", "text") else _whole_text(numbers, values.type)
    if pa.types.is_boolean(values.type) and kind in ("id", "integer"):
        values = values.cast(pa.int8())
    return values.cast(pa.string())


def _whole_text(numbers: pa.Array, delivered: pa.DataType) -> pa.Array:
    """Whole numbers as text, in digits alone.

    One that is not exact says why, and so does not parse as another number.
    """
    text = numbers.cast(pa.string())
    is_exact = pc.less_equal(pc.abs(numbers), float(largest_whole(delivered)))
    is_whole = pc.and_(is_exact, pc.equal(numbers, pc.floor(numbers)))
    # The shortest text of a float has an exponent from 1e10 on, which no id may have.
    digits = pc.if_else(is_whole, numbers, None).cast(pa.int64()).cast(pa.string())
    remark = f"({delivered.bit_width}-bit float)"
    remarked = pc.if_else(is_exact, text, pc.binary_join_element_wise(text, remark, " "))
    return pc.coalesce(digits, remarked)


def _parse_text(values: pa.Array) -> pa.Array:
    text = _text_of(values, "text")
    is_blank = pc.or_(pc.equal(text, ""), pc.utf8_is_space(text))
    return pc.if_else(is_blank, pa.scalar(None, pa.string()), text)


def plain_values(raw: pa.Table, name: str) -> pa.Array:
    """Values of a delivered column as one array; numbers are taken out of a dictionary."""
    values = raw.column(name).combine_chunks()
    type_ = values.type
    is_encoded_number = pa.types.is_dictionary(type_) and not _is_textual(type_.value_type)
    return values.dictionary_decode() if is_encoded_number else values


def largest_whole(type_: pa.DataType) -> int:
    """Largest whole number that a delivered value of this type holds beyond doubt.

    The number after it is exact, too, but the one after that would have been rounded to it.

    >>> [largest_whole(type_) for type_ in (pa.float16(), pa.float32(), pa.float64(), pa.string())]
    [2047, 16777215, 9007199254740991, 9007199254740991]
    """
    return int(2 ** _SIGNIFICANT_BITS.get(type_, _BITS_OF_FLOAT64)) - 1


def parse_numbers(values: pa.Array, *, whole: bool) -> tuple[pa.Array, np.ndarray]:
    """Delivered values as float64, null if missing or not a number; and a mask of the latter.

    Args:
        values: a column as delivered, of any type that holds text or numbers.
        whole: True refuses fractions and numbers above `largest_whole`, and takes truth values.
            False refuses truth values, which are not amounts.
    """
    text = values.cast(pa.string()) if _is_decimal_text(values.type) else None
    if text is not None:
        numbers = _numbers_from_text(text)
    elif pa.types.is_boolean(values.type) and not whole:
        numbers = pa.nulls(len(values), pa.float64())
    else:
        numbers = values.cast(pa.float64(), safe=False)
    sound = pc.is_finite(numbers)
    if whole:
        sound = pc.and_(sound, pc.equal(numbers, pc.floor(numbers)))
        sound = pc.and_(sound, pc.less_equal(pc.abs(numbers), float(largest_whole(values.type))))
        sound = sound if text is None else _exactly_whole(text, numbers, sound)
    # Adding zero turns -0.0 into 0.0, which membership tests would otherwise tell apart.
    numbers = pc.add(pc.if_else(sound, numbers, None), 0.0)
    return numbers, _is_lost(values, numbers)


def parse_ids(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Delivered ids as `parse_numbers` reads whole numbers; a text with an exponent is lost.

    A spreadsheet shortens 123456789012 to 1.23457E+11. The lost digits told one applicant from
    another, and nothing in such a text says whether it has lost any.

    >>> ids, is_lost = parse_ids(pa.array(["100001", "100001.0", "1.00001E+05"]))
    >>> ids.to_pylist(), is_lost.tolist()
    ([100001.0, 100001.0, None], [False, False, True])
    """
    numbers, is_lost = parse_numbers(values, whole=True)
    if not _is_textual(values.type):
        return numbers, is_lost
    text = values.cast(pa.string())
    has_exponent = pc.or_(pc.match_substring(text, "E"), pc.match_substring(text, "e"))
    is_shortened = pc.and_(pc.is_valid(numbers), has_exponent)
    numbers = pc.if_else(is_shortened, None, numbers)
    return numbers, _is_lost(values, numbers)


def _numbers_from_text(text: pa.Array) -> pa.Array:
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:  # at least one cell is blank, signed with a plus, or not a number
        trimmed = pc.utf8_trim_whitespace(text)
        numeric = pc.match_substring_regex(trimmed, _NUMBER)
        unsigned = pc.utf8_ltrim(trimmed, "+")
        return pc.if_else(numeric, unsigned, None).cast(pa.float64())


def _exactly_whole(text: pa.Array, numbers: pa.Array, sound: pa.Array) -> pa.Array:
    """`sound`, corrected for the cells whose float64 cannot show that they are not whole.

    Such a text has a fraction that float64 rounds away, or is not zero but becomes zero.
    """
    length = pc.binary_length(text)
    if (pc.max(length).as_py() or 0) < _SHORTEST_UNDERFLOW:
        return sound
    is_underflow = pc.and_(pc.equal(numbers, 0.0), pc.greater_equal(length, _SHORTEST_UNDERFLOW))
    doubtful = pc.and_(sound, pc.or_(is_underflow, pc.greater(length, _DECISIVE_CHARACTERS)))
    doubtful = pc.fill_null(doubtful, False)
    if not pc.any(doubtful).as_py():
        return sound
    cells = text.filter(doubtful).dictionary_encode()
    whole = pa.array([_is_whole(cell) for cell in cells.dictionary.to_pylist()], pa.bool_())
    return pc.replace_with_mask(sound, doubtful, whole.take(cells.indices))


def _is_whole(text: str) -> bool:
    """True if a finite number, as text, has no fraction. No digit of it is rounded away.

    >>> texts = ("1.5e1", "15e-1", "100001.00000000000001", "1e-400", " 0.0e-400")
    >>> [_is_whole(text) for text in texts]
    [True, False, False, False, True]
    """
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent of 19 digits or more
        return False
    return number == number.to_integral_value()


def _is_lost(values: pa.Array, numbers: pa.Array) -> np.ndarray:
    """True if a value was delivered and did not become a number; one entry per value."""
    if numbers.null_count == values.null_count:
        return np.zeros(len(values), dtype=bool)
    if pa.types.is_floating(values.type):
        delivered = pc.is_valid(pc.if_else(pc.is_nan(values), None, values))
    elif _is_textual(values.type):
        trimmed = pc.utf8_trim_whitespace(values.cast(pa.string()))
        delivered = pc.fill_null(pc.not_equal(trimmed, ""), False)
    else:
        delivered = pc.is_valid(values)
    lost: np.ndarray = pc.and_(delivered, pc.is_null(numbers)).to_numpy(zero_copy_only=False)
    return lost


def _is_decimal_text(type_: pa.DataType) -> bool:
    """True if numbers of this type are digits in base ten, as text or stored.

    Arrow's own cast of decimals to float64 is inexact.
    """
    return _is_textual(type_) or pa.types.is_decimal(type_)


def _is_textual(type_: pa.DataType) -> bool:
    kinds = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_dictionary,
    )
    return any(is_kind(type_) for is_kind in kinds)


def quantities(rows: pa.Table, name: str) -> np.ndarray:
    """Numbers of a typed column, float64, NaN if missing or if the number is the code for "none".

    >>> quantities(pa.table({"DAYS_EMPLOYED": [-500.0, 365243.0, None]}), "DAYS_EMPLOYED").tolist()
    [-500.0, nan, nan]
    """
    numbers: np.ndarray = rows.column(name).to_numpy()
    return np.where(numbers == SENTINELS[name], np.nan, numbers) if name in SENTINELS else numbers


APPLICATION_ID: Final = "application_id"
ID_COLUMNS: Final = (APPLICATION_ID, ID)
"""Columns that name the applicant of a row."""


def rows_of_applicant(table: pa.Table, applicant: int) -> np.ndarray:
    """True if any id column of a row parses to the applicant's id; one entry per row.

    >>> ids = {"application_id": [7, None, 8, None], "SK_ID_CURR": ["7", " 7.0", "8", "seven"]}
    >>> table = pa.table(ids)
    >>> rows_of_applicant(table, 7).tolist()
    [True, True, False, False]
    """
    found = np.zeros(table.num_rows, dtype=bool)
    for name in ID_COLUMNS:
        if name in table.column_names:
            values = plain_values(table, name)
            # An id that is not exact, or was shortened, is theirs, too, if it reads as theirs.
            if pa.types.is_floating(values.type):
                values = values.cast(pa.float64())
            numbers, _ = parse_numbers(values, whole=True)
            is_theirs = pc.fill_null(pc.equal(numbers, float(applicant)), False)
            found |= is_theirs.to_numpy(zero_copy_only=False)
    return found
