"""A model learns from applications that keep the contract and whose outcome is known, each once."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import Settings
from tasks.errors import ConfigError, ExpectationsNotMet, SourceError
from tasks.feed.generate import load_statistics, write_history
from tasks.training.history import read_history
from tasks.training.records import History
from tests.conftest import DAY

SETTINGS = Settings()
ROWS = 300


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    path = tmp_path_factory.mktemp("history") / "history.parquet"
    write_history(path, load_statistics(), rows=ROWS, seed=5, as_of=DAY, file_format="parquet")
    return pq.read_table(path)


@pytest.fixture(scope="module")
def whole(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The history, read from one file."""
    return read(tmp_path_factory.mktemp("whole"), table)


def read(folder: Path, *tables: pa.Table) -> History:
    """The history in files of these applications."""
    paths = [folder / f"{number}.parquet" for number in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        pq.write_table(table, path)
    return read_history([str(path) for path in paths], SETTINGS)


def with_values(table: pa.Table, name: str, values: list[object]) -> pa.Table:
    position = table.column_names.index(name)
    return table.set_column(position, name, pa.array(values, table.schema.field(name).type))


def ids_of(history: History) -> list[int]:
    ids: list[int] = history.rows.column("SK_ID_CURR").to_pylist()
    return ids


def test_every_application_is_read_with_its_outcome_by_rising_id(table: pa.Table, whole: History) -> None:
    outcomes = dict(zip(table.column("SK_ID_CURR").to_pylist(), table.column("TARGET").to_pylist(), strict=True))
    assert ids_of(whole) == sorted(outcomes)
    assert whole.defaulted.tolist() == [bool(outcomes[each]) for each in sorted(outcomes)]
    assert len(whole.files) == 1
    assert whole.left_out == {}


def test_the_order_of_files_and_rows_changes_nothing(table: pa.Table, whole: History, tmp_path: Path) -> None:
    turned = table.take(pa.array(np.random.default_rng(1).permutation(ROWS)))
    parts = read(tmp_path, turned.slice(0, 100), turned.slice(100))
    assert parts.rows.combine_chunks().equals(whole.rows.combine_chunks())
    assert np.array_equal(parts.defaulted, whole.defaulted)
    paths = [str(tmp_path / f"{number}.parquet") for number in (1, 0)]
    assert read_history(paths, SETTINGS).files == parts.files == tuple(sorted(parts.files))


def test_copies_are_learned_from_once_and_ids_with_two_truths_not_at_all(
    table: pa.Table, whole: History, tmp_path: Path
) -> None:
    copies, richer, other = table.slice(0, 10), table.slice(20, 5), table.slice(30, 5)
    richer = with_values(richer, "AMT_CREDIT", [450000.0] * 5)
    turned = with_values(other, "TARGET", [1 - each for each in other.column("TARGET").to_pylist()])
    both = read(tmp_path, table, pa.concat_tables([copies, richer, turned]))
    conflicting = {*richer.column("SK_ID_CURR").to_pylist(), *turned.column("SK_ID_CURR").to_pylist()}
    assert ids_of(both) == [each for each in ids_of(whole) if each not in conflicting]
    assert len(both.defaulted) == ROWS - 10
    assert both.left_out == {"exact copy": 10, "id with other values": 20}


def test_rows_that_break_the_contract_are_left_out_and_counted_by_rule(table: pa.Table, tmp_path: Path) -> None:
    spoilt = with_values(table, "REGION_RATING_CLIENT", [9] * 4 + table.column("REGION_RATING_CLIENT").to_pylist()[4:])
    history = read(tmp_path, spoilt)
    assert len(history.defaulted) == history.rows.num_rows == ROWS - 4
    assert history.left_out == {"REGION_RATING_CLIENT_in_domain": 4}
    assert not set(table.column("SK_ID_CURR").to_pylist()[:4]) & set(ids_of(history))


@pytest.mark.parametrize("wrong", [2, -1, None])
def test_an_outcome_is_1_or_0(table: pa.Table, tmp_path: Path, wrong: int | None) -> None:
    odd = with_values(table, "TARGET", [wrong] * 3 + [0] * (ROWS - 3))
    with pytest.raises(SourceError, match=r"3 rows of 0.parquet have a TARGET other than 1 \(defaulted\) and 0"):
        read(tmp_path, odd)


def test_a_file_without_outcomes_or_rows_is_refused(table: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(ExpectationsNotMet, match="1 of 122 required columns are missing from 0.parquet: TARGET"):
        read(tmp_path, table.drop_columns(["TARGET"]))
    with pytest.raises(ExpectationsNotMet, match="The files to learn from hold no rows: 0.parquet"):
        read(tmp_path, table.slice(0, 0))


def test_training_needs_a_file_that_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Training needs at least one file: --applications FILE"):
        read_history([], SETTINGS)
    with pytest.raises(SourceError, match="none.parquet cannot be read: No such file or directory"):
        read_history([str(tmp_path / "none.parquet")], SETTINGS)
