"""Files that the feed delivered for a day: listed and digested anew on every attempt."""

from __future__ import annotations

from typing import Final

from configs.settings import Settings
from tasks.core.day.records import Delivery
from tasks.core.day.standing import Standing
from tasks.core.words import counted
from tasks.delivery.listing import list_delivery
from tasks.publication.claims import require_own_files
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import open_store

_MAX_NAMES: Final = 5
"""Most file names in one line of the log."""


@step("arrive")
def arrive(standing: Standing, settings: Settings) -> Delivery:
    """Landing files of the day with their digests, compared with `_control.json` if there is one.

    Published corrections always count; the others count if a revision is ordered.

    Raises:
        SourceError: no file came on a day that needs some, or a file contradicts its name, the
            control file or another day's publication.
    """
    store = open_store(settings.storage)
    delivery = list_delivery(store, standing, range_bytes=settings.execution.range_bytes)
    require_own_files(store, delivery)
    size = sum(file.size_bytes for file in delivery.files) / 1e6
    arrived = counted(len(delivery.files), "file")
    run_logger().info("%s arrived for %s, %.1f MB", arrived, standing.as_of, size)
    if standing.waiting:
        run_logger().warning(
            "Corrections lie there that do not count yet, %s: %s. To decide them: "
            'scoring score --as-of %s --corrections --reason "..."',
            counted(len(standing.waiting), "file"),
            ", ".join(standing.waiting[:_MAX_NAMES]),
            standing.as_of,
        )
    return delivery
