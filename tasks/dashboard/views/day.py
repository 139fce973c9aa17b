"""One day: its verdict and findings, what became of its rows, its revisions, and the contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from tasks.core.contract.report import ContractReport
from tasks.core.day.facts import DayFacts
from tasks.dashboard.days import DayBook
from tasks.dashboard.showing import count_text, in_streamlit, number_text, share_text, show_rows, write
from tasks.publication.stored_day import StoredDay


def show_day(book: DayBook, days: Mapping[date, StoredDay]) -> None:
    """Show the day that the reader chooses, by default the newest."""
    chosen = st.selectbox("Day", [str(day) for day in reversed(list(days))], key="day", bind="query-params")
    day = days[date.fromisoformat(chosen)]
    seen = book.see([day])[0]
    st.header(f"{seen.as_of}: {seen.standing}")
    if seen.headline:
        write(seen.headline)
    _show_verdict(seen.verdict)
    if refusal := book.refusal(day):
        st.subheader("The last time that the contract stopped it")
        _show_contract(refusal)
    if facts := seen.facts:
        _show_facts(facts)
        _show_revisions(book, day)
    if report := book.contract(day):
        st.subheader("Contract")
        _show_contract(report)
    if seen.published and (seconds := seen.published.step_seconds):
        st.subheader("Seconds of work")
        steps = [(step, number_text(worked, 1)) for step, worked in seconds.items()]
        show_rows(pd.DataFrame(steps, columns=["Step", "Seconds"]), "seconds that each step worked")


def _show_verdict(verdict: Mapping[str, Any]) -> None:
    """Findings, what to do, what is expected, and what is worth a look beside the verdict."""
    if not verdict:
        return
    st.markdown(f"**What to do.** {in_streamlit(str(verdict.get('advice', '')))}")
    findings = [each for each in verdict.get("findings", ()) if isinstance(each, Mapping)]
    if findings:
        st.subheader("Findings, the heaviest first")
        told = {"level": "Level", "column": "Column", "what": "Statistic", "sentence": "Finding", "weight": "Weight"}
        rows = [{head: each.get(name, "-") for name, head in told.items()} for each in findings]
        show_rows(pd.DataFrame(rows), "findings of the day")
    expected = [
        each["sentence"]
        for each in (verdict.get("expected") or {}).values()
        if isinstance(each, Mapping) and each.get("sentence") and each.get("value") is not None
    ]
    beside = {
        "Expected before outcomes": expected,
        "Delivery, worth a look": verdict.get("quality") or (),
        "Fairness, worth a look": (verdict.get("fairness") or {}).get("worth_a_look") or (),
    }
    for title, sentences in beside.items():
        if sentences:
            st.subheader(title)
            st.markdown("\n".join(f"- {in_streamlit(str(sentence))}" for sentence in sentences))


def _show_facts(facts: DayFacts) -> None:
    st.subheader("Rows and decisions")
    by = f", by {facts.made_with}" if facts.made_with else ""
    write(f"{facts.title}, published {facts.published_at or 'at a time that was not noted'}{by}.")
    rows = {"received": facts.rows.received, **facts.rows.became}
    counts = pd.DataFrame({"Rows": rows.keys(), "Number": map(count_text, rows.values())})
    decisions = facts.decisions.items()
    shares = pd.DataFrame(
        [(name, count_text(each.rows), share_text(each.share)) for name, each in decisions],
        columns=["Decision", "Applications", "Share"],
    )
    left, right = st.columns(2)
    with left:
        show_rows(counts, "rows by what became of them")
    with right:
        if len(shares):
            show_rows(shares, "applications by decision")
        if facts.untold:
            write(facts.untold)
    if facts.first_reasons:
        st.subheader("First reasons of those not approved")
        reasons = [
            (each.code, each.family, count_text(each.rows), share_text(each.share)) for each in facts.first_reasons
        ]
        show_rows(pd.DataFrame(reasons, columns=["Code", "About", "Applications", "Share"]), "first reasons")


def _show_revisions(book: DayBook, day: StoredDay) -> None:
    st.subheader("Revisions")
    rows = []
    for number, manifest in book.revisions(day).items():
        if manifest is None:
            rows.append((f"{number}", "-", "-", "-", "-", "its manifest is missing, or cannot be read"))
            continue
        changes = manifest.audited.changes
        rows.append(
            (
                f"{number}",
                manifest.run.get("published_at", "-")[:16],
                f"{manifest.model.name} {manifest.model.version}",
                str(manifest.policy.get("version", "-")),
                count_text(changes.rows) if changes else "-",
                manifest.reason or "-",
            )
        )
    heads = ["Revision", "Published", "Model", "Policy", "Changed decisions", "Reason"]
    show_rows(pd.DataFrame(rows, columns=heads), "revisions of the day")


def _show_contract(report: ContractReport) -> None:
    write(report.verdict)
    rules = [
        (rule.id, rule.sentence or "-", rule.outcome or "-", count_text(rule.broken), share_text(rule.broken_share))
        for rule in report.unmet
    ]
    if not rules:
        st.markdown("Every rule that was judged is met.")
        return
    show_rows(
        pd.DataFrame(rules, columns=["Rule", "Sentence", "Outcome", "Rows that break it", "Share"]), "rules not met"
    )
