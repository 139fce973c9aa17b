"""Advice on a day: all that somebody should do about it, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from tasks.core.monitoring.metrics import LEVELS
from tasks.core.reporting.days_page import WITHDRAWN
from tasks.core.reporting.verdict_record import VerdictRecord


class Advice(NamedTuple):
    """One thing to do."""

    text: str
    command: str = ""
    """Command that does it; empty if none does."""
    link: str = ""
    """Name of the page to look at, as in the links of the day; empty if there is none."""
    is_of_a_run: bool = False
    """True if a run that works on the day does it: tried again, or by the event of its publication."""


class DayState(NamedTuple):
    """State of a day by the ledger, in words."""

    state: str
    hints: tuple[str, ...]
    """Further facts worth knowing."""
    monitoring: str
    """Verdict on the newest revision, or the reason why there is none; empty if nothing of the day is
    decided."""
    is_published: bool
    """True if a manifest of the day can be read."""
    is_refused: bool
    """True if the contract stopped the day, or a new revision of it, when it was scored last."""


def advise(
    as_of: date,
    state: DayState,
    verdict: VerdictRecord | None,
) -> tuple[Advice, ...]:
    """Everything to do about a day; empty if nothing is.

    Args:
        as_of: the day.
        state: its state by the ledger.
        verdict: that of monitoring; None if there is none that can be read.
    """
    found = [*_of_refusal(as_of, state), *_of_ledger(as_of, state), *_of_monitoring(as_of, state)]
    if verdict:
        found += _of_verdict(verdict)
    return tuple(found)


def _of_refusal(as_of: date, state: DayState) -> Iterator[Advice]:
    if not state.is_refused:
        return
    is_decided = state.is_published and state.state != WITHDRAWN
    what = "The published revision stays; a new one was stopped." if is_decided else "Nothing is published."
    yield Advice(
        f"{what} Look at the rules that are not met, have the feed deliver sound files, and score the day again.",
        f"scoring score --as-of {as_of}",
        "refused",
    )


def _of_ledger(as_of: date, state: DayState) -> Iterator[Advice]:
    """Advice on a day that is damaged, behind, or has waiting files."""
    if state.state == "behind":
        yield Advice("Readers see an older revision than the newest.", f"scoring score --as-of {as_of}")
    elif not state.is_published and state.state == "delivered, not published":
        waiting = "Files are waiting, and the day is not published."
        yield Advice(waiting, f"scoring score --as-of {as_of}", is_of_a_run=True)
    elif state.state == WITHDRAWN:
        what = "The decisions were taken back. Deliver the right files, and score the day."
        yield Advice(what, f"scoring score --as-of {as_of}")
    elif "manifest" in state.state:
        yield Advice(f"The ledger of the day is damaged: {state.state}.", "scoring status --verify")
    for hint in state.hints:
        if "corrections waiting" in hint:
            again = f'scoring score --as-of {as_of} --corrections --reason "..."'
            yield Advice(f"There are {hint}.", again)
        elif hint.startswith("landing changed"):
            yield Advice(f"{hint.capitalize()}.", f'scoring score --as-of {as_of} --force --reason "..."')


def _of_monitoring(as_of: date, state: DayState) -> Iterator[Advice]:
    if not state.monitoring or state.monitoring in LEVELS:
        return
    texts = {
        "not monitored": "The day is not monitored yet: nobody knows if it drifted.",
        "damaged": "The verdict cannot be read. Make it anew.",
        "archived": "The verdict is archived. Have it restored, or make it anew.",
    }
    older = "The verdict is about an older revision. Judge the newest one."
    text = texts.get(state.monitoring, older)
    yield Advice(text, f"scoring monitor --as-of {as_of}", is_of_a_run=state.monitoring == "not monitored")


def _of_verdict(verdict: VerdictRecord) -> Iterator[Advice]:
    """Advice on a verdict and on the delivery. Fairness is of the policy, not of one day, and has its own chapter."""
    if verdict.level != "ok":
        yield Advice(verdict.advice, link="drift" if verdict.findings else "")
    yield from (Advice(f"Delivery, worth a look: {sentence}") for sentence in verdict.quality)
