"""A landing file in reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from tasks.core.files import FileFormat
from tasks.core.lender.columns import NAMES, TARGET

MAX_UNPACKED_BYTES: Final = 20 * 10**9
"""Bytes to which a file may unpack by default; some 40 million applications."""
_OF_APPLICATIONS: Final = frozenset({*NAMES, TARGET})


@dataclass(frozen=True, slots=True)
class Reading:
    """Settings by which delivered files are read."""

    max_unpacked_bytes: int = MAX_UNPACKED_BYTES
    """Largest unpacked size. A larger file is refused."""
    column_aliases: Mapping[str, str] = field(default_factory=dict)
    """Name of a column as the feed writes it, to its declared name."""
    columns: frozenset[str] = _OF_APPLICATIONS
    """Declared names of the columns that are read; others are left out."""

    def declared(self, column: str) -> str:
        """Declared name of a column: the one that its name is an alias of, else its name."""
        return self.column_aliases.get(column, column)


AS_DELIVERED: Final = Reading()
"""Reading without aliases, within the default limit."""


@dataclass(frozen=True, slots=True)
class LandingFile:
    """A landing file that is open for reading, and the facts known about it."""

    stream: BinaryIO
    """Its bytes, seekable, at any position. The opener closes it."""
    name: str
    """Name of the file in messages."""
    format: FileFormat
    reading: Reading = AS_DELIVERED
    announced_rows: int | None = None
    """Number of rows that were announced with its digest.

    If the file has as many, no quote has swallowed a row. If the digest holds, the file is whole
    even if it ends in the middle of a line.
    """
    announced_sha256: str | None = None
    """That digest, in hex. Before an erasure cuts the file, it announces the new digest."""
