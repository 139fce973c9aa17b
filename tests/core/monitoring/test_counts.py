"""Counts of a day: those of its parts add up, however it is cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.monitoring.cells import ColumnCells
from tasks.core.monitoring.counts import DayCounts, count_rows
from tasks.core.monitoring.reference import correlations_of
from tests.monitored_days import FROZEN, LIMITS, applications, counts_of, frozen_of, pd_of

ROWS = 300
TABLE = applications(ROWS, seed=7)
PD = pd_of(ROWS, seed=7)
DECISIONS = np.searchsorted(LIMITS, PD, side="right")
WHOLE = count_rows(TABLE, PD, DECISIONS, FROZEN)


@settings(max_examples=30)
@given(st.lists(st.integers(0, ROWS), max_size=6), st.permutations(range(4)))
def test_counts_of_parts_add_up_to_counts_of_the_whole(cuts: list[int], order: list[int]) -> None:
    ends = [0, *sorted(cuts), ROWS]
    parts = [slice(first, last) for first, last in pairwise(ends)]
    parts.sort(key=lambda part: order[part.start % 4])
    total = DayCounts.none(FROZEN)
    for part in parts:
        rows = TABLE.slice(part.start, part.stop - part.start)
        total += count_rows(rows, PD[part], DECISIONS[part], FROZEN)
    assert total.rows == ROWS
    for name in ("cells", "weekdays", "decisions"):
        assert getattr(total, name).tolist() == getattr(WHOLE, name).tolist()
    assert np.allclose([total.logit_sum, total.pd_sum], [WHOLE.logit_sum, WHOLE.pd_sum])
    assert np.allclose(total.credits, WHOLE.credits)
    assert np.allclose(correlations_of(total.moments), correlations_of(WHOLE.moments), atol=1e-4)


def test_every_row_is_in_one_cell_of_each_column() -> None:
    assert FROZEN.layout.sum_by_column(WHOLE.cells).tolist() == [ROWS] * len(FROZEN.columns)
    assert WHOLE.weekdays.sum() == WHOLE.decisions.sum() == ROWS


def test_missing_values_and_weekdays_are_counted_as_pyarrow_counts_them() -> None:
    start = FROZEN.layout.starts[FROZEN.layout.names.index("EXT_SOURCE_2")]
    assert WHOLE.cells[start] == TABLE.column("EXT_SOURCE_2").null_count
    mondays = pc.sum(pc.equal(TABLE.column("WEEKDAY_APPR_PROCESS_START"), "MONDAY")).as_py()
    assert WHOLE.weekdays[0] == mondays


def test_the_credit_asked_for_is_added_up_by_decision() -> None:
    credit = pd.Series(TABLE.column("AMT_CREDIT").to_numpy()).groupby(DECISIONS).sum()
    assert WHOLE.credits.tolist() == pytest.approx([credit.get(decision, 0.0) for decision in range(3)])
    without = count_rows(TABLE.drop_columns("AMT_CREDIT"), PD, DECISIONS, FROZEN)
    assert without.credits.tolist() == [0.0] * 3


def test_no_application_counts_as_nothing() -> None:
    nothing = counts_of(applications(0, seed=1))
    none = DayCounts.none(FROZEN)
    assert (nothing.rows, nothing.cells.tolist()) == (0, none.cells.tolist())
    assert (WHOLE + none).cells.tolist() == WHOLE.cells.tolist()


def test_a_reference_without_a_column_that_varies_counts_too() -> None:
    constant = frozen_of(100, **{
        name: [None] * 100 for name in TABLE.column_names if name != "WEEKDAY_APPR_PROCESS_START"
    })  # fmt: skip
    assert constant.scores == {}
    counts = counts_of(TABLE, constant)
    assert counts.moments.products.shape == (0, 0)
    assert (DayCounts.none(constant) + counts).rows == ROWS


def test_a_column_that_the_reference_has_and_the_rows_lack_is_missing_throughout() -> None:
    gone = ColumnCells("COLUMN_OF_AN_EARLIER_PROGRAM", listed=(0.0, 1.0))
    earlier = replace(
        FROZEN,
        columns=(*FROZEN.columns, gone),
        counts={**FROZEN.counts, gone.name: (0, 0, 2000, 2000, 0)},
        scores={**FROZEN.scores, gone.name: (0.0, 0.0, -0.5, 0.5, 0.0)},
    )
    assert counts_of(TABLE, earlier).cells[-5:].tolist() == [ROWS, 0, 0, 0, 0]


def test_rows_of_any_chunks_are_counted_alike() -> None:
    chunked = pa.concat_tables([TABLE.slice(0, 7), TABLE.slice(7, 0), TABLE.slice(7)])
    assert count_rows(chunked, PD, DECISIONS, FROZEN).cells.tolist() == WHOLE.cells.tolist()
