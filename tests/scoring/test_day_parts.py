"""A day comes out the same however it is cut into parts, and whoever works on them, whatever becomes of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import load_settings
from tasks.core.contract.screening import SOURCE_ROW
from tasks.core.day.records import DataFile, PartRef
from tasks.core.files import encode
from tasks.errors import ExpectationsNotMet, SourceError
from tasks.model.load import load_contract
from tasks.running import processes
from tasks.running.processes import WorkerProcesses, end_processes
from tasks.scoring import day_parts, day_workers
from tasks.scoring.day_parts import parts_in_work
from tasks.scoring.day_workers import begin_workers
from tasks.scoring.screen_score import screen_and_score
from tests.conftest import DAY, Project
from tests.days import Day, delivered, elsewhere, lay

ROWS: Final = 500
RANGES: Final = {"range_megabytes": 0.04}
"""Settings under which the file of the day is cut into six or more ranges."""


@pytest.fixture(scope="module", autouse=True)
def _no_processes_left() -> Iterator[None]:
    yield
    end_processes()


@pytest.fixture(scope="module")
def whole(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day of one CSV file, a tenth of its rows bad, worked on as a whole."""
    project = elsewhere(trained, tmp_path_factory.mktemp("whole") / "store")
    project.deliver(rows=ROWS, bad_share=0.1)
    return Day(project.with_settings(contract={"max_quarantined_share": 0.5}))


@pytest.fixture
def copied(whole: Day, tmp_path: Path) -> Project:
    """The same landing in a store of its own, without what another run has finished."""
    shutil.copytree(whole.project.root / "landing", tmp_path / "store/landing")
    return elsewhere(whole.project, tmp_path / "store")


def cut(project: Project, runner: str = "threads", workers: int = 1, **execution: Any) -> Day:
    """The day cut into ranges, and worked on as told."""
    settings = {"execution": {"runner": runner, **RANGES, **execution}, "scoring": {"workers": workers}}
    return Day(project.with_settings(**settings))


def content_of(day: Day) -> tuple[Any, ...]:
    """All that is published of a day, and all that is counted on the way."""
    audited = day.audited
    assert audited.quarantine
    return audited.decisions.sha256, audited.quarantine.sha256, audited.files, audited.by_rule, audited.control_totals


def test_a_file_is_worked_on_as_a_whole_unless_it_is_large(whole: Day) -> None:
    assert [part.rows for part in whole.parts] == [ROWS]
    assert not whole.delivery.files[0].ranges


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("runner", ["threads", "processes"])
def test_ranges_make_the_same_day(copied: Project, whole: Day, runner: str, workers: int) -> None:
    day = cut(copied, runner, workers)
    assert len(day.parts) >= 6
    assert content_of(day) == content_of(whole)


@pytest.mark.parametrize("runner", ["threads", "processes"])
def test_parts_on_s3_make_the_same_day(whole: Day, s3_root: str, runner: str) -> None:
    project = whole.project.with_settings(storage={"root": s3_root})
    day = cut(project, runner, 2)
    for path in sorted((whole.project.root / "landing").rglob("*.*")):
        day.store.create(str(path.relative_to(whole.project.root)), path.read_bytes())
    assert len(day.parts) >= 6
    assert content_of(day) == content_of(whole)


def test_threads_load_contract_and_model_one_after_the_other(copied: Project, whole: Day) -> None:
    load_contract.cache_clear()
    before = load_contract.cache_info().misses
    assert content_of(cut(copied, "threads", 5)) == content_of(whole)
    assert load_contract.cache_info().misses == before + 1


class Backwards:
    """Works on the last order first, and gives the results in their order."""

    is_apart = True

    def run(self, work: Callable[[Any], Any], orders: Iterable[Any], **_: Any) -> Generator[Any, None, None]:
        yield from reversed([work(order) for order in reversed(list(orders))])


def test_parts_worked_on_in_any_order_make_the_same_day(
    copied: Project, whole: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_parts, "runner_of", lambda *_: Backwards())
    assert content_of(cut(copied)) == content_of(whole)


