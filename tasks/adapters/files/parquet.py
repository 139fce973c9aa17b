"""Parquet of our own. Its bytes depend only on the rows and their metadata."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from contextlib import suppress
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROWS_PER_GROUP: Final = 131_072
"""Rows that are read and written at a time."""
_COMPRESSION: Final = "zstd"


def give_back_memory() -> None:
    """Give memory back that Arrow and the C library keep: half a gigabyte for millions of rows."""
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError):  # only glibc has it; it keeps memory of threads that are gone
        ctypes.CDLL(None).malloc_trim(0)


class ParquetBytes:
    """Parquet in the making, in memory."""

    def __init__(self, schema: pa.Schema, metadata: Mapping[str, str] | None = None) -> None:
        """Begin a file of this schema, with the metadata beside the table."""
        self._sink = pa.BufferOutputStream()
        self._schema = schema.with_metadata(dict(metadata or {}))
        # Dictionaries are for text alone, since numbers hardly repeat.
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        self._writer = pq.ParquetWriter(
            self._sink, self._schema, compression=_COMPRESSION, use_dictionary=texts, version="2.6"
        )

    def write(self, group: pa.Table) -> None:
        """Write the next `ROWS_PER_GROUP` rows; only the last group has fewer."""
        self._writer.write_table(group.combine_chunks().cast(self._schema))

    def finish(self) -> bytes:
        """End the file, and return its bytes."""
        self._writer.close()
        data: bytes = self._sink.getvalue().to_pybytes()
        return data


def write_parquet(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """Write a table as parquet. Equal tables and metadata give equal bytes, in any chunking."""
    written = ParquetBytes(table.schema, metadata)
    # Groups are combined one by one, because a copy of the whole table is large.
    for start in range(0, max(table.num_rows, 1), ROWS_PER_GROUP):
        written.write(table.slice(start, ROWS_PER_GROUP))
    return written.finish()


def read_parquet(data: bytes, columns: list[str] | None = None, *, is_small: bool = False) -> pa.Table:
    """Read the table from parquet bytes of our own.

    Args:
        data: the file.
        columns: those that are wanted; all by default.
        is_small: True to read in this thread alone. Handing a few thousand rows to Arrow's own threads
            takes ten times as long as reading them.
    """
    if is_small:
        return pq.ParquetFile(pa.BufferReader(data)).read(columns, use_threads=False)
    return pq.read_table(pa.BufferReader(data), columns=columns)


def holds_number(stream: BinaryIO, column: str, number: int) -> bool:
    """True if a row of a parquet file of our own has this whole number in a column.

    Reads the footer, and of the column only the groups of rows whose range includes the number:
    one at most, where rows are sorted by it.
    """
    file = pq.ParquetFile(stream)
    for group in range(file.num_row_groups):
        if _may_hold(file.metadata.row_group(group), column, number):
            values = file.read_row_group(group, columns=[column], use_threads=False).column(column)
            if pc.any(pc.equal(values, number)).as_py():
                return True
    return False


def _may_hold(group: pq.RowGroupMetaData, column: str, number: int) -> bool:
    """True unless the statistics of a group of rows say that none has the number in the column."""
    parts = (group.column(place) for place in range(group.num_columns))
    statistics = next((part.statistics for part in parts if part.path_in_schema == column), None)
    if statistics is None or not statistics.has_min_max:
        return True
    return bool(statistics.min <= number <= statistics.max)


def read_columns(stream: BinaryIO, columns: list[str]) -> pa.Table:
    """Read some columns of a parquet file of our own, and little else of it."""
    return pq.ParquetFile(stream).read(columns=columns, use_threads=False)


def read_footer(data: bytes) -> dict[str, str]:
    """Read the metadata that `write_parquet` wrote beside the table."""
    metadata = pq.read_schema(pa.BufferReader(data)).metadata or {}
    return {name.decode(): value.decode() for name, value in metadata.items()}
