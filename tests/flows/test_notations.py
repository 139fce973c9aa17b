"""How every notation of a value is read: small real files through the real reader and the real contract.

`docs/values.md` is written from these tables: `make docs`.
"""

import codecs
import csv
import datetime as dt
import gzip
import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import PROJECT
from tasks.adapters.files.landing_file import LandingFile
from tasks.adapters.files.landing_reader import read_chunks
from tasks.adapters.gx import Contract, build_contract
from tasks.core.applications import parse_rows
from tasks.core.contract.screening import BROKEN_RULES, SOURCE_ROW, screen_chunk
from tasks.core.lender.columns import ID, NAMES
from tasks.delivery.files import require_columns
from tasks.errors import ScoringError

DOCUMENT = PROJECT / "docs/values.md"
Format = Literal["csv", "csv.gz", "parquet"]
Change = Callable[[bytes], bytes]
REAL, WHOLE, FLAG, TEXT, FLAG_TEXT = (
    "AMT_ANNUITY", "OBS_30_CNT_SOCIAL_CIRCLE", "FLAG_PHONE", "NAME_HOUSING_TYPE", "FLAG_OWN_CAR",
)  # fmt: skip
SOUND = dict.fromkeys(NAMES, "0") | {
    "SK_ID_CURR": "100001", "NAME_CONTRACT_TYPE": "Cash loans", "CODE_GENDER": "F", "FLAG_OWN_CAR": "Y",
    "FLAG_OWN_REALTY": "N", "CNT_CHILDREN": "1", "AMT_INCOME_TOTAL": "202500", "AMT_CREDIT": "100000000",
    "AMT_ANNUITY": "24700.5", "AMT_GOODS_PRICE": "351000", "NAME_TYPE_SUITE": "Spouse, partner",
    "NAME_INCOME_TYPE": "Working", "NAME_EDUCATION_TYPE": "Higher education", "NAME_FAMILY_STATUS": "Married",
    "NAME_HOUSING_TYPE": "With parents", "DAYS_BIRTH": "-12345", "DAYS_EMPLOYED": "-1234",
    "DAYS_REGISTRATION": "-4321", "DAYS_ID_PUBLISH": "-2222", "OCCUPATION_TYPE": "Managers", "CNT_FAM_MEMBERS": "3",
    "REGION_RATING_CLIENT": "2", "REGION_RATING_CLIENT_W_CITY": "2", "WEEKDAY_APPR_PROCESS_START": "MONDAY",
    "ORGANIZATION_TYPE": "School", "FONDKAPREMONT_MODE": "", "HOUSETYPE_MODE": "", "WALLSMATERIAL_MODE": "",
    "EMERGENCYSTATE_MODE": "No",
}  # fmt: skip


# --- what is delivered

