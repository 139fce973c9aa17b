import hashlib
import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.core.applications import parse_rows
from tasks.core.feed.faults import FAULTS, STEM
from tasks.core.feed.spoiling import SPOILS
from tasks.core.feed.synthetic import FeedStatistics, synthesize_applications
from tasks.core.files import FORMATS
from tasks.core.lender.columns import NAMES, TARGET
from tasks.errors import ConfigError, PublishError
from tasks.feed.generate import GeneratedDay, generate_day, load_statistics, write_history
from tasks.store.folder import FolderStore
from tests.core.test_files import as_delivered

DAY = date(2025, 3, 3)
LANDING = "landing/day=2025-03-03"


@pytest.fixture(scope="module")
def statistics() -> FeedStatistics:
    return load_statistics()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def lay(store: FolderStore, statistics: FeedStatistics, *, rows: int = 40, **options: object) -> GeneratedDay:
    return generate_day(store, statistics, as_of=DAY, rows=rows, seed=1, **options)


def keys(store: FolderStore) -> list[str]:
    return [entry.key.removeprefix(f"{LANDING}/") for entry in store.list(f"{LANDING}/")]


def test_a_day_is_laid_with_a_control_file_that_names_every_file(
    store: FolderStore, statistics: FeedStatistics
) -> None:
    day = lay(store, statistics, rows=10, files=3)
    control = json.loads(store.read(f"{LANDING}/_control.json").data)
    contents = {name: store.read(f"{LANDING}/{name}").data for name in keys(store) if name != "_control.json"}
    assert control == {
        "day": "2025-03-03",
        "files": {
            name: {"rows": data.count(b"\n") - 1, "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in contents.items()
        },
    }
    assert sorted(contents) == ["applications_1.csv", "applications_2.csv", "applications_3.csv"]
    assert [file["rows"] for file in control["files"].values()] == [3, 3, 4]
    assert day.locations == tuple(store.location(f"{LANDING}/{name}") for name in sorted(contents))
    assert (day.rows, day.spoilt, day.drifts, day.faults, day.unchanged) == (10, {}, {}, {}, False)


def test_files_of_a_day_together_hold_the_day(store: FolderStore, statistics: FeedStatistics) -> None:
    lay(store, statistics, rows=10, files=3)
    parts = [as_delivered(store.read(f"{LANDING}/applications_{n}.csv").data, "csv") for n in (1, 2, 3)]
    whole = synthesize_applications(statistics, rows=10, seed=1, as_of=DAY)
    assert parse_rows(pa.concat_tables(parts)).rows.equals(whole)


@pytest.mark.parametrize("file_format", FORMATS)
def test_generating_a_day_again_changes_nothing(
    store: FolderStore, statistics: FeedStatistics, file_format: str
) -> None:
    first = lay(store, statistics, file_format=file_format, bad_share=0.2)
    again = lay(store, statistics, file_format=file_format, bad_share=0.2)
    assert (first.unchanged, again.unchanged) == (False, True)
    assert again.locations == first.locations


def test_other_bytes_are_refused_and_left_as_they_are(store: FolderStore, statistics: FeedStatistics) -> None:
    lay(store, statistics)
    before = store.read(f"{LANDING}/applications_1.csv").data
    with pytest.raises(PublishError, match=r"applications_1\.csv.*Nothing was written.*--overwrite"):
        lay(store, statistics, rows=41, files=2)
    assert store.read(f"{LANDING}/applications_1.csv").data == before
    assert keys(store) == ["_control.json", "applications_1.csv"]


def test_overwriting_replaces_the_generated_files_alone(store: FolderStore, statistics: FeedStatistics) -> None:
    lay(store, statistics, files=2)
    store.create(f"{LANDING}/corrections/applications_1.csv", b"kept")
    store.create(f"{LANDING}/branch.csv", b"kept")
    day = lay(store, statistics, file_format="parquet", overwrite=True)
    assert not day.unchanged
    assert keys(store) == ["_control.json", "applications_1.parquet", "branch.csv", "corrections/applications_1.csv"]
    assert list(json.loads(store.read(f"{LANDING}/_control.json").data)["files"]) == ["applications_1.parquet"]


def test_files_of_another_format_are_refused_without_overwrite(store: FolderStore, statistics: FeedStatistics) -> None:
    lay(store, statistics)
    with pytest.raises(PublishError, match=r"applications_1\.csv"):
        lay(store, statistics, file_format="parquet")


def test_a_generation_that_died_before_its_control_file_is_finished(
    store: FolderStore, statistics: FeedStatistics
) -> None:
    lay(store, statistics, files=2)
    store.delete(f"{LANDING}/_control.json")
    assert not lay(store, statistics, files=2).unchanged
    assert keys(store) == ["_control.json", "applications_1.csv", "applications_2.csv"]


def test_the_control_file_is_written_last(statistics: FeedStatistics, tmp_path: Path) -> None:
    written: list[str] = []

    class Recording(FolderStore):
        def create(self, key: str, data: bytes) -> None:
            written.append(key.rpartition("/")[2])
            super().create(key, data)

    lay(Recording(tmp_path), statistics, files=2)
    assert written == ["applications_1.csv", "applications_2.csv", "_control.json"]


def test_a_writer_in_between_is_reported(statistics: FeedStatistics, tmp_path: Path) -> None:
    class Raced(FolderStore):
        def create(self, key: str, data: bytes) -> None:
            super().create(key, b"other")
            super().create(key, data)

    with pytest.raises(PublishError, match="Somebody else wrote to"):
        lay(Raced(tmp_path), statistics)


def test_bad_rows_are_counted_over_all_files(store: FolderStore, statistics: FeedStatistics) -> None:
    day = lay(store, statistics, rows=200, files=2, bad_share=0.25)
    assert sum(day.spoilt.values()) == 50


@pytest.mark.parametrize(("bad_share", "type_"), [(0.0, "double"), (0.001, "double"), (0.1, "string")])
def test_parquet_is_typed_unless_rows_are_spoilt(
    store: FolderStore, statistics: FeedStatistics, bad_share: float, type_: str
) -> None:
    lay(store, statistics, file_format="parquet", bad_share=bad_share)
    table = as_delivered(store.read(f"{LANDING}/applications_1.parquet").data, "parquet")
    assert str(table.schema.field("AMT_CREDIT").type) == type_


def test_a_day_with_outcomes_has_the_same_applications(store: FolderStore, statistics: FeedStatistics) -> None:
    lay(store, statistics, with_target=True)
    delivered = as_delivered(store.read(f"{LANDING}/applications_1.csv").data, "csv")
    assert delivered.column_names[1] == TARGET
    assert parse_rows(delivered).rows.equals(synthesize_applications(statistics, rows=40, seed=1, as_of=DAY))


@pytest.mark.parametrize("files", [0, -1])
def test_a_day_has_at_least_one_file(store: FolderStore, statistics: FeedStatistics, files: int) -> None:
    with pytest.raises(ConfigError, match="at least 1 file"):
        lay(store, statistics, files=files)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_history_is_one_file_with_outcomes(statistics: FeedStatistics, tmp_path: Path, file_format: str) -> None:
    path = tmp_path / "new" / f"history.{file_format}"
    written = write_history(path, statistics, rows=30, seed=1, as_of=DAY, file_format=file_format)
    table = as_delivered(path.read_bytes(), file_format)
    assert (table.num_rows, len(table.column_names), table.column_names[1]) == (30, len(NAMES) + 1, TARGET)
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(path.parent.iterdir()) == [path]


def columns_that_differ(store: FolderStore, other: FolderStore) -> list[str]:
    rows, others = (as_delivered(each.read(f"{LANDING}/applications_1.csv").data, "csv") for each in (store, other))
    return [name for name in rows.column_names if not rows.column(name).equals(others.column(name))]


def test_a_drifting_day_differs_in_the_drifted_columns_alone(
    store: FolderStore, statistics: FeedStatistics, tmp_path: Path
) -> None:
    other = FolderStore(tmp_path / "other")
    lay(other, statistics, with_target=True)
    day = lay(store, statistics, with_target=True, drift="income:+0.3,missing:EXT_SOURCE_2:0.2")
    assert columns_that_differ(store, other) == ["AMT_INCOME_TOTAL", "EXT_SOURCE_2"]
    assert list(day.drifts) == ["income:+0.3", "missing:EXT_SOURCE_2:0.2"]


def test_rows_are_spoilt_after_the_day_has_drifted(store: FolderStore, statistics: FeedStatistics) -> None:
    lay(store, statistics, rows=200, bad_share=0.5, drift="shuffle:AMT_INCOME_TOTAL,unit:AMT_CREDIT:1000")
    cells = as_delivered(store.read(f"{LANDING}/applications_1.csv").data, "csv")
    for column in ("AMT_INCOME_TOTAL", "AMT_CREDIT"):
        bad = {cell for spoil in SPOILS.values() for name, cell in spoil.cells.items() if name == column and cell}
        assert bad <= set(cells.column(column).to_pylist())


@pytest.mark.parametrize("wrong", [{"drift": "income"}, {"faults": ["truncate"]}, {"faults": ["zip_bomb"]}])
def test_nothing_is_written_where_a_drift_or_fault_cannot_be(
    store: FolderStore, statistics: FeedStatistics, wrong: dict[str, object]
) -> None:
    with pytest.raises(ConfigError):
        lay(store, statistics, **wrong)
    assert keys(store) == []


EVERY_FAULT = [pytest.param(name, each, id=f"{name}-{each}") for name in FAULTS for each in FAULTS[name].formats]


@pytest.mark.parametrize(("fault", "file_format"), EVERY_FAULT)
def test_a_damaged_day_can_be_generated_again_and_overwritten(
    store: FolderStore, statistics: FeedStatistics, fault: str, file_format: str
) -> None:
    lay(store, statistics, files=2, file_format=file_format)
    sound = {name: store.read(f"{LANDING}/{name}").data for name in keys(store)}
    if fault != "not_announced":  # which replaces nothing
        with pytest.raises(PublishError, match="Other data lies there"):
            lay(store, statistics, files=2, file_format=file_format, faults=[fault])
    damaged = lay(store, statistics, files=2, file_format=file_format, faults=[fault], overwrite=True)
    assert {name: store.read(f"{LANDING}/{name}").data for name in keys(store)} != sound
    assert sorted(damaged.locations) == [store.location(f"{LANDING}/{name}") for name in keys(store) if STEM in name]
    again = lay(store, statistics, files=2, file_format=file_format, faults=[fault])
    assert (damaged.unchanged, again.unchanged) == (False, True)
    assert again.faults == {fault: FAULTS[fault].phrase}
    lay(store, statistics, files=2, file_format=file_format, overwrite=True)
    assert {name: store.read(f"{LANDING}/{name}").data for name in keys(store)} == sound


def test_a_file_whose_name_begins_like_the_control_file_is_somebody_elses(
    store: FolderStore, statistics: FeedStatistics
) -> None:
    store.create(f"{LANDING}/_control.json.asc", b"signed")
    lay(store, statistics)
    lay(store, statistics, faults=["header_only"], overwrite=True)
    assert keys(store) == ["_control.json.asc", "applications_1.csv"]
