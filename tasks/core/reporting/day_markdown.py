"""The day as a page in Markdown, for readers of a run in the Prefect UI.

It tells less than the page of the day, in the order in which somebody acts: state, what to do, rows
by what became of them, quarantine, decisions, drift, and the places where to look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tasks.core.contract.report import ReportedRule
from tasks.core.day.facts import DayFacts
from tasks.core.reporting.day_page import DayPage
from tasks.core.words import counted, in_markdown

_SHOWN_FINDINGS: Final = 5
_NOT_MONITORED: Final = "There is no verdict on this revision yet. Monitoring starts by itself, and renews this page."


def day_markdown(page: DayPage, places: Mapping[str, str], ending: str = "") -> str:
    """Page of a day in Markdown.

    Args:
        page: everything that there is to say of the day.
        places: name of what people look at to its location in the store.
        ending: line by which the run failed that shows the page; empty if it did not fail.
    """
    facts = page.facts
    decided = facts if facts and not facts.is_withdrawn else None
    lines = [
        f"# {page.as_of}: {in_markdown(page.headline)}",
        "",
        f"**This run failed.** {in_markdown(ending)}" if ending else in_markdown(page.summary),
        *_section("What to do next", _to_do(page, ending)),
        *(_revision(facts) if facts else ()),
        *(_decided(decided) if decided else ()),
        *_refused(page),
        *(_section("Drift", _drift(page)) if decided else ()),
        *_section("Where to look", (f"- {name}: `{place}`" for name, place in places.items())),
    ]
    return "\n".join(lines)


def _section(heading: str, lines: Iterator[str]) -> Iterator[str]:
    yield from ("", f"## {heading}", "")
    yield from lines


def _to_do(page: DayPage, ending: str) -> Iterator[str]:
    """Everything that somebody has to do; things that the run does, tried again or by its event, are left out."""
    others = [advice for advice in page.advice if not advice.is_of_a_run]
    if ending:
        yield "- Do what the line above asks for, and press Retry."
    elif not others:
        yield "Nothing."
    for advice in others:
        command = f" `{advice.command}`" if advice.command else ""
        yield f"- {in_markdown(advice.text)}{command}"


def _revision(facts: DayFacts) -> Iterator[str]:
    """Parts of a revision: what it was made with, and the reason for it."""
    made_with = f"{in_markdown(facts.made_with)}." if facts.made_with else "No application has a decision."
    yield from ("", f"## {facts.title}", "", made_with)
    if facts.sealed_copy:
        yield from ("", f"Model from its sealed copy: {in_markdown(facts.sealed_copy)}.")
    if facts.reason:
        yield from ("", f"Reason for this revision: {in_markdown(facts.reason)}")
    if facts.changed:
        yield from ("", f"Changed: {facts.changed}.")


def _decided(facts: DayFacts) -> Iterator[str]:
    """Rows of each file and of all files, by what became of them; quarantine, decisions and reasons."""
    rows = []
    for name, counts in (*facts.files.items(), ("all files", facts.rows)):
        numbers = " | ".join(f"{count:,}" for count in (counts.received, *counts.became.values()))
        rows.append(f"| {in_markdown(name)} | {numbers} |")
    yield from _table(" | ".join(["file", "rows received", *facts.rows.became]), rows)
    yield from _quarantine(facts.broken_rules)
    yield from _decisions(facts)


def _refused(page: DayPage) -> Iterator[str]:
    """Rules by which the contract stopped the day."""
    if page.refused:
        rows = [_refusing(rule) for rule in page.refused.standing("broken")]
        yield from ("", "## Refused by the contract", *_table("rule not met | rows | outcome", rows))


def _refusing(rule: ReportedRule) -> str:
    """Row of a rule that is not met: its sentence, else its id."""
    broken = "-" if rule.broken is None else f"{rule.broken:,}"
    return f"| {in_markdown(rule.sentence or rule.id)} | {broken} | {rule.outcome or '-'} |"


def _quarantine(by_rule: Mapping[str, int]) -> Iterator[str]:
    if not by_rule:
        yield from ("", "No row was quarantined.")
        return
    rows = [f"| {in_markdown(rule)} | {count:,} |" for rule, count in by_rule.items()]
    yield from _table("rule broken | rows quarantined", rows)


def _decisions(facts: DayFacts) -> Iterator[str]:
    decisions = [f"| {name} | {each.rows:,} | {each.share:.1%} |" for name, each in facts.decisions.items()]
    reasons = [f"| {each.code} {each.family} | {each.rows:,} | {each.share:.1%} |" for each in facts.first_reasons]
    yield from _table("decision | applications | share", decisions) if decisions else ()
    yield from _table("first reason | not approved | share", reasons) if reasons else ()
    yield from ("", facts.untold) if facts.untold else ()


def _drift(page: DayPage) -> Iterator[str]:
    verdict = page.verdict
    if verdict is None:
        yield _NOT_MONITORED
        return
    yield f"**{verdict.level}**: {in_markdown(verdict.headline)}"
    yield ""
    yield from (f"- {in_markdown(each.sentence)}" for each in verdict.findings[:_SHOWN_FINDINGS])
    more = len(verdict.findings) - _SHOWN_FINDINGS
    if more > 0:
        yield f"- and {counted(more, 'more finding')}; all stand on the page of the day"


def _table(columns: str, rows: list[str]) -> list[str]:
    """A Markdown table; all columns but the first are numbers."""
    return ["", f"| {columns} |", "| --- |" + " ---: |" * columns.count("|"), *rows]
