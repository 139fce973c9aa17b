"""Monitoring of a published day: its verdict, its figures, and a page to look at."""

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
from configs.policy import load_policy
from configs.settings import Settings
from tasks.adapters.files.parquet import write_parquet
from tasks.core.contract.report import read_contract_report
from tasks.core.contract.screening import PD
from tasks.core.day.manifest import Manifest, policy_of
from tasks.core.decision.policy import Policy, decide
from tasks.core.decision.reasons import REASONS
from tasks.core.disclosure import is_enough, is_none_or_enough
from tasks.core.lender.kinds import FROM_62
from tasks.core.monitoring.cells import Role
from tasks.core.monitoring.compared import Compared, compare_counts
from tasks.core.monitoring.day_metrics import day_metrics
from tasks.core.monitoring.expected import (
    CONCEPT_DRIFT_CAVEAT,
    ExpectedPerformance,
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
from tasks.core.monitoring.metrics import WHOLE_DAY, Level, Metric, metrics_of, metrics_table
from tasks.core.monitoring.quality import QUALITY_FIGURES, quality_metrics, quality_sentence
from tasks.core.monitoring.reference import Frozen
from tasks.core.monitoring.thresholds import Thresholds
from tasks.core.monitoring.verdict import DayVerdict, judge
from tasks.core.words import in_json
from tasks.errors import ConfigError, SourceError
from tasks.model.load import load_bundle
from tasks.monitoring.against import Against, AgainstKind, against_recent_days, against_reference, frozen_reference
from tasks.monitoring.today import GatheredDay, gather_day, join_days
from tasks.publication.data_files import read_data
from tasks.publication.layout import metrics_key, monitoring_key, recent_key, verdict_key, window_key
from tasks.publication.manifests import newest_manifest
from tasks.publication.references import read_reference
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


@dataclass(frozen=True, slots=True)
class _Judged:
    """Everything that monitoring has to say of a day."""

    compared: Compared | None
    verdict: DayVerdict
    expected: ExpectedPerformance
    quality: tuple[str, ...]
    fairness: tuple[str, ...]
    metrics: tuple[Metric, ...]


@step("judge day")
def judge_published(
    published: Sequence[Manifest],
    settings: Settings,
    against: AgainstKind = "reference",
) -> MonitoringResult:
    """Judge a published day, or several as one sample, and write what was found.

    The verdict and the figures are written before the page, so that a page that fails loses
    neither. The same day in the same store gives the same bytes. The figures of a window are not
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
    written = _write(store, published, judged, beside, day, settings)
    run_logger().info("Verdict on %s: %s", newest.as_of, judged.verdict.level)
    return MonitoringResult(
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
        written,
    )


@step("find published days")
def published_window(first: date, last: date, settings: Settings) -> tuple[Manifest, ...]:
    """Manifests of the published days from `first` to `last`.

    Raises:
        ConfigError: the window is empty or too long, or its days were decided by several models.
        SourceError: no day of it was published.
    """
    length = (last - first).days + 1
    if not 1 <= length <= _MOST_DAYS:
        raise ConfigError(f"The window from {first} to {last} has {length} days; 1 to {_MOST_DAYS} are possible.")
    store = open_store(settings.storage)
    days = (first + timedelta(days=offset) for offset in range(length))
    found = [newest for day in days if (newest := newest_manifest(store, day))]
    if not found:
        raise SourceError(f"No day from {first} to {last} was published; score them first: scoring status")
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
) -> _Judged:
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
    expected = _expected(day, policy, beside.frozen, settings)
    kinds, age_reasons = _fairness(day, manifest)
    quality = () if is_window else _quality(manifest, beside, settings, store)
    metrics = (
        *(day_metrics(compared, verdict) if compared else ()),
        *expected_metrics(expected),
        *fairness_metrics(kinds, age_reasons),
        *quality,
    )
    late_or_broken = tuple(quality_sentence(metric) for metric in quality if metric.level == "watch")
    unequal = tuple(each.sentence for each in kinds if each.level == "watch")
    about_age = (age_reasons.sentence,) if age_reasons.level == "watch" else ()
    return _Judged(compared, verdict, expected, late_or_broken, (*unequal, *about_age), metrics)


def _expected(day: GatheredDay, policy: Policy, frozen: Frozen, settings: Settings) -> ExpectedPerformance:
    pd = day.results.column(PD).to_numpy()
    costs = load_policy(settings.scoring.policy).costs.model_dump()
    return expected_performance(
        pd,
        decide(pd, policy),
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


def _write(
    store: Store,
    published: Sequence[Manifest],
    judged: _Judged,
    beside: Against,
    day: GatheredDay,
    settings: Settings,
) -> tuple[str, ...]:
    """Write verdict, figures and page; returns their keys."""
    newest = published[-1]
    verdict = {
        "as_of": newest.as_of.isoformat(),
        "revision": newest.revision,
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
    }
    if len(published) > 1:
        first, last = published[0].as_of, newest.as_of
        verdict["from"] = first.isoformat()
        contents = {window_key(first, last, "verdict.json"): _as_json(verdict)}
        page_key, snapshot_key = (window_key(first, last, name) for name in _PAGES)
    elif beside.kind == "last-28":
        contents = {recent_key(newest.as_of, "verdict.json"): _as_json(verdict)}
        page_key, snapshot_key = (recent_key(newest.as_of, name) for name in _PAGES)
    else:
        table = metrics_table(
            judged.metrics,
            as_of=newest.as_of,
            revision=newest.revision,
            model_version=newest.model.version,
        )
        contents = {
            verdict_key(newest.as_of): _as_json(verdict),
            metrics_key(newest.as_of): write_parquet(table, {}),
        }
        page_key, snapshot_key = (monitoring_key(newest.as_of, name) for name in _PAGES)
    for key, data in contents.items():
        overwrite(store, key, data)
    page, snapshot = _drawn(store, newest, judged, beside, day, settings)
    overwrite(store, page_key, page)
    overwrite(store, snapshot_key, snapshot)
    return (*contents, page_key, snapshot_key)


def _drawn(
    store: Store,
    newest: Manifest,
    judged: _Judged,
    beside: Against,
    day: GatheredDay,
    settings: Settings,
) -> tuple[bytes, bytes]:
    """Evidently's page and snapshot of the judged rows beside the reference sample."""
    from tasks.adapters.evidently import ShownColumn, ShownDay, draw_day

    reference = load_bundle(newest.model, settings).reference
    columns = {**reference["columns"], PD: {"quantiles": reference["pd_quantiles"]}}
    sample = read_reference(store, newest.model, trained_rows=reference["rows"]).to_pandas()
    verdict, weights = judged.verdict, beside.frozen.weights
    sentences = {finding.column: finding.sentence for finding in reversed(verdict.findings)}
    sizes = {PD: 0.0, **verdict.sizes}
    shown = ShownDay(
        newest.as_of,
        newest.revision,
        newest.model.version,
        verdict.level,
        (verdict.headline, *(f"{each.level}: {each.sentence}" for each in verdict.findings), verdict.advice),
        _scalars(newest, judged, day),
        [
            ShownColumn(name, sizes[name], name in sentences, sentences.get(name, "No difference beyond chance."))
            for name in sorted(sizes, key=lambda each: (-sizes[each], each))
        ],
        sorted(weights, key=lambda name: (-weights[name], name)),
    )
    rows = day.sample.to_pandas()
    drawn = draw_day(shown, rows, sample, columns)
    return drawn.page, drawn.snapshot


def _scalars(newest: Manifest, judged: _Judged, day: GatheredDay) -> dict[str, float | None]:
    """Figures of the day that a trend shows, by their names in Evidently's panels."""
    rows, totals = day.counts.rows, newest.totals
    told = {metric.metric: metric.value for metric in judged.metrics if metric.slice == WHOLE_DAY}
    missing = None
    if judged.compared and is_enough(rows):
        is_missing = judged.compared.layout.roles == Role.MISSING
        missing = float(judged.compared.shares[is_missing].mean())
    return {
        "rows": float(rows),
        "mean_pd": told.get("mean_pd"),
        "approval_share": told.get("approval_rate"),
        "missing_share": missing,
        "quarantine_share": totals.quarantined / totals.rows if is_none_or_enough(totals.quarantined) else None,
    }


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
