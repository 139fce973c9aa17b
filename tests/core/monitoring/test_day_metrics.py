"""Figures of a day: what trends need, and nothing of few rows."""

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.monitoring.compared import Compared
from tasks.core.monitoring.day_metrics import day_metrics
from tasks.core.monitoring.metrics import (
    DRIFT_SIZE,
    EXPECTED,
    METRICS_SCHEMA,
    SHARE,
    TYPICAL_PD,
    Metric,
    metrics_of,
    metrics_table,
)
from tasks.core.monitoring.verdict import judge
from tests.monitored_days import FROZEN, SHIPPED, applications, beside, day_beside, frozen_of, pd_of

AS_OF = date(2026, 3, 2)


def figures_of(day: Compared) -> list[Metric]:
    return day_metrics(day, judge(day, SHIPPED))


def figure(metrics: list[Metric], name: str, column: str = "", slice_: str = "day") -> Metric | None:
    found = [each for each in metrics if (each.metric, each.column, each.slice) == (name, column, slice_)]
    assert len(found) <= 1
    return found[0] if found else None


def table_of(day: Compared) -> pa.Table:
    return metrics_table(figures_of(day), as_of=AS_OF, revision=1, model_version="7")


def test_figures_are_those_of_the_rows() -> None:
    rows = applications(2000, seed=2)
    metrics = figures_of(beside(rows))
    missing = figure(metrics, "missing_share", "EXT_SOURCE_2")
    assert missing
    assert missing.value == pytest.approx(rows.column("EXT_SOURCE_2").null_count / 2000, abs=0.00126)
    assert (missing.low or 1) < (missing.value or 0) < (missing.high or 0)
    mean = figure(metrics, "mean_pd", "pd")
    assert mean
    assert mean.value == pytest.approx(pd_of(2000, seed=2).mean())
    shares = [figure(metrics, "decision_share", slice_=f"decision={name}") for name in ("approve", "refer", "refuse")]
    assert sum(share.value or 0 for share in shares if share) == pytest.approx(1.0)


def test_the_verdict_of_a_column_stands_beside_its_figures() -> None:
    metrics = figures_of(day_beside(EXT_SOURCE_2=[np.nan] * 2000, AMT_CREDIT=[1e12] * 2000))
    levels = {(each.metric, each.column): each.level for each in metrics if each.slice == "day"}
    assert levels["missing_share", "EXT_SOURCE_2"] == "alert"
    assert levels["high_tail_share", "AMT_CREDIT"] == "alert"
    assert levels["sentinel_share", "DAYS_EMPLOYED"] == "ok"
    assert levels["findings", ""] == "alert"


def test_a_column_is_told_by_its_largest_change_and_the_level_of_its_findings() -> None:
    day = day_beside(EXT_SOURCE_2=[np.nan] * 2000)
    verdict = judge(day, SHIPPED)
    sizes = {each.column: each for each in day_metrics(day, verdict) if each.metric == DRIFT_SIZE}
    assert {column: each.value for column, each in sizes.items()} == verdict.sizes
    assert (sizes["EXT_SOURCE_2"].level, sizes["AMT_CREDIT"].level) == ("alert", "ok")
    assert (sizes["EXT_SOURCE_2"].value or 0) > 1 > (sizes["AMT_CREDIT"].value or 0)
    found = {column for column, each in sizes.items() if each.level != "ok"}
    assert found == set(verdict.columns) == {column for column, each in sizes.items() if (each.value or 0) >= 1}


@settings(max_examples=25)
@given(st.integers(1, 400), st.integers(0, 1000), st.integers(0, 30))
def test_no_figure_is_one_of_few_rows(rows: int, seed: int, new: int) -> None:
    new = min(new, rows)
    levels = ["New"] * new + ["Cash loans"] * (rows - new)
    day = day_beside(rows, seed=seed, NAME_CONTRACT_TYPE=levels)
    for metric in figures_of(day):
        if metric.metric == EXPECTED or metric.value is None or not metric.metric.endswith("share"):
            continue
        behind = metric.value * rows
        assert behind == 0 or behind >= 17.5, metric
    if rows < 20:
        told = [(metric.metric, metric.value, metric.n) for metric in figures_of(day)]
        assert told == [("rows", None, 0), ("findings", 0.0, 0), ("drifted_columns", 0.0, 0)]


