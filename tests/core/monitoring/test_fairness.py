"""Approval rates of kinds of applicants, compared; and reasons about age."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from tasks.core.monitoring.fairness import (
    AgeReasons,
    ImpactRatio,
    KindFairness,
    adverse_impact_ratio,
    compare_kinds,
    count_age_reasons,
    fairness_metrics,
)
from tasks.core.monitoring.metrics import Metric

NO_REASONS = AgeReasons(0, None, "insufficient", "")


def day_of(**counts: tuple[int, int]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Gender and decision of each applicant, by the approved and all applicants of each kind."""
    kinds = np.repeat(list(counts), [rows for _, rows in counts.values()])
    decisions = [np.where(np.arange(rows) < approved, "approve", "refuse") for approved, rows in counts.values()]
    return {"gender": kinds}, np.concatenate(decisions)


def by_kind(**counts: tuple[int, int]) -> dict[str, KindFairness]:
    return {each.kind: each for each in compare_kinds(*day_of(**counts))}


def elderly(refused: int, with_age: int, *, approved: int = 0, younger: int = 0, place: int = 0) -> AgeReasons:
    """Age reasons of a day on which so many of the elderly have one, as reason number `place`."""
    rows = refused + approved + younger
    codes = [np.full(rows, None, dtype=object) for _ in range(4)]
    codes[place][:with_age] = "R05"
    codes[(place + 1) % 4][:] = "R01"
    codes[3 - place][refused + approved :] = "R05"
    is_elderly = np.arange(rows) < refused + approved
    decisions = np.where(is_elderly & (np.arange(rows) >= refused), "approve", "refuse")
    return count_age_reasons(is_elderly, decisions, codes, {"R05"})


def test_a_ratio_and_its_interval_are_those_computed_by_hand() -> None:
    kinds = by_kind(F=(960, 1200), M=(480, 800))
    assert (kinds["F"].approval_rate, kinds["M"].approval_rate) == (0.8, 0.6)
    # ln 0.75 = -0.28768; variance 1/480 - 1/800 + 1/960 - 1/1200 = 0.00104167, its root 0.032275
    assert kinds["M"].ratio == ImpactRatio(0.75, 0.704, 0.799)
    assert kinds["M"].reference == kinds["F"].reference == "F"
    assert kinds["F"].ratio is None
    assert kinds["M"].sentence == (
        "gender M: 60.0% of 800 applicants are approved, 0.750 times the rate of F "
        "(0.704 to 0.799; exact test p < 0.001): clearly below 0.8."
    )


@pytest.mark.parametrize(
    ("p", "rows", "of_p", "of_rows"),
    [(0.7, 100, 0.7, 1000), (0.3, 200, 0.6, 300), (0.05, 2000, 0.07, 5000), (0.9, 150, 0.95, 150)],
)
def test_an_interval_holds_the_true_ratio_about_95_times_in_100(p: float, rows: int, of_p: float, of_rows: int) -> None:
    random = np.random.default_rng(1)
    pairs = zip(random.binomial(rows, p, 4000).tolist(), random.binomial(of_rows, of_p, 4000).tolist(), strict=True)
    ratios = [adverse_impact_ratio(a, rows, of_approved=b, of_rows=of_rows) for a, b in pairs]
    covered = np.mean([ratio.low <= p / of_p <= ratio.high for ratio in ratios])
    assert 0.935 < covered < 0.965


def test_nobody_approved_of_a_kind_still_has_an_interval() -> None:
    ratio = adverse_impact_ratio(0, 200, of_approved=100, of_rows=200)
    assert ratio.value == pytest.approx(0.5 / 100.5)
    assert 0 < ratio.low < ratio.value < ratio.high < 0.1
    assert adverse_impact_ratio(0, 100, of_approved=0, of_rows=100).value == 1


@pytest.mark.parametrize(("approved", "rows"), [(60, 100), (140, 200), (75, 100)])
def test_the_exact_test_adds_up_all_tables_that_are_no_likelier(approved: int, rows: int) -> None:
    kind = by_kind(F=(400, 500), M=(approved, rows))["M"]
    possible = hypergeom(500 + rows, 400 + approved, rows).pmf(np.arange(rows + 1))
    expected = possible[possible <= possible[approved] * (1 + 1e-7)].sum()
    assert kind.p_value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("approved", "level", "word"),
    [(6100, "watch", "clearly"), (6275, "watch", "clearly"), (6285, "ok", "perhaps"), (6395, "ok", "perhaps"),
     (6400, "ok", "not"), (7900, "ok", "not")],
)  # fmt: skip
def test_a_ratio_is_watched_if_its_whole_interval_lies_below_four_fifths(approved: int, level: str, word: str) -> None:
    kind = by_kind(F=(8000, 10_000), M=(approved, 10_000))["M"]
    assert kind.level == level
    assert kind.ratio
    assert (kind.ratio.high < 0.8) == (level == "watch")
    assert kind.sentence.endswith(f": {word} below 0.8.")


