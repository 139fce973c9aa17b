"""Judge a published day against the reference of the model that decided it; or all days that nobody has judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Literal

from tasks.errors import ScoringError
from tasks.monitoring.announce import announce_verdict, verdict_line, verdict_lines
from tasks.monitoring.draw import draw_verdict
from tasks.monitoring.missing import days_to_monitor
from tasks.monitoring.report import MonitoringResult, judge_published, leave_withdrawn, published_window
from tasks.monitoring.today import published_day
from tasks.operations.metrics_file import metrics_written
from tasks.reporting.beside_run import show_beside_run
from tasks.reporting.days import renew_days_page
from tasks.reporting.renew import renew_day_page
from tasks.running.context import is_in_flow_run, run_logger, settings_of_run
from tasks.running.endings import ends_in_a_line
from tasks.running.flows import flow
from tasks.running.labels import label_run
from tasks.running.step import business_day, run_name


@flow(name="monitor-decisions", flow_run_name=run_name("monitor"))
@ends_in_a_line(verdict_line)
def monitor_decisions(
    as_of: date | None = None,
    config: str | None = None,
    publication: str | None = None,
    decisions: str | None = None,
    since: date | None = None,
    against: Literal["reference", "last-28"] = "reference",
) -> MonitoringResult:
    """Judge a published day: drift, quality, expected performance and fairness; and write its page.

    The flow runs on its own, so it never holds back a decision. A withdrawn day has no decisions to
    judge; the run ends well and says so.

    Args:
        as_of: Business day, YYYY-MM-DD; by default the day for which the run was scheduled.
        config: Settings file; by default configs/local.yaml.
        publication: Publication that an event announces. The run refuses to compare the day if its
            own store does not hold it. Leave it empty to monitor a day by hand.
        decisions: Place of the announced decisions; named if they are not those of this store.
        since: First day of a window that ends with `as_of` and is judged as one sample; empty for
            the day alone.
        against: Rows to compare with: those of training (`reference`), or those of the 28 published
            days before (`last-28`).
    """
    settings = settings_of_run(config)
    day = business_day(as_of, settings)
    label_run(tags=[f"{day}"])
    with metrics_written("monitor", day, settings):
        if since:
            published = published_window(since, day, settings)
        else:
            published = (published_day(day, settings, publication, decisions),)
        if published[-1].is_withdrawn:
            left = leave_withdrawn(published[-1], settings)
            renew_days_page(settings)  # and the pages of models, which named the day before
            return left
        judgement = judge_published(published, settings, against)
        announce_verdict(judgement.result, settings)
        draw_verdict(judgement, settings)
        if since or against != "reference":
            return judgement.result
        page = renew_day_page(day, settings)
        renew_days_page(settings)
        show_beside_run(day, settings)
        return replace(judgement.result, page=page)


@flow(name="monitor-missing-days", flow_run_name="monitor-missing-days")
@ends_in_a_line(verdict_lines)
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
