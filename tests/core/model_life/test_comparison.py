"""Two versions on the same applicants: differences are paired, and too few are never told."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm

from tasks.core.decision.policy import cost_per_application, decision_costs, resolve_policy
from tasks.core.disclosure import rounded_count
from tasks.core.model_life.comparison import COST, SHOWN_FIGURES, Comparison, compare_sides, paired_mean
from tasks.core.training.evaluation import figures_of
from tests.paired_sides import BANDS, COSTS, POLICY, applicants, compared, made_comparison, side

DRAWN = applicants(4000, 7)
STRICT = resolve_policy("1", 0.06, refer_from=None, bands=BANDS)


def compare(
    ours: np.ndarray,
    theirs: np.ndarray,
    defaulted: np.ndarray | None = None,
    groupings: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> Comparison:
    return compare_sides(
        side(ours), side(theirs), defaulted=defaulted, groupings=groupings, protected={}, costs=COSTS, seed=1,
        resamples=20,
    )  # fmt: skip


def test_each_version_is_judged_at_its_own_cut_off() -> None:
    comparison = compare_sides(
        side(DRAWN.pd, STRICT), side(DRAWN.other), defaulted=DRAWN.defaulted, groupings={}, protected={}, costs=COSTS,
        seed=1, resamples=20,
    )  # fmt: skip
    assert (comparison.challenger_cutoff, comparison.champion_cutoff) == (0.06, POLICY.cutoff)
    for figures, scores, cutoff in (
        (comparison.challenger, DRAWN.pd, 0.06),
        (comparison.champion, DRAWN.other, POLICY.cutoff),
    ):
        expected = figures_of(scores, DRAWN.defaulted, cutoff=cutoff, costs=COSTS)
        assert {name: figures[name].value for name in SHOWN_FIGURES} == {name: expected[name] for name in SHOWN_FIGURES}


def test_the_cost_difference_is_that_of_both_costs_with_the_paired_interval() -> None:
    comparison = compared(DRAWN)
    costs = [cost_per_application(each, DRAWN.defaulted, POLICY.cutoff, **COSTS) for each in (DRAWN.pd, DRAWN.other)]
    difference = comparison.differences[COST]
    assert difference.value == pytest.approx(costs[0] - costs[1], abs=1e-12)
    each = [decision_costs(scores >= POLICY.cutoff, DRAWN.defaulted, **COSTS) for scores in (DRAWN.pd, DRAWN.other)]
    low, high = norm.interval(0.95, difference.value, np.std(each[0] - each[1], ddof=1) / np.sqrt(4000))
    assert (difference.low, difference.high) == pytest.approx((low, high), abs=1e-12)
    alone = sum(comparison_side[COST].high - comparison_side[COST].low for comparison_side in
                (comparison.challenger, comparison.champion))  # fmt: skip
    assert difference.high - difference.low < alone, "pairing takes the common part of the chance away"


@given(st.integers(0, 2**32 - 1), st.integers(300, 900))
@hypothesis_settings(max_examples=15)
def test_who_is_called_challenger_turns_the_sign_alone(seed: int, rows: int) -> None:
    drawn = applicants(rows, seed)
    there = compared(drawn, resamples=10)
    back = compared(drawn._replace(pd=drawn.other, other=drawn.pd), resamples=10)
    assert there.challenger == back.champion or not there.differences[COST].is_told
    for name, difference in there.differences.items():
        if difference.is_told:
            other = back.differences[name]
            assert (difference.value, difference.low) == pytest.approx((-other.value, -other.high), abs=1e-9)
    assert np.array_equal(np.array(there.migration), np.array(back.migration).T)


@pytest.mark.parametrize(("swapped", "is_told"), [(0, True), (49, False), (50, True)])
def test_costs_are_told_only_if_none_or_enough_are_decided_otherwise(swapped: int, is_told: bool) -> None:
    ours = DRAWN.pd.copy()
    refused = np.flatnonzero(DRAWN.pd >= POLICY.cutoff)[:swapped]
    ours[refused] = 0.01
    comparison = compare(ours, DRAWN.pd, DRAWN.defaulted)
    assert comparison.differences[COST].is_told == is_told
    assert comparison.champion[COST].is_told == is_told
    assert bool(comparison.expected_costs) == is_told
    (swap,) = (each for each in comparison.swaps if each.is_refused_by_champion and not each.is_refused_by_challenger)
    assert swap.rows == rounded_count(swapped)
    assert swap.default_rate is None
    assert (swap.challenger_pd is not None) == (swapped == 50)


def test_identical_versions_differ_by_nothing() -> None:
    comparison = compare(DRAWN.pd, DRAWN.pd, DRAWN.defaulted)
    assert all(tuple(difference) == (0, 0, 0) for difference in comparison.differences.values())
    assert comparison.reasons.share == (0, 0, 0)


def test_the_swap_set_has_every_application_once_with_its_default_rate() -> None:
    comparison = compared(DRAWN)
    refused = [scores >= POLICY.cutoff for scores in (DRAWN.pd, DRAWN.other)]
    for cell in comparison.swaps:
        chosen = (refused[0] == cell.is_refused_by_challenger) & (refused[1] == cell.is_refused_by_champion)
        assert cell.rows == pytest.approx(chosen.sum(), abs=2.5)
        assert cell.default_rate == pytest.approx(DRAWN.defaulted[chosen].mean(), abs=0.02)
        assert cell.challenger_pd == pytest.approx(DRAWN.pd[chosen].mean(), abs=0.0006)
    assert sum(cell.rows or 0 for cell in comparison.swaps) == pytest.approx(4000, abs=10)


def test_the_migration_is_the_cross_table_of_bands() -> None:
    edges = [0, *(band.upper for band in POLICY.bands)]
    theirs, ours = (pd.Series(pd.cut(each, edges, labels=False, right=False)) for each in (DRAWN.other, DRAWN.pd))
    expected = pd.crosstab(theirs, ours).reindex(index=range(5), columns=range(5), fill_value=0).to_numpy()
    told = compared(DRAWN).migration
    for row, counts in zip(told, expected, strict=True):
        for rows, count in zip(row, counts, strict=True):
            assert rows == (None if 0 < count < 20 else 5 * round(count / 5))


@pytest.mark.parametrize(("changed", "share"), [(9, None), (10, 0.01), (0, 0.0)])
def test_first_reasons_are_compared_where_neither_version_approves(changed: int, share: float | None) -> None:
    scores = np.concatenate([np.full(1000, 0.5), np.full(500, 0.01)])
    reasons = np.full(1500, "R1")
    reasons[:changed] = "R2"
    reasons[1200:] = "R3"  # of approved applications
    comparison = compare_sides(
        side(scores, reason=reasons), side(scores), defaulted=None, groupings={}, protected={}, costs=COSTS, seed=1
    )
    assert comparison.reasons.rows == 1000
    assert (comparison.reasons.share.value if comparison.reasons.share.is_told else None) == share


def test_without_outcomes_there_are_decisions_and_expected_costs_alone() -> None:
    comparison = compare(DRAWN.pd, DRAWN.other)
    assert (comparison.challenger, comparison.differences, comparison.kind_costs, comparison.defaulted) == (
        {}, {}, (), None,
    )  # fmt: skip
    ours, theirs = comparison.expected_costs["challenger"], comparison.expected_costs["champion"]
    assert ours[0] < theirs[0], "by its own pd the challenger seems cheaper"
    assert theirs[1] < ours[1], "by the champion's pd, the champion"


def test_a_history_with_one_outcome_alone_has_no_figures() -> None:
    comparison = compare(DRAWN.pd, DRAWN.other, np.zeros(4000, dtype=bool))
    assert (comparison.challenger, comparison.defaulted) == ({}, 0)


def test_kinds_have_costs_with_intervals_for_all_of_them_together() -> None:
    kinds = np.where(np.arange(4000) < 3950, DRAWN.kinds, "few")
    comparison = compare(DRAWN.pd, DRAWN.other, DRAWN.defaulted, groupings={"Gender": kinds})
    assert [each.kind for each in comparison.kind_costs] == ["F", "M"]
    for each in comparison.kind_costs:
        chosen = kinds == each.kind
        of_kind = [decision_costs(scores >= POLICY.cutoff, DRAWN.defaulted, **COSTS)[chosen]
                   for scores in (DRAWN.pd, DRAWN.other)]  # fmt: skip
        wide = paired_mean(of_kind[0] - of_kind[1], outside=0.025)
        assert tuple(each.difference) == pytest.approx(tuple(wide), abs=0.0006)


def test_the_interval_of_a_quotient_of_ratios_is_that_of_the_bootstrap() -> None:
    comparison = compared(DRAWN)
    ours_approved, theirs_approved = (scores < POLICY.cutoff for scores in (DRAWN.pd, DRAWN.other))
    (each,) = (ratio for ratio in comparison.ratios if ratio.quotient.is_told)
    is_kind = DRAWN.kinds == each.kind

    def log_quotient(ours: np.ndarray, theirs: np.ndarray, kind: np.ndarray) -> float:
        rates = [side_[chosen].mean() for side_ in (ours, theirs) for chosen in (kind, ~kind)]
        return float(np.log(rates[0] / rates[1] / (rates[2] / rates[3])))

    drawn = bootstrap(
        (ours_approved, theirs_approved, is_kind),
        log_quotient,
        paired=True,
        vectorized=False,
        n_resamples=900,
        method="percentile",
        rng=1,
    ).confidence_interval
    assert each.quotient.value == pytest.approx(
        np.exp(log_quotient(ours_approved, theirs_approved, is_kind)), abs=0.003
    )
    assert (each.quotient.low, each.quotient.high) == pytest.approx(tuple(np.exp(drawn)), abs=0.008)


def test_the_better_version_is_seen_to_be_better() -> None:
    differences = made_comparison().differences
    assert differences[COST].high < 0
    assert differences["auc"].low > 0