def test_both_thresholds_are_arguments() -> None:
    day = day_of(F=(800, 1000), M=(700, 1000))
    assert [each.level for each in compare_kinds(*day)] == ["ok", "ok"]
    assert [each.level for each in compare_kinds(*day, least_ratio=0.95)] == ["ok", "watch"]
    p_value = compare_kinds(*day)[1].p_value
    assert p_value
    strict, lax = (
        compare_kinds(*day, least_ratio=0.95, significance=p_value * factor)[1].level for factor in (0.99, 1.01)
    )
    assert (strict, lax) == ("ok", "watch")


def test_significance_is_shared_by_all_comparisons_of_a_day() -> None:
    groupings, decisions = day_of(F=(800, 1000), M=(700, 1000))
    p_value = compare_kinds(groupings, decisions)[1].p_value
    assert p_value
    again = groupings | {"age": groupings["gender"], "third": groupings["gender"]}
    levels = [
        {each.level for each in compare_kinds(again, decisions, least_ratio=0.95, significance=3 * p_value * factor)}
        for factor in (0.99, 1.01)
    ]
    assert levels == [{"ok"}, {"ok", "watch"}]


def test_the_kind_of_the_highest_rate_is_the_reference_even_if_it_is_not_the_largest() -> None:
    kinds = by_kind(F=(400, 10_000), M=(200, 1000))
    assert {kind.reference for kind in kinds.values()} == {"M"}
    assert kinds["F"].level == "watch"


@pytest.mark.parametrize(("rows", "reference"), [(195, "F"), (205, "X")])
def test_a_kind_of_less_than_two_percent_is_not_the_reference(rows: int, reference: str) -> None:
    kinds = by_kind(F=(5000, 10_000 - rows), X=(rows - 20, rows))
    assert {kind.reference for kind in kinds.values()} == {reference}


def test_of_two_kinds_with_one_rate_the_larger_is_the_reference() -> None:
    assert {kind.reference for kind in by_kind(F=(500, 1000), M=(1000, 2000)).values()} == {"M"}


def test_applicants_under_62_are_the_reference_of_the_elderly_whatever_the_rates() -> None:
    groupings, decisions = day_of(**{"under 62": (3000, 10_000), "62 and over": (900, 1000)})
    older, younger = compare_kinds({"elderly": groupings["gender"]}, decisions)
    assert (older.reference, younger.reference) == ("under 62", "under 62")
    assert older.ratio
    assert older.ratio.value == 3.0
    assert (older.level, younger.level, younger.ratio) == ("ok", "ok", None)


