"""What two revisions of a day say differently is counted once: as another decision, or as other reasons for one."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.decision.published_rows import build_changes, count_changed_reasons
from tasks.core.decision.reasons import REASONS


def table(rows: dict[int, tuple[str, ...]]) -> pa.Table:
    """Id to its decision and its reasons."""
    columns: dict[str, Any] = {"application_id": pa.array(list(rows), pa.int64())}
    for place, name in enumerate(("decision", *REASONS)):
        said = [(*row, None, None, None, None)[place] for row in rows.values()]
        columns[name] = pa.chunked_array([said[:1], said[1:]], pa.string())
    return pa.table(columns)


@pytest.mark.parametrize(
    ("new", "changed", "changed_reasons"),
    [
        ({1: ("approve",), 2: ("refuse", "R1", "R2")}, 0, 0),
        ({2: ("refuse", "R1", "R2"), 1: ("approve",)}, 0, 0),
        ({1: ("approve",), 2: ("refuse", "R2", "R1")}, 0, 1),
        ({1: ("approve",), 2: ("refuse", "R1", "R2", "R3")}, 0, 1),
        ({1: ("approve",), 2: ("refuse", "R1")}, 0, 1),
        ({1: ("approve",), 2: ("refuse",)}, 0, 1),
        ({1: ("approve", "R1"), 2: ("refuse", "R2", "R2")}, 0, 2),
        ({1: ("refuse", "R1"), 2: ("refuse", "R3", "R2")}, 1, 1),
        ({1: ("approve",), 2: ("refer", "R3")}, 1, 0),
        ({1: ("approve",)}, 1, 0),
        ({1: ("approve",), 2: ("refuse", "R1", "R2"), 3: ("refuse", "R1")}, 1, 0),
        ({}, 2, 0),
    ],
)
def test_an_application_has_another_decision_or_other_reasons_or_neither(
    new: dict[int, tuple[str, ...]], changed: int, changed_reasons: int
) -> None:
    old = {1: ("approve",), 2: ("refuse", "R1", "R2")}
    for one, other in ((old, new), (new, old)):
        assert build_changes(table(one), table(other)).num_rows == changed
        assert count_changed_reasons(table(one), table(other)) == changed_reasons


CODES = st.sampled_from([None, "R1", "R2"])
REVISIONS = st.dictionaries(
    st.integers(1, 6), st.tuples(st.sampled_from(["approve", "refuse"]), CODES, CODES, CODES, CODES), max_size=6
)


@given(REVISIONS, REVISIONS)
def test_changed_reasons_are_those_that_pandas_counts(
    old: dict[int, tuple[str, ...]], new: dict[int, tuple[str, ...]]
) -> None:
    before, after = (table(rows).to_pandas().set_index("application_id").fillna("") for rows in (old, new))
    both = pd.concat([before, after.add_suffix("_new")], axis=1, join="inner")
    alike = both[both["decision"] == both["decision_new"]]
    differs = [alike[name] != alike[f"{name}_new"] for name in REASONS]
    assert count_changed_reasons(table(old), table(new)) == pd.concat(differs, axis=1).any(axis=1).sum()
