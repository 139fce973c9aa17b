from pathlib import Path

import click
import pyarrow.parquet as pq
import pytest

from benchmarks.contract import ENGINES, measure, require_same, write_rows


def test_all_engines_judge_the_same_rows_alike(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(path, 300)
    runs = [{"engine": engine, **measure(engine, path)} for engine in ENGINES]
    require_same(runs)
    assert runs[1]["quarantined"] == 24
    assert len(runs[1]["broken"]) >= 24
    assert all(run["seconds"] > 0 < run["peak_gigabytes"] for run in runs)
    runs[1]["broken"] = {}
    with pytest.raises(click.ClickException, match="do not agree"):
        require_same(runs)


def test_rows_are_made_block_by_block_each_under_an_id_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.contract._BLOCK_ROWS", 40)
    write_rows(tmp_path / "rows.parquet", 100)
    assert pq.read_table(tmp_path / "rows.parquet").column("SK_ID_CURR").to_pylist() == list(range(1, 101))
