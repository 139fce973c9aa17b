"""Each statistic against an independent computation, on a day without drift and on one with it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import chi2_contingency, fisher_exact, norm

from tasks.core.monitoring.compared import Compared, compare_counts
from tasks.core.monitoring.reference import freeze_reference, score_matrix
from tasks.core.monitoring.statistics import STATISTICS
from tasks.core.monitoring.statistics.decisions import decision_tests
from tasks.core.monitoring.statistics.dependence import dependence_tests
from tasks.core.monitoring.statistics.distribution import distribution_tests
from tasks.core.monitoring.statistics.record import Tests
from tasks.core.monitoring.statistics.score import score_tests
from tasks.core.monitoring.statistics.shares import missing_tests, sentinel_tests, tail_tests, unseen_tests
from tests.monitored_days import FROZEN, KINDS, LIMITS, applications, beside, counts_of, day_beside, frozen_of, pd_of

LEVELS = ("A", "B", "C", "D")
WEEKDAY = "WEEKDAY_APPR_PROCESS_START"


def place_of(tests: Tests, column: str) -> int:
    return tests.columns.index(column)


def levels_of(counts: tuple[int, ...]) -> list[str]:
    return [level for level, rows in zip(LEVELS, counts, strict=True) for _ in range(rows)]


def with_levels(day: tuple[int, ...], reference: tuple[int, ...]) -> Compared:
    """A day and a reference, both with so many rows of each level of one column."""
    no_weekday = {WEEKDAY: [None] * sum(reference)}
    frozen = frozen_of(sum(reference), NAME_CONTRACT_TYPE=levels_of(reference), **no_weekday)
    return day_beside(sum(day), frozen=frozen, NAME_CONTRACT_TYPE=levels_of(day))


many = st.tuples(*[st.integers(4, 40).map(lambda n: 5 * n)] * 4)


@settings(max_examples=30)
@given(many, many)
def test_distributions_of_values_are_tested_as_by_scipy(day: tuple[int, ...], reference: tuple[int, ...]) -> None:
    """Counts are whole fives here, so that published counts are exact ones."""
    table = np.array([day, reference])
    expected = table.sum(axis=0) * table.sum(axis=1, keepdims=True) / table.sum()
    assume(expected.min() >= 10)
    tests = distribution_tests(with_levels(day, reference))
    place = place_of(tests, "NAME_CONTRACT_TYPE")
    assert tests.p[place] == pytest.approx(chi2_contingency(table, correction=False).pvalue, rel=1e-9, abs=1e-300)
    shares = table / table.sum(axis=1, keepdims=True)
    assert tests.effect[place] == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)


def test_rare_cells_are_tested_together() -> None:
    """Eight rows of the day are due in each of two cells: they are one cell of the test."""
    day, reference = (500, 460, 30, 10), (5000, 4800, 60, 80)
    tests = distribution_tests(with_levels(day, reference))
    pooled = [(500, 460, 40), (5000, 4800, 140)]
    assert tests.p[place_of(tests, "NAME_CONTRACT_TYPE")] == pytest.approx(chi2_contingency(pooled).pvalue)


@pytest.mark.parametrize(("values", "is_tested"), [(19, False), (22, True)])
def test_a_column_of_too_few_values_of_the_day_is_not_tested(values: int, is_tested: bool) -> None:
    frozen = frozen_of(NAME_CONTRACT_TYPE=["A", "B"] * 2000)
    day = day_beside(2000, frozen=frozen, NAME_CONTRACT_TYPE=[*["A", "B"] * 11][:values] + [None] * (2000 - values))
    assert ("NAME_CONTRACT_TYPE" in distribution_tests(day).columns) is is_tested


def test_a_distance_without_drift_is_mostly_in_its_range() -> None:
    inside = []
    for seed in range(40, 70):
        tests = distribution_tests(day_beside(700, seed=seed))
        inside += (tests.value <= tests.high).tolist()
    assert np.mean(inside) > 0.95


# --- shares of single cells


@settings(max_examples=40)
@given(st.integers(20, 300), st.data())
def test_missing_shares_are_tested_as_by_fisher(rows: int, data: st.DataObject) -> None:
    missing = data.draw(st.integers(0, rows))
    due = data.draw(st.sampled_from([0, 5, 40, 200, 395, 400]))
    of_reference = {"NAME_CONTRACT_TYPE": [None] * due + ["A"] * (400 - due), WEEKDAY: [None] * 400}
    of_day = {"NAME_CONTRACT_TYPE": [None] * missing + ["A"] * (rows - missing)}
    tests = missing_tests(day_beside(rows, frozen=frozen_of(400, **of_reference), **of_day))
    if not missing and not due:
        assert "NAME_CONTRACT_TYPE" not in tests.columns
        return
    table = [[missing, rows - missing], [due, 400 - due]]
    one_sided = [fisher_exact(table, alternative=way).pvalue for way in ("less", "greater")]
    assert tests.p[place_of(tests, "NAME_CONTRACT_TYPE")] == pytest.approx(min(1.0, 2 * min(one_sided)), rel=1e-6)


def share_of(statistic: Callable[[Compared], Tests], column: str, day: Compared) -> tuple[float, float, float]:
    tests = statistic(day)
    place = place_of(tests, column)
    return float(tests.p[place]), float(tests.effect[place]), float(tests.value[place])


def test_missing_and_sentinel_shares_count_both_ways() -> None:
    more = share_of(missing_tests, "EXT_SOURCE_2", day_beside(EXT_SOURCE_2=[np.nan] * 800 + [0.5] * 1200))
    fewer = share_of(missing_tests, "EXT_SOURCE_2", day_beside(EXT_SOURCE_2=[0.5] * 2000))
    assert [more[2], fewer[2]] == [0.4, 0.0]
    assert min(more[1], fewer[1]) > 0.15
    assert max(more[0], fewer[0]) < 1e-50
    idle = share_of(sentinel_tests, "DAYS_EMPLOYED", day_beside(DAYS_EMPLOYED=[-100.0] * 2000))
    assert (idle[0] < 1e-50, idle[2]) == (True, 0.0)


def test_only_more_of_the_unseen_and_of_the_tails_counts() -> None:
    new = day_beside(NAME_CONTRACT_TYPE=["New"] * 10 + ["Cash loans"] * 1990)
    assert share_of(unseen_tests, "NAME_CONTRACT_TYPE", new)[1:] == (0.005, 0.005)
    none = day_beside(AMT_CREDIT=[400_000.0] * 2000)
    tests = tail_tests(none)
    assert [float(tests.effect[n]) for n, name in enumerate(tests.columns) if name == "AMT_CREDIT"] == [0.0, 0.0]


@pytest.mark.parametrize(("value", "label"), [(1e9, "above"), (-1.0, "below"), (np.inf, "above"), (-np.inf, "below")])
def test_a_value_of_another_unit_lies_in_a_tail(value: float, label: str) -> None:
    credit = applications(2000, seed=2).column("AMT_CREDIT").to_numpy().copy()
    credit[:20] = value
    tests = tail_tests(day_beside(AMT_CREDIT=credit))
    heaviest = int(np.argmax(tests.effect))
    assert tests.columns[heaviest] == "AMT_CREDIT"
    assert tests.p[heaviest] < 1e-4
    assert f" of the values of AMT_CREDIT lie {label} " in tests.sentence(heaviest)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 19, 20, 22, 23])
def test_a_share_of_few_rows_is_told_to_the_nearest_five(count: int) -> None:
    new = day_beside(1000, NAME_CONTRACT_TYPE=["New"] * count + ["Cash loans"] * (1000 - count))
    tests = unseen_tests(new)
    told = [float(tests.value[n] * 1000) for n, name in enumerate(tests.columns) if name == "NAME_CONTRACT_TYPE"]
    assert told in ([], [5.0 * round(count / 5)])
    assert bool(told) is bool(count)


# --- score and decisions


def test_the_score_is_tested_by_a_z_test_on_log_odds() -> None:
    day = day_beside(1000, WEEKDAY_APPR_PROCESS_START=[None] * 1000)
    logits = logit(pd_of(1000, seed=2))
    z = (logits.mean() - FROZEN.pd.mean) / (FROZEN.pd.sd * np.sqrt(1 / 1000 + 1 / 4000))
    tests = score_tests(day)
    assert tests.columns == ("pd",)
    assert tests.p[0] == pytest.approx(2 * norm.sf(abs(z)))
    assert tests.value[0] == pytest.approx(expit(logits.mean()))
    assert tests.low[0] < tests.reference[0] < tests.high[0]


@pytest.mark.parametrize(("shift", "way"), [(0.4, "riskier"), (-0.4, "less risky")])
def test_a_shifted_score_says_which_way(shift: float, way: str) -> None:
    tests = score_tests(beside(applications(1000, seed=2), shift=shift))
    assert tests.effect[0] == pytest.approx(0.4 / FROZEN.pd.sd, abs=0.1)
    assert tests.sentence(0).startswith(f"Applicants are {way}: the typical pd is ")


@pytest.mark.parametrize(("rows", "is_tested"), [(49, False), (50, True)])
def test_a_mean_score_of_too_few_rows_is_not_tested(rows: int, is_tested: bool) -> None:
    assert (score_tests(day_beside(rows)).columns == ("pd",)) is is_tested
    assert (score_tests(day_beside(500, frozen=frozen_of(rows))).columns == ("pd",)) is is_tested


def test_the_mix_of_decisions_is_held_against_the_reference_at_the_days_thresholds() -> None:
    day = day_beside(2000)
    tests = decision_tests(day)
    pd = pd_of(4000, seed=1)
    assert tests.reference == pytest.approx([(pd >= limit).mean() for limit in LIMITS], abs=0.005)
    assert tests.value == pytest.approx([(pd_of(2000, seed=2) >= limit).mean() for limit in LIMITS], abs=0.0013)
    assert tests.sentence(1).startswith(f"{tests.value[1]:.1%} of the applications are refused, instead of ")


def test_on_a_weekday_of_riskier_applicants_more_are_refused_without_drift() -> None:
    sundays = np.array(["SUNDAY", "MONDAY"] * 2000)
    pd = expit(logit(pd_of(4000, seed=1)) + np.where(sundays == "SUNDAY", 0.4, 0.0))
    frozen = freeze_reference(applications(4000, seed=1, **{WEEKDAY: sundays}), pd)
    rows = applications(2000, seed=2, **{WEEKDAY: ["SUNDAY"] * 2000})
    tests = decision_tests(beside(rows, frozen, seed=5, shift=0.4))
    assert tests.reference == pytest.approx([(pd[::2] >= limit).mean() for limit in LIMITS], abs=0.02)
    assert tests.p.min() > 0.01
    assert decision_tests(beside(rows, frozen, seed=5)).p.max() < 1e-4


def test_decisions_are_not_tested_without_thresholds_or_score_and_once_without_referrals() -> None:
    counts = counts_of(applications(1000, seed=2))
    assert decision_tests(compare_counts(counts, FROZEN)).columns == ()
    assert decision_tests(day_beside(1000, frozen=frozen_of(19))).columns == ()
    once = decision_tests(compare_counts(counts, FROZEN, thresholds=(0.2, 0.2)))
    assert (once.columns, "refused" in once.sentence(0)) == (("decision",), True)


@pytest.mark.parametrize("limits", [(0.9, 0.95), (1e-6, 1e-5)])
def test_a_mix_beyond_all_quantiles_of_the_reference_is_tested_too(limits: tuple[float, float]) -> None:
    counts = replace(counts_of(applications(1000, seed=2)), decisions=np.array([500, 0, 500]))
    assert decision_tests(compare_counts(counts, FROZEN, thresholds=limits)).p.max() < 1e-9


# --- dependence


def test_correlations_of_the_day_are_those_of_numpy() -> None:
    rows = applications(2000, seed=2)
    day = beside(rows)
    cells = {column.name: column for column in FROZEN.columns}
    names = list(FROZEN.scores)
    codes = {name: cells[name].codes_of(rows.column(name)) for name in names}
    matrix = np.corrcoef(score_matrix(codes, FROZEN.scores, rows=2000))
    expected = [matrix[names.index(pair.first), names.index(pair.second)] for pair in FROZEN.pairs]
    assert day.correlations == pytest.approx(expected, abs=1e-4)


def test_a_shuffled_column_is_named_and_an_unchanged_day_is_not() -> None:
    rows = applications(2000, seed=2)
    shuffled = np.random.default_rng(3).permutation(rows.column("AMT_ANNUITY").to_numpy())
    tests = dependence_tests(day_beside(AMT_ANNUITY=shuffled))
    assert tests.p.min() < 1e-30
    assert tests.columns[int(np.argmin(tests.p))] in ("AMT_ANNUITY", "AMT_CREDIT")
    assert distribution_tests(day_beside(AMT_ANNUITY=shuffled)).p.min() > 1e-4
    assert dependence_tests(day_beside()).p.min() > 1e-4


def near_copy(rows: int, seed: int) -> np.ndarray:
    """The loans of `applications`, two in a thousand of them another applicant's."""
    loans = applications(rows, seed=seed).column("AMT_CREDIT").to_numpy()
    random = np.random.default_rng(seed)
    return np.where(random.random(rows) < 0.002, random.permutation(loans), loans)


