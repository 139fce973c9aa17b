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
    is_apart,
    is_enough,
    is_enough_for_mean,
    is_enough_for_rates,
    is_enough_to_list,
    is_enough_to_rank,
    is_none_or_enough,
    listed_values,
    most_groups_of_means,
    rounded_count,
    rounded_quantile,
    rounded_rate,
    spaced_points,
    told_parts,
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


@pytest.mark.parametrize(("rows", "groups"), [(0, 1), (49, 1), (99, 1), (100, 2), (999, 19), (1000, 20)])
def test_every_group_of_a_cut_has_enough_rows_for_a_mean(rows: int, groups: int) -> None:
    assert most_groups_of_means(rows) == groups


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(0, True), (1, False), (19, False), (20, True), (31, False), (50, True), (70, True), (80, True), (81, False)],
)
def test_a_part_is_told_beside_others_if_none_or_enough_lie_between(rows: int, expected: bool) -> None:
    assert is_apart(rows, [0, 50, 100]) is expected


@given(st.lists(st.integers(0, 300)), st.lists(st.integers(0, 300), max_size=3))
def test_points_of_a_curve_are_spaced_and_none_that_could_be_told_is_missing(rows: list[int], more: list[int]) -> None:
    beside = [0, 300, *more]
    told = [rows[position] for position in spaced_points(rows, beside=beside)]
    for number, count in enumerate(told):
        assert all(abs(count - other) >= 20 for other in (*beside, *told[:number]))
    for count in rows:
        assert count in told or any(abs(count - other) < 20 for other in (*beside, *told))


def test_a_number_between_two_rows_has_four_digits() -> None:
    assert [rounded_quantile(value) for value in (0.0909123, 12345.6, 1.0, 0.0)] == [0.09091, 12350.0, 1.0, 0.0]


@pytest.mark.parametrize(("rows", "rounded"), [(0, 0), (2, 0), (3, 5), (7, 5), (8, 10), (1002, 1000), (1003, 1005)])
def test_counts_are_rounded_to_the_nearest_five(rows: int, rounded: int) -> None:
    assert rounded_count(rows) == rounded


def test_rates_have_three_decimals() -> None:
    assert [rounded_rate(rate) for rate in (0.12349, 0.12351, 1.0)] == [0.123, 0.124, 1.0]


def shown(sample: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """The sample as a report shows it beside itself."""
    return coarsen(sample, sample, FROZEN, seed=seed).day


def sample_of(rows: int = 60, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"amount": [20.0] * rows, "flag": [0.0] * rows, "kind": ["A"] * rows} | columns)


def test_no_single_applicants_value_is_left() -> None:
    random = np.random.default_rng(0)
    rows = 500
    kinds = random.choice(["A", "B", "JOHN Q"], rows)
    flags = random.integers(0, 2, rows) * 1.0
    sample = sample_of(rows, amount=random.normal(20, 9, rows), flag=flags, kind=kinds)
    coarse = shown(sample)
    assert set(coarse["amount"]) == {10.0, 20.0, 40.0}
    assert set(coarse["flag"]) == {0.0, 1.0}
    assert set(coarse["kind"]) == {"A", "B", RARE_OR_UNSEEN}
    assert coarse["flag"].sum() == sample["flag"].sum()


@pytest.mark.parametrize(("amount", "nearest"), [(14.9, 10.0), (15.1, 20.0), (29.9, 20.0), (30.1, 40.0)])
def test_a_number_becomes_the_nearest_common_value(amount: float, nearest: float) -> None:
    assert set(shown(sample_of(amount=[amount] * 60))["amount"]) == {nearest}


@pytest.mark.parametrize(
    ("column", "many", "few", "instead"),
    [
        ("amount", 40.0, 10.0, {40.0}),
        ("amount", 10.0, 40.0, {10.0}),
        ("flag", 0.0, 1.0, {0.0}),
        ("kind", "A", "B", {RARE_OR_UNSEEN}),
        ("kind", "A", "JOHN Q", {RARE_OR_UNSEEN}),
    ],
)
@pytest.mark.parametrize("rows", [1, 19])
def test_a_value_of_too_few_is_told_of_nobody(
    column: str, many: object, few: object, instead: set[object], rows: int
) -> None:
    assert set(shown(sample_of(**{column: [few] * rows + [many] * (60 - rows)}))[column]) == instead
    assert set(shown(sample_of(**{column: [few] * 20 + [many] * 40}))[column]) != instead


