"""The content of a day's page: headline and colour, what is told, and what is of too few to be told."""

from dataclasses import replace
from typing import Any

import pytest

from tasks.core.contract.report import read_contract_report
from tasks.core.day.records import FileTotals
from tasks.core.monitoring.metrics import Metric
from tasks.core.reporting.day_page import DayPage, build_day_page, shown_findings
from tests.contract_reports import contract_report, reported
from tests.manifests import made_audit, made_manifest, revised_manifest, sample_manifest
from tests.reported_days import AS_OF, FINDING, day_sources, state_of, verdict_of

REFUSED = read_contract_report(contract_report(reported("a", "day stopped"), refused="a holds not."))


def page_of(**changes: Any) -> DayPage:
    return build_day_page(day_sources(**changes))


@pytest.mark.parametrize(
    ("changes", "tone", "headline"),
    [
        ({}, "alert", "Published, revision 1; verdict: alert"),
        (
            {"state": state_of(monitoring="ok"), "verdict": verdict_of(verdict="ok")},
            "ok",
            "Published, revision 1; verdict: ok",
        ),
        (
            {"state": state_of(monitoring="watch"), "verdict": verdict_of(verdict="watch")},
            "watch",
            "Published, revision 1; verdict: watch",
        ),
        (
            {"state": state_of(monitoring="insufficient"), "verdict": verdict_of(verdict="insufficient")},
            "unknown",
            "Published, revision 1; verdict: insufficient",
        ),
        (
            {"state": state_of(monitoring="not monitored"), "verdict": None},
            "unknown",
            "Published, revision 1; not monitored yet",
        ),
        (
            {"state": state_of(monitoring="damaged"), "verdict": None},
            "alert",
            "Published, revision 1; its verdict is damaged",
        ),
        (
            {"state": state_of(monitoring="rev 1 only"), "verdict": verdict_of(verdict="ok")},
            "unknown",
            "Published, revision 1; verdict of an older revision: ok",
        ),
        (
            {"state": state_of(state="withdrawn", monitoring=""), "verdict": None},
            "watch",
            "Withdrawn, revision 1: nothing of the day is decided",
        ),
        (
            {"state": state_of(state="behind", monitoring="ok"), "verdict": verdict_of(verdict="ok")},
            "watch",
            "Published, but behind, revision 1; verdict: ok",
        ),
        (
            {"state": state_of(monitoring="ok", is_refused=True), "verdict": verdict_of(verdict="ok")},
            "alert",
            "Published, revision 1; verdict: ok; a new revision was refused by the contract",
        ),
    ],
)
def test_state_and_verdict_are_told_in_words_and_by_colour(changes: Any, tone: str, headline: str) -> None:
    page = page_of(**changes)
    assert (page.tone, page.headline) == (tone, headline)


def test_a_refused_day_says_why_and_which_rules_stopped_it() -> None:
    state = state_of(state="refused by the contract", monitoring="", is_published=False, is_refused=True)
    page = page_of(state=state, revisions=(), report=None, refused=REFUSED, verdict=None, metrics=())
    assert (page.tone, page.headline) == ("alert", "Refused by the contract: nothing is published")
    assert page.summary == "Not published. a holds not."
    assert [rule.id for rule in page.set_aside] == ["a"]
    assert (page.facts, page.revisions, page.credit, page.bands) == (None, (), (), ())
    assert page.trends["rows_received"].days[-1].value == 110


def test_a_day_of_which_nothing_can_be_read_still_has_a_page() -> None:
    state = state_of(state="its manifest is damaged", monitoring="", is_published=False)
    page = page_of(state=state, revisions=(), report=None, verdict=None, metrics=(), before={})
    assert (page.tone, page.summary) == ("alert", "There is no revision that can be read.")
    assert page.trends == {}


@pytest.mark.parametrize(("rows", "told"), [(0, 0.0), (1, None), (19, None), (20, 20.0)])
def test_the_rows_of_a_small_day_have_no_column(rows: int, told: float | None) -> None:
    audited = made_audit(files={"a.csv": FileTotals(rows, rows, 0, 0)}, by_decision={"approve": rows})
    page = page_of(revisions=(made_manifest(audited),), metrics=())
    assert page.trends["rows_received"].days[-1].value == told


