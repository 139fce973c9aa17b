"""Contract report for people: a page of a stopped day, and a table beside the flow run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from tasks.core.contract.report import ContractReport, ReportedRule, read_contract_report
from tasks.core.words import in_markdown, percent
from tasks.publication.layout import refused_page_key, refused_report_key
from tasks.running.context import is_in_flow_run
from tasks.running.events import never_in_the_way, show_table
from tasks.store import Store
from tasks.store.renewing import overwrite


def write_refused(store: Store, as_of: date, report: Mapping[str, Any]) -> str:
    """Write the report and the page of a day that the contract stops; returns the page's location.

    They replace those of an earlier stop.
    """
    from tasks.adapters.pages.html import contract_page

    overwrite(store, refused_report_key(as_of), json.dumps(report, indent=1).encode())
    overwrite(store, refused_page_key(as_of), contract_page(report))
    return store.location(refused_page_key(as_of))


def show_rules(report: Mapping[str, Any]) -> None:
    """Show the rules that a day does not meet beside the flow run, worst first.

    Nothing is shown outside a flow run.
    """
    if not is_in_flow_run():
        return
    with never_in_the_way("table of rules"):
        record = read_contract_report(report)
        show_table(
            rules_table(record),
            key=f"contract-{record.day}",
            description=in_markdown(record.verdict),
        )


def rules_table(report: ContractReport) -> list[dict[str, Any]]:
    """Row for each rule that is not met, worst first; one row that says so if all are met."""
    judged = sum(rule.is_met is not None for rule in report.rules)
    all_met = {"rule": f"All {judged} rules that could be judged are met"}
    return [_row(rule) for rule in report.unmet] or [all_met]


def _row(rule: ReportedRule) -> dict[str, Any]:
    share = rule.broken_share
    return {
        "rule": rule.id,
        "what it says": rule.sentence,
        "severity": rule.severity,
        "rows broken": rule.broken,
        "share": None if share is None else percent(share),
        "outcome": rule.outcome,
    }
