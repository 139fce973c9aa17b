"""Arrow: landing files read in chunks of rows."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import math
import threading
import weakref
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tasks.adapters.files.csv_text import (
    LONGEST_LINE_BYTES,
    CsvText,
    require_kind,
    require_one_parquet,
    too_large,
    uneven_line,
)
from tasks.adapters.files.landing_file import LandingFile
from tasks.core.lender.columns import NAMES
from tasks.core.lender.header import header_fault
from tasks.errors import SourceError

HEADER_BYTES: Final = 1 << 16
"""Bytes at the start of a CSV file that hold its header."""
_VALUE_BYTES: Final = 8
_PATIENCE_SECONDS: Final = 60.0
_READABLE_CODECS: Final = "zstd, snappy, gzip, brotli and lz4"
_UNEVEN: Final = "columns, got"
_NOT_UTF8: Final = "it is not UTF-8 text, but perhaps Latin-1 or Windows-1252"
_PLAIN_TYPES: Final = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_boolean,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_null,
)


def read_header(file: LandingFile) -> tuple[str, ...]:
    """Read the column names of a landing file, in its order. Leaves the stream at its start.

    A column with an alias has its declared name.

    Raises:
        SourceError: the file is empty, is neither text nor parquet, or names a column twice.
    """
    return declared_names(file, delivered_names(file))


def delivered_names(file: LandingFile) -> tuple[str, ...]:
    """Read the column names of a landing file as they are written. Leaves the stream at its start.

    Raises:
        SourceError: the file is empty, or is neither text nor parquet.
    """
    require_kind(file)
    with readable(file.name):
        if file.format == "parquet":
            schema = pq.ParquetFile(file.stream).schema_arrow
            columns = tuple(schema.names)
            _require_plain_types(schema, file)
        else:
            columns = _csv_header(CsvText(file).read(HEADER_BYTES), file.name)
        file.stream.seek(0)
    return columns


def declared_names(file: LandingFile, delivered: Sequence[str]) -> tuple[str, ...]:
    """Names of a header's columns, the declared one for each column with an alias.

    Raises:
        SourceError: there are none, none of them is declared, or a declared column comes twice.
    """
    name = file.name
    columns = tuple(map(file.reading.declared, delivered))
    if not columns:
        expected = "a header line with the declared columns"
        raise SourceError(f"{name} is empty; {expected} is required. Deliver it again.")
    if not set(columns) & set(NAMES):
        if fault := header_fault(columns):
            raise SourceError(f"{name} cannot be read: {_uncapitalised(fault)} Nothing was published.")
        # The message repeats no cell: without a header, the cells are an applicant's values.
        cells = f"none of its {len(columns)} first cells"
        raise SourceError(f"{name} has no header line: {cells} is a declared column.")
    wanted = [column for column in columns if column in file.reading.columns]
    twice = sorted({column for column in wanted if columns.count(column) > 1})
    if twice:
        named = ", ".join(twice)
        raise SourceError(f"{name} has {named} more than once; which one counts cannot be known.")
    return columns


def read_chunks(file: LandingFile, *, chunk_rows: int) -> Generator[pa.Table, None, None]:
    """Read the rows of a landing file as delivered, `chunk_rows` at a time.

    CSV gives text, parquet its own types. The file is read from its start, even if some of it was
    read before. Only the columns of its `Reading` are read: by default the declared ones, and
    TARGET if there is one. An empty CSV cell is null, quoted or not.

    Raises:
        SourceError: the file is cut off, broken or not UTF-8; the message carries no content of it.
    """
    with readable(file.name):
        wanted = _wanted(file, delivered_names(file))
        if file.format == "parquet":
            yield from _parquet_chunks(file, wanted, chunk_rows)
        else:
            yield from _csv_chunks(file, wanted, chunk_rows)


def _wanted(file: LandingFile, delivered: Sequence[str]) -> dict[str, str]:
    """Delivered name of each column that is read, to its declared name. Raises what `declared_names` raises."""
    columns = zip(delivered, declared_names(file, delivered), strict=True)
    return {column: declared for column, declared in columns if declared in file.reading.columns}


def read_range_chunks(
    file: LandingFile, delivered: Sequence[str], *, rows: int, has_header: bool, chunk_rows: int
) -> Generator[pa.Table, None, None]:
    """Read a range of a CSV file as `read_chunks` reads the rows of its lines in the whole file.

    A reader is between two rows after each line if every line is one row. So the lines before the range
    change nothing for it, as long as their ranges have that property, too. A line is laid behind the range to
    show it of the last one: a quote that is open there would swallow it.

    Args:
        file: the range, plain text, as a file by itself.
        delivered: header of the whole file, as `delivered_names` reads it.
        rows: lines of the range, without the header.
        has_header: True if the range begins with the header.
        chunk_rows: rows of a chunk at most; chunks are of one size, give or take a row for each.

    Raises:
        SourceError: a line is not one row, or the text cannot be read.
    """
    chunk_rows = max(math.ceil(rows / max(math.ceil(rows / chunk_rows), 1)), 1)
    found = 0

    def in_range(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        nonlocal found
        for batch in batches:
            missing = rows - found
            found += batch.num_rows
            if missing > 0:
                yield batch.slice(0, missing)

    with readable(file.name):
        wanted = _wanted(file, delivered)
        text = file.stream.read()
        if b"\0" in text:
            raise SourceError(f"{file.name} has NUL bytes.")
        behind = b"" if text.endswith(b"\n") else b"\n"
        text += behind + b"0" + b"," * (len(delivered) - 1) + b"\n"
        read_options = pa_csv.ReadOptions(
            block_size=LONGEST_LINE_BYTES, column_names=list(delivered), skip_rows=int(has_header), use_threads=False
        )
        batches = in_range(_csv_reader(pa.BufferReader(text), read_options, list(wanted)))
        yield from _declared(_rechunk(batches, chunk_rows), wanted)
    if found != rows + 1:
        raise SourceError(f"{file.name} has {rows} lines and {found - 1} rows in one of its ranges.")


def _parquet_chunks(file: LandingFile, wanted: Mapping[str, str], chunk_rows: int) -> Iterator[pa.Table]:
    require_one_parquet(file)
    parquet = pq.ParquetFile(file.stream)
    _require_bounded(parquet.metadata.num_rows, len(wanted), file)
    batches = parquet.iter_batches(chunk_rows, columns=list(wanted))
    yield from _declared(_rechunk(map(_with_sound_text, batches), chunk_rows), wanted)


def _declared(chunks: Iterable[pa.Table], wanted: Mapping[str, str]) -> Iterator[pa.Table]:
    """Chunks with the declared names of their columns."""
    for chunk in chunks:
        yield chunk.rename_columns([wanted[name] for name in chunk.column_names])


def _csv_chunks(file: LandingFile, wanted: Mapping[str, str], chunk_rows: int) -> Iterator[pa.Table]:
    text = CsvText(file)
    rows = 0
    try:
        for chunk in _declared(_rechunk(_csv_batches(text, list(wanted)), chunk_rows), wanted):
            rows += chunk.num_rows
            yield chunk
    except pa.ArrowInvalid as error:
        if _UNEVEN in str(error) and (cause := uneven_line(file)):
            raise SourceError(_unreadable(file.name, cause)) from None
        raise
    if rows != file.announced_rows:
        _require_row_per_line(text, rows, file)
    if text.unended and file.announced_rows is None:
        raise SourceError(
            f"{file.name} has no line end after its last line, so its last value may be cut off. "
            "Deliver it whole, or with a _control.json that announces its digest."
        )


def read_lines(file: LandingFile, numbers: Sequence[int]) -> pa.Table | None:
    """Read the rows of some lines of a CSV file as `read_chunks` does; None if a line is not a row.

    The caller must know that the lines are the rows of these numbers: empty lines before them are
    counted, too.

    Args:
        file: a CSV file, not packed.
        numbers: line numbers, ascending; the line after the header is 1.
    """
    with readable(file.name):
        file.stream.seek(0)
        steps = np.diff([-1, 0, *numbers]) - 1
        found = (line for step in steps for line in islice(file.stream, step, step + 1))
        lines = [line.rstrip(b"\r\n") for line in found]
    if any(line.count(b'"') % 2 for line in lines):  # a cell runs over a line end
        return None
    text = b"".join(line + b"\n" for line in lines)
    part = LandingFile(io.BytesIO(text), file.name, "csv", file.reading)
    try:
        chunks = list(read_chunks(part, chunk_rows=len(numbers)))
    except SourceError:
        return None
    is_row_per_line = [chunk.num_rows for chunk in chunks] == [len(numbers)]
    return chunks[0] if is_row_per_line else None


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn a reader's error into one that names the file and never repeats its content."""
    try:
        yield
    except (
        pa.ArrowException,
        UnicodeDecodeError,
        csv.Error,
        EOFError,
        OSError,
        zlib.error,
    ) as error:
        raise SourceError(_unreadable(name, _cause(error))) from None


