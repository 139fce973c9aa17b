"""docs/contract.md lists the rules of the suite, and its example is one that works."""

import json
import os
import re
from collections.abc import Iterable, Sequence

import pandas as pd

from configs.settings import PROJECT
from tasks.adapters.gx import build_contract
from tasks.core.contract.rules import Rule, critical_positions, parsing_rules
from tasks.core.contract.screening import CONFLICTING
from tasks.core.lender.columns import NAMES

DOCUMENT = PROJECT / "docs/contract.md"
SUITE = PROJECT / "expectations/applications.json"
LISTED = "## The rules"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(rule: Rule) -> tuple[str, ...]:
    remarks = {"rows": rule.from_rows, "published days before": rule.from_days}
    full = ", ".join(f"from {number} {what}" for what, number in remarks.items() if number)
    return f"`{rule.id}`", rule.sentence, rule.severity + (f", {full}" if full else ""), rule.owner


def chapters(rules: Sequence[Rule]) -> dict[str, list[Rule]]:
    """Heading to its rules, in the order of the suite."""
    about_rows = [rule for rule in rules if rule.scope == "row"]
    shares = [rule for rule in rules if rule.scope == "table" and rule.id.endswith("y_known")]
    return {
        "About the whole day": [rule for rule in rules if rule.scope == "table" and rule not in shares],
        "Between rows and between columns": [
            CONFLICTING, *(rule for rule in about_rows if len(rule.columns) > 1)
        ],
        "Column by column": [rule for rule in about_rows if len(rule.columns) == 1],
        "How much of a column must be there": shares,
    }  # fmt: skip


def listed(text: str) -> str:
    contract = build_contract(text)
    by_severity = [f"{sum(r.severity == s for r in contract.rules)} {s}" for s in ("critical", "warning", "info")]
    told = (
        f"Version {contract.version}: {len(contract.rules)} rules, {', '.join(by_severity)}. Besides them, each of the "
        f"{len(parsing_rules())} columns that hold numbers has a critical `<COLUMN>_parses`. This list is made from "
        "the suite by `make docs`."
    )
    head = ("rule", "what it says", "severity", "owner")
    parts = [f"### {title}\n\n{table(head, map(cells, rules))}" for title, rules in chapters(contract.rules).items()]
    return "\n\n".join([LISTED, told, *parts]) + "\n"


def test_the_document_lists_the_rules_as_they_are() -> None:
    written = DOCUMENT.read_text("utf-8").partition(LISTED)[0] + listed(SUITE.read_text("utf-8"))
    if os.environ.get("WRITE_DOCS"):
        DOCUMENT.write_text(written, "utf-8")
    assert DOCUMENT.read_text("utf-8") == written


def test_every_rule_stands_in_one_chapter() -> None:
    contract = build_contract(SUITE.read_text("utf-8"))
    told = [rule.id for rules in chapters(contract.rules).values() for rule in rules]
    assert sorted(told) == sorted([CONFLICTING.id, *(rule.id for rule in contract.rules)])


def test_the_entry_that_the_document_shows_can_be_added_as_it_stands() -> None:
    suite = json.loads(SUITE.read_text("utf-8"))
    (block,) = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    contract = build_contract(json.dumps({**suite, "expectations": [*suite["expectations"], json.loads(block)]}))
    (added,) = (rule for rule in contract.rules if rule.id == "student_credit_is_small")
    only = build_contract(json.dumps({**suite, "expectations": [json.loads(block)]}), columns=NAMES)
    rows = pd.DataFrame({"AMT_CREDIT": [5e5, 5e5 + 1, 9e5], "NAME_INCOME_TYPE": ["Student", "Student", "Working"]})
    assert critical_positions([added], only.check_frame(rows)).tolist() == [1]
