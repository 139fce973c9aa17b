"""A delivered file's bytes before a reader sees them: their kind, their unpacked size, their end.

A reader fails in its own words on another kind of file, and fills the memory on a few kilobytes of
packed zeros. So this module looks at the bytes first, and bounds them while they are unpacked.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from typing import BinaryIO, Final, NoReturn, cast

from tasks.adapters.files.landing_file import LandingFile
from tasks.core.files import FileFormat
from tasks.errors import SourceError

LONGEST_LINE_BYTES: Final = 1 << 20
"""Longest line that is read: hundreds of times a sensible one.

As many bytes are parsed at a time, because they fit into the cache.
"""
# CSV text shrinks 3 to 15 times in gzip, nearly empty rows 40 times; a file of one repeated line
# shrinks 1,000 times.
_MAX_SHRINKAGE: Final = 200
_SHRINKAGE_FROM_BYTES: Final = 64 << 20
_START_BYTES: Final = 4096
_CTRL_Z: Final = "\x1a"

_MAGIC: Final = {
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a parquet file",
    b"PARE": "an encrypted parquet file",
    b"PK\x03\x04": "a zip archive, as Excel workbooks are",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\xfd7zXZ\x00": "an xz file",
    b"BZh91AY&SY": "a bzip2 file",
    b"%PDF": "a PDF",
}
_TEXT_SIGNS: Final = {b"<": "an HTML or XML page", b"{": "JSON", b"[": "JSON"}
_WANTED: Final = {
    "csv": "CSV text in UTF-8",
    "csv.gz": "CSV text in UTF-8, packed with gzip",
    "parquet": "parquet",
}
_ADVICE: Final = {
    "a gzip file": "If it packs a CSV file, let its name end in .csv.gz.",
    "a parquet file": "Let its name end in .parquet.",
    "an encrypted parquet file": "Deliver it unencrypted; the store guards it.",
}


def require_kind(file: LandingFile) -> None:
    """Refuse a file that is plainly of another kind than its name says.

    It leaves the stream at its start.

    Raises:
        SourceError: names the kind, and says what to call the file or how to deliver it.
    """
    file.stream.seek(0)
    start = file.stream.read(_START_BYTES)
    file.stream.seek(0)
    if not start:
        raise SourceError(
            f"{file.name} is empty; a header line with the declared columns is required. Deliver it again."
        )
    is_right = {
        "csv": True,
        "csv.gz": start.startswith(b"\x1f\x8b"),
        "parquet": start.startswith(b"PAR1"),
    }
    if not is_right[file.format]:
        _refuse(_kind_of(start) or "of another kind", file.format, file.name)


def require_one_parquet(file: LandingFile) -> None:
    """Refuse parquet files that were strung together.

    A reader takes the last footer, and so some of the rows for all.

    Raises:
        SourceError: one file ends where another begins.
    """
    file.stream.seek(0)
    before = b""
    while piece := file.stream.read(LONGEST_LINE_BYTES):
        if b"PAR1PAR1" in before + piece:
            raise SourceError(
                f"{file.name} is several parquet files strung together. Deliver each as a file of its own."
            )
        before = piece[-7:]
    file.stream.seek(0)


class CsvText(io.BufferedIOBase):
    """The unpacked text of a CSV file. Reading raises `SourceError` if it is not text."""

    def __init__(self, file: LandingFile) -> None:
        """Borrow the file's stream, which is neither closed nor rewound."""
        self._file = file
        is_packed = file.format == "csv.gz"
        # Not Arrow's own decompression: it closes the stream that it was lent.
        self._text = file.stream
        if is_packed:
            self._text = cast(BinaryIO, gzip.GzipFile(fileobj=file.stream))
        self._n_bytes = 0
        self._n_line_ends = 0
        self.unended = b""
        """Bytes after the last line end that was read."""

    @property
    def n_lines(self) -> int:
        """Number of lines read so far, the header and empty lines included."""
        return self._n_line_ends + bool(self.unended)

    def readable(self) -> bool:
        """True always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next `size` bytes of text."""
        piece = self._text.read(-1 if size is None else size)
        if self._n_bytes == 0:
            self._require_text(piece[:_START_BYTES])
        self._n_bytes += len(piece)
        self._n_line_ends += piece.count(b"\n")
        self._require_bounded(piece)
        return piece

    def read1(self, _size: int = -1, /) -> bytes:
        """Read the next megabyte of text, since a reader of lines asks for little at a time."""
        return self.read(1 << 20)

    def _require_text(self, start: bytes) -> None:
        if kind := _kind_of(start):
            _refuse(kind, self._file.format, self._file.name)
        if b"\r" in start and b"\n" not in start:
            raise SourceError(
                f"{self._file.name} has lines that end in CR alone; expected LF, or CR LF. "
                "Export it with such line ends."
            )

    def _require_bounded(self, piece: bytes) -> None:
        if b"\0" in piece:
            fault = "it is damaged, or is not text"
            raise SourceError(f"{self._file.name} has NUL bytes; {fault}. Deliver it again as UTF-8 text.")
        end = piece.rfind(b"\n")
        self.unended = piece[end + 1 :] if end >= 0 else self.unended + piece
        if len(self.unended) > LONGEST_LINE_BYTES:
            raise SourceError(
                f"{self._file.name} has a line longer than {LONGEST_LINE_BYTES >> 20} MB; "
                "a line is one application. Deliver it again, with line ends."
            )
        limit_bytes = self._file.reading.max_unpacked_bytes
        if self._n_bytes > limit_bytes:
            unpacked = f"more than {limit_bytes / 1e9:g} GB"
            raise SourceError(too_large(self._file.name, unpacked, limit_bytes))
        if self._n_bytes <= _SHRINKAGE_FROM_BYTES:
            return
        if self._n_bytes > _MAX_SHRINKAGE * self._file.stream.tell():
            raise SourceError(
                f"{self._file.name} unpacks to more than {_MAX_SHRINKAGE} times its size, which no "
                "applications do. Nothing more of it was unpacked. Find out who made it, and "
                "deliver the day's own file."
            )


