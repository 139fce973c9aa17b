"""One applicant erased from outcomes: nothing of them stays, and what is left can be backtested."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import Settings
from tasks.adapters.files.landing_file import AS_DELIVERED
from tasks.delivery.known_outcomes import known_outcomes
from tasks.erasure.erase import erase
from tasks.erasure.search import search
from tasks.outcomes.take_in import take_in_outcomes
from tasks.publication.layout import outcomes_prefix
from tasks.publication.outcome_ledger import receipts_of
from tasks.store import Store, open_store
from tests.outcome_days import HEAD, settings_in
from tests.store.dying import Died, DyingStore

AT = datetime(2027, 1, 5, 9, 30, tzinfo=UTC)
ROWS = ["1,0,2027-11-02", "7,1,2027-11-02", "007,0,2027-11-03", "7.0,x,2027-11-03", "3,0,2027-11-02"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def delivered(settings: Settings, folder: Path, name: str) -> str:
    path = folder / name
    text = "\n".join([HEAD, *ROWS, ""]).encode()
    if name.endswith(".parquet"):
        cells = [row.split(",") for row in ROWS]
        columns = [pa.array([row[n] for row in cells]) for n in range(3)]
        pq.write_table(pa.table(columns, names=HEAD.split(",")), path)
    else:
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    take_in_outcomes([str(path)], settings)
    return str(path)


def erased(store: Store) -> None:
    erase(store, 7, reason="asked", at=AT, reading=AS_DELIVERED)


def require_whole(store: Store) -> None:
    """Nothing of the applicant is left, nothing lies about, and the rest counts."""
    assert search(store, 7, reading=AS_DELIVERED).found == ()
    (receipt,) = receipts_of(store)
    there = {entry.key for entry in store.list(outcomes_prefix(1))} - {f"{outcomes_prefix(1)}receipt.json"}
    assert there == {receipt.file.key, receipt.accepted.key}
    assert (receipt.file.rows, receipt.accepted.rows, receipt.by_rule) == (2, 2, {})
    assert [entry["reason"] for entry in receipt.erasures] == ["asked"]
    found = known_outcomes(store, as_of=date(2028, 1, 1), maturity_days=30)
    assert (found.delivered, found.fates["unknown"]) == (2, 2)


@pytest.mark.parametrize("name", ["o.csv", "o.csv.gz", "o.parquet"])
def test_an_applicant_leaves_the_delivery_and_its_rows(tmp_path: Path, settings: Settings, name: str) -> None:
    path = delivered(settings, tmp_path, name)
    store = open_store(settings.storage)
    assert {each.room for each in search(store, 7, reading=AS_DELIVERED).found} == {"outcomes"}
    erased(store)
    require_whole(store)
    (again,) = take_in_outcomes([path], settings)
    assert not again.is_new, "the file is known by the digest under which it came"
    require_whole(store)


def test_counts_by_rule_stay_if_no_row_that_was_set_aside_goes(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "o.csv"
    path.write_text(f"{HEAD}\n7,1,2027-11-02\n3,x,2027-11-02\n4,0,2027-11-02\n")
    take_in_outcomes([str(path)], settings)
    store = open_store(settings.storage)
    erased(store)
    (receipt,) = receipts_of(store)
    assert (receipt.set_aside, dict(receipt.by_rule)) == (1, {"result_known": 1})


def test_an_erasure_that_died_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    deaths = 0
    for writes in range(30):
        folder = tmp_path / str(writes)
        folder.mkdir()
        settings = settings_in(folder)
        delivered(settings, folder, "o.csv")
        store = open_store(settings.storage)
        try:
            erased(DyingStore(store, calls=writes))
        except Died:
            deaths += 1
            found = known_outcomes(store, as_of=date(2028, 1, 1), maturity_days=30)
            assert found.delivered in {2, 5}, "a backtest reads whole files at any moment"
            erased(store)
            require_whole(store)
        else:
            break
    assert deaths >= 5
