"""Write synthetic days into the store's landing, and a synthetic history for training, as files of the real feed look.

A generated day can be generated again: the same request gives the same bytes, and what already lies there is left.
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
    """Where a person finds it."""
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class GeneratedDay:
    """What `generate_day` left in the landing of a day."""

    as_of: date
    rows: int
    """Applications made for all files; a fault may have lost or repeated some."""
    locations: tuple[str, ...]
    """Where a person finds the files of applications; empty where a fault left none."""
    spoilt: Mapping[str, int]
    """Name of a spoil to the number of rows it was done to; empty for a clean day."""
    drifts: Mapping[str, str]
    """Drift as it was asked for to the phrase that says what it does."""
    faults: Mapping[str, str]
    """Name of a fault to the phrase that says what it did."""
    unchanged: bool
    """True where every file lay there already with the same bytes, so that nothing was written."""


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
    drift: str = "",
    bad_share: float = 0.0,
    faults: Sequence[str] = (),
    with_target: bool = False,
    overwrite: bool = False,
) -> GeneratedDay:
    """Lay `rows` applications in `files` files under `landing/day=<as_of>/`, and then the control file that names them.

    First the day drifts as `drift` lists it, then `bad_share` of the rows, 0 to 1 over all files together, are spoilt,
    and at last the `faults` are done to the delivery. Memory: about 3 kB a row.

    Raises:
        ConfigError: an option is outside its range, or a drift or fault cannot be done; nothing was written.
        PublishError: other files lie in this landing already and `overwrite` is not set; nothing was written.
    """
    if files < 1:
        raise ConfigError(f"files is {files}; a day is delivered in at least 1 file.")
    requests = parse_drifts(drift)
    require_faults(faults, file_format)
    table = synthesize_applications(statistics, rows=rows, seed=seed, as_of=as_of, with_target=with_target)
    table = drift_rows(table, requests, seed=seed, as_of=as_of)
    cells, spoilt = spoil_rows(table, bad_share, seed=seed, as_of=as_of) if bad_share else (table, {})
    sound = _deliver(_split(cells if spoilt else table, files), file_format, as_of)
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


def _split(table: pa.Table, files: int) -> list[pa.Table]:
    """Consecutive parts whose sizes differ by one row at most."""
    ends = [table.num_rows * n // files for n in range(files + 1)]
    return [table.slice(start, end - start) for start, end in pairwise(ends)]


def _deliver(parts: Sequence[pa.Table], file_format: str, as_of: date) -> FaultyFile:
    """The parts as files, and the control file: the day, and rows and SHA-256 of each file by its name."""
    files = {f"{STEM}{n}.{file_format}": encode(part, file_format) for n, part in enumerate(parts, 1)}
    announced = {
        name: {"rows": part.num_rows, "sha256": hashlib.sha256(data).hexdigest()}
        for (name, data), part in zip(files.items(), parts, strict=True)
    }
    return FaultyFile(files, as_control({"day": as_of.isoformat(), "files": announced}))


def _contents(delivered: FaultyFile, prefix: str) -> dict[str, bytes]:
    """Key to bytes of all that is laid, the control file last."""
    control = {CONTROL: delivered.control} if delivered.control is not None else {}
    return {prefix + name: data for name, data in {**delivered.files, **control}.items()}


def _lay(store: Store, contents: Mapping[str, bytes], *, prefix: str, overwrite: bool) -> bool:
    """Make the landing hold `contents` and no other generated file; True if it did already.

    Everything is compared before anything is written, and written in the order of `contents`.
    """
    absent, other = _compare(store, contents)
    lying = (entry.key for entry in store.list(prefix))
    generated = (key for key in lying if key == prefix + CONTROL or key.startswith(prefix + STEM))
    stale = [key for key in generated if key not in contents]
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