def too_large(name: str, unpacked: str, limit_bytes: int) -> str:
    """Message for a file that would unpack to more than the settings allow."""
    return (
        f"{name} unpacks to {unpacked}; scoring.max_unpacked_gigabytes allows {limit_bytes / 1e9:g}. "
        "If it is not a mistake, deliver the day in several files, or raise the setting."
    )


def uneven_line(file: LandingFile) -> str | None:
    """Fault of the first line with more or fewer fields than the header; None if there is none."""
    file.stream.seek(0)
    text = CsvText(file)
    lines = io.TextIOWrapper(cast(BinaryIO, text), "utf-8", errors="replace", newline="")
    rows = csv.reader(lines)
    try:
        n_columns = len(next(rows))
        line = 2
        for row in rows:
            if row == [_CTRL_Z]:
                return f"line {line} is a Ctrl-Z (0x1A), the end of a text in old systems; leave it out"
            if row and len(row) != n_columns:
                if rows.line_num > line:
                    return f"a quote is opened and not closed in line {line}"
                is_last = next(rows, None) is None
                is_cut = is_last and bool(text.unended)
                return _uneven_fault(line, len(row), n_columns, is_cut=is_cut)
            line = rows.line_num + 1
    except (csv.Error, OSError, EOFError, SourceError):
        pass
    finally:
        lines.detach()
    return None


def _uneven_fault(line: int, n_fields: int, n_columns: int, *, is_cut: bool) -> str:
    if is_cut:
        return f"it is cut off: its last line, {line}, ends in field {n_fields} of {n_columns}"
    return f"line {line} has {n_fields} fields where the header has {n_columns}"


def _kind_of(start: bytes) -> str | None:
    """Kind of a file by its first bytes; None if they name no kind, as those of CSV text."""
    boms = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
    is_full_of_nulls = 4 * start.count(0) > len(start) > 0
    if start.startswith(boms) or (is_full_of_nulls and not _magic(start)):
        return "UTF-16 text"
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    kinds = (kind for sign, kind in _TEXT_SIGNS.items() if text.startswith(sign))
    return _magic(start) or next(kinds, None)


def _magic(start: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)


def _refuse(kind: str, file_format: FileFormat, name: str) -> NoReturn:
    advice = _ADVICE.get(kind, "Deliver the applications as that.")
    raise SourceError(f"{name} is {kind}, where its name promises {_WANTED[file_format]}. {advice}")
