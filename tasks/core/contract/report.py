"""What the contract report of a day says, for those who show it.

A report may have been written by another version of the program: whatever it does not say is None or empty here.
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
    """A rule of the contract, and how the day stands to it."""

    id: str
    sentence: str | None
    severity: str | None
    owner: str | None
    scope: str | None
    checked: int | None
    """Rows in its domain."""
    missing: int | None
    """Of those, rows it does not judge because a value is missing."""
    broken: int | None
    """Of the judged ones, rows that break it."""
    is_met: bool | None
    """None: not judged."""
    outcome: str | None
    """What came of it."""
    remark: str | None

    @property
    def broken_share(self) -> float | None:
        """Of the judged rows, those that break it, in [0, 1]; None where no row is judged."""
        judged = (self.checked or 0) - (self.missing or 0)
        return self.broken / judged if judged and self.broken is not None else None

    @property
    def standing(self) -> RuleStatus:
        """How the day stands to it in a word; `warned`: it is not met, and all that came of it is that it is told."""
        if self.is_met is not False:
            return "met" if self.is_met else "unjudged"
        return "warned" if self.outcome in _WARNINGS else "broken"


@dataclass(frozen=True, slots=True)
class ContractReport:
    """How the applications of a day kept the contract."""

    day: str | None
    revision: int | None
    rows: int
    quarantined: int
    allowed: int | None
    """Rows that may be quarantined; None where the report does not say."""
    recent_days: Mapping[str, int]
    """Published days before, oldest first, to the rows decided on each."""
    refused: str | None
    """Why the day is not published; None where the contract lets it."""
    rules: tuple[ReportedRule, ...]
    is_whole: bool
    """Whether these are all rules; of older reports only those are known that set rows aside."""

    @property
    def quarantined_share(self) -> float:
        """Of the rows delivered, in [0, 1]."""
        return self.quarantined / self.rows if self.rows else 0.0

    @property
    def unmet(self) -> tuple[ReportedRule, ...]:
        """The rules that are not met, worst first: by what came of them, by severity, by how many rows break them."""
        return (*self.standing("broken"), *self.standing("warned"))

    def standing(self, standing: RuleStatus) -> tuple[ReportedRule, ...]:
        """The rules to which the day stands like this, worst first."""
        return tuple(sorted((rule for rule in self.rules if rule.standing == standing), key=_from_the_worst))

    @property
    def verdict(self) -> str:
        """The day in a sentence."""
        if self.refused:
            return f"Not published. {self.refused}"
        warnings = len(self.standing("warned"))
        told = f"Published: {self.quarantined:,} of {counted(self.rows, 'row')} in quarantine"
        return f"{told}, {counted(warnings, 'warning')}." if warnings else f"{told}."


def read_contract_report(report: Mapping[str, Any]) -> ContractReport:
    """What the JSON of a contract report says; nothing that it lacks is an error."""
    rows, recent, rules = report.get("rows") or 0, report.get("recent_days") or {}, report.get("rules")
    return ContractReport(
        report.get("day"),
        report.get("revision"),
        rows,
        report.get("quarantined") or 0,
        _allowed(report.get("budget") or {}, rows),
        {day: recent[day] for day in sorted(recent)},
        report.get("refused"),
        tuple(_rules_of_old(report) if rules is None else map(_rule, rules)),
        rules is not None,
    )


def _allowed(budget: Mapping[str, Any], rows: int) -> int | None:
    """The larger of the two limits, as in `tasks.core.contract.rules.is_over_budget`."""
    limits = [budget[limit] * each for limit, each in (("max_rows", 1), ("max_share", rows)) if limit in budget]
    return int(round(max(limits), _SHARE_DIGITS)) if limits else None


def _rule(told: Mapping[str, Any]) -> ReportedRule:
    known: dict[str, Any] = {field.name: told.get(field.name) for field in fields(ReportedRule)}
    return ReportedRule(**known)


def _rules_of_old(report: Mapping[str, Any]) -> Iterator[ReportedRule]:
    for rule_id, broken in (report.get("quarantined_by_rule") or {}).items():
        yield _rule({"id": rule_id, "broken": broken, "is_met": False, "outcome": "rows quarantined"})


def _from_the_worst(rule: ReportedRule) -> tuple[int, bool, int]:
    outcome = _WORST_FIRST.index(rule.outcome) if rule.outcome in _WORST_FIRST else len(_WORST_FIRST)
    return outcome, rule.severity != "critical", -(rule.broken or 0)