NUMBERS = [
    ("whole number", "15"),
    ("decimal point", "15.5"), ("no fraction", "15.0"), ("nothing after the point", "15."),
    ("nothing before the point", ".5"), ("plus sign", "+15"), ("minus sign", "-15"), ("minus zero", "-0"),
    ("leading zeros", "0015"), ("exponent", "1.5e1"), ("capital exponent", "15E0"), ("small exponent", "15e-1"),
    ("fraction beyond a float's precision", "15.00000000000000000001"),
    ("too large for a float", "1e400"), ("too small for a float", "1e-400"),
    ("blanks around", "  15 "), ("tab, non-breaking space around", "\t15\u00a0"), ("line end at the end", "15\n"),
    ("empty", ""), ("blanks alone", "  "), ("non-breaking space alone", "\u00a0"),
    ("decimal comma", "15,5"), ("comma for thousands", "1,500"), ("two commas", "1,500,000"),
    ("point for thousands, decimal comma", "1.500,5"), ("point for thousands", "1.500"),
    ("points for thousands", "1.500.000"), ("blank for thousands", "1 500"),
    ("non-breaking space for thousands", "1\u00a0500"), ("narrow space for thousands", "1\u202f500"),
    ("apostrophe for thousands", "1'500"), ("underscore for thousands", "1_500"),
    ("blank after the sign", "- 15"), ("two signs", "--15"), ("sign behind", "15-"), ("in brackets", "(15)"),
    ("minus of typesetters", "\u221215"), ("point alone", "."), ("dash", "-"), ("dots", "..."),
    ("exponent without digits", "15e"), ("exponent of Fortran", "1.5d1"), ("two points", "1.5.1"),
    ("hexadecimal", "0xF"), ("octal", "0o17"), ("binary", "0b1111"), ("fraction", "31/2"), ("percent", "15%"),
    ("currency before", "$15"), ("currency behind", "15 \u20ac"), ("unit", "15 days"), ("suffix of programs", "15f"),
    ("infinity", "inf"), ("infinity", "-Infinity"), ("infinity", "INF"), ("infinity", "\u221e"),
    ("overflow of Excel", "#NUM!"), ("no number", "nan"), ("no number", "NaN"), ("no number", "-nan(ind)"),
    ("missing in words", "NA"), ("missing in words", "N/A"), ("missing in words", "#N/A"),
    ("missing in words", "NULL"), ("missing in words", "null"), ("missing in words", "None"),
    ("missing in words", "NaT"), ("missing in words", "\\N"), ("missing in words", "?"),
    ("truth value", "true"), ("truth value", "FALSE"), ("date", "2026-11-02"), ("date", "02.11.2026"),
    ("time", "15:30"), ("words", "fifteen"), ("apostrophe of Excel", "'15"), ("formula of Excel", '="15"'),
    ("quotes within the cell", '"15"'), ("Arabic digits", "\u0661\u0665"), ("full-width digits", "\uff11\uff15"),
    ("superscript", "15\u00b2"), ("zero-width space", "15\u200b"), ("byte-order mark", "\ufeff15"),
]  # fmt: skip
WHOLES = [
    ("largest whole number", WHOLE, str(2**53 - 1)), ("one more", WHOLE, str(2**53)),
    ("an id", ID, "100001"), ("an id", ID, "100001.0"), ("an id", ID, "0100001"),
    ("an id with a fraction", ID, "100001.00000000000001"), ("an id with a fraction", ID, "9007199254740990.4"),
    ("largest id", ID, "9000000000000000"), ("one more", ID, "9000000000000001"),
    ("beyond whole floats", ID, str(2**53)), ("beyond 64 bits", ID, "9" * 20), ("no id", ID, ""), ("no id", ID, "0"),
    ("letters in an id", ID, "A100001"), ("an id as spreadsheets shorten it", ID, "1.00001E+11"),
    ("an id as R writes round ones", ID, "1e+05"),
    ("flag", FLAG, "1"), ("flag", FLAG, "1.0"), ("flag", FLAG, "2"), ("flag in words", FLAG, "Y"),
    ("flag in words", FLAG, "N"), ("flag in words", FLAG, "true"), ("flag in words", FLAG, "False"),
    ("flag in words", FLAG, "yes"),
]  # fmt: skip
TEXTS = [
    ("a declared level", TEXT, "With parents"), ("empty", TEXT, ""), ("blanks alone", TEXT, "  "),
    ("non-breaking space alone", TEXT, "\u00a0"), ("blanks around", TEXT, " With parents "),
    ("padded to a width", TEXT, "With parents        "), ("two blanks within", TEXT, "With  parents"),
    ("other case", TEXT, "with parents"), ("zero-width space", TEXT, "With parents\u200b"),
    ("non-breaking space within", TEXT, "With\u00a0parents"), ("quotes within the cell", TEXT, '"With parents"'),
    ("not ASCII", TEXT, "With p\u00e4rents"), ("missing in words", TEXT, "NA"),
    ("missing in words", TEXT, "NULL"), ("missing in words", TEXT, "None"), ("missing in words", TEXT, "nan"),
    ("missing in words", TEXT, "-"), ("number", TEXT, "15"), ("flag", FLAG_TEXT, "Y"), ("flag", FLAG_TEXT, "N"),
    ("flag", FLAG_TEXT, "y"), ("flag", FLAG_TEXT, "true"), ("flag", FLAG_TEXT, "1"),
]  # fmt: skip
FIELDS = [
    ("quoted number", WHOLE, '"15"'), ("quoted number", REAL, '"15.5"'), ("quoted, blanks within", WHOLE, '" 15 "'),
    ("quoted and empty", WHOLE, '""'), ("quoted and empty", TEXT, '""'), ("quoted blank", TEXT, '" "'),
    ("quoted text", TEXT, '"With parents"'), ("doubled quotes", TEXT, '"With ""parents"""'),
    ("blank before the quote", WHOLE, ' "15"'), ("formula of Excel", WHOLE, '="15"'), ("single quotes", WHOLE, "'15'"),
    ("decimal comma, quoted", REAL, '"15,5"'), ("quoted NA", WHOLE, '"NA"'),
]  # fmt: skip
TYPED = [
    ("int64", WHOLE, pa.array([15], pa.int64())), ("int64", ID, pa.array([2**53 - 1], pa.int64())),
    ("int64", ID, pa.array([2**53], pa.int64())), ("uint64", ID, pa.array([2**64 - 1], pa.uint64())),
    ("int64", REAL, pa.array([15], pa.int64())), ("int64", TEXT, pa.array([15], pa.int64())),
    ("double", WHOLE, pa.array([15.0])), ("double", WHOLE, pa.array([15.5])), ("double", WHOLE, pa.array([np.nan])),
    ("double", REAL, pa.array([15.5])), ("double", REAL, pa.array([np.nan])), ("double", REAL, pa.array([np.inf])),
    ("double", TEXT, pa.array([np.nan])), ("double", ID, pa.array([float(2**53)])),
    ("float", REAL, pa.array([0.1], pa.float32())),
    ("decimal(9, 2)", WHOLE, pa.array([Decimal("15.00")], pa.decimal128(9, 2))),
    ("decimal(9, 2)", WHOLE, pa.array([Decimal("15.01")], pa.decimal128(9, 2))),
    ("decimal(9, 2)", REAL, pa.array([Decimal("15.50")], pa.decimal128(9, 2))),
    ("decimal(38, 14)", ID, pa.array([Decimal("100001.00000000000001")], pa.decimal128(38, 14))),
    ("boolean", FLAG, pa.array([True])), ("boolean", FLAG, pa.array([False])), ("boolean", REAL, pa.array([True])),
    ("boolean", FLAG_TEXT, pa.array([True])),
    ("dictionary of text", WHOLE, pa.array(["15"]).dictionary_encode()), ("nothing but nulls", REAL, pa.nulls(1)),
    ("date", WHOLE, pa.array([dt.date(2026, 11, 2)])),
    ("timestamp", WHOLE, pa.array([dt.datetime(2026, 11, 2)])),  # noqa: DTZ001
    ("bytes", TEXT, pa.array([b"With parents"])), ("list", WHOLE, pa.array([[15]])),
]  # fmt: skip

