"""What the feed delivered for a day: listed and digested anew on every attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import PUBLISH, Delivery, Order
from tasks.core.words import counted
from tasks.delivery.listing import _TOLD_NAMES, list_delivery
from tasks.publication.claims import require_own_files
from tasks.publication.erasure_token import require_no_erasure
from tasks.running.step import run_logger, step
from tasks.store import open_store


@step("arrive")
def arrive(as_of: date, settings: Settings, *, order: Order = PUBLISH, published: Manifest | None = None) -> Delivery:
    """The day's landing files with their digests, held against `_control.json` where there is one.

    Of corrections those that are published already count, and all where a revision is ordered.

    Raises:
        SourceError: no file came of a day that needs some and the calendar says that some must, or one is not what its
            name, the control file or another day's publication say.
        PublishError: an applicant is being erased from the day.
    """
    store = open_store(settings.storage)
    erasure = require_no_erasure(store, as_of)  # before anything is listed: what is read later is not older than it
    excuse = load_calendar(settings.scoring.calendar).excuse(as_of)
    may_be_empty = order.kind == "publish" if published else bool(excuse)
    delivery = list_delivery(store, as_of, order=order, published=published, may_be_empty=may_be_empty)
    delivery = replace(delivery, excuse=excuse, erasure=erasure)
    require_own_files(store, delivery)
    size = sum(file.size_bytes for file in delivery.files) / 1e6
    run_logger().info("%s arrived for %s, %.1f MB", counted(len(delivery.files), "file"), as_of, size)
    if delivery.waiting:
        run_logger().warning(
            "Corrections lie there that do not count yet, %s: %s. To decide them: scoring score --as-of %s "
            '--corrections --reason "..."',
            counted(len(delivery.waiting), "file"), ", ".join(delivery.waiting[:_TOLD_NAMES]), as_of,
        )  # fmt: skip
    return delivery
