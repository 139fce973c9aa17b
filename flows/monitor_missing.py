"""Catch up: judge the published days whose monitoring is missing."""

from __future__ import annotations

from prefect import flow

from flows.monitor_decisions import monitor_decisions
from tasks.errors import ScoringError
from tasks.monitoring.missing import days_to_monitor
from tasks.monitoring.report import MonitoringResult
from tasks.running.context import is_in_flow_run, run_logger, settings_of_run
from tasks.running.step import FLOW_OPTIONS


@flow(name="monitor-missing-days", flow_run_name="monitor-missing-days", **FLOW_OPTIONS)
def monitor_missing_days(
    config: str | None = None,
    last: int = 14,
    grace_minutes: int = 0,
) -> tuple[MonitoringResult, ...]:
    """Judge the published days that have no verdict on their newest revision, oldest first.

    A day that cannot be judged holds up no other one.

    Args:
        config: Settings file; by default configs/local.yaml.
        last: Number of the newest days with files that are looked at.
        grace_minutes: Minutes after a publication in which its day is left to the run that its event starts.
    """
    settings = settings_of_run(config)
    judge = monitor_decisions if is_in_flow_run() else monitor_decisions.fn
    days = days_to_monitor(settings, last=last, grace_minutes=grace_minutes)
    run_logger().info("Days to monitor: %s", ", ".join(map(str, days)) or "none")
    results, failures = [], []
    for day in days:
        try:
            results.append(judge(as_of=day, config=config))
        except ScoringError as error:
            run_logger().warning("%s could not be monitored: %s", day, error)
            failures.append((day, error))
    if failures:
        told = "; ".join(f"{day}: {error}" for day, error in failures)
        raise type(failures[0][1])(f"{len(failures)} of {len(days)} days could not be monitored. {told}")
    return tuple(results)
