import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.sampling import drawn_rows


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 9))
def test_a_sample_is_as_large_as_asked_ascending_and_without_repeats(rows: int, limit: int, seed: int) -> None:
    chosen = drawn_rows(rows, limit, seed=seed)
    assert len(chosen) == min(rows, limit)
    assert (np.diff(chosen) > 0).all()
    assert not len(chosen) or (chosen[0] >= 0 and chosen[-1] < rows)


@pytest.mark.parametrize("limit", [1000, 1001])
def test_all_rows_are_drawn_where_there_are_no_more_than_asked(limit: int) -> None:
    assert drawn_rows(1000, limit, seed=1).tolist() == list(range(1000))


def test_a_seed_always_draws_the_same_rows_and_another_draws_others() -> None:
    assert drawn_rows(20, 5, seed=1).tolist() == [1, 7, 10, 16, 18]
    assert drawn_rows(20, 5, seed=2).tolist() != drawn_rows(20, 5, seed=1).tolist()


def test_every_row_is_as_likely_as_any_other() -> None:
    draws = np.concatenate([drawn_rows(10, 3, seed=seed) for seed in range(2000)])
    assert np.bincount(draws, minlength=10) == pytest.approx(np.full(10, 600), abs=100)
