"""The page of a day: every part in words, in order, and nothing that a day's texts could break."""

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tasks.adapters.pages.day_page import day_page
from tasks.core.contract.report import read_contract_report
from tasks.core.day.records import FileTotals
from tasks.core.reporting.day_page import DaySources, build_day_page
from tasks.core.reporting.realised_record import RealisedRecord
from tests.contract_reports import contract_report, reported
from tests.manifests import made_audit, made_manifest, sample_manifest
from tests.pages import Page
from tests.reported_days import FINDING, day_sources, state_of, verdict_of

HEADINGS = [
    "What to do",
    "What came",
    "What was set aside, and why",
    "What was decided",
    "Made with",
    "What drifted, and how much that matters",
    "What it is expected to cost, and what it did cost",
    "Fairness, an internal control",
    "Revisions",
]
LINKS = {
    "index": "../index.html",
    "before": "../day=2026-11-01/index.html",
    "after": "../day=2026-11-03/index.html",
    "contract": "contract.html",
    "refused": "contract-refused.html",
    "drift": "drift.html",
    "verdict": "verdict.json",
    "model": "../model=credit-default/version=1/index.html",
}
ATTACK = '"><script>alert(1)</script>'


def large(**changes: Any) -> DaySources:
    """A day of enough rows that all is told."""
    return day_sources(
        revisions=(sample_manifest(policy={"version": "2", "cutoff": 0.1, "bands": {"A": 0.1, "B": None}}),),
        **changes,
    )


def unmonitored() -> DaySources:
    return day_sources(state=state_of(monitoring="not monitored"), verdict=None, metrics=())


def refused() -> DaySources:
    report = contract_report(reported("a", "day stopped"), refused="a holds not.", rows=300, quarantined=290)
    state = state_of(state="refused by the contract", monitoring="", is_published=False, is_refused=True)
    return day_sources(
        state=state, revisions=(), report=None, refused=read_contract_report(report), verdict=None, metrics=()
    )


def damaged() -> DaySources:
    return day_sources(state=state_of(monitoring="damaged"), verdict=None, metrics=())


def unreadable() -> DaySources:
    state = state_of(state="its manifest is damaged", monitoring="", is_published=False)
    return day_sources(state=state, revisions=(), report=None, verdict=None, metrics=(), before={}, links={})


def of_rows(rows: int) -> DaySources:
    audited = made_audit(files={"a.csv": FileTotals(rows, rows, 0, 0)}, by_decision={"approve": rows})
    return day_sources(revisions=(made_manifest(audited),), metrics=(), verdict=None)


def revised_thrice() -> DaySources:
    first = sample_manifest()
    reasons = ("a first reason", "a second reason", "a third reason")
    later = [replace(first, revision=number, reason=why) for number, why in enumerate(reasons, start=2)]
    return day_sources(revisions=(first, *later), links=LINKS)


DAYS = {
    "large": large(links=LINKS),
    "unmonitored": unmonitored(),
    "refused": refused(),
    "damaged verdict": damaged(),
    "unreadable": unreadable(),
    "no row": of_rows(0),
    "one row": of_rows(1),
    "revised thrice": revised_thrice(),
}


def page_of(sources: DaySources) -> Page:
    return Page(day_page(build_day_page(sources)))


def words_of(page: Page) -> str:
    return " ".join(page.text.split())


@pytest.mark.parametrize("sources", DAYS.values(), ids=DAYS)
def test_every_day_has_its_parts_in_words_and_in_order(sources: DaySources) -> None:
    page = page_of(sources)
    told = re.findall("<h2[^>]*>([^<]+)", day_page(build_day_page(sources)).decode())
    assert told == HEADINGS[: 9 if sources.revisions else 8]
    assert "What it did cost: not known yet." in page.text
    assert "None" not in page.text


