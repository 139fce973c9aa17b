"""Compare a published day with the reference of the model that decided it."""

from __future__ import annotations

from datetime import date

from prefect import flow

from tasks.monitoring.report import MonitoringResult, compare_with_reference, published_day
from tasks.running.context import settings_of_run
from tasks.running.step import FLOW_OPTIONS, business_day, run_name


@flow(name="monitor-decisions", flow_run_name=run_name("monitor"), **FLOW_OPTIONS)
def monitor_decisions(
    as_of: date | None = None,
    config: str | None = None,
    publication: str | None = None,
    decisions: str | None = None,
) -> MonitoringResult:
    """Write the drift and data quality reports of a published day.

    The flow runs on its own, so it never holds back a decision.

    Args:
        as_of: Business day, YYYY-MM-DD; by default the day for which the run was scheduled.
        config: Settings file; by default configs/local.yaml.
        publication: Publication that an event announces. The run refuses to compare the day if its
            own store does not hold it. Leave it empty to monitor a day by hand.
        decisions: Place of the announced decisions; named if they are not those of this store.
    """
    settings = settings_of_run(config)
    day = business_day(as_of, settings)
    published = published_day(day, settings, publication, decisions)
    return compare_with_reference(published, settings)
