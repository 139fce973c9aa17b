"""Result of a rehearsal: what a run would publish of a day, and how it would differ from what is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from tasks.core.day.manifest import Manifest
from tasks.core.day.standing import Standing
from tasks.core.decision.migration import UNDECIDED
from tasks.core.decision.policy import DECISIONS


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A day as a run would decide it now."""

    standing: Standing
    """The day as it is."""
    drafted: Manifest | None
    """Manifest that a run would commit; its data files are not stored. None if a run would do nothing."""
    moves: Mapping[str, Mapping[str, int]]
    """Decision before to decision after to applications, `none` for an application without one.
    Empty if the day was never published, or a run would do nothing."""

    @property
    def more_quarantined(self) -> dict[str, int]:
        """Rule to the change of the quarantined rows that break it; rules without a change left out."""
        before = self.standing.decided.audited.by_rule if self.standing.decided else {}
        after = self.drafted.audited.by_rule if self.drafted else {}
        changes = {rule: after.get(rule, 0) - before.get(rule, 0) for rule in sorted({*before, *after})}
        return {rule: change for rule, change in changes.items() if change}


def count_moves(before: Mapping[str, int], changes: pa.Table) -> dict[str, dict[str, int]]:
    """Applications by decision before and after, zeros included; `none` stands for no decision.

    Args:
        before: decision to its number of applications in the published revision.
        changes: rows of `CHANGES`.

    >>> from tasks.core.decision.published_rows import CHANGES
    >>> changes = pa.table([[1, 2], ["approve", None], ["refuse", "refer"]], schema=CHANGES)
    >>> count_moves({"approve": 5, "refer": 0, "refuse": 2}, changes)["approve"]
    {'approve': 4, 'refer': 0, 'refuse': 1, 'none': 0}
    """
    names = (*DECISIONS, UNDECIDED)
    moves = {name: dict.fromkeys(names, 0) for name in names}
    keys = ["old_decision", "new_decision"]
    for row in changes.group_by(keys).aggregate([("application_id", "count")]).to_pylist():
        old, new = (row[key] or UNDECIDED for key in keys)
        moves[old][new] = row["application_id_count"]
    for name in DECISIONS:
        moves[name][name] = before.get(name, 0) - sum(moves[name].values())
    return moves