@pytest.mark.parametrize("sources", DAYS.values(), ids=DAYS)
def test_headings_are_in_order_and_tables_have_captions_and_scopes(sources: DaySources) -> None:
    tags = page_of(sources).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    names = [tag for tag, _ in tags]
    assert names.count("table") == names.count("caption")
    assert all(given.get("scope") in {"row", "col"} for tag, given in tags if tag == "th")
    assert ("html", {"lang": "en"}) in tags
    assert all(given.get("role") == "img" and given["aria-label"] for tag, given in tags if tag == "svg")
    targets = {given.get("id") for _, given in tags}
    assert {given["href"][1:] for _, given in tags if (given.get("href") or "").startswith("#")} <= targets  # type: ignore[index]


@pytest.mark.parametrize("sources", DAYS.values(), ids=DAYS)
def test_the_page_needs_nothing_from_elsewhere_runs_nothing_and_is_small(sources: DaySources) -> None:
    page, data = page_of(sources), day_page(build_day_page(sources))
    assert {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags} == set()
    assert not re.search(r"https?:|url\(|@import", data.decode())
    assert {name for _, given in page.tags for name in given if name in {"src", "srcset"} or name[:2] == "on"} == set()
    assert len(data) < 100_000
    assert data == day_page(build_day_page(sources))


def test_bands_of_which_no_share_is_told_are_no_table() -> None:
    assert "Risk bands of the policy" in words_of(page_of(large()))
    page = page_of(large(metrics=()))
    assert "Risk bands of the policy" not in words_of(page)
    assert "Shares by risk band are told when the day is monitored" in words_of(page)


def test_only_pages_that_are_there_are_linked() -> None:
    def links(sources: DaySources) -> set[str | None]:
        return {given["href"] for tag, given in page_of(sources).tags if tag == "a" and given["href"] != "#todo"}

    assert links(large(links={})) == set()
    assert links(large(links=LINKS)) == set(LINKS.values())


def test_a_day_is_told_from_what_came_to_what_was_decided() -> None:
    page = page_of(large(links=LINKS))
    assert page.cells("All files") == "All files 5,034 4,032 902 60 30 10"
    assert page.cells("approve") == "approve 3,024 75.0% 612,346"
    assert page.cells("refuse") == "refuse 1,000 24.8% -"
    assert page.cells("A up") == "A up to 10.0% 70.0%"
    assert page.cells("a a") == "a a holds. 25 25.0% data owner"
    assert "Published 2026-11-02 07:05 UTC, 7.1 hours after the day began (usual is 6.0 to 8.0)." in words_of(page)
    assert "credit-default version 3, cut-off 0.1000, policy 2, contract 4." in page.text


def test_a_finding_is_told_beside_its_range_and_drawn_beside_the_alarm_line() -> None:
    page = page_of(large())
    assert page.cells("30.0%") == f"{FINDING['sentence']} alert 0.3 0.18 to 0.22"
    assert page.cells("EXT_SOURCE_2") == "EXT_SOURCE_2 alert 2.5"
    assert ("i", {"class": "alert-bar", "style": "width:100%"}) in page.tags
    assert ("b", {"style": "left:40%"}) in page.tags


def test_the_alarm_line_stands_in_the_middle_of_small_changes() -> None:
    page = page_of(large(verdict=verdict_of(findings=[{**FINDING, "of_alert": 0.5}])))
    assert ("i", {"class": "alert-bar", "style": "width:25%"}) in page.tags
    assert ("b", {"style": "left:50%"}) in page.tags


@pytest.mark.parametrize(("rules", "unfolds"), [(5, False), (6, True)])
def test_five_rules_are_shown_and_the_others_unfold(rules: int, *, unfolds: bool) -> None:
    broken = [reported(f"rule_{number}", "rows quarantined") for number in range(rules)]
    page = page_of(large(report=read_contract_report(contract_report(*broken))))
    assert all(page.cells(f"rule_{number}") for number in range(rules))
    assert ("more rule" in page.text) is unfolds


