"""The contract report where people look: a page of a day that is stopped, and a table beside the run."""

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
    """Show why the contract stops a day, in the place of what stopped it before; returns where the page lies."""
    from tasks.adapters.pages.html import contract_page

    overwrite(store, refused_report_key(as_of), json.dumps(report, indent=1).encode())
    overwrite(store, refused_page_key(as_of), contract_page(report))
    return store.location(refused_page_key(as_of))


def tell_rules(report: Mapping[str, Any]) -> None:
    """Show the rules that a day does not meet beside the flow run, worst first; outside one there is nobody to tell."""
    if not is_in_flow_run():
        return
    with never_in_the_way("table of rules"):
        told = read_contract_report(report)
        show_table(rules_table(told), key=f"contract-{told.day}", description=in_markdown(told.verdict))


def rules_table(report: ContractReport) -> list[dict[str, Any]]:
    """A row for each rule that is not met, worst first; one that says so where all are."""
    judged = sum(rule.is_met is not None for rule in report.rules)
    return [_row(rule) for rule in report.unmet] or [{"rule": f"All {judged} rules that could be judged are met"}]


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
