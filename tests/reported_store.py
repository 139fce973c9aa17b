"""A month of days in a store, laid by hand without a model, for tests of the pages that report them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from tasks.adapters.files.parquet import write_parquet
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import DataFile, FileTotals
from tasks.core.monitoring.metrics import DRIFT_SIZE, Metric, metrics_table
from tasks.publication.layout import (
    announcement_key,
    decisions_key,
    landing_key,
    metrics_key,
    refused_page_key,
    refused_report_key,
    report_page_key,
    verdict_key,
)
from tasks.publication.manifests import commit
from tasks.store import Store
from tests import reported_days
from tests.contract_reports import contract_report
from tests.manifests import made_audit, made_manifest

FIRST: Final = date(2026, 11, 2)
REFUSED: Final = "More rows break the contract than the budget allows: 60 of 110."
FINDING: Final = reported_days.FINDING | {"column": "EXT_SOURCE_1", "sentence": "12.0% of EXT_SOURCE_1 are missing."}
_SHOWN: Final = b"decisions"


def lay_day(store: Store, as_of: date, *, rows: int = 2000, revision: int = 1, **changes: Any) -> Manifest:
    """Publish a day, as far as its state needs it."""
    decisions = DataFile(f"revisions/day={as_of}/decisions-{revision:016x}.parquet", "0" * 64, len(_SHOWN), rows)
    audited = made_audit(
        decisions=decisions,
        files={"a.csv": FileTotals(rows, rows, 0, 0)},
        by_decision={"approve": rows * 3 // 4, "refer": 0, "refuse": rows - rows * 3 // 4},
    )
    manifest = made_manifest(audited, as_of=as_of, revision=revision, fingerprint=f"{as_of} {revision}", **changes)
    if revision == 1:
        store.create(landing_key(as_of) + "a.csv", b"")
        store.create(decisions_key(as_of), _SHOWN)
        store.create(report_page_key(as_of), b"")
    store.create(announcement_key(as_of, revision), b"")
    return commit(store, manifest)


def lay_verdict(store: Store, manifest: Manifest, verdict: str = "ok", *metrics: Metric) -> None:
    """Judge a published day: its first finding is `FINDING` on an alert, and a headline elsewhere."""
    content = {
        "verdict": verdict,
        "revision": manifest.revision,
        "headline": "No change found.",
        "findings": [FINDING] if verdict == "alert" else [],
    }
    figures = [
        Metric("mean_pd", 0.08, 2000, "pd"),
        Metric("expected_cost_per_application", 0.48, 2000, low=0.4, high=0.56),
        Metric("missing_share", 0.1, 2000, "EXT_SOURCE_1"),
        Metric(DRIFT_SIZE, 5.0 if verdict == "alert" else 0.0, 2000, "EXT_SOURCE_1"),
        *metrics,
    ]
    table = metrics_table(figures, as_of=manifest.as_of, revision=manifest.revision, model_version="1")
    store.create(verdict_key(manifest.as_of), json.dumps(content).encode())
    store.create(metrics_key(manifest.as_of), write_parquet(table, {}))


def lay_refused(store: Store, as_of: date) -> None:
    """Let the contract stop a day that was delivered."""
    store.create(landing_key(as_of) + "a.csv", b"")
    report = contract_report(day=str(as_of), refused=REFUSED, revision=None)
    store.create(refused_report_key(as_of), json.dumps(report).encode())
    store.create(refused_page_key(as_of), b"")


def lay_month(store: Store, days: Sequence[int] = range(30)) -> None:
    """Thirty days: one alert, one late, one short, one refused, one missing; weekends among them."""
    late = Metric("publication_hours", 11.0, 2000, low=5.0, high=7.0, level="watch")
    short = Metric("rows_received", 300.0, 300, low=1800.0, high=2200.0, level="watch")
    told: dict[int, tuple[str, list[Metric]]] = {15: ("alert", []), 3: ("ok", [late]), 17: ("ok", [short])}
    for n in days:
        as_of = FIRST + timedelta(days=n)
        if n == 8:
            lay_refused(store, as_of)
        elif n != 11:
            verdict, metrics = told.get(n, ("ok", []))
            lay_verdict(store, lay_day(store, as_of), verdict, *metrics)