FILES: list[tuple[str, str, Change]] = [
    ("byte-order mark", r"\xef\xbb\xbfSK_ID_CURR,…", lambda data: codecs.BOM_UTF8 + data),
    ("lines that end in CR LF", r"…\r\n", lambda data: data.replace(b"\n", b"\r\n")),
    ("every cell quoted", '"SK_ID_CURR","NAME_CONTRACT_TYPE",…', lambda data: rewritten(data, quoting=csv.QUOTE_ALL)),
    ("columns in another order", "…,SK_ID_CURR", lambda data: rewritten(data, step=-1)),
    ("empty lines", r"\n\n\n", lambda data: data.replace(b"\n", b"\n\n\n")),
    ("line end in a quoted cell", r'"With\nparents"', lambda data: data.replace(b"With parents", b'"With\nparents"')),
    ("comma for thousands, not quoted", "24,700.5", lambda data: data.replace(b"24700.5", b"24,700.5")),
    ("semicolons between cells", "SK_ID_CURR;NAME_CONTRACT_TYPE;…", lambda data: data.replace(b",", b";")),
    ("tabs between cells", r"SK_ID_CURR\tNAME_CONTRACT_TYPE\t…", lambda data: data.replace(b",", b"\t")),
    ("a column name in small letters", "amt_annuity", lambda data: data.replace(b"AMT_ANN", b"amt_ann")),
    ("a blank before a column name", "␣AMT_ANNUITY", lambda data: data.replace(b"AMT_ANN", b" AMT_ANN")),
]


# --- what becomes of it


@dataclass(frozen=True)
class Outcome:
    """What becomes of a cell: its value, and the rules by which its row is set aside."""

    column: str
    value: Any
    broken: tuple[str, ...]

    def __str__(self) -> str:
        rules = [rule.removeprefix(f"{self.column}_") for rule in self.broken]
        value = "missing" if self.value is None else seen(shortest(self.value))
        return ", ".join(
            [*([] if "parses" in rules else [value]), *([f"set aside: {', '.join(rules)}"] if rules else [])]
        )


