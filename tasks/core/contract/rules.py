"""The contract in our own words: rules, their verdicts, and the rows that must be set aside.

Nothing here knows Great Expectations. `tasks/adapters/gx.py` evaluates the rules and returns these
types.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.core.lender.columns import COLUMNS
from tasks.core.notations import add_notations
from tasks.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd  # takes most of a second, and only Arrow makes frames here

Severity = Literal["critical", "warning", "info"]
Scope = Literal["row", "table"]

RECENT_FACTS: Final = (
    "recent_rows_min", "recent_rows_median", "recent_rows_max",
    "weekday_rows_min", "weekday_rows_median", "weekday_rows_max",
    "recent_ids_max",
)  # fmt: skip
"""Figures of the published days before that a rule may compare with.

Least, median and greatest number of rows decided, over all those days or over those of the day's
own weekday; and the most applications of this day that were decided on any one of them, too."""


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
    """A day with fewer delivered rows makes the rule count one severity less."""
    from_days: int = 0
    """A day with fewer published days before it makes the rule count one severity less."""


@dataclass(frozen=True, slots=True)
class RuleCount:
    """Counts of a row rule over some rows. Counts of disjoint row sets can be added."""

    checked: int = 0
    """Rows in the rule's domain."""
    missing: int = 0
    """Rows of the domain that are not judged, because a value is missing."""
    broken: int = 0
    """Judged rows that break the rule."""
    notations: Mapping[str, int] = field(default_factory=dict)
    """Notation to the number of values that do not parse (`core.notations`); of parsing rules alone."""

    def __add__(self, other: RuleCount) -> RuleCount:
        return RuleCount(
            self.checked + other.checked,
            self.missing + other.missing,
            self.broken + other.broken,
            add_notations(self.notations, other.notations) if other.notations else self.notations,
        )


class RuleVerdict(NamedTuple):
    """Verdict of one row rule on one chunk."""

    broken: np.ndarray
    """Ascending positions, within the chunk, of the rows that break the rule."""
    counts: RuleCount


class Verdicts(NamedTuple):
    """Verdicts of the row rules on one chunk."""

    broken: Mapping[str, np.ndarray]
    """Rule id to the ascending positions, within the chunk, of the rows that break it.

    A rule that no row breaks is absent.
    """
    counts: Mapping[str, RuleCount]
    """Rule id to its counts; every row rule is present."""


class RuleResult(NamedTuple):
    """Verdict of Great Expectations on one rule over all rows, without any applicant's value."""

    rule_id: str
    is_met: bool | None
    """None if the rule was not judged, because a figure that it compares with is not known."""
    figures: Mapping[str, float | int | None]
    """Counts and percentages by Great Expectations' own names; a percentage of no rows is None."""


class BrokenRows(NamedTuple):
    """Rows of a chunk that are set aside, each with the rules that it breaks."""

    mask: np.ndarray
    """True for each row of the chunk that is set aside."""
    broken_rules: list[str]
    """Ids of every critical rule that such a row breaks, in suite order, joined by `;`.

    One text for each row that is set aside, in row order.
    """


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of the quarantined rows of a day.

    A day is over budget only if it is above both limits, so that small days work.
    """

    max_rows: int
    max_share: float
    """Of the rows delivered, in [0, 1]."""


def typed_frame(rows: pa.Table) -> pd.DataFrame:
    """Typed rows as the frame on which rules are judged.

    Text comes as categories, which halves the cost of judging it.
    """
    encoded = [
        column.dictionary_encode() if pa.types.is_string(column.type) else column for column in rows.itercolumns()
    ]
    frame: pd.DataFrame = pa.table(encoded, names=rows.column_names).to_pandas(split_blocks=True)
    return frame


def suite_identity(text: str) -> tuple[str, str]:
    """Version and SHA-256 digest of a suite's JSON text; layout and order of keys do not count.

    Raises:
        ConfigError: the text is not JSON, or has no version.
    """
    try:
        suite = json.loads(text)
        version = str(suite["meta"]["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"The contract is not a suite with a meta.version: {error!r}.") from None
    canonical = json.dumps(suite, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return version, hashlib.sha256(canonical.encode()).hexdigest()


def critical_positions(rules: Sequence[Rule], verdicts: Verdicts) -> np.ndarray:
    """Ascending positions of the rows that break a critical row rule.

    Such a rule is one of `rules` or of `parsing_rules`.
    """
    broken = [verdicts.broken[rule_id] for rule_id in _critical_ids(rules) if rule_id in verdicts.broken]
    return np.unique(np.concatenate(broken)) if broken else np.empty(0, dtype=np.int64)


def broken_rules_by_row(rules: Sequence[Rule], verdicts: Verdicts, n_rows: int) -> BrokenRows:
    """Rows to set aside, each with every critical rule that it breaks.

    The rules of `parsing_rules` always count, before those of the suite. Warnings set nothing aside
    and are left out.
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
    """Counts over all rows, from the counts of disjoint row sets in any order."""
    total: dict[str, RuleCount] = {}
    for part in parts:
        for rule_id, count in part.items():
            total[rule_id] = total.get(rule_id, RuleCount()) + count
    return total


_PARSED: Final = {"id": "whole number without an exponent", "integer": "whole number", "real": "number"}
"""Words for a value that parses, by the kind of its column."""


@cache
def parsing_rules() -> tuple[Rule, ...]:
    """Critical row rules on types, one for each column that is not text: its values must parse."""
    return tuple(
        Rule(
            id=_parsing_id(column.name),
            sentence=f"{column.name} holds a {_PARSED[column.kind]}.",
            severity="critical",
            owner="data owner",
            scope="row",
            columns=(column.name,),
        )
        for column in COLUMNS
        if column.kind != "text"
    )


def with_unparsable(
    verdicts: Verdicts,
    unparsable: Mapping[str, np.ndarray],
    n_rows: int,
    notations: Mapping[str, Mapping[str, int]] | None = None,
) -> Verdicts:
    """Add the verdicts of `parsing_rules` to others.

    Args:
        verdicts: those of the suite's row rules.
        unparsable: column to the positions of the values that did not parse.
        n_rows: number of rows in the chunk.
        notations: column to the number of those values by notation, if they were counted.
    """
    known = notations or {}
    broken = {_parsing_id(name): positions for name, positions in unparsable.items() if len(positions)}
    counts = {
        rule.id: RuleCount(n_rows, 0, len(broken.get(rule.id, ())), known.get(rule.columns[0], {}))
        for rule in parsing_rules()
    }
    return Verdicts({**broken, **verdicts.broken}, {**counts, **verdicts.counts})


def _critical_ids(rules: Sequence[Rule]) -> list[str]:
    """Ids of the rules that set rows aside, each once: parsing rules, then `rules` in order."""
    critical = [rule.id for rule in rules if rule.severity == "critical" and rule.scope == "row"]
    return list(dict.fromkeys([*(rule.id for rule in parsing_rules()), *critical]))


def _parsing_id(column: str) -> str:
    return f"{column}_parses"