@pytest.mark.parametrize(
    ("rows", "is_named", "level"),
    [(19, False, None), (20, True, "insufficient"), (99, True, "insufficient"), (100, True, "watch")],
)
def test_a_kind_of_few_has_no_figures_and_of_fewer_no_name(rows: int, is_named: bool, level: str | None) -> None:
    kinds = by_kind(F=(4000, 5000), X=(rows // 2, rows))
    assert ("X" in kinds) == is_named
    if is_named and rows < 100:
        assert kinds["X"][2:8] == (0, None, "", None, None, "insufficient")
        assert kinds["X"].sentence == "gender X: too few applicants to compare; 100 are needed."
    if is_named:
        assert kinds["X"].level == level


@pytest.mark.parametrize(("approved", "is_shown"), [(9, False), (10, True), (190, True), (191, False)])
def test_a_rate_that_tells_nearly_each_decision_is_judged_and_not_shown(approved: int, is_shown: bool) -> None:
    kind = by_kind(F=(9800, 10_000), X=(approved, 200))["X"]
    assert (kind.approval_rate is not None, kind.ratio is not None, kind.p_value is not None) == (is_shown,) * 3
    assert kind.level == ("watch" if approved <= 10 else "ok")
    if approved == 9:
        assert kind.sentence == (
            "gender X: the rate is not shown, because nearly all of them have the same decision; "
            "its ratio to the rate of F is clearly below 0.8."
        )


def test_a_reference_whose_rate_is_not_shown_has_no_ratio_to_it_shown() -> None:
    kind = by_kind(F=(5000, 5000), M=(2500, 5000))["M"]
    assert (kind.approval_rate, kind.ratio, kind.level) == (0.5, None, "watch")


@pytest.mark.parametrize("approved", [0, 5000])
def test_equal_decisions_for_all_are_not_adverse(approved: int) -> None:
    kinds = by_kind(F=(approved, 5000), M=(approved, 5000))
    assert [kind.level for kind in kinds.values()] == ["ok", "ok"]
    assert [kind.approval_rate for kind in kinds.values()] == [None, None]


def test_one_kind_alone_has_nothing_to_compare_with() -> None:
    (kind,) = by_kind(F=(4000, 5000)).values()
    assert (kind.level, kind.ratio, kind.reference) == ("ok", None, "F")
    (kind,) = compare_kinds({"elderly": np.full(500, "62 and over")}, np.repeat(["approve", "refuse"], 250))
    assert (kind.level, kind.ratio, kind.reference) == ("insufficient", None, "")
    assert kind.sentence == (
        "elderly 62 and over: 50.0% of 500 applicants are approved; "
        "no other kind has enough applicants to compare with."
    )


@pytest.mark.parametrize("rows", [0, 1])
def test_a_day_of_nobody_or_one_has_no_kinds(rows: int) -> None:
    kinds, decisions = np.full(rows, "F"), np.full(rows, "approve")
    assert compare_kinds({"gender": kinds}, decisions) == ()
    assert elderly(rows, rows)[:3] == (0, None, "insufficient")


def test_a_kind_that_is_not_known_is_not_compared() -> None:
    assert set(by_kind(F=(800, 1000), missing=(100, 1000))) == {"F"}


def test_a_referred_application_counts_as_not_approved() -> None:
    decisions = np.repeat(["approve", "refer", "refuse"], [500, 300, 200])
    (kind,) = compare_kinds({"gender": np.full(1000, "F")}, decisions)
    assert kind.approval_rate == 0.5


COUNT = st.integers(0, 400)


@given(st.lists(st.tuples(COUNT, COUNT), min_size=1, max_size=4))
def test_all_that_is_told_follows_from_counts_to_the_nearest_five(counts: list[tuple[int, int]]) -> None:
    def told(pairs: list[tuple[int, int]]) -> list[Any]:
        day = {f"k{n}": (approved, approved + refused) for n, (approved, refused) in enumerate(pairs)}
        return [each for each in compare_kinds(*day_of(**day)) if each.rows]

    exact = [(a, r) for a, r in counts if a + r >= 105 and min(a, r) >= 15]
    if exact:
        rounded = [(5 * round(a / 5), 5 * round((a + r) / 5) - 5 * round(a / 5)) for a, r in exact]
        assert told(exact) == told(rounded)


@pytest.mark.parametrize(
    ("refused", "with_age", "told"),
    [
        (19, 19, (0, None, "insufficient")),
        (20, 0, (20, 0.0, "ok")),
        (20, 1, (20, None, "watch")),
        (99, 50, (100, None, "watch")),
        (100, 9, (100, None, "watch")),
        (100, 10, (100, 0.1, "watch")),
        (102, 52, (100, 0.5, "watch")),
        (100, 91, (100, None, "watch")),
    ],
)
def test_age_reasons_of_the_elderly_are_watched_and_those_of_few_not_shown(
    refused: int, with_age: int, told: tuple[int, float | None, str]
) -> None:
    assert elderly(refused, with_age)[:3] == told


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_an_age_reason_counts_in_any_place_and_only_of_the_elderly_without_approval(place: int) -> None:
    found = elderly(200, 50, approved=300, younger=400, place=place)
    assert found[:3] == (200, 0.25, "watch")
    assert found.sentence == ("200 applicants of 62 and over were not approved; 25.0% of them got a reason about age.")


def test_the_allowed_share_of_age_reasons_is_an_argument() -> None:
    decisions, codes = np.full(200, "refuse"), [np.repeat(["R05", "R01"], [50, 150])]
    levels = [
        count_age_reasons(np.full(200, True), decisions, codes, {"R05"}, most_share=share).level
        for share in (0.249, 0.25)
    ]
    assert levels == ["watch", "ok"]


def test_figures_stand_in_the_table_under_their_kind() -> None:
    kinds = compare_kinds(*day_of(F=(960, 1200), M=(480, 800), X=(10, 50), Y=(1, 200)))
    assert fairness_metrics(kinds, elderly(200, 50)) == [
        Metric("approval_rate", 0.8, 1200, slice="gender=F"),
        Metric("approval_rate", 0.6, 800, slice="gender=M"),
        Metric("adverse_impact_ratio", 0.75, 800, slice="gender=M", low=0.704, high=0.799, level="watch"),
        Metric("approval_rate", None, 0, slice="gender=X", level="insufficient"),
        Metric("adverse_impact_ratio", None, 0, slice="gender=X", level="insufficient"),
        Metric("approval_rate", None, 200, slice="gender=Y", level="insufficient"),
        Metric("adverse_impact_ratio", None, 200, slice="gender=Y", level="watch"),
        Metric("age_reason_share", 0.25, 200, slice="elderly=62 and over", level="watch"),
    ]
    assert fairness_metrics((), NO_REASONS) == [
        Metric("age_reason_share", None, 0, slice="elderly=62 and over", level="insufficient")
    ]
