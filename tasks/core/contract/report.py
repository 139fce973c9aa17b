"""The contract report of a day, read for the pages and commands that show it.

Another version of the program may have written the report. A fact that it lacks is None or empty
here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from tasks.core.words import counted

RuleStatus = Literal["broken", "warned", "unjudged", "met"]
_WORST_FIRST: Final = ("day stopped", "rows quarantined", "warned", "noted")
_WARNINGS: Final = ("warned", "noted")
_SHARE_DIGITS: Final = 6  # 0.29 * 100 is less than 29


@dataclass(frozen=True, slots=True)
class ReportedRule:
    """A rule of the contract, and its status for the day."""

    id: str
    sentence: str | None
    severity: str | None
    owner: str | None
    scope: str | None
    checked: int | None
    """Rows in the rule's domain."""
    missing: int | None
    """Rows of the domain that are not judged, because a value is missing."""
    broken: int | None
    """Judged rows that break the rule."""
    is_met: bool | None
    """None if the rule was not judged."""
    outcome: str | None
    """Consequence of the verdict, as the report records it."""
    remark: str | None

    @property
    def broken_share(self) -> float | None:
        """Share in [0, 1] of the judged rows that break the rule; None if no row is judged."""
        judged = (self.checked or 0) - (self.missing or 0)
        return self.broken / judged if judged and self.broken is not None else None

    @property
    def standing(self) -> RuleStatus:
        """Status of this rule for the day. `warned`: the rule is broken, but only reported."""
        if self.is_met is not False:
            return "met" if self.is_met else "unjudged"
        return "warned" if self.outcome in _WARNINGS else "broken"


@dataclass(frozen=True, slots=True)
class ContractReport:
    """Record of how the applications of a day kept the contract."""

    day: str | None
    revision: int | None
    rows: int
    quarantined: int
    allowed: int | None
    """Rows that may be quarantined; None if the report does not say."""
    recent_days: Mapping[str, int]
    """Published days before, oldest first, to the rows decided on each."""
    refused: str | None
    """Reason why the day is not published; None if the contract allows it."""
    withdrawn: str | None
    """Reason why the day is withdrawn; None if it is not. Then nothing of it was judged."""
    rules: tuple[ReportedRule, ...]
    is_whole: bool
    """True if these are all rules. An older report names only those that set rows aside."""

    @property
    def quarantined_share(self) -> float:
        """Share in [0, 1] of the delivered rows that are in quarantine."""
        return self.quarantined / self.rows if self.rows else 0.0

    @property
    def unmet(self) -> tuple[ReportedRule, ...]:
        """Rules that are not met, worst first: by outcome, severity and number of broken rows."""
        return (*self.standing("broken"), *self.standing("warned"))

    @property
    def stopped(self) -> str:
        """Reason why the day is not published, and who must act; empty if the contract allows the day."""
        if not self.refused:
            return ""
        owners = dict.fromkeys(rule.owner for rule in self.standing("broken") if rule.owner)
        return f"{self.refused} Who must act: {', '.join(owners)}." if owners else self.refused

    def standing(self, standing: RuleStatus) -> tuple[ReportedRule, ...]:
        """Rules with this status, worst first."""
        chosen = (rule for rule in self.rules if rule.standing == standing)
        return tuple(sorted(chosen, key=_from_the_worst))

    @property
    def verdict(self) -> str:
        """Result of the day in a sentence."""
        if self.withdrawn:
            return f"Withdrawn: nothing of the day is decided. Reason: {self.withdrawn}"
        if self.refused:
            return f"Not published. {self.refused}"
        warnings = len(self.standing("warned"))
        rows = counted(self.rows, "row")
        sentence = f"Published: {self.quarantined:,} of {rows} in quarantine"
        return f"{sentence}, {counted(warnings, 'warning')}." if warnings else f"{sentence}."


def read_contract_report(report: Mapping[str, Any]) -> ContractReport:
    """Read the JSON of a contract report. A fact that it lacks is not an error."""
    rows = report.get("rows") or 0
    recent = report.get("recent_days") or {}
    rules = report.get("rules")
    return ContractReport(
        report.get("day"),
        report.get("revision"),
        rows,
        report.get("quarantined") or 0,
        _allowed(report.get("budget") or {}, rows),
        {day: recent[day] for day in sorted(recent)},
        report.get("refused"),
        report.get("withdrawn"),
        tuple(_rules_of_old(report) if rules is None else map(_rule, rules)),
        rules is not None,
    )


def _allowed(budget: Mapping[str, Any], rows: int) -> int | None:
    """The larger of the two limits, as in `tasks.core.contract.rules.is_over_budget`.

    None if the report has no budget.
    """
    rows_by_limit = (("max_rows", 1), ("max_share", rows))
    limits = [budget[limit] * factor for limit, factor in rows_by_limit if limit in budget]
    return int(round(max(limits), _SHARE_DIGITS)) if limits else None


def _rule(record: Mapping[str, Any]) -> ReportedRule:
    known: dict[str, Any] = {field.name: record.get(field.name) for field in fields(ReportedRule)}
    return ReportedRule(**known)


def _rules_of_old(report: Mapping[str, Any]) -> Iterator[ReportedRule]:
    for rule_id, broken in (report.get("quarantined_by_rule") or {}).items():
        record = {
            "id": rule_id,
            "broken": broken,
            "is_met": False,
            "outcome": "rows quarantined",
        }
        yield _rule(record)


def _from_the_worst(rule: ReportedRule) -> tuple[int, bool, int]:
    is_known = rule.outcome in _WORST_FIRST
    outcome = _WORST_FIRST.index(rule.outcome) if is_known else len(_WORST_FIRST)
    return outcome, rule.severity != "critical", -(rule.broken or 0)
