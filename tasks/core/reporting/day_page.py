"""Content of the page of a day: everything that the store knows of it, in the order of interest.

The state and the verdict, what to do, what came, what was set aside, what was decided and with
what, what drifted, what it is expected to cost, fairness, and the revisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple

from tasks.core.contract.report import ContractReport, ReportedRule
from tasks.core.day.facts import DayFacts, day_facts
from tasks.core.day.manifest import Manifest
from tasks.core.disclosure import is_enough, is_enough_for_mean, is_none_or_enough
from tasks.core.lender.amounts import CREDIT
from tasks.core.monitoring.metrics import MEAN_CREDIT, WHOLE_DAY, Metric
from tasks.core.reporting.advice import Advice, DayState, advise
from tasks.core.reporting.days_page import WITHDRAWN
from tasks.core.reporting.realised_record import RealisedRecord
from tasks.core.reporting.shadow_record import ShadowRecord
from tasks.core.reporting.trends import Trend, trends_of
from tasks.core.reporting.verdict_record import ToldFinding, VerdictRecord
from tasks.core.words import percent

Tone = Literal["ok", "watch", "alert", "unknown"]
"""Colour of the headline. The words beside it say the same."""
_HUNDREDTHS: Final = 100
_SHOWN_FINDINGS: Final = 12


@dataclass(frozen=True, slots=True)
class DaySources:
    """Everything that the store knows of a day."""

    as_of: date
    state: DayState
    revisions: tuple[Manifest, ...]
    """Manifests that can be read, oldest first."""
    report: ContractReport | None
    """Contract report of the published revision."""
    refused: ContractReport | None
    """Report of the last time that the contract stopped the day."""
    verdict: VerdictRecord | None
    """Verdict of monitoring; None if there is none that can be read."""
    metrics: tuple[Metric, ...]
    """Figures of the monitored day; none if there are none."""
    before: Mapping[date, Sequence[Metric]]
    """Monitored day before to its figures."""
    links: Mapping[str, str]
    """Name of a page to its relative address, of the pages that are there."""
    shadow: ShadowRecord | None = None
    """Comparison with a second model; None if there is none that can be read."""
    realised: RealisedRecord | None = None
    """Realised cost of its applications; None if too few are known."""


class KindRow(NamedTuple):
    """Approvals of one kind of applicants."""

    kind: str
    rows: int
    """Applicants to the nearest 5; 0 if they are too few to be told."""
    approval_rate: float | None
    ratio: Metric | None
    """Approval rate over that of the reference, with its 95 % interval; None for the reference."""


class BandRow(NamedTuple):
    """Applications in one risk band of the policy."""

    band: str
    upper: float | None
    """Upper edge of pd; None for the open last band."""
    share: float | None
    """Share of the decided applications, in [0, 1]; None if it is not known, or of too few."""


class RevisionRow(NamedTuple):
    """One revision of the day."""

    number: int
    facts: DayFacts
    decided: int


@dataclass(frozen=True, slots=True)
class DayPage:
    """Content of the page of a day. A part with nothing to say is empty or None."""

    as_of: date
    tone: Tone
    headline: str
    """State and verdict in words."""
    summary: str
    """Volumes and findings in one sentence."""
    advice: tuple[Advice, ...]
    state: DayState
    facts: DayFacts | None
    """Facts of the newest readable revision; None if there is none."""
    refused: ContractReport | None
    set_aside: tuple[ReportedRule, ...]
    """Rules by which rows are in quarantine, or by which the day was stopped, worst first."""
    warned: tuple[ReportedRule, ...]
    waited: str
    """Hours from the beginning of the day until publication, with the usual range."""
    credit: tuple[str, ...]
    """Sentences on the amount of credit asked for."""
    mean_credits: Mapping[str, float]
    """Decision to the credit asked for on average, in currency units; empty if it is not told."""
    bands: tuple[BandRow, ...]
    sentences: Mapping[str, str]
    """Code of a reason to its sentence."""
    verdict: VerdictRecord | None
    bars: tuple[ToldFinding, ...]
    """Findings whose size is known beside that of an alert, one for each column."""
    more_findings: int
    """Findings that the page does not list."""
    expected: tuple[str, ...]
    """Sentences on what is expected before outcomes; the concentration over bands stands in the figures."""
    kinds: tuple[KindRow, ...]
    trends: Mapping[str, Trend]
    revisions: tuple[RevisionRow, ...]
    """Oldest first."""
    links: Mapping[str, str]
    shadow: ShadowRecord | None
    """Comparison of the newest revision with a second model; None if none scored it."""
    realised: RealisedRecord | None
    realised_of: str
    """Remark that the outcomes are held against another revision than the newest; empty if they are not."""


def build_day_page(sources: DaySources) -> DayPage:
    """Content of the page, from everything that the store knows of the day."""
    newest = sources.revisions[-1] if sources.revisions else None
    facts = day_facts(newest) if newest else None
    verdict = sources.verdict
    findings = verdict.findings if verdict else ()
    report = sources.report or sources.refused
    return DayPage(
        as_of=sources.as_of,
        tone=_tone(sources),
        headline=_headline(sources),
        summary=_summary(facts, sources),
        advice=advise(sources.as_of, sources.state, verdict),
        state=sources.state,
        facts=facts,
        refused=sources.refused,
        set_aside=report.standing("broken") if report else (),
        warned=report.standing("warned") if report else (),
        waited=_waited(sources.metrics),
        credit=_credit(newest) if newest else (),
        mean_credits=_mean_credits(sources.metrics),
        bands=_bands(newest, sources.metrics) if newest and not newest.is_withdrawn else (),
        sentences={reason.code: reason.sentence for reason in newest.reasons.values()} if newest else {},
        verdict=verdict,
        bars=_bars(findings),
        more_findings=max(0, len(findings) - _SHOWN_FINDINGS),
        expected=_expected(verdict) if verdict else (),
        kinds=_kinds(sources.metrics),
        trends=trends_of(sources.as_of, sources.metrics, sources.before, known=_known(facts, sources.refused)),
        revisions=tuple(_revision(manifest) for manifest in sources.revisions),
        links=sources.links,
        shadow=_shadow(newest, sources.shadow),
        realised=sources.realised,
        realised_of=_realised_of(sources.realised, newest),
    )


def _shadow(newest: Manifest | None, shadow: ShadowRecord | None) -> ShadowRecord | None:
    """Comparison with a second model, if it is about the newest revision."""
    is_current = newest and shadow and shadow.publication == newest.publication
    return shadow if is_current else None


def _realised_of(realised: RealisedRecord | None, newest: Manifest | None) -> str:
    if realised is None or (newest and newest.revision == realised.revision):
        return ""
    return f"These outcomes are held against revision {realised.revision}, not against the newest one."


def shown_findings(page: DayPage) -> tuple[ToldFinding, ...]:
    """Findings that the page lists, the heaviest first."""
    return page.verdict.findings[:_SHOWN_FINDINGS] if page.verdict else ()


def _tone(sources: DaySources) -> Tone:
    """Colour of the worst that there is to say."""
    state, level = sources.state, sources.verdict.level if sources.verdict else ""
    is_damaged = "manifest" in state.state or state.monitoring == "damaged"
    if state.is_refused or is_damaged or level == "alert":
        return "alert"
    if level == "watch" or state.state in {"behind", WITHDRAWN}:
        return "watch"
    return "ok" if level == "ok" and state.monitoring == "ok" else "unknown"


def _headline(sources: DaySources) -> str:
    """State and verdict, in words that need no colour."""
    state = sources.state
    if not state.is_published:
        return f"{state.state.capitalize()}: nothing is published"
    revision = sources.revisions[-1].revision
    stopped = "; a new revision was refused by the contract" if state.is_refused else ""
    if state.state == WITHDRAWN:
        return f"Withdrawn, revision {revision}: nothing of the day is decided{stopped}"
    told = "Published" if state.state == "published" else f"Published, but {state.state}"
    return f"{told}, revision {revision}; {_verdict_words(sources)}{stopped}"


def _verdict_words(sources: DaySources) -> str:
    words = {
        "not monitored": "not monitored yet",
        "damaged": "its verdict is damaged",
        "archived": "its verdict is archived",
    }
    monitoring = sources.state.monitoring
    if monitoring in words:
        return words[monitoring]
    if sources.verdict and monitoring != sources.verdict.level:
        return f"verdict of an older revision: {sources.verdict.level}"
    return f"verdict: {monitoring}"


def _summary(facts: DayFacts | None, sources: DaySources) -> str:
    if facts is None:
        return sources.refused.verdict if sources.refused else "There is no revision that can be read."
    if facts.is_withdrawn:
        return f"Its decisions were taken back. Reason: {facts.reason}"
    decided = facts.rows.became["decided"]
    approved = facts.decisions.get("approve")
    share = f", {percent(approved.share)} of them approved" if approved and decided else ""
    verdict = sources.verdict
    heaviest = f"The heaviest: {verdict.findings[0].sentence}" if verdict and verdict.findings else ""
    rows = f"{decided:,} of {facts.rows.received:,} rows were decided{share}."
    return " ".join(filter(None, (rows, verdict.headline if verdict else "", heaviest)))


def _known(facts: DayFacts | None, refused: ContractReport | None) -> dict[str, float]:
    """Values of the day that are known without monitoring, where they may be told as a figure."""
    if facts and facts.is_withdrawn:
        return {}
    if facts:
        rows, quarantined = facts.rows.received, facts.rows.became["quarantined"]
    elif refused:
        rows, quarantined = refused.rows, refused.quarantined
    else:
        return {}
    known = {"rows_received": float(rows)} if is_none_or_enough(rows) else {}
    if is_enough(rows) and is_none_or_enough(quarantined):
        known["quarantined_share"] = quarantined / rows
    return known


def _waited(metrics: Sequence[Metric]) -> str:
    """Hours until publication in words; empty if they were not measured."""
    hours = next((each for each in metrics if each.metric == "publication_hours"), None)
    if hours is None or hours.value is None:
        return ""
    told = f"{hours.value:,.1f} hours after the day began"
    if hours.low is None or hours.high is None:
        return told
    return f"{told} (usual is {hours.low:,.1f} to {hours.high:,.1f})"


def _credit(manifest: Manifest) -> tuple[str, ...]:
    """Sentences on the amount of credit asked for, from the control totals that may be published."""
    by_file = manifest.audited.control_totals.get(CREDIT, {})
    files = manifest.audited.files
    sentences = []
    for stage, words in {"received": "in all rows received", "decided": "in the rows decided"}.items():
        totals = [stages[stage] for stages in by_file.values() if stage in stages]
        is_whole = len(totals) == len(files)
        rows = sum(each.rows if stage == "received" else each.decided for each in files.values())
        if is_whole and is_enough_for_mean(rows):
            amount = sum(totals) / _HUNDREDTHS
            sentences.append(f"{amount:,.0f} {words}, {amount / rows:,.0f} a row")
    return tuple(sentences)


def _mean_credits(metrics: Sequence[Metric]) -> dict[str, float]:
    return {
        each.slice.removeprefix("decision="): each.value
        for each in metrics
        if each.metric == MEAN_CREDIT and each.value is not None
    }


def _bands(manifest: Manifest, metrics: Sequence[Metric]) -> tuple[BandRow, ...]:
    shares = {each.slice: each.value for each in metrics if each.metric == "band_share"}
    edges: Mapping[str, float | None] = manifest.policy.get("bands") or {}
    return tuple(BandRow(name, upper, shares.get(f"band={name}")) for name, upper in edges.items())


def _bars(findings: Sequence[ToldFinding]) -> tuple[ToldFinding, ...]:
    """The finding of each column that is largest beside an alert, largest first."""
    largest: dict[str, ToldFinding] = {}
    for each in sorted(findings, key=lambda finding: -(finding.of_alert or 0.0)):
        if each.of_alert is not None:
            largest.setdefault(each.column, each)
    return tuple(largest.values())[:_SHOWN_FINDINGS]


def _expected(verdict: VerdictRecord) -> tuple[str, ...]:
    told = (each for each in verdict.expected if not each.name.startswith("band_concentration"))
    return tuple(each.sentence for each in told)


def _kinds(metrics: Sequence[Metric]) -> tuple[KindRow, ...]:
    """Kinds of applicants with their rates, in the order of the figures."""
    ratios = {each.slice: each for each in metrics if each.metric == "adverse_impact_ratio"}
    rates = (each for each in metrics if each.metric == "approval_rate" and each.slice != WHOLE_DAY)
    return tuple(
        KindRow(each.slice.replace("=", ": ", 1), each.n, each.value, ratios.get(each.slice)) for each in rates
    )


def _revision(manifest: Manifest) -> RevisionRow:
    facts = day_facts(manifest)
    return RevisionRow(manifest.revision, facts, facts.rows.became["decided"])
