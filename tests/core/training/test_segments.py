"""What is told of kinds of applicants, and of which nothing is."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from tasks.core.decision.policy import cost_per_application
from tasks.core.lender.columns import TYPED_SCHEMA
from tasks.core.lender.kinds import groupings_of
from tasks.core.training.segments import judge_segments

COSTS = {"false_negative": 10.0, "false_positive": 1.0}


def rows_with(**columns: list[object]) -> pa.Table:
    length = len(next(iter(columns.values())))
    return pa.table(
        {field.name: pa.array(columns.get(field.name, [None] * length), field.type) for field in TYPED_SCHEMA}
    )


def outcomes(rows: int, bad: int) -> tuple[np.ndarray, np.ndarray]:
    defaulted = np.arange(rows) < bad
    return np.where(defaulted, 0.2, 0.05) + np.linspace(0, 0.1, rows), defaulted


@pytest.mark.parametrize(
    ("rows", "bad", "is_told"),
    [(99, 50, False), (100, 50, True), (200, 9, False), (200, 10, True), (200, 190, True), (200, 191, False)],
)
def test_a_kind_of_few_is_only_counted(rows: int, bad: int, is_told: bool) -> None:
    (grouping,) = judge_segments({"Kind": np.full(rows, "x")}, *outcomes(rows, bad), cutoff=0.1, costs=COSTS)
    assert [segment.name for segment in grouping.segments] == (["x"] if is_told else [])
    assert grouping.too_few == (not is_told)


def test_the_figures_of_a_kind_are_those_of_its_rows() -> None:
    random = np.random.default_rng(1)
    pd, kinds = random.uniform(0, 0.4, 2000), np.where(np.arange(2000) < 700, "a", "b")
    defaulted = random.random(2000) < pd
    (grouping,) = judge_segments({"Kind": kinds}, pd, defaulted, cutoff=0.1, costs=COSTS)
    first, chosen = grouping.segments[0], kinds == "a"
    assert (first.name, first.rows) == ("a", 700)
    assert first.auc == pytest.approx(roc_auc_score(defaulted[chosen], pd[chosen]), abs=0.0005)
    assert first.refusal_share == pytest.approx(np.mean(pd[chosen] >= 0.1), abs=0.0005)
    assert first.cost_per_application == pytest.approx(
        cost_per_application(pd[chosen], defaulted[chosen], 0.1, **COSTS), abs=0.0005
    )
    assert first.default_rate == pytest.approx(defaulted[chosen].mean(), abs=2.5 / 700 + 0.0005)
    assert first.predicted_to_observed == pytest.approx(pd[chosen].mean() / first.default_rate, rel=0.01)


@pytest.mark.parametrize(("rows", "told"), [(1002, 1000), (1003, 1005)])
def test_counts_are_told_to_the_nearest_five(rows: int, told: int) -> None:
    (grouping,) = judge_segments({"Kind": np.full(rows, "x")}, *outcomes(rows, 102), cutoff=0.1, costs=COSTS)
    assert grouping.segments[0].rows == told
    assert grouping.segments[0].default_rate == round(100 / told, 3)


@pytest.mark.parametrize(
    ("years", "band"),
    [(24.9, "under 25"), (25, "25 to 34"), (34.9, "25 to 34"), (64.9, "55 to 64"), (65, "65 and over")],
)
def test_an_age_belongs_to_one_band(years: float, band: str) -> None:
    assert groupings_of(rows_with(DAYS_BIRTH=[-365.25 * years]))["Age"].tolist() == [band]


def test_what_is_missing_is_a_kind_of_its_own() -> None:
    kinds = groupings_of(rows_with(CODE_GENDER=["F", None], AMT_INCOME_TOTAL=[1.0, None], DAYS_EMPLOYED=[365243, None]))
    assert kinds["Gender (never an input)"].tolist() == ["F", "missing"]
    assert kinds["Income"][1] == "missing"
    assert kinds["Age"].tolist() == ["missing", "missing"]
    assert kinds["Employment"].tolist() == ["not employed", "missing"]


def test_incomes_are_parted_into_quarters_and_told_in_their_order() -> None:
    rows = rows_with(AMT_INCOME_TOTAL=[float(n) for n in range(800)])
    kinds = {"Income": groupings_of(rows)["Income"]}
    random = np.random.default_rng(2)
    (grouping,) = judge_segments(kinds, random.random(800), random.random(800) < 0.5, cutoff=0.1, costs=COSTS)
    assert [(segment.name, segment.rows) for segment in grouping.segments] == [
        ("lowest quarter", 200),
        ("second quarter", 200),
        ("third quarter", 200),
        ("highest quarter", 200),
    ]


def test_known_external_scores_are_counted() -> None:
    rows = rows_with(EXT_SOURCE_1=[0.1, None, 0.2], EXT_SOURCE_3=[0.1, None, None])
    assert groupings_of(rows)["External scores known"].tolist() == ["2 of 3", "0 of 3", "1 of 3"]
