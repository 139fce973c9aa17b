"""Decisions before and after a rehearsed day, counted from its changes."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.day.rehearsal import Rehearsal, count_moves
from tasks.core.day.standing import Standing
from tasks.core.decision.policy import DECISIONS
from tasks.core.decision.published_rows import build_changes
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest

KINDS = st.sampled_from([*DECISIONS, None])


@given(st.lists(st.tuples(KINDS, KINDS), max_size=60))
def test_every_application_is_in_one_cell(pairs: list[tuple[str | None, str | None]]) -> None:
    def table(side: int) -> pa.Table:
        rows = [(number, pair[side]) for number, pair in enumerate(pairs) if pair[side]]
        ids, decisions = ([row[place] for row in rows] for place in (0, 1))
        return pa.table({"application_id": pa.array(ids, pa.int64()), "decision": pa.array(decisions, pa.string())})

    before = {name: sum(old == name for old, _ in pairs) for name in DECISIONS}
    moves = count_moves(before, build_changes(table(0), table(1)))
    for old in (*DECISIONS, None):
        for new in (*DECISIONS, None):
            is_nobody = old is None and new is None  # of whom no revision knows
            expected = 0 if is_nobody else sum(pair == (old, new) for pair in pairs)
            assert moves[old or "none"][new or "none"] == expected


def test_rules_whose_rows_in_quarantine_change_are_told_with_the_difference() -> None:
    published = made_manifest(made_audit(by_rule={"one": 3, "two": 1, "same": 2}))
    drafted = made_manifest(made_audit(by_rule={"one": 5, "same": 2, "new": 4}), revision=2)
    rehearsal = Rehearsal(Standing(DAY, published=published), drafted, {})
    assert rehearsal.more_quarantined == {"new": 4, "one": 2, "two": -1}
    assert Rehearsal(Standing(DAY), drafted, {}).more_quarantined == {"new": 4, "one": 5, "same": 2}
