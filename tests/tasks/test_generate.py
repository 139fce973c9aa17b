import gzip
import hashlib
import io
import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from tasks.core.applications import NAMES, TARGET, parse_rows
from tasks.core.synthetic import FeedStatistics, synthesize_applications
from tasks.errors import ConfigError, PublishError
from tasks.generate import FORMATS, GeneratedDay, encode, generate_day, load_statistics, write_history
from tasks.store.folder import FolderStore

DAY = date(2025, 3, 3)
LANDING = "landing/day=2025-03-03"


@pytest.fixture(scope="module")
def statistics() -> FeedStatistics:
    return load_statistics()


@pytest.fixture(scope="module")
def applications(statistics: FeedStatistics) -> pa.Table:
    return synthesize_applications(statistics, rows=500, seed=1, as_of=DAY)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def lay(store: FolderStore, statistics: FeedStatistics, *, rows: int = 40, **options: object) -> GeneratedDay:
    return generate_day(store, statistics, as_of=DAY, rows=rows, seed=1, **options)


def as_delivered(data: bytes, file_format: str) -> pa.Table:
    if file_format == "parquet":
        return pq.read_table(io.BytesIO(data))
    text = gzip.decompress(data) if file_format == "csv.gz" else data
    names = text[: text.index(b"\n")].decode().split(",")
    options = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    return pa_csv.read_csv(io.BytesIO(text), convert_options=options)


def keys(store: FolderStore) -> list[str]:
    return [entry.key.removeprefix(f"{LANDING}/") for entry in store.list(f"{LANDING}/")]


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_encoded_day_reads_back_equal(applications: pa.Table, file_format: str) -> None:
    rows, unparsable = parse_rows(as_delivered(encode(applications, file_format), file_format))
    assert unparsable == {}
    assert rows.equals(applications)


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_same_rows_give_the_same_bytes(applications: pa.Table, file_format: str) -> None:
    assert encode(applications, file_format) == encode(applications, file_format)


def test_csv_is_written_as_the_feed_writes_it() -> None:
    table = pa.table({"a": [5.0, None, 0.25], "b": ["Stone, brick", 'so "called"', None], "c": ["x", "y", "z"]})
    assert encode(table, "csv") == b'a,b,c\n5,"Stone, brick",x\n,"so ""called""",y\n0.25,,z\n'


def test_many_blocks_of_csv_read_like_one(applications: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encode(applications, "csv")
    monkeypatch.setattr("tasks.generate._ROWS_A_BLOCK", 100)
    assert encode(applications, "csv") == whole


def test_a_table_without_rows_is_a_header() -> None:
    assert encode(pa.table({"a": pa.array([], pa.string())}), "csv") == b"a\n"


def test_gzip_carries_neither_time_nor_name(applications: pa.Table) -> None:
    data = encode(applications, "csv.gz")
    flags, modified = data[3], data[4:8]
    assert (flags, modified) == (0, b"\0\0\0\0")


def test_an_unknown_format_names_the_allowed_ones(applications: pa.Table) -> None:
    with pytest.raises(ConfigError, match=r"'parque'; allowed are csv, csv\.gz, parquet\. Did you mean 'parquet'"):
        encode(applications, "parque")


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
    assert [file.rows for file in day.files] == [3, 3, 4]
    assert (day.rows, day.spoilt, day.unchanged) == (10, {}, False)


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
    assert again.files == first.files


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
