"""Rehearse a business day: the steps of its scoring up to the publication, which does not come."""

from __future__ import annotations

from datetime import date

from configs.settings import Settings
from tasks.core.day.records import Order
from tasks.core.day.rehearsal import Rehearsal
from tasks.core.day.standing import is_excused
from tasks.scoring.arrive import arrive
from tasks.scoring.audit import rehearse
from tasks.scoring.pin import pin
from tasks.scoring.rehearse import rehearsal_of, standing_as_it_is
from tasks.scoring.revise import draft, equal_revision, unchanged_revision
from tasks.scoring.screen_score import screen_and_score_files


def rehearse_day(day: date, order: Order, settings: Settings) -> Rehearsal:
    """Decide a day as a run would now, and compare it with what is published. Publishes nothing.

    It is plain Python and no flow: there is no run to look back at, no event, and no page.

    Raises what the steps raise; a day that the contract stops raises `ExpectationsNotMet`.
    """
    standing = standing_as_it_is(day, order, settings)
    delivery = arrive(standing, settings)
    if not delivery.files or unchanged_revision(standing, delivery):
        return Rehearsal(standing, None, {})
    pins = pin(standing, delivery, settings)
    if equal_revision(standing, pins):
        return Rehearsal(standing, None, {})
    revision = draft(standing, delivery, settings)
    parts = screen_and_score_files(delivery.files, pins, settings)
    if is_excused(standing, parts):
        return Rehearsal(standing, None, {})
    audited, changes = rehearse(delivery, pins, revision, parts, settings)
    return rehearsal_of(standing, delivery, pins, revision, audited, changes)
