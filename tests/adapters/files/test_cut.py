"""Cutting rows out of delivered files, held against the project's own reader and against plain lines of text."""

import gzip
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tasks.adapters.files.cut import count_rows_of, cut_rows
from tasks.adapters.files.landing_file import LandingFile, Reading
from tasks.adapters.files.landing_reader import read_chunks
from tasks.core.applications import rows_of_applicant
from tasks.errors import SourceError

APPLICANT = 100200
CELLS = st.sampled_from(
    [
        *("100200", "0100200", " 100200 ", "+100200", "100200.0", "1.002e5"),  # theirs
        *("100201", "10020", "1002000", "-100200", "100200.5", "100,200", "1_00200", "9007199254741192"),
        *("", " ", "x", "nan", "inf", "\u0661\u0660\u0660\u0662\u0660\u0660"),
    ]
)
NOTES = st.text(st.sampled_from(list('ab1, "é')), max_size=6) | st.just("100200")


def quoted(cell: str, *, always: bool = False) -> str:
    needs = always or any(sign in cell for sign in '",')
    return '"' + cell.replace('"', '""') + '"' if needs else cell


def opened(data: bytes, file_format: str = "csv", announced_rows: int | None = None) -> LandingFile:
    return LandingFile(io.BytesIO(data), f"a.{file_format}", file_format, Reading(), announced_rows)


def as_read(data: bytes, file_format: str) -> pa.Table:
    chunks = read_chunks(opened(data, file_format), chunk_rows=3)
    return pa.concat_tables(list(chunks)) if data else None


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], list[bool]]:
    """Header and lines of a CSV file with ids in any column, and whether each line is quoted throughout."""
    rows = draw(st.lists(st.tuples(NOTES, CELLS, NOTES), min_size=1, max_size=8))
    always, end = draw(st.booleans()), draw(st.sampled_from(["\n", "\r\n"]))
    lines = [",".join(quoted(cell, always=always) for cell in row) + end for row in rows]
    return [f"NOTE,SK_ID_CURR,OTHER{end}", *lines], [always] * len(lines)


@effort(max_examples=300)
@given(files(), st.sampled_from(["csv", "csv.gz"]))
def test_the_lines_whose_id_parses_to_the_applicants_go_and_no_other_byte(
    file: tuple[list[str], list[bool]], file_format: str
) -> None:
    lines = [line.encode() for line in file[0]]
    text = b"".join(lines)
    data = gzip.compress(text) if file_format == "csv.gz" else text
    theirs = rows_of_applicant(as_read(data, file_format), APPLICANT)
    assert count_rows_of(opened(data, file_format), APPLICANT) == theirs.sum()
    cut = cut_rows(opened(data, file_format), APPLICANT)
    kept = gzip.decompress(cut.data) if file_format == "csv.gz" else cut.data
    assert kept == lines[0] + b"".join(line for line, is_theirs in zip(lines[1:], theirs, strict=True) if not is_theirs)
    assert (cut.rows, cut.left) == (theirs.sum(), (~theirs).sum())
    assert cut_rows(opened(data, file_format), APPLICANT) == cut
    assert cut_rows(opened(cut.data, file_format), APPLICANT).data == cut.data


TYPES = [pa.string(), pa.int64(), pa.int32(), pa.float64(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]


@effort(max_examples=60)
@given(
    st.lists(st.sampled_from([100200, 100201, None, 5]), max_size=30),
    st.sampled_from(TYPES),
    st.sampled_from(["snappy", "zstd", "none"]),
    st.integers(1, 9),
)
def test_parquet_of_any_type_of_id_loses_the_rows_and_keeps_the_rest(
    ids: list[int | None], kind: pa.DataType, packing: Any, group: int
) -> None:
    plain = pa.array([None if each is None else str(each) for each in ids], pa.string())
    column = plain.cast(kind) if not pa.types.is_dictionary(kind) else plain.dictionary_encode()
    table = pa.table({"SK_ID_CURR": column, "n": list(range(len(ids)))}).replace_schema_metadata({"by": "the feed"})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression=packing, row_group_size=group)
    cut = cut_rows(opened(sink.getvalue(), "parquet"), APPLICANT)
    after = pq.read_table(io.BytesIO(cut.data))
    assert after.schema.equals(table.schema, check_metadata=True)
    kept = [n for n, each in enumerate(ids) if each != APPLICANT]
    assert after.equals(table.take(pa.array(kept, pa.int64())))
    assert (cut.rows, cut.left) == (len(ids) - len(kept), len(kept))
    assert count_rows_of(opened(sink.getvalue(), "parquet"), APPLICANT) == cut.rows


def test_a_file_without_ids_holds_nobody() -> None:
    assert count_rows_of(opened(b"AMT_CREDIT\n100200\n"), APPLICANT) == 0


@pytest.mark.parametrize(("announced_rows", "is_sure"), [(2, True), (3, False), (None, False)])
def test_lines_within_a_quote_count_as_one_row_only_where_the_rows_were_announced(
    announced_rows: int | None, is_sure: bool
) -> None:
    data = b'SK_ID_CURR,NOTE\n5,"x\n100200,y"\n6,z\n'
    if is_sure:
        assert count_rows_of(opened(data, announced_rows=announced_rows), APPLICANT) == 0
        return
    with pytest.raises(SourceError, match="a quote was opened and not closed") as caught:
        count_rows_of(opened(data, announced_rows=announced_rows), APPLICANT)
    assert "100200" not in str(caught.value)


@pytest.mark.parametrize("odd", [b"\xff\xfe,x\n", b'5,"\xff"\n'])
def test_text_that_is_not_utf8_further_down_is_searched_all_the_same(odd: bytes) -> None:
    data = b"SK_ID_CURR,N\n" + b"5,x\n" * 20_000 + odd + b"100200,x\n"
    assert count_rows_of(opened(data), APPLICANT) == 1
    assert cut_rows(opened(data), APPLICANT).data == data.removesuffix(b"100200,x\n")


def test_lines_without_anything_stay_and_are_no_rows() -> None:
    cut = cut_rows(opened(b"SK_ID_CURR\n\n100200\n\r\n5"), APPLICANT)
    assert cut == (b"SK_ID_CURR\n\n\r\n5", 1, 1)


def test_a_cell_that_is_far_too_long_is_an_error_and_not_repeated() -> None:
    data = b'SK_ID_CURR,N\n5,"' + b"secret" * 50_000 + b'"\n'
    with pytest.raises(SourceError, match=r"a.csv cannot be read: it is damaged \(Error\)") as caught:
        count_rows_of(opened(data), APPLICANT)
    assert "secret" not in str(caught.value)
