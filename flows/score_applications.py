"""Score the applications of one business day and publish the decisions."""

from __future__ import annotations

from datetime import date

from prefect import flow

from configs.settings import load_settings
from tasks.announce import announce
from tasks.arrive import arrive
from tasks.audit import audit
from tasks.core.day import is_empty
from tasks.core.manifest import DayResult
from tasks.orchestration import business_day, run_name
from tasks.pin import pin, require_unchanged, roll_forward
from tasks.publish import publish
from tasks.screen_score import screen_and_score


@flow(name="score-applications", flow_run_name=run_name("score"))
def score_applications(as_of: date | None = None, config: str | None = None) -> DayResult:
    """Score the applications that arrived for a business day and publish the decisions, whole or not at all.

    Needs the day's files under landing/day=D/ and a registered model with the alias of the settings.

    Args:
        as_of: Business day, YYYY-MM-DD; by default the day for which the run was scheduled.
        config: Settings file; by default configs/local.yaml.
    """
    settings = load_settings(config)
    day = business_day(as_of, settings)
    published = roll_forward(day, settings)
    delivery = arrive(day, settings, is_published=published is not None)
    if published:
        return DayResult("unchanged", delivery, require_unchanged(published, delivery))
    if not delivery.files:
        return DayResult("no applications", delivery, None)
    pins = pin(delivery, settings)
    parts = [screen_and_score(file, pins, settings) for file in delivery.files]
    if is_empty(delivery, parts):
        return DayResult("no applications", delivery, None)
    audited = audit(delivery, pins, parts, settings)
    manifest = publish(delivery, pins, audited, settings)
    announce(manifest, settings, config)
    return DayResult("published", delivery, manifest)
