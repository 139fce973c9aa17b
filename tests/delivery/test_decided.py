"""Delivered rows of decided applications are found again, the last correction first."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from configs.settings import Scoring
from tasks.core.day.manifest import Manifest
from tasks.core.lender.columns import NAMES
from tasks.delivery.decided import decided_chunks, decided_rows
from tasks.publication.expired import note_expired
from tasks.publication.layout import landing_key
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_manifest

SCORING = Scoring(chunk_rows=2)


def text_of(*rows: tuple[int, float]) -> bytes:
    """A CSV file of applications, each with an id and a credit amount alone."""
    lines = [",".join(NAMES)]
    for applicant, amount in rows:
        cells = dict.fromkeys(NAMES, "") | {"SK_ID_CURR": str(applicant), "AMT_CREDIT": str(amount)}
        lines.append(",".join(cells.values()))
    return ("\n".join(lines) + "\n").encode()


FILES = {
    "a.csv": text_of((4, 40), (1, 10), (2, 20), (1, 10), (3, 30)),
    "corrections/a.csv": text_of((2, 21)),
    "corrections/b.csv": text_of((2, 22)),
}


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path)
    for name, data in FILES.items():
        store.create(landing_key(DAY) + name, data)
    return store


def published(files: Mapping[str, bytes] = FILES) -> Manifest:
    return made_manifest(inputs={name: hashlib.sha256(data).hexdigest() for name, data in files.items()})


def found(store: FolderStore, *ids: int) -> tuple[dict[int, float], tuple[str, ...]]:
    """Id to amount of the rows that are found, and the remarks."""
    results = pa.table({"application_id": pa.array(ids, pa.int64())})
    decided = decided_rows(store, published(), results, SCORING)
    columns = (decided.rows.column(name).to_pylist() for name in ("SK_ID_CURR", "AMT_CREDIT"))
    return dict(zip(*columns, strict=True)), decided.remarks


def test_the_last_correction_counts_and_of_copies_the_first(store: FolderStore) -> None:
    assert found(store, 3, 2, 1) == ({1: 10, 2: 22, 3: 30}, ())


def test_an_id_that_no_file_holds_is_left_out(store: FolderStore) -> None:
    assert found(store, 3, 9) == ({3: 30}, ())


def test_no_file_is_read_once_all_rows_are_found(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / landing_key(DAY) / "a.csv").write_bytes(b"no applications")
    assert found(store, 2) == ({2: 22}, ())


def test_a_file_that_changed_since_is_read_and_remarked_on(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / landing_key(DAY) / "a.csv").write_bytes(text_of((3, 31)))
    rows, remarks = found(store, 3)
    assert rows == {3: 31}
    assert remarks == ("a.csv is not the file that was scored; it was changed since.",)


def test_a_file_that_broke_since_says_so_twice(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / landing_key(DAY) / "a.csv").write_bytes(FILES["a.csv"].replace(b",AMT_CREDIT,", b","))
    rows, (changed, broken) = found(store, 3)
    assert rows == {}
    assert changed == "a.csv is not the file that was scored; it was changed since."
    assert broken == "a.csv lacks 1 declared column."


def test_columns_are_read_by_the_aliases_of_the_revision_not_by_those_of_today(
    store: FolderStore, tmp_path: Path
) -> None:
    renamed = FILES["a.csv"].replace(b"SK_ID_CURR", b"client", 1)
    (tmp_path / landing_key(DAY) / "a.csv").write_bytes(renamed)
    results = pa.table({"application_id": pa.array([3], pa.int64())})
    today = SCORING.model_copy(update={"column_aliases": {"client": "SK_ID_CURR"}})
    own = replace(published({"a.csv": renamed}), column_aliases={"client": "SK_ID_CURR"})
    decided = decided_rows(store, own, results, SCORING)
    assert (decided.rows.column("AMT_CREDIT").to_pylist(), decided.remarks) == ([30], ())
    assert decided_rows(store, published({"a.csv": renamed}), results, today).remarks == (
        "a.csv lacks 1 declared column.",
    )


def test_files_that_are_gone_are_told_apart_by_rule_and_by_loss(store: FolderStore) -> None:
    for name in ("a.csv", "corrections/b.csv"):
        store.delete(landing_key(DAY) + name)
    note_expired(store, DAY, [landing_key(DAY) + "a.csv"], rule="kept for 30 days", at="2026-12-02T00:00:00")
    rows, remarks = found(store, 2, 3)
    assert rows == {2: 21}
    assert remarks == (
        "corrections/b.csv is not in the landing any more.",
        "a.csv was removed by rule on 2026-12-02 01:00 Europe/Prague: kept for 30 days.",
    )


# --- chunk by chunk


def chunks_of(store: FolderStore, ids: list[int], *, chunk_rows: int) -> tuple[list[list[int]], list[str]]:
    """Ids of each chunk, and the remarks."""
    remarks: list[str] = []
    results = pa.table({"application_id": pa.array(ids, pa.int64())})
    chunks = decided_chunks(store, published(), results, Scoring(chunk_rows=chunk_rows), remarks)
    return [chunk.column("SK_ID_CURR").to_pylist() for chunk in chunks], remarks


@pytest.mark.parametrize(
    ("chunk_rows", "chunks"),
    [(1, [[2], [4], [1], [3]]), (2, [[2], [4, 1], [3]]), (9, [[2], [4, 1, 3]])],
)
def test_each_row_comes_once_the_last_file_first(store: FolderStore, chunk_rows: int, chunks: list[list[int]]) -> None:
    assert chunks_of(store, [1, 2, 3, 4], chunk_rows=chunk_rows) == (chunks, [])


@pytest.mark.parametrize("chunk_rows", [1, 2, 3, 9])
def test_a_chunk_without_a_wanted_row_is_left_out(store: FolderStore, chunk_rows: int) -> None:
    assert chunks_of(store, [3, 9], chunk_rows=chunk_rows) == ([[3]], [])


def test_no_application_reads_no_file(store: FolderStore, tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / landing_key(DAY) / name).write_bytes(b"no applications")
    assert chunks_of(store, [], chunk_rows=2) == ([], [])


def test_the_remark_on_a_changed_file_comes_after_its_rows_and_the_other_files_are_read(
    store: FolderStore, tmp_path: Path
) -> None:
    (tmp_path / landing_key(DAY) / "corrections/b.csv").write_bytes(text_of((2, 23)))
    remarks: list[str] = []
    results = pa.table({"application_id": pa.array([2, 3], pa.int64())})
    chunks = decided_chunks(store, published(), results, SCORING, remarks)
    assert (next(chunks).column("AMT_CREDIT").to_pylist(), remarks) == ([23.0], [])
    assert next(chunks).column("AMT_CREDIT").to_pylist() == [30.0]
    assert remarks == ["corrections/b.csv is not the file that was scored; it was changed since."]
    assert list(chunks) == []


def test_who_stops_reading_leaves_nothing_open(store: FolderStore, tmp_path: Path) -> None:
    remarks: list[str] = []
    results = pa.table({"application_id": pa.array([1, 3, 4], pa.int64())})
    chunks = decided_chunks(store, published(), results, Scoring(chunk_rows=1), remarks)
    assert next(chunks).num_rows == 1
    chunks.close()  # type: ignore[attr-defined]
    (tmp_path / landing_key(DAY) / "a.csv").unlink()
    assert (list(chunks), remarks) == ([], [])
