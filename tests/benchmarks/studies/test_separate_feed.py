from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner

from benchmarks.studies.separate_feed import halves, main, separate
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.files import encode
from tasks.feed.generate import load_statistics

DAY = date(2025, 3, 3)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return synthesize_applications(load_statistics(), rows=300, seed=1, as_of=DAY)


def test_rows_of_one_source_can_not_be_told_apart(rows: pa.Table) -> None:
    assert separate(*halves(rows, seed=1)).auc == pytest.approx(0.5, abs=0.15)


def test_rows_of_another_unit_can_and_their_column_is_named(rows: pa.Table) -> None:
    one, other = halves(rows, seed=1)
    place = other.schema.get_field_index("AMT_INCOME_TOTAL")
    other = other.set_column(place, "AMT_INCOME_TOTAL", pc.multiply(other["AMT_INCOME_TOTAL"], 1_000.0))
    found = separate(one, other)
    assert found.auc > 0.99
    assert found.gains.index[0] == "AMT_INCOME_TOTAL"


def test_halves_hold_every_row_once(rows: pa.Table) -> None:
    one, other = halves(rows, seed=1)
    assert sorted(one["SK_ID_CURR"].to_pylist() + other["SK_ID_CURR"].to_pylist()) == sorted(
        rows["SK_ID_CURR"].to_pylist()
    )


@pytest.mark.parametrize("options", [["--rows", "200"], ["--held-out"]])
def test_the_command_tells_both_figures(tmp_path: Path, options: list[str]) -> None:
    real = tmp_path / "real.csv"
    given = synthesize_applications(load_statistics(), rows=1_000, seed=1, as_of=DAY, history=True)
    real.write_bytes(encode(given, "csv"))
    told = CliRunner().invoke(main, [str(real), *options])
    assert told.exit_code == 0, told.output
    assert told.output.count("AUC") == 2
    assert "What gives the feed away" in told.output
