"""Reading of delivered files: a file that is scored is proven to be the one that was digested."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, Final, NamedTuple

from configs.settings import Scoring, Settings
from tasks.adapters.files.landing_file import AS_DELIVERED, LandingFile, Reading
from tasks.adapters.files.landing_reader import HEADER_BYTES, delivered_names, read_header
from tasks.core.contract.screening import require_declared
from tasks.core.day.control import CONTROL, Announced, read_control
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import ByteRange, FileRef, Pins
from tasks.core.lender.columns import NAMES, TARGET
from tasks.core.words import normal_name
from tasks.errors import ConfigError, ScoringError, SourceError, did_you_mean
from tasks.store import Changed, NotFound, Store
from tasks.store.renewing import read_if_there

_PIECE_BYTES: Final = 4 << 20


def reading_of(scoring: Scoring) -> Reading:
    """Settings by which delivered files are read.

    Raises:
        ConfigError: an alias stands for no declared column, or is one itself.
    """
    for alias, name in scoring.column_aliases.items():
        setting = f"scoring.column_aliases has {alias!r} for {name!r}"
        if name not in (*NAMES, TARGET):
            raise ConfigError(f"{setting}, which is not a declared column.{did_you_mean(name, [*NAMES, TARGET])}")
        if alias in NAMES:
            raise ConfigError(f"{setting}, but {alias} is a declared column itself. Leave it out.")
    return Reading(scoring.max_unpacked_bytes, scoring.column_aliases)


def pinned_reading(pins: Pins, settings: Settings) -> Reading:
    """Settings by which a day's files are read, with the aliases that the day is pinned to."""
    return Reading(settings.scoring.max_unpacked_bytes, pins.column_aliases)


def published_reading(published: Manifest, scoring: Scoring) -> Reading:
    """Settings by which the files of a revision are read again, with the aliases of that time."""
    return Reading(scoring.max_unpacked_bytes, published.column_aliases)


@contextmanager
def open_delivered(
    store: Store,
    file: FileRef,
    *,
    reading: Reading = AS_DELIVERED,
) -> Iterator[LandingFile]:
    """Delivered file; at the end of the block its bytes must still be those that were digested.

    A file that is still being copied looks like a broken one. So if the block fails and the file
    changed, the error says that it changed.

    Args:
        store: where it lies.
        file: as it was listed.
        reading: how it is read.

    Raises:
        SourceError: the file has changed or vanished since it was listed.
    """
    with open_landing(store, file.key, name=file.name) as stream:
        try:
            yield LandingFile(stream, file.name, file.format, reading, file.announced_rows)
        except ScoringError:
            _require_same(stream, file)
            raise
        _require_same(stream, file)


@contextmanager
def open_landing(store: Store, key: str, *, name: str) -> Iterator[BinaryIO]:
    """Landing file as a stream.

    Raises:
        SourceError: the file is gone, or was replaced while it was fetched.
    """
    with ExitStack() as opened:
        try:
            stream = opened.enter_context(store.open(key))
        except NotFound:
            raise SourceError(
                f"{name} was listed and is gone: somebody removed or renamed it meanwhile. "
                "Deliver the day's files, and run the day when all of them are there."
            ) from None
        except Changed:
            raise changed_file(name) from None
        yield stream


def header_by_range(store: Store, file: FileRef, reading: Reading) -> tuple[str, ...] | None:
    """Header of a plain CSV file as delivered, read from its first bytes alone; None if it cannot be read.

    Nothing proves yet that it belongs to the file that was digested.
    """
    try:
        start = io.BytesIO(store.read_range(file.key, 0, HEADER_BYTES))
        return delivered_names(LandingFile(start, file.name, file.format, reading))
    except (NotFound, Changed, SourceError):
        return None