def test_near_copies_do_not_come_apart_by_chance() -> None:
    """Without Fisher's transform a day of three such rows lies 4.6 standard deviations away."""
    frozen = frozen_of(20_000, AMT_ANNUITY=near_copy(20_000, seed=1))
    assert max(pair.correlation for pair in frozen.pairs) > 0.99
    days = [day_beside(500, seed=seed, frozen=frozen, AMT_ANNUITY=near_copy(500, seed)) for seed in range(10, 50)]
    assert min(dependence_tests(day).p.min() for day in days) > 1e-3
    apart = day_beside(2000, seed=10, frozen=frozen, AMT_ANNUITY=near_copy(2000, seed=11))
    assert dependence_tests(apart).p.min() < 1e-12


def test_a_reference_without_pairs_has_no_test_of_dependence() -> None:
    assert dependence_tests(day_beside(frozen=replace(FROZEN, pairs=()))).columns == ()


# --- all of them


@pytest.mark.parametrize("what", STATISTICS)
def test_probabilities_without_drift_are_not_small_too_often(what: str) -> None:
    """Of 60 days and references, 5 % are due."""
    days = [day_beside(1500, seed=seed, frozen=frozen_of(2500, seed=1000 + seed)) for seed in range(60)]
    assert np.mean(np.concatenate([STATISTICS[what](day).p for day in days]) < 0.05) <= 0.1


