"""A small store with a day of each kind, laid by hand without a model, for tests of the dashboard."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np

from tasks.adapters.files.parquet import write_parquet
from tasks.core.day.records import Audited, DataFile, FileTotals
from tasks.core.model.bundle import ModelPin
from tasks.core.monitoring.day_metrics import day_metrics
from tasks.core.monitoring.metrics import Metric, metrics_table
from tasks.core.monitoring.verdict import DayVerdict, judge
from tasks.publication.layout import manifest_key, metrics_key, refused_report_key, report_key, verdict_key
from tasks.publication.manifests import commit
from tasks.store import Store
from tests.conftest import DAY
from tests.contract_reports import contract_report, reported
from tests.manifests import made_audit, made_manifest
from tests.monitored_days import SHIPPED, day_beside

ROWS = 2000
OK, WATCHED, ALERTED, SMALL, UNMONITORED, REFUSED, REVISED, STALE, DAMAGED = (DAY + timedelta(n) for n in range(9))
STANDINGS = {
    OK: "ok", WATCHED: "watch", ALERTED: "alert", SMALL: "insufficient", UNMONITORED: "not monitored",
    REFUSED: "refused", REVISED: "ok", STALE: "older revision", DAMAGED: "damaged",
}  # fmt: skip
"""Day of the store to the standing that it has."""
_SCORES = np.random.default_rng(2).beta(3, 2, ROWS)
_SOME_LOST, _MANY_LOST = (np.where(np.arange(ROWS) < lost, np.nan, _SCORES) for lost in (520, 700))
"""A score that is missing in 26 % and in 35 % of the rows, instead of in 20 %."""


def audit_of(rows: int, by_rule: Mapping[str, int] | None = None, **changes: Any) -> Audited:
    """Audit of a day: a tenth is refused, and rows that break a rule lie in quarantine."""
    set_aside = max((by_rule or {}).values(), default=0)
    decided = rows - set_aside
    refused = decided // 10
    files = {"a.csv": FileTotals(rows, decided, set_aside, 0)}
    by_decision = {"approve": decided - refused, "refer": 0, "refuse": refused}
    return made_audit(files=files, by_decision=by_decision, by_rule=by_rule or {}, **changes)


def publish_day(store: Store, as_of: date, *, rows: int = ROWS, version: str = "1", **changes: Any) -> None:
    """Commit a revision of a day, and its contract report."""
    audited = changes.pop("audited", audit_of(rows))
    manifest = made_manifest(audited, as_of=as_of, model=ModelPin("credit-default", version, "d"), **changes)
    commit(store, manifest)
    if manifest.revision == 1:
        report = contract_report(reported("a"), reported("late_file", "warned"), day=str(as_of))
        store.create(report_key(as_of), json.dumps(report).encode())


def monitor_day(
    store: Store, as_of: date, *, rows: int = ROWS, revision: int = 1, version: str = "1", **columns: Any
) -> DayVerdict:
    """Judge rows of nobody, and lay verdict and figures as monitoring does."""
    compared = day_beside(rows, seed=3, **columns)
    verdict = judge(compared, SHIPPED)
    cost = Metric("expected_cost_per_application", 0.5, rows, low=0.4, high=0.6)
    figures = [*day_metrics(compared, verdict), Metric("approval_rate", 0.9, rows, low=0.88, high=0.92), cost]
    table = metrics_table(figures, as_of=as_of, revision=revision, model_version=version)
    store.create(metrics_key(as_of), write_parquet(table))
    content = {"as_of": str(as_of), "revision": revision, **verdict.to_json(), "expected": {}, "quality": ["late"]}
    store.create(verdict_key(as_of), json.dumps(content).encode())
    return verdict


def lay_days(store: Store) -> None:
    """Lay the days of `STANDINGS`."""
    publish_day(store, OK)
    monitor_day(store, OK)
    publish_day(store, WATCHED, audited=audit_of(ROWS, {"amount_known": 30, "id_conflicting": 4}))
    monitor_day(store, WATCHED, EXT_SOURCE_2=_SOME_LOST)
    publish_day(store, ALERTED, version="2", audited=audit_of(ROWS, {"amount_known": 10}))
    monitor_day(store, ALERTED, version="2", EXT_SOURCE_2=_MANY_LOST)
    publish_day(store, SMALL, rows=300)
    monitor_day(store, SMALL, rows=300)
    publish_day(store, UNMONITORED)
    refused = contract_report(reported("a", "day stopped"), refused="The feed *broke*.", day=str(REFUSED))
    store.create(refused_report_key(REFUSED), json.dumps(refused).encode())
    publish_day(store, REVISED)
    changes = DataFile("changes", "c", 1, 7)
    publish_day(
        store,
        REVISED,
        revision=2,
        fingerprint="f2",
        reason="a :red[late] file",
        audited=audit_of(ROWS, changes=changes),
    )
    monitor_day(store, REVISED, revision=2)
    publish_day(store, STALE)
    monitor_day(store, STALE)
    publish_day(store, STALE, revision=2, fingerprint="f2", reason="corrected")
    publish_day(store, DAMAGED)
    key = manifest_key(DAMAGED, 1)
    store.replace(key, b"{}", tag=store.read(key).tag)
