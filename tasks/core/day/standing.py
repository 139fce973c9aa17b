"""Standing of a day when a run begins: its published revision and its order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from tasks.core.day.manifest import Manifest
from tasks.core.day.records import CORRECTIONS, PUBLISH, Delivery, Order, PartRef
from tasks.core.words import normal_name


@dataclass(frozen=True, slots=True)
class Standing:
    """State of a day when an attempt begins. Every attempt reads it anew."""

    as_of: date
    order: Order = PUBLISH
    published: Manifest | None = None
    """The newest revision; None if the day was never published."""
    excuse: str | None = None
    """Reason why the feed may stay away on this day; None if the day must have applications."""
    erasure: str | None = None
    """Token of the last erasure on the day, read before any file was listed; no decision depends on
    it."""
    expired: tuple[str, ...] = ()
    """Files of the newest revision that were removed by rule since."""
    waiting: tuple[str, ...] = ()
    """Corrections in the landing that do not count, because nobody ordered them."""
    taken_back: tuple[Mapping[str, str], ...] = ()
    """Files of each delivery that was withdrawn, name to SHA-256; empty unless the newest revision is
    withdrawn."""

    @property
    def decided(self) -> Manifest | None:
        """The newest revision; None if it is withdrawn, or the day was never published."""
        return None if self.published is None or self.published.is_withdrawn else self.published

    @property
    def may_be_empty(self) -> bool:
        """True if an empty landing is not an error."""
        if self.decided:
            return self.order.kind == "publish"
        return self.excuse is not None

    @property
    def unexpired_inputs(self) -> dict[str, str]:
        """File of the newest revision (`normal_name`) to its digest, without those removed by rule."""
        if self.published is None:
            return {}
        inputs = self.published.inputs.items()
        return {normal_name(name): sha256 for name, sha256 in inputs if name not in self.expired}


def is_excused(standing: Standing, parts: Sequence[PartRef]) -> bool:
    """True if no application came, on a day without decisions that needs none."""
    if standing.decided is not None or standing.excuse is None:
        return False
    return not any(part.rows for part in parts)


def is_taken_back(standing: Standing, delivery: Delivery) -> bool:
    """True if the feed delivered the very files of a delivery that was withdrawn, under whatever names.

    Corrections do not count: they were made for the withdrawn files, and wait until somebody orders them.
    """
    delivered = _digests_of_feed(delivery.digests)
    return bool(delivered) and any(delivered == _digests_of_feed(files) for files in standing.taken_back)


def _digests_of_feed(files: Mapping[str, str]) -> list[str]:
    return sorted(sha256 for name, sha256 in files.items() if not name.startswith(CORRECTIONS))


class DayResult(NamedTuple):
    """End of a run that scores a day, or withdraws it."""

    outcome: Literal["published", "unchanged", "no applications", "withdrawn"]
    """`unchanged`: the day was published from these very files, or withdrawn before, and stays as it
    is. `no applications`: none came, on a day of the calendar that needs none."""
    standing: Standing
    """The day before the run."""
    manifest: Manifest | None
    """The published revision; None if nothing of the day is published."""
    shadow: str = ""
    """Sentence on the decisions of a second model; empty if none scored the day."""
