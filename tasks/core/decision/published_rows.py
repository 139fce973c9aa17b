"""Published rows and their schema, which downstream reads.

The schema is a promise. It only grows; a change of meaning needs a new column.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.decision.policy import DECISIONS, Policy, decide
from tasks.core.decision.reasons import REASONS

SCHEMA_VERSION: Final = "1"
SCHEMA: Final = pa.schema(
    [
        ("application_id", pa.int64()),
        ("as_of", pa.date32()),
        ("pd", pa.float64()),
        ("decision", pa.string()),
        ("risk_band", pa.string()),
        ("cutoff", pa.float64()),
        *((reason, pa.string()) for reason in REASONS),
        ("model_name", pa.string()),
        ("model_version", pa.string()),
        ("policy_version", pa.string()),
        ("contract_version", pa.string()),
    ]
)

SCORED: Final = ("application_id", "pd", *REASONS)
"""Columns that a published row is made from, without those that are the same for all rows."""

CHANGES: Final = pa.schema(
    [("application_id", pa.int64()), ("old_decision", pa.string()), ("new_decision", pa.string())]
)


def build_decisions(
    scored: pa.Table,
    *,
    as_of: date,
    policy: Policy,
    model_name: str,
    model_version: str,
    contract_version: str,
) -> pa.Table:
    """Build the published rows, sorted by application_id.

    Nothing in a row depends on another row, the clock or the run.

    Args:
        scored: `application_id`, unique, in any order; `pd` in [0, 1]; and the columns `REASONS`, as
            text or as a dictionary of texts.
    """
    order = np.argsort(scored.column("application_id").to_numpy(), kind="stable")
    scored = scored.select(SCORED).combine_chunks().take(pa.array(order))
    constant = {
        "as_of": as_of,
        "cutoff": policy.cutoff,
        "model_name": model_name,
        "model_version": model_version,
        "policy_version": policy.version,
        "contract_version": contract_version,
    }
    columns: dict[str, pa.Array] = {
        **{name: scored.column(name).cast(SCHEMA.field(name).type) for name in SCORED},
        **decided_columns(scored.column("pd").to_numpy(), policy),
    }
    for name, value in constant.items():
        scalar = pa.scalar(value, SCHEMA.field(name).type)
        columns[name] = pa.repeat(scalar, len(order))
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def decided_columns(pd: np.ndarray, policy: Policy) -> dict[str, pa.Array]:
    """Columns `decision` and `risk_band` of each pd, by name."""
    decided = decide(pd, policy)
    return {
        "decision": _named(DECISIONS, decided.decision),
        "risk_band": _named([band.name for band in policy.bands], decided.band),
    }


def build_changes(old: pa.Table, new: pa.Table) -> pa.Table:
    """Build the rows of applications that two revisions decide differently, by application_id.

    A decision is null if that revision has none.

    Args:
        old, new: tables with `application_id`, unique, and `decision`.
    """
    columns = ["application_id", "decision"]
    joined = old.select(columns).join(
        new.select(columns),
        "application_id",
        join_type="full outer",
        left_suffix="_old",
        right_suffix="_new",
        coalesce_keys=True,
    )
    is_equal = pc.equal(joined.column("decision_old"), joined.column("decision_new"))
    is_same = pc.fill_null(is_equal, False)
    changed = joined.filter(pc.invert(is_same)).sort_by("application_id")
    return changed.rename_columns(CHANGES.names).cast(CHANGES).combine_chunks()


def count_changed_reasons(old: pa.Table, new: pa.Table) -> int:
    """Number of applications that two revisions decide alike, but with other reasons.

    The same reasons in another order count, too.

    Args:
        old, new: tables with `application_id`, unique, `decision` and the columns `REASONS`.
    """
    place = pc.index_in(new.column("application_id"), value_set=old.column("application_id"))
    compared = ["decision", *REASONS]
    before = old.select(compared).take(place.drop_null())
    after = new.select(compared).filter(pc.is_valid(place))
    differs = [_differs(before.column(name), after.column(name)) for name in REASONS]
    is_alike = pc.equal(before.column("decision"), after.column("decision"))
    is_changed = pc.and_(is_alike, functools.reduce(pc.or_, differs))
    return int(pc.sum(is_changed, min_count=0).as_py())


def _differs(before: pa.ChunkedArray, after: pa.ChunkedArray) -> pa.ChunkedArray:
    """True if a reason is another one than before; no reason counts as one of its own."""
    return pc.not_equal(pc.fill_null(before, ""), pc.fill_null(after, ""))


def _named(names: Sequence[str], index: np.ndarray) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(index))
