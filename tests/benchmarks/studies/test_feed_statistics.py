"""Held against synthetic rows: real ones never enter this repository."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner

from benchmarks.studies.feed_fit import line_through, order, short, spelled_number, steps_of
from benchmarks.studies.feed_statistics import as_text, build_statistics, describe_column, main
from tasks.core.feed.statistics import FeedStatistics, columns_of
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.feed.ties import SETTLED
from tasks.core.files import encode
from tasks.core.lender.columns import ID, NAMES, WEEKDAY
from tasks.errors import ConfigError
from tasks.feed.generate import load_statistics

DAY = date(2025, 3, 3)
ROWS = 1_500


@pytest.fixture(scope="module")
def given() -> pa.Table:
    return synthesize_applications(load_statistics(), rows=ROWS, seed=1, as_of=DAY, history=True)


@pytest.fixture(scope="module")
def document(given: pa.Table) -> dict[str, Any]:
    return build_statistics(given, default_share=0.08)


@pytest.fixture(scope="module")
def made(document: dict[str, Any]) -> FeedStatistics:
    return FeedStatistics.from_json(as_text({"source": "a test", **document}))


def leaves(node: Any) -> Iterator[Any]:
    if isinstance(node, list) and isinstance(node[0], str):
        yield from leaves(node[2])
        yield from leaves(node[3])
    else:
        yield node


def test_what_is_made_of_rows_makes_rows_like_them(given: pa.Table, made: FeedStatistics) -> None:
    again = synthesize_applications(made, rows=ROWS, seed=2, as_of=DAY, history=True).to_pandas()
    rows = given.to_pandas()
    assert again.isna().mean().to_dict() == pytest.approx(rows.isna().mean().to_dict(), abs=0.08)
    pair = ["AMT_CREDIT", "AMT_ANNUITY"]
    ours, theirs = (frame[pair].corr("spearman").iloc[0, 1] for frame in (again, rows))
    assert ours == pytest.approx(theirs, abs=0.1)


def test_no_level_is_told_of_fewer_than_20_rows(document: dict[str, Any]) -> None:
    for name, draw in document["draws"].items():
        for leaf in leaves(draw.get("levels", {})):
            # A group has as many rows as there are or fewer, so 20 of them are this share or more.
            assert all(share >= 20 / ROWS - 0.001 for share in leaf.values()), name


def test_every_text_column_has_all_its_categories(given: pa.Table, document: dict[str, Any]) -> None:
    for name in ("NAME_INCOME_TYPE", "ORGANIZATION_TYPE"):
        assert set(document["columns"][name]["shares"]) == set(given[name].drop_null().to_pylist())


def test_rare_categories_share_their_share() -> None:
    values = pd.Series(["a"] * 70 + ["b"] * 25 + ["c"] * 4 + ["d"], name="x")
    assert describe_column(values, "text")["shares"] == {"a": 0.7, "b": 0.25, "c": 0.025, "d": 0.025}


def test_single_columns_of_more_rows_stay(given: pa.Table) -> None:
    before = json.loads(Path("configs/feed_statistics.json").read_text("utf-8"))
    kept = build_statistics(given.slice(0, 500), default_share=0.5, before=before)
    assert kept["columns"] == before["columns"]
    assert (kept["weekday_rows"], kept["by_weekday"]) == (before["weekday_rows"], before["by_weekday"])
    assert (kept["sample_rows"], kept["default_share"]) == (before["sample_rows"], before["default_share"])


def test_weekdays_come_as_often_as_in_the_rows(given: pa.Table, document: dict[str, Any]) -> None:
    shares = given[WEEKDAY].to_pandas().value_counts(normalize=True).round(5)
    assert document["columns"][WEEKDAY]["shares"] == shares.to_dict()
    assert document["weekday_rows"] == ROWS


def test_no_tree_asks_for_the_weekday(made: FeedStatistics) -> None:
    for name, draw in made.draws.items():
        for tree in (draw.missing, draw.levels, draw.residuals):
            assert WEEKDAY not in columns_of(tree), name


def test_too_few_rows_for_groups_are_refused(given: pa.Table) -> None:
    with pytest.raises(ConfigError, match="need 500 applications or more; here are 499"):
        build_statistics(given.slice(0, 499), default_share=0.1)


def test_every_column_is_drawn_in_an_order_once() -> None:
    assert sorted(order()) == sorted(set(NAMES) - SETTLED - {ID})


def test_a_line_is_found_through_most_points() -> None:
    first = np.round(np.linspace(0, 1, 200), 4)
    other = np.round(0.0392 + 0.9608 * first, 4)
    other[::5] = 0.5
    base, slope = line_through(first, other)
    assert np.mean(np.abs(other - base - slope * first) < 1.5e-4) >= 0.79


@pytest.mark.parametrize(
    ("values", "grid"),
    [(np.arange(30) / 29, (0.0, 0.034482759)), (1 - np.arange(80) * 0.0068, (1.0, 0.0068)),
     (np.random.default_rng(0).random(3_000), None)],
)  # fmt: skip
def test_a_grid_is_found_where_there_is_one(values: np.ndarray, grid: tuple[float, float] | None) -> None:
    assert steps_of(np.round(values, 4)) == (pytest.approx(grid) if grid else None)


def test_numbers_are_written_shortly() -> None:
    assert [short(2.0, 3), short(0.123456, 3), short(0.123456, 9, decimals=2)] == [2, 0.123, 0.12]
    assert [spelled_number(2.0), spelled_number(0.5)] == ["2", "0.5"]


def test_the_command_writes_a_file_that_can_be_read(given: pa.Table, tmp_path: Path) -> None:
    real, made = tmp_path / "real.csv", tmp_path / "made.json"
    outcomes = pa.array(np.tile([0, 0, 0, 1], ROWS)[: given.num_rows])
    real.write_bytes(encode(given.add_column(1, "TARGET", outcomes), "csv"))
    told = [CliRunner().invoke(main, [str(real), "--to", str(path)]) for path in (made, tmp_path / "again.json")]
    assert [each.exit_code for each in told] == [0, 0], told[0].output
    assert "118 draws" in told[0].output
    assert set(FeedStatistics.from_json(made.read_text("utf-8")).draws) == set(order())
    assert made.read_bytes() == (tmp_path / "again.json").read_bytes()


def test_a_file_without_outcomes_is_refused(given: pa.Table, tmp_path: Path) -> None:
    real = tmp_path / "real.csv"
    real.write_bytes(encode(given.slice(0, 5), "csv"))
    told = CliRunner().invoke(main, [str(real), "--to", str(tmp_path / "made.json")])
    assert told.exit_code == 2
    assert "has no TARGET" in told.output
