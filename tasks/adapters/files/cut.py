"""A delivered file without one applicant's rows: all other lines of a CSV file keep their bytes.

A row is found as scoring finds it: by the number to which its id parses, however the id is written.
A row is one line, or several if a quoted cell holds line ends.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.adapters.files.csv_text import CsvText, require_one_parquet
from tasks.adapters.files.landing_file import LandingFile
from tasks.adapters.files.landing_reader import declared_names, delivered_names, read_header, readable
from tasks.core.applications import rows_of_applicant
from tasks.core.lender.columns import ID
from tasks.errors import SourceError

_PIECE_BYTES: Final = 4 << 20


class Cut(NamedTuple):
    """A file after its cut."""

    data: bytes
    rows: int
    """Number of rows that were cut out."""
    left: int
    """Number of rows that stayed."""


def count_rows_of(file: LandingFile, applicant: int) -> int:
    """Number of the applicant's rows in a delivered file.

    Raises:
        SourceError: the file is broken, so that its rows cannot be counted.
    """
    delivered = delivered_names(file)
    names = declared_names(file, delivered)
    if ID not in names:
        return 0
    with readable(file.name):
        if file.format == "parquet":
            column = delivered[names.index(ID)]
            ids = _open_parquet(file).read(columns=[column]).rename_columns([ID])
            return int(rows_of_applicant(ids, applicant).sum())
        return sum(record.is_theirs for record in _csv_records(file, applicant))


def cut_rows(file: LandingFile, applicant: int) -> Cut:
    """Cut the applicant's rows out of a file.

    Parquet is written anew, with the same schema and row groups. Equal files give equal bytes.
    Raises what `count_rows_of` raises.
    """
    read_header(file)
    with readable(file.name):
        if file.format == "parquet":
            return _cut_parquet(file, applicant)
        return _cut_csv(file, applicant)


class _Record(NamedTuple):
    """A record of a CSV file, with its line end. The header and empty lines are not rows."""

    text: bytes
    is_row: bool
    is_theirs: bool


def _csv_records(file: LandingFile, applicant: int) -> Iterator[_Record]:
    """Read all records. Their texts together are the file.

    Raises:
        SourceError: a quote was opened and not closed, so that nobody knows whose the lines after
            it are.
    """
    text = CsvText(file)
    records = _split(_lines(text))
    header, cells = next(records, (b"", None))
    names = cells or header.decode().rstrip("\r\n").split(",")
    column = [file.reading.declared(name.removeprefix("\ufeff")) for name in names].index(ID)
    yield _Record(header, is_row=False, is_theirs=False)
    rows = 0
    is_doubtful = False
    for record, cells in records:
        cell = _cell(record, column) if cells is None else "".join(cells[column : column + 1])
        is_theirs = _is_theirs(cell, applicant)
        inner = record.removesuffix(b"\n").split(b"\n")[1:] if cells else []
        inner_cells = (_cell(line, column) for line in inner)
        if inner:
            is_doubtful |= is_theirs or any(_is_theirs(each, applicant) for each in inner_cells)
        is_row = bool(record.strip(b"\r\n"))
        rows += is_row
        yield _Record(record, is_row, is_theirs)
    if not is_doubtful or rows == file.announced_rows:
        return
    if not _is_cut_announced(file, applicant, rows):
        raise SourceError(
            f"{file.name} has a cell that runs over a line end: a quote was opened and not closed, "
            "and whose the lines after it are cannot be told. Mend it, or announce its rows in a "
            "_control.json."
        )


def _is_cut_announced(file: LandingFile, applicant: int, rows: int) -> bool:
    """True if the file without the applicant is announced.

    Then an erasure that was sure of its lines died before it made the cut.
    """
    if file.announced_sha256 is None:
        return False
    file.stream.seek(0)
    cut = _cut_csv(replace(file, announced_rows=rows), applicant)
    return hashlib.sha256(cut.data).hexdigest() == file.announced_sha256


def _cut_csv(file: LandingFile, applicant: int) -> Cut:
    kept = io.BytesIO()
    cut = 0
    left = 0
    for record in _csv_records(file, applicant):
        if record.is_theirs:
            cut += 1
            continue
        left += record.is_row
        kept.write(record.text)
    data = kept.getvalue()
    if file.format == "csv.gz":
        data = gzip.compress(data, mtime=0)
    return Cut(data, cut, left)


def _lines(text: CsvText) -> Iterator[bytes]:
    rest = b""
    while piece := text.read(_PIECE_BYTES):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def _split(lines: Iterator[bytes]) -> Iterator[tuple[bytes, list[str] | None]]:
    """Split into records, with their cells if a quote makes these more than text between commas."""
    for line in lines:
        if b'"' not in line:
            yield line, None
            continue
        taken: list[bytes] = []
        cells = next(csv.reader(_decoded(chain([line], lines), taken)), [])
        yield b"".join(taken), cells


def _decoded(lines: Iterator[bytes], taken: list[bytes]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line.decode(errors="surrogateescape")


def _cell(line: bytes, column: int) -> str:
    cells = line.rstrip(b"\r\n").split(b",", column + 1)
    return cells[column].decode(errors="replace") if column < len(cells) else ""


def _is_theirs(cell: str, applicant: int) -> bool:
    """True if a cell parses to the id. Most cells are clear without parsing."""
    if cell.isdigit() and cell[0] != "0":
        return cell == str(applicant)
    try:
        is_near = float(cell) == applicant
    except ValueError:
        return False
    return is_near and bool(rows_of_applicant(pa.table({ID: [cell]}), applicant).any())


def _open_parquet(file: LandingFile) -> pq.ParquetFile:
    require_one_parquet(file)
    return pq.ParquetFile(file.stream)


def _cut_parquet(landed: LandingFile, applicant: int) -> Cut:
    file = _open_parquet(landed)
    groups = file.metadata.num_row_groups
    codec = file.metadata.row_group(0).column(0).compression if groups else "NONE"
    sink = pa.BufferOutputStream()
    compression = "NONE" if codec == "UNCOMPRESSED" else codec
    with pq.ParquetWriter(sink, file.schema_arrow, compression=compression) as writer:
        left = 0
        for number in range(groups):
            group = file.read_row_group(number)
            declared = group.rename_columns(list(map(landed.reading.declared, group.column_names)))
            kept = group.filter(pa.array(~rows_of_applicant(declared, applicant)))
            writer.write_table(kept, row_group_size=max(kept.num_rows, 1))
            left += kept.num_rows
    return Cut(sink.getvalue().to_pybytes(), file.metadata.num_rows - left, left)
