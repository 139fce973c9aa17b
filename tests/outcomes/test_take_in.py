from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import Settings, Storage
from tasks.core.outcomes.delivered import OUTCOMES_SCHEMA
from tasks.errors import ExpectationsNotMet, SourceError
from tasks.outcomes.take_in import TakenIn, take_in_outcomes
from tasks.publication.outcome_ledger import read_outcomes, receipts_of
from tasks.store import Store, open_store

HEAD = "SK_ID_CURR,TARGET,OUTCOME_DATE"
ROWS = ("1,0,2027-11-02", "2,1,2027-11-03", "3,0,2027-11-03")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage=Storage(root=str(tmp_path / "store")))


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings.storage)


def written(folder: Path, *rows: str, name: str = "o.csv", head: str = HEAD) -> str:
    path = folder / name
    data = "\n".join([head, *rows, ""]).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(path)


def taken(settings: Settings, *files: str) -> Sequence[TakenIn]:
    return take_in_outcomes(files, settings)


@pytest.mark.parametrize("name", ["o.csv", "o.csv.gz"])
def test_a_delivery_is_kept_as_it_came_and_as_typed_rows(
    tmp_path: Path, settings: Settings, store: Store, name: str
) -> None:
    path = written(tmp_path, *ROWS, name=name)
    (one,) = taken(settings, path)
    receipt = one.receipt
    assert (one.is_new, receipt.number, receipt.name, receipt.set_aside, receipt.by_rule) == (True, 1, name, 0, {})
    assert store.read(receipt.file.key).data == Path(path).read_bytes()
    rows = read_outcomes(store, [receipt])
    assert rows.select(OUTCOMES_SCHEMA.names).to_pylist() == [
        {"application_id": 1, "defaulted": False, "known_on": date(2027, 11, 2)},
        {"application_id": 2, "defaulted": True, "known_on": date(2027, 11, 3)},
        {"application_id": 3, "defaulted": False, "known_on": date(2027, 11, 3)},
    ]
    assert list(receipts_of(store)) == [receipt]


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.string()])
def test_parquet_reads_like_csv(tmp_path: Path, settings: Settings, store: Store, kind: pa.DataType) -> None:
    days = pa.array([date(2027, 11, 2), date(2027, 11, 3)], pa.date32()).cast(kind)
    table = pa.table({"OUTCOME_DATE": days, "TARGET": [0.0, 1.0], "SK_ID_CURR": [1, 2], "more": ["a", "b"]})
    pq.write_table(table, tmp_path / "o.parquet")
    taken(settings, str(tmp_path / "o.parquet"))
    taken(settings, written(tmp_path, *ROWS[:2]))
    parquet, csv = (read_outcomes(store, [each]).select(OUTCOMES_SCHEMA.names) for each in receipts_of(store))
    assert parquet == csv


def test_the_same_file_twice_changes_nothing(tmp_path: Path, settings: Settings, store: Store) -> None:
    path = written(tmp_path, *ROWS)
    (first,) = taken(settings, path)
    before = [entry.key for entry in store.list("outcomes/")]
    (again,) = taken(settings, written(tmp_path, *ROWS, name="renamed.csv"))
    assert (again.is_new, again.receipt) == (False, first.receipt)
    assert [entry.key for entry in store.list("outcomes/")] == before


def test_the_same_file_given_twice_at_once_is_kept_once(tmp_path: Path, settings: Settings, store: Store) -> None:
    paths = [written(tmp_path, *ROWS), written(tmp_path, *ROWS, name="again.csv")]
    assert [(each.receipt.number, each.is_new) for each in taken(settings, *paths)] == [(1, True), (1, False)]
    assert len(list(receipts_of(store))) == 1


