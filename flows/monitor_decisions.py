"""Compare a published day with the reference of the model that decided it."""

from __future__ import annotations

from datetime import date

from prefect import flow

from configs.settings import load_settings
from tasks.monitoring.report import MonitoringResult, compare_with_reference, published_day
from tasks.running.step import FLOW_OPTIONS, business_day, run_name


@flow(name="monitor-decisions", flow_run_name=run_name("monitor"), **FLOW_OPTIONS)
def monitor_decisions(as_of: date | None = None, config: str | None = None) -> MonitoringResult:
    """Write the drift and data quality reports of a published day.

    The flow runs on its own, so it never holds back a decision.

    Args:
        as_of: Business day, YYYY-MM-DD; by default the day for which the run was scheduled.
        config: Settings file; by default configs/local.yaml.
    """
    settings = load_settings(config)
    published = published_day(business_day(as_of, settings), settings)
    return compare_with_reference(published, settings)
