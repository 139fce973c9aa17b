import numpy as np
import pytest

from tasks.core.feed.ties import ABSENT, UntiedRows, first_form_of
from tasks.core.lender.columns import NAMES


def a_draft(**columns: object) -> UntiedRows:
    levels = {"NAME_INCOME_TYPE": ("Working", "Pensioner", "Unemployed"), "FLAG_OWN_CAR": ("N", "Y")}
    return UntiedRows(levels, {name: np.array(values) for name, values in columns.items()}, {})


def test_categories_are_held_by_code() -> None:
    draft = a_draft(NAME_INCOME_TYPE=[0, 1, 2, -1])
    assert draft.holds("NAME_INCOME_TYPE", "Pensioner", "Unemployed", "Student").tolist() == [False, True, True, False]


def test_what_is_missing_is_known_for_text_and_numbers() -> None:
    draft = a_draft(NAME_INCOME_TYPE=[0, -1], AMT_CREDIT=[np.nan, 1.0])
    assert draft.lacks("NAME_INCOME_TYPE").tolist() == [False, True]
    assert draft.lacks("AMT_CREDIT").tolist() == [True, False]


@pytest.mark.parametrize(
    ("name", "absent"),
    [("DAYS_EMPLOYED", [False, True, True]), ("ORGANIZATION_TYPE", [False, True, True]),
     ("OWN_CAR_AGE", [True, False, True]), ("APARTMENTS_MODE", [False, False, True])],
)  # fmt: skip
def test_a_column_is_absent_where_another_says_so(name: str, absent: list[bool]) -> None:
    draft = a_draft(NAME_INCOME_TYPE=[0, 1, 2], FLAG_OWN_CAR=[0, 1, 0], APARTMENTS_AVG=[0.1, 0.2, np.nan])
    assert ABSENT[name](draft).tolist() == absent


def test_every_other_form_has_a_first_one() -> None:
    assert first_form_of("APARTMENTS_MEDI") == "APARTMENTS_AVG"
    assert first_form_of("TOTALAREA_MODE") is None
    assert len([name for name in NAMES if first_form_of(name)]) == 28
