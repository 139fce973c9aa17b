"""What there is to say of a day is said once, by numbers that anybody can add up."""

from dataclasses import replace

import pytest

from tasks.core.day.facts import FirstReason, day_facts, result_line
from tasks.core.day.records import FileTotals
from tasks.core.day.standing import DayResult, Standing
from tasks.core.decision.reasons import Reason
from tests.manifests import BY_DECISION, CHANGES, FILES, sample_manifest


def test_a_first_revision_is_told_by_day_time_makers_and_counts() -> None:
    facts = day_facts(sample_manifest())
    assert facts.title == "Applications of 2026-11-02, revision 1"
    assert facts.published_at == "2026-11-02T07:05:59.123456+00:00"
    assert facts.made_with == "credit-default version 3, cut-off 0.0909, policy 2, contract 4"
    assert facts.inputs == {"a.csv": "aa"}
    assert facts.broken_rules == {"one": 902, "two": 3}
    assert facts.digest == "dd"


def test_rows_are_told_by_file_and_in_total_in_the_order_of_a_day() -> None:
    facts = day_facts(sample_manifest())
    names = ["decided", "quarantined", "copies dropped", "replaced", "erased"]
    assert [list(counts.became) for counts in (facts.rows, *facts.files.values())] == [names] * 4
    numbers = {name: (each.received, *each.became.values()) for name, each in facts.files.items()}
    assert numbers == {
        "a.csv": (5000, 4000, 900, 60, 30, 10),
        "corrections/b.csv": (30, 28, 2, 0, 0, 0),
        "corrections/c.csv": (4, 4, 0, 0, 0, 0),
    }
    assert (facts.rows.received, *facts.rows.became.values()) == (5034, 4032, 902, 60, 30, 10)


def test_shares_are_of_those_decided() -> None:
    decisions = day_facts(sample_manifest()).decisions
    assert decisions["approve"] == (3024, 0.75)
    assert decisions["refer"] == (8, 8 / 4032)
    assert decisions["refuse"] == (1000, 1000 / 4032)
    nobody = dict.fromkeys(BY_DECISION, 0)
    empty = day_facts(sample_manifest(audited={"files": {}, "by_decision": nobody}))
    assert empty.decisions == dict.fromkeys(BY_DECISION, (0, 0.0))
    assert empty.rows.received == 0


def test_of_a_first_revision_no_change_is_told() -> None:
    facts = day_facts(sample_manifest())
    assert (facts.reason, facts.changed, facts.corrections, facts.erasures) == ("", "", "", ())


def test_a_run_that_noted_no_time_is_told_without() -> None:
    assert day_facts(sample_manifest(run={})).published_at == ""


@pytest.mark.parametrize(
    ("changed", "others", "told"),
    [
        (2000, 1, "2,000 decisions, and the reasons of 1 other"),
        (1, 1234, "1 decision, and the reasons of 1,234 others"),
        (0, 0, "0 decisions, and the reasons of 0 others"),
        (2, None, "2 decisions"),
    ],
)
def test_what_changed_counts_decisions_and_where_it_was_counted_reasons(
    changed: int, others: int | None, told: str
) -> None:
    audited = {"changes": replace(CHANGES, rows=changed), "changed_reasons": others}
    assert day_facts(sample_manifest(audited=audited, revision=2)).changed == told


def test_corrections_are_summed_and_those_without_a_decision_named() -> None:
    def told(files: dict[str, FileTotals]) -> str:
        return day_facts(sample_manifest(audited={"changes": CHANGES, "files": files})).corrections

    rejected = "2 in quarantine, whose applicants have no decision now"
    assert told(FILES) == f"34 rows: 32 decided, {rejected}"
    assert told({"corrections/c.csv": FileTotals(1, 1, 0, 0)}) == "1 row: 1 decided"
    assert told({"a.csv": FILES["a.csv"]}) == ""


def test_a_reason_is_told_in_one_line_and_an_erasure_by_its_day() -> None:
    first = {"at": "2026-12-01T09:30:00+00:00", "reason": "asked"}
    second = {"at": "2027-01-02T00:00:00+00:00", "reason": "once more"}
    facts = day_facts(sample_manifest(reason="they told\n  us more", erasures=(first, second)))
    assert facts.reason == "they told us more"
    assert facts.erasures == (first, second)


@pytest.mark.parametrize(
    ("by_reason", "expected"),
    [
        ({}, ()),
        ({"R1": 0, "R2": 20}, (("R2", "Car", 20, 1.0),)),
        ({"R1": 10, "R2": 10}, (("R1", "Age", 10, 0.5), ("R2", "Car", 10, 0.5))),
        ({"R1": 0, "R2": 10}, (("R2", "Car", 10, 0.5), ("none", "", 10, 0.5))),
        ({"R1": 0, "R2": 0}, (("none", "", 20, 1.0),)),
    ],
)
def test_first_reasons_are_told_most_frequent_first_and_who_has_none_last(
    by_reason: dict[str, int], expected: tuple[FirstReason, ...]
) -> None:
    reasons = {"age": Reason("R1", "Your age."), "car": Reason("R2", "Your car.")}
    refused = {"approve": 4, "refer": 10, "refuse": 10}
    told = sample_manifest(audited={"by_reason": by_reason, "by_decision": refused}, reasons=reasons)
    assert day_facts(told).first_reasons == expected
    approved = {"approve": 6, "refer": 0, "refuse": 0}
    nobody = {"by_reason": dict.fromkeys(by_reason, 0), "by_decision": approved}
    assert day_facts(sample_manifest(audited=nobody, reasons=reasons)).first_reasons == ()


@pytest.mark.parametrize(
    ("decided", "refused", "untold"),
    [
        (1, 1, "Decisions: No figures are shown of 1 application: "),
        (19, 0, "Decisions: No figures are shown of 19 applications: "),
        (20, 0, ""),
        (20, 1, "Reasons: No figures are shown of 1 application: "),
        (5000, 19, "Reasons: No figures are shown of 19 applications: "),
        (5000, 20, ""),
        (0, 0, ""),
    ],
)
def test_a_decision_or_reason_of_so_few_that_it_is_each_ones_is_not_told(
    decided: int, refused: int, untold: str
) -> None:
    audited = {
        "files": {"a.csv": FileTotals(decided, decided, 0, 0)},
        "by_decision": {"approve": decided - refused, "refer": 0, "refuse": refused},
        "by_reason": {"R1": refused},
    }
    facts = day_facts(sample_manifest(audited=audited, reasons={"age": Reason("R1", "Your age.")}))
    assert facts.untold.startswith(untold)
    assert bool(facts.untold) == bool(untold)
    assert bool(facts.decisions) == (not untold.startswith("Decisions"))
    assert bool(facts.first_reasons) == (refused >= 20)
    assert facts.rows.became["decided"] == decided


def test_the_end_of_a_run_is_told_in_one_line_with_every_row_accounted_for() -> None:
    manifest = sample_manifest()
    standing = Standing(manifest.as_of, excuse="a holiday")
    became = "5,034 rows received: 4,032 decided, 902 quarantined, 60 copies dropped, 30 replaced, 10 erased."
    assert [
        result_line(DayResult("published", standing, manifest)),
        result_line(DayResult("unchanged", standing, manifest)),
        result_line(DayResult("no applications", standing, None)),
    ] == [
        f"Exit 0, nobody must act: revision 1 is published; {became}",
        f"Exit 0, nobody must act: revision 1 was published before from these files, and stays; {became}",
        "Exit 0, nobody must act: no applications came, and none need come: it is a holiday.",
    ]
