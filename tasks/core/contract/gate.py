"""Consequences of the contract's verdicts: of each broken rule, and of all for the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from statistics import median
from typing import Any, Final, Literal

from tasks.core.contract.rules import Budget, Rule, RuleCount, RuleResult, Severity, is_over_budget
from tasks.core.notations import describe_notations
from tasks.core.words import counted

Consequence = Literal["met", "rows quarantined", "day stopped", "warned", "noted", "not judged"]
_NAMED_RULES: Final = 5
"""Rules that a message names at most."""
_NAMED_NOTATIONS: Final = 3
"""Notations that a message names at most."""
_LEAST_WEEKDAYS: Final = 3
"""Published days of one weekday from which their figures are known."""
_LESS: Final[dict[Severity, Severity]] = {
    "critical": "warning",
    "warning": "info",
    "info": "info",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts of a day that its rules are judged by."""

    as_of: date
    rows: int
    """Rows delivered."""
    decided: int
    """Rows left to be decided."""
    recent: Mapping[str, int]
    """Published days before it, in ISO form, to the rows decided on each."""
    recent_ids: int | None = None
    """Most rows left to be decided whose application one of those days decided, too; None if not known."""

    @property
    def facts(self) -> dict[str, float]:
        """Figures that a rule may compare with (`core.contract.rules.RECENT_FACTS`), if known.

        Those of the day's own weekday are known from three such days on.

        >>> Evidence(date(2026, 11, 9), 10, 10, {"2026-11-01": 30, "2026-11-02": 10}).facts
        {'recent_rows_min': 10, 'recent_rows_median': 20.0, 'recent_rows_max': 30}
        """
        weekday = self.as_of.weekday()
        alike = [rows for day, rows in self.recent.items() if date.fromisoformat(day).weekday() == weekday]
        of_all_days = _figures("recent_rows", list(self.recent.values()), least=1)
        of_its_weekday = _figures("weekday_rows", alike, least=_LEAST_WEEKDAYS)
        of_ids = {} if self.recent_ids is None else {"recent_ids_max": float(self.recent_ids)}
        return of_all_days | of_its_weekday | of_ids


def _figures(name: str, rows: Sequence[int], *, least: int) -> dict[str, float]:
    if len(rows) < least:
        return {}
    return {f"{name}_min": min(rows), f"{name}_median": median(rows), f"{name}_max": max(rows)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Status of one rule for a day. The counts are None if the rule is not about rows."""

    rule: Rule
    is_met: bool | None
    """None if the rule was not judged."""
    consequence: Consequence
    checked: int | None = None
    """Rows in the rule's domain."""
    missing: int | None = None
    """Rows of the domain that are not judged, because a value is missing."""
    broken: int | None = None
    """Judged rows that break the rule."""
    remark: str | None = None
    notations: Mapping[str, int] = field(default_factory=dict)
    """Notation to the number of values that do not parse; of parsing rules alone."""

    def record(self) -> dict[str, Any]:
        """The outcome as the contract report records it."""
        left_out = ("rule", "consequence", *(() if self.notations else ("notations",)))
        judged = {name: value for name, value in asdict(self).items() if name not in left_out}
        rule = self.rule
        return {
            "id": rule.id,
            "sentence": rule.sentence,
            "severity": rule.severity,
            "owner": rule.owner,
            "scope": rule.scope,
            "outcome": self.consequence,
            **judged,
        }


def judge_result(rule: Rule, result: RuleResult, evidence: Evidence) -> Outcome:
    """Outcome of a rule by the verdict of Great Expectations."""
    names = ("element_count", "missing_count", "unexpected_count")
    figures = [result.figures.get(name) for name in names]
    checked, missing, broken = (None if figure is None else int(figure) for figure in figures)
    consequence, remark = _consequence(rule, result.is_met, evidence)
    return Outcome(rule, result.is_met, consequence, checked, missing, broken, remark)


def judge_count(rule: Rule, count: RuleCount, evidence: Evidence) -> Outcome:
    """Outcome of one of our own row rules by its count."""
    is_met = not count.broken
    consequence, remark = _consequence(rule, is_met, evidence)
    if count.notations:
        remark = " ".join(describe_notations({rule.columns[0]: count.notations}))
    return Outcome(rule, is_met, consequence, count.checked, count.missing, count.broken, remark, count.notations)


def _consequence(
    rule: Rule,
    is_met: bool | None,
    evidence: Evidence,
) -> tuple[Consequence, str | None]:
    """Consequence of a verdict, and a remark on it; None if there is nothing to remark."""
    if is_met is None:
        if not evidence.decided:
            return "not judged", "No row is left to be judged."
        return "not judged", "Too few days before this one are published to compare with."
    if is_met:
        return "met", None
    remark = _too_little(rule, evidence)
    severity = _LESS[rule.severity] if remark else rule.severity
    stopped: Consequence = "day stopped" if rule.scope == "table" else "rows quarantined"
    broken: dict[Severity, Consequence] = {"critical": stopped, "warning": "warned", "info": "noted"}
    return broken[severity], remark


def _too_little(rule: Rule, evidence: Evidence) -> str | None:
    """Reason why the rule counts one severity less: too few rows or too few days before.

    None if it counts in full.
    """
    if evidence.rows < rule.from_rows:
        rows = counted(evidence.rows, "row")
        return f"It counts for less: the day has {rows}, of {rule.from_rows:,} needed."
    if len(evidence.recent) < rule.from_days:
        days = counted(len(evidence.recent), "published day")
        return f"It counts for less: it is compared with {days} before this one, of {rule.from_days:,} needed."
    return None


def refusal(
    outcomes: Sequence[Outcome],
    evidence: Evidence,
    *,
    quarantined: int,
    budget: Budget,
    by_rule: Mapping[str, int],
) -> str | None:
    """Reasons why the day is not published, in sentences; None if it may be published.

    The causes that are known, notations that are not read, come before their consequences.

    Args:
        outcomes: those of every rule.
        evidence: the facts that they were judged by.
        quarantined: number of rows that would be set aside.
        budget: number of rows that may be set aside.
        by_rule: rule to the number of quarantined rows that break it, most broken first.
    """
    is_broken_feed = not evidence.decided or is_over_budget(quarantined, evidence.rows, budget)
    sentences = []
    if is_broken_feed:
        notations = {outcome.rule.columns[0]: outcome.notations for outcome in outcomes if outcome.notations}
        sentences += describe_notations(notations)[:_NAMED_NOTATIONS]
        sentences.append(_over_budget(quarantined, evidence.rows, budget, by_rule))
    broken = [outcome.rule.sentence for outcome in outcomes if outcome.consequence == "day stopped"]
    if broken:
        sentences += ["They break the contract:", *broken]
    return " ".join(sentences) or None


def _over_budget(
    quarantined: int,
    rows: int,
    budget: Budget,
    by_rule: Mapping[str, int],
) -> str:
    return (
        f"{quarantined} of {rows} rows would be set aside ({quarantined / rows:.1%}); "
        f"the budget is {budget.max_rows} rows or {budget.max_share:.1%}, whichever is more, "
        "and at least one row must remain. "
        f"Most broken: {most_broken(by_rule)}. The feed needs mending; then run the day again."
    )


def most_broken(by_rule: Mapping[str, int]) -> str:
    """The rules that are broken most, for a message.

    >>> most_broken({"a": 7, "b": 2})
    'a 7, b 2'
    """
    return ", ".join(f"{rule} {count}" for rule, count in list(by_rule.items())[:_NAMED_RULES])