def test_kinds_are_told_as_an_internal_control() -> None:
    page = page_of(large())
    assert page.cells("gender: F") == "gender: F 900 72.0% reference"
    assert page.cells("gender: M") == "gender: M 1,000 50.0% 0.694 0.62 to 0.77 worth a look"
    assert "No legal finding." in page.text


def test_charts_have_their_numbers_in_a_table() -> None:
    page = page_of(large())
    assert page.cells("2026-11-02") == "2026-11-02 2,000 1.0% 70.0% 5.0%"
    assert page.cells("2026-11-01") == "2026-11-01 1,001 - - -"


def test_a_quiet_day_says_that_nothing_is_to_be_done() -> None:
    quiet = verdict_of(verdict="ok", findings=[], quality=[], fairness={})
    page = page_of(large(state=state_of(monitoring="ok"), verdict=quiet))
    assert "What to do Nothing. What came" in words_of(page)
    assert ("body", {"class": "ok"}) in page.tags


def test_what_is_not_known_is_said() -> None:
    assert "This day has not been monitored." in page_of(unmonitored()).text
    assert "The verdict of this day cannot be read." in page_of(damaged()).text
    text = words_of(page_of(refused()))
    assert "300 rows came. The contract stopped the day, so no row was decided." in text
    assert "Nothing was decided." in text
    assert "No figures are shown of 1 application" in page_of(of_rows(1)).text


def test_a_verdict_on_an_older_revision_says_so() -> None:
    assert "This verdict is about revision 1, not about the newest one." in page_of(revised_thrice()).text
    assert "not about the newest one" not in page_of(large()).text


def test_each_revision_has_its_reason() -> None:
    page = page_of(revised_thrice())
    told = [next(row for row in map(str.split, page.rows) if row[:1] == [number]) for number in "1234"]
    assert [" ".join(row[1:4]) for row in told] == ["2026-11-02 07:05 UTC"] * 4
    assert [" ".join(row[4:7]) for row in told[1:]] == ["a first reason", "a second reason", "a third reason"]
    assert told[0][4:] == ["first", "revision", "4,032", "-", "-"]


def test_nothing_in_a_day_becomes_part_of_the_page() -> None:
    verdict = verdict_of(
        headline=ATTACK,
        advice=ATTACK,
        findings=[FINDING | {"column": ATTACK, "sentence": ATTACK}],
        expected={"auc": {"sentence": ATTACK}, "caveat": ATTACK},
        quality=[ATTACK],
        fairness={"worth_a_look": [ATTACK], "limits": [ATTACK]},
    )
    manifest = sample_manifest(
        reason=ATTACK,
        revision=2,
        erasures=({"at": ATTACK, "reason": ATTACK},),
        run={"published_at": ATTACK},
        audited={"files": {ATTACK: FileTotals(500, 400, 100, 0)}},
    )
    rule = reported(ATTACK, "rows quarantined", sentence=ATTACK, owner=ATTACK, remark=ATTACK)
    report = read_contract_report(contract_report(rule))
    page = page_of(
        day_sources(
            revisions=(manifest,),
            report=report,
            verdict=verdict,
            state=state_of(hints=(ATTACK,)),
            links={"model": ATTACK},
        )
    )
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(ATTACK) > 12


def test_outcomes_are_told_with_the_revision_that_they_are_held_against() -> None:
    realised = RealisedRecord(1, 0.4, 0.45, 0.4, 0.5, ("3.6% have defaulted.", "They did cost 0.400 each."))
    links = {"outcomes": "../../outcomes/backtest/index.html"}
    told = Page(day_page(build_day_page(day_sources(realised=realised, links=links))))
    assert "3.6% have defaulted." in told.text
    assert "not known yet" not in told.text
    assert "held against revision" not in told.text
    assert ("a", {"href": links["outcomes"]}) in told.tags
    older = Page(day_page(build_day_page(day_sources(realised=replace(realised, revision=2)))))
    assert "held against revision 2, not against the newest one" in older.text
