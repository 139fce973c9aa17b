"""The contract in our own words: rules, what checking them found, and which rows have to be set aside.

Nothing here knows Great Expectations; `tasks/adapters/gx.py` evaluates the rules and speaks in these types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

Severity = Literal["critical", "warning", "info"]
Scope = Literal["row", "table"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation of the contract."""

    id: str
    sentence: str
    severity: Severity
    owner: str
    scope: Scope
    columns: tuple[str, ...]


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
    """Rule id to the ascending positions, within the chunk, of the rows that break it. Rules nobody broke are absent."""
    counts: Mapping[str, RuleCount]
    """Rule id to its counts; every row rule is present."""
