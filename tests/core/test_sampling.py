import numpy as np
import pytest

from tasks.core.sampling import choose_sample, drawn_rows


def test_a_sample_is_as_large_as_asked_and_the_same_each_time() -> None:
    ids = np.arange(1000)
    assert choose_sample(ids, rows=1000, seed=1) is ids
    chosen = choose_sample(ids, rows=999, seed=1)
    assert len(set(chosen.tolist())) == 999
    assert chosen.tolist() == choose_sample(ids, rows=999, seed=1).tolist()


@pytest.mark.parametrize(("limit", "drawn"), [(0, 0), (9, 9), (10, 10), (11, 10)])
def test_rows_are_drawn_once_each_in_their_order(limit: int, drawn: int) -> None:
    positions = drawn_rows(10, limit, seed=1)
    assert len(positions) == drawn
    assert (np.diff(positions) > 0).all()
    assert set(positions) <= set(range(10))


def test_another_seed_draws_other_rows() -> None:
    assert drawn_rows(1000, 10, seed=1).tolist() == drawn_rows(1000, 10, seed=1).tolist()
    assert drawn_rows(1000, 10, seed=1).tolist() != drawn_rows(1000, 10, seed=2).tolist()
