"""Rehearsal of a day: all that a run would publish, and what would change by it. Nothing is published.

What it leaves in the store is work for later runs: checkpoints under `work/`, and the text of
contract and policy under their digests.
"""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.core.day.records import Audited, Delivery, Draft, Order, Pins
from tasks.core.day.rehearsal import Rehearsal, count_moves
from tasks.core.day.standing import Standing
from tasks.delivery.listing import stand
from tasks.publication.erasure_token import require_no_erasure
from tasks.publication.stored_day import StoredDay
from tasks.scoring.publish import build_manifest
from tasks.store import open_store


def standing_as_it_is(as_of: date, order: Order, settings: Settings) -> Standing:
    """Standing of the day, as `roll_forward` finds it. Readers are shown nothing.

    Raises:
        PublishError: a manifest of the day is missing or damaged, or an applicant is being erased
            from the day.
    """
    store = open_store(settings.storage)
    published = StoredDay(store, as_of).require_unbroken()
    excuse = load_calendar(settings.scoring.calendar).excuse(as_of)
    erasure = require_no_erasure(store, as_of)
    return stand(store, as_of, published, order=order, excuse=excuse, erasure=erasure)


def rehearsal_of(
    standing: Standing,
    delivery: Delivery,
    pins: Pins,
    draft: Draft,
    audited: Audited,
    changes: pa.Table | None,
) -> Rehearsal:
    """Result of a rehearsal, with the manifest that a run would commit.

    Args:
        standing: the day as it is.
        delivery, pins, draft: what the day was decided from.
        audited: the audit of which nothing was stored.
        changes: rows of `CHANGES`; None if there was no revision before.
    """
    drafted = build_manifest(delivery, pins, draft, audited)
    before = standing.published
    if before is None or changes is None:
        return Rehearsal(standing, drafted, {})
    return Rehearsal(standing, drafted, count_moves(before.audited.by_decision, changes))
