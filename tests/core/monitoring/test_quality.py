"""Quality of a day beside the days before: what is worth a look, and what is not told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from tasks.core.contract.report import read_contract_report
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import FileTotals
from tasks.core.monitoring.metrics import Metric
from tasks.core.monitoring.quality import quality_metrics
from tasks.core.monitoring.quality_figures import QUALITY_FIGURES, quality_sentence
from tests.contract_reports import contract_report, reported
from tests.manifests import sample_manifest

FIRST = date(2026, 10, 5)
"""A Monday."""
TODAY = FIRST + timedelta(days=28)
History = dict[date, list[Metric]]


def day_of(
    as_of: date = TODAY,
    rows: int = 2000,
    *,
    quarantined: int = 20,
    copies: int = 0,
    broken: int = 0,
    hour: int = 6,
    audit_seconds: float = 20.0,
    **changes: Any,
) -> tuple[Manifest, Any]:
    """Manifest and contract report of a day of one file."""
    files = {"a.csv": FileTotals(rows, rows - quarantined - copies, quarantined, copies)}
    run = {"published_at": f"{as_of}T{hour:02d}:00:00+00:00", "seconds of audit": f"{audit_seconds}"}
    manifest = sample_manifest(as_of=as_of, audited={"files": files, "by_rule": {"r": quarantined}}, run=run)
    rule = reported("r", "met" if not broken else "warned", checked=rows, missing=0, broken=broken)
    return replace(manifest, **changes), read_contract_report(contract_report(rule))


def history(days: int = 28, *, seed: int = 1, rows: float = 2000.0) -> History:
    """Metrics of ordinary days: half the rows on weekends, sizes and shares vary by a tenth."""
    random = np.random.default_rng(seed)
    recent: History = {}
    for n in range(days):
        as_of = FIRST + timedelta(days=n)
        size = int(rows * (0.5 if as_of.weekday() >= 5 else 1.0) * np.exp(random.normal(0, 0.1)))
        quarantined, broken = (int(random.binomial(size, 0.02 * np.exp(random.normal(0, 0.1)))) for _ in range(2))
        seconds = 20 * np.exp(random.normal(0, 0.1))
        hour = int(random.integers(5, 8))
        day = day_of(as_of, size, quarantined=quarantined, broken=broken, hour=hour, audit_seconds=seconds)
        recent[as_of] = quality_metrics(*day, recent)
    return recent


USUAL = history()
ROWS = {"rows_received day", "rows_decided day", "rows_received file=a.csv"}


def found(metrics: Sequence[Metric], name: str, place: str = "day") -> Metric:
    (metric,) = [each for each in metrics if (each.metric, each.slice) == (name, place)]
    return metric


def judged(recent: Mapping[date, Sequence[Metric]] = USUAL, **day: Any) -> list[Metric]:
    return quality_metrics(*day_of(**{"quarantined": 40, "broken": 40} | day), recent)


def watched(recent: Mapping[date, Sequence[Metric]] = USUAL, **day: Any) -> set[str]:
    return {f"{each.metric} {each.slice}" for each in judged(recent, **day) if each.level == "watch"}


@pytest.mark.parametrize("seed", range(5))
def test_ordinary_weeks_are_quiet(seed: int) -> None:
    levels = [metric.level for metrics in history(42, seed=seed).values() for metric in metrics]
    assert levels.count("watch") <= 1


def test_every_judged_figure_has_a_range_after_four_weeks() -> None:
    metrics = judged()
    assert {each.metric for each in metrics if each.low is not None} == QUALITY_FIGURES.keys()
    assert all(each.level == "ok" for each in metrics)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (
            {"rows": 900, "quarantined": 20, "broken": 20},
            {"rows_received day", "rows_decided day", "rows_received file=a.csv"},
        ),
        ({"rows": 5000}, {"rows_received day", "rows_decided day", "rows_received file=a.csv"}),
        ({"quarantined": 160}, {"quarantined_share day"}),
        ({"copies": 60}, {"duplicate_share day"}),
        ({"broken": 160}, {"rule_broken_share rule=r"}),
        ({"broken": 0}, set()),
        ({"hour": 18}, {"publication_hours day"}),
        ({"hour": 1}, set()),
        ({"audit_seconds": 200.0}, {"step_seconds step=audit"}),
        ({"audit_seconds": 0.1}, set()),
    ],
)
def test_an_unusual_day_is_watched_by_the_figure_that_is_unusual(day: dict[str, Any], expected: set[str]) -> None:
    assert watched(**day) == expected


def test_a_weekend_is_compared_with_weekends() -> None:
    saturday = TODAY + timedelta(days=5)
    recent = USUAL | {TODAY + timedelta(days=n): [] for n in range(5)}
    assert watched(recent, as_of=saturday, rows=1000, quarantined=20, broken=20) == set()
    assert "rows_received day" in watched(recent, as_of=saturday, rows=2000)
    assert watched(recent, as_of=TODAY + timedelta(days=4), rows=2000) == set()


STEADY = {
    FIRST + timedelta(days=n): [
        Metric("rows_received", 2000.0, 2000),
        Metric("quarantined_share", 0.02, 200_000),
        Metric("publication_hours", 6.0, 2000),
        Metric("step_seconds", 20.0, 2000, slice="step=audit"),
        Metric("rule_broken_share", 0.02, 200_000, slice="rule=r"),
        Metric("duplicate_share", 0.0, 200_000),
    ]
    for n in range(28)
}
"""Days without any variance, beside which any figure is outside its range."""


@pytest.mark.parametrize(
    ("name", "quiet", "loud"),
    [
        ("rows_received day", {"rows": 2395}, {"rows": 2400}),
        ("rows_received day", {"rows": 1605}, {"rows": 1600}),
        ("publication_hours day", {"hour": 7}, {"hour": 8}),
        ("step_seconds step=audit", {"audit_seconds": 79.9}, {"audit_seconds": 80.1}),
        ("quarantined_share day", {"quarantined": 4800}, {"quarantined": 5200}),
        ("rule_broken_share rule=r", {"broken": 4300}, {"broken": 4500}),
        ("duplicate_share day", {"copies": 950}, {"copies": 1050}),
    ],
)
def test_a_figure_outside_its_range_is_watched_from_the_least_change_on(
    name: str, quiet: dict[str, Any], loud: dict[str, Any]
) -> None:
    rows = {} if name.startswith("rows") else {"rows": 200_000}
    assert name not in watched(STEADY, **{"quarantined": 4000, "broken": 4000} | rows | quiet)
    assert name in watched(STEADY, **{"quarantined": 4000, "broken": 4000} | rows | loud)


@pytest.mark.parametrize(
    ("before", "today", "has_range"),
    [([0], 7, False), ([0, 1], 7, True), ([0, 1, 2, 3, 4], 5, False), ([0, 1, 2, 3, 4, 5], 12, True)],
)
def test_a_range_needs_two_days_and_one_of_the_weekday(before: list[int], today: int, has_range: bool) -> None:
    recent = {FIRST + timedelta(days=n): STEADY[FIRST] for n in before}
    metric = found(judged(recent, as_of=FIRST + timedelta(days=today)), "rows_received")
    assert (metric.low is not None, metric.level) == (has_range, "ok" if has_range else "insufficient")


def test_a_first_day_has_figures_and_no_range() -> None:
    metrics = judged({})
    assert {(each.low, each.high) for each in metrics} == {(None, None)}
    assert {each.level for each in metrics if each.metric in QUALITY_FIGURES} == {"insufficient"}
    assert found(metrics, "rows_received").value == 2000
    assert quality_sentence(found(metrics, "rows_received")) == (
        "Day: rows received 2,000; there are too few days before to compare with."
    )


def test_days_from_the_day_on_do_not_count() -> None:
    later = {day + timedelta(days=28): metrics for day, metrics in STEADY.items()}
    assert judged(later) == judged({})


def test_of_the_days_before_the_newest_28_count() -> None:
    long_ago = {FIRST - timedelta(days=n): [Metric("rows_received", 50.0, 50)] for n in range(1, 29)}
    assert judged(long_ago | STEADY) == judged(STEADY)


def test_one_unusual_monday_of_four_is_left_out_and_two_are_the_new_normal() -> None:
    def with_unusual(mondays: int) -> History:
        short = [Metric("rows_received", 500.0, 500, level="watch")]
        return STEADY | {FIRST + timedelta(days=7 * n): short for n in range(mondays)}

    one, two = (found(judged(with_unusual(n)), "rows_received") for n in (1, 2))
    assert one.low == pytest.approx(2000)
    assert two.low is not None
    assert two.low < 1000


def test_a_usual_file_that_is_missing_has_no_rows() -> None:
    other = [Metric("rows_received", 1000.0, 1000, slice="file=b.csv")]
    recent = {day: [*metrics, *(other if n % 2 else [])] for n, (day, metrics) in enumerate(USUAL.items())}
    metric = found(judged(recent), "rows_received", "file=b.csv")
    assert (metric.value, metric.n, metric.level) == (0.0, 0, "watch")
    assert quality_sentence(metric) == "File b.csv: rows received 0; usual is 1,000 to 1,000."
    rarely = {day: [*metrics, *(other if n % 3 == 0 else [])] for n, (day, metrics) in enumerate(USUAL.items())}
    assert not [each for each in judged(rarely) if each.slice == "file=b.csv"]


@pytest.mark.parametrize(
    ("rows", "value", "n"), [(0, 0.0, 0), (1, None, 0), (19, None, 0), (20, 20.0, 20), (1003, 1005.0, 1005)]
)
def test_counts_are_told_to_the_nearest_five_and_small_ones_not(rows: int, value: float | None, n: int) -> None:
    metric = found(judged(rows=rows, quarantined=0, broken=0), "rows_received")
    assert (metric.value, metric.n) == (value, n)


@pytest.mark.parametrize(("part", "value"), [(0, 0.0), (1, None), (19, None), (20, 0.01), (23, 0.0125)])
def test_a_share_of_few_rows_is_judged_and_not_shown(part: int, value: float | None) -> None:
    metrics = judged(broken=part, quarantined=part, copies=part)
    names = ("rule_broken_share rule=r", "quarantined_share day", "duplicate_share day")
    assert [found(metrics, *name.split()).value for name in names] == [value] * 3
    counts = ("rows_quarantined", "rows_duplicate")
    assert [found(metrics, name).value for name in counts] == [None if value is None else 2000 * value] * 2
    assert found(metrics, "rows_quarantined", "rule=r").value == found(metrics, "rows_quarantined").value
    assert "duplicate_share day" in watched(STEADY, copies=15, broken=0)


def test_a_short_day_of_a_few_rows_is_watched() -> None:
    metric = found(judged(rows=5, quarantined=0, broken=0), "rows_received")
    assert (metric.value, metric.level) == (None, "watch")
    assert quality_sentence(metric).startswith("Day: rows received fewer than 20; usual is 1,")


def test_shares_of_fewer_than_20_rows_are_not_judged() -> None:
    metric = found(judged(rows=19, quarantined=19, broken=19), "quarantined_share")
    assert metric == Metric("quarantined_share", None, 0, level="insufficient")
    assert quality_sentence(metric) == "Day: share of rows in quarantine not known, as there are fewer than 20 rows."
    assert found(judged(rows=20, quarantined=20, broken=20), "quarantined_share").level == "watch"


def test_a_hidden_share_of_a_day_before_counts_as_ten_rows() -> None:
    def with_share(value: float | None) -> History:
        return {day: [Metric("duplicate_share", value, 2000)] for day in USUAL}

    assert judged(with_share(None)) == judged(with_share(10 / 2000))
    nothing = {day: [Metric("duplicate_share", None, 0, level="insufficient")] for day in USUAL}
    assert found(judged(nothing), "duplicate_share").low is None


def test_hours_are_counted_from_the_beginning_of_the_business_day_in_its_zone() -> None:
    manifest, report = day_of(hour=6)
    hours = [
        found(quality_metrics(manifest, report, {}, zone=zone), "publication_hours").value
        for zone in (UTC, timezone(timedelta(hours=1)))
    ]
    assert hours == [6.0, 7.0]


def test_a_later_revision_and_a_run_without_a_time_are_not_late() -> None:
    for metrics in (judged(revision=2), judged(run={})):
        assert not [each for each in metrics if each.metric == "publication_hours"]


def test_a_rule_about_the_day_or_without_counts_has_no_share() -> None:
    rules = (reported("t", scope="table"), reported("u", checked=None), reported("r", checked=30, missing=30))
    metrics = quality_metrics(day_of()[0], read_contract_report(contract_report(*rules)), {})
    assert [each for each in metrics if each.metric == "rule_broken_share"] == [
        Metric("rule_broken_share", None, 0, slice="rule=r", level="insufficient")
    ]


def test_a_sentence_names_subject_value_and_usual_range() -> None:
    metric = found(judged(broken=160), "rule_broken_share", "rule=r")
    assert metric.low is not None
    assert metric.high is not None
    assert quality_sentence(metric) == (
        f"Rule r: share of rows that break it 8.0%; usual is {metric.low:.1%} to {metric.high:.1%}."
    )
    assert quality_sentence(Metric("publication_hours", 30.25, 9, low=5.5, high=7.0)) == (
        "Day: hours until publication 30.2; usual is 5.5 to 7.0."
    )
    assert quality_sentence(Metric("duplicate_share", None, 100, low=0.0, high=0.01)) == (
        "Day: share of rows that are copies not shown, as it is of fewer than 20 rows; usual is 0% to 1.0%."
    )
