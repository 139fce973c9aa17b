"""The contract in our own words: rules, what checking them found, and which rows have to be set aside.

Nothing here knows Great Expectations; `tasks/adapters/gx.py` evaluates the rules and speaks in these types.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.core.lender.columns import COLUMNS
from tasks.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd  # takes most of a second, and only Arrow makes frames here

Severity = Literal["critical", "warning", "info"]
Scope = Literal["row", "table"]

RECENT_FACTS: Final = (
    "recent_rows_min", "recent_rows_median", "recent_rows_max",
    "weekday_rows_min", "weekday_rows_median", "weekday_rows_max",
)  # fmt: skip
"""What a rule may ask of the published days before: figures of the rows decided on each, or on each of its weekday."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation of the contract."""

    id: str
    sentence: str
    severity: Severity
    owner: str
    scope: Scope
    columns: tuple[str, ...]
    from_rows: int = 0
    """On a day with fewer rows delivered, the rule counts one severity less."""
    from_days: int = 0
    """With fewer published days to compare with, the rule counts one severity less."""


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How a row rule went over some rows; counts of disjoint row sets add up."""

    checked: int = 0
    """Rows in the rule's domain."""
    missing: int = 0
    """Of those, rows it does not judge because a value is missing."""
    broken: int = 0
    """Of the judged ones, rows that break it."""

    def __add__(self, other: RuleCount) -> RuleCount:
        return RuleCount(self.checked + other.checked, self.missing + other.missing, self.broken + other.broken)


class Verdicts(NamedTuple):
    """What the row rules say of one chunk."""

    broken: Mapping[str, np.ndarray]
    """Rule id to the ascending positions, within the chunk, of the rows that break it. Rules nobody broke: absent."""
    counts: Mapping[str, RuleCount]
    """Rule id to its counts; every row rule is present."""


class RuleResult(NamedTuple):
    """What Great Expectations says of one rule over all rows; no applicant's value is in it."""

    rule_id: str
    is_met: bool | None
    """None: not judged, because what it compares with is not known."""
    figures: Mapping[str, float | int | None]
    """Counts and percentages under Great Expectations' own names; a percentage of no rows is None."""


class BrokenRows(NamedTuple):
    """Which rows of a chunk are set aside, and why."""

    mask: np.ndarray
    """True for each row of the chunk that is set aside."""
    broken_rules: list[str]
    """For each such row, in row order, the ids of every critical rule it breaks, in suite order, joined by `;`."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many quarantined rows a day may have: it is over budget only above both limits, so that small days work."""

    max_rows: int
    max_share: float
    """Of the rows delivered, in [0, 1]."""


def typed_frame(rows: pa.Table) -> pd.DataFrame:
    """Typed rows as the frame that rules are judged on; text as categories, which halves the cost of judging it."""
    encoded = [
        column.dictionary_encode() if pa.types.is_string(column.type) else column for column in rows.itercolumns()
    ]
    frame: pd.DataFrame = pa.table(encoded, names=rows.column_names).to_pandas(split_blocks=True)
    return frame


def suite_identity(text: str) -> tuple[str, str]:
    """Version and SHA-256 digest of a suite's JSON text; layout and order of keys do not count.

    Raises:
        ConfigError: it is no JSON, or carries no version.
    """
    try:
        suite = json.loads(text)
        version = str(suite["meta"]["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"The contract is no suite with a meta.version: {error!r}.") from None
    canonical = json.dumps(suite, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return version, hashlib.sha256(canonical.encode()).hexdigest()


def critical_positions(rules: Sequence[Rule], verdicts: Verdicts) -> np.ndarray:
    """The ascending positions of the rows that break a critical row rule of `rules` or of `parsing_rules`."""
    broken = [verdicts.broken[rule_id] for rule_id in _critical_ids(rules) if rule_id in verdicts.broken]
    return np.unique(np.concatenate(broken)) if broken else np.empty(0, dtype=np.int64)


def broken_rules_by_row(rules: Sequence[Rule], verdicts: Verdicts, n_rows: int) -> BrokenRows:
    """The rows to set aside with every critical rule they break; warnings set nothing aside and are left out.

    The rules of `parsing_rules` always count, before those of the suite.
    """
    mask = np.zeros(n_rows, dtype=bool)
    mask[critical_positions(rules, verdicts)] = True
    place = np.cumsum(mask) - 1
    broken_rules: list[list[str]] = [[] for _ in range(int(mask.sum()))]
    for rule_id in _critical_ids(rules):
        if rule_id in verdicts.broken:
            for row in place[verdicts.broken[rule_id]]:
                broken_rules[row].append(rule_id)
    return BrokenRows(mask, [";".join(ids) for ids in broken_rules])


def is_over_budget(quarantined: int, rows: int, budget: Budget) -> bool:
    """True if the feed is broken rather than dirty.

    >>> is_over_budget(3, 10, Budget(max_rows=20, max_share=0.05))
    False
    >>> is_over_budget(21, 100, Budget(max_rows=20, max_share=0.05))
    True
    """
    # Divided, since 0.29 * 100 is less than 29, and 29 / 100 is 0.29.
    return quarantined > budget.max_rows and quarantined / max(rows, 1) > budget.max_share


def merge_counts(*parts: Mapping[str, RuleCount]) -> dict[str, RuleCount]:
    """The counts over all rows, from the counts of disjoint row sets in any order."""
    total: dict[str, RuleCount] = {}
    for part in parts:
        for rule_id, count in part.items():
            total[rule_id] = total.get(rule_id, RuleCount()) + count
    return total


@cache
def parsing_rules() -> tuple[Rule, ...]:
    """One critical row rule for each column that is no text: what was delivered is a value of its type."""
    return tuple(
        Rule(
            id=_parsing_id(column.name),
            sentence=f"{column.name} holds a {'number' if column.kind == 'real' else 'whole number'}.",
            severity="critical",
            owner="data owner",
            scope="row",
            columns=(column.name,),
        )
        for column in COLUMNS
        if column.kind != "text"
    )


def with_unparsable(verdicts: Verdicts, unparsable: Mapping[str, np.ndarray], n_rows: int) -> Verdicts:
    """The verdicts with those of `parsing_rules` added, from the positions of what would not parse in each column."""
    broken = {_parsing_id(name): positions for name, positions in unparsable.items() if len(positions)}
    counts = {
        rule.id: RuleCount(checked=n_rows, missing=0, broken=len(broken.get(rule.id, ()))) for rule in parsing_rules()
    }
    return Verdicts({**broken, **verdicts.broken}, {**counts, **verdicts.counts})


def _critical_ids(rules: Sequence[Rule]) -> list[str]:
    """Ids of the rules that set rows aside, each once: what does not parse first, then in the order given."""
    critical = [rule.id for rule in rules if rule.severity == "critical" and rule.scope == "row"]
    return list(dict.fromkeys([*(rule.id for rule in parsing_rules()), *critical]))


def _parsing_id(column: str) -> str:
    return f"{column}_parses"
