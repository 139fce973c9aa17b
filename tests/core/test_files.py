import gzip
import io
from datetime import date
from importlib.resources import files

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.applications import parse_rows
from tasks.core.feed.synthetic import FeedStatistics, synthesize_applications
from tasks.core.files import FORMATS, decode, encode
from tasks.errors import ConfigError

DAY = date(2025, 3, 3)


@pytest.fixture(scope="module")
def applications() -> pa.Table:
    statistics = FeedStatistics.from_json(files("configs").joinpath("feed_statistics.json").read_text("utf-8"))
    return synthesize_applications(statistics, rows=500, seed=1, as_of=DAY)


def as_delivered(data: bytes, file_format: str) -> pa.Table:
    if file_format == "parquet":
        return pq.read_table(io.BytesIO(data))
    text = gzip.decompress(data) if file_format == "csv.gz" else data
    names = text[: text.index(b"\n")].decode().split(",")
    options = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    return pa_csv.read_csv(io.BytesIO(text), convert_options=options)


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_encoded_day_reads_back_equal(applications: pa.Table, file_format: str) -> None:
    rows, unparsable = parse_rows(as_delivered(encode(applications, file_format), file_format))
    assert unparsable == {}
    assert rows.equals(applications)


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_same_rows_give_the_same_bytes(applications: pa.Table, file_format: str) -> None:
    assert encode(applications, file_format) == encode(applications, file_format)


def test_csv_is_written_as_the_feed_writes_it() -> None:
    table = pa.table({"a": [5.0, None, 0.25], "b": ["Stone, brick", 'so "called"', None], "c": ["x", "y", "z"]})
    assert encode(table, "csv") == b'a,b,c\n5,"Stone, brick",x\n,"so ""called""",y\n0.25,,z\n'


def test_many_blocks_of_csv_read_like_one(applications: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encode(applications, "csv")
    monkeypatch.setattr("tasks.core.files._ROWS_A_BLOCK", 100)
    assert encode(applications, "csv") == whole


def test_a_table_without_rows_is_a_header() -> None:
    assert encode(pa.table({"a": pa.array([], pa.string())}), "csv") == b"a\n"


def test_gzip_carries_neither_time_nor_name(applications: pa.Table) -> None:
    data = encode(applications, "csv.gz")
    flags, modified = data[3], data[4:8]
    assert (flags, modified) == (0, b"\0\0\0\0")


def test_an_unknown_format_names_the_allowed_ones(applications: pa.Table) -> None:
    with pytest.raises(
        ConfigError, match=r"'parque'; it must be one of csv, csv\.gz, parquet\. Did you mean 'parquet'"
    ):
        encode(applications, "parque")


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_decoded_file_is_encoded_as_the_same_bytes(applications: pa.Table, file_format: str) -> None:
    data = encode(applications, file_format)
    assert encode(decode(data, file_format), file_format) == data
    assert decode(data, file_format).num_rows == 500


CELLS = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1))


@given(st.lists(st.tuples(st.just("1"), CELLS), min_size=1))
def test_any_text_without_line_ends_is_decoded_as_it_was(rows: list[tuple[str, str | None]]) -> None:
    table = pa.table({"id": [row[0] for row in rows], "text": pa.array([row[1] for row in rows], pa.string())})
    assert decode(encode(table, "csv"), "csv").equals(table)