@cache
def contract() -> Contract:
    return build_contract((PROJECT / "expectations/applications.json").read_text("utf-8"))


def chunk_of(data: bytes, file_format: Format, rows: int | None = None) -> pa.Table:
    """The rows of a file as delivered; where their number is given, it was announced."""
    name = f"a.{file_format}"
    file = LandingFile(io.BytesIO(data), name, file_format, announced_rows=rows)
    require_columns(file)
    (chunk,) = read_chunks(file, chunk_rows=1000)
    return chunk


def outcomes(chunk: pa.Table, columns: Sequence[str]) -> list[Outcome]:
    """What becomes of one cell of each row: that in the column named for it."""
    values = parse_rows(chunk).rows
    rejected = screen_chunk(chunk, first_row=0, source="a", contract=contract()).rejected
    broken = dict(zip(*(rejected.column(name).to_pylist() for name in (SOURCE_ROW, BROKEN_RULES)), strict=True))
    return [
        Outcome(column, values.column(column)[row].as_py(), tuple(filter(None, broken.get(row, "").split(";"))))
        for row, column in enumerate(columns)
    ]


def csv_of(fields: Iterable[dict[str, str]]) -> bytes:
    """A line of the sound application for each mapping of columns to what stands in the file instead."""
    sound = {name: quoted(cell) for name, cell in SOUND.items()}
    return "".join(f"{','.join(row)}\n" for row in (NAMES, *((sound | each).values() for each in fields))).encode()


def parquet_of(columns: dict[str, pa.Array]) -> bytes:
    """The sound application with some columns as they are given."""
    rows = len(next(iter(columns.values())))
    sink = io.BytesIO()
    pq.write_table(pa.table({name: columns.get(name, pa.array([cell] * rows)) for name, cell in SOUND.items()}), sink)
    return sink.getvalue()


def quoted(cell: str) -> str:
    """A cell as it stands in a CSV file."""
    sink = io.StringIO()
    csv.writer(sink).writerow([cell, ""])
    return sink.getvalue().removesuffix(",\r\n")


def rewritten(data: bytes, *, step: int = 1, quoting: Literal[0, 1] = csv.QUOTE_MINIMAL) -> bytes:
    sink = io.StringIO()
    rows = csv.reader(io.StringIO(data.decode()))
    csv.writer(sink, quoting=quoting, lineterminator="\n").writerows(row[::step] for row in rows)
    return sink.getvalue().encode()


def in_format(cells: Sequence[tuple[str, str]], file_format: Format) -> list[Outcome]:
    """What becomes of cells of text, each in a column, in a file of the format; line ends in them are announced."""
    if file_format == "parquet":
        names = {column for column, _ in cells}
        data = parquet_of({
            name: pa.array([cell if column == name else SOUND[name] for column, cell in cells]) for name in names
        })  # fmt: skip
    else:
        data = csv_of({column: quoted(cell)} for column, cell in cells)
        data = gzip.compress(data) if file_format == "csv.gz" else data
    return outcomes(chunk_of(data, file_format, len(cells)), [column for column, _ in cells])


def of_file(change: Change) -> str:
    """What becomes of the sound application in a file that is written otherwise."""
    data = csv_of([{}])
    assert change(data) != data
    try:
        chunk = chunk_of(change(data), "csv")
    except ScoringError as error:
        return refused(error)
    assert parse_rows(chunk).rows.equals(parse_rows(chunk_of(data, "csv")).rows)
    return "read as without it"


def of_type(column: str, values: pa.Array) -> str:
    """What becomes of the value of a parquet column."""
    try:
        chunk = chunk_of(parquet_of({column: values}), "parquet")
    except ScoringError as error:
        return refused(error)
    return str(outcomes(chunk, [column])[0])


# --- the document


def shortest(value: Any) -> str:
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def seen(text: str) -> str:
    """A text, each of whose characters can be seen."""
    words = [word.encode("ascii", "namereplace").decode() for word in text.split(" ")]
    return f"`{'␣'.join(words)}`".replace("\t", "\\t").replace("\n", "\\n") if text else "(nothing)"


def refused(error: ScoringError) -> str:
    return f"the file is refused: {error}".replace("<", "&lt;")


