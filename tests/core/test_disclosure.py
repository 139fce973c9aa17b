"""The limits of disclosure control, each from both sides."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.disclosure import (
    RARE_OR_UNSEEN,
    coarsen,
    inner_quantiles,
    is_enough,
    is_enough_for_mean,
    is_enough_for_rates,
    is_enough_to_list,
    is_enough_to_rank,
    is_none_or_enough,
    listed_values,
    most_groups,
    rounded_count,
    rounded_rate,
)

FROZEN = {
    "amount": {"quantiles": [10.0, 20.0, 40.0]},
    "flag": {"quantiles": [0.0, 0.0, 0.0], "values": [0.0, 1.0]},
    "kind": {"level_shares": {"A": 0.9, "B": 0.1}},
}


@pytest.mark.parametrize(
    ("predicate", "rows", "expected"),
    [
        (is_enough, 0, False),
        (is_enough, 19, False),
        (is_enough, 20, True),
        (is_none_or_enough, 0, True),
        (is_none_or_enough, 1, False),
        (is_none_or_enough, 19, False),
        (is_none_or_enough, 20, True),
        (is_enough_for_mean, 49, False),
        (is_enough_for_mean, 50, True),
    ],
)
def test_a_figure_needs_so_many_rows(predicate: Callable[[int], bool], rows: int, expected: bool) -> None:
    assert predicate(rows) is expected


@pytest.mark.parametrize(
    ("rows", "defaulted", "expected"),
    [(99, 50, False), (100, 50, True), (200, 9, False), (200, 10, True), (200, 190, True), (200, 191, False)],
)
def test_rates_of_a_kind_need_rows_of_either_outcome(rows: int, defaulted: int, expected: bool) -> None:
    assert is_enough_for_rates(rows, defaulted=defaulted) is expected


@pytest.mark.parametrize(
    ("predicate", "rows", "of", "expected"),
    [
        (is_enough_to_rank, 19, 100, False),
        (is_enough_to_rank, 20, 100, True),
        (is_enough_to_rank, 49, 100_000, False),
        (is_enough_to_rank, 50, 100_000, True),
        (is_enough_to_list, 19, 100, False),
        (is_enough_to_list, 20, 100, True),
        (is_enough_to_list, 99, 100_000, False),
        (is_enough_to_list, 100, 100_000, True),
    ],
)
def test_a_level_needs_rows_and_a_share_of_all(
    predicate: Callable[..., bool], rows: int, of: int, expected: bool
) -> None:
    assert predicate(rows, of=of) is expected


def test_values_of_few_are_not_listed_unless_everyone_knows_them() -> None:
    assert listed_values({0.0: 980, 1.0: 20}, of=1000) == [0.0, 1.0]
    assert listed_values({0.0: 999, 1.0: 1}, of=1000) == [0.0, 1.0]
    assert listed_values({1.0: 961, 2.0: 20, 3.0: 19}, of=1000) == [1.0, 2.0]
    assert listed_values({0.0: 961, 1.0: 19, 2.0: 20}, of=1000) == [0.0, 2.0]


def test_few_values_have_no_quantiles() -> None:
    assert inner_quantiles(np.arange(19.0), (0.5,)) == []
    assert inner_quantiles(np.arange(20.0), (0.0, 0.5, 1.0)) == [9.5, 9.5, 9.5]


@given(st.integers(20, 3000), st.floats(0, 1))
def test_ten_rows_lie_on_either_side_of_a_quantile(rows: int, share: float) -> None:
    values = np.arange(float(rows))
    (quantile,) = inner_quantiles(values, (share,))
    assert (values <= quantile).sum() >= 10
    assert (values >= quantile).sum() >= 10


@pytest.mark.parametrize(("share", "expected"), [(0.009, 9.99), (0.01, 9.99), (0.011, 10.99), (0.99, 989.0)])
def test_a_quantile_moves_inwards_only_as_far_as_it_must(share: float, expected: float) -> None:
    assert inner_quantiles(np.arange(1000.0), (share,)) == [expected]


@given(st.lists(st.integers(10_000_000, 99_999_999).filter(lambda n: n % 10_000), min_size=20), st.floats(0, 1))
def test_no_quantile_is_the_value_of_a_row_on_which_it_falls(digits: list[int], share: float) -> None:
    values = np.array(digits) / 10**8
    (quantile,) = inner_quantiles(values, (share,))
    assert quantile not in values
    assert quantile == pytest.approx(
        np.quantile(values, np.clip(share, 10 / len(values), 1 - 10 / len(values))), rel=1e-3
    )


@pytest.mark.parametrize(("rows", "groups"), [(0, 1), (19, 1), (39, 1), (40, 2), (399, 19), (400, 20)])
def test_every_group_of_a_cut_has_enough_rows(rows: int, groups: int) -> None:
    assert most_groups(rows) == groups


@pytest.mark.parametrize(("rows", "rounded"), [(0, 0), (2, 0), (3, 5), (7, 5), (8, 10), (1002, 1000), (1003, 1005)])
def test_counts_are_rounded_to_the_nearest_five(rows: int, rounded: int) -> None:
    assert rounded_count(rows) == rounded


def test_rates_have_three_decimals() -> None:
    assert [rounded_rate(rate) for rate in (0.12349, 0.12351, 1.0)] == [0.123, 0.124, 1.0]


def test_no_single_applicants_value_is_left() -> None:
    random = np.random.default_rng(0)
    rows = 500
    kinds = random.choice(["A", "B", "JOHN Q"], rows)
    sample = pd.DataFrame(
        {"amount": random.normal(20, 9, rows), "flag": random.integers(0, 2, rows) * 1.0, "kind": kinds}
    )
    coarse = coarsen(sample, FROZEN, seed=1)
    assert set(coarse["amount"]) == {10.0, 20.0, 40.0}
    assert set(coarse["flag"]) == {0.0, 1.0}
    assert set(coarse["kind"]) == {"A", "B", RARE_OR_UNSEEN}
    assert coarse["flag"].sum() == sample["flag"].sum()


@pytest.mark.parametrize(("amount", "nearest"), [(14.9, 10.0), (15.1, 20.0), (29.9, 20.0), (30.1, 40.0)])
def test_a_number_becomes_the_nearest_common_value(amount: float, nearest: float) -> None:
    sample = pd.DataFrame({"amount": [amount], "flag": [0.0], "kind": ["A"]})
    assert coarsen(sample, FROZEN, seed=1)["amount"].tolist() == [nearest]


def test_rows_cannot_be_found_again_by_their_place() -> None:
    sample = pd.DataFrame({"amount": np.repeat([10.0, 40.0], 200), "flag": 0.0, "kind": "A"})
    coarse = coarsen(sample, FROZEN, seed=1)
    assert coarse["amount"].tolist() != sample["amount"].tolist()
    assert coarse["amount"].value_counts().to_dict() == {10.0: 200, 40.0: 200}


def test_missing_stays_missing() -> None:
    sample = pd.DataFrame({"amount": [None, 11.0], "flag": [1.0, None], "kind": [None, "A"]})
    assert coarsen(sample, FROZEN, seed=1).isna().sum().to_dict() == {"amount": 1, "flag": 1, "kind": 1}