def test_a_value_that_few_have_in_one_sample_is_told_in_neither() -> None:
    day = sample_of(amount=[10.0] * 3 + [40.0] * 57)
    reference = sample_of(amount=[10.0] * 30 + [40.0] * 30)
    both = coarsen(day, reference, FROZEN, seed=1)
    assert set(both.day["amount"]) == set(both.reference["amount"]) == {40.0}


def test_what_the_day_has_not_is_told_of_the_reference() -> None:
    reference = sample_of(amount=[10.0] * 30 + [40.0] * 30, kind=["A"] * 30 + ["B"] * 30)
    both = coarsen(sample_of(amount=[40.0] * 60), reference, FROZEN, seed=1)
    assert set(both.reference["amount"]) == {10.0, 40.0}
    assert set(both.reference["kind"]) == {"A", "B"}


@pytest.mark.parametrize(("share", "is_told"), [(0.3, False), (0.35, True)])
def test_that_a_day_lacks_what_few_of_it_were_due_to_have_is_not_told(share: float, *, is_told: bool) -> None:
    others = round(600 * share)
    reference = sample_of(600, amount=[10.0] * others + [40.0] * (600 - others), kind="A")
    both = coarsen(sample_of(amount=[40.0] * 60), reference, FROZEN, seed=1)
    assert set(both.reference["amount"]) == ({10.0, 40.0} if is_told else {40.0})


@pytest.mark.parametrize(("values", "empty", "too_few"), [(0, ("amount",), ()), (19, (), ("amount",)), (20, (), ())])
def test_a_column_with_too_few_values_is_named_and_left_out(
    values: int, empty: tuple[str, ...], too_few: tuple[str, ...]
) -> None:
    sample = sample_of(amount=[20.0] * values + [None] * (60 - values))
    for both in (coarsen(sample, sample_of(), FROZEN, seed=1), coarsen(sample_of(), sample, FROZEN, seed=1)):
        assert (both.empty, both.too_few) == (empty, too_few)
        assert ("amount" in both.day) == ("amount" in both.reference) == (values == 20)


@given(st.lists(st.sampled_from([10.0, 11.0, 20.0, 40.0, None]), min_size=20, max_size=90), st.integers(0, 9))
def test_enough_rows_stand_behind_each_value_that_is_shown(amounts: list[float | None], seed: int) -> None:
    day = sample_of(len(amounts), amount=pd.array(amounts, dtype="Float64").to_numpy(float, na_value=np.nan))
    both = coarsen(day, sample_of(amount=[10.0, 20.0, 40.0] * 20), FROZEN, seed=seed)
    for sample in (both.day, both.reference):
        for name in sample:
            assert (sample[name].value_counts() >= 20).all()


def test_rows_cannot_be_found_again_by_their_place() -> None:
    sample = sample_of(400, amount=np.repeat([10.0, 40.0], 200), flag=np.repeat([0.0, 1.0], 200))
    coarse = shown(sample)
    assert coarse["amount"].tolist() != sample["amount"].tolist()
    assert coarse["amount"].value_counts().to_dict() == {10.0: 200, 40.0: 200}
    # Beside each other in the sample, and no more in what is shown.
    assert ((coarse["amount"] == 40.0) != (coarse["flag"] == 1.0)).any()


def test_missing_stays_missing() -> None:
    values = {"amount": [None] * 30 + [11.0] * 30, "flag": [1.0] * 30 + [None] * 30, "kind": [None] * 40 + ["A"] * 20}
    coarse = shown(sample_of(**values))
    assert coarse.isna().sum().to_dict() == {"amount": 30, "flag": 30, "kind": 40}


@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 120)), min_size=1, max_size=8))
def test_no_part_that_is_not_told_can_be_had_from_the_whole(pairs: list[tuple[int, int]]) -> None:
    parts = np.array([(rows, min(rows, of_them)) for rows, of_them in pairs])

    def is_enough_of(counts: np.ndarray) -> bool:
        return is_enough_for_rates(int(counts[0]), defaulted=int(counts[1]))

    is_told = told_parts(parts, is_enough_of)
    assert all(is_enough_of(part) for part in parts[is_told])
    rest = parts[~is_told].sum(axis=0)
    assert not is_told.any() or not rest[0] or is_enough_of(rest)
    if all(is_enough_of(part) for part in parts):
        assert is_told.all()