def section(title: str, head: str, rows: Iterable[Sequence[Any]]) -> list[str]:
    columns = head.split(" | ")
    lines = [columns, ["---"] * len(columns), *([str(cell) for cell in row] for row in rows)]
    return ["", f"## {title}", "", *(f"| {' | '.join(line)} |" for line in lines)]


INTRODUCTION = """\
# How values are read

Every notation that is tested, and what becomes of it: the value that is read; *missing*; or *set aside*, the row goes
to quarantine, by the rules of the column that it breaks. `parses`, in full `<COLUMN>_parses`, means that no value could
be read; by another rule a value was read that is outside the contract.

Numbers become the float64 next to them, as IEEE 754 rounds. A whole number is one only if its text is, to the last
digit, and it lies below 2^53. Text is taken as it is. What could be meant otherwise is set aside, but for one thing
that nobody can tell: a point is always the decimal point, so `1.500` is one and a half. An id with an exponent, like
`1.2E+11`, is set aside even if its value is exact: a spreadsheet shortens ids so, and nothing in the cell says whether
digits were lost. In any other column of whole numbers `1.5e1` is 15.

`␣` is a blank, `\\N{…}` a character beyond ASCII. Cells are shown without the quotes that CSV has around those with a
comma, a quote or a line end, and read the same from CSV, gzip and text columns of parquet. Written by `make docs` from
`tests/flows/test_notations.py`; do not edit it here. What stops a whole file or day: [bad-input.md](bad-input.md)."""


def document() -> str:
    """`docs/values.md`."""
    numbers = in_format([(column, cell) for _, cell in NUMBERS for column in (REAL, WHOLE)], "csv")
    fields = chunk_of(csv_of({column: field} for _, column, field in FIELDS), "csv")
    sections = [
        section(
            "Numbers",
            f"what | as delivered | any number ({REAL}) | whole number ({WHOLE})",
            (
                (what, seen(cell), real, whole)
                for (what, cell), real, whole in zip(NUMBERS, numbers[::2], numbers[1::2], strict=True)
            ),
        ),
        of_cells("Ids, flags and the limits of whole numbers", WHOLES, in_format([each[1:] for each in WHOLES], "csv")),
        of_cells("Text", TEXTS, in_format([each[1:] for each in TEXTS], "csv")),
        of_cells("Quotes, as they stand in a CSV file", FIELDS, outcomes(fields, [column for _, column, _ in FIELDS])),
        section(
            "Types of parquet",
            "type | column | as delivered | what becomes of it",
            ((what, column, f"`{values[0]}`", of_type(column, values)) for what, column, values in TYPED),
        ),
        section(
            "CSV files",
            "what | as it stands in the file | what becomes of it",
            ((what, f"`{sign}`", of_file(change)) for what, sign, change in FILES),
        ),
    ]
    return "\n".join([INTRODUCTION, *(line for each in sections for line in each), ""])


def of_cells(title: str, cells: Sequence[tuple[str, str, str]], told: Sequence[Outcome]) -> list[str]:
    rows = ((what, column, seen(cell), each) for (what, column, cell), each in zip(cells, told, strict=True))
    return section(title, "what | column | as delivered | what becomes of it", rows)


# --- what is promised of it


def test_the_sound_application_is_sound() -> None:
    assert [str(told) for told in in_format([(ID, "100001")], "csv")] == ["`100001`"]


@pytest.mark.parametrize("file_format", ["csv.gz", "parquet"])
def test_a_cell_reads_the_same_from_every_format(file_format: Format) -> None:
    cells = [(column, cell) for _, cell in NUMBERS for column in (REAL, WHOLE)]
    cells += [(column, cell) for _, column, cell in (*WHOLES, *TEXTS)]
    assert in_format(cells, file_format) == in_format(cells, "csv")


def test_a_line_end_in_a_cell_is_read_where_the_rows_are_announced() -> None:
    (told,) = outcomes(chunk_of(csv_of([{TEXT: '"With\nparents"'}]), "csv", 1), [TEXT])
    assert (told.value, told.broken) == ("With\nparents", (f"{TEXT}_in_domain",))


def test_the_document_shows_what_becomes_of_every_notation() -> None:
    written = document()
    if os.environ.get("WRITE_DOCS"):
        DOCUMENT.write_text(written, "utf-8")
    assert DOCUMENT.read_text("utf-8") == written
