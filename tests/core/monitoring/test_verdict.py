"""The verdict: both sides of each threshold, odd days, and nothing that is one applicant's own."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tasks.core.monitoring.compared import Compared, compare_counts
from tasks.core.monitoring.correction import family_adjusted
from tasks.core.monitoring.counts import DayCounts, count_rows
from tasks.core.monitoring.statistics import STATISTICS
from tasks.core.monitoring.verdict import ADVICE, DayVerdict, judge, smallest_detectable
from tests.monitored_days import FROZEN, SHIPPED, applications, beside, counts_of, day_beside, frozen_of, only, pd_of

MISSING = "missing"
LOST = {"EXT_SOURCE_2": [np.nan] * 600 + [0.5] * 1400}
"""Missing in 30 % of the rows instead of 20 %."""
DRIFTED = day_beside(**LOST)
TESTS = STATISTICS[MISSING](DRIFTED)
PLACE = TESTS.columns.index("EXT_SOURCE_2")
EFFECT = float(TESTS.effect[PLACE])
P = float(family_adjusted(TESTS.p)[PLACE])


def level_of(verdict: DayVerdict, column: str = "EXT_SOURCE_2") -> str | None:
    """Level of the finding on a column; None if there is none."""
    return next((finding.level for finding in verdict.findings if finding.column == column), None)


def judged(day: Compared = DRIFTED, **changes: Any) -> str | None:
    return level_of(judge(day, only(MISSING, **changes)))


above = pytest.mark.parametrize("size", [EFFECT, np.nextafter(EFFECT, 0)])
LITTLE_MORE = float(np.nextafter(EFFECT, 1))


# --- both sides of each threshold


def test_the_example_is_drift() -> None:
    assert 0.08 < EFFECT < 0.12
    assert P < 1e-9


@above
def test_from_its_size_on_a_change_is_worth_a_look(size: float) -> None:
    assert judged(watch=size, alert=1.0) == "watch"
    assert judged(watch=LITTLE_MORE, alert=1.0) is None


@above
def test_from_its_size_on_a_change_of_a_heavy_column_alerts(size: float) -> None:
    assert judged(alert=size, heavy_share=0.0) == "alert"
    assert judged(alert=LITTLE_MORE, heavy_share=0.0) == "watch"


@pytest.mark.parametrize(("share", "level"), [(0.005, "alert"), (0.0051, "watch")])
def test_a_column_is_heavy_from_its_share_of_the_loss_reduction_on(share: float, level: str) -> None:
    assert judged(alert=EFFECT, heavy_share=share, light_factor=1.01) == level


@pytest.mark.parametrize(("factor", "level"), [(2.0, "alert"), (2.01, "watch")])
def test_a_light_column_alerts_at_a_multiple_of_the_size(factor: float, level: str) -> None:
    assert judged(watch=EFFECT / 4, alert=EFFECT / 2, heavy_share=1.0, light_factor=factor) == level


def test_a_change_that_may_be_chance_does_not_count() -> None:
    assert judged(probability=P, alert=1.0) == "watch"
    assert judged(probability=float(np.nextafter(P, 0)), alert=1.0) is None


def test_a_change_that_is_not_sure_enough_does_not_alert() -> None:
    assert judged(alert_probability=P, alert=EFFECT, heavy_share=0.0) == "alert"
    assert judged(alert_probability=float(np.nextafter(P, 0)), alert=EFFECT, heavy_share=0.0) == "watch"


@pytest.mark.parametrize(("least", "alone", "with_alert"), [(2000, "watch", "alert"), (2001, "insufficient", "alert")])
def test_under_so_many_rows_only_an_alert_counts(least: int, alone: str, with_alert: str) -> None:
    assert judge(DRIFTED, only(MISSING, least_rows=least, alert=1.0)).level == alone
    assert judge(DRIFTED, only(MISSING, least_rows=least, alert=EFFECT, heavy_share=0.0)).level == with_alert
    assert judge(day_beside(), only(MISSING, least_rows=least)).level == {"watch": "ok"}.get(alone, alone)


@pytest.mark.parametrize(("sure", "is_told"), [(2000, False), (2001, True)])
def test_under_so_many_rows_an_ok_says_what_it_could_see(sure: int, is_told: bool) -> None:
    verdict = judge(day_beside(seed=3), replace(SHIPPED, sure_rows=sure))
    assert (verdict.level, bool(verdict.smallest_detectable)) == ("ok", is_told)
    assert ("only a larger change than these would be seen: " in verdict.headline) is is_told


@pytest.mark.parametrize(("rows", "is_told"), [(19, False), (20, True)])
def test_of_fewer_than_20_applications_nothing_is_said(rows: int, is_told: bool) -> None:
    verdict = judge(day_beside(rows, EXT_SOURCE_2=[np.nan] * rows, AMT_CREDIT=[1e12] * rows), SHIPPED)
    assert bool(verdict.findings) is is_told
    if not is_told:
        assert (verdict.level, verdict.sizes, verdict.smallest_detectable) == ("insufficient", {}, {})
        assert verdict.headline == (
            "No figures are shown of 19 applications: they could be one applicant's own. 20 are needed."
        )


# --- two days in a row


@pytest.mark.parametrize(
    ("before", "level"),
    [(("EXT_SOURCE_2", MISSING), "alert"), (("EXT_SOURCE_2", "tail"), "watch"), (("AMT_CREDIT", MISSING), "watch")],
)
def test_the_same_finding_on_two_days_alerts(before: tuple[str, str], level: str) -> None:
    thresholds = only(MISSING, alert=1.0)
    assert judge(DRIFTED, thresholds, watched_before={before}).level == level
    assert judge(day_beside(), thresholds, watched_before={before}).level == "ok"


@pytest.mark.parametrize(("reference_rows", "level"), [(2000, "alert"), (1999, "watch")])
def test_a_day_larger_than_the_reference_adds_nothing_by_repeating(reference_rows: int, level: str) -> None:
    day = replace(DRIFTED, frozen=replace(DRIFTED.frozen, rows=reference_rows))
    assert day.day.rows == 2000
    verdict = judge(day, only(MISSING, alert=1.0), watched_before={("EXT_SOURCE_2", MISSING)})
    assert level_of(verdict) == level


# --- order, weight and words


def test_alerts_come_first_and_then_the_heaviest() -> None:
    credit = applications(2000, seed=2).column("AMT_CREDIT").to_numpy().copy()
    credit[:100] *= 1000
    day = day_beside(AMT_CREDIT=credit, CNT_CHILDREN=[0.0] * 1700 + [1.0] * 300, **LOST)
    findings = judge(day, SHIPPED).findings
    order = [(finding.level != "alert", -finding.weight) for finding in findings]
    assert order == sorted(order)
    assert {finding.level for finding in findings} == {"alert", "watch"}


def test_an_important_column_weighs_more() -> None:
    heavy = replace(FROZEN, weights={**FROZEN.weights, "EXT_SOURCE_2": 0.5})
    weights = [judge(replace(DRIFTED, frozen=frozen), only(MISSING)).findings[0].weight for frozen in (FROZEN, heavy)]
    watch = SHIPPED.statistics[MISSING].watch
    assert weights == [round(EFFECT / watch * 1.005, 3), round(EFFECT / watch * 1.5, 3)]


def test_an_alert_is_not_hidden_behind_a_larger_change_that_is_less_sure() -> None:
    """Two tails of one column: 8.5 % instead of 5 % lie below, and 1.5 % instead of none above."""
    credit = np.full(2000, 400_000.0)
    credit[:170] = -1.0
    credit[170:200] = 1e12
    bins = len(FROZEN.counts["AMT_CREDIT"]) - 4
    counts = {**FROZEN.counts, "AMT_CREDIT": (0, 0, 200, *[3800 // bins] * bins, 0)}
    day = day_beside(frozen=replace(FROZEN, counts=counts, by_weekday={}), AMT_CREDIT=credit)
    tests = STATISTICS["tail"](day)
    low, high = (n for n, name in enumerate(tests.columns) if name == "AMT_CREDIT")
    assert (tests.effect[low] > tests.effect[high], tests.p[low] > 1e-9 > tests.p[high]) == (True, True)
    findings = judge(day, only("tail", heavy_share=0.0, alert_probability=1e-9)).findings
    assert [(each.level, each.value) for each in findings if each.column == "AMT_CREDIT"] == [("alert", 0.015)]


def test_a_verdict_says_what_to_do() -> None:
    levels = {judge(DRIFTED, only(MISSING, alert=1.0)).level, judge(day_beside(), only(MISSING)).level}
    assert levels == {"watch", "ok"}
    assert judge(DRIFTED, only(MISSING, alert=1.0)).advice == ADVICE["watch"]
    for level in ("watch", "alert"):
        assert "Drift alone gives no reason to train again" in ADVICE[level]
    assert judge(DRIFTED, only(MISSING)).headline == "1 finding on 1 column."


def test_other_pairs_of_a_shuffled_column_are_counted() -> None:
    rows = applications(2000, seed=2)
    goods = rows.column("AMT_CREDIT").to_numpy()
    frozen = frozen_of(AMT_GOODS_PRICE=applications(4000, seed=1).column("AMT_CREDIT").to_numpy() * 0.9)
    shuffled = np.random.default_rng(3).permutation(rows.column("AMT_CREDIT").to_numpy())
    day = day_beside(frozen=frozen, AMT_CREDIT=shuffled, AMT_GOODS_PRICE=goods * 0.9)
    (finding,) = judge(day, SHIPPED).findings
    assert (finding.column, finding.what) == ("AMT_CREDIT", "dependence")
    assert finding.sentence.endswith(" So do 1 more pair.")


def test_the_verdict_is_json_of_the_promised_fields() -> None:
    content = json.loads(json.dumps(judge(DRIFTED, SHIPPED).to_json(), allow_nan=False))
    assert set(content) == {"verdict", "rows", "headline", "advice", "findings", "smallest_detectable"}
    promised = {"column", "what", "value", "low", "high", "reference", "level", "sentence", "weight", "of_alert"}
    assert set(content["findings"][0]) == promised


@pytest.mark.parametrize(("heavy_share", "of_alert"), [(0.0, 0.5), (1.0, 0.25)])
def test_a_finding_says_its_size_beside_the_one_that_alerts(heavy_share: float, of_alert: float) -> None:
    thresholds = only(MISSING, alert=2 * EFFECT, heavy_share=heavy_share, light_factor=2.0)
    (finding,) = judge(DRIFTED, thresholds).findings
    assert finding.of_alert == pytest.approx(of_alert, abs=0.001)


def test_a_size_of_one_is_a_finding_and_chance_has_none() -> None:
    verdict = judge(DRIFTED, only(MISSING))
    assert verdict.sizes["EXT_SOURCE_2"] == pytest.approx(EFFECT / SHIPPED.statistics[MISSING].watch)
    assert {name for name, size in verdict.sizes.items() if size} == {"EXT_SOURCE_2"}
    assert verdict.columns == ("EXT_SOURCE_2",)


def test_the_smallest_change_falls_with_the_rows() -> None:
    few, many = (smallest_detectable(day_beside(rows), SHIPPED) for rows in (500, 1900))
    assert few.keys() == many.keys()
    assert all(few[name] > many[name] for name in few)


def test_a_shift_of_the_smallest_size_is_seen_four_times_in_five() -> None:
    shift = smallest_detectable(day_beside(1000), SHIPPED)["mean logit(pd), in sd"] * FROZEN.pd.sd
    seen = 0
    for seed in range(300, 400):
        day = beside(applications(1000, seed=seed), seed=seed, shift=shift)
        seen += level_of(judge(day, only("score")), "pd") is not None
    assert 70 <= seen <= 92


# --- disclosure


@pytest.mark.parametrize("nearest", [5, 10, 15, 20])
def test_no_figure_of_a_verdict_gives_a_small_count_back(nearest: int) -> None:
    """All that is told of a cell of few rows is the same for each count that rounds alike."""
    told = set()
    for count in range(nearest - 2, nearest + 3):
        levels = ["New"] * count + ["Cash loans"] * (1000 - count)
        (finding,) = judge(day_beside(1000, NAME_CONTRACT_TYPE=levels), only("unseen", probability=0.5)).findings
        told.add((finding.value, finding.weight, finding.level, finding.sentence))
    assert {value for value, *_ in told} == {nearest / 1000}
    assert len(told) == 1


def test_no_value_of_an_applicant_is_in_a_sentence() -> None:
    own = np.random.default_rng(8).lognormal(13, 0.7, 2000) * 3 + 0.123_456
    day = day_beside(AMT_CREDIT=own, NAME_CONTRACT_TYPE=[f"own level {n}" for n in range(2000)])
    told = " ".join(finding.sentence for finding in judge(day, SHIPPED).findings)
    assert "AMT_CREDIT" in told
    assert "own level" not in told
    numbers = {float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*\.?\d*", told)}
    assert numbers & {float(f"{value:.10g}") for value in own} == set()
    for number in numbers:
        assert float(f"{number:.4g}") == number


# --- odd days


def odd(**changed: Any) -> Compared:
    return day_beside(2000, **changed)


ODD: dict[str, tuple[Callable[[], Compared], str]] = {
    "an empty day": (lambda: compare_counts(DayCounts.none(FROZEN), FROZEN), "insufficient"),
    "one row": (lambda: day_beside(1), "insufficient"),
    "a column without a value": (lambda: odd(AMT_CREDIT=[np.nan] * 2000), "alert"),
    "a constant column": (lambda: odd(AMT_CREDIT=[400_000.0] * 2000), "alert"),
    "a column of one level": (lambda: odd(NAME_CONTRACT_TYPE=["Cash loans"] * 2000), "watch"),
    "infinite values": (lambda: odd(AMT_CREDIT=[np.inf, -np.inf] * 1000), "alert"),
    "one huge outlier": (
        lambda: odd(AMT_CREDIT=[1e300, *applications(2000, seed=2).column("AMT_CREDIT").to_pylist()[1:]]), "ok",
    ),
    "2,000 levels": (lambda: odd(NAME_CONTRACT_TYPE=[f"{n}" for n in range(2000)]), "alert"),
    "no weekday": (lambda: odd(WEEKDAY_APPR_PROCESS_START=[None] * 2000), "ok"),
    "a reference of 25 rows": (lambda: odd(frozen=frozen_of(25)), "insufficient"),
    "a reference of 19 rows": (lambda: odd(frozen=frozen_of(19)), "insufficient"),
    "a reference of no rows": (lambda: odd(frozen=frozen_of(0)), "insufficient"),
    "a reference of 499 rows": (lambda: odd(frozen=frozen_of(499)), "insufficient"),
    "a reference of 500 rows": (lambda: odd(frozen=frozen_of(500)), "ok"),
    "a reference without the weekday": (
        lambda: odd(frozen=frozen_of(WEEKDAY_APPR_PROCESS_START=["MONDAY"] * 4000)), "ok",
    ),
    "an older reference": (
        lambda: odd(frozen=replace(
            FROZEN,
            columns=FROZEN.columns[:2],
            counts={column.name: FROZEN.counts[column.name] for column in FROZEN.columns[:2]},
            by_weekday={}, scores={}, pairs=(),
        )), "ok",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_day_has_a_defined_verdict(name: str) -> None:
    make, level = ODD[name]
    verdict = judge(make(), SHIPPED)
    assert verdict.level == level
    assert json.dumps(verdict.to_json(), allow_nan=False)
    assert verdict.headline.endswith(".")


def test_nothing_to_compare_is_insufficient() -> None:
    verdict = judge(None, SHIPPED)
    assert (verdict.level, verdict.rows, verdict.headline) == ("insufficient", 0, "There is no application to compare.")


def test_a_hundred_thousand_levels_are_judged() -> None:
    rows = applications(100_000, seed=2, NAME_CONTRACT_TYPE=[f"{n}" for n in range(100_000)])
    verdict = judge(beside(rows), SHIPPED)
    assert (verdict.level, level_of(verdict, "NAME_CONTRACT_TYPE")) == ("alert", "alert")


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_a_pd_of_exactly_0_or_1_is_judged(certain: float) -> None:
    rows = applications(2000, seed=2)
    pd = np.where(np.arange(2000) < 1000, certain, pd_of(2000, seed=2))
    counts = count_rows(rows, pd, np.where(pd > 0.25, 2, 0), FROZEN)
    verdict = judge(compare_counts(counts, FROZEN, thresholds=(0.25, 0.25)), SHIPPED)
    assert (verdict.level, level_of(verdict, "pd")) == ("alert", "alert")
    assert level_of(verdict, "decision") == ("alert" if certain else "watch")


def test_one_bad_column_does_not_hide_another() -> None:
    verdict = judge(day_beside(AMT_ANNUITY=[np.nan] * 2000, **LOST), SHIPPED)
    assert {"AMT_ANNUITY", "EXT_SOURCE_2"} <= set(verdict.columns)


def test_a_window_is_judged_as_the_sum_of_its_days() -> None:
    days = [counts_of(applications(300, seed=seed), seed=seed) for seed in range(5)]
    total = sum(days[1:], days[0])
    assert (total.rows, total.cells.sum()) == (1500, 1500 * len(FROZEN.columns))
    assert judge(compare_counts(total, FROZEN), SHIPPED).rows == 1500
