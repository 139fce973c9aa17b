"""The frozen reference: what it holds, what it must not tell, and that it is read back as it was written."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logit

from tasks.core.lender.columns import CALENDAR, TYPED_SCHEMA, WEEKDAYS
from tasks.core.monitoring.reference import (
    PD,
    WATCHED,
    Frozen,
    MomentSums,
    correlations_of,
    freeze_reference,
    logits_of,
    score_matrix,
)
from tests.monitored_days import FROZEN, applications, frozen_of, pd_of, typed


def test_a_reference_that_went_through_json_is_the_same() -> None:
    written = json.dumps(FROZEN.to_json(), allow_nan=False)
    assert Frozen.from_json(json.loads(written)) == FROZEN
    assert FROZEN.pairs
    assert FROZEN.by_weekday
    assert FROZEN.pd.by_weekday


@pytest.mark.parametrize("rows", [0, 1, 19, 25, 49, 50, 200])
def test_a_reference_of_few_rows_is_written_and_read_too(rows: int) -> None:
    frozen = frozen_of(rows)
    assert Frozen.from_json(json.loads(json.dumps(frozen.to_json(), allow_nan=False))) == frozen
    assert frozen.rows == rows
    assert bool(frozen.pd.sd) == (rows >= 50)


def test_the_calendar_is_not_watched_and_every_other_column_is() -> None:
    assert set(WATCHED) == set(TYPED_SCHEMA.names) - CALENDAR - {"SK_ID_CURR"}
    whole = freeze_reference(
        pa.table({field.name: pa.nulls(30, field.type) for field in TYPED_SCHEMA}), np.full(30, 0.1)
    )
    assert tuple(column.name for column in whole.columns) == WATCHED
    assert (whole.scores, whole.pairs, whole.by_weekday) == ({}, (), {})


# --- disclosure


def whole_numbers(content: Any) -> list[int]:
    """Every whole number anywhere in a JSON value."""
    if isinstance(content, dict):
        return [each for value in content.values() for each in whole_numbers(value)]
    if isinstance(content, list | tuple):
        return [each for value in content for each in whole_numbers(value)]
    return [content] if isinstance(content, int) and not isinstance(content, bool) else []


@settings(max_examples=20)
@given(st.integers(0, 400), st.integers(0, 10_000))
def test_no_exact_count_of_few_rows_is_frozen(rows: int, seed: int) -> None:
    missing = np.where(np.arange(rows) < 3, np.nan, np.random.default_rng(seed).lognormal(3, 1, rows))
    content = frozen_of(rows, seed=seed, AMT_CREDIT=missing).to_json()
    of_rows = {rows, content["pd"][2]}
    few = [count for count in whole_numbers(content) if 0 < count < 20 and count not in of_rows]
    assert {count % 5 for count in few} <= {0}


def test_a_small_rest_is_not_had_from_the_whole() -> None:
    rows = 4003
    frozen = frozen_of(rows, NAME_CONTRACT_TYPE=["Cash loans"] * 3500 + ["Revolving loans"] * 500 + [None] * 3)
    counts = frozen.counts["NAME_CONTRACT_TYPE"]
    assert counts == (5, 0, 3500, 500, 0)
    assert rows - sum(counts) != 0


def test_scores_of_cells_follow_from_published_counts_alone() -> None:
    """Else a count could be had from the normal quantile of its rank."""
    values = np.random.default_rng(1).lognormal(3, 1, 4000)
    low = frozen_of(AMT_CREDIT=np.where(np.arange(4000) < 2, np.nan, values))
    counts = np.array(low.counts["AMT_CREDIT"][2:])
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    scored = counts > 0
    assert np.allclose(np.array(low.scores["AMT_CREDIT"][2:])[scored], stats.norm.ppf(middle)[scored], atol=1e-4)


def test_a_level_of_too_few_rows_for_a_mean_has_no_score_of_risk() -> None:
    levels = ["Cash loans"] * 3901 + ["Revolving loans"] * 50 + ["Other"] * 49
    frozen = frozen_of(NAME_CONTRACT_TYPE=levels, NAME_HOUSING_TYPE=["A"] * 2000 + ["B"] * 1951 + ["C"] * 49)
    assert "NAME_CONTRACT_TYPE" not in frozen.scores, "more than nine in ten have one level"
    cells = next(column for column in frozen.columns if column.name == "NAME_HOUSING_TYPE")
    assert cells.listed == ("A", "B", "C")
    assert frozen.scores["NAME_HOUSING_TYPE"][-2:] == (0.0, 0.0)
    assert 0.0 not in frozen.scores["NAME_HOUSING_TYPE"][2:4]


def test_a_weekday_of_too_few_rows_has_no_mean_score() -> None:
    weekdays = ["MONDAY"] * 50 + ["TUESDAY"] * 49 + ["WEDNESDAY"] * 901
    frozen = frozen_of(1000, WEEKDAY_APPR_PROCESS_START=weekdays)
    assert {day: rows for day, (_, rows) in frozen.pd.by_weekday.items()} == {"MONDAY": 50, "WEDNESDAY": 901}


# --- figures, against others'


def test_every_column_has_counts_by_weekday() -> None:
    assert set(FROZEN.by_weekday) == set(FROZEN.counts)
    table = FROZEN.by_weekday["NAME_HOUSING_TYPE"]
    assert tuple(table) == WEEKDAYS
    rows = applications(4000, seed=1)
    sunday = pc.equal(rows.column("WEEKDAY_APPR_PROCESS_START"), "SUNDAY")
    kinds = rows.filter(sunday).column("NAME_HOUSING_TYPE").to_pylist()
    assert abs(table["SUNDAY"][3] - kinds.count("With parents")) <= 2


def test_the_mean_of_the_score_is_that_of_log_odds() -> None:
    pd = pd_of(4000, seed=1)
    assert FROZEN.pd.mean == pytest.approx(logit(pd).mean(), abs=1e-4)
    assert FROZEN.pd.sd == pytest.approx(logit(pd).std(), abs=1e-4)
    assert PD not in WATCHED


def test_a_pd_of_0_or_1_has_finite_log_odds() -> None:
    assert logits_of(np.array([0.0, 1e-9, 0.5, 1.0])).round(3).tolist() == [-13.816, -13.816, 0.0, 13.816]


@pytest.mark.parametrize("cutoff", [0.05, 0.09, 0.15, 0.3])
def test_the_share_from_a_cut_off_is_that_of_the_rows(cutoff: float) -> None:
    assert FROZEN.pd.share_from(cutoff) == pytest.approx((pd_of(4000, seed=1) >= cutoff).mean(), abs=0.005)


def test_a_cut_off_beyond_all_quantiles_leaves_a_share_that_can_be_tested() -> None:
    assert FROZEN.pd.share_from(0.0) == pytest.approx(0.9975)
    assert FROZEN.pd.share_from(1.0) == pytest.approx(0.0025)
    assert frozen_of(19).pd.share_from(0.1) is None


@pytest.mark.parametrize(("rows", "is_known"), [(1999, False), (2000, True)])
def test_beyond_the_quantiles_of_few_rows_nothing_is_known(rows: int, is_known: bool) -> None:
    frozen = frozen_of(rows)
    assert (frozen.pd.share_from(1.0) is not None) is is_known
    assert frozen.pd.share_from(0.1) == pytest.approx((pd_of(rows, seed=1) >= 0.1).mean(), abs=0.005)


def test_correlations_are_those_of_numpy_whatever_the_parts() -> None:
    random = np.random.default_rng(3)
    matrix = (random.normal(0, 1, (4, 9000)) + random.normal(0, 1, 9000)).astype(np.float32)
    parts = [MomentSums.of(part) for part in np.array_split(matrix, 7, axis=1)]
    whole = MomentSums(*(sum(each) for each in zip(*parts, strict=True)))
    assert np.allclose(correlations_of(whole), np.corrcoef(matrix), atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 2.327, -1.234e-3])
def test_a_constant_column_goes_with_nothing(value: float) -> None:
    random = np.random.default_rng(4)
    constant = np.full(50_000, value)
    matrix = np.array([constant, constant, random.normal(0, 1, 50_000)], dtype=np.float32)
    assert correlations_of(MomentSums.of(matrix))[:2].tolist() == [[0.0] * 3] * 2
    assert np.abs(correlations_of(MomentSums.of(matrix[:, :1]))).max() == 0.0


def test_the_spread_of_a_correlation_is_that_of_samples_drawn_again() -> None:
    """Bootstrap, on a pair of which one column is mostly missing: Fisher's formula is far off there."""
    rows = applications(4000, seed=1)
    credit, score = (rows.column(name).to_numpy(zero_copy_only=False) for name in ("AMT_CREDIT", "EXT_SOURCE_2"))
    mostly_missing = np.where(np.random.default_rng(6).random(4000) < 0.8, np.nan, score + credit / credit.max())
    frozen = frozen_of(EXT_SOURCE_2=mostly_missing)
    pair = next(each for each in frozen.pairs if {each.first, each.second} == {"AMT_CREDIT", "EXT_SOURCE_2"})
    rows = applications(4000, seed=1, EXT_SOURCE_2=mostly_missing)
    cells = {column.name: column for column in frozen.columns}
    codes = {name: cells[name].codes_of(rows.column(name)) for name in (pair.first, pair.second)}
    matrix = score_matrix(codes, {name: frozen.scores[name] for name in codes}, rows=4000)
    assert pair.correlation == pytest.approx(np.corrcoef(matrix)[0, 1], abs=2e-4)
    random = np.random.default_rng(5)
    drawn = [np.corrcoef(matrix[:, random.integers(0, 4000, 4000)])[0, 1] for _ in range(800)]
    assert pair.spread == pytest.approx(np.std(drawn) * np.sqrt(4000), rel=0.1)


def test_the_missing_of_a_column_are_its_first_cell() -> None:
    frozen = frozen_of(1000, AMT_CREDIT=[np.nan] * 300 + [1.0] * 700)
    assert frozen.counts["AMT_CREDIT"] == (300, 0, 700, 0)


def test_rows_without_a_weekday_are_of_no_weekday() -> None:
    frozen = frozen_of(700, WEEKDAY_APPR_PROCESS_START=[None] * 700)
    assert (frozen.by_weekday, frozen.pd.by_weekday) == ({}, {})


def test_a_table_of_fewer_columns_freezes_those() -> None:
    frozen = freeze_reference(
        typed(AMT_CREDIT=[1.0] * 30, WEEKDAY_APPR_PROCESS_START=["MONDAY"] * 30), np.full(30, 0.1)
    )
    assert [column.name for column in frozen.columns] == ["AMT_CREDIT"]