def test_a_single_small_cell_is_not_had_from_the_others() -> None:
    counts = {"Cash loans": 1791, "Revolving loans": 202, "New": 7}
    day = day_beside(2000, NAME_CONTRACT_TYPE=[level for level, rows in counts.items() for _ in range(rows)])
    shares = [each for each in figures_of(day) if each.metric == SHARE and each.column == "NAME_CONTRACT_TYPE"]
    assert [each.value for each in shares] == [0.895, 0.1, None]


@pytest.mark.parametrize(("referred", "is_told"), [(0, True), (19, False), (20, True)])
def test_a_mix_with_a_rare_decision_is_not_told(referred: int, is_told: bool) -> None:
    day = day_beside(1000)
    day.day.decisions[:] = [1000 - 300 - referred, referred, 300]
    assert bool([each for each in figures_of(day) if each.metric == "decision_share"]) is is_told


@pytest.mark.parametrize(("rows", "is_told"), [(49, False), (50, True)])
def test_a_mean_of_too_few_is_not_told(rows: int, is_told: bool) -> None:
    assert (figure(figures_of(day_beside(rows)), "mean_pd", "pd") is not None) is is_told


@pytest.mark.parametrize(("referred", "is_told"), [(0, True), (49, False), (50, True)])
def test_the_mean_credit_by_decision_is_told_if_no_part_is_of_few(referred: int, is_told: bool) -> None:
    day = day_beside(1000)
    day.day.decisions[:] = [700 - referred, referred, 300]
    day.day.credits[:] = [700e6, 5e6, 60e6]
    told = {each.slice: (each.value, each.n) for each in figures_of(day) if each.metric == "mean_credit"}
    whole = {
        "decision=approve": (700e6 / (700 - referred), 700 - referred),
        "decision=refer": (5e6 / max(referred, 1), referred),
        "decision=refuse": (200_000.0, 300),
    }
    assert told == ({name: each for name, each in whole.items() if each[1]} if is_told else {})


def test_a_reference_without_a_score_expects_none() -> None:
    for rows in (0, 25):
        typical = figure(figures_of(day_beside(500, frozen=frozen_of(rows))), TYPICAL_PD, "pd")
        assert typical
        assert (typical.low, typical.high) == (None, None)
        assert 0.05 < (typical.value or 0) < 0.1


def test_the_range_of_the_typical_pd_holds_that_of_the_reference() -> None:
    typical = figure(figures_of(day_beside(2000)), TYPICAL_PD, "pd")
    assert typical
    assert (typical.low or 1) < 1 / (1 + np.exp(-FROZEN.pd.mean)) < (typical.high or 0)


# --- the table


def test_the_table_has_the_promised_columns_and_is_the_same_each_time() -> None:
    table = table_of(day_beside())
    assert table.schema == METRICS_SCHEMA
    assert table.equals(table_of(day_beside()))
    keys = table.select(["metric", "column", "slice"]).to_pylist()
    assert len({tuple(key.values()) for key in keys}) == table.num_rows
    assert all(row["n"] == 2000 for row in table.to_pylist() if row["metric"] != "mean_credit")


def test_a_figure_that_is_not_finite_is_null() -> None:
    metrics = [Metric("a", np.inf, 5), Metric("b", np.nan, 5, low=-np.inf, high=1.0)]
    table = metrics_table(metrics, as_of=AS_OF, revision=1, model_version="7")
    assert table.select(["value", "low", "high"]).to_pylist() == [
        {"value": None, "low": None, "high": None},
        {"value": None, "low": None, "high": 1.0},
    ]


def test_figures_are_read_back_by_their_names() -> None:
    metrics = [Metric("a", 1.0, 5, "x", "cell=1", 0.0, 2.0, "watch"), Metric("b", None, 5)]
    table = metrics_table(metrics, as_of=AS_OF, revision=1, model_version="7")
    assert metrics_of(table, ["a"]) == metrics[:1]
    assert metrics_of(table, []) == []


def test_no_figures_are_a_table_too() -> None:
    assert metrics_table([], as_of=AS_OF, revision=1, model_version="7").schema == METRICS_SCHEMA


def test_duckdb_reads_the_figures_of_many_days_unfiltered(tmp_path: Path) -> None:
    for day, rows in ((2, 2000), (3, 500), (4, 1)):
        folder = tmp_path / f"monitoring/day=2026-03-0{day}"
        folder.mkdir(parents=True)
        pq.write_table(table_of(day_beside(rows)), folder / "metrics.parquet")
    query = (
        f"select n, max(value) from '{tmp_path}/monitoring/**/*.parquet' where metric = 'rows' group by n order by n"
    )
    assert duckdb.execute(query).fetchall() == [(0, None), (500, 500.0), (2000, 2000.0)]
