import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.day.control_totals import MEASURES, add_sums, sum_typed, totals_by_measure, unreconciled
from tasks.core.day.records import FileTotals

Rows = list[tuple[int | None, float | None, float | None]]
AMOUNT = st.none() | st.floats(-1e12, 1e12) | st.sampled_from([406597.5, 0.005, -0.0, 1e10, 1e10 + 1, 1e300])
ROWS = st.lists(st.tuples(st.none() | st.integers(-(2**53), 2**53), AMOUNT, AMOUNT), max_size=30)


def typed(rows: Rows) -> pa.Table:
    types = dict(zip(MEASURES, (pa.int64(), pa.float64(), pa.float64()), strict=True))
    return pa.table({name: pa.array([row[n] for row in rows], type_) for n, (name, type_) in enumerate(types.items())})


def stage(rows: Rows, file: str = "a.csv") -> pa.Table:
    names = ["application_id", "typed_AMT_CREDIT", "typed_AMT_INCOME_TOTAL"]
    return typed(rows).rename_columns(names).append_column("source_file", pa.array([file] * len(rows), pa.string()))


def hash_in_plain_python(id_: int) -> int:
    """splitmix64, as its authors print it."""
    bits = 2**64 - 1
    mixed = (id_ + 0x9E3779B97F4A7C15) & bits
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & bits
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & bits
    return (mixed ^ (mixed >> 31)) >> 32


def in_plain_python(rows: Rows) -> dict[str, int]:
    amounts = [sum(round(row[n] * 100) for row in rows if row[n] and abs(row[n]) <= 1e10) for n in (1, 2)]  # type: ignore[operator]
    ids = sum(hash_in_plain_python(row[0]) for row in rows if row[0] is not None)
    return dict(zip(MEASURES, (ids, *amounts), strict=True))


@given(ROWS)
def test_totals_are_what_plain_arithmetic_gives(rows: Rows) -> None:
    assert sum_typed(typed(rows)) == in_plain_python(rows)


@given(ROWS, st.integers(1, 7))
def test_totals_of_chunks_add_up_to_those_of_the_whole(rows: Rows, size: int) -> None:
    parts = [sum_typed(typed(rows[start : start + size])) for start in range(0, len(rows), size)]
    assert add_sums(*parts) == sum_typed(typed(rows))


@given(ROWS, st.lists(st.integers(0, 3), min_size=30, max_size=30))
def test_rows_that_end_in_any_places_reconcile(rows: Rows, places: list[int]) -> None:
    ended = [stage([row for row, place in zip(rows, places, strict=False) if place == n]) for n in range(4)]
    totals = totals_by_measure({"a.csv": sum_typed(typed(rows))}, ended)
    assert set(totals) == set(MEASURES)
    assert unreconciled(totals) == []


LOST: Rows = [(1, 10.0, 5.0), (2, 20.0, 6.0)]


@pytest.mark.parametrize(
    ("decided", "measures"),
    [
        ([LOST[0], LOST[0]], list(MEASURES)),
        ([LOST[0], (3, 20.0, 6.0)], ["SK_ID_CURR"]),
        ([(2, 10.0, 5.0), (1, 20.0, 6.0)], []),
        ([(0, 10.0, 5.0), (3, 20.0, 6.0)], ["SK_ID_CURR"]),
        ([LOST[0], (2, 20.01, 6.0)], ["AMT_CREDIT"]),
        ([LOST[0], (2, 20.004, 6.0)], []),
        ([LOST[0], (2, 20.0, None)], ["AMT_INCOME_TOTAL"]),
    ],
)
def test_a_row_that_became_another_is_noticed_though_the_number_of_rows_is_right(
    decided: Rows, measures: list[str]
) -> None:
    nothing = stage([])
    totals = totals_by_measure({"a.csv": sum_typed(typed(LOST))}, [stage(decided), nothing, nothing, nothing])
    assert unreconciled(totals) == [f"{measure} of a.csv" for measure in measures]


def test_totals_are_kept_by_file() -> None:
    received = {"a.csv": sum_typed(typed(LOST[:1])), "b.csv": sum_typed(typed(LOST[1:]))}
    stages = [pa.concat_tables([stage(LOST[:1]), stage(LOST[1:], "b.csv")]), *[stage([])] * 3]
    totals = totals_by_measure(received, stages)
    assert totals["AMT_CREDIT"] == {"a.csv": FileTotals(1000, 1000, 0, 0), "b.csv": FileTotals(2000, 2000, 0, 0)}
