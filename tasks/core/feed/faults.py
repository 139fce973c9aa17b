"""Faults of a whole delivery, each by name: what goes wrong between a lender's database and the landing.

A fault damages the last of a day's files, or the control file. Which of the system's checks then answers depends on
the control file, so each fault says what becomes of it. Everything that a fault lays has a name that begins as those
of generated files do, so that whoever generates the day again knows it for generated.
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
"""How the names of all generated files begin; whatever else lies in a landing is left alone."""
BOMB_BYTES: Final = 1 << 30
"""What a zip bomb unpacks to, about; it is made and laid in little more than a thousandth of that."""

_CSV: Final = ("csv", "csv.gz")
_COPIED_ROWS: Final = 5
# A column that no row lacks and no later one depends on.
_NUMERIC: Final = "AMT_CREDIT"
_HOUR: Final = "HOUR_APPR_PROCESS_START"
_HOURS: Final = 24
# One repeated byte shrinks a thousand times, repeated rows of usual length only two hundred times.
_BOMB_LINE_ZEROS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class FaultyFile:
    """What is laid into the landing of a day."""

    files: Mapping[str, bytes]
    """Name within the landing to content, in the order in which they are laid."""
    control: bytes | None
    """The control file, laid last; None where there is none."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a delivery can be wrong as a whole."""

    phrase: str
    damage: Callable[[FaultyFile, str], FaultyFile]
    """From a delivery and its format to the damaged one."""
    formats: tuple[str, ...] = FORMATS
    control: Literal["as it was", "made to match", "removed"] = "made to match"
    """What becomes of the control file. Made to match it announces the damaged bytes, as a feed does that was wrong
    from the start; removed or made to match, a later check than that of the digest is what answers."""


def require_faults(names: Sequence[str], file_format: str) -> None:
    """Raise `ConfigError` where a fault is unknown, or cannot be done to files of this format."""
    for name in names:
        if name not in FAULTS:
            hint = did_you_mean(name, [*FAULTS])
            raise ConfigError(f"There is no fault {name!r}; there are {', '.join(FAULTS)}.{hint}")
        formats = FAULTS[name].formats
        if file_format not in formats:
            raise ConfigError(f"The fault {name!r} needs files of format {' or '.join(formats)}, not {file_format}.")


def damage_delivery(delivered: FaultyFile, names: Sequence[str], file_format: str) -> FaultyFile:
    """The delivery with the faults done to it, one after the other.

    Raises:
        ConfigError: a fault is unknown, is for other formats, or finds nothing to damage in what the others left.
    """
    require_faults(names, file_format)
    for n, name in enumerate(names):
        try:
            damaged = _settle_control(FAULTS[name].damage(delivered, file_format), FAULTS[name].control)
        except (LookupError, ValueError, TypeError, EOFError, OSError, zlib.error, pa.ArrowException):
            damaged = delivered
        if damaged == delivered:
            before = f" after {', '.join(names[:n])}" if n else ""
            raise ConfigError(
                f"The fault {name!r} finds nothing to damage in this delivery{before}. Leave it out, or generate other "
                "files."
            )
        delivered = damaged
    return delivered


def _settle_control(delivered: FaultyFile, control: str) -> FaultyFile:
    if control == "removed":
        return replace(delivered, control=None)
    if control == "as it was" or delivered.control is None:
        return delivered
    announced = json.loads(delivered.control)
    for name in announced["files"].keys() & delivered.files.keys():
        announced["files"][name]["sha256"] = sha256(delivered.files[name]).hexdigest()
    return replace(delivered, control=as_control(announced))


def as_control(announced: Mapping[str, Any]) -> bytes:
    """The control file that announces a day and its files."""
    return (json.dumps(announced, indent=2) + "\n").encode()


# --- what a fault is done to


