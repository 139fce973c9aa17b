"""Files of the feed: written as the real feed writes them, and read back for editing."""

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

# Rows turned into CSV text at a time: some 35 MB of text. One Arrow string array can hold 2 GB.
_ROWS_A_BLOCK: Final = 65_536
# The fastest level; a synthetic file is read once or twice and never sent anywhere.
_GZIP_LEVEL: Final = 1


def encode(table: pa.Table, file_format: str) -> bytes:
    """Encode a table as a `csv`, `csv.gz` or `parquet` file; the same table gives the same bytes.

    CSV looks like the real feed: quotes only around a cell that needs them, missing values as empty
    cells, whole numbers without a point, other numbers with the fewest digits that read back the
    same. Parquet keeps the types.

    Raises:
        ConfigError: the format is not one of these.
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
    raise ConfigError(f"The file format is {file_format!r}; it must be one of {', '.join(FORMATS)}.{hint}")


def decode(data: bytes, file_format: str) -> pa.Table:
    """Read a table that `encode` wrote: every cell as text from CSV, its own types from parquet.

    Only for files of our own making. Delivered files are read by `adapters.files.landing_reader`,
    which trusts nothing. Errors of gzip and Arrow pass through if the file is not such a file.
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
    """Compress a text with gzip, without time or name: the same text gives the same bytes."""
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
    """Put the cells that hold a comma, a quote or a line end in quotes (RFC 4180)."""
    text = cells.buffers()[2]
    characters = text.to_pybytes() if text else b""
    # Almost no column needs quotes, and this look is ten times as fast as the regular expression.
    if not any(mark in characters for mark in (b",", b'"', b"\r", b"\n")):
        return cells
    structural = pc.match_substring_regex(cells, r'[,"\r\n]')
    doubled = pc.replace_substring(cells, '"', '""')
    quoted = pc.binary_join_element_wise('"', doubled, '"', "")
    return pc.if_else(structural, quoted, cells)


FileFormat = Literal["csv", "csv.gz", "parquet"]


def format_of(name: str) -> FileFormat:
    """Format that a file's name announces, in capitals or not.

    >>> format_of("DAY.CSV"), format_of("part-0.snappy.parquet")
    ('csv', 'parquet')

    Raises:
        SourceError: it is not one of ours.
    """
    formats: tuple[FileFormat, ...] = get_args(FileFormat)
    for file_format in formats:
        if name.lower().endswith(f".{file_format}"):
            return file_format
    endings = ", .".join(formats)
    raise SourceError(f"{name} is not an application file: its name must end in .{endings}.")


def as_cells(table: pa.Table) -> pa.Table:
    """Table as in a CSV file: all cells text, whole numbers without a point, missing cells null."""
    text_schema = pa.schema([(name, pa.string()) for name in table.column_names])
    return table.cast(text_schema).combine_chunks()