def _unreadable(name: str, cause: str) -> str:
    return f"{name} cannot be read: {cause}. Deliver the file again, whole."


def _uncapitalised(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _csv_header(start: bytes, name: str) -> tuple[str, ...]:
    if len(start) == HEADER_BYTES and b"\n" not in start:
        limit = f"{HEADER_BYTES >> 10} kB"
        raise SourceError(f"{name} has no header line: its first line is longer than {limit}.")
    line = codecs.getincrementaldecoder("utf-8-sig")().decode(start).split("\n", 1)[0]
    return tuple(next(csv.reader(io.StringIO(line)), ()))


class _Lent(io.BufferedIOBase):
    """Text as Arrow's own thread reads it.

    There an error looks like the end of the text. `_csv_batches` raises it afterwards.
    """

    def __init__(self, text: CsvText, failures: list[Exception]) -> None:
        self._text = text
        self._failures = failures

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return b"" if self._failures else self._text.read(size)
        except Exception as error:  # noqa: BLE001 - no error may pass through Arrow's thread
            # Its frames, and those of its causes, would hold on to this stream.
            error.__cause__ = error.__context__ = None
            self._failures.append(error.with_traceback(None))
            return b""


def _csv_batches(text: CsvText, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Batches of the given columns.

    Arrow reads ahead in its own thread, which outlives an error. If it still read when the process
    ends, it would abort the process and change the exit code. So this waits until the thread lets
    the text go.
    """
    failures: list[Exception] = []
    is_let_go = threading.Event()
    lent = _Lent(text, failures)
    weakref.finalize(lent, is_let_go.set)
    try:
        yield from _open_csv(lent, columns)
    except pa.ArrowInvalid:
        if not failures:
            raise
    finally:
        del lent
        is_let_go.wait(_PATIENCE_SECONDS)
    if failures:
        raise failures[0] from None


def _open_csv(lent: _Lent, columns: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        reader = _csv_reader(lent, pa_csv.ReadOptions(block_size=LONGEST_LINE_BYTES), columns)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):  # a header without a line end
            return
        raise
    finally:
        del lent
    try:
        yield from reader
    finally:
        del reader


def _csv_reader(source: Any, read_options: pa_csv.ReadOptions, columns: list[str]) -> pa_csv.CSVStreamingReader:
    """Arrow's reader of the given columns as text. An empty cell is null, quoted or not."""
    parse_options = pa_csv.ParseOptions(newlines_in_values=True)
    convert_options = pa_csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    try:
        return pa_csv.open_csv(
            source, read_options=read_options, parse_options=parse_options, convert_options=convert_options
        )
    finally:
        del source  # or the traceback of an error would hold it


def _require_bounded(n_rows: int, n_columns: int, file: LandingFile) -> None:
    claimed = n_rows * n_columns * _VALUE_BYTES
    limit_bytes = file.reading.max_unpacked_bytes
    if claimed > limit_bytes:
        unpacked = f"{n_rows:,} rows, some {claimed / 1e9:,.0f} GB"
        raise SourceError(too_large(file.name, unpacked, limit_bytes))


def _with_sound_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch. Raises `pa.ArrowInvalid` if parquet calls other bytes UTF-8."""
    batch.validate(full=True)
    return batch


def _require_row_per_line(text: CsvText, rows: int, file: LandingFile) -> None:
    """Refuse a file in which a cell runs over a line end, since a quote may have been left open.

    Arrow silently takes all lines up to the next quote, or to the end of the file, for that one
    cell. Empty lines are not rows; they are counted only if the numbers do not agree without them.
    """
    if text.n_lines == rows + 1:
        return
    file.stream.seek(0)
    n_blank = sum(not line.strip(b"\r\n") for line in CsvText(file))
    if text.n_lines - n_blank != rows + 1:
        raise SourceError(
            f"{file.name} has a cell that runs over a line end: a quote was opened and not closed "
            "in its line, and the lines after it cannot be told apart. Deliver the file again with "
            "its quotes in pairs; or, if a column does hold line ends, with a _control.json that "
            "announces its rows."
        )


def _require_plain_types(schema: pa.Schema, file: LandingFile) -> None:
    for field in schema:
        is_dictionary = pa.types.is_dictionary(field.type)
        kind = field.type.value_type if is_dictionary else field.type
        is_declared = file.reading.declared(field.name) in NAMES
        if is_declared and not any(is_plain(kind) for is_plain in _PLAIN_TYPES):
            raise SourceError(
                f"{file.name} has {field.name} as {field.type}; numbers, booleans and text can be read. "
                "Write the column as one of them."
            )


def _rechunk(batches: Iterator[pa.RecordBatch], chunk_rows: int) -> Iterator[pa.Table]:
    """Regroup the rows into tables of exactly `chunk_rows`; the last one may be shorter."""
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
        held = table.slice(whole).to_batches()
        rows -= whole
    if rows:
        yield pa.Table.from_batches(held)


def _cause(error: Exception) -> str:
    text = str(error)
    if isinstance(error, EOFError | gzip.BadGzipFile | zlib.error):
        return "its gzip compression is broken or cut off"
    if isinstance(error, UnicodeDecodeError):
        return _NOT_UTF8
    longest = f"{LONGEST_LINE_BYTES >> 20} MB"
    known = {
        "UTF8": _NOT_UTF8,
        "UTF-8": _NOT_UTF8,
        _UNEVEN: "a line has not as many fields as the header",
        "straddl": f"a line is longer than {longest}, or a quote is opened and never closed",
        "Truncated": "it is cut off",
        "magic bytes": "it is not a parquet file, or it is cut off",
        "quote": "a quoted cell is not closed",
        "encrypt": "it is encrypted; the store guards it, deliver it plain",
        "ompression": f"it is compressed in a way that cannot be read; {_READABLE_CODECS} can",
        "thrift": "it is damaged",
    }
    causes = (cause for sign, cause in known.items() if sign in text)
    return next(causes, f"it is damaged ({type(error).__name__})")
