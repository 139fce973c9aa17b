"""Write synthetic days into the store's landing, and a synthetic history for training, as files of the real feed look.

A generated day can be generated again: the same request gives the same bytes, and what already lies there is left.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files as package_files
from itertools import pairwise
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.core.spoiling import as_cells, spoil_rows
from tasks.core.synthetic import FeedStatistics, synthesize_applications
from tasks.errors import ConfigError, PublishError, did_you_mean
from tasks.store.interface import AlreadyExists, Changed, NotFound, Store

FORMATS: Final[tuple[str, ...]] = ("csv", "csv.gz", "parquet")

# How the names of generated files begin; whatever else lies in a landing is left alone.
_STEM: Final = "applications_"
# Rows turned into CSV text at a time: some 35 MB of text, far below the 2 GB that one Arrow string array can hold.
_ROWS_A_BLOCK: Final = 65_536
# The fastest level; a synthetic file is read once or twice and never sent anywhere.
_GZIP_LEVEL: Final = 1


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """One file of applications, as `_control.json` announces it."""

    location: str
    """Where a person finds it."""
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class GeneratedDay:
    """What `generate_day` left in the landing of a day."""

    as_of: date
    files: tuple[GeneratedFile, ...]
    spoilt: Mapping[str, int]
    """Name of a spoil to the number of rows it was done to; empty for a clean day."""
    unchanged: bool
    """True where every file lay there already with the same bytes, so that nothing was written."""

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.rows for file in self.files)


def load_statistics() -> FeedStatistics:
    """The reviewed statistics of the real feed, `configs/feed_statistics.json`."""
    return FeedStatistics.from_json(package_files("configs").joinpath("feed_statistics.json").read_text("utf-8"))


def generate_day(
    store: Store,
    statistics: FeedStatistics,
    *,
    as_of: date,
    rows: int,
    seed: int,
    file_format: str = "csv",
    files: int = 1,
    bad_share: float = 0.0,
    with_target: bool = False,
    overwrite: bool = False,
) -> GeneratedDay:
    """Lay `rows` applications in `files` files under `landing/day=<as_of>/`, and then the control file that names them.

    `bad_share` of the rows, 0 to 1 over all files together, are spoilt. Memory: about 3 kB a row.

    Raises:
        ConfigError: an option is outside its range.
        PublishError: other files lie in this landing already and `overwrite` is not set; nothing was written.
    """
    if files < 1:
        raise ConfigError(f"files is {files}; a day is delivered in at least 1 file.")
    table = synthesize_applications(statistics, rows=rows, seed=seed, as_of=as_of, with_target=with_target)
    cells, spoilt = spoil_rows(table, bad_share, seed=seed, as_of=as_of) if bad_share else (table, {})
    parts = _split(cells if spoilt else table, files)
    prefix = f"landing/day={as_of.isoformat()}/"
    contents = {f"{prefix}{_STEM}{n}.{file_format}": encode(part, file_format) for n, part in enumerate(parts, 1)}
    generated = tuple(
        GeneratedFile(store.location(key), part.num_rows, hashlib.sha256(data).hexdigest())
        for (key, data), part in zip(contents.items(), parts, strict=True)
    )
    contents[f"{prefix}_control.json"] = _control(as_of, dict(zip(contents, generated, strict=True)))
    unchanged = _lay(store, contents, prefix=prefix, overwrite=overwrite)
    return GeneratedDay(as_of, generated, spoilt, unchanged)


def write_history(
    path: Path, statistics: FeedStatistics, *, rows: int, seed: int, as_of: date, file_format: str = "csv"
) -> GeneratedFile:
    """One local file of `rows` applications with their TARGET, for training; what lay at `path` is replaced.

    `as_of` should lie before the first scored day: the same seed and day give the same applicants.
    """
    table = synthesize_applications(statistics, rows=rows, seed=seed, as_of=as_of, with_target=True)
    data = encode(table, file_format)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return GeneratedFile(str(path), rows, hashlib.sha256(data).hexdigest())


def encode(table: pa.Table, file_format: str) -> bytes:
    """The table as a file: `csv`, `csv.gz` or `parquet`; the same table gives the same bytes.

    CSV is written as the real feed is: quotes only where a cell needs them, missing values as empty cells, whole
    numbers without a point, other numbers with the fewest digits that read back the same. Parquet keeps the types.

    Raises:
        ConfigError: another format.
    """
    if file_format == "csv":
        return _csv(table)
    if file_format == "csv.gz":
        return gzip.compress(_csv(table), compresslevel=_GZIP_LEVEL, mtime=0)
    if file_format == "parquet":
        sink = io.BytesIO()
        pq.write_table(table, sink)
        return sink.getvalue()
    hint = did_you_mean(file_format, list(FORMATS))
    raise ConfigError(f"The file format is {file_format!r}; allowed are {', '.join(FORMATS)}.{hint}")


def _csv(table: pa.Table) -> bytes:
    # pyarrow.csv quotes every text cell, numbers of spoilt rows included, and takes twice as long.
    sink = io.BytesIO()
    sink.write(",".join(table.column_names).encode() + b"\n")
    for start in range(0, table.num_rows, _ROWS_A_BLOCK):
        sink.write(_csv_lines(as_cells(table.slice(start, _ROWS_A_BLOCK))))
    return sink.getvalue()


def _csv_lines(cells: pa.Table) -> pa.Buffer:
    columns = [_quoted(column.combine_chunks()) for column in cells.columns]
    lines = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
    ended = pc.binary_join_element_wise(lines, "", "\n")
    return pc.binary_join(pa.ListArray.from_arrays([0, len(ended)], ended), "")[0].as_buffer()


def _quoted(cells: pa.Array) -> pa.Array:
    """The cells, those with a comma, a quote or a line end in quotes (RFC 4180)."""
    text = cells.buffers()[2]
    characters = text.to_pybytes() if text else b""
    if not any(mark in characters for mark in (b",", b'"', b"\r", b"\n")):  # nearly every column; ten times the regex
        return cells
    structural = pc.match_substring_regex(cells, r'[,"\r\n]')
    doubled = pc.replace_substring(cells, '"', '""')
    return pc.if_else(structural, pc.binary_join_element_wise('"', doubled, '"', ""), cells)


def _split(table: pa.Table, files: int) -> list[pa.Table]:
    """Consecutive parts whose sizes differ by one row at most."""
    ends = [table.num_rows * n // files for n in range(files + 1)]
    return [table.slice(start, end - start) for start, end in pairwise(ends)]


def _control(as_of: date, generated: Mapping[str, GeneratedFile]) -> bytes:
    """The control file: the day, and rows and SHA-256 of each file by its name within the landing."""
    announced = {key.rpartition("/")[2]: {"rows": file.rows, "sha256": file.sha256} for key, file in generated.items()}
    return (json.dumps({"day": as_of.isoformat(), "files": announced}, indent=2) + "\n").encode()


def _lay(store: Store, contents: Mapping[str, bytes], *, prefix: str, overwrite: bool) -> bool:
    """Make the landing hold `contents` and no other generated file; True if it did already.

    Everything is compared before anything is written, and written in the order of `contents`.
    """
    absent, other = _compare(store, contents)
    stale = [entry.key for entry in store.list(f"{prefix}{_STEM}") if entry.key not in contents]
    if (other or stale) and not overwrite:
        where = ", ".join(store.location(key) for key in (*other, *stale))
        raise PublishError(
            f"Other data lies there already: {where}. Nothing was written. Generate with --overwrite to replace it."
        )
    try:
        for key in stale:
            store.delete(key)
        for key, data in contents.items():
            if key in other:
                store.replace(key, data, tag=other[key])
            elif key in absent:
                store.create(key, data)
    except (AlreadyExists, Changed, NotFound) as error:
        raise PublishError(f"Somebody else wrote to {store.location(prefix)} meanwhile; run it again.") from error
    return not (absent or other or stale)


def _compare(store: Store, contents: Mapping[str, bytes]) -> tuple[set[str], dict[str, str]]:
    """The keys under which nothing lies, and the keys with other bytes, each with the tag to replace them by."""
    absent, other = set(), {}
    for key, data in contents.items():
        try:
            stored = store.read(key)
        except NotFound:
            absent.add(key)
        else:
            if stored.data != data:
                other[key] = stored.tag
    return absent, other
