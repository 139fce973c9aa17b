"""Days made by hand, as the store knows them, for tests of their pages."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any, Final

from tasks.core.contract.report import read_contract_report
from tasks.core.monitoring.metrics import Metric
from tasks.core.reporting.advice import DayState
from tasks.core.reporting.day_page import DaySources
from tasks.core.reporting.verdict_record import VerdictRecord, read_verdict
from tests.contract_reports import contract_report, reported
from tests.manifests import made_audit, made_manifest

AS_OF: Final = date(2026, 11, 2)
FINDING: Final[dict[str, Any]] = {
    "column": "EXT_SOURCE_2",
    "what": "missing",
    "value": 0.3,
    "low": 0.18,
    "high": 0.22,
    "reference": 0.2,
    "level": "alert",
    "sentence": "30.0% of the values of EXT_SOURCE_2 are missing, instead of 20.0%.",
    "weight": 12.0,
    "of_alert": 2.5,
}
VERDICT: Final[dict[str, Any]] = {
    "verdict": "alert",
    "revision": 1,
    "headline": "1 finding on 1 column.",
    "advice": "Look at the columns named first.",
    "findings": [FINDING],
    "expected": {"expected_auc": {"sentence": "The AUC is expected to be 0.750."}, "caveat": "They trust the model."},
    "quality": ["Day: rows received 500; usual is 900 to 1,100."],
    "fairness": {"worth_a_look": ["Women are approved less often."], "limits": ["No legal finding."]},
}
METRICS: Final = (
    Metric("rows_received", 2000.0, 2000, low=900.0, high=1100.0, level="watch"),
    Metric("quarantined_share", 0.01, 2000),
    Metric("approval_rate", 0.7, 1980, low=0.68, high=0.72),
    Metric("expected_default_rate_of_approved", 0.05, 1386, low=0.04, high=0.06),
    Metric("publication_hours", 7.1, 2000, low=6.0, high=8.0),
    Metric("mean_credit", 612_345.6, 1386, slice="decision=approve"),
    Metric("band_share", 0.7, 1980, slice="band=A"),
    Metric("approval_rate", 0.72, 900, slice="gender=F"),
    Metric("approval_rate", 0.5, 1000, slice="gender=M"),
    Metric("adverse_impact_ratio", 0.694, 1000, slice="gender=M", low=0.62, high=0.77, level="watch"),
)
PUBLISHED: Final = DayState("published", (), "alert", is_published=True, is_refused=False)


def verdict_of(**changes: Any) -> VerdictRecord:
    """The verdict as monitoring writes it, read again."""
    verdict = read_verdict(json.dumps({**VERDICT, **changes}).encode())
    assert verdict
    return verdict


def state_of(**changes: Any) -> DayState:
    """State of a published day whose verdict is `alert`, with other facts."""
    return PUBLISHED._replace(**changes)


def day_sources(**changes: Any) -> DaySources:
    """A published day of which everything is known, and three monitored days before it."""
    before = {AS_OF - timedelta(days=back): (Metric("rows_received", 1000.0 + back, 1000),) for back in (3, 2, 1)}
    audited = made_audit(by_decision={"approve": 0, "refer": 0, "refuse": 1})
    known = {
        "as_of": AS_OF,
        "state": PUBLISHED,
        "revisions": (made_manifest(audited),),
        "report": read_contract_report(contract_report(reported("a", "rows quarantined"), reported("b", "warned"))),
        "refused": None,
        "verdict": verdict_of(),
        "metrics": METRICS,
        "before": before,
        "links": {"drift": "drift.html", "contract": "contract.html"},
    }
    return DaySources(**known | changes)