def test_files_of_every_kind_are_parts_side_by_side(copied: Project) -> None:
    text = (copied.landing / "applications_1.csv").read_bytes()
    rows = pa.Table.from_pandas(delivered(copied), preserve_index=False).cast(
        pa.schema([(name, pa.string()) for name in delivered(copied).columns])
    )
    lay(copied, delivered(copied)[:0])
    (copied.landing / "applications_1.csv").unlink()
    (copied.landing / "a.csv").write_bytes(text)
    (copied.landing / "b.csv.gz").write_bytes(encode(rows.slice(0, 50), "csv.gz"))
    pq.write_table(rows.slice(50, 50), copied.landing / "c.parquet")
    alone = Day(copied.with_settings(scoring={"workers": 1})).audited
    shutil.rmtree(copied.root / "work")
    beside = cut(copied, "processes", 3)
    assert [part.file.name for part in beside.parts[-2:]] == ["b.csv.gz", "c.parquet"]
    assert beside.audited.decisions.sha256 == alone.decisions.sha256
    assert beside.audited.files == alone.files


def test_a_process_that_is_killed_costs_its_part(copied: Project, whole: Day, caplog: pytest.LogCaptureFixture) -> None:
    day = cut(copied, "processes", 2)
    (file,) = day.delivery.files
    killed: list[int] = []

    def kill_one(_rows: int) -> None:
        if not killed:
            workers = next(iter(processes._STARTED.values()))._workers
            killed.append(next(each.process.pid for each in workers if each.places))
            os.kill(killed[0], signal.SIGKILL)

    with parts_in_work([file], day.pins, day.settings) as work:
        for worked in work.of(file, lambda rows: None):
            assert worked.part
            kill_one(worked.part.rows)
    assert killed
    assert len([line for line in caplog.messages if "worked on again" in line]) == 1
    assert content_of(day) == content_of(whole)


def data_files_of(part: PartRef) -> tuple[DataFile, ...]:
    return part.decided, part.rejected


def test_parts_that_a_dead_run_finished_are_not_worked_on_again(copied: Project, whole: Day) -> None:
    day = cut(copied)
    (file,) = day.delivery.files
    with parts_in_work([file], day.pins, day.settings) as work:
        done = [next(each) for each in [work.of(file, lambda rows: None)] for _ in range(3)]
    written = {
        each.key: (copied.root / each.key).stat().st_mtime_ns for worked in done for each in data_files_of(worked.part)
    }
    again = cut(copied, "processes", 2)
    assert [worked.part for worked in done] == [
        replace(part, file=replace(file, ranges=())) for part in again.parts[:3]
    ]
    assert written == {key: (copied.root / key).stat().st_mtime_ns for key in written}
    assert content_of(again) == content_of(whole)


def test_a_file_whose_result_was_kept_is_left_out(copied: Project) -> None:
    text = (copied.landing / "applications_1.csv").read_bytes()
    lay(copied, delivered(copied)[:0])
    for name in ("applications_1.csv", "b.csv", "c.csv"):
        header, rows = text.split(b"\n", 1)
        own = b"".join(b"%d%s\n" % (9, line) for line in rows.splitlines()) if name != "applications_1.csv" else rows
        (copied.landing / name).write_bytes(header + b"\n" + own)
    first = cut(copied)
    results = {part.file.name for part in first.parts}
    for kept in (copied.root / "work").rglob("applications_1.csv.*.json"):
        kept.unlink()
    for kept in (copied.root / "work").rglob("c.csv.*.json"):
        kept.unlink()
    assert len(results) == 3
    assert cut(copied, "processes", 2).parts == first.parts


def test_orders_and_kept_results_do_not_repeat_the_ranges_of_the_file(copied: Project) -> None:
    day = cut(copied)
    assert all(part.file.ranges for part in day.parts)
    (kept,) = [
        json.loads(path.read_text())
        for path in (copied.root / "work").rglob("applications_1.csv.*.json")
        if "results" in path.read_text()
    ]
    assert len(kept["file"]["ranges"]) == len(kept["results"]) >= 6
    assert {len(result["file"]["ranges"]) for result in kept["results"]} == {0}


def test_rows_keep_their_place_in_the_file(copied: Project, whole: Day) -> None:
    def places(day: Day) -> list[int]:
        keys = [key for part in day.parts for key in (part.decided.key, part.rejected.key)]
        return sorted(row for key in keys for row in pq.read_table(day.project.root / key)[SOURCE_ROW].to_pylist())

    assert places(cut(copied)) == places(whole) == list(range(1, ROWS + 1))