@pytest.mark.parametrize("what", STATISTICS)
@pytest.mark.parametrize(
    "day",
    [
        day_beside(20),
        day_beside(2000, frozen=frozen_of(25)),
        day_beside(2000, frozen=frozen_of(0)),
        day_beside(2000, **dict.fromkeys(("AMT_CREDIT", "EXT_SOURCE_2"), [np.nan] * 2000)),
        day_beside(2000, AMT_CREDIT=[np.inf] * 1000 + [-np.inf] * 1000, CNT_CHILDREN=[1e300] * 2000),
        day_beside(2000, NAME_HOUSING_TYPE=[KINDS[2]] * 2000, NAME_CONTRACT_TYPE=[f"{n}" for n in range(2000)]),
    ],
    ids=["20 rows", "25 of the reference", "none of the reference", "missing", "infinite", "levels"],
)
def test_every_figure_of_an_odd_day_is_a_number(what: str, day: Compared) -> None:
    tests = STATISTICS[what](day)
    for figures in (tests.p, tests.effect, tests.value, tests.reference, tests.low, tests.high):
        assert figures.shape == (len(tests.columns),)
        assert np.isfinite(figures).all()
    assert ((tests.p >= 0) & (tests.p <= 1)).all()
    assert (tests.effect >= 0).all()
    for position in range(len(tests.columns)):
        assert tests.sentence(position).endswith(".")
