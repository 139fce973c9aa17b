"""One application as an HTML page. It works offline, holds all that it needs, and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tasks.adapters.pages.html import template
from tasks.core.decision.place import Place
from tasks.core.decision.scoring import Account

_LEAST_PUSH: Final = 0.0005
"""Least push that is shown; a lesser one would read 0.000."""


class HistoryLine(NamedTuple):
    """Outcome of the application in one revision of a day, in words."""

    day: str
    revision: int
    outcome: str
    pd: str
    cutoff: str
    model: str
    policy: str
    published: str
    is_shown: bool
    """True for the revision that the page explains."""


class TriedAmounts(NamedTuple):
    """A what-if, in words."""

    amounts: str
    outcome: str
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """Content of the page of one application."""

    day: str
    revision: int
    outcome: str
    history: Sequence[HistoryLine]
    """Newest first."""
    otherwise: Sequence[str]
    """Sentences on revisions of the day that decided otherwise."""
    warnings: Sequence[str]
    """Sentences on an account that is missing, or not as published."""
    row: Mapping[str, float | str] | None
    """The published row; None if the application is in quarantine."""
    made_with: str
    broken: Mapping[str, str | None]
    """Rule that it breaks to its sentence; empty if it was decided."""
    reasons: Mapping[str, str]
    account: Account | None
    families: Mapping[str, str]
    """Family of features to its name for people."""
    places: Mapping[str, Place]
    """Group of applications, in words, to the place among them."""
    ways: Sequence[str]
    """Sentences on the smallest changes that would have been approved."""
    promise: str
    """Sentence on how far a what-if goes."""
    tried: TriedAmounts | None = None


class WaterfallBar(NamedTuple):
    """Line of the waterfall, with its bar in percent of the width."""

    name: str
    number: str
    standing: str
    """Colour class; `here` for a level instead of a push."""
    left: float
    width: float
    meaning: str
    """Words for the direction of the push, or for the level."""


def application_page(facts: ApplicationFacts) -> bytes:
    """Render the page. The same facts give the same bytes."""
    bars, cutoff = _waterfall(facts.account, facts.families) if facts.account else ((), 0.0)
    return template("application_page.html").render(facts=facts, bars=bars, cutoff=cutoff).encode()


def _waterfall(account: Account, families: Mapping[str, str]) -> tuple[Sequence[WaterfallBar], float]:
    """Lines of the waterfall from the mean to the score, and the place of the cut-off in percent."""
    pushes = {families[name]: push for name, push in account.pushes.items() if abs(push) >= _LEAST_PUSH}
    levels = [account.base]
    for push in pushes.values():
        levels.append(levels[-1] + push)
    low = min(*levels, account.raw, account.cutoff)
    high = max(*levels, account.raw, account.cutoff)

    def place(level: float) -> float:
        return round(100 * (level - low) / ((high - low) or 1.0), 2)

    def level_bar(name: str, level: float, meaning: str) -> WaterfallBar:
        return WaterfallBar(name, f"{level:.3f}", "here", place(level), 0, meaning)

    bars = [level_bar("Mean of all in training", account.base, f"pd {account.base_pd:.4f}")]
    for (name, push), first, last in zip(pushes.items(), levels, levels[1:], strict=False):
        left = min(place(first), place(last))
        width = round(abs(place(last) - place(first)), 2)
        standing, meaning = ("broken", "towards refusal") if push > 0 else ("met", "towards approval")
        bars.append(WaterfallBar(name, f"{push:+.3f}", standing, left, width, meaning))
    bars.append(level_bar("This application", account.raw, f"pd {account.pd:.4f}"))
    bars.append(level_bar("Refused from here on", account.cutoff, "cut-off"))
    return bars, place(account.cutoff)
