"""Announcement of a verdict: an event for those who listen, a page for those who look at the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from configs.settings import Settings
from tasks.core.words import counted
from tasks.monitoring.report import MonitoringResult
from tasks.running.context import flow_run_id, is_in_flow_run
from tasks.running.events import never_in_the_way, send_event, show_markdown
from tasks.running.step import step
from tasks.store import open_store

DRIFT_DETECTED: Final = "scoring.drift.detected"
_TOLD_LEVELS: Final = ("watch", "alert")
_MOST_COLUMNS: Final = 20


@step("announce verdict")
def announce_verdict(result: MonitoringResult, settings: Settings) -> None:
    """Show the verdict beside the run, and emit an event if somebody should look at it.

    Nothing of it can fail monitoring; outside a flow run there is nobody to tell.
    """
    if not is_in_flow_run():
        return
    store = open_store(settings.storage)
    places = [store.location(key) for key in result.keys]
    if result.level in _TOLD_LEVELS:
        with never_in_the_way(f"event {DRIFT_DETECTED}"):
            send_event(DRIFT_DETECTED, **drift_event(result, places, run=f"{flow_run_id()}"))
    with never_in_the_way("artifact"):
        show_markdown(
            verdict_markdown(result, places),
            key=f"verdict-{result.last}",
            description=f"Verdict on {result.last}: {result.level}",
        )


def drift_event(result: MonitoringResult, places: list[str], *, run: str) -> dict[str, Any]:
    """Content of the event of a verdict; a run that sends it twice sends the same event, by its id."""
    day = result.last.isoformat()
    return {
        "event_id": uuid5(NAMESPACE_URL, f"{places[0]} {run}"),
        "resource": {
            "prefect.resource.id": f"scoring.verdict.{day}",
            "prefect.resource.name": f"verdict on {day}",
        },
        "payload": {
            "as_of": day,
            "from": result.first.isoformat(),
            "level": result.level,
            "columns": list(result.columns[:_MOST_COLUMNS]),
            "findings": len(result.findings),
            "links": places,
        },
    }


def verdict_markdown(result: MonitoringResult, places: list[str]) -> str:
    """The verdict as a page in Markdown: what was found, what to do, where to look."""
    window = f"{result.first} to {result.last}" if result.first != result.last else f"{result.last}"
    return "\n".join(
        [
            f"# {window}: {result.level}",
            f"{result.headline} {result.advice}",
            "",
            *(f"- {sentence}" for sentence in result.findings),
            "",
            "## Expected before outcomes",
            *(f"- {sentence}" for sentence in result.expected),
            *_section("Quality, worth a look", result.quality),
            *_section("Fairness, an internal control", result.fairness),
            "",
            f"Compared: {result.rows:,} applications with {result.reference_rows:,} of the reference.",
            "",
            *(f"- `{place}`" for place in places),
        ]
    )


def verdict_line(result: MonitoringResult) -> str:
    """End of a monitoring run in one line."""
    acts = "somebody must look" if result.level in _TOLD_LEVELS else "nobody must act"
    return f"Exit 0, {acts}: the verdict is {result.level}. {result.headline} {result.advice}".rstrip()


def verdict_lines(results: Sequence[MonitoringResult]) -> str:
    """End of a run that judges all days that nobody has judged."""
    verdicts = ", ".join(f"{each.last} {each.level}" for each in results)
    return f"Exit 0: {counted(len(results), 'day')} judged. {verdicts}".rstrip()


def _section(heading: str, sentences: Sequence[str]) -> list[str]:
    """Lines of a section; none if it has no sentence."""
    return ["", f"## {heading}", *(f"- {sentence}" for sentence in sentences)] if sentences else []
