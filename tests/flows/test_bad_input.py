"""Every kind of bad input at the edges: its exit code, its message, and that nothing is published.

`docs/bad-input.md` is written from this table: `make docs`.
"""

import base64
import contextlib
import ctypes
import gzip
import hashlib
import io
import json
import logging
import os
import re
import resource
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
import yaml

from configs.settings import PROJECT, load_settings
from flows.score_applications import score_applications
from tasks.core.day.records import PUBLISH
from tasks.core.lender.columns import NAMES
from tasks.errors import (
    ConfigError,
    ExpectationsNotMet,
    InputsChanged,
    ModelError,
    OrchestratorError,
    PublishError,
    RegistryUnreachable,
    ScoringError,
    SourceError,
)
from tasks.model.load import _kept_bundle, _kept_engine
from tasks.scoring.arrive import arrive
from tasks.scoring.pin import pin
from tasks.scoring.publish import roll_forward
from tasks.scoring.screen_score import screen_and_score
from tests.commands import Ended, call
from tests.conftest import DAY, Project
from tests.flows.test_cli import scoring

NEXT_DAY = date(2026, 11, 3)
ROWS = 60
DOCUMENT = PROJECT / "docs/bad-input.md"
Spoil = Callable[[Project], Any]
_COMPOSED, _DECOMPOSED = "\u00e1.csv", "a\u0301.csv"


@dataclass(frozen=True)
class Kind:
    """One way in which a day's input, or what it is scored with, can be wrong."""

    id: str
    what: str
    spoil: Spoil
    says: str
    """Regular expression for the message; for a kind that is fine, for what is logged."""
    todo: str
    error: type[ScoringError] | None = SourceError
    """None: it is fine, and decided like a day without it."""
    file_format: str = "csv"
    day: date = DAY
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    run: Callable[[Project, date], Any] = lambda project, day: score_applications.fn(as_of=day, config=project.config)


# --- how a delivery is spoilt


def csv_of(project: Project) -> Path:
    return project.landing / "applications_1.csv"


def announce(project: Project) -> None:
    """Let the control file announce the delivered files as they are now."""
    control = project.landing / "_control.json"
    announced = json.loads(control.read_text())
    for name, entry in announced["files"].items():
        entry["sha256"] = hashlib.sha256((project.landing / name).read_bytes()).hexdigest()
    control.write_text(json.dumps(announced))


def content(change: Callable[[bytes], bytes], *, announced: bool = False) -> Spoil:
    """Change the delivered file's bytes, as the feed itself would have: without a control file, or with a right one."""

    def spoil(project: Project) -> None:
        (path,) = project.landing.glob("applications_1.*")
        path.write_bytes(change(path.read_bytes()))
        announce(project) if announced else (project.landing / "_control.json").unlink()

    return spoil


def table(change: Callable[[pa.Table], pa.Table], **options: Any) -> Spoil:
    """Change the delivered parquet file's table."""

    def rewrite(data: bytes) -> bytes:
        sink = io.BytesIO()
        pq.write_table(change(pq.read_table(io.BytesIO(data))), sink, **options)
        return sink.getvalue()

    return content(rewrite)


def cells(name: str, values: pa.Array) -> Callable[[pa.Table], pa.Table]:
    return lambda rows: rows.set_column(rows.column_names.index(name), name, values)


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda data: b"\n".join(change(data.split(b"\n")))


