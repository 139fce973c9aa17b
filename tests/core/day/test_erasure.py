from collections import Counter

import pyarrow as pa
import pytest

from tasks.core.applications import rows_of_applicant
from tasks.core.day.erasure import erased_totals, places_of_rows
from tasks.core.day.records import FileTotals

FILES = {
    "a.csv": FileTotals(5, 3, 1, 1),
    "b.csv": FileTotals(5, 4, 0, 1),
    "corrections/c.csv": FileTotals(2, 1, 1, 0),
    "corrections/d.csv": FileTotals(2, 1, 1, 0),
}
DECIDED, COPY, REPLACED = Counter(decided=1), Counter(duplicates_dropped=1), Counter(replaced=1)
SET_ASIDE = Counter(quarantined=1)


@pytest.mark.parametrize(
    ("held", "is_decided", "quarantined", "expected"),
    [
        ({"a.csv": 1}, True, {}, {"a.csv": DECIDED}),
        ({"a.csv": 1, "b.csv": 1}, True, {}, {"a.csv": DECIDED, "b.csv": COPY}),
        ({"b.csv": 2}, True, {}, {"b.csv": DECIDED + COPY}),
        ({"a.csv": 1, "b.csv": 1}, False, {"a.csv": 1, "b.csv": 1}, {"a.csv": SET_ASIDE, "b.csv": SET_ASIDE}),
        ({"a.csv": 2, "corrections/c.csv": 1}, True, {}, {"a.csv": REPLACED + REPLACED, "corrections/c.csv": DECIDED}),
        (
            {"corrections/c.csv": 1, "corrections/d.csv": 1}, True, {},
            {"corrections/c.csv": REPLACED, "corrections/d.csv": DECIDED},
        ),
        (
            {"a.csv": 1, "corrections/d.csv": 1}, False, {"corrections/d.csv": 1},
            {"a.csv": REPLACED, "corrections/d.csv": SET_ASIDE},
        ),
        ({}, True, {}, {"a.csv": DECIDED}),
        ({}, False, {"b.csv": 2}, {"b.csv": Counter(quarantined=2)}),
        ({"a.csv": 1}, False, {}, {"a.csv": SET_ASIDE}),
        ({}, False, {}, {}),
        ({"a.csv": 1, "b.csv": 1}, True, None, {"a.csv": DECIDED, "b.csv": COPY}),
        ({"a.csv": 1}, False, None, {}),
        ({"a.csv": 1, "corrections/c.csv": 1}, False, None, {"a.csv": REPLACED}),
        ({"a.csv": 1, "b.csv": 1}, None, {"a.csv": 1, "b.csv": 1}, {"a.csv": SET_ASIDE, "b.csv": SET_ASIDE}),
        ({"a.csv": 1}, None, {}, {}),
        ({"a.csv": 2, "corrections/c.csv": 1}, None, None, {"a.csv": REPLACED + REPLACED}),
    ],
)  # fmt: skip
def test_what_became_of_an_applicants_rows(
    held: dict[str, int],
    is_decided: bool | None,
    quarantined: dict[str, int] | None,
    expected: dict[str, Counter[str]],
) -> None:
    places = places_of_rows(FILES, list(FILES), held, is_decided=is_decided, quarantined=quarantined)
    assert {name: +place for name, place in places.items()} == expected


def test_a_file_that_decided_nobody_is_not_where_a_decided_row_came_from() -> None:
    files = {"a.csv": FileTotals(1, 0, 1, 0), "b.csv": FileTotals(1, 1, 0, 0)}
    assert places_of_rows(files, list(files), {}, is_decided=True, quarantined={}) == {"b.csv": DECIDED}


@pytest.mark.parametrize(("there", "moved"), [(0, 0), (1, 1), (2, 2), (3, 2)])
def test_no_more_rows_are_erased_than_were_counted(there: int, moved: int) -> None:
    totals = erased_totals(FileTotals(there, 0, there, 0), {"quarantined": 2})
    assert (totals.quarantined, totals.erased, totals.unaccounted) == (there - moved, moved, 0)


def test_ids_that_float64_would_confuse_are_nobodys() -> None:
    table = pa.table({"application_id": [2**53 + 1, 2**53, 7]})
    assert rows_of_applicant(table, 2**53).tolist() == [False, False, False]


def test_a_table_without_ids_is_nobodys() -> None:
    assert rows_of_applicant(pa.table({"n": [7, 8]}), 7).tolist() == [False, False]
