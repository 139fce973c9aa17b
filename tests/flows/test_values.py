"""No applicant's value leaves the store: not in a log, an error, an event, an artifact, a report or a registered model.

Days and history carry marked values, a different one in every cell that can hold one. They are run on a real Prefect
server; then everything that was said anywhere is searched for the marks.
"""

import base64
import binascii
import io
import logging
import re
import shutil
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect import Flow
from prefect.settings import PREFECT_HOME, PREFECT_SERVER_DATABASE_CONNECTION_URL

from flows.monitor_decisions import monitor_decisions
from flows.score_applications import score_applications
from flows.train_model import train_model
from tasks.core.lender.columns import COLUMNS, ID, NAMES, TARGET, TEXTS
from tasks.errors import ExpectationsNotMet, ScoringError, SourceError
from tasks.feed.generate import generate_day, load_statistics, write_history
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project

ROWS = 300
MARK = "MARKED_7731"
AMOUNTS = {"AMT_INCOME_TOTAL": 773_100.5, "AMT_CREDIT": 773_100.75, "AMT_GOODS_PRICE": 773_100.25}
SHARES = tuple(
    column.name
    for column in COLUMNS
    if column.kind == "real" and column.name not in {*AMOUNTS, "AMT_ANNUITY", "REGION_POPULATION_RELATIVE"}
)
SCORES = ("EXT_SOURCE_1", "EXT_SOURCE_2", "EXT_SOURCE_3")
FIRST = range(10, 15)
MARKED_ROWS = range(10, 55)
Change = Callable[[pd.DataFrame], pd.DataFrame | bytes]


def identity(row: int) -> int:
    return 7_731_000_000 + row


def amount(name: str, row: int) -> float:
    return AMOUNTS[name] + row


def share(name: str, row: int) -> float:
    return round(0.7731 + (100 * row + SHARES.index(name)) * 1e-8, 8)


def huge(name: str, row: int) -> float:
    return 7_731_000_000.5 + 1000 * row + NAMES.index(name)


NUMBERS = np.unique(
    [
        number
        for row in MARKED_ROWS
        for number in (
            identity(row),
            *(amount(name, row) for name in AMOUNTS),
            *(share(name, row) for name in SHARES),
            *(huge(name, row) for name in NAMES),
        )
    ]
)


# --- the marks, valid and not


def valid(frame: pd.DataFrame, rows: range = FIRST, shares: Sequence[str] = SHARES) -> pd.DataFrame:
    """Rows that any contract would take."""
    for row in rows:
        frame.loc[row, ID] = str(identity(row))
        for name in AMOUNTS:
            frame.loc[row, name] = str(amount(name, row))
        for name in shares:
            frame.loc[row, name] = f"{share(name, row):.8f}"
    return frame


def letters(frame: pd.DataFrame, rows: range = FIRST) -> pd.DataFrame:
    """Text where numbers belong, and categories nobody declared."""
    for row in rows:
        frame.loc[row] = [f"{MARK}_{name}_{row}" for name in frame.columns]
    return frame