def line(number: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change one line, counted from 1, the header being the first."""
    return lines(lambda each: [*each[: number - 1], change(each[number - 1]), *each[number:]])


def column(name: str, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change every cell of a column, before which no column holds commas."""
    position = NAMES.index(name)

    def rewrite(each: list[bytes]) -> list[bytes]:
        rows = [row.split(b",") for row in each[1:-1]]
        return [each[0], *(b",".join([*r[:position], change(r[position]), *r[position + 1 :]]) for r in rows), b""]

    return lines(rewrite)


def hidden(project: Project) -> None:
    """Files and folders that are nobody's applications."""
    for name in ("_SUCCESS", ".part.csv", "_old/a.csv", ".old/a.csv"):
        (project.landing / name).parent.mkdir(exist_ok=True)
        (project.landing / name).write_text("x")


def empty_part(project: Project) -> None:
    """A file of the header alone, which no control file announces."""
    (project.landing / "_control.json").unlink()
    (project.landing / "part.csv").write_bytes(csv_of(project).read_bytes().split(b"\n")[0] + b"\n")


def markers(project: Project) -> None:
    """What S3 tools and desktops leave beside the files."""
    for name in ("corrections_$folder$", "Thumbs.db", "desktop.ini", ".DS_Store"):
        (project.landing / name).write_text("x")


def decomposed(project: Project) -> None:
    """The delivered file under a name with decomposed letters, announced with composed ones."""
    csv_of(project).rename(project.landing / _DECOMPOSED)
    control = project.landing / "_control.json"
    announced = json.loads(control.read_text())
    announced["files"] = {_COMPOSED: announced["files"]["applications_1.csv"]}
    control.write_text(json.dumps(announced))


def twins(project: Project) -> None:
    """The delivered file under two names that look the same."""
    (project.landing / "_control.json").unlink()
    shutil.copy(csv_of(project), project.landing / _COMPOSED)
    csv_of(project).rename(project.landing / _DECOMPOSED)


def with_quotes_in_extra_column(rows: list[bytes]) -> list[bytes]:
    """A last column COMMENT, with a quote that is opened in one row and closed in a later one."""
    rows = [row for row in rows if b'"' not in row]
    cells = {5: b',"begun', 15: b',ended"'}
    return [rows[0] + b",COMMENT", *(row + cells.get(n, b",-") for n, row in enumerate(rows[1:-1], 1)), b""]


def with_quote_in_header(rows: list[bytes]) -> list[bytes]:
    """A last column whose name has a quote before it, and a row with the next quote."""
    rows = [row for row in rows if b'"' not in row]
    extra = [b',"COMMENT', *(b',x"' if n == 10 else b",-" for n in range(1, len(rows) - 1))]
    return [*(row + cell for row, cell in zip(rows, extra, strict=False)), b""]


def with_quotes(each: list[bytes]) -> list[bytes]:
    """A quote before the last cell of two lines: what lies between becomes one cell, and the fields are right again."""
    plain = [row for row in each if b'"' not in row]
    return [b',"'.join(row.rpartition(b",")[::2]) if n in {5, 10} else row for n, row in enumerate(plain)]


def first_cells(row: bytes, n: int) -> bytes:
    return b",".join(row.split(b",")[:n])


def named(name: str) -> Spoil:
    """Deliver the file under another name, without a control file."""

    def spoil(project: Project) -> None:
        (project.landing / "_control.json").unlink()
        (project.landing / name).parent.mkdir(exist_ok=True)
        csv_of(project).rename(project.landing / name)

    return spoil


def control(change: Callable[[dict[str, Any]], Any]) -> Spoil:
    """Change what the control file says."""

    def spoil(project: Project) -> None:
        path = project.landing / "_control.json"
        announced = json.loads(path.read_text())
        changed = change(announced)
        path.write_text(changed if isinstance(changed, str) else json.dumps(announced))

    return spoil


def entry(**wrong: Any) -> Spoil:
    return control(lambda announced: announced["files"]["applications_1.csv"].update(wrong))


def published_as_another_day(project: Project) -> None:
    score_applications.fn(as_of=DAY, config=project.config)
    (project.landing.parent / f"day={NEXT_DAY}").mkdir()
    shutil.copy(csv_of(project), project.landing.parent / f"day={NEXT_DAY}/today.csv")


def published_and_changed(project: Project) -> None:
    score_applications.fn(as_of=DAY, config=project.config)
    project.deliver(rows=ROWS + 1, overwrite=True)


def second(name: str) -> Spoil:
    def spoil(project: Project) -> None:
        (project.landing / "_control.json").unlink()
        shutil.copy(csv_of(project), project.landing / name)

    return spoil


def steps(between: Callable[[Project], Any]) -> Callable[[Project, date], Any]:
    """The day's first steps one by one, with something that happens to the landing after it was listed."""

    def run(project: Project, day: date) -> Any:
        settings = load_settings(project.config)
        standing = roll_forward(day, PUBLISH, settings)
        delivery = arrive(standing, settings)
        pins = pin(standing, delivery, settings)
        between(project)
        return screen_and_score(delivery.files[0], pins, settings)

    return run


def bomb(data: bytes) -> bytes:
    """One line as often as it takes to look like a day, in hardly any bytes."""
    header, row, *_ = gzip.decompress(data).split(b"\n")
    return gzip.compress(header + b"\n") + gzip.compress((row + b"\n") * 5_000) * 60


def zipped(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.xml", data)
    return packed.getvalue()


def encrypted(data: bytes) -> bytes:
    class Keys(pe.KmsClient):
        def wrap_key(self, key: bytes, _master: str) -> bytes:
            return base64.b64encode(key)

    factory = pe.CryptoFactory(lambda _config: Keys())
    configuration = pe.EncryptionConfiguration(footer_key="key", uniform_encryption=True)
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), configuration)
    rows, sink = pq.read_table(io.BytesIO(data)), io.BytesIO()
    with pq.ParquetWriter(sink, rows.schema, encryption_properties=properties) as writer:
        writer.write_table(rows)
    return sink.getvalue()


def with_codec_lzo(data: bytes) -> bytes:
    """The footer's codec field of the first column set from SNAPPY (thrift 0x02) to LZO (0x06)."""
    length = int.from_bytes(data[-8:-4], "little")
    body, footer = data[: -8 - length], data[-8 - length : -8]
    patched = footer.replace(b"SK_ID_CURR\x15\x02", b"SK_ID_CURR\x15\x06")
    assert patched != footer
    return body + patched + data[-8:]


def many_rows(rows: pa.Table) -> pa.Table:
    return pa.table({name: pa.nulls(1_000_000, pa.null()) for name in rows.column_names})


# --- how the surroundings are spoilt


@contextlib.contextmanager
def without_root() -> Iterator[None]:
    """File modes hold for root too, in this thread: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH are laid down."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    had = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, had) == 0
    less = (ctypes.c_uint32 * 6)(*had)
    less[0] &= ~((1 << 1) | (1 << 2))
    assert libc.capset(header, less) == 0
    try:
        yield
    finally:
        assert libc.capset(header, had) == 0


@contextlib.contextmanager
def with_mode(path: Path, mode: int) -> Iterator[None]:
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        with without_root():
            yield
    finally:
        path.chmod(before)


@contextlib.contextmanager
def full_store(_project: Project) -> Iterator[None]:
    """No file can grow beyond 8 kB: what a full disk is to whoever writes, with another number in the error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def changed_model(project: Project) -> Iterator[None]:
    model = next(Path(load_settings(project.config).registry.artifact_root).rglob("model.txt"))
    original = model.read_bytes()
    model.write_bytes(original.replace(b"shrinkage=0.05", b"shrinkage=0.06", 1))
    for kept in (_kept_bundle, _kept_engine):
        kept.cache_clear()
    try:
        yield
    finally:
        model.write_bytes(original)


def suite_without_a_severity(project: Project) -> Project:
    suite = project.root.parent / "suite.json"
    suite.write_text((PROJECT / "expectations/applications.json").read_text().replace('"critical"', '"deadly"', 1))
    return project.with_settings(contract={"suite": str(suite)})


def policy_with(project: Project, **wrong: Any) -> Project:
    policy = project.root.parent / "policy.yaml"
    policy.write_text(yaml.safe_dump(yaml.safe_load((PROJECT / "configs/policy.yaml").read_text()) | wrong))
    return project.with_settings(scoring={"policy": str(policy)})


