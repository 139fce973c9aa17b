"""Parquet of our own. Its bytes depend only on the rows and their metadata."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

_ROWS_PER_GROUP: Final = 131_072
_COMPRESSION: Final = "zstd"


def give_back_memory() -> None:
    """Give memory back that Arrow and the C library keep: half a gigabyte for millions of rows."""
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError):  # only glibc has it; it keeps memory of threads that are gone
        ctypes.CDLL(None).malloc_trim(0)


def write_parquet(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """Write a table as parquet. Equal tables and metadata give equal bytes, in any chunking."""
    sink = pa.BufferOutputStream()
    table = table.replace_schema_metadata(dict(metadata or {}))
    # Dictionaries are for text alone, since numbers hardly repeat.
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression=_COMPRESSION,
        use_dictionary=texts,
        version="2.6",
    ) as writer:
        # Groups are combined one by one, because a copy of the whole table is large.
        for start in range(0, max(table.num_rows, 1), _ROWS_PER_GROUP):
            writer.write_table(table.slice(start, _ROWS_PER_GROUP).combine_chunks())
    data: bytes = sink.getvalue().to_pybytes()
    return data


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


def read_footer(data: bytes) -> dict[str, str]:
    """Read the metadata that `write_parquet` wrote beside the table."""
    metadata = pq.read_schema(pa.BufferReader(data)).metadata or {}
    return {name.decode(): value.decode() for name, value in metadata.items()}
