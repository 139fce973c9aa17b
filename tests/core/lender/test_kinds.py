"""Kinds of applicants that the control of fairness compares."""

import pyarrow as pa
import pytest

from tasks.core.lender.columns import TYPED_SCHEMA
from tasks.core.lender.kinds import groupings_of, protected_kinds


def rows_with(**columns: list[object]) -> pa.Table:
    length = len(next(iter(columns.values())))
    return pa.table(
        {field.name: pa.array(columns.get(field.name, [None] * length), field.type) for field in TYPED_SCHEMA}
    )


@pytest.mark.parametrize(
    ("years", "band", "is_elderly"),
    [(24.9, "under 25", "under 62"), (61.9, "55 to 64", "under 62"), (62, "55 to 64", "62 and over"),
     (65, "65 and over", "62 and over"), (None, "missing", "missing")],
)  # fmt: skip
def test_an_applicant_is_elderly_from_62_on(years: float | None, band: str, is_elderly: str) -> None:
    days = None if years is None else -365.25 * years
    kinds = protected_kinds(rows_with(DAYS_BIRTH=[days]))
    assert (kinds["age"].tolist(), kinds["elderly"].tolist()) == ([band], [is_elderly])


def test_gender_and_age_are_those_of_the_model_card() -> None:
    rows = rows_with(CODE_GENDER=["F", None], DAYS_BIRTH=[-10_000, -20_000])
    ours, of_the_card = protected_kinds(rows), groupings_of(rows)
    assert ours["gender"].tolist() == of_the_card["Gender (never an input)"].tolist() == ["F", "missing"]
    assert ours["age"].tolist() == of_the_card["Age"].tolist() == ["25 to 34", "45 to 54"]
