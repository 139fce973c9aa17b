"""Rehearsal of a day: all that a run would publish, and what would change by it. Nothing is published.

What it leaves in the store is work for later runs: checkpoints under `work/`, and the text of
contract and policy under their digests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import DataFile, Delivery, Draft, Order, PartRef, Pins
from tasks.core.day.rehearsal import Rehearsal, count_moves
from tasks.core.day.standing import Standing
from tasks.delivery.listing import stand
from tasks.model.contract import pinned_contract
from tasks.publication.data_files import name_data
from tasks.publication.erasure_token import require_no_erasure
from tasks.publication.stored_day import StoredDay
from tasks.running.step import step
from tasks.scoring.audit import audit_parts
from tasks.scoring.contract_gate import Gate
from tasks.scoring.publish import build_manifest
from tasks.store import open_store


def look_at(as_of: date, order: Order, settings: Settings) -> Standing:
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


@step("rehearse")
def rehearse(
    standing: Standing,
    delivery: Delivery,
    pins: Pins,
    draft: Draft,
    parts: Sequence[PartRef],
    settings: Settings,
) -> Rehearsal:
    """Check the day as `audit` does, and compare it with the published revision. Nothing is stored.

    Raises:
        ExpectationsNotMet: a gate is closed; the day would not be published.
    """
    store = open_store(settings.storage)
    gate = Gate(store, pinned_contract(pins, settings), delivery.as_of, settings, standing.erasure, is_rehearsal=True)
    contents: dict[str, bytes] = {}

    def hold(prefix: str, name: str, data: bytes, *, rows: int, ending: str = "parquet") -> DataFile:
        contents[name] = data
        return name_data(prefix, name, data, rows=rows, ending=ending)

    audited = audit_parts(delivery, pins, draft, parts, settings, gate=gate, keep=hold)
    drafted = build_manifest(delivery, pins, draft, audited)
    return Rehearsal(standing, drafted, _moves(standing.published, contents))


def _moves(before: Manifest | None, contents: Mapping[str, bytes]) -> dict[str, dict[str, int]]:
    """Decision before to decision after to applications; empty if the day was never published."""
    if before is None:
        return {}
    return count_moves(before.audited.by_decision, read_parquet(contents["changes"]))
