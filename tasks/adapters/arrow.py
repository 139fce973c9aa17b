"""Arrow: landing files in chunks of rows, and parquet whose bytes depend on the rows alone."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tasks.core.applications import NAMES, TARGET
from tasks.errors import SourceError

_BLOCK_BYTES: Final = 8 << 20
_HEADER_BYTES: Final = 1 << 16
_ROWS_PER_GROUP: Final = 131_072
_COMPRESSION: Final = "zstd"
_PLAIN_TYPES: Final = (
    pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_string,
    pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null,
)  # fmt: skip


def read_header(stream: BinaryIO, file_format: str, *, name: str) -> tuple[str, ...]:
    """The column names of a landing file, in its order.

    Raises:
        SourceError: the file is empty, no text or no parquet, or names a column twice.
    """
    with _readable(name):
        if file_format == "parquet":
            schema = pq.ParquetFile(stream).schema_arrow
            columns = tuple(schema.names)
            _require_plain_types(schema, name)
        else:
            columns = _csv_header(_decompressed(stream, file_format).read(_HEADER_BYTES))
    if not columns:
        raise SourceError(f"{name} is empty; a header line with the declared columns is required. Deliver it again.")
    if not set(columns) & set(NAMES):  # nothing of it is told: without a header these are an applicant's values
        raise SourceError(f"{name} has no header line: none of its {len(columns)} first cells is a declared column.")
    twice = sorted({column for column in columns if column in NAMES and columns.count(column) > 1})
    if twice:
        raise SourceError(f"{name} has {', '.join(twice)} more than once; which one counts cannot be known.")
    return columns


def read_chunks(stream: BinaryIO, file_format: str, *, name: str, chunk_rows: int) -> Iterator[pa.Table]:
    """The rows of a landing file as delivered, `chunk_rows` at a time: text from CSV, its own types from parquet.

    Only declared columns are read, and TARGET where there is one. An empty CSV cell is null, quoted or not.

    Raises:
        SourceError: the file is cut off, broken or not UTF-8; the message carries no content of it.
    """
    with _readable(name):
        header = read_header(stream, file_format, name=name)
        stream.seek(0)
        wanted = [column for column in header if column in NAMES or column == TARGET]
        if file_format == "parquet":
            batches = pq.ParquetFile(stream).iter_batches(batch_size=chunk_rows, columns=wanted)
        else:
            batches = _on_one_line(_open_csv(_decompressed(stream, file_format), wanted), name)
        yield from _rechunk(batches, chunk_rows)


def write_parquet(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """The table as parquet; equal tables and metadata give equal bytes, however the table was put together."""
    sink = pa.BufferOutputStream()
    table = table.combine_chunks().replace_schema_metadata(dict(metadata or {}))
    pq.write_table(table, sink, row_group_size=_ROWS_PER_GROUP, compression=_COMPRESSION, version="2.6")
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_parquet(data: bytes, columns: list[str] | None = None) -> pa.Table:
    """The table in parquet bytes of our own."""
    return pq.read_table(pa.BufferReader(data), columns=columns)


def _decompressed(stream: BinaryIO, file_format: str) -> BinaryIO:
    # Not Arrow's own decompression: it closes the stream that it was lent.
    return cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if file_format == "csv.gz" else stream


def _csv_header(start: bytes) -> tuple[str, ...]:
    line = codecs.getincrementaldecoder("utf-8-sig")().decode(start).split("\n", 1)[0]
    return tuple(next(csv.reader(io.StringIO(line)), ()))


def _open_csv(stream: BinaryIO, columns: list[str]) -> pa_csv.CSVStreamingReader:
    return pa_csv.open_csv(
        stream,
        read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            include_columns=columns,
            column_types=dict.fromkeys(columns, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _on_one_line(batches: Iterable[pa.RecordBatch], name: str) -> Iterator[pa.RecordBatch]:
    """The batches, unless a cell runs over a line end: no declared column holds one, so a quote was left open.

    Arrow takes all lines up to the next quote, or to the end of the file, for that one cell, and says nothing.
    """
    for batch in batches:
        for column in batch.columns:
            text = column.buffers()[2]
            if text is not None and (np.frombuffer(text, np.uint8) == ord("\n")).any():
                raise SourceError(
                    f"{name} has a cell that runs over a line end: a quote was opened and not closed in its line, and "
                    "the lines after it cannot be told apart. Deliver the file again with its quotes in pairs."
                )
        yield batch


def _require_plain_types(schema: pa.Schema, name: str) -> None:
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if field.name in NAMES and not any(is_plain(kind) for is_plain in _PLAIN_TYPES):
            raise SourceError(
                f"{name} has {field.name} as {field.type}; numbers, booleans and text can be read. "
                "Write the column as one of them."
            )


def _rechunk(batches: Iterator[pa.RecordBatch], chunk_rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `chunk_rows`, the last one shorter."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        if rows < chunk_rows:
            continue
        table = pa.Table.from_batches(held)
        whole = rows - rows % chunk_rows
        for start in range(0, whole, chunk_rows):
            yield table.slice(start, chunk_rows)
        held, rows = table.slice(whole).to_batches(), rows - whole
    if rows:
        yield pa.Table.from_batches(held)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turn a reader's error into one that names the file and never repeats its content."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, csv.Error, EOFError, OSError, zlib.error) as error:
        raise SourceError(f"{name} cannot be read: {_cause(error)}. Deliver the file again, whole.") from None


def _cause(error: Exception) -> str:
    text = str(error)
    if isinstance(error, EOFError | gzip.BadGzipFile | zlib.error):
        return "its gzip compression is broken or cut off"
    if isinstance(error, UnicodeDecodeError) or "UTF8" in text or "UTF-8" in text:
        return "it is not UTF-8 text"
    fields = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", text)
    if fields:
        row = f"row {fields[1]} " if fields[1] else "a row "
        return f"{row}has {fields[3]} fields where the header has {fields[2]}"
    known = {
        "Truncated": "it is cut off",
        "magic bytes": "it is no parquet file, or it is cut off",
        "Empty CSV": "it is empty",
        "quote": "a quoted cell is not closed",
    }
    return next((cause for sign, cause in known.items() if sign in text), f"Arrow reports {type(error).__name__}")
