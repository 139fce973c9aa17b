"""Published days in a store, laid by hand without a model, for tests of what monitoring reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa

from tasks.adapters.files.parquet import write_parquet
from tasks.core.applications import parse_rows
from tasks.core.day.manifest import Manifest
from tasks.core.decision.policy import DECISIONS
from tasks.core.decision.reasons import REASONS
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.files import encode
from tasks.core.lender.columns import ID
from tasks.core.monitoring.reference import Frozen, freeze_reference
from tasks.feed.generate import load_statistics
from tasks.publication.data_files import store_data
from tasks.publication.layout import day_prefix, landing_key
from tasks.publication.manifests import commit
from tasks.store import Store
from tests.conftest import DAY
from tests.histories import synthetic_history
from tests.manifests import made_manifest, stored_audit
from tests.monitored_days import LIMITS, pd_of

HISTORY: Final = synthetic_history(2000)
FROZEN_FEED: Final[Frozen] = freeze_reference(HISTORY.rows, pd_of(2000, seed=1))
"""Reference of all columns of the feed."""


def delivered_rows(rows: int, *, seed: int = 11, as_of: date = DAY) -> pa.Table:
    """Rows of nobody as they are delivered, all of them texts."""
    return synthesize_applications(load_statistics(), as_of=as_of, rows=rows, seed=seed)


def publish_files(store: Store, files: Mapping[str, pa.Table], *, as_of: date = DAY, **changes: Any) -> Manifest:
    """Lay files into a landing, and publish decisions on all applicants in them."""
    inputs = {}
    ids: list[int] = []
    for name, table in files.items():
        data = encode(table, "csv")
        store.create(landing_key(as_of) + name, data)
        inputs[name] = hashlib.sha256(data).hexdigest()
        ids += parse_rows(table).rows.column(ID).to_pylist()
    results = decided(sorted(set(ids)))
    decisions = store_data(
        store, day_prefix("revisions", as_of), "decisions", write_parquet(results), rows=results.num_rows
    )
    audited = stored_audit(store, decisions=decisions)
    return commit(store, made_manifest(audited, as_of=as_of, inputs=inputs, **changes))


def decided(ids: list[int]) -> pa.Table:
    """Published results of applicants by rising id: the pd follows from the id."""
    pd = np.concatenate([pd_of(1, seed=each) for each in ids]) if ids else np.zeros(0)
    decision = np.array(DECISIONS)[np.searchsorted(LIMITS, pd, side="right")]
    return pa.table(
        {
            "application_id": pa.array(ids, pa.int64()),
            "pd": pa.array(pd, pa.float64()),
            "decision": pa.array(decision.tolist(), pa.string()),
            **{reason: pa.nulls(len(ids), pa.string()) for reason in REASONS},
        }
    )
