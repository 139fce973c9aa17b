"""Ranges of a file, each read by itself, hold the rows of the whole file, or one of them cannot be read."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.adapters.files.landing_file import LandingFile, Reading
from tasks.adapters.files.landing_reader import delivered_names, read_chunks, read_range_chunks
from tasks.core.day.records import ByteRange
from tasks.delivery.files import digest_of_stream
from tasks.errors import SourceError

HEADER = b"client,NAME_TYPE_SUITE,extra,AMT_CREDIT\n"
READING = Reading(column_aliases={"client": "SK_ID_CURR"})
Row = dict[str, str | None]


def file_of(text: bytes, announced: int | None = None) -> LandingFile:
    return LandingFile(io.BytesIO(text), "a.csv", "csv", READING, announced)


def read_by_range(text: bytes, range_bytes: int, chunk_rows: int = 3) -> list[Row]:
    ranges = digest_of_stream(io.BytesIO(text), range_bytes=range_bytes).ranges
    header = delivered_names(file_of(text))
    rows: list[Row] = []
    for number, each in enumerate(ranges):
        rows += read_one(text, each, header, is_first=not number, chunk_rows=chunk_rows)
    return rows


def read_one(text: bytes, span: ByteRange, header: tuple[str, ...], *, is_first: bool, chunk_rows: int) -> list[Row]:
    piece = text[span.begin : span.end]
    n_rows = span.lines - is_first + (not piece.endswith(b"\n"))
    chunks = list(read_range_chunks(file_of(piece), header, rows=n_rows, has_header=is_first, chunk_rows=chunk_rows))
    assert all(0 < chunk.num_rows <= chunk_rows for chunk in chunks)
    return [row for chunk in chunks for row in chunk.to_pylist()]


def read_whole(text: bytes) -> list[Row]:
    # As many rows as there are: what is announced lets a cell hold a line end.
    for announced in range(len(text)):
        try:
            return [row for chunk in read_chunks(file_of(text, announced), chunk_rows=4) for row in chunk.to_pylist()]
        except SourceError as error:
            if "announced" not in str(error) and "announces" not in str(error):
                raise
    raise AssertionError(text)


CELL = st.text(alphabet="ab1 '\u00e9", max_size=6)
QUOTED = st.text(alphabet='ab,"\n\r', max_size=5).map(lambda cell: '"' + cell.replace('"', '""') + '"')
STRAY = st.sampled_from(['"', 'a"b', '"a', "a\rb", '""'])
LINE = st.lists(st.one_of(CELL, CELL, CELL, QUOTED, STRAY), min_size=4, max_size=4).map(",".join)
ENDS = st.sampled_from(["\n", "\r\n", "\n\n"])


@settings(max_examples=400)
@given(st.lists(st.tuples(LINE, ENDS), min_size=1, max_size=12), st.integers(40, 120), st.integers(1, 5))
def test_ranges_hold_the_rows_of_the_whole_file_or_cannot_be_read(
    lines: list[tuple[str, str]], range_bytes: int, chunk_rows: int
) -> None:
    text = HEADER + "".join(line + end for line, end in lines).encode()
    try:
        by_range = read_by_range(text, range_bytes, chunk_rows)
    except SourceError:
        return
    if not digest_of_stream(io.BytesIO(text), range_bytes=range_bytes).ranges:
        return
    assert by_range == read_whole(text)


@given(st.lists(LINE.filter(lambda line: '"' not in line and "\r" not in line), min_size=5, max_size=20))
def test_plain_lines_are_read_by_range(lines: list[str]) -> None:
    text = HEADER + "".join(f"{line}\n" for line in lines).encode()
    assert read_by_range(text, range_bytes=45) == read_whole(text)


def test_a_mark_of_the_encoding_and_a_last_line_without_end_are_read_as_in_the_whole() -> None:
    text = b"\xef\xbb\xbf" + HEADER + b"1,a,b,2\n3,c,d,4\n5,e,f,6\n7,g,h,8"
    assert read_by_range(text, range_bytes=44) == read_whole(text)


DAMAGES = {
    "quote at the end": b'1,a,b,"\n',
    "line end in a cell": b'1,"a\nb",c,2\n',
    "open quote": b'1,"a,b,2\n',
    "empty line": b"\n",
    "short": b"1,a,b\n",
    "long": b"1,a,b,2,3\n",
    "null byte": b"1,\0,b,2\n",
    "Latin-1": b"1,\xe9,b,2\n",
    "carriage return": b"1,a\rb,c,2\n",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_range_with_a_line_that_is_no_row_cannot_be_read(damage: bytes, place: int) -> None:
    lines = [b"1,a,b,2\n"] * 7
    text = HEADER + b"".join([*lines[:place], damage, *lines[place:]])
    with pytest.raises(SourceError):
        read_by_range(text, range_bytes=45)
