from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tasks.core.contract.gate import Evidence, judge_count, judge_result, refusal
from tasks.core.contract.rules import Budget, Rule, RuleCount, RuleResult, Severity

ROW = Rule("range", "A is from 0 to 1.", "critical", "data owner", "row", ("A",))
DAY = Rule("share", "Most rows state A.", "critical", "data owner", "table", ("A",), from_rows=200, from_days=7)
BUDGET = Budget(max_rows=50, max_share=0.05)
MANY = Evidence(date(2026, 11, 2), 200, 190, {f"2026-10-{day:02d}": 100 for day in range(1, 8)})


def rule(severity: Severity, scope: Any) -> Rule:
    return Rule("r", "R holds.", severity, "data owner", scope, ("A",))


@pytest.mark.parametrize(
    ("severity", "scope", "consequence"),
    [
        ("critical", "table", "day stopped"), ("critical", "row", "rows quarantined"),
        ("warning", "table", "warned"), ("warning", "row", "warned"),
        ("info", "table", "noted"), ("info", "row", "noted"),
    ],
)  # fmt: skip
def test_a_broken_rule_leads_to_what_its_severity_says(severity: Severity, scope: str, consequence: str) -> None:
    outcome = judge_result(rule(severity, scope), RuleResult("r", False, {}), MANY)
    assert (outcome.consequence, outcome.remark) == (consequence, None)


@pytest.mark.parametrize(
    ("rows", "days", "consequence", "remark"),
    [
        (200, 7, "day stopped", None),
        (199, 7, "warned", "It counts for less: the day has 199 rows, of 200 needed."),
        (200, 6, "warned", "It counts for less: it is compared with 6 published days before this one, of 7 needed."),
        (200, 1, "warned", "It counts for less: it is compared with 1 published day before this one, of 7 needed."),
    ],
)
def test_on_little_evidence_a_rule_counts_one_severity_less(
    rows: int, days: int, consequence: str, remark: str | None
) -> None:
    evidence = replace(MANY, rows=rows, recent=dict(list(MANY.recent.items())[:days]))
    outcome = judge_result(DAY, RuleResult("share", False, {}), evidence)
    assert (outcome.consequence, outcome.remark) == (consequence, remark)
    assert judge_result(DAY, RuleResult("share", True, {}), evidence).consequence == "met"


def test_what_is_not_judged_neither_passes_nor_stops() -> None:
    outcome = judge_result(DAY, RuleResult("share", None, {}), replace(MANY, recent={}))
    assert (outcome.is_met, outcome.consequence) == (None, "not judged")
    assert refusal([outcome], MANY, quarantined=0, budget=BUDGET, by_rule={}) is None


def test_an_outcome_tells_the_counts_of_great_expectations() -> None:
    figures = {"element_count": 9, "missing_count": 2, "unexpected_count": 3, "unexpected_percent": 42.0}
    told = judge_result(ROW, RuleResult("range", False, figures), MANY).record()
    assert told == {
        "id": "range", "sentence": "A is from 0 to 1.", "severity": "critical", "owner": "data owner", "scope": "row",
        "outcome": "rows quarantined", "is_met": False, "checked": 9, "missing": 2, "broken": 3, "remark": None,
    }  # fmt: skip


@pytest.mark.parametrize(("broken", "is_met"), [(0, True), (1, False)])
def test_one_row_breaks_a_rule_of_our_own(broken: int, *, is_met: bool) -> None:
    outcome = judge_count(ROW, RuleCount(9, 0, broken), MANY)
    assert (outcome.is_met, outcome.broken) == (is_met, broken)


@pytest.mark.parametrize(
    ("quarantined", "rows", "is_refused"),
    [(50, 60, False), (51, 60, True), (60, 1200, False), (61, 1200, True), (3, 3, True)],
)
def test_a_day_is_refused_above_both_limits_of_its_budget_or_without_a_row_left(
    quarantined: int, rows: int, *, is_refused: bool
) -> None:
    evidence = replace(MANY, rows=rows, decided=rows - quarantined)
    told = refusal([], evidence, quarantined=quarantined, budget=BUDGET, by_rule={"range": quarantined})
    assert (told is not None) is is_refused
    assert not told or f"{quarantined} of {rows} rows would be set aside" in told
    assert not told or f"Most broken: range {quarantined}." in told


def test_a_refusal_tells_every_reason() -> None:
    stopped = judge_result(DAY, RuleResult("share", False, {}), MANY)
    told = refusal([stopped], replace(MANY, rows=60), quarantined=60, budget=BUDGET, by_rule={})
    assert told
    assert told.startswith("60 of 60 rows would be set aside")
    assert told.endswith("They break the contract: Most rows state A.")


@pytest.mark.parametrize(
    ("recent", "decided", "remark"),
    [({}, 0, "No row is left to be judged."), ({}, 1, "Too few days before this one are published to compare with.")],
)
def test_what_is_not_judged_says_why(recent: dict[str, int], decided: int, remark: str) -> None:
    evidence = replace(MANY, recent=recent, decided=decided)
    assert judge_result(DAY, RuleResult("share", None, {}), evidence).remark == remark


@pytest.mark.parametrize(("n_mondays", "is_known"), [(2, False), (3, True)])
def test_a_day_is_compared_with_its_own_weekday_from_three_of_them_on(n_mondays: int, *, is_known: bool) -> None:
    mondays = {f"2026-10-{26 - 7 * n:02d}": 1000 + n for n in range(n_mondays)}
    facts = replace(MANY, recent=mondays | {"2026-10-31": 10, "2026-11-01": 20}).facts
    assert (facts["recent_rows_min"], facts["recent_rows_max"]) == (10, 999 + n_mondays)
    assert facts.get("weekday_rows_min") == (1000 if is_known else None)
    assert facts.get("weekday_rows_median") == (1001 if is_known else None)
    assert facts.get("weekday_rows_max") == (1002 if is_known else None)
