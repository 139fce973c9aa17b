"""Contract reports made by hand, for tests of what shows them."""

from typing import Any


def reported(rule_id: str, outcome: str = "met", **changes: Any) -> dict[str, Any]:
    """A rule as a contract report tells it: of 110 rows 10 lack the value, and a quarter of the rest break it."""
    is_met = {"met": True, "not judged": None}.get(outcome, False)
    return {
        "id": rule_id,
        "sentence": f"{rule_id} holds.",
        "severity": "warning" if outcome == "warned" else "critical",
        "owner": "data owner",
        "scope": "row",
        "checked": 110,
        "missing": 10,
        "broken": 0 if is_met else 25,
        "is_met": is_met,
        "outcome": outcome,
        "remark": None,
    } | changes


def contract_report(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The report of a published day after two others, by default one on which every rule is met."""
    return {
        "day": "2026-11-02",
        "revision": 1,
        "rows": 110,
        "quarantined": 0,
        "budget": {"max_rows": 5, "max_share": 0.1},
        "recent_days": {"2026-10-31": 100, "2026-11-01": 50},
        "refused": None,
        "quarantined_by_rule": {},
        "rules": list(rules) or [reported("a"), reported("b")],
        "validation": {},
    } | changes
