"""A landing file in reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Final

from tasks.core.files import FileFormat

MAX_UNPACKED_BYTES: Final = 20 * 10**9
"""A file may unpack to this much unless the settings say otherwise; some 40 million applications."""


@dataclass(frozen=True, slots=True)
class LandingFile:
    """A landing file that is open for reading, and what is known of it."""

    stream: BinaryIO
    """Its bytes, seekable, at any position; whoever opened it closes it."""
    name: str
    """The file as messages call it."""
    format: FileFormat
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES
    """A file that becomes larger than this is refused."""
    announced_rows: int | None = None
    """Rows that were announced with its digest. If it has as many, no quote has swallowed any; and if the digest holds,
    its end is its end even in the middle of a line."""
    announced_sha256: str | None = None
    """That digest, in hex. An erasure that is about to cut the file announces what it becomes."""
