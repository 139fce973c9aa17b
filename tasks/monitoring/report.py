"""Monitoring of a published day: its verdict and its figures. `draw.py` makes the page to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from configs.calendar import load_calendar
from configs.monitoring import load_thresholds
from configs.settings import Settings
from tasks.adapters.files.parquet import write_parquet
from tasks.core.contract.report import read_contract_report
from tasks.core.contract.screening import PD
from tasks.core.day.manifest import Manifest, policy_of
from tasks.core.decision.policy import Decided, Policy, decide
from tasks.core.decision.reasons import REASONS
from tasks.core.lender.kinds import FROM_62
from tasks.core.monitoring.compared import Compared, compare_counts
from tasks.core.monitoring.day_metrics import day_metrics
from tasks.core.monitoring.expected import (
    CONCEPT_DRIFT_CAVEAT,
    ExpectedPerformance,
    band_metrics,
    expected_metrics,
    expected_performance,
)
from tasks.core.monitoring.fairness import (
    LIMITS,
    AgeReasons,
    KindFairness,
    compare_kinds,
    count_age_reasons,
    fairness_metrics,
)
from tasks.core.monitoring.metrics import Level, Metric, metrics_of, metrics_table
from tasks.core.monitoring.quality import quality_metrics
from tasks.core.monitoring.quality_figures import QUALITY_FIGURES, quality_sentence
from tasks.core.monitoring.reference import Frozen
from tasks.core.monitoring.thresholds import Thresholds
from tasks.core.monitoring.verdict import DayVerdict, judge
from tasks.core.words import in_json
from tasks.errors import ConfigError, SourceError
from tasks.model.policy_in_force import policy_of_day
from tasks.monitoring.against import Against, AgainstKind, against_recent_days, against_reference, frozen_reference
from tasks.monitoring.today import GatheredDay, gather_day, join_days
from tasks.publication.data_files import read_data
from tasks.publication.layout import metrics_key, monitoring_key, recent_key, window_key
from tasks.publication.manifests import newest_manifest
from tasks.publication.withdrawn import forget_judgement
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite

_PAGES: Final = ("drift.html", "drift.json")
_MOST_DAYS: Final = 92
"""Days of a window: a quarter."""


@dataclass(frozen=True, slots=True)
class MonitoringResult:
    """Verdict of monitoring, in words, and the keys of what was written."""

    first: date
    last: date
    level: Level
    headline: str
    advice: str
    findings: tuple[str, ...]
    """Sentences, the heaviest first, each with its level in front."""
    columns: tuple[str, ...]
    """Columns of the findings, the heaviest first."""
    expected: tuple[str, ...]
    """Sentences on performance before outcomes, and on what they are blind to."""
    quality: tuple[str, ...]
    """Sentences on the day's delivery that are worth a look."""
    fairness: tuple[str, ...]
    """Sentences of the internal control of fairness that are worth a look."""
    rows: int
    reference_rows: int
    keys: tuple[str, ...]
    page: str = ""
    """Key of the page of the day; empty if none was written, as for a window."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that monitoring has to say of a day."""

    compared: Compared | None
    verdict: DayVerdict
    expected: ExpectedPerformance
    quality: tuple[str, ...]
    fairness: tuple[str, ...]
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Judgement of a day, or of a window, that is written; and all that its page is drawn from."""

    result: MonitoringResult
    newest: Manifest
    judged: Judged
    beside: Against
    day: GatheredDay
    page_key: str
    snapshot_key: str


@step("judge day")
def judge_published(
    published: Sequence[Manifest],
    settings: Settings,
    against: AgainstKind = "reference",
) -> Judgement:
    """Judge a published day, or several as one sample, and write what was found.

    The page is drawn by a step of its own, after the verdict was announced: a page that fails loses
    neither verdict nor figures. The same day in the same store gives the same bytes. The figures of a window are not
    kept: those of its days are. A comparison with the days before has files of its own, and changes
    nothing of the verdict on the day.

    Raises:
        ConfigError: the days were decided by different models.
        InputsChanged: the landing files are no longer those that were scored, or have expired.
    """
    store = open_store(settings.storage)
    newest = published[-1]
    frozen = frozen_reference(newest.model, settings, store)
    days = [
        gather_day(store, each, frozen, settings.scoring, sample_rows=settings.monitoring.sample_rows)
        for each in published
    ]
    is_window = len(published) > 1
    seed = newest.as_of.toordinal()
    day = join_days(days, sample_rows=settings.monitoring.sample_rows, seed=seed) if is_window else days[0]
    look_back = against_recent_days if against == "last-28" else against_reference
    beside = look_back(store, published[0].as_of, newest.model, frozen)
    judged = _judge(day, published, beside, settings, store)
    contents = _contents(published, judged, beside)
    for key, data in contents.items():
        overwrite(store, key, data)
    run_logger().info("Verdict on %s: %s", newest.as_of, judged.verdict.level)
    page_key, snapshot_key = (_page_key(published, beside, name) for name in _PAGES)
    result = MonitoringResult(
        published[0].as_of,
        newest.as_of,
        judged.verdict.level,
        judged.verdict.headline,
        judged.verdict.advice,
        tuple(f"{finding.level}: {finding.sentence}" for finding in judged.verdict.findings),
        judged.verdict.columns,
        (*_expected_sentences(judged.expected), CONCEPT_DRIFT_CAVEAT),
        judged.quality,
        judged.fairness,
        day.counts.rows,
        beside.frozen.rows,
        (*contents, page_key, snapshot_key),
    )
    return Judgement(result, newest, judged, beside, day, page_key, snapshot_key)


@step("leave withdrawn day")
def leave_withdrawn(withdrawn: Manifest, settings: Settings) -> MonitoringResult:
    """Result that a withdrawn day is not judged, and the reason why.

    An earlier run may have been judging the day while it was withdrawn, so what monitoring wrote of
    it is removed once more.
    """
    forget_judgement(open_store(settings.storage), withdrawn.as_of)
    as_of = withdrawn.as_of
    why = f"Not judged: revision {withdrawn.revision} withdrew the day, so nothing of it is decided"
    advice = f"Deliver the right files, then: scoring score --as-of {as_of}"
    run_logger().info("%s: %s", as_of, why)
    return MonitoringResult(as_of, as_of, "insufficient", f"{why}.", advice, (), (), (), (), (), 0, 0, ())


@step("find published days")
def published_window(first: date, last: date, settings: Settings) -> tuple[Manifest, ...]:
    """Manifests of the published days from `first` to `last`, without those that are withdrawn.

    Raises:
        ConfigError: the window is empty or too long, or its days were decided by several models.
        SourceError: no day of it is published.
    """
    length = (last - first).days + 1
    if not 1 <= length <= _MOST_DAYS:
        raise ConfigError(f"The window from {first} to {last} has {length} days; 1 to {_MOST_DAYS} are possible.")
    store = open_store(settings.storage)
    days = (first + timedelta(days=offset) for offset in range(length))
    newest = [newest_manifest(store, day) for day in days]
    found = [manifest for manifest in newest if manifest and not manifest.is_withdrawn]
    if not found:
        raise SourceError(f"No day from {first} to {last} is published; score them first: scoring status")
    models = {manifest.model for manifest in found}
    if len(models) > 1:
        versions = ", ".join(sorted(f"{model.name} {model.version}" for model in models))
        raise ConfigError(
            f"The days from {first} to {last} were decided by {versions}. Different models have different "
            "references: choose a window within which one model decided."
        )
    return tuple(found)


def _judge(
    day: GatheredDay,
    published: Sequence[Manifest],
    beside: Against,
    settings: Settings,
    store: Store,
) -> Judged:
    """Verdict, expected performance, quality and fairness of gathered applications.

    Days that different thresholds of a policy decided have no mix of decisions that is expected.
    """
    thresholds = Thresholds.of(load_thresholds(settings.monitoring.thresholds).model_dump())
    is_window = len(published) > 1
    manifest = published[-1]
    policy = policy_of(manifest)
    compared = None
    if day.counts.rows:
        limits: tuple[float, ...] = (policy.refer_from, policy.cutoff)
        if any((each.refer_from, each.cutoff) != limits for each in map(policy_of, published)):
            limits = ()
        compared = compare_counts(
            day.counts, beside.frozen, beside.dispersion, limits, score_dispersion=beside.score_dispersion
        )
    watched_before = frozenset() if is_window else beside.watched_before
    verdict = judge(compared, thresholds, watched_before=watched_before)
    pd = day.results.column(PD).to_numpy()
    decided = decide(pd, policy)
    costs = policy_of_day(manifest, settings).costs.model_dump()
    expected = _expected(pd, decided, policy, beside.frozen, costs)
    kinds, age_reasons = _fairness(day, manifest)
    quality = () if is_window else _quality(manifest, beside, settings, store)
    metrics = (
        *(day_metrics(compared, verdict) if compared else ()),
        *expected_metrics(expected),
        *band_metrics(decided.band, [band.name for band in policy.bands]),
        *fairness_metrics(kinds, age_reasons),
        *quality,
    )
    late_or_broken = tuple(quality_sentence(metric) for metric in quality if metric.level == "watch")
    unequal = tuple(each.sentence for each in kinds if each.level == "watch")
    about_age = (age_reasons.sentence,) if age_reasons.level == "watch" else ()
    return Judged(compared, verdict, expected, late_or_broken, (*unequal, *about_age), metrics)


def _expected(
    pd: np.ndarray,
    decided: Decided,
    policy: Policy,
    frozen: Frozen,
    costs: Mapping[str, float],
) -> ExpectedPerformance:
    return expected_performance(
        pd,
        decided,
        n_bands=len(policy.bands),
        costs=costs,
        calibration_rows=max(1, frozen.pd.rows),
    )


def _fairness(day: GatheredDay, manifest: Manifest) -> tuple[tuple[KindFairness, ...], AgeReasons]:
    """Comparison of kinds of applicants, and the reasons about age of the elderly."""
    decisions = day.results.column("decision").to_numpy()
    reasons = [day.results.column(name).to_numpy() for name in REASONS]
    codes = [reason.code for family, reason in manifest.reasons.items() if family == "age"]
    kinds = compare_kinds(day.protected, decisions)
    is_elderly = day.protected["elderly"] == FROM_62 if day.protected else np.zeros(len(decisions), dtype=bool)
    return kinds, count_age_reasons(is_elderly, decisions, reasons, codes)


def _quality(manifest: Manifest, beside: Against, settings: Settings, store: Store) -> tuple[Metric, ...]:
    report = read_contract_report(json.loads(read_data(store, manifest.audited.contract_report)))
    recent = {table.column("as_of")[0].as_py(): metrics_of(table, tuple(QUALITY_FIGURES)) for table in beside.days}
    return tuple(
        quality_metrics(manifest, report, recent, zone=ZoneInfo(load_calendar(settings.scoring.calendar).zone))
    )


def _contents(published: Sequence[Manifest], judged: Judged, beside: Against) -> dict[str, bytes]:
    """Key to content of the verdict, and of the figures if they are kept."""
    newest = published[-1]
    is_window = len(published) > 1
    verdict = {
        "as_of": newest.as_of.isoformat(),
        "revision": newest.revision,
        "publication": newest.publication,
        "model_name": newest.model.name,
        "model_version": newest.model.version,
        "against": beside.kind,
        **judged.verdict.to_json(),
        "expected": {
            **{name: figure._asdict() for name, figure in judged.expected._asdict().items()},
            "caveat": CONCEPT_DRIFT_CAVEAT,
        },
        "quality": list(judged.quality),
        "fairness": {"worth_a_look": list(judged.fairness), "limits": list(LIMITS)},
        **({"from": published[0].as_of.isoformat()} if is_window else {}),
    }
    contents = {_page_key(published, beside, "verdict.json"): _as_json(verdict)}
    if not is_window and beside.kind == "reference":
        table = metrics_table(
            judged.metrics,
            as_of=newest.as_of,
            revision=newest.revision,
            model_version=newest.model.version,
        )
        contents[metrics_key(newest.as_of)] = write_parquet(table, {})
    return contents


def _page_key(published: Sequence[Manifest], beside: Against, name: str) -> str:
    """Key of a report by name: that of a window, of a day beside the days before it, or of a day."""
    first, last = published[0].as_of, published[-1].as_of
    if len(published) > 1:
        return window_key(first, last, name)
    return recent_key(last, name) if beside.kind == "last-28" else monitoring_key(last, name)


def _as_json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(in_json(content), indent=1, allow_nan=False).encode()


def _expected_sentences(expected: ExpectedPerformance) -> tuple[str, ...]:
    """Sentences on what the decisions are expected to lead to; the concentration stands in the figures."""
    told = (
        expected.approval_rate,
        expected.expected_default_rate_of_approved,
        expected.expected_cost_per_application,
        expected.expected_auc,
    )
    return tuple(figure.sentence for figure in told if figure.value is not None)
