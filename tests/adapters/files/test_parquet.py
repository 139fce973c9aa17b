"""Parquet of our own, read in part."""

import io

import pyarrow as pa
import pytest

from tasks.adapters.files import parquet
from tasks.adapters.files.parquet import holds_number, read_columns, write_parquet

IDS = [2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize("group_rows", [1, 2, 5, 100])
def test_a_number_is_found_in_whatever_group_of_rows_it_lies(group_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", group_rows)
    data = write_parquet(pa.table({"other": ["x"] * len(IDS), "id": IDS}))
    held = [number for number in range(15) if holds_number(io.BytesIO(data), "id", number)]
    assert held == IDS


@pytest.mark.parametrize("ids", [[], [None, None], [None, 7]])
def test_a_column_without_values_holds_no_number(ids: list[int | None]) -> None:
    data = write_parquet(pa.table({"id": pa.array(ids, pa.int64())}))
    assert holds_number(io.BytesIO(data), "id", 7) == (7 in ids)
    assert not holds_number(io.BytesIO(data), "id", 8)


def test_columns_are_read_without_the_others() -> None:
    data = write_parquet(pa.table({"other": ["x"] * len(IDS), "id": IDS}))
    assert read_columns(io.BytesIO(data), ["id"]).to_pydict() == {"id": IDS}
