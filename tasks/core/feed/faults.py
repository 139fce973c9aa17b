"""Faults of a whole delivery, each by name, as they happen between a database and the landing.

A fault damages the last file of a day, or the control file. The control file decides which check
of the system answers, so each fault says what happens to it. The names of all files that a fault
writes begin like those of generated files, so that a later generation of the day recognises them.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, Literal

import pyarrow as pa

from tasks.core.files import FORMATS, decode, encode, pack
from tasks.errors import ConfigError, did_you_mean

STEM: Final = "applications_"
"""Beginning of the names of all generated files. Other files in a landing are left alone."""
BOMB_BYTES: Final = 1 << 30
"""Unpacked size of a zip bomb, about. To make and write it takes about a thousandth of that."""

_CSV: Final = ("csv", "csv.gz")
_COPIED_ROWS: Final = 5
# A column that no row lacks and no later one depends on.
_NUMERIC: Final = "AMT_CREDIT"
_HOUR: Final = "HOUR_APPR_PROCESS_START"
_HOURS: Final = 24
# One repeated byte shrinks a thousand times, repeated rows of usual length only two hundred times.
_BOMB_LINE_ZEROS: Final = 1 << 20
# Errors of a fault for which earlier faults left nothing that it could damage.
_NOTHING_TO_DAMAGE: Final = (
    LookupError, ValueError, TypeError, EOFError, OSError, zlib.error, pa.ArrowException,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaultyFile:
    """Delivery of a day: files of applications, and the control file."""

    files: Mapping[str, bytes]
    """Name within the landing to content, in the order of writing."""
    control: bytes | None
    """Content of the control file, which is written last; None if there is none."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a delivery can be wrong as a whole."""

    phrase: str
    damage: Callable[[FaultyFile, str], FaultyFile]
    """Function from a delivery and its format to the damaged delivery."""
    formats: tuple[str, ...] = FORMATS
    control: Literal["as it was", "made to match", "removed"] = "made to match"
    """State of the control file after the fault.

    Made to match, it announces the damaged bytes, as a feed does that was wrong from the start.
    Removed or made to match, it lets a later check than that of the digest answer.
    """


def require_faults(names: Sequence[str], file_format: str) -> None:
    """Raise `ConfigError` if a fault is unknown, or cannot be done to files of this format."""
    for name in names:
        if name not in FAULTS:
            hint = did_you_mean(name, [*FAULTS])
            raise ConfigError(f"There is no fault {name!r}; there are {', '.join(FAULTS)}.{hint}")
        formats = FAULTS[name].formats
        if file_format not in formats:
            needed = " or ".join(formats)
            raise ConfigError(
                f"The fault {name!r} needs files of format {needed}, not {file_format}."
            )  # fmt: skip


def damage_delivery(
    delivered: FaultyFile,
    names: Sequence[str],
    file_format: str,
) -> FaultyFile:
    """Do the faults to the delivery, one after the other.

    Raises:
        ConfigError: a fault is unknown, is for other formats, or finds nothing to damage after
            the faults before it.
    """
    require_faults(names, file_format)
    for n, name in enumerate(names):
        fault = FAULTS[name]
        try:
            damaged = _with_control(fault.damage(delivered, file_format), fault.control)
        except _NOTHING_TO_DAMAGE:
            damaged = delivered
        if damaged == delivered:
            before = f" after {', '.join(names[:n])}" if n else ""
            raise ConfigError(
                f"The fault {name!r} finds nothing to damage in this delivery{before}. "
                "Leave it out, or generate other files."
            )
        delivered = damaged
    return delivered


def _with_control(delivered: FaultyFile, control: str) -> FaultyFile:
    if control == "removed":
        return replace(delivered, control=None)
    if control == "as it was" or delivered.control is None:
        return delivered
    announced = json.loads(delivered.control)
    for name in announced["files"].keys() & delivered.files.keys():
        announced["files"][name]["sha256"] = sha256(delivered.files[name]).hexdigest()
    return replace(delivered, control=as_control(announced))


def as_control(announced: Mapping[str, Any]) -> bytes:
    """Content of the control file that announces a day and its files."""
    return (json.dumps(announced, indent=2) + "\n").encode()


# --- parts of a delivery that a fault changes