def _content(change: Callable[[bytes], bytes]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Change the bytes of the last file."""

    def damage(delivered: FaultyFile, _file_format: str) -> FaultyFile:
        name, data = _last(delivered)
        return replace(delivered, files={**delivered.files, name: change(data)})

    return damage


def _text(change: Callable[[bytes], bytes]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Change the text of the last file, which may be packed."""

    def damage(delivered: FaultyFile, file_format: str) -> FaultyFile:
        is_packed = file_format == "csv.gz"
        return _content(lambda data: pack(change(gzip.decompress(data))) if is_packed else change(data))(
            delivered, file_format
        )

    return damage


def _table(change: Callable[[pa.Table], pa.Table]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Change the rows or columns of the last file; the control file tells how many rows there are now."""

    def damage(delivered: FaultyFile, file_format: str) -> FaultyFile:
        name, data = _last(delivered)
        changed = change(decode(data, file_format))
        damaged = replace(delivered, files={**delivered.files, name: encode(changed, file_format)})
        if delivered.control is None:
            return damaged
        return _control(lambda announced: announced["files"][name].update(rows=changed.num_rows))(damaged, file_format)

    return damage


def _control(change: Callable[[dict[str, Any]], object]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Change, in place, what the control file says."""

    def damage(delivered: FaultyFile, _file_format: str) -> FaultyFile:
        if delivered.control is None:
            return delivered
        announced = json.loads(delivered.control)
        change(announced)
        return replace(delivered, control=as_control(announced))

    return damage


def _last(delivered: FaultyFile) -> tuple[str, bytes]:
    """Name and content of the last file. Raises `IndexError` where there is none."""
    return list(delivered.files.items())[-1]


def _last_entry(announced: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = list(announced["files"].values())[-1]
    return entry


# --- what is done to it


def _cut_last_line(text: bytes) -> bytes:
    start = text.rindex(b"\n", 0, -1) + 1
    return text[: start + (len(text) - start) // 2]


def _latin1(text: bytes) -> bytes:
    """Every row names its loan."""
    return text.replace(b" loans", " crédits".encode("latin-1"))


def _open_quote(text: bytes) -> bytes:
    """A quote at the start of a line in the middle."""
    start = text.index(b"\n", len(text) // 2 if text.count(b"\n") > 2 else 0) + 1  # noqa: PLR2004 - a header and a row
    return text[:start] + b'"' + text[start:]


def _bomb(text: bytes) -> bytes:
    """The header, and the first row with zeros at its end as often as it takes to unpack to `BOMB_BYTES`."""
    header, row, *_ = text.split(b"\n", 2)
    line = row + b"0" * _BOMB_LINE_ZEROS + b"\n"
    return pack(header + b"\n") + gzip.compress(line, mtime=0) * (BOMB_BYTES // len(line))


def _repeat_rows(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows.slice(0, _COPIED_ROWS)])


def _contradict_rows(rows: pa.Table) -> pa.Table:
    """The first rows once more at the end, an hour later."""
    copies = rows.slice(0, _COPIED_ROWS)
    hours = copies.column(_HOUR).cast(pa.float64()).to_numpy()
    later = pa.array((hours + 1.0) % _HOURS).cast(copies.schema.field(_HOUR).type)
    return pa.concat_tables([rows, copies.set_column(rows.schema.get_field_index(_HOUR), _HOUR, later)])


def _put(name: str, values: Callable[[int], pa.Array]) -> Callable[[pa.Table], pa.Table]:
    """Give a column other values, one for each row. Raises `KeyError` where there is no such column."""
    return lambda rows: rows.drop_columns([name]).add_column(rows.column_names.index(name), name, values(rows.num_rows))


def _announce_other_day(announced: dict[str, Any]) -> None:
    ordinal = date.fromisoformat(announced["day"]).toordinal()
    announced["day"] = date.fromordinal(ordinal - 1 or 2).isoformat()  # the day before, if there is one


def _rename(name_of: Callable[[str], str]) -> Callable[[FaultyFile, str], FaultyFile]:
    """Give the last file another name, in the control file, too."""

    def damage(delivered: FaultyFile, file_format: str) -> FaultyFile:
        name, data = _last(delivered)
        others = {other: content for other, content in delivered.files.items() if other != name}
        renamed = replace(delivered, files={**others, name_of(name): data})
        return _control(lambda told: told["files"].update({name_of(name): told["files"].pop(name)}))(
            renamed, file_format
        )

    return damage


def _add_unannounced(delivered: FaultyFile, file_format: str) -> FaultyFile:
    return replace(delivered, files={**delivered.files, f"{STEM}unannounced.{file_format}": _last(delivered)[1]})


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType({
    # how it is announced
    "wrong_rows": Fault(
        "the control file announces one row more", control="as it was",
        damage=_control(lambda announced: _last_entry(announced).update(rows=_last_entry(announced)["rows"] + 1)),
    ),
    "wrong_digest": Fault(
        "the control file announces another digest", control="as it was",
        damage=_control(lambda announced: _last_entry(announced).update(sha256="0" * 64)),
    ),
    "other_day": Fault(
        "the control file announces another day", control="as it was", damage=_control(_announce_other_day)
    ),
    "not_announced": Fault("a file that the control file does not name", _add_unannounced, control="as it was"),
    "no_files": Fault(
        "the control file came, its files did not", lambda delivered, _: replace(delivered, files={}),
        control="as it was",
    ),
    "bad_name": Fault("a file name with a blank at its end", _rename(lambda name: f"{name} ")),
    "subfolder": Fault("a file in a folder of its own", _rename(lambda name: f"{STEM}more/{name}")),
    # how it was sent
    "truncated": Fault("the file ends within its last line", _text(_cut_last_line), ("csv",)),
    "truncated_gzip": Fault("only half of the gzip", _content(lambda data: data[: len(data) // 2]), ("csv.gz",)),
    "unreadable_parquet": Fault(
        "parquet without its last bytes", _content(lambda data: data[:-8]), ("parquet",)
    ),
    "empty_file": Fault("a file of no bytes", _content(lambda _data: b"")),
    "zip_bomb": Fault("a small gzip that unpacks to a gigabyte", _content(lambda data: _bomb(gzip.decompress(data))),
                      ("csv.gz",)),
    # how it was exported
    "header_only": Fault("a header and no rows", _table(lambda rows: rows.slice(0, 0)), control="removed"),
    "no_header": Fault("no header line", _text(lambda text: text.partition(b"\n")[2]), _CSV),
    "utf16": Fault("UTF-16", _text(lambda text: codecs.BOM_UTF16_LE + text.decode().encode("utf-16-le")), _CSV),
    "latin1": Fault("accents in Latin-1", _text(_latin1), _CSV),
    "byte_order_mark": Fault("a byte-order mark", _text(lambda text: codecs.BOM_UTF8 + text), _CSV),
    "open_quote": Fault("a quote that is not closed", _text(_open_quote), _CSV),
    "missing_column": Fault(f"no column {_NUMERIC}", _table(lambda rows: rows.drop_columns([_NUMERIC]))),
    "extra_column": Fault(
        "a column nobody declared", _table(lambda rows: rows.append_column("BRANCH", pa.array(["x"] * rows.num_rows)))
    ),
    "duplicate_column": Fault(
        f"the column {_NUMERIC} twice", _table(lambda rows: rows.append_column(_NUMERIC, rows.column(_NUMERIC)))
    ),
    "letters": Fault(
        f"letters in every row of {_NUMERIC}", _table(_put(_NUMERIC, lambda n: pa.array(["plenty"] * n, pa.string())))
    ),
    "parquet_types": Fault(
        f"dates in {_NUMERIC}", _table(_put(_NUMERIC, lambda n: pa.array([date(2020, 1, 1)] * n, pa.date32()))),
        ("parquet",),
    ),
    # which rows came
    "duplicate_ids": Fault(f"the first {_COPIED_ROWS} rows once more", _table(_repeat_rows)),
    "conflicting_ids": Fault(
        f"the first {_COPIED_ROWS} rows once more, with another hour in them", _table(_contradict_rows)
    ),
})  # fmt: skip
