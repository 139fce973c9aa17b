from typing import Any

import pytest

from tasks.core.contract.report import read_contract_report
from tasks.core.contract.rules import Budget, is_over_budget
from tests.contract_reports import contract_report, reported


def test_rules_that_are_not_met_come_worst_first() -> None:
    rules = [
        reported("noted", "noted", broken=90),
        reported("met"),
        reported("warned", "warned", broken=80),
        reported("too little to stop a day", "warned", severity="critical", broken=None),
        reported("few rows", "rows quarantined", broken=1),
        reported("unjudged", "not judged"),
        reported("many rows", "rows quarantined", broken=2),
        reported("whole day", "day stopped", broken=None),
    ]
    report = read_contract_report(contract_report(*rules))
    assert [rule.id for rule in report.unmet] == [
        "whole day", "many rows", "few rows", "too little to stop a day", "warned", "noted",
    ]  # fmt: skip
    assert [rule.standing for rule in report.unmet] == ["broken"] * 3 + ["warned"] * 3


@pytest.mark.parametrize(
    ("checked", "missing", "broken", "share"),
    [(110, 10, 25, 0.25), (10, 0, 0, 0.0), (10, 10, 0, None), (0, 0, 0, None), (None, None, None, None)],
)
def test_the_share_is_of_the_rows_that_are_judged(
    checked: int | None, missing: int | None, broken: int | None, share: float | None
) -> None:
    rule = reported("a", checked=checked, missing=missing, broken=broken)
    assert read_contract_report(contract_report(rule)).rules[0].broken_share == share


@pytest.mark.parametrize("rows", [49, 50, 51, 59, 60, 307_511])
def test_what_may_be_quarantined_is_what_the_gate_allows(rows: int) -> None:
    allowed = read_contract_report(contract_report(rows=rows)).allowed
    assert allowed is not None
    budget = Budget(max_rows=5, max_share=0.1)
    assert [is_over_budget(each, rows, budget=budget) for each in (allowed, allowed + 1)] == [False, True]


@pytest.mark.parametrize(
    ("rules", "changes", "verdict"),
    [
        ([], {}, "Published: 0 of 110 rows in quarantine."),
        ([reported("a", "warned")], {"quarantined": 3}, "Published: 3 of 110 rows in quarantine, 1 warning."),
        ([reported("a", "day stopped")], {"refused": "They break the contract: a holds."},
         "Not published. They break the contract: a holds."),
    ],
    ids=["all met", "warning", "refused"],
)  # fmt: skip
def test_the_day_in_a_sentence(rules: list[dict[str, Any]], changes: dict[str, Any], verdict: str) -> None:
    assert read_contract_report(contract_report(*rules, **changes)).verdict == verdict


def test_the_days_before_are_told_oldest_first() -> None:
    days = {"2026-11-01": 1, "2026-10-31": 2}
    assert list(read_contract_report(contract_report(recent_days=days)).recent_days) == ["2026-10-31", "2026-11-01"]


def test_of_an_older_report_the_rules_are_known_that_set_rows_aside() -> None:
    report = contract_report(quarantined_by_rule={"few": 1, "many": 7})
    del report["rules"]
    told = read_contract_report(report)
    assert [(rule.id, rule.broken, rule.outcome) for rule in told.unmet] == [
        ("many", 7, "rows quarantined"), ("few", 1, "rows quarantined"),
    ]  # fmt: skip
    assert not told.is_whole


def test_the_report_of_a_withdrawn_day_says_that_nothing_was_judged() -> None:
    report = read_contract_report({"day": "2026-11-02", "revision": 2, "withdrawn": "another day's file", "rules": []})
    assert report.verdict == "Withdrawn: nothing of the day is decided. Reason: another day's file"
    assert (report.rows, report.unmet, report.stopped) == (0, (), "")
