"""Jobs of this project to measure: a whole day, its profile, contract, engine and monitoring.

The answers of the registered model through MLflow are among them, to a frame and to one application.
"""

from __future__ import annotations

import cProfile
import hashlib
import json
import os
import pstats
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.apart import Job, Stopwatch, run_command
from benchmarks.days import CLEAN, DAY, LANDED, TYPED
from configs.settings import PROJECT, Settings, load_settings

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from tasks.core.day.manifest import Manifest
    from tasks.core.model.bundle import Bundle, Engine

DECISIONS: Final = "decisions.parquet"
_SUITE: Final = PROJECT / "expectations/applications.json"
_SHOWN_FUNCTIONS: Final = 24
_LEAST_SHARE: Final = 0.02
_CALLS: Final = 30


def run_day(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Run the decision path as the flow does, without Prefect: from the landing to `decisions/`."""
    from tasks.scoring.day_workers import runner_of

    with _own_store(job) as settings:
        list(runner_of(settings, job.cores).run(str, range(job.cores)))  # processes are ready, as imports are
        manifest = _publish(settings, watch)
        counts = _counts(manifest)
        decisions = Path(settings.storage.root, f"decisions/day={DAY}/decisions.parquet")
        counts["sha256"] = hashlib.sha256(decisions.read_bytes()).hexdigest()
        shutil.copyfile(decisions, Path(job.scratch, DECISIONS))
        return counts | _decided(decisions)


def profile_day(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Profile a day on one core: our own functions with the functions they call, in seconds."""
    profile = cProfile.Profile()
    with _own_store(job) as settings, watch.stage("profiled"):
        profile.runcall(_publish, settings, Stopwatch())
    stats: Any = pstats.Stats(profile)
    ours = [
        (cumulative, own, f"{Path(file).relative_to(PROJECT)}:{name}")
        for (file, _, name), (_, _, own, cumulative, _) in stats.stats.items()
        if file.startswith(str(PROJECT / "tasks"))
    ]
    least = _LEAST_SHARE * stats.total_tt
    slowest = [each for each in sorted(ours, reverse=True) if each[0] >= least]
    return {"total": stats.total_tt, "functions": slowest[:_SHOWN_FUNCTIONS]}


@contextmanager
def _own_store(job: Job) -> Iterator[Settings]:
    """Settings of a day in a store of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=job.scratch) as root:
        landing = Path(root, LANDED).parent
        landing.mkdir(parents=True)
        for file in job.path(LANDED).parent.iterdir():
            os.link(file, landing / file.name)
        if Path(job.models, "store/reference").exists():
            shutil.copytree(Path(job.models, "store/reference"), Path(root, "reference"))
        yield load_settings(environ={**os.environ, **day_environ(root, job.cores)})


def day_environ(root: str, workers: int) -> dict[str, str]:
    """Variables of a day: its store, and the chunks in work at a time."""
    return {"SCORING_STORAGE__ROOT": root, "SCORING_SCORING__WORKERS": str(workers)}


def _publish(settings: Settings, watch: Stopwatch) -> Manifest:
    from tasks.core.day.records import PUBLISH
    from tasks.scoring.arrive import arrive
    from tasks.scoring.audit import audit
    from tasks.scoring.pin import pin
    from tasks.scoring.publish import publish, roll_forward
    from tasks.scoring.revise import draft
    from tasks.scoring.screen_score import screen_and_score_files

    with watch.stage("arrive"):
        standing = roll_forward(DAY, PUBLISH, settings)
        delivery = arrive(standing, settings)
    with watch.stage("pin"):
        pins = pin(standing, delivery, settings)
        revision = draft(standing, delivery, settings)
    with watch.stage("screen and score"):
        parts = screen_and_score_files(delivery.files, pins, settings)
    with watch.stage("audit"):
        audited = audit(delivery, pins, revision, parts, settings)
    with watch.stage("publish"):
        return publish(standing, delivery, pins, revision, audited, settings)


def _counts(manifest: Manifest) -> dict[str, Any]:
    audited = manifest.audited
    return {
        "decided": audited.decisions.rows,
        "quarantined": audited.quarantine.rows if audited.quarantine else 0,
        "by_decision": dict(audited.by_decision),
        "by_rule": dict(audited.by_rule),
    }


def _decided(path: Path) -> dict[str, int]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    decisions = pq.read_table(path, columns=["decision", "reason_1"])
    not_approved = decisions.filter(pc.not_equal(decisions.column("decision"), "approve"))
    reasons = not_approved.column("reason_1")
    n_rows = not_approved.num_rows
    return {"not_approved": n_rows, "explained": n_rows - reasons.null_count}


def judge_contract(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Judge the rules that need no share of the day, as Great Expectations judges them plainly."""
    return _judge(job, watch, shares=False)


def judge_whole_contract(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Judge a day by the whole contract."""
    return _judge(job, watch, shares=True)


def _judge(job: Job, watch: Stopwatch, *, shares: bool) -> dict[str, Any]:
    import pyarrow as pa

    from tasks.adapters.gx import build_contract
    from tasks.core.contract.rules import RuleCount, broken_rules_by_row, merge_counts, typed_frame

    with watch.stage("load"):
        contract = build_contract(suite_text(shares=shares))
    counts: dict[str, RuleCount] = {}
    kept = []
    quarantined = 0
    for table in typed_chunks(job):
        with watch.stage("rows"):
            verdicts = contract.check_rows(table)
            by_row = broken_rules_by_row(contract.rules, verdicts, table.num_rows)
            quarantined += int(by_row.mask.sum())
            counts = merge_counts(counts, verdicts.counts)
            kept.append(table.select(list(contract.table_columns)))
    with watch.stage("day"):
        of_table = contract.check_table(typed_frame(pa.concat_tables(kept)))
        results = contract.results(counts, of_table)
    figures = {result.rule_id: result.figures for result in results}
    broken = {
        rule: each["unexpected_count"]
        for rule, each in figures.items()
        if "unexpected_count" in each
    }  # fmt: skip
    return {"rules": len(results), "quarantined": quarantined, "broken": nonzero(broken)}


def suite_text(*, shares: bool) -> str:
    """Text of the contract, with or without the rules about a share of the day.

    COMPLETE lists every row that breaks a rule. With those rules it would list millions of rows
    that merely lack an optional value.
    """
    suite = json.loads(_SUITE.read_text("utf-8"))
    # A rule that compares the day with others adds nothing to its speed.
    kept = [entry for entry in suite["expectations"] if "$PARAMETER" not in json.dumps(entry)]
    suite["expectations"] = [entry for entry in kept if shares or "mostly" not in entry["kwargs"]]
    return json.dumps(suite)


def nonzero(counts: dict[str, Any]) -> dict[str, int]:
    """Rules that rows break, each with the number of rows that break it."""
    return {rule: int(count) for rule, count in sorted(counts.items()) if count}


def typed_chunks(job: Job) -> Iterator[pa.Table]:
    """Typed rows of the day, in chunks of the size in which a day is scored."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(job.path(TYPED), pre_buffer=False)
    for batch in file.iter_batches(load_settings().scoring.chunk_rows):
        yield pa.Table.from_batches([batch])


def run_engine(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Time the raw scores of our engine, and its contributions of every row not approved."""
    from tasks.model.load import proven_engine

    bundle = champion()
    with watch.stage("load"):
        engine = proven_engine(bundle)
    return engine_figures(job, watch, bundle, engine, workers=job.cores)


def engine_figures(
    job: Job,
    watch: Stopwatch,
    bundle: Bundle,
    engine: Engine,
    *,
    workers: int,
) -> dict[str, Any]:
    """Time an engine on the day's matrix, chunks side by side.

    Scores and contributions are kept for comparison.
    """
    import numpy as np

    from tasks.core.model.features import build_features
    from tasks.running.workers import work_in_order

    matrices = [build_features(rows, bundle.features) for rows in typed_chunks(job)]
    with watch.stage("scores"):
        raw = list(work_in_order(engine.raw_scores, matrices, workers=workers))
    refused = [
        np.asfortranarray(matrix[bundle.calibration.pd_of(scores) >= bundle.cutoff])
        for matrix, scores in zip(matrices, raw, strict=True)
    ]
    with watch.stage("reasons"):
        contributions = list(work_in_order(engine.contributions, refused, workers=workers))
    keep_array(job, "raw", np.concatenate(raw))
    keep_array(job, "contributions", np.concatenate(contributions))
    return {"engine": type(engine).__name__, "explained": sum(map(len, contributions))}


def keep_array(job: Job, name: str, values: np.ndarray) -> None:
    """Keep an array of a job for comparison."""
    import numpy as np

    np.save(Path(job.scratch, f"{job.name}.{name}.npy"), values)


def champion() -> Bundle:
    """Bundle of the kept model."""
    from tasks.model.load import load_bundle, registry_of

    settings = load_settings()
    return load_bundle(registry_of(settings).champion(), settings)


def judge_decided(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Time the statistics and the verdict of the decided rows, which are read beside the clock."""
    from configs.monitoring import load_thresholds
    from tasks.core.model.reference import MONITORED
    from tasks.core.monitoring.compared import compare_counts
    from tasks.core.monitoring.counts import DayCounts, count_rows
    from tasks.core.monitoring.reference import Frozen
    from tasks.core.monitoring.thresholds import Thresholds
    from tasks.core.monitoring.verdict import judge

    bundle = champion()
    frozen = Frozen.from_json(bundle.reference[MONITORED])
    thresholds = Thresholds.of(load_thresholds(load_settings().monitoring.thresholds).model_dump())
    counts = DayCounts.none(frozen)
    for rows, pd, decisions in _decided_chunks(job):
        with watch.stage("count"):
            counts += count_rows(rows, pd, decisions, frozen)
    with watch.stage("judge"):
        compared = compare_counts(counts, frozen, thresholds=(bundle.cutoff, bundle.cutoff))
        verdict = judge(compared, thresholds)
    return _judged(counts.rows, frozen.rows, verdict.level, len(verdict.findings))


def _decided_chunks(job: Job) -> Iterator[tuple[pa.Table, np.ndarray, np.ndarray]]:
    """Typed rows of the applications that the day's job decided, their pd and decisions; each once."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from tasks.core.decision import policy
    from tasks.core.lender.columns import ID

    decided = pq.read_table(Path(job.scratch, DECISIONS), columns=["application_id", "pd", "decision"])
    ids = decided.column("application_id")
    pd = decided.column("pd").to_numpy()
    decisions = pc.index_in(decided.column("decision"), value_set=pa.array(policy.DECISIONS)).to_numpy()
    seen = np.zeros(len(ids), dtype=bool)
    for rows in typed_chunks(job):
        place = pc.index_in(rows.column(ID), value_set=ids).fill_null(-1).to_numpy()
        known, first = np.unique(place, return_index=True)
        is_new = (known >= 0) & ~seen[known]
        chosen = np.sort(first[is_new])
        seen[place[chosen]] = True
        yield rows.take(pa.array(chosen)), pd[place[chosen]], decisions[place[chosen]]


def monitor_day(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Time monitoring of a published day as a whole: its rows read again, verdict, figures, pages."""
    from tasks.monitoring.draw import draw_verdict
    from tasks.monitoring.report import judge_published
    from tasks.monitoring.today import published_day

    with _own_store(job) as settings:
        # In a process of its own, so that the peak is that of monitoring.
        own_store = {"SCORING_STORAGE__ROOT": settings.storage.root}
        run_command(["score", "--as-of", str(DAY), "--without-prefect"], own_store)
        published = published_day(DAY, settings)
        with watch.stage("monitoring"):
            judgement = judge_published((published,), settings)
            draw_verdict(judgement, settings)
        result = judgement.result
        written_bytes = sum(Path(settings.storage.root, key).stat().st_size for key in result.keys)
    judged = _judged(result.rows, result.reference_rows, result.level, len(result.findings))
    return judged | {"written_bytes": written_bytes}


def _judged(rows: int, reference_rows: int, level: str, findings: int) -> dict[str, Any]:
    return {"compared": rows, "reference": reference_rows, "level": level, "findings": findings}


def judge_one_row(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Time the whole contract on chunks of one row: its fixed cost."""
    from tasks.adapters.gx import build_contract
    from tasks.core.contract.rules import broken_rules_by_row

    with watch.stage("load"):
        contract = build_contract(suite_text(shares=True))
    rows = next(typed_chunks(job))

    def judge(number: int) -> None:
        table = rows.slice(number, 1)
        broken_rules_by_row(contract.rules, contract.check_rows(table), table.num_rows)

    return _each_call(watch, judge)


def answer_one(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Time the registered model through `mlflow.pyfunc`, one application a call.

    Each call is answered as a whole day is: with contract, pd, decision and reasons.
    """
    import pandas as pd

    rows = pd.read_csv(job.path(CLEAN), nrows=_CALLS + 1)
    applications = [rows.iloc[[number]] for number in range(len(rows))]
    with watch.stage("load"):
        model = _pyfunc_champion()

    def predict(number: int) -> None:
        (decision,) = model.predict(applications[number])["decision"]
        if decision is None:
            raise ValueError(f"Row {number} of a day without bad rows was not decided.")

    return _each_call(watch, predict)


def _each_call(watch: Stopwatch, call: Callable[[int], None]) -> dict[str, Any]:
    """Seconds of each call, by the number of its row, after one that prepares what the first needs."""
    with watch.stage("load"):
        call(_CALLS)
    seconds = []
    with watch.stage("calls"):
        for number in range(_CALLS):
            begun = time.perf_counter()
            call(number)
            seconds.append(time.perf_counter() - begun)
    return {"answered": _CALLS, "call_seconds": seconds}


def answer_frame(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Time the registered model through `mlflow.pyfunc`, with one frame of all rows.

    The model answers with contract, pd and decision.
    """
    import pandas as pd

    frame = pd.read_parquet(job.path(TYPED))
    with watch.stage("load"):
        model = _pyfunc_champion()
    with watch.stage("predict"):
        answer = model.predict(frame)
    return {"answered": len(answer)}


def _pyfunc_champion() -> Any:
    """Load the champion as a service does."""
    import mlflow

    registry = load_settings().registry
    mlflow.set_tracking_uri(registry.tracking_uri)
    return mlflow.pyfunc.load_model(f"models:/{registry.model_name}@{registry.alias}")
