"""A reference belongs to one model: by its name, its version and the digest of its bundle."""

from datetime import datetime, time
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.adapters.files.landing_file import AS_DELIVERED
from tasks.adapters.files.parquet import read_parquet, write_parquet
from tasks.core.model.bundle import ModelPin
from tasks.erasure.search import search
from tasks.errors import ModelError
from tasks.publication.layout import (
    erasure_record_key,
    nameless_out_of_fold_key,
    nameless_reference_key,
    out_of_fold_key,
    reference_key,
)
from tasks.publication.references import keep_reference, read_reference
from tasks.store.folder import FolderStore
from tests.conftest import DAY

ROWS = 5


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def table_of(number: int, rows: int = ROWS) -> pa.Table:
    return pa.table({"SK_ID_CURR": list(range(1, rows + 1)), "pd": [number / 10] * rows})


def kept(store: FolderStore, model: ModelPin, number: int) -> None:
    keep_reference(store, model, table_of(number), table_of(number))


def number_of(store: FolderStore, model: ModelPin) -> int:
    sample = read_reference(store, model, trained_rows=ROWS)
    return round(10 * sample.column("pd").to_pylist()[0])


NAMES = ("m", "M", "1", "a b", "a%20b", "a=b", "über", "u\u0308ber", ".", "..", "version=1", "x" * 256, "ü" * 256)


def test_each_model_gets_its_own_reference_whatever_its_name(store: FolderStore) -> None:
    models = [ModelPin(name, version, f"{number:064x}") for version in ("1", "2") for number, name in enumerate(NAMES)]
    for number, model in enumerate(models):
        kept(store, model, number)
    assert [number_of(store, model) for model in models] == list(range(len(models)))
    found = search(store, 3, reading=AS_DELIVERED).found
    assert len(found) == 2 * len(models), "an erasure finds them all"


def test_models_of_two_registries_with_one_name_and_version_are_told_apart(store: FolderStore) -> None:
    ours, theirs, never = (ModelPin("m", "1", digit * 64) for digit in "abc")
    for number, model in enumerate((ours, theirs, ours, theirs)):
        kept(store, model, number)
    assert (number_of(store, ours), number_of(store, theirs)) == (2, 3)
    assert len(search(store, 3, reading=AS_DELIVERED).found) == 4
    with pytest.raises(ModelError, match=r"m/version=1/sample.parquet is missing, or belongs to another model.*train"):
        number_of(store, never)


def test_a_reference_without_a_name_is_read_unless_it_is_of_another_model(store: FolderStore) -> None:
    model = ModelPin("m", "1", "a" * 64)
    store.create(nameless_reference_key("1"), write_parquet(table_of(4, rows=3)))
    assert number_of(store, model) == 4, "a store that kept no predictions"
    store.create(nameless_out_of_fold_key("1"), write_parquet(table_of(4)))
    assert number_of(store, model) == 4
    for learned in (ROWS - 1, ROWS + 1):
        with pytest.raises(ModelError, match=f"that model learned from {learned} rows, .* from {ROWS}"):
            read_reference(store, model, trained_rows=learned)
    store.create(erasure_record_key(datetime.combine(DAY, time()), "t"), b"{}")
    assert read_reference(store, model, trained_rows=ROWS + 1).num_rows == 3, "one of them was erased since"
    kept(store, model, 6)
    assert number_of(store, model) == 6


def test_a_damaged_reference_is_named(store: FolderStore) -> None:
    model = ModelPin("m", "1", "a" * 64)
    store.create(reference_key("m", "1"), b"PAR1 nonsense")
    with pytest.raises(ModelError, match=r"model=m/version=1/sample.parquet is damaged"):
        number_of(store, model)


def test_both_tables_are_kept(store: FolderStore) -> None:
    kept(store, ModelPin("m", "1", "a" * 64), 4)
    keys = [reference_key("m", "1"), out_of_fold_key("m", "1")]
    assert [read_parquet(store.read(key).data).equals(table_of(4)) for key in keys] == [True, True]
