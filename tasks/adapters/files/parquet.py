"""Parquet of our own, whose bytes depend on the rows alone."""

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
    """Let the system have what Arrow and the C library keep for later; of millions of rows that is half a gigabyte."""
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError):  # glibc's alone; it keeps what threads that are gone have freed
        ctypes.CDLL(None).malloc_trim(0)


def write_parquet(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """The table as parquet; equal tables and metadata give equal bytes, however the table was put together."""
    sink = pa.BufferOutputStream()
    table = table.replace_schema_metadata(dict(metadata or {}))
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]  # numbers hardly repeat
    with pq.ParquetWriter(sink, table.schema, compression=_COMPRESSION, use_dictionary=texts, version="2.6") as writer:
        for start in range(0, max(table.num_rows, 1), _ROWS_PER_GROUP):  # combined one by one: a copy of all is large
            writer.write_table(table.slice(start, _ROWS_PER_GROUP).combine_chunks())
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_parquet(data: bytes, columns: list[str] | None = None) -> pa.Table:
    """The table in parquet bytes of our own."""
    return pq.read_table(pa.BufferReader(data), columns=columns)


def read_footer(data: bytes) -> dict[str, str]:
    """What `write_parquet` was told to write beside the table."""
    metadata = pq.read_schema(pa.BufferReader(data)).metadata or {}
    return {name.decode(): value.decode() for name, value in metadata.items()}