def test_deliveries_count_on(tmp_path: Path, settings: Settings, store: Store) -> None:
    paths = [written(tmp_path, ROWS[0]), written(tmp_path, ROWS[1], name="b.csv")]
    assert [each.receipt.number for each in taken(settings, *paths)] == [1, 2]
    assert read_outcomes(store, list(receipts_of(store))).column("delivery").to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("x,0,2027-11-02", "id_known"),
        ("1E+5,0,2027-11-02", "id_known"),
        ("0,0,2027-11-02", "id_in_range"),
        ("4,,2027-11-02", "result_known"),
        ("4,0.5,2027-11-02", "result_known"),
        ("4,2,2027-11-02", "result_in_domain"),
        ("4,-1,2027-11-02", "result_in_domain"),
        ("4,0,", "date_known"),
        ("4,0,2027-02-29", "date_known"),
        ("4,0,2.11.2027", "date_known"),
        ("4,0,2027-11-02 07:00", "date_known"),
        ("4,0,1999-12-31", "date_plausible"),
        ("4,0,9999-12-31", "date_plausible"),
    ],
)
def test_a_row_that_breaks_the_contract_is_set_aside_and_counted(
    tmp_path: Path, settings: Settings, store: Store, row: str, rule: str
) -> None:
    (one,) = taken(settings, written(tmp_path, *ROWS, row))
    assert (one.receipt.set_aside, dict(one.receipt.by_rule)) == (1, {rule: 1})
    assert (one.receipt.file.rows, read_outcomes(store, [one.receipt]).num_rows) == (4, 3)


@pytest.mark.parametrize(
    "row", ["4,0,2028-02-29", "4,1,2000-01-01", " 4 , 1.0 , 2027-11-02 ", "9000000000000000,0,2027-11-02"]
)
def test_a_row_at_the_edge_of_the_contract_counts(tmp_path: Path, settings: Settings, row: str) -> None:
    (one,) = taken(settings, written(tmp_path, *ROWS, row))
    assert one.receipt.set_aside == 0


@pytest.mark.parametrize(
    ("head", "missing"),
    [
        ("SK_ID_CURR,TARGET", "The file has OUTCOME_DATE"),
        ("SK_ID_CURR,OUTCOME_DATE", "The file has TARGET"),
    ],
)
def test_a_file_without_a_column_is_refused(
    tmp_path: Path, settings: Settings, store: Store, head: str, missing: str
) -> None:
    with pytest.raises(ExpectationsNotMet, match=missing):
        taken(settings, written(tmp_path, "1,0", head=head))
    assert list(store.list("")) == []


def test_a_file_without_rows_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ExpectationsNotMet, match=r"o\.csv.*at least one row"):
        taken(settings, written(tmp_path))


@pytest.mark.parametrize(("bad", "is_refused"), [(50, False), (51, True)])
def test_too_many_bad_rows_refuse_the_file(tmp_path: Path, settings: Settings, bad: int, is_refused: bool) -> None:
    path = written(tmp_path, *ROWS, *["secret7,0,2027-11-02"] * bad)
    if not is_refused:
        assert taken(settings, path)[0].receipt.set_aside == bad
        return
    with pytest.raises(ExpectationsNotMet, match="51 of 54 rows break it") as told:
        taken(settings, path)
    assert "secret" not in str(told.value)
    assert "id_known 51" in str(told.value)


def test_a_file_of_bad_rows_alone_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ExpectationsNotMet, match="at least one row must remain"):
        taken(settings, written(tmp_path, "1,7,2027-11-02"))


def test_one_refused_file_keeps_the_others_from_being_taken_in(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    good, bad = written(tmp_path, *ROWS), written(tmp_path, name="bad.csv")
    with pytest.raises(ExpectationsNotMet):
        taken(settings, good, bad)
    assert list(receipts_of(store)) == []


@pytest.mark.parametrize(("defaults", "is_told"), [(500, False), (501, True)])
def test_a_strange_share_of_defaults_is_a_warning(
    tmp_path: Path, settings: Settings, defaults: int, is_told: bool
) -> None:
    rows = [f"{n + 1},{int(n < defaults)},2027-11-02" for n in range(1000)]
    (one,) = taken(settings, written(tmp_path, *rows))
    assert any("of the results are defaults" in each for each in one.warnings) == is_told


def test_a_small_file_may_hold_defaults_alone(tmp_path: Path, settings: Settings) -> None:
    (one,) = taken(settings, written(tmp_path, "1,1,2027-11-02"))
    assert one.warnings == ()


@pytest.mark.parametrize("name", ["nowhere.csv", "o.xlsx"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, settings: Settings, name: str) -> None:
    if name == "o.xlsx":
        written(tmp_path, *ROWS, name=name)
    with pytest.raises(SourceError, match=name):
        taken(settings, str(tmp_path / name))
