import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.day.duplicates import shared_ids, sort_out, take_turns


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1.0, 2.0, None])), max_size=30))
def test_rows_are_sorted_out_as_a_plain_loop_would(rows: list[tuple[int, float | None]]) -> None:
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    done = sort_out(ids, pd.DataFrame({"a": pd.array([row[1] for row in rows], "float64" if rows else object)}))
    seen: set[tuple[int, float | None]] = set()
    for position, row in enumerate(rows):
        different = {other for other in rows if other[0] == row[0]}
        assert done.copies[position] == (row in seen)
        assert done.conflicting[position] == (row not in seen and len(different) > 1)
        seen.add(row)


def test_three_equal_rows_leave_one() -> None:
    done = sort_out(np.array([4, 4, 4]), pd.DataFrame({"a": ["x", "x", "x"]}))
    assert done.copies.tolist() == [False, True, True]
    assert not done.conflicting.any()


def test_a_copy_among_conflicting_rows_is_still_a_copy() -> None:
    done = sort_out(np.array([4, 4, 4]), pd.DataFrame({"a": ["x", "x", "y"]}))
    assert done.copies.tolist() == [False, True, False]
    assert done.conflicting.tolist() == [True, False, True]


def test_no_id_is_shared_among_unique_ones() -> None:
    assert shared_ids(np.array([3, 1, 2])).size == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30))
def test_a_row_is_replaced_if_its_id_came_again_later(rows: list[tuple[int, int]]) -> None:
    ids, turns = (np.array([row[n] for row in rows], dtype=np.int64) for n in (0, 1))
    taken = take_turns(ids, turns)
    assert taken.replaced.tolist() == [any(i == id_ and t > turn for i, t in rows) for id_, turn in rows]
    originals = {id_ for id_, turn in rows if turn == 0}
    assert taken.without_origin == len({id_ for id_, _ in rows} - originals)