def everywhere(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.apply(lambda column: [f"{MARK}_{column.name}_{row}" for row in frame.index])


def categories(frame: pd.DataFrame, rows: range) -> pd.DataFrame:
    for row in rows:
        frame.loc[row, list(TEXTS)] = [f"{MARK}_{name}_{row}" for name in TEXTS]
    return valid(frame, rows)


def out_of_range(frame: pd.DataFrame, rows: range) -> pd.DataFrame:
    numeric = [column.name for column in COLUMNS if column.kind != "text"]
    for row in rows:
        frame.loc[row, numeric] = [repr(huge(name, row)) for name in numeric]
    return frame


def conflicting(frame: pd.DataFrame, rows: range) -> pd.DataFrame:
    """Each of the rows twice: the first as it is, the others with another credit."""
    again = valid(frame, rows).loc[list(rows)].copy()
    again.loc[rows[1] :, "AMT_CREDIT"] = [str(amount("AMT_GOODS_PRICE", row)) for row in rows[1:]]
    return pd.concat([frame, again], ignore_index=True)


def set_aside(frame: pd.DataFrame) -> pd.DataFrame:
    """Of every kind some, together within the quarantine budget."""
    frame = out_of_range(categories(letters(frame, range(10, 15)), range(20, 25)), range(30, 35))
    return conflicting(valid(frame, range(40, 45)), range(50, 55))


# --- files that break in the midst of them


def csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def broken(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    return lambda frame: b"\n".join(change(csv(letters(frame)).split(b"\n")))


def in_marked_line(change: Callable[[bytes], bytes]) -> Change:
    return broken(lambda lines: [change(line) if MARK.encode() in line else line for line in lines])


def cut_off(lines: list[bytes]) -> list[bytes]:
    return [*lines[:12], lines[12][:-700]]


def header_of_values(lines: list[bytes]) -> list[bytes]:
    """A row in the header's place, one of whose cells happens to be a column's name."""
    return [b"AMT_CREDIT," + lines[12].partition(b",")[2], *lines[13:]]


def parquet(change: Callable[[pa.Table], pa.Table]) -> Change:
    def write(frame: pd.DataFrame) -> bytes:
        sink = io.BytesIO()
        pq.write_table(change(pa.Table.from_pandas(letters(frame), preserve_index=False)), sink)
        return sink.getvalue()

    return write


def as_binary(rows: pa.Table) -> pa.Table:
    return rows.cast(pa.schema([(name, pa.binary()) for name in rows.column_names]))


def not_utf8(rows: pa.Table) -> pa.Table:
    """Every text ends in a byte that no UTF-8 text has."""
    cells = pa.array([f"{cell}".encode() + b"\xff" for cell in rows.column(0).to_pylist()], pa.binary())
    return rows.set_column(1, rows.column_names[1], cells.view(pa.string()))


DAYS: dict[str, tuple[Change, str, type[ScoringError] | None]] = {
    "published": (set_aside, "csv", None),
    "published from parquet": (parquet(lambda rows: rows), "parquet", None),
    "letters everywhere": (everywhere, "csv", ExpectationsNotMet),
    "no header": (lambda frame: csv(everywhere(frame)).partition(b"\n")[2], "csv", SourceError),
    "a header of values": (broken(header_of_values), "csv", ExpectationsNotMet),
    "open quote": (in_marked_line(lambda line: b'"' + line), "csv", SourceError),
    "not UTF-8": (in_marked_line(lambda line: line.replace(b"MARKED", b"MARKED\xff")), "csv", SourceError),
    "too many fields": (in_marked_line(lambda line: line + b"," + MARK.encode()), "csv", SourceError),
    "cut off": (broken(cut_off), "csv", SourceError),
    "no last line end": (broken(lambda lines: lines[:12]), "csv", SourceError),
    "UTF-16": (lambda frame: csv(letters(frame)).decode().encode("utf-16"), "csv", SourceError),
    "NUL": (in_marked_line(lambda line: line.replace(b"MARKED", b"MARKED\0")), "csv", SourceError),
    "a web page": (lambda frame: f"<html>{MARK}</html>".encode(), "csv", SourceError),
    "binary parquet": (parquet(as_binary), "parquet", SourceError),
    "parquet that is not UTF-8": (parquet(not_utf8), "parquet", SourceError),
    "no parquet": (lambda frame: csv(letters(frame)), "parquet", SourceError),
}
ON_PREFECT = {"published", "letters everywhere", "not UTF-8", "too many fields", "parquet that is not UTF-8"}
AS_OF = {name: DAY + timedelta(days=n) for n, name in enumerate(DAYS)}


# --- the runs


@pytest.fixture(scope="module")
def marked(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a registry of its own, whose landing holds the marked days."""
    folder = tmp_path_factory.mktemp("marked")
    shutil.copy(Path(trained.config).with_name("mlflow.db"), folder / "mlflow.db")  # already migrated
    registry = {
        "tracking_uri": f"sqlite:///{folder}/mlflow.db",
        "artifact_root": str(folder / "artifacts"),
        "experiment": "marked",
        "model_name": "marked",
    }
    calendar = folder / "calendar.yaml"
    calendar.write_text("zone: UTC\nweekend: []\nholidays: {}\nzero_row_days: {}\n")
    settings = {
        "registry": registry,
        "storage": {"root": str(folder / "store")},
        "scoring": {"calendar": str(calendar)},
        "training": {"max_trees": 20, "choice_rows": 1000},
    }
    config = folder / "settings.yaml"
    shutil.move(trained.with_settings(**settings).config, config)
    for name, (change, file_format, _) in DAYS.items():
        lay_day(folder / "store", AS_OF[name], change, file_format)
    return Project(str(config), folder / "store")


def lay_day(root: Path, as_of: date, change: Change, file_format: str) -> None:
    generate_day(FolderStore(root), load_statistics(), as_of=as_of, rows=ROWS, seed=11)
    landing = root / f"landing/day={as_of}"
    changed = change(pd.read_csv(landing / "applications_1.csv", dtype=str, keep_default_na=False))
    for path in landing.iterdir():
        path.unlink()
    data = changed if isinstance(changed, bytes) else csv(changed)
    (landing / f"canary.{file_format}").write_bytes(data)


@pytest.fixture(scope="module")
def said(marked: Project, prefect_server: None) -> dict[str, bytes]:  # noqa: ARG001 - the server must run
    """Place to all that was said there."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    runs: list[UUID] = []
    told: list[str] = []
    try:
        for run, parameters, error in all_runs(marked):
            run_id, result = finished(run, **parameters, config=marked.config)
            runs.extend([run_id] if run_id else [])
            assert isinstance(result, error) if error else not isinstance(result, BaseException), parameters
            told.append(repr(result))
            if isinstance(result, BaseException):
                told.extend([str(result), *traceback.format_exception(result)])
    finally:
        logging.getLogger().removeHandler(handler)
    return {
        "terminal and loggers": heard.getvalue().encode(),
        "errors, tracebacks and results": "\n".join(told).encode(),
        "Prefect's database": database_when_settled(runs),
        "files of Prefect": content(Path(PREFECT_HOME.value()), lambda path: True),
        "registry": content(marked.root.parent, lambda path: "store" not in path.relative_to(marked.root.parent).parts),
        "reports": content(marked.root / "reports", lambda path: True) + figures(marked.root / "monitoring"),
        "store but for its rows": content(
            marked.root,
            lambda path: path.suffix != ".parquet" and "landing" not in path.relative_to(marked.root).parts,
        ),
    }


def finished(run: Any, **parameters: Any) -> tuple[UUID | None, Any]:
    """The flow run's id, if it is on Prefect, and what it returned or raised."""
    if isinstance(run, Flow):
        state: Any = run(**parameters, return_state=True)
        return state.state_details.flow_run_id, state.result(raise_on_failure=False)
    try:
        return None, run(**parameters)
    except ScoringError as error:
        return None, error


def all_runs(marked: Project) -> Iterator[tuple[Any, dict[str, Any], type[ScoringError] | None]]:
    history = marked.root.parent / "history.csv"
    write_history(history, load_statistics(), rows=1500, seed=5, as_of=date(2026, 10, 1))
    # Amid the others: the model's text gives the range of each input, and an outer quantile is nearly somebody's value.
    frame = valid(pd.read_csv(history, dtype=str, keep_default_na=False), shares=SCORES)
    frame.iloc[20:25] = letters(frame.iloc[:20].copy()).iloc[10:15].to_numpy()
    frame[TARGET] = frame[TARGET].where(frame[TARGET].isin(["0", "1"]), "0")
    frame.to_csv(history, index=False)
    yield train_model, {"applications": [str(history)]}, None
    history.unlink()
    for name, (_, _, error) in DAYS.items():
        yield score_applications if name in ON_PREFECT else score_applications.fn, {"as_of": AS_OF[name]}, error
        if name == "published":
            yield monitor_decisions, {"as_of": AS_OF[name]}, None


def database_when_settled(runs: list[UUID]) -> bytes:
    """Every value in Prefect's database, once the last run's log lines and events have reached it."""
    path = Path(re.sub(r"^sqlite\+aiosqlite:///", "", str(PREFECT_SERVER_DATABASE_CONNECTION_URL.value())))
    deadline = time.monotonic() + 60
    while True:
        tables = database_values(path)
        settled = all(str(run) in " ".join(tables[name]) for name in ("events", "log") for run in (runs[0], runs[-1]))
        if settled or time.monotonic() > deadline:
            assert settled, "the last run's log lines and events never reached the database"
            return "\n".join(cell for cells in tables.values() for cell in cells).encode()
        time.sleep(0.5)


def database_values(path: Path) -> dict[str, list[str]]:
    """Table to all its cells as text."""
    with closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        return {
            table: [as_text(cell) for row in database.execute(f'select * from "{table}"') for cell in row]
            for table in tables
        }


def as_text(cell: object) -> str:
    return cell.decode("latin-1") if isinstance(cell, bytes) else str(cell)


def content(folder: Path, is_meant: Callable[[Path], bool]) -> bytes:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and is_meant(path)]
    return b"\n".join(data for path in files for data in (path.name.encode(), path.read_bytes()))


def figures(folder: Path) -> bytes:
    """All figures of monitored days as text."""
    tables = [pq.read_table(path).to_pandas() for path in sorted(folder.rglob("*.parquet"))]
    assert tables
    return b"".join(map(csv, tables))


# --- the search


def marks_in(data: bytes) -> list[bytes]:
    """Every mark in the data, with what stands around it: as text, as a number, or in a plot's packed numbers."""
    found = [data[max(0, each.start() - 80) : each.end() + 40] for each in re.finditer(MARK.encode(), data)]
    for each in re.finditer(rb"7731", data):
        around = data[max(0, each.start() - 12) : each.end() + 12]
        token = re.search(rb"[\d.]*7731[\d.]*", around)
        if token and is_mark(token[0]):
            found.append(data[max(0, each.start() - 80) : each.end() + 40])
    for packed in re.findall(rb'"bdata": ?"([^"]+)"', data):
        numbers = unpacked(packed)
        found.extend(repr(number).encode() for number in numbers[np.isin(numbers, NUMBERS)])
    return found


def is_mark(token: bytes) -> bool:
    try:
        number = float(token.strip(b"."))
    except ValueError:
        return False
    return bool(np.isin(number, NUMBERS) or (number > 1 and np.isin(number, np.floor(NUMBERS))))


def unpacked(packed: bytes) -> np.ndarray:
    try:
        data = base64.b64decode(packed.replace(b"\\u002f", b"/"))
    except binascii.Error:
        return np.empty(0)
    return np.frombuffer(data[: len(data) // 8 * 8], "<f8")


PLACES = (
    "terminal and loggers", "errors, tracebacks and results", "Prefect's database", "files of Prefect", "registry",
    "reports", "store but for its rows",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_value_of_an_applicant_leaves_the_store(said: dict[str, bytes], place: str) -> None:
    assert set(said) == set(PLACES)
    assert len(said[place]) > 1000 or place == "files of Prefect"  # where neither a result nor an error is kept
    assert marks_in(said[place])[:5] == []


@pytest.mark.parametrize("place", ["terminal and loggers", "errors, tracebacks and results", "Prefect's database"])
def test_the_search_saw_what_was_said_of_the_bad_days(said: dict[str, bytes], place: str) -> None:
    assert b"canary.csv cannot be read: it is not UTF-8 text" in said[place]
    assert b"canary.parquet cannot be read: it is not UTF-8 text" in said[place]


@pytest.mark.usefixtures("said")
def test_the_search_finds_marks_where_rows_may_lie(marked: Project) -> None:
    landing = content(marked.root / f"landing/day={AS_OF['published']}", lambda path: True)
    assert len(marks_in(landing)) > 1000
    for name, n_rows in {"published": 23, "published from parquet": 5}.items():
        (path,) = (marked.root / f"quarantine/day={AS_OF[name]}").iterdir()
        quarantine = pq.read_table(path).to_pandas()
        assert sum(bool(marks_in(csv(quarantine.iloc[[row]]))) for row in range(len(quarantine))) == n_rows
    decided = pq.read_table(marked.root / f"decisions/day={AS_OF['published']}/decisions.parquet").to_pandas()
    assert len(marks_in(csv(decided))) == 5 + 1


@pytest.mark.parametrize(
    "hidden",
    [
        f'{{"value": "{MARK}_AMT_CREDIT_11"}}',
        f"income of {amount('AMT_CREDIT', 11)} is",
        f"[{int(amount('AMT_CREDIT', 11))}, 2]",
        f"id={identity(12)}.",
        f"{share('EXT_SOURCE_2', 13):.8f}",
        '{"y": {"dtype": "f8", "bdata": "%s"}}'  # noqa: UP031
        % base64.b64encode(np.array([1.0, amount("AMT_CREDIT", 11)]).tobytes()).decode(),
    ],
)
def test_the_search_finds_a_mark_in_any_spelling(hidden: str) -> None:
    assert marks_in(hidden.encode())


def test_the_search_does_not_take_a_digest_for_a_mark() -> None:
    assert marks_in(b"sha256 77310a4f12, port 7731, 2026-11-02T07:31:10.7731+00:00, run 0.7731") == []
