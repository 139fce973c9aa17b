"""Files of the feed: applications written as the real feed writes them, and read back for whoever edits such a file."""

from __future__ import annotations

import csv
import gzip
import io
from typing import Final, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tasks.errors import ConfigError, SourceError, did_you_mean

FORMATS: Final[tuple[str, ...]] = ("csv", "csv.gz", "parquet")

# Rows turned into CSV text at a time: some 35 MB of text, far below the 2 GB that one Arrow string array can hold.
_ROWS_A_BLOCK: Final = 65_536
# The fastest level; a synthetic file is read once or twice and never sent anywhere.
_GZIP_LEVEL: Final = 1


def encode(table: pa.Table, file_format: str) -> bytes:
    """The table as a file: `csv`, `csv.gz` or `parquet`; the same table gives the same bytes.

    CSV is written as the real feed is: quotes only where a cell needs them, missing values as empty cells, whole
    numbers without a point, other numbers with the fewest digits that read back the same. Parquet keeps the types.

    Raises:
        ConfigError: another format.
    """
    if file_format == "csv":
        return _csv(table)
    if file_format == "csv.gz":
        return pack(_csv(table))
    if file_format == "parquet":
        sink = io.BytesIO()
        pq.write_table(table, sink)
        return sink.getvalue()
    hint = did_you_mean(file_format, list(FORMATS))
    raise ConfigError(f"The file format is {file_format!r}; allowed are {', '.join(FORMATS)}.{hint}")


def decode(data: bytes, file_format: str) -> pa.Table:
    """The table that `encode` wrote: every cell text from CSV, its own types from parquet.

    For files of our own making; what a feed delivers is read by `adapters.files.landing_reader`, which trusts
    nothing. Raises what gzip and Arrow raise where it is no such file.
    """
    if file_format == "parquet":
        return pq.ParquetFile(io.BytesIO(data)).read()
    text = gzip.decompress(data) if file_format == "csv.gz" else data
    names = next(csv.reader([text.partition(b"\n")[0].decode()]), [])
    options = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    return pa_csv.read_csv(io.BytesIO(text), convert_options=options)


def pack(text: bytes) -> bytes:
    """The text in gzip, which carries neither time nor name, so that the same text gives the same bytes."""
    return gzip.compress(text, compresslevel=_GZIP_LEVEL, mtime=0)


def _csv(table: pa.Table) -> bytes:
    # pyarrow.csv quotes every text cell, numbers of spoilt rows included, and takes twice as long.
    sink = io.BytesIO()
    sink.write(",".join(table.column_names).encode() + b"\n")
    for start in range(0, table.num_rows, _ROWS_A_BLOCK):
        sink.write(_csv_lines(as_cells(table.slice(start, _ROWS_A_BLOCK))))
    return sink.getvalue()


def _csv_lines(cells: pa.Table) -> pa.Buffer:
    columns = [_quoted(column.combine_chunks()) for column in cells.columns]
    lines = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
    ended = pc.binary_join_element_wise(lines, "", "\n")
    return pc.binary_join(pa.ListArray.from_arrays([0, len(ended)], ended), "")[0].as_buffer()


def _quoted(cells: pa.Array) -> pa.Array:
    """The cells, those with a comma, a quote or a line end in quotes (RFC 4180)."""
    text = cells.buffers()[2]
    characters = text.to_pybytes() if text else b""
    if not any(mark in characters for mark in (b",", b'"', b"\r", b"\n")):  # nearly every column; ten times the regex
        return cells
    structural = pc.match_substring_regex(cells, r'[,"\r\n]')
    doubled = pc.replace_substring(cells, '"', '""')
    return pc.if_else(structural, pc.binary_join_element_wise('"', doubled, '"', ""), cells)


FileFormat = Literal["csv", "csv.gz", "parquet"]


def format_of(name: str) -> FileFormat:
    """The format that a file's name announces. Raises `SourceError` where it is none of ours."""
    formats: tuple[FileFormat, ...] = get_args(FileFormat)
    for file_format in formats:
        if name.endswith(f".{file_format}"):
            return file_format
    raise SourceError(f"{name} is no application file: its name must end in .{', .'.join(formats)}.")


def as_cells(table: pa.Table) -> pa.Table:
    """The table as a CSV file holds it: every cell text, whole numbers without a point, missing values null."""
    return table.cast(pa.schema([(name, pa.string()) for name in table.column_names])).combine_chunks()