# --- files that cannot be read range by range


def with_line_end_in_a_cell(project: Project, row: int) -> None:
    """Deliver the file with a text that runs over a line end in one row, and announce its rows."""
    rows = delivered(project)
    rows.loc[row, "NAME_TYPE_SUITE"] = "Unac\ncompanied"
    lay(project, rows)


@pytest.mark.parametrize("runner", ["threads", "processes"])
@pytest.mark.parametrize("row", [3, ROWS - 3])
def test_a_cell_with_a_line_end_stops_the_day_as_it_does_in_the_whole(
    copied: Project, row: int, runner: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with_line_end_in_a_cell(copied, row)
    message = r"applications_1.csv has a cell that runs over a line end: a quote was opened and not closed"
    with pytest.raises(SourceError, match=message):
        assert cut(copied, runner, 2).parts
    assert "applications_1.csv cannot be read range by range; it is read again as a whole" in caplog.text


def test_an_announced_file_with_a_line_end_in_a_cell_is_worked_on_as_a_whole(copied: Project) -> None:
    with_line_end_in_a_cell(copied, 200)
    day = cut(copied, "processes", 2)
    (file,) = day.delivery.files
    announced = replace(file, announced_rows=ROWS)
    (part,) = screen_and_score(announced, day.pins, day.settings).parts
    assert part.rows == ROWS


def test_a_file_that_changes_after_it_was_listed_stops_the_day(copied: Project) -> None:
    day = cut(copied, "processes", 2)
    assert day.pins
    path = copied.landing / "applications_1.csv"
    text = bytearray(path.read_bytes())
    text[-20:-19] = b"7"
    path.write_bytes(text)
    with pytest.raises(SourceError, match="applications_1.csv changed while it was being read"):
        assert day.parts


def test_a_file_that_vanishes_after_it_was_listed_stops_the_day(copied: Project) -> None:
    day = cut(copied)
    assert day.pins
    (copied.landing / "applications_1.csv").unlink()
    with pytest.raises(SourceError, match="applications_1.csv was listed and is gone"):
        assert day.parts


@pytest.mark.parametrize("runner", ["threads", "processes"])
def test_a_header_that_breaks_the_contract_stops_the_day(copied: Project, runner: str) -> None:
    lay(copied, delivered(copied).drop(columns="AMT_CREDIT"))
    with pytest.raises(ExpectationsNotMet, match="1 of 121 required columns are missing from applications_1.csv"):
        assert cut(copied, runner, 2).parts


def test_columns_that_nobody_declared_are_told_once(copied: Project, caplog: pytest.LogCaptureFixture) -> None:
    lay(copied, delivered(copied).assign(BRANCH="x"))
    assert len(cut(copied).parts) >= 6
    assert [line for line in caplog.messages if "declared" in line] == [
        "applications_1.csv: 1 column that nobody declared, ignored: 'BRANCH'"
    ]


def test_progress_is_told_part_by_part(copied: Project, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    day = cut(copied)
    assert day.parts
    told = [int(line.split()[1]) for line in caplog.messages if line.endswith("rows screened and scored")]
    rows = [part.rows for part in day.parts]
    assert told == [sum(rows[: n + 1]) for n in range(len(rows))]


# --- who works


@pytest.mark.parametrize(
    ("runner", "execution", "is_begun"),
    [("processes", RANGES, True), ("processes", {}, False), ("threads", RANGES, False)],
)
def test_processes_are_begun_early_for_a_landing_with_work_for_several(
    copied: Project, runner: str, execution: dict[str, Any], is_begun: bool
) -> None:
    end_processes()
    configured = load_settings(copied.with_settings(execution={"runner": runner, **execution}).config)
    begin_workers(DAY, configured)
    assert bool(processes._STARTED) == is_begun
    begun = dict(processes._STARTED)
    begin_workers(DAY, configured)
    assert begun == processes._STARTED


def test_a_single_part_is_worked_on_in_the_run_itself(copied: Project) -> None:
    configured = load_settings(copied.with_settings(execution={"runner": "processes"}).config)
    assert not day_workers.runner_of(configured, 1).is_apart
    assert isinstance(day_workers.runner_of(configured, 2), WorkerProcesses)