def gzip_cut(project: Project) -> None:
    project.deliver(file_format="csv.gz")
    content(lambda data: data[:-40])(project)


def no_database(project: Project) -> Project:
    path = project.root.parent / "junk.db"
    path.write_text("junk" * 300)
    return project.with_settings(registry={"tracking_uri": f"sqlite:///{path}"})


def registry_after(statement: str) -> Spoil:
    """Use a copy of the registry in which SQL has changed something."""

    def spoil(project: Project) -> Project:
        own = project.with_own_registry(project.root.parent / "registry")
        database = load_settings(own.config).registry.tracking_uri.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(statement)
        return own

    return spoil


def version_taken(project: Project) -> None:
    note = project.root / "versions/policy=1.json"
    note.parent.mkdir()
    note.write_text('{"digest": "of other content", "day": "2026-11-01"}')


def policy_of_text(old: str, new: str) -> Spoil:
    """Use the shipped policy with some characters exchanged."""

    def spoil(project: Project) -> Project:
        policy = project.root.parent / "policy.yaml"
        policy.write_text((PROJECT / "configs/policy.yaml").read_text().replace(old, new, 1))
        return project.with_settings(scoring={"policy": str(policy)})

    return spoil


def nothing(_project: Project) -> None:
    pass


AGAIN = "Deliver the file again."
EXPORT = "Export it anew as the message says."
KINDS = [
    # what arrived
    Kind(
        "no_files", "no files", lambda p: shutil.rmtree(p.landing), "No application files have arrived for 2026-11-02",
        "Ask the feed; on a day that has none, declare it in the calendar.",
    ),
    Kind(
        "subfolder", "a file in a folder of the landing", named("part/more.csv"),
        r"1 file in folders within .*, where nobody reads: part/more.csv",
        "Move it up; its rows would be lost.",
    ),
    Kind(
        "unknown_ending", "a file with an unknown ending", lambda p: (p.landing / "notes.txt").write_text("x"),
        r"notes.txt is not an application file: its name must end in .csv, .csv.gz, .parquet",
        "Rename it, or let its name begin with _ if it is not an application file.",
    ),
    Kind(
        "path_tricks", "a file name with path tricks", named("a\\..\\b.csv"),
        r"'a\\\\\.\.\\\\b.csv' cannot be the name of an application file: it must have", "Rename it.",
    ),
    Kind(
        "control_characters", "a file name with a line end in it", named("a\nINFO all is well.csv"),
        r"'a\\nINFO all is well.csv' cannot be the name", "Rename it.",
    ),
    Kind(
        "blank_name", "a file name with a blank at its end", named(" a.csv"), "' a.csv' cannot be the name",
        "Rename it.",
    ),
    Kind(
        "not_utf8_name", "a file name that is not UTF-8", named(os.fsdecode(b"a\xff.csv")),
        r"'a\\udcff.csv' cannot be the name", "Rename it.",
    ),
    Kind(
        "long_name", "a file name of 240 characters", named("a" * 236 + ".csv"),
        "'a{80}' cannot be the name.*at most 200",
        "Rename it.",
    ),
    Kind(
        "names_alike", "file names that differ in case alone", second("Applications_1.csv"),
        "Applications_1.csv, applications_1.csv differ in upper and lower case alone",
        "Remove the one that is not meant.",
    ),
    Kind(
        "names_twins", "file names that look the same: a letter composed in one, decomposed in the other", twins,
        "differ in composed and decomposed letters, which look the same, alone",
        "Remove the one that is not meant.",
    ),
    Kind(
        "vanished", "a file that vanishes after it was listed", nothing,
        "applications_1.csv was listed and is gone", "Run the day again when all files are there.",
        run=steps(lambda p: csv_of(p).unlink()),
    ),
    Kind(
        "changed_in_place", "a file that changes while it is read", nothing,
        "applications_1.csv changed while it was being read", "Run the day again when the copying is done.",
        run=steps(lambda p: csv_of(p).write_bytes(csv_of(p).read_bytes().replace(b",0,", b",1,", 1))),
    ),
    Kind(
        "still_copied", "a file that is still being copied", nothing,
        "applications_1.csv changed while it was being read", "Run the day again when the copying is done.",
        run=steps(lambda p: csv_of(p).write_bytes(csv_of(p).read_bytes()[:-300])),
    ),
    Kind(
        "permission", "a file that may not be read", lambda p: with_mode(csv_of(p), 0),
        "The store could not read .*applications_1.csv: Permission denied", "Give the job's user the right to read it.",
        PublishError,
    ),
    # what was announced
    Kind(
        "control_no_json", "a control file that is no JSON", control(lambda announced: "rows: 60"),
        "is not a control file; expected",
        "Deliver a control file of that form, or none.",
    ),
    Kind(
        "control_types", "a control file with wrong types", entry(rows="60"), "is not a control file; expected",
        "Deliver a control file of that form, or none.",
    ),
    Kind(
        "control_day", "a control file of another day", control(lambda announced: announced.update(day="2026-11-01")),
        "_control.json announces 2026-11-01, but lies under 2026-11-02", "Deliver the day's own files.",
    ),
    Kind(
        "control_more", "a control file that lists a file not delivered",
        control(lambda announced: announced["files"].update({"b.csv": announced["files"]["applications_1.csv"]})),
        r"missing \['b.csv'\], not announced none", "Deliver the rest.",
    ),
    Kind(
        "control_less", "a file that the control file does not list", lambda p: (p.landing / "b.csv").write_text("x"),
        r"missing none, not announced \['b.csv'\]", "Remove it, or announce it.",
    ),
    Kind(
        "control_digest", "a wrong digest in the control file", entry(sha256="0" * 64),
        "the file was cut off or changed on its way", AGAIN,
    ),
    Kind(
        "control_rows", "a wrong number of rows in the control file", entry(rows=61),
        "applications_1.csv holds 60 rows, _control.json announces 61",
        "Deliver the whole file, or a right control file.",
    ),
    Kind(
        "other_day", "the file that was published for another day", published_as_another_day,
        "today.csv is the file of another day: 2026-11-02 was published from the very same one, applications_1.csv",
        "Deliver the day's own file.", day=NEXT_DAY,
    ),
    Kind(
        "changed_since", "other files than those the day was published from", published_and_changed,
        r"published as revision 1 from other files \(changed: applications_1.csv\)",
        "Restore the files that were scored.",
        InputsChanged,
    ),
    # CSV
    Kind("empty", "an empty file", content(lambda data: b""), "applications_1.csv is empty; a header line", AGAIN),
    Kind(
        "packed_nothing", "a gzip of nothing", content(lambda data: gzip.compress(b"")),
        "applications_1.csv.gz is empty", AGAIN,
        file_format="csv.gz",
    ),
    Kind(
        "header_only", "a header and no rows", content(lambda data: data.split(b"\n")[0] + b"\n"),
        "The files of 2026-11-02 hold no rows", "Deliver the applications, or declare the day to have none.",
        ExpectationsNotMet,
    ),
    Kind(
        "bare_header", "a header without even a line end", content(lambda data: data.split(b"\n")[0]),
        "applications_1.csv has no line end after its last line", AGAIN,
    ),
    Kind(
        "no_header", "no header line", content(lambda data: data.partition(b"\n")[2]),
        r"no header line: none of its \d+ first cells is a declared column", "Export it with a header line.",
    ),
    Kind(
        "missing_column", "a missing column", content(lambda data: data.replace(b"AMT_CREDIT,", b"AMT_CREDITS,", 1)),
        "1 of 121 required columns are missing from applications_1.csv: AMT_CREDIT. Not declared are: AMT_CREDITS. Did",
        "Deliver the column under its declared name.", ExpectationsNotMet,
    ),
    Kind(
        "lower_case", "column names in lower case", content(lines(lambda each: [each[0].lower(), *each[1:]])),
        "cannot be read: its header has 121 declared names in lower case .'sk_id_curr' for SK_ID_CURR",
        "Write the names as they are declared.",
    ),
    Kind(
        "camel_case", "some column names in other letters",
        content(lambda data: data.replace(b"AMT_CREDIT,AMT_ANNUITY", b"AmtCredit,amt annuity", 1)),
        r"2 of 121 required .*: AMT_CREDIT, AMT_ANNUITY. .* in other letters \('AmtCredit' for AMT_CREDIT",
        "Write the names as they are declared.", ExpectationsNotMet,
    ),
    Kind(
        "semicolons", "semicolons between the columns, and decimal commas",
        content(lambda data: data.replace(b",", b";").replace(b".", b",")),
        "cannot be read: its columns are separated by semicolons; expected commas, and points in decimal numbers",
        EXPORT,
    ),
    Kind(
        "tabs", "tabs between the columns", content(lambda data: data.replace(b",", b"\t")),
        "its columns are separated by tabs; expected commas", EXPORT,
    ),
    Kind(
        "separator_line", "a line that tells a spreadsheet the separator", content(lambda data: b"sep=,\n" + data),
        "its first line is 'sep=', which spreadsheets write for themselves", "Delete that line.",
    ),
    Kind(
        "ctrl_z", "a Ctrl-Z at the end", content(lambda data: data + b"\x1a\n"),
        "cannot be read: line 62 is a Ctrl-Z .0x1A., the end of a text in old systems", "Leave it out.",
    ),
    Kind(
        "few_columns", "only some of the columns", content(lines(lambda each: [first_cells(row, 20) for row in each])),
        r"101 of 121 required columns are missing", "Export all columns.", ExpectationsNotMet,
    ),
    Kind(
        "duplicate_column", "a column twice", content(lambda data: data.replace(b"AMT_CREDIT,", b"AMT_ANNUITY,", 1)),
        "has AMT_ANNUITY more than once; which one counts cannot be known", "Leave one of the two.",
    ),
    Kind(
        "line_cut", "a last line that is cut off",
        content(lines(lambda each: [*each[:-2], first_cells(each[-2].replace(b'"', b"").replace(b", ", b" "), 57)])),
        "it is cut off: its last line, 61, ends in field 57 of 121", AGAIN,
    ),
    Kind(
        "value_cut", "a last value that may be cut off, and no control file", content(lambda data: data[:-2]),
        "has no line end after its last line, so its last value may be cut off",
        "Deliver it whole, or announce its digest in a control file.",
    ),
    Kind(
        "too_many_fields", "a row with too many fields", content(line(31, lambda row: row + b",1")),
        "cannot be read: line 31 has 122 fields where the header has 121", "Quote cells that hold commas.",
    ),
    Kind(
        "open_quote", "a quote that is not closed", content(line(31, lambda row: b'"' + row)),
        "cannot be read: a quote is opened and not closed in line 31", "Export it with quotes in pairs.",
    ),
    Kind(
        "open_quotes", "two quotes that are not closed", content(lines(with_quotes)),
        "has a cell that runs over a line end: a quote was opened and not closed in its line",
        "Export it with quotes in pairs.",
    ),
    Kind(
        "quote_in_extra_column", "two quotes that are not closed, in a column nobody declared",
        content(lines(with_quotes_in_extra_column)), "has a cell that runs over a line end",
        "Export it with quotes in pairs.",
    ),
    Kind(
        "quote_in_header", "a quote in the header that a row closes", content(lines(with_quote_in_header)),
        "has a cell that runs over a line end", "Export it with quotes in pairs.",
    ),
    Kind(
        "link_to_nowhere", "a link to a file that is not there",
        lambda p: (p.landing / "more.csv").symlink_to("/nowhere/more.csv"), "more.csv was listed and is gone",
        "Mount or deliver what it leads to.",
    ),
    Kind(
        "link_to_folder", "a link to a folder", lambda p: (p.landing / "more").symlink_to(p.root),
        "more is not an application file", "Deliver its files.",
    ),
    Kind(
        "pipe", "a named pipe", lambda p: os.mkfifo(p.landing / "more.csv"),
        "The store could not read .*more.csv: It is not a file", "Deliver a file.", PublishError,
    ),
    Kind(
        "letters", "letters where numbers belong, in every row", content(column("AMT_CREDIT", lambda cell: b"plenty")),
        r"60 of 60 rows would be set aside .* Most broken: AMT_CREDIT", "Mend the feed.",
        ExpectationsNotMet,
    ),
    Kind(
        "decimal_commas", "decimal commas in a column", content(column("AMT_ANNUITY", lambda cell: b'"1234,5"')),
        r"published. 60 cells of AMT_ANNUITY look like 1234,5. Write 1234.5, with a decimal point. 60 of 60 rows would",
        "Export the column with decimal points.", ExpectationsNotMet,
    ),
    Kind(
        "shortened_ids", "ids that a spreadsheet has shortened",
        content(column("SK_ID_CURR", lambda cell: b"1.2E+11")),
        r"60 cells of SK_ID_CURR look like 1.2E\+11: a spreadsheet has rounded the ids. Deliver them with all",
        "Export the ids as whole numbers or as text.", ExpectationsNotMet,
    ),
    Kind(
        "words_for_missing", "words for missing in columns of numbers",
        content(column("AMT_CREDIT", lambda cell: b"NA")),
        r"60 cells of AMT_CREDIT are a word or a sign for missing, like NA. Leave such a cell empty. 60 of 60",
        "Leave the cells empty.", ExpectationsNotMet,
    ),
    Kind(
        "strung_together", "files strung together, their headers amid the rows",
        content(lines(lambda each: [each[0], *(each[0] for _ in each[1:-1]), b""])),
        "6,300 cells of SK_ID_CURR, .* and 102 other columns repeat the column's name. The header stands amid the rows",
        "Keep one header.", ExpectationsNotMet,
    ),
    Kind(
        "all_bad", "rows that are all bad", content(lambda data: data.replace(b" loans", b" gifts")),
        r"60 of 60 rows would be set aside .* Most broken: NAME_CONTRACT_TYPE_in_domain 60",
        "Mend the feed.",
        ExpectationsNotMet,
    ),
    Kind(
        "utf16", "UTF-16", content(lambda data: data.decode().encode("utf-16")),
        "applications_1.csv is UTF-16 text, where its name promises CSV text in UTF-8", EXPORT,
    ),
    Kind(
        "utf16_bare", "UTF-16 without a byte-order mark", content(lambda data: data.decode().encode("utf-16-le")),
        "applications_1.csv is UTF-16 text", EXPORT,
    ),
    Kind(
        "latin1", "Latin-1", content(lambda data: data.replace(b"Cash loans", "Crédit".encode("latin-1"))),
        "it is not UTF-8 text, but perhaps Latin-1", "Export it as UTF-8.",
    ),
    Kind(
        "nul", "NUL bytes", content(line(31, lambda row: row + b"\0")), "has NUL bytes; it is damaged, or is not text",
        AGAIN,
    ),
    Kind(
        "cr_only", "lines that end in CR alone", content(lambda data: data.replace(b"\n", b"\r")),
        "has lines that end in CR alone", "Export it with LF, or CR LF.",
    ),
    Kind(
        "one_line", "a line without end", content(line(31, lambda row: b"x" * (20 << 20))),
        "has a line longer than 1 MB", AGAIN,
    ),
    Kind(
        "html", "a web page called .csv", content(lambda data: b"<!doctype html><title>502 Bad Gateway</title>"),
        "applications_1.csv is an HTML or XML page", "Look at what fetches the file.",
    ),
    Kind(
        "json", "JSON called .csv", content(lambda data: b'{"error": "no such file"}'), "applications_1.csv is JSON",
        "Look at what fetches the file.",
    ),
    Kind(
        "gzip_as_csv", "gzip called .csv", content(gzip.compress), "is a gzip file.*let its name end in .csv.gz",
        "Rename it.",
    ),
    Kind(
        "parquet_as_csv", "parquet called .csv", content(lambda data: b"PAR1" + data),
        "is a parquet file.*end in .parquet",
        "Rename it.",
    ),
    Kind(
        "xlsx_as_csv", "an Excel workbook called .csv", content(zipped), "is a zip archive, as Excel workbooks are",
        EXPORT,
    ),
    # gzip
    Kind(
        "gzip_cut", "a gzip that is cut off", content(lambda data: data[:-40]),
        "applications_1.csv.gz cannot be read: its gzip compression is broken or cut off", AGAIN, file_format="csv.gz",
    ),
    Kind(
        "gzip_start", "the first bytes of a gzip", content(lambda data: data[:10]),
        "its gzip compression is broken or cut off", AGAIN, file_format="csv.gz",
    ),
    Kind(
        "no_gzip", "a CSV file called .csv.gz", content(gzip.decompress),
        "applications_1.csv.gz is of another kind, where its name promises CSV text in UTF-8, packed with gzip",
        "Rename it.",
        file_format="csv.gz",
    ),
    Kind(
        "bomb", "a gzip bomb", content(bomb), "unpacks to more than 200 times its size", "Find out who made it.",
        file_format="csv.gz", settings={"scoring": {"chunk_rows": 1_000_000}},
    ),
    Kind(
        "too_large", "a file that unpacks to more than is allowed", content(lambda data: data),
        r"unpacks to more than 1e-05 GB; scoring.max_unpacked_gigabytes allows 1e-05",
        "Deliver several files, or raise the limit.",
        file_format="csv.gz", settings={"scoring": {"max_unpacked_gigabytes": 0.00001}},
    ),
    # parquet
    Kind(
        "parquet_cut", "a parquet file that is cut off", content(lambda data: data[:-20]),
        "it is not a parquet file, or it is cut off", AGAIN, file_format="parquet",
    ),
    Kind(
        "parquet_damaged", "a parquet file with a hole", content(lambda data: data[:1000] + bytes(400) + data[1400:]),
        "applications_1.parquet cannot be read", AGAIN, file_format="parquet",
    ),
    Kind(
        "no_parquet", "text called .parquet", content(lambda data: b"SK_ID_CURR\n1\n"),
        "is of another kind, where its name promises parquet",
        "Rename it.", file_format="parquet",
    ),
    Kind(
        "parquet_binary", "parquet with bytes where numbers belong",
        table(cells("AMT_CREDIT", pa.nulls(ROWS, pa.binary()))),
        "AMT_CREDIT as binary; numbers, booleans and text can be read", "Write the column as one of them.",
        file_format="parquet",
    ),
    Kind(
        "parquet_dates", "parquet with dates where numbers belong",
        table(cells("AMT_CREDIT", pa.nulls(ROWS, pa.date32()))),
        r"AMT_CREDIT as date32", "Write the column as one of them.", file_format="parquet",
    ),
    Kind(
        "parquet_nested", "parquet with a nested column",
        table(cells("AMT_CREDIT", pa.array([{"amount": 1.5}] * ROWS))),
        r"AMT_CREDIT as struct<amount: double>", "Write the column flat.", file_format="parquet",
    ),
    Kind(
        "parquet_letters", "parquet with letters where numbers belong",
        table(cells("AMT_CREDIT", pa.array(["plenty"] * ROWS))),
        r"60 of 60 rows would be set aside .* Most broken: AMT_CREDIT", "Mend the feed.",
        ExpectationsNotMet,
        file_format="parquet",
    ),
    Kind(
        "float32_ids", "parquet with ids in 32-bit floats",
        table(cells("SK_ID_CURR", pa.array([1e8] * ROWS, pa.float32()))),
        "60 cells of SK_ID_CURR came as 32-bit floats, in which whole numbers above 16,777,215 are not exact. "
        "Write the column as a 64-bit integer",
        "Write ids as 64-bit integers.", ExpectationsNotMet, file_format="parquet",
    ),
    Kind(
        "parquet_latin1", "parquet text that is not UTF-8",
        table(cells("NAME_CONTRACT_TYPE", pa.array([b"Cr\xe9dit"] * ROWS, pa.binary()).view(pa.string()))),
        "it is not UTF-8 text, but perhaps Latin-1", "Write text as UTF-8.", file_format="parquet",
    ),
    Kind(
        "parquet_twice", "two parquet files in one", content(lambda data: data + data),
        "is several parquet files strung together", "Deliver each as a file of its own.", file_format="parquet",
    ),
    Kind(
        "parquet_encrypted", "encrypted parquet", content(encrypted), "is an encrypted parquet file",
        "Deliver it plain.",
        file_format="parquet",
    ),
    Kind(
        "parquet_codec", "parquet with a codec nobody reads", content(with_codec_lzo),
        "it is compressed in a way that cannot be read; zstd, snappy", "Use a usual codec.", file_format="parquet",
    ),
    Kind(
        "parquet_bomb", "a small parquet file that claims very many rows", table(many_rows),
        r"unpacks to 1,000,000 rows, some 1 GB; scoring.max_unpacked_gigabytes allows 0.5", "Find out who made it.",
        file_format="parquet", settings={"scoring": {"max_unpacked_gigabytes": 0.5}},
    ),
    # what the day is scored with, and where
    Kind(
        "no_registry", "no model registry",
        lambda p: p.with_settings(registry={"tracking_uri": f"sqlite:///{p.root}/none.db"}),
        "There is no model registry at .* yet. Train and register a model", "Train a model.", RegistryUnreachable,
    ),
    Kind(
        "no_champion", "no champion", lambda p: p.with_settings(registry={"alias": "hero"}),
        r"credit-default@hero is not available .*Registered versions: 1", "Promote a version.", ModelError,
    ),
    Kind(
        "model_renamed", "a model that was renamed",
        lambda p: p.with_settings(registry={"model_name": "credit-small"}),
        "No model is named credit-small there, but: credit-default. If it was renamed, set registry.model_name",
        "Set its name.", ModelError,
    ),
    Kind(
        "registry_moved", "a registry that was moved",
        registry_after("update model_versions set storage_location = '/old/mlflow-artifacts/1/artifacts/model'"),
        r"its files are not at /old/mlflow-artifacts/.*/model/bundle \(No such artifact: 'bundle'\), where registry",
        "Move it back, or train.", ModelError,
    ),
    Kind(
        "registry_schema", "a registry of another version of MLflow",
        registry_after("update alembic_version set version_num = 'fffffffffff1'"),
        "was written by another version of MLflow than this one .*: schema fffffffffff1, expected",
        "Upgrade the database, or use the lock file of its program.", ModelError,
    ),
    Kind(
        "damaged_registry", "a registry that is no database",
        no_database, "file is not a database", "Restore the registry.", ModelError,
    ),
    Kind(
        "model_changed", "a model changed by one byte", changed_model, "is not what was registered", "Restore it.",
        ModelError,
    ),
    Kind(
        "age_forbidden", "a champion that sees age, under a policy that forbids it",
        lambda p: policy_with(p, inputs={"age": False}),
        "credit-default version 1 sees age, and policy 1 has `inputs: age: false`",
        "Promote a version without age, or train one.", ModelError,
    ),
    Kind(
        "no_suite", "no suite", lambda p: p.with_settings(contract={"suite": str(p.root / "none.json")}),
        "The suite .*none.json cannot be read: No such file", "Give an existing suite.", ConfigError,
    ),
    Kind(
        "suite_wrong", "a suite with an unknown severity", suite_without_a_severity, "deadly", "Mend the suite.",
        ConfigError,
    ),
    Kind(
        "policy_wrong", "a policy with an unknown entry", lambda p: policy_with(p, cutof=0.1),
        "policy.yaml is wrong: cutof is unknown. Did you mean",
        "Mend the policy.", ConfigError,
    ),
    Kind(
        "policy_tab", "a policy indented with a tab", policy_of_text("  false_negative", "\tfalse_negative"),
        r"policy.yaml cannot be read as YAML: .*, line 4, column 1. Indent with spaces; YAML does not take tabs",
        "Mend the policy.", ConfigError,
    ),
    Kind(
        "policy_twice", "a policy that says one thing twice", policy_of_text("refer_from: null", "cutoff: 0.2"),
        "'cutoff' stands there twice; which one counts cannot be known, line 7", "Mend the policy.", ConfigError,
    ),
    Kind(
        "policy_not_raised", "a changed policy whose version was published before", version_taken,
        r"The policy in .* has version 1, but its content is not that with which .* came into use \(2026-11-01\)",
        "Raise its version.", ConfigError,
    ),
    Kind(
        "setting_wrong", "a setting out of range", lambda p: p.with_settings(scoring={"chunk_rows": 0}),
        "scoring.chunk_rows is 0: Input should be greater than or equal to 1", "Mend the settings.", ConfigError,
    ),
    Kind(
        "store_full", "a full store", full_store,
        "The store could not create .*: File too large. Nothing was half-written",
        "Make room and run the day again.", PublishError,
    ),
    Kind(
        "store_read_only", "a store that may not be written", lambda p: with_mode(p.root, 0o555),
        "The store could not .*: Permission denied. Nothing was half-written",
        "Give the job's user the right to write.",
        PublishError,
    ),
    Kind(
        "store_blocked", "a file where the store needs a folder",
        lambda p: (p.root / "revisions").write_text("x"), "The store could not", "Remove it.", PublishError,
    ),
    # what is no fault
    Kind("extra_column", "a column nobody declared", content(
        lines(lambda each: [each[0] + b",BRANCH", *(row + b",x" for row in each[1:-1]), b""])),
        "applications_1.csv: 1 column that nobody declared, ignored: 'BRANCH'", "Nothing; its name is logged.",
        None,
    ),
    Kind(
        "empty_part", "a file with a header and no rows beside a full one",
        empty_part,
        "part.csv holds a header and no rows", "Nothing; it is logged.", None,
    ),
    Kind("byte_order_mark", "a byte-order mark", content(lambda data: b"\xef\xbb\xbf" + data), "", "Nothing.", None),
    Kind("crlf", "lines that end in CR LF", content(lambda data: data.replace(b"\n", b"\r\n")), "", "Nothing.", None),
    Kind(
        "no_last_line_end", "no last line end, and a control file with the digest",
        content(lambda data: data[:-1], announced=True),
        "", "Nothing; the digest shows that the file is whole.", None,
    ),
    Kind(
        "hidden", "files and folders whose names begin with _ or .",
        hidden, "", "Nothing; they are no applications.", None,
    ),
    Kind(
        "markers", "folder markers of S3 tools, notes of desktops",
        markers, "", "Nothing; they are no applications.", None,
    ),
    Kind(
        "decomposed", "a file name with decomposed letters, announced with composed ones",
        decomposed, "", "Nothing; names are compared composed.", None,
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One way in which a command can go wrong before or around a day."""

    id: str
    what: str
    arguments: tuple[str, ...]
    error: type[ScoringError] | None
    exit_code: int
    says: str
    todo: str
    environ: dict[str, str] = field(default_factory=dict)
    spoil: Spoil = nothing

    def ended(self, config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ended:
        """How the command ends; in a process of its own where it must read its environment anew."""
        words = [*self.arguments, "--config", config]
        if "PREFECT_API_URL" in self.environ:
            process = scoring(*words, **self.environ)
            return Ended(process.returncode, process.stdout, process.stderr)
        for name, value in self.environ.items():
            monkeypatch.setenv(name, value)
        return call(words, monkeypatch, capsys)


CALLS = [
    Call(
        "bad_date", "a date that is no date", ("score", "--as-of", "2026-02-30"), None, 2,
        "'2026-02-30' is not a day; write it as YYYY-MM-DD", "Write it as YYYY-MM-DD.",
    ),
    Call(
        "gzip_cut", "a gzip that is cut off", ("score", "--as-of", str(DAY), "--without-prefect"), SourceError, 3,
        "SourceError: applications_1.csv.gz cannot be read: its gzip compression is broken or cut off", AGAIN,
        spoil=gzip_cut,
    ),
    Call(
        "registry_unreachable", "a model registry that cannot be reached",
        ("score", "--as-of", str(DAY), "--without-prefect"), RegistryUnreachable, 5,
        r"no MLflow server answers at http://127.0.0.1:9 \(Connection refused\). Start it there with `mlflow server`",
        "Start it, and run the day again.", {"SCORING_REGISTRY__TRACKING_URI": "http://name:secret@127.0.0.1:9"},
        Project.deliver,
    ),
    Call(
        "option_twice", "an option that is given twice",
        ("monitor", "--as-of", str(DAY), "--as-of", "2026-11-03"), None, 2,
        "--as-of was given 2 times, and takes one value", "Give it once.",
    ),
    Call(
        "variable_overrules", "a variable of a library that would overrule a setting",
        ("score", "--as-of", str(DAY), "--without-prefect"), ConfigError, 2,
        "MLFLOW_WORKSPACE names a workspace of MLflow, so registry.tracking_uri", "Unset it.",
        {"MLFLOW_WORKSPACE": "risk"},
    ),
    Call(
        "prefect_unreachable", "a Prefect server that cannot be reached", ("score", "--as-of", str(DAY)),
        OrchestratorError, 8,
        r"Prefect cannot be reached at http://127.0.0.1:9/api \(PREFECT_API_URL\)", "Start it, or score without it.",
        {"PREFECT_API_URL": "http://127.0.0.1:9/api"},
    ),
]  # fmt: skip


def published(project: Project) -> dict[str, bytes]:
    """Everything that a reader could take for published, with its digest. Rows of a refused day are named so."""
    folders = [project.root / name for name in ("decisions", "revisions", "quarantine")]
    found = [path for folder in folders if folder.is_dir() for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [path for path in found if path.name != "refused.parquet"]
    return {str(path.relative_to(project.root)): hashlib.sha256(path.read_bytes()).digest() for path in files}


def shown(message: str, project: Project, trained: Project) -> str:
    """The message as printed, its paths and digests shortened."""
    for folder in (project.root.parent, Path(trained.config).parent, PROJECT):
        message = message.replace(str(folder), "…")
    return re.sub(r"\b[0-9a-f]{12}…|\b(?:[0-9a-f]{16}|[0-9a-f]{64})\b", "0123456789ab…", message)


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """Kind to the message it really gave; what the document is written from."""
    return {}


@pytest.fixture
def spoilt(project: Project) -> Callable[[Kind], tuple[Project, ExitStack]]:
    def spoil(kind: Kind) -> tuple[Project, ExitStack]:
        project.deliver(rows=ROWS, file_format=kind.file_format)
        made, around = kind.spoil(project), ExitStack()
        if isinstance(made, AbstractContextManager):
            around.enter_context(made)
        using = made if isinstance(made, Project) else project
        return (using.with_settings(**kind.settings) if kind.settings else using), around

    return spoil


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.error], ids=lambda kind: kind.id)
def test_bad_input_publishes_nothing_and_says_what_to_do(
    kind: Kind, spoilt: Callable[[Kind], tuple[Project, ExitStack]], trained: Project, told: dict[str, str]
) -> None:
    assert kind.error
    using, around = spoilt(kind)
    before = published(using)
    with around, pytest.raises(kind.error) as raised:
        kind.run(using, kind.day)
    message = str(raised.value)
    assert type(raised.value) is kind.error
    assert re.search(kind.says, message), message
    assert "\n" not in message
    assert len(message) < 800
    assert message.endswith((".", "/contract-refused.html"))
    assert published(using) == before
    assert f"day={kind.day}" not in "".join(before) or kind.error is InputsChanged
    told[kind.id] = shown(message, using, trained)


@pytest.fixture(scope="module")
def sound_decisions(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    root = tmp_path_factory.mktemp("sound") / "store"
    project = Project(Project(trained.config, root).with_settings(storage={"root": str(root)}).config, root)
    project.deliver(rows=ROWS)
    score_applications.fn(as_of=DAY, config=project.config)
    return project.decisions.read_bytes()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.error], ids=lambda kind: kind.id)
def test_what_is_no_fault_is_decided_like_any_day(
    kind: Kind,
    spoilt: Callable[[Kind], tuple[Project, ExitStack]],
    sound_decisions: bytes,
    caplog: pytest.LogCaptureFixture,
    told: dict[str, str],
) -> None:
    using, _ = spoilt(kind)
    with caplog.at_level(logging.WARNING):
        assert kind.run(using, kind.day).outcome == "published"
    assert using.decisions.read_bytes() == sound_decisions
    assert kind.says in caplog.text
    warned = [record.getMessage() for record in caplog.records if "/tasks/" in record.pathname]
    told[kind.id] = "; ".join(warned) or "published, as without it"


@pytest.mark.parametrize("given", CALLS, ids=lambda given: given.id)
def test_a_command_ends_with_the_exit_code_of_its_error(
    given: Call,
    project: Project,
    trained: Project,
    told: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given.spoil(project)
    ended = given.ended(project.config, monkeypatch, capsys)
    assert ended.code == given.exit_code == (given.error.exit_code if given.error else 2)
    assert re.search(given.says, ended.err), ended.err
    assert "Traceback" not in ended.err
    assert "secret" not in ended.err
    assert published(project) == {}
    told[f"call {given.id}"] = shown(ended.err.strip().splitlines()[-1], project, trained).partition(": ")[2]


def test_there_are_many_kinds_and_every_exit_code_is_among_them() -> None:
    assert len(KINDS) >= 60
    assert len({kind.id for kind in KINDS}) == len(KINDS)
    codes = {kind.error.exit_code if kind.error else 0 for kind in KINDS} | {given.exit_code for given in CALLS}
    assert codes == {0, 2, 3, 4, 5, 6, 7, 8}


def document(told: dict[str, str]) -> str:
    """`docs/bad-input.md`."""
    rows = [
        (kind.what, kind.error.exit_code if kind.error else 0, kind.error, told[kind.id], kind.todo) for kind in KINDS
    ] + [(given.what, given.exit_code, given.error, told[f"call {given.id}"], given.todo) for given in CALLS]
    unique = {row[0]: row for row in rows}
    table = [
        f"| {what} | {code} | {f'`{error.__name__}`' if error else '-'} | {_cell(message)} | {todo} |"
        for what, code, error, message, todo in sorted(unique.values(), key=lambda row: row[1])
    ]
    return "\n".join(
        [
            "# Bad input",
            "",
            "Every kind that is tested, with the message as it is printed (paths and digests shortened). Nothing is",
            "published by any of them but those that end with 0. What a line is too short for stands in the",
            "[runbook](runbook.md). How each notation of a single value is read: [values.md](values.md).",
            "Written by `make docs` from `tests/flows/test_bad_input.py`; do not edit it here.",
            "",
            "| what is wrong | exit | error | message | what to do |",
            "| --- | --- | --- | --- | --- |",
            *table,
            "",
        ]
    )


def _cell(message: str) -> str:
    return message.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def test_the_document_shows_every_kind_with_its_message(told: dict[str, str]) -> None:
    if len(told) < len(KINDS) + len(CALLS):
        pytest.skip("only some kinds were run")
    written = document(told)
    if os.environ.get("WRITE_DOCS"):
        DOCUMENT.write_text(written, "utf-8")
    assert DOCUMENT.read_text("utf-8") == written
