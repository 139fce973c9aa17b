"""A column that the feed names otherwise is read under its declared name."""

import io
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.adapters.files.cut import count_rows_of, cut_rows
from tasks.adapters.files.landing_file import LandingFile, Reading
from tasks.adapters.files.landing_reader import read_chunks, read_header, read_lines
from tasks.core.files import FileFormat, encode
from tasks.errors import SourceError

ROWS = pa.table({"client": [100001, 100002, 100003], "AMT_CREDIT": [1.5, 2.5, 3.5], "BRANCH": ["x", "y", "z"]})
READING = Reading(column_aliases={"client": "SK_ID_CURR", "loan": "AMT_CREDIT"})
FORMATS: list[FileFormat] = ["csv", "csv.gz", "parquet"]


def opened(file_format: FileFormat, rows: pa.Table = ROWS) -> LandingFile:
    return LandingFile(io.BytesIO(encode(rows, file_format)), f"a.{file_format}", file_format, READING)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_is_read_as_if_its_columns_had_their_declared_names(file_format: FileFormat) -> None:
    file = opened(file_format)
    assert read_header(file) == ("SK_ID_CURR", "AMT_CREDIT", "BRANCH")
    chunks = list(read_chunks(file, chunk_rows=2))
    assert [chunk.column_names for chunk in chunks] == [["SK_ID_CURR", "AMT_CREDIT"]] * 2
    ids = pa.concat_tables(chunks).column("SK_ID_CURR").cast(pa.string()).to_pylist()
    assert ids == ["100001", "100002", "100003"]


def test_lines_are_read_as_chunks_are() -> None:
    lines = read_lines(opened("csv"), [2])
    assert lines is not None
    assert lines.to_pylist() == [{"SK_ID_CURR": "100002", "AMT_CREDIT": "2.5"}]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_column_that_comes_under_both_of_its_names_is_refused(file_format: FileFormat) -> None:
    both = ROWS.append_column("SK_ID_CURR", ROWS.column("client"))
    with pytest.raises(SourceError, match="has SK_ID_CURR more than once"):
        read_header(opened(file_format, both))


def test_an_aliased_column_must_be_of_a_plain_type() -> None:
    nested = ROWS.set_column(0, "client", pa.array([[1], [2], [3]]))
    with pytest.raises(SourceError, match="has client as list"):
        read_header(opened("parquet", nested))


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_applicant_is_found_and_cut_out_under_an_aliased_id(file_format: FileFormat) -> None:
    assert count_rows_of(opened(file_format), 100002) == 1
    cut = cut_rows(opened(file_format), 100002)
    assert (cut.rows, cut.left) == (1, 2)
    rest = replace(opened(file_format), stream=io.BytesIO(cut.data))
    assert count_rows_of(rest, 100002) == 0
    if file_format == "parquet":
        assert pq.read_table(io.BytesIO(cut.data)).equals(ROWS.take([0, 2]))
