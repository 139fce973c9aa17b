"""Score the applications of one business day and publish the decisions."""

from __future__ import annotations

from datetime import date

from configs.settings import Settings
from tasks.core.day.facts import result_line
from tasks.core.day.records import Order
from tasks.core.day.standing import DayResult, is_excused
from tasks.operations.metrics_file import metrics_written
from tasks.reporting.beside_run import day_shown
from tasks.reporting.renew import pages_renewed
from tasks.running.context import settings_of_run
from tasks.running.endings import ends_in_a_line
from tasks.running.flows import flow
from tasks.running.labels import label_run
from tasks.running.progress import progress_shown
from tasks.running.step import business_day, run_name
from tasks.scoring.announce import announce
from tasks.scoring.arrive import arrive
from tasks.scoring.audit import audit
from tasks.scoring.day_workers import begin_workers
from tasks.scoring.pin import pin
from tasks.scoring.publish import publish, roll_forward
from tasks.scoring.revise import draft, equal_revision, read_order, require_current, unchanged_revision
from tasks.scoring.screen_score import screen_and_score_files
from tasks.scoring.shadow import compare_shadow, with_shadow
from tasks.scoring.wait import wait_for_files


@flow(name="score-applications", flow_run_name=run_name("score"))
@ends_in_a_line(result_line)
def score_applications(
    as_of: date | None = None,
    config: str | None = None,
    force: bool = False,
    corrections: bool = False,
    reason: str | None = None,
    as_was: bool = False,
    shadow: str | None = None,
) -> DayResult:
    """Score the applications of a business day and publish the decisions, whole or not at all.

    The flow needs the files of the day under landing/day=D/ and a registered model with the alias
    of the settings. A published day stays as it is, unless `force`, `as_was` or `corrections` asks
    for a new revision.

    Args:
        as_of: Business day, YYYY-MM-DD; by default the day for which the run was scheduled.
        config: Settings file; by default configs/local.yaml.
        force: Decide a published day again from the files in its landing, with today's model,
            policy and contract.
        corrections: Replace rows by those in corrections/ of the landing, with the published
            model, policy and contract.
        reason: Reason for the new revision, in words, without any applicant's data. `force`, `as_was`
            and `corrections` need it.
        as_was: Decide a published day again from the files in its landing, with the model, policy
            and contract of its newest revision.
        shadow: Second model that scores the day and is never published: an alias, or `version:N`; by
            default that of the settings (`scoring.shadow`).
    """
    settings = with_shadow(settings_of_run(config), shadow)
    order = read_order(force=force, corrections=corrections, reason=reason, as_was=as_was)
    day = business_day(as_of, settings)
    begin_workers(day, settings)
    label_run(tags=[f"{day}"])
    with metrics_written("score", day, settings), day_shown(day, settings):
        return _score(day, order, settings, config)


def _score(day: date, order: Order, settings: Settings, config: str | None) -> DayResult:
    wait_for_files(day, settings)
    standing = roll_forward(day, order, settings)
    if standing.published:
        announce(standing.published, settings, config)
    delivery = arrive(standing, settings)
    if unchanged := unchanged_revision(standing, delivery):
        return DayResult("unchanged", standing, unchanged)
    if not delivery.files:
        return DayResult("no applications", standing, None)
    pins = pin(standing, delivery, settings)
    if equal := equal_revision(standing, pins):
        return DayResult("unchanged", standing, equal)
    revision = draft(standing, delivery, settings)
    require_current(revision, standing)
    label_run(name=f"score-{day}-r{revision.revision}", tags=[f"model-{pins.model.version}"])
    with progress_shown(delivery):
        parts = screen_and_score_files(delivery.files, pins, settings)
    if is_excused(standing, parts):
        return DayResult("no applications", standing, None)
    with pages_renewed(day, settings):
        audited = audit(delivery, pins, revision, parts, settings, standing.erasure)
        manifest = publish(standing, delivery, pins, revision, audited, settings)
        announce(manifest, settings, config)
        beside = compare_shadow(manifest, pins.shadow, parts, settings) if pins.shadow else ""
    return DayResult("published", standing, manifest, beside)
