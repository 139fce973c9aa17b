"""Decisions of a day: built, judged and written some rows at a time, so that a day of millions fits into memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.adapters.files.parquet import ROWS_PER_GROUP, ParquetBytes
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.rules import Rule
from tasks.core.day.control_totals import hash_total
from tasks.core.day.records import Pins, content_fingerprint, count_by_decision, count_by_reason
from tasks.core.decision.published_rows import SCHEMA, SCHEMA_VERSION, SCORED, build_decisions
from tasks.core.decision.reasons import REASONS

COMPARED: Final = (APPLICATION_ID, "decision", *REASONS)
"""Columns by which two revisions are compared."""


class WrittenDecisions(NamedTuple):
    """File of a day's decisions, not stored yet, and what there is to say of its rows."""

    data: bytes
    rows: int
    content: str
    """Fingerprint of the content (`core.day.records.content_fingerprint`)."""
    by_decision: Mapping[str, int]
    by_reason: Mapping[str, int]
    hash_total: int
    """Control total of the ids, as they are written."""
    broken: tuple[Rule, ...]
    """Rules of their own contract that they break."""
    compared: pa.Table | None
    """Columns `COMPARED`; None if they are not asked for."""


def sort_scored(decided: pa.Table) -> pa.Table:
    """Columns `SCORED` of decided rows, sorted by application_id."""
    order = np.argsort(decided.column(APPLICATION_ID).to_numpy(), kind="stable")
    return decided.select(SCORED).combine_chunks().take(pa.array(order))


def write_decisions(scored: pa.Table, pins: Pins, *, revision: int, suite: str, is_compared: bool) -> WrittenDecisions:
    """Write the decisions of a day as parquet.

    Args:
        scored: the decided rows, as `sort_scored` gives them.
        pins: what they were decided with.
        revision: number of the revision.
        suite: text of the contract that decisions keep.
        is_compared: True if the columns `COMPARED` are wanted.
    """
    from tasks.adapters.gx import validate_decisions

    content = content_fingerprint(scored, pins)
    footer = {"schema_version": SCHEMA_VERSION, "revision": str(revision), "content_fingerprint": content}
    written = ParquetBytes(SCHEMA, footer)
    by_decision: Counter[str] = Counter()
    by_reason: Counter[str] = Counter()
    ids = 0
    compared: list[pa.Table] = []

    def built() -> Iterator[pa.Table]:
        nonlocal ids
        for start in range(0, max(scored.num_rows, 1), ROWS_PER_GROUP):
            group = build_decisions(
                scored.slice(start, ROWS_PER_GROUP),
                as_of=pins.as_of,
                policy=pins.policy,
                model_name=pins.model.name,
                model_version=pins.model.version,
                contract_version=pins.contract_version,
            )
            written.write(group)
            by_decision.update(count_by_decision(group.column("decision")))
            by_reason.update(count_by_reason(group.column(REASONS[0]), pins.reasons))
            ids += hash_total(group.column(APPLICATION_ID))
            if is_compared:
                compared.append(group.select(COMPARED))
            yield group

    broken = validate_decisions(built(), suite)
    return WrittenDecisions(
        written.finish(),
        scored.num_rows,
        content,
        dict(by_decision),
        dict(by_reason),
        ids,
        broken,
        pa.concat_tables(compared) if is_compared else None,
    )
