"""Streams of stored objects whose every failing read is told in the store's own words, whoever reads."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 1 << 16


def told_reads(file: io.RawIOBase | BinaryIO, told: Callable[[], AbstractContextManager[None]]) -> BinaryIO:
    """A seekable stream over an open file, which it closes.

    Args:
        file: open for reading in binary.
        told: turns what the file system raises into the store's errors; entered around each read.
    """
    return cast("BinaryIO", io.BufferedReader(_ToldReads(file, told), _BUFFER_BYTES))


class _ToldReads(io.RawIOBase):
    def __init__(self, file: io.RawIOBase | BinaryIO, told: Callable[[], AbstractContextManager[None]]) -> None:
        self._file, self._told = file, told

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        with self._told():
            return self._file.readinto(buffer)  # type: ignore[union-attr]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()