@pytest.mark.parametrize(("rows", "n"), [(49, 0), (50, 2)])
def test_the_amount_of_credit_is_told_of_enough_rows(rows: int, n: int) -> None:
    totals = {"AMT_CREDIT": {"a.csv": {"received": 100 * 1000 * rows, "decided": 100 * 1000 * rows}}}
    audited = made_audit(files={"a.csv": FileTotals(rows, rows, 0, 0)}, control_totals=totals)
    told = page_of(revisions=(made_manifest(audited),)).credit
    assert len(told) == n
    assert told[:1] == (("50,000 in all rows received, 1,000 a row",) if n else ())


def test_the_amount_is_not_told_if_a_file_is_too_small_for_its_total() -> None:
    files = {"a.csv": FileTotals(100, 100, 0, 0), "b.csv": FileTotals(3, 3, 0, 0)}
    totals = {"AMT_CREDIT": {"a.csv": {"received": 5_000_000}}}
    assert page_of(revisions=(made_manifest(made_audit(files=files, control_totals=totals)),)).credit == ()


def test_bands_carry_their_edges_and_the_shares_that_may_be_told() -> None:
    assert [tuple(band) for band in page_of().bands] == [("A", 0.1, 0.7), ("B", None, None)]


def test_kinds_stand_beside_their_ratio_and_the_reference_has_none() -> None:
    found = [(kind.kind, kind.rows, kind.ratio.value if kind.ratio else None) for kind in page_of().kinds]
    assert found == [("gender: F", 900, None), ("gender: M", 1000, 0.694)]


def test_a_column_has_one_bar_and_the_largest_comes_first() -> None:
    findings = [
        {**FINDING, "of_alert": 0.5},
        {**FINDING, "column": "AMT_ANNUITY", "of_alert": 1.5},
        {**FINDING, "of_alert": 0.9},
        {key: value for key, value in FINDING.items() if key != "of_alert"},
    ]
    bars = page_of(verdict=verdict_of(findings=findings)).bars
    assert [(bar.column, bar.of_alert) for bar in bars] == [("AMT_ANNUITY", 1.5), ("EXT_SOURCE_2", 0.9)]


@pytest.mark.parametrize(("n", "more"), [(12, 0), (13, 1)])
def test_twelve_findings_are_listed_and_the_others_counted(n: int, more: int) -> None:
    page = page_of(verdict=verdict_of(findings=[FINDING] * n))
    assert (len(shown_findings(page)), page.more_findings) == (12, more)


def test_the_summary_names_the_heaviest_finding() -> None:
    rows = "1 of 3 rows were decided."
    assert page_of().summary == f"{rows} 1 finding on 1 column. The heaviest: {FINDING['sentence']}"
    assert page_of(verdict=verdict_of(findings=[], headline="No change found.")).summary == f"{rows} No change found."
    assert page_of(verdict=None).summary == rows


def test_the_concentration_over_bands_is_not_told() -> None:
    told = {"expected_auc": {"sentence": "The AUC."}, "band_concentration": {"sentence": "The index."}}
    assert page_of(verdict=verdict_of(expected=told)).expected == ("The AUC.",)


def test_every_revision_is_told_with_its_reason_and_its_changes() -> None:
    first, second = sample_manifest(), revised_manifest()
    page = page_of(revisions=(first, second))
    told = [(row.number, row.facts.reason, row.facts.changed) for row in page.revisions]
    assert told[0] == (1, "", "")
    assert told[1] == (2, "they *told* us more", "2,000 decisions, and the reasons of 1 other")
    assert page.facts
    assert page.facts.title.endswith("revision 2")


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (Metric("publication_hours", 7.1, 9, low=6.0, high=8.0), "7.1 hours after the day began (usual is 6.0 to 8.0)"),
        (Metric("publication_hours", 7.1, 9), "7.1 hours after the day began"),
        (Metric("publication_hours", None, 9), ""),
    ],
)
def test_the_hours_until_publication_are_told_beside_the_usual_ones(hours: Metric, words: str) -> None:
    assert page_of(metrics=(hours,)).waited == words


def test_the_same_sources_make_the_same_page() -> None:
    sources = day_sources()
    assert build_day_page(sources) == build_day_page(replace(sources, as_of=AS_OF))
