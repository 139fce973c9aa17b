"""What the verdicts of the contract mean for a day: what each broken rule leads to, and whether the day may go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from statistics import median
from typing import Any, Final, Literal

from tasks.core.contract.rules import Budget, Rule, RuleCount, RuleResult, Severity, is_over_budget
from tasks.core.words import counted

Consequence = Literal["met", "rows quarantined", "day stopped", "warned", "noted", "not judged"]
_TOLD_RULES: Final = 5
_LEAST_WEEKDAYS: Final = 3
_LESS: Final[dict[Severity, Severity]] = {"critical": "warning", "warning": "info", "info": "info"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a day offers to judge it by."""

    as_of: date
    rows: int
    """Rows delivered."""
    decided: int
    """Rows left to be decided."""
    recent: Mapping[str, int]
    """Published days before it, in ISO form, to the rows decided on each."""

    @property
    def facts(self) -> dict[str, float]:
        """The figures that a rule may compare with (`core.contract.rules.RECENT_FACTS`), as far as they are known.

        Those of the day's own weekday are known from three such days on.

        >>> Evidence(date(2026, 11, 9), 10, 10, {"2026-11-01": 30, "2026-11-02": 10}).facts
        {'recent_rows_min': 10, 'recent_rows_median': 20.0, 'recent_rows_max': 30}
        """
        alike = [rows for day, rows in self.recent.items() if date.fromisoformat(day).weekday() == self.as_of.weekday()]
        return _figures("recent_rows", list(self.recent.values()), least=1) | _figures(
            "weekday_rows", alike, least=_LEAST_WEEKDAYS
        )


def _figures(name: str, rows: Sequence[int], *, least: int) -> dict[str, float]:
    if len(rows) < least:
        return {}
    return {f"{name}_min": min(rows), f"{name}_median": median(rows), f"{name}_max": max(rows)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a day stands to one rule. Counts are None where a rule is not about rows."""

    rule: Rule
    is_met: bool | None
    """None: not judged."""
    consequence: Consequence
    checked: int | None = None
    """Rows in its domain."""
    missing: int | None = None
    """Of those, rows it does not judge because a value is missing."""
    broken: int | None = None
    """Of the judged ones, rows that break it."""
    remark: str | None = None

    def record(self) -> dict[str, Any]:
        """The outcome as the contract report tells it."""
        told = {name: value for name, value in asdict(self).items() if name not in ("rule", "consequence")}
        rule = self.rule
        return {
            "id": rule.id,
            "sentence": rule.sentence,
            "severity": rule.severity,
            "owner": rule.owner,
            "scope": rule.scope,
            "outcome": self.consequence,
            **told,
        }


def judge_result(rule: Rule, result: RuleResult, evidence: Evidence) -> Outcome:
    """What a verdict of Great Expectations leads to."""
    figures = [result.figures.get(name) for name in ("element_count", "missing_count", "unexpected_count")]
    checked, missing, broken = (None if figure is None else int(figure) for figure in figures)
    consequence, remark = _consequence(rule, result.is_met, evidence)
    return Outcome(rule, result.is_met, consequence, checked, missing, broken, remark)


def judge_count(rule: Rule, count: RuleCount, evidence: Evidence) -> Outcome:
    """What the count of one of our own row rules leads to."""
    is_met = not count.broken
    consequence, remark = _consequence(rule, is_met, evidence)
    return Outcome(rule, is_met, consequence, count.checked, count.missing, count.broken, remark)


def _consequence(rule: Rule, is_met: bool | None, evidence: Evidence) -> tuple[Consequence, str | None]:
    if is_met is None:
        nothing_left = "No row is left to be judged." if not evidence.decided else None
        return "not judged", nothing_left or "Too few days before this one are published to compare with."
    if is_met:
        return "met", None
    remark = _too_little(rule, evidence)
    severity = _LESS[rule.severity] if remark else rule.severity
    stopped: Consequence = "day stopped" if rule.scope == "table" else "rows quarantined"
    broken: dict[Severity, Consequence] = {"critical": stopped, "warning": "warned", "info": "noted"}
    return broken[severity], remark


def _too_little(rule: Rule, evidence: Evidence) -> str | None:
    """Why the rule counts for less than on larger days, or on those with more days behind them."""
    if evidence.rows < rule.from_rows:
        return f"It counts for less: the day has {counted(evidence.rows, 'row')}, of {rule.from_rows:,} needed."
    if len(evidence.recent) < rule.from_days:
        days = counted(len(evidence.recent), "published day")
        return f"It counts for less: it is compared with {days} before this one, of {rule.from_days:,} needed."
    return None


def refusal(
    outcomes: Sequence[Outcome], evidence: Evidence, *, quarantined: int, budget: Budget, by_rule: Mapping[str, int]
) -> str | None:
    """Why the day is not published, in sentences; None where it may be.

    Args:
        outcomes: of every rule.
        evidence: what they were judged by.
        quarantined: rows that would be set aside.
        budget: how many may be.
        by_rule: rule to the number of quarantined rows that break it, most broken first.
    """
    is_broken_feed = not evidence.decided or is_over_budget(quarantined, evidence.rows, budget)
    reasons = [_over_budget(quarantined, evidence.rows, budget, by_rule)] if is_broken_feed else []
    broken = [outcome.rule.sentence for outcome in outcomes if outcome.consequence == "day stopped"]
    return " ".join([*reasons, *(["They break the contract:", *broken] if broken else [])]) or None


def _over_budget(quarantined: int, rows: int, budget: Budget, by_rule: Mapping[str, int]) -> str:
    return (
        f"{quarantined} of {rows} rows would be set aside ({quarantined / rows:.1%}); the budget is {budget.max_rows} "
        f"rows or {budget.max_share:.1%}, whichever is more, and at least one row must remain. "
        f"Most broken: {most_broken(by_rule)}. The feed needs mending; then run the day again."
    )


def most_broken(by_rule: Mapping[str, int]) -> str:
    """The rules that are broken most, for a message.

    >>> most_broken({"a": 7, "b": 2})
    'a 7, b 2'
    """
    return ", ".join(f"{rule} {count}" for rule, count in list(by_rule.items())[:_TOLD_RULES])
