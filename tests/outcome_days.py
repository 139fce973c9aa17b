"""Published days and deliveries of outcomes, laid by hand without a model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from configs.settings import Outcomes, Settings, Storage
from tasks.adapters.files.parquet import write_parquet
from tasks.core.day.manifest import Manifest
from tasks.core.decision.policy import resolve_policy
from tasks.core.model.bundle import ModelPin
from tasks.core.outcomes.backtest import OutcomeDay
from tasks.outcomes.take_in import TakenIn, take_in_outcomes
from tasks.publication.data_files import store_data
from tasks.publication.layout import day_prefix
from tasks.publication.manifests import commit
from tasks.store import Store
from tests.manifests import made_manifest, stored_audit

HEAD: Final = "SK_ID_CURR,TARGET,OUTCOME_DATE"
MODEL: Final = ModelPin("credit-default", "1", "d")
COSTS: Final = {"false_negative": 10.0, "false_positive": 1.0}
POLICY: Final = resolve_policy("1", 0.1, refer_from=None, bands=[("A", 0.5), ("B", 1.0), ("C", None)])


def settings_in(folder: Path, *, maturity_days: int = 30) -> Settings:
    """Settings of a store in this folder."""
    return Settings(storage=Storage(root=str(folder / "store")), outcomes=Outcomes(maturity_days=maturity_days))


def publish_day(store: Store, as_of: date, ids: Sequence[int], pd: Sequence[float], **changes: Any) -> Manifest:
    """Publish decisions on these ids; refused from a pd of 0.1 on."""
    table = pa.table({"application_id": pa.array(ids, pa.int64()), "pd": pa.array(pd, pa.float64())})
    revision = changes.get("revision", 1)
    data = write_parquet(table, {"revision": str(revision)})
    decisions = store_data(store, day_prefix("revisions", as_of), "decisions", data, rows=table.num_rows)
    audited = stored_audit(store, decisions=decisions)
    told = {"as_of": as_of, "fingerprint": f"{as_of} {revision}", **changes}
    return commit(store, made_manifest(audited, **told))


def deliver(settings: Settings, folder: Path, *rows: tuple[int, int, str], name: str = "o.csv") -> TakenIn:
    """Take a file of outcomes in."""
    path = folder / name
    path.write_text("\n".join([HEAD, *(",".join(map(str, row)) for row in rows), ""]))
    return take_in_outcomes([str(path)], settings)[0]


def simulated_day(
    as_of: date, rows: int, random: np.random.Generator, *, shift: float = 0.0, **changes: Any
) -> OutcomeDay:
    """A day whose outcomes follow its pd; their log-odds are `shift` higher than pd says."""
    pd = 1 / (1 + np.exp(2.6 - random.normal(size=rows)))
    odds = pd / (1 - pd) * np.exp(shift)
    defaulted = random.random(rows) < odds / (1 + odds)
    kept = np.flatnonzero(pd < POLICY.cutoff)
    fields = {"model": MODEL, "policy": POLICY, **changes}
    return OutcomeDay(as_of, 1, "p", pd=pd, rows=kept, defaulted=defaulted[kept], **fields)
