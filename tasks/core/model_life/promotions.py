"""History of the promotions of a model, and the version to which a roll-back leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.core.model.bundle import ModelPin

PromotionKind = Literal["first", "gate", "anyway", "rollback"]
"""Way to a promotion: the first model, a passed gate, an overridden gate, or the way back."""


@dataclass(frozen=True, slots=True)
class PromotionRecord:
    """One move of the alias of the version that scores. It is written once and never changed."""

    number: int
    """From 1, without gaps."""
    kind: PromotionKind
    before: ModelPin | None
    """Version that scored before; None if there was none."""
    after: ModelPin
    who: str
    """User of the operating system, and machine."""
    at: str
    """Time in ISO form, in UTC."""
    reason: str | None = None
    overridden: tuple[str, ...] = ()
    """Sentences of the checks that had failed."""
    verdict_sha256: str | None = None
    """Digest of the verdict, which is kept beside the records; None if nothing was compared."""

    @property
    def line(self) -> str:
        """Record in a line.

        >>> pins = [ModelPin("m", version, "3fa9") for version in ("1", "2")]
        >>> PromotionRecord(2, "anyway", *pins, "ann", "2026-11-02T07:00:00+00:00", "a fix", ("cost: …",)).line
        '2  2026-11-02T07:00:00+00:00  version 1 to 2  anyway, 1 check overridden  by ann: a fix'
        """
        way: str = self.kind
        if self.overridden:
            n = len(self.overridden)
            way = f"{self.kind}, {n} {'check' if n == 1 else 'checks'} overridden"
        versions = f"version {self.before.version} to {self.after.version}" if self.before else self.after.version
        versions = versions if self.before else f"version {versions}"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.number}  {self.at}  {versions}  {way}  by {self.who}{reason}"


def took_place(history: Sequence[PromotionRecord], champion: ModelPin | None) -> Sequence[PromotionRecord]:
    """History without a last record whose promotion was never made: the version before it scores still.

    >>> one, two = (ModelPin("m", version, "3fa9") for version in ("1", "2"))
    >>> last = PromotionRecord(1, "gate", one, two, "ann", "")
    >>> len(took_place([last], two)), len(took_place([last], one))
    (1, 0)
    """
    return history[:-1] if history and champion and history[-1].before == champion else history


def scored_in_order(history: Sequence[PromotionRecord]) -> list[ModelPin]:
    """Versions that scored one after the other, oldest first; a roll-back takes the last one away.

    The last one scores now, the one before it is where a roll-back leads. Each record tells the version
    that scored then, so a promotion that was recorded and never made takes no place.

    >>> one, two = (ModelPin("m", version, "3fa9") for version in ("1", "2"))
    >>> first = PromotionRecord(1, "first", None, one, "ann", "")
    >>> second = PromotionRecord(2, "gate", one, two, "ann", "")
    >>> [each.version for each in scored_in_order([first, second])]
    ['1', '2']
    >>> [each.version for each in scored_in_order([first, second, PromotionRecord(3, "rollback", two, one, "ann", "")])]
    ['1']
    """
    order: list[ModelPin] = []
    for record in history:
        _bring_to(order, record.before)
        if record.kind == "rollback":
            order.pop()
            if not order or order[-1] != record.after:
                order.append(record.after)
        else:
            order.append(record.after)
    return order


def _bring_to(order: list[ModelPin], before: ModelPin | None) -> None:
    """Correct the order by the version that scored when the next promotion was recorded."""
    if before is None:
        order.clear()
        return
    while before in order and order[-1] != before:
        order.pop()  # recorded and never made, or undone without a record
    if before not in order:
        order.append(before)  # moved without a record, or before records were kept
