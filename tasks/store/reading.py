"""Streams of stored objects. Every read that fails raises an error of the store's own."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 1 << 16


def translated_reads(
    file: io.RawIOBase | BinaryIO,
    translated: Callable[[], AbstractContextManager[None]],
) -> BinaryIO:
    """Wrap an open file as a seekable stream, which closes the file.

    Args:
        file: open for reading in binary.
        translated: makes the block that turns errors of the file system into the store's; entered
            around each read.
    """
    return cast("BinaryIO", io.BufferedReader(_TranslatedReads(file, translated), _BUFFER_BYTES))


class _TranslatedReads(io.RawIOBase):
    def __init__(
        self,
        file: io.RawIOBase | BinaryIO,
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._file = file
        self._translated = translated

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        with self._translated():
            return self._file.readinto(buffer)  # type: ignore[union-attr]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()
