"""The page of one application: all that a person needs to answer, and nothing that runs or comes from elsewhere."""

import re
from dataclasses import replace

import pytest

from tasks.adapters.pages.application import ApplicationFacts, HistoryLine, TriedAmounts, application_page
from tasks.core.decision.place import Place
from tasks.core.decision.scoring import Account
from tasks.core.lender.feature_list import FAMILIES
from tests.pages import Page

PUSHES = {"loan": 0.5, "age": -0.2, "car": 0.0001}
FACTS = ApplicationFacts(
    day="2026-11-02",
    revision=4,
    outcome="refuse",
    history=[
        HistoryLine("2026-11-02", 4, "refuse", "0.1000", "0.0909", "m 2", "1", "at noon", is_shown=True),
        HistoryLine("2026-11-02", 3, "approve", "0.0100", "0.0909", "m 1", "1", "before", is_shown=False),
    ],
    otherwise=["Revision 3 of the day: approve."],
    warnings=["One file was changed since."],
    row={"pd": 0.1, "cutoff": 0.0909, "risk_band": "D", "decision": "refuse"},
    made_with="Made with m version 2, policy 1, contract 3.",
    broken={},
    reasons={"R02": "The loan."},
    account=Account(-3.0, {**PUSHES, "car": 0.0001}, -2.7, 0.1, 0.05, -2.8),
    families=FAMILIES,
    places={"all applications of the day": Place(0.734, "73% of 300 applications had a lower pd.")},
    ways=["With a lesser loan it would have been approved."],
    promise="It is not a promise.",
)


def test_the_decision_comes_first_and_all_else_is_told() -> None:
    page = Page(application_page(FACTS))
    words = " ".join(page.text.split())
    assert "Decision: refuse. pd 0.1000, refused from 0.0909 on" in words
    for told in (
        "Otherwise: Revision 3 of the day: approve.",
        "One file was changed since.",
        "+0.0091",
        "73% of 300 applications had a lower pd.",
        "R02 The loan.",
        "With a lesser loan it would have been approved.",
        "It is not a promise.",
        "Made with m version 2",
    ):
        assert told in words
    assert page.cells("2026-11-02, revision 4 (this page)").endswith("refuse 0.1000 0.0909 m 2 1 at noon")
    assert page.cells("2026-11-02, revision 3").endswith("approve 0.0100 0.0909 m 1 1 before")


def test_the_waterfall_is_a_table_that_tells_in_words_what_its_bars_show() -> None:
    page = Page(application_page(FACTS))
    assert page.cells("Loan and its terms") == "Loan and its terms +0.500 towards refusal"
    assert page.cells("Age") == "Age -0.200 towards approval"
    assert page.cells("This application") == "This application -2.700 pd 0.1000"
    assert page.cells("Refused from here on") == "Refused from here on -2.800 cut-off"
    assert not any("Car" in row for row in page.rows)
    styles = [given["style"] for tag, given in page.tags if tag == "i" and "left" in (given.get("style") or "")]
    assert styles == ["left:0.0%;", "left:0.0%;width:100.0%", "left:60.0%;width:40.0%", "left:60.0%;", "left:40.0%;"]


def test_a_model_that_tells_nobody_apart_has_a_page() -> None:
    flat = Account(-2.0, dict.fromkeys(FAMILIES, 0.0), -2.0, 0.1, 0.1, -2.0)
    assert "left:0.0%" in application_page(replace(FACTS, account=flat)).decode()


def test_what_cannot_be_told_is_left_out() -> None:
    bare = replace(FACTS, account=None, ways=[], places={}, reasons={}, outcome="approve", otherwise=[])
    page = Page(application_page(bare))
    assert "It states no reasons." in page.text
    for absent in ("How the model came to it", "What would have been approved", "Otherwise", "not a promise"):
        assert absent not in page.text


def test_an_application_in_quarantine_is_told_its_rules() -> None:
    aside = replace(FACTS, row=None, account=None, ways=[], broken={"a_rule": "It holds.", "another": None})
    page = Page(application_page(aside))
    words = " ".join(page.text.split())
    assert "Not decided: its row lies in quarantine" in words
    assert "a_rule It holds. another" in words
    assert "Distance to the cut-off" not in words


def test_a_what_if_is_told_with_its_reasons() -> None:
    tried = TriedAmounts("AMT_CREDIT were 1.00 instead of 2.00", "approve, pd 0.0100", {"R01": "Scores."})
    words = " ".join(Page(application_page(replace(FACTS, tried=tried, ways=[]))).text.split())
    assert "What if AMT_CREDIT were 1.00 instead of 2.00 approve, pd 0.0100 R01 Scores." in words
    assert "It is not a promise." in words


@pytest.mark.parametrize("attack", ['"><script>alert(1)</script>', "<img src=x onerror=alert(1)>"])
def test_nothing_told_becomes_part_of_the_page(attack: str) -> None:
    told = replace(FACTS, day=attack, ways=[attack], warnings=[attack], reasons={attack: attack}, made_with=attack)
    page = Page(application_page(told))
    assert {"script", "img"} & {tag for tag, _ in page.tags} == set()
    assert page.text.count(attack) > 4


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    text = application_page(FACTS).decode()
    page = Page(application_page(FACTS))
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|//|url\(|@import", text)
    assert {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags} == set()
    assert {name for _, given in page.tags for name in given if name in {"src", "href"} or name[:2] == "on"} == set()
    headings = [tag for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1"
    assert headings.count("h1") == 1
    assert [given for tag, given in page.tags if tag == "th" and "scope" not in given] == []