def _content(change: Callable[[bytes], bytes]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Change the bytes of the last file."""

    def damage(delivered: FaultyFile, _file_format: str) -> FaultyFile:
        name, data = _last(delivered)
        return replace(delivered, files={**delivered.files, name: change(data)})

    return damage


def _text(change: Callable[[bytes], bytes]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Change the text of the last file, which may be packed."""

    def damage(delivered: FaultyFile, file_format: str) -> FaultyFile:
        def change_packed(data: bytes) -> bytes:
            return pack(change(gzip.decompress(data)))

        damage_content = _content(change_packed if file_format == "csv.gz" else change)
        return damage_content(delivered, file_format)

    return damage


def _table(change: Callable[[pa.Table], pa.Table]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Change the rows or columns of the last file, and announce its new number of rows."""

    def damage(delivered: FaultyFile, file_format: str) -> FaultyFile:
        name, data = _last(delivered)
        changed = change(decode(data, file_format))
        files = {**delivered.files, name: encode(changed, file_format)}
        damaged = replace(delivered, files=files)
        if delivered.control is None:
            return damaged

        def announce_rows(announced: dict[str, Any]) -> None:
            announced["files"][name].update(rows=changed.num_rows)

        return _control(announce_rows)(damaged, file_format)

    return damage


def _control(change: Callable[[dict[str, Any]], object]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Change the announcement of the control file in place."""

    def damage(delivered: FaultyFile, _file_format: str) -> FaultyFile:
        if delivered.control is None:
            return delivered
        announced = json.loads(delivered.control)
        change(announced)
        return replace(delivered, control=as_control(announced))

    return damage


def _last(delivered: FaultyFile) -> tuple[str, bytes]:
    """Name and content of the last file. Raises `IndexError` if there is none."""
    return list(delivered.files.items())[-1]


def _last_entry(announced: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = list(announced["files"].values())[-1]
    return entry


# --- changes


def _cut_last_line(text: bytes) -> bytes:
    start = text.rindex(b"\n", 0, -1) + 1
    return text[: start + (len(text) - start) // 2]


def _latin1(text: bytes) -> bytes:
    """Text with an accent in the kind of loan, which every row names."""
    return text.replace(b" loans", " crédits".encode("latin-1"))


def _open_quote(text: bytes) -> bytes:
    """Text with a quote at the start of a line in the middle."""
    has_rows = text.count(b"\n") > 2  # noqa: PLR2004 - a header and a row
    start = text.index(b"\n", len(text) // 2 if has_rows else 0) + 1
    return text[:start] + b'"' + text[start:]


def _bomb(text: bytes) -> bytes:
    """Gzip of the header and of one long row, repeated until it unpacks to `BOMB_BYTES`."""
    header, row, *_ = text.split(b"\n", 2)
    line = row + b"0" * _BOMB_LINE_ZEROS + b"\n"
    return pack(header + b"\n") + gzip.compress(line, mtime=0) * (BOMB_BYTES // len(line))


def _repeat_rows(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows.slice(0, _COPIED_ROWS)])


def _contradict_rows(rows: pa.Table) -> pa.Table:
    """Rows with the first of them repeated at the end, an hour later."""
    copies = rows.slice(0, _COPIED_ROWS)
    hours = copies.column(_HOUR).cast(pa.float64()).to_numpy()
    later = pa.array((hours + 1.0) % _HOURS).cast(copies.schema.field(_HOUR).type)
    changed = copies.set_column(rows.schema.get_field_index(_HOUR), _HOUR, later)
    return pa.concat_tables([rows, changed])


def _put(name: str, values: Callable[[int], pa.Array]) -> Callable[[pa.Table], pa.Table]:
    """Replace the values of a column, one for each row. Raises `KeyError` if there is none."""

    def change(rows: pa.Table) -> pa.Table:
        others = rows.drop_columns([name])
        return others.add_column(rows.column_names.index(name), name, values(rows.num_rows))

    return change


def _announce_other_day(announced: dict[str, Any]) -> None:
    ordinal = date.fromisoformat(announced["day"]).toordinal()
    # The day before; the first day of all has none and becomes the second.
    announced["day"] = date.fromordinal(ordinal - 1 or 2).isoformat()


def _rename(name_of: Callable[[str], str]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Rename the last file, in the control file, too."""

    def damage(delivered: FaultyFile, file_format: str) -> FaultyFile:
        name, data = _last(delivered)
        others = {other: content for other, content in delivered.files.items() if other != name}
        renamed = replace(delivered, files={**others, name_of(name): data})

        def announce_name(announced: dict[str, Any]) -> None:
            entry = announced["files"].pop(name)
            announced["files"][name_of(name)] = entry

        return _control(announce_name)(renamed, file_format)

    return damage


def _add_unannounced(delivered: FaultyFile, file_format: str) -> FaultyFile:
    _, data = _last(delivered)
    return replace(delivered, files={**delivered.files, f"{STEM}unannounced.{file_format}": data})


def _announce_one_row_more(announced: dict[str, Any]) -> None:
    entry = _last_entry(announced)
    entry.update(rows=entry["rows"] + 1)


def _append_branch(rows: pa.Table) -> pa.Table:
    return rows.append_column("BRANCH", pa.array(["x"] * rows.num_rows))


def _repeat_column(rows: pa.Table) -> pa.Table:
    return rows.append_column(_NUMERIC, rows.column(_NUMERIC))


def _letters(n_rows: int) -> pa.Array:
    return pa.array(["plenty"] * n_rows, pa.string())


def _dates(n_rows: int) -> pa.Array:
    return pa.array([date(2020, 1, 1)] * n_rows, pa.date32())


def _utf16(text: bytes) -> bytes:
    return codecs.BOM_UTF16_LE + text.decode().encode("utf-16-le")


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType({
    # announcement
    "wrong_rows": Fault(
        "the control file announces one row more", control="as it was",
        damage=_control(_announce_one_row_more),
    ),
    "wrong_digest": Fault(
        "the control file announces another digest", control="as it was",
        damage=_control(lambda announced: _last_entry(announced).update(sha256="0" * 64)),
    ),
    "other_day": Fault(
        "the control file announces another day", control="as it was",
        damage=_control(_announce_other_day),
    ),
    "not_announced": Fault(
        "a file that the control file does not name", _add_unannounced, control="as it was"
    ),
    "no_files": Fault(
        "the control file came, its files did not",
        lambda delivered, _: replace(delivered, files={}), control="as it was",
    ),
    "bad_name": Fault("a file name with a blank at its end", _rename(lambda name: f"{name} ")),
    "subfolder": Fault("a file in a folder of its own", _rename(lambda name: f"{STEM}more/{name}")),
    # transfer
    "truncated": Fault("the file ends within its last line", _text(_cut_last_line), ("csv",)),
    "truncated_gzip": Fault(
        "only half of the gzip", _content(lambda data: data[: len(data) // 2]), ("csv.gz",)
    ),
    "unreadable_parquet": Fault(
        "parquet without its last bytes", _content(lambda data: data[:-8]), ("parquet",)
    ),
    "empty_file": Fault("a file of no bytes", _content(lambda _data: b"")),
    "zip_bomb": Fault(
        "a small gzip that unpacks to a gigabyte",
        _content(lambda data: _bomb(gzip.decompress(data))), ("csv.gz",),
    ),
    # export
    "header_only": Fault(
        "a header and no rows", _table(lambda rows: rows.slice(0, 0)), control="removed"
    ),
    "no_header": Fault("no header line", _text(lambda text: text.partition(b"\n")[2]), _CSV),
    "utf16": Fault("UTF-16", _text(_utf16), _CSV),
    "latin1": Fault("accents in Latin-1", _text(_latin1), _CSV),
    "byte_order_mark": Fault("a byte-order mark", _text(lambda text: codecs.BOM_UTF8 + text), _CSV),
    "open_quote": Fault("a quote that is not closed", _text(_open_quote), _CSV),
    "missing_column": Fault(
        f"no column {_NUMERIC}", _table(lambda rows: rows.drop_columns([_NUMERIC]))
    ),
    "extra_column": Fault("a column nobody declared", _table(_append_branch)),
    "duplicate_column": Fault(f"the column {_NUMERIC} twice", _table(_repeat_column)),
    "letters": Fault(f"letters in every row of {_NUMERIC}", _table(_put(_NUMERIC, _letters))),
    "parquet_types": Fault(f"dates in {_NUMERIC}", _table(_put(_NUMERIC, _dates)), ("parquet",)),
    # rows
    "duplicate_ids": Fault(f"the first {_COPIED_ROWS} rows once more", _table(_repeat_rows)),
    "conflicting_ids": Fault(
        f"the first {_COPIED_ROWS} rows once more, with another hour in them",
        _table(_contradict_rows),
    ),
})  # fmt: skip
