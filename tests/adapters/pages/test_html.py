"""The page of the contract report: what is on it, and that nothing is that should not be."""

import re
from typing import Any

import pytest

from tasks.adapters.pages.html import contract_page
from tests.contract_reports import contract_report, reported
from tests.pages import Page


def page_of(report: dict[str, Any]) -> Page:
    return Page(contract_page(report))


EVERY_KIND = [
    reported("a", "rows quarantined"),
    reported("b", "warned", broken=50, remark="Only a warning: 3 days."),
    reported("c", "not judged", checked=None, missing=None, broken=None, scope="table"),
    reported("d", broken=0, remark=None),
]


def test_a_published_day_says_so_first() -> None:
    page = page_of(contract_report(*EVERY_KIND, quarantined=3))
    assert "Published: 3 of 110 rows in quarantine, 1 warning." in page.text
    assert "Not published" not in page.text
    for heading in ("Rules that are not met", "Warnings", "Not judged", "All 4 rules"):
        assert heading in page.text


def test_a_day_that_was_stopped_says_why_first() -> None:
    page = page_of(contract_report(reported("a", "day stopped"), refused="They break the contract: a holds."))
    assert "Not published. They break the contract: a holds." in page.text
    assert ("body", {"class": "refused"}) in page.tags
    assert ("a", {"href": "contract-refused.json"}) in page.tags


def test_a_rule_is_told_with_what_came_of_it() -> None:
    page = page_of(contract_report(*EVERY_KIND))
    assert page.cells("a") == "a a holds. critical data owner 25 of 100 25.0% rows quarantined"
    assert page.cells("b") == "b b holds. Only a warning: 3 days. warning data owner 50 of 100 50.0% warned"
    assert page.cells("c") == "c c holds. critical data owner - - not judged"
    assert page.cells("d") == "d d holds. critical data owner 0 of 100 0% met"


def test_a_day_without_a_broken_rule_says_so() -> None:
    page = page_of(contract_report())
    assert "No rule is broken" in page.text
    assert "Rules that are not met" not in page.text
    assert "2 of 2 met" in page.text


def test_the_page_is_well_formed_and_small() -> None:
    rules = [reported(f"rule_{n}", outcome) for n, outcome in enumerate(["met", "warned", "rows quarantined"] * 100)]
    report = contract_report(*rules)
    assert page_of(report).open == []
    assert len(contract_page(report)) < 300_000


def test_nothing_in_a_report_becomes_part_of_the_page() -> None:
    attack = '"><script>alert(1)</script>'
    rule = reported(attack, "warned", sentence=attack, owner=attack, severity=attack, remark=attack)
    page = page_of(contract_report(rule, day=attack, refused=attack, recent_days={attack: 3}))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(attack) > 5


@pytest.mark.parametrize("report", [contract_report(*EVERY_KIND), contract_report(refused="No.")], ids=["yes", "no"])
def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(report: dict[str, Any]) -> None:
    page = page_of(report)
    assert {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags} == set()
    assert not re.search(r"https?:|//|url\(|@import", contract_page(report).decode())
    assert {name for _, given in page.tags for name in given if name in {"src", "srcset"} or name[:2] == "on"} == set()
    assert [given["href"] for _, given in page.tags if "href" in given] == [
        "index.html",
        "contract-refused.json" if report["refused"] else "contract.json",
    ]


def test_the_same_report_gives_the_same_bytes_in_whatever_order_its_parts_come() -> None:
    report = contract_report(*EVERY_KIND)
    backwards = dict(reversed(report.items())) | {"recent_days": dict(reversed(report["recent_days"].items()))}
    assert contract_page(report) == contract_page(backwards)


@pytest.mark.parametrize(
    ("quarantined", "kind", "width", "marks"),
    [(0, "today", 0, []), (1, "today", 9, []), (11, "today", 100, []), (12, "broken", 100, ["left:92%"])],
)
def test_the_quarantine_is_drawn_beside_its_budget(quarantined: int, kind: str, width: int, marks: list[str]) -> None:
    page = page_of(contract_report(quarantined=quarantined))
    assert "The budget is 11 rows" in page.text
    bar = next(n for n, (_, given) in enumerate(page.tags) if "Rows in quar" in str(given.get("aria-label")))
    assert page.tags[bar + 1] == ("i", {"class": kind, "style": f"width:{width}%"})
    assert [given["style"] for tag, given in page.tags if tag == "b"] == marks


def test_the_day_is_drawn_beside_those_before_it() -> None:
    page = page_of(contract_report(rows=200, quarantined=20))
    drawn = [
        (given["class"], int(given["y"] or 0), int(given["height"] or 0)) for tag, given in page.tags if tag == "rect"
    ]
    assert drawn == [("unjudged", 50, 50), ("unjudged", 75, 25), ("today", 0, 100), ("broken", 0, 10)]
    assert "2 published days before, 75" in page.text


def test_the_first_day_has_none_to_be_drawn_beside() -> None:
    page = page_of(contract_report(recent_days={}))
    assert "svg" not in {tag for tag, _ in page.tags}
    assert "No published day before" in page.text


def test_a_day_without_rows_has_a_page() -> None:
    rule = reported("a", checked=0, missing=0, broken=0)
    page = page_of(contract_report(rule, rows=0, recent_days={"2026-11-01": 0}, refused="The files hold no rows."))
    assert page.cells("a") == "a a holds. critical data owner 0 of 0 - met"


@pytest.mark.parametrize("part", contract_report())
def test_a_report_that_lacks_a_part_has_a_page(part: str) -> None:
    report = contract_report(*EVERY_KIND, quarantined_by_rule={"a": 3})
    del report[part]
    assert "Rules that are not met" in page_of(report).text


@pytest.mark.parametrize("part", reported("a"))
def test_a_rule_that_lacks_a_part_has_its_place(part: str) -> None:
    rule = reported("a", "warned")
    del rule[part]
    assert "All 1 rules" in page_of(contract_report(rule)).text


def test_an_older_report_shows_what_it_knows_and_where_the_rest_is() -> None:
    report = contract_report(quarantined=7, quarantined_by_rule={"AMT_CREDIT_known": 7})
    for part in ("rules", "budget", "recent_days", "refused"):
        del report[part]
    page = page_of(report)
    assert page.cells("AMT_CREDIT_known") == "AMT_CREDIT_known - - 7 - rows quarantined"
    assert "An earlier version of the program wrote this report" in page.text
    assert "All " not in page.text