def read_delivered_range(store: Store, file: FileRef, span: ByteRange) -> bytes:
    """Bytes of a range of a delivered file, just as they were digested.

    Raises:
        SourceError: the file has changed or vanished since it was listed.
    """
    try:
        text = store.read_range(file.key, span.begin, span.end)
    except (NotFound, Changed):
        raise changed_file(file.name) from None
    if hashlib.sha256(text).hexdigest() != span.sha256:
        raise changed_file(file.name)
    return text


def announced_of(store: Store, key: str) -> Announced | None:
    """Announcement of a landing file in the control file beside it.

    None if there is no control file, or if it does not name the file.
    """
    folder, _, name = key.rpartition("/")
    stored = read_if_there(store, f"{folder}/{CONTROL}")
    return announced_in(stored.data).get(normal_name(name)) if stored else None


def announced_in(control: bytes) -> Mapping[str, Announced]:
    """File name (`normal_name`) to its announcement in a control file.

    Empty if the bytes are not a control file; that stops the day elsewhere.
    """
    try:
        return read_control(control).files
    except ValueError:
        return {}


class Digest(NamedTuple):
    """Facts from one pass over a file's bytes."""

    sha256: str
    """SHA-256 in hex."""
    lines: int
    """Number of line ends; a text file with a header has at most as many rows."""
    ranges: tuple[ByteRange, ...] = ()
    """Ranges of whole lines that make up the file; none if it was not to be cut, or is too small."""


def digest_of_stream(stream: BinaryIO, *, range_bytes: int | None = None) -> Digest:
    """Digest of the whole stream, and of each of its ranges.

    Args:
        stream: text, if it is to be cut.
        range_bytes: size from which a range is cut after its last line end; None cuts nothing.
    """
    stream.seek(0)
    whole = hashlib.sha256()
    ranges: list[ByteRange] = []
    begin, size, lines, digest = 0, 0, 0, hashlib.sha256()
    with ThreadPoolExecutor(1) as beside:  # hashing needs no Python, so the two digests are made side by side
        hashed = beside.submit(whole.update, b"")
        while piece := stream.read(min(_PIECE_BYTES, range_bytes or _PIECE_BYTES)):
            hashed.result()
            hashed = beside.submit(whole.update, piece)
            if range_bytes and size + len(piece) >= range_bytes and (cut := piece.rfind(b"\n") + 1):
                rest, piece = piece[cut:], piece[:cut]
                digest.update(piece)
                end = begin + size + cut
                ranges.append(ByteRange(begin, end, digest.hexdigest(), lines + piece.count(b"\n")))
                begin, size, lines, digest, piece = end, 0, 0, hashlib.sha256(), rest
            size += len(piece)
            lines += piece.count(b"\n")
            if range_bytes:
                digest.update(piece)
    n_lines = lines + sum(each.lines for each in ranges)
    if ranges and size:
        ranges.append(ByteRange(begin, begin + size, digest.hexdigest(), lines))
    return Digest(whole.hexdigest(), n_lines, tuple(ranges) if len(ranges) > 1 else ())


def sha256_of(stream: BinaryIO) -> str:
    """SHA-256 of the whole stream, in hex."""
    stream.seek(0)
    digest = hashlib.sha256()
    while piece := stream.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _require_same(stream: BinaryIO, file: FileRef) -> None:
    if sha256_of(stream) != file.sha256:
        raise changed_file(file.name) from None


def changed_file(name: str) -> SourceError:
    """Error that a file is not what it was when it was listed."""
    return SourceError(
        f"{name} changed while it was being read; is it still being copied? Nothing was "
        "published. Run the day again when the file is complete. A feed that copies to another "
        "name and renames at the end cannot be met half-way."
    )


def require_columns(file: LandingFile, *, also: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Header of a file that has all declared columns and those of `also`.

    Leaves the stream at its start.

    Raises:
        ExpectationsNotMet: columns are missing.
        SourceError: the header cannot be read.
    """
    header = read_header(file)
    require_declared(header, name=file.name, also=also)
    return header
