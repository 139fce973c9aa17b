"""Write synthetic days into the landing, and a synthetic history for training.

The files look like those of the real feed. A generated day can be generated again: the same
request gives the same bytes, and a file that already holds them is left as it is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files as package_files
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from tasks.core.day.control import CONTROL
from tasks.core.feed.drifting import DRIFTS, drift_rows, parse_drifts
from tasks.core.feed.faults import FAULTS, STEM, FaultyFile, as_control, damage_delivery, require_faults
from tasks.core.feed.spoiling import spoil_rows
from tasks.core.feed.synthetic import FeedStatistics, synthesize_applications
from tasks.core.files import encode
from tasks.errors import ConfigError, PublishError
from tasks.publication.layout import landing_key
from tasks.store.interface import AlreadyExists, Changed, NotFound, Store


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """One file of applications."""

    location: str
    """Location of the file, for a person."""
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class GeneratedDay:
    """Result of `generate_day`: the files in the landing of a day."""

    as_of: date
    rows: int
    """Applications made for all files; a fault may have lost or repeated some."""
    locations: tuple[str, ...]
    """Locations of the files of applications, for a person; empty if a fault left none."""
    spoilt: Mapping[str, int]
    """Name of a spoil to the number of rows that it spoilt; empty for a clean day."""
    drifts: Mapping[str, str]
    """Drift, as the request spells it, to the phrase that says what it does."""
    faults: Mapping[str, str]
    """Name of a fault to the phrase that says what it did."""
    unchanged: bool
    """True if every file was there already with the same bytes, so that nothing was written."""


def load_statistics() -> FeedStatistics:
    """Reviewed statistics of the real feed, `configs/feed_statistics.json`."""
    file = package_files("configs").joinpath("feed_statistics.json")
    return FeedStatistics.from_json(file.read_text("utf-8"))


def generate_day(
    store: Store,
    statistics: FeedStatistics,
    *,
    as_of: date,
    rows: int,
    seed: int,
    file_format: str = "csv",
    files: int = 1,
    drift: str = "",
    bad_share: float = 0.0,
    faults: Sequence[str] = (),
    with_target: bool = False,
    overwrite: bool = False,
) -> GeneratedDay:
    """Write `rows` applications in `files` files under `landing/day=<as_of>/`.

    The applications were begun on that day, so all of them have its weekday. The control file that
    names them is written last. First the columns drift as `drift` lists it. Then a share of the
    rows, `bad_share`, is spoilt: 0 to 1, over all files together. At last the `faults` are done to
    the delivery. Memory: about 3 kB a row.

    Raises:
        ConfigError: an option is outside its range, or a drift or fault cannot be done; nothing
            was written.
        PublishError: other files lie in this landing already and `overwrite` is not set; nothing
            was written.
    """
    if files < 1:
        raise ConfigError(f"files is {files}; a day is delivered in at least 1 file.")
    requests = parse_drifts(drift)
    require_faults(faults, file_format)
    table = synthesize_applications(
        statistics,
        rows=rows,
        seed=seed,
        as_of=as_of,
        with_target=with_target,
    )
    table = drift_rows(table, requests, seed=seed, as_of=as_of)
    spoilt: dict[str, int] = {}
    if bad_share:
        cells, spoilt = spoil_rows(table, bad_share, seed=seed, as_of=as_of)
        if spoilt:
            table = cells
    sound = _deliver(_split(table, files), file_format, as_of)
    delivered = damage_delivery(sound, faults, file_format)
    prefix = landing_key(as_of)
    unchanged = _lay(store, _contents(delivered, prefix), prefix=prefix, overwrite=overwrite)
    return GeneratedDay(
        as_of,
        rows,
        tuple(store.location(prefix + name) for name in delivered.files),
        spoilt,
        {request.text: DRIFTS[request.name].phrase for request in requests},
        {name: FAULTS[name].phrase for name in faults},
        unchanged,
    )


def write_history(
    path: Path,
    statistics: FeedStatistics,
    *,
    rows: int,
    seed: int,
    as_of: date,
    file_format: str = "csv",
) -> GeneratedFile:
    """Write one local file of `rows` applications with their TARGET, for training.

    The applications stand for a long time, and have all weekdays. A file that is already at `path`
    is replaced. `as_of` should lie before the first scored day: the same seed and day give the same
    applicants.
    """
    table = synthesize_applications(statistics, rows=rows, seed=seed, as_of=as_of, with_target=True, history=True)
    return write_whole(path, encode(table, file_format), rows=rows)


def write_whole(path: Path, data: bytes, *, rows: int) -> GeneratedFile:
    """Write a local file of applications, whole or not at all; one that is there is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return GeneratedFile(str(path), rows, hashlib.sha256(data).hexdigest())


def _split(table: pa.Table, files: int) -> list[pa.Table]:
    """Consecutive parts of the table. Their sizes differ by at most one row."""
    ends = [table.num_rows * n // files for n in range(files + 1)]
    return [table.slice(start, end - start) for start, end in pairwise(ends)]


def _deliver(parts: Sequence[pa.Table], file_format: str, as_of: date) -> FaultyFile:
    """Files of the parts, and the control file: the day, and rows and SHA-256 of each file."""
    numbered = enumerate(parts, 1)
    files = {f"{STEM}{n}.{file_format}": encode(part, file_format) for n, part in numbered}
    announced = {
        name: {"rows": part.num_rows, "sha256": hashlib.sha256(data).hexdigest()}
        for (name, data), part in zip(files.items(), parts, strict=True)
    }
    return FaultyFile(files, as_control({"day": as_of.isoformat(), "files": announced}))


def _contents(delivered: FaultyFile, prefix: str) -> dict[str, bytes]:
    """Key to bytes of all files to write, the control file last."""
    files = dict(delivered.files)
    if delivered.control is not None:
        files[CONTROL] = delivered.control
    return {prefix + name: data for name, data in files.items()}


def _lay(store: Store, contents: Mapping[str, bytes], *, prefix: str, overwrite: bool) -> bool:
    """Make the landing hold `contents` and no other generated file; True if it did already.

    All files are compared before one is written. They are written in the order of `contents`.
    """
    absent, other = _compare(store, contents)
    landed = (entry.key for entry in store.list(prefix))
    generated = (key for key in landed if key == prefix + CONTROL or key.startswith(prefix + STEM))
    stale = [key for key in generated if key not in contents]
    if (other or stale) and not overwrite:
        where = ", ".join(store.location(key) for key in (*other, *stale))
        raise PublishError(
            f"Other data lies there already: {where}. Nothing was written. "
            "Generate with --overwrite to replace it."
        )  # fmt: skip
    try:
        for key in stale:
            store.delete(key)
        for key, data in contents.items():
            if key in other:
                store.replace(key, data, tag=other[key])
            elif key in absent:
                store.create(key, data)
    except (AlreadyExists, Changed, NotFound) as error:
        where = store.location(prefix)
        raise PublishError(f"Somebody else wrote to {where} meanwhile; run it again.") from error
    return not (absent or other or stale)


def _compare(store: Store, contents: Mapping[str, bytes]) -> tuple[set[str], dict[str, str]]:
    """Keys without a file, and keys with other bytes, each with the tag to replace them by."""
    absent = set()
    other = {}
    for key, data in contents.items():
        try:
            stored = store.read(key)
        except NotFound:
            absent.add(key)
        else:
            if stored.data != data:
                other[key] = stored.tag
    return absent, other
