"""Rivals of the project: the same packages used plainly, on the same file, with the same models."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.apart import Job, Stopwatch
from benchmarks.days import CLEAN, LANDED, LARGE_MODEL, TYPED, coded, levels_of
from benchmarks.own import DECISIONS, champion, engine_figures, nonzero, suite_text
from configs.settings import load_settings

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tasks.core.model.bundle import Bundle

PLAIN_DECISIONS: Final = "plain.parquet"
_REASONS: Final = 4
_ROWS_ONE_BY_ONE: Final = 500


def run_plain_large(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Score a day that is wired plainly, with the large model."""
    frame, quarantined = _read_and_judge(job, watch)
    import lightgbm
    import numpy as np

    with watch.stage("features"):
        matrix = coded(frame, levels_of(Path(job.models)))
    with watch.stage("scores"):
        booster = lightgbm.Booster(model_file=Path(job.models, LARGE_MODEL))
        pd = np.asarray(booster.predict(matrix))
    with watch.stage("reasons"):
        refused = _highest(pd, job.explained)
        predicted = np.asarray(booster.predict(matrix[refused], pred_contrib=True))
        contributions = predicted[:, :-1]
        columns = np.array([f"column {n}" for n in range(contributions.shape[1])])
        reasons = columns[_top(contributions)]
    return _write_plainly(job, watch, frame, pd, refused, reasons) | {"quarantined": quarantined}


def run_plain_own(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Score a day that is wired plainly, with our model.

    Features and calibration are ours; scores and contributions are LightGBM's own.
    """
    frame, quarantined = _read_and_judge(job, watch)
    import numpy as np
    import pyarrow as pa

    from tasks.adapters.lightgbm import LightGBMModel
    from tasks.core.lender.columns import TYPED_SCHEMA
    from tasks.core.lender.feature_list import FAMILIES
    from tasks.core.model.features import build_features, family_numbers

    bundle = champion()
    with watch.stage("features"):
        typed = pa.Table.from_pandas(frame, schema=TYPED_SCHEMA, preserve_index=False)
        matrix = build_features(typed, bundle.features)
    with watch.stage("scores"):
        engine = LightGBMModel(bundle.model_text, family_numbers(bundle.features.names))
        pd = bundle.calibration.pd_of(engine.raw_scores(matrix))
    with watch.stage("reasons"):
        refused = _highest(pd, job.explained)
        reasons = np.array(list(FAMILIES))[_top(engine.contributions(matrix[refused]))]
    return _write_plainly(job, watch, frame, pd, refused, reasons) | {"quarantined": quarantined}


def _read_and_judge(job: Job, watch: Stopwatch) -> tuple[pd.DataFrame, int]:
    """Accepted rows of the day in one frame, and the number of rows set aside."""
    import pandas as pd

    from tasks.core.lender.columns import ID, NUMBERS

    with watch.stage("read"):
        frame = pd.read_csv(job.path(LANDED), low_memory=False)
        for name in (ID, *NUMBERS):
            # A bad cell made the column text, and rules would crash on it.
            if frame[name].dtype == object:
                frame[name] = pd.to_numeric(frame[name], errors="coerce")
    with watch.stage("contract"):
        found = _complete(frame)
        bad: set[float] = set()
        for each in found:
            if each.expectation_config.severity == "critical":
                bad.update(row[ID] for row in each.result.get("unexpected_index_list") or ())
        accepted = frame[~frame[ID].isin(bad) & frame[ID].notna()]
    return accepted, len(frame) - len(accepted)


def _complete(frame: pd.DataFrame) -> list[Any]:
    """Results of Great Expectations for every rule on one wide frame, with ids of broken rows."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from tasks.core.lender.columns import ID

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    definition = asset.add_batch_definition_whole_dataframe("rows")
    batch = definition.get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(**json.loads(suite_text(shares=False)))
    complete: Any = {"result_format": "COMPLETE", "unexpected_index_column_names": [ID]}
    return list(batch.validate(suite, result_format=complete).results)


def judge_plainly(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Judge the typed rows by Great Expectations itself."""
    import pyarrow.parquet as pq

    frame = pq.read_table(job.path(TYPED)).to_pandas()
    with watch.stage("rules"):
        results = _complete(frame)
    broken = {
        each.expectation_config.meta["id"]: each.result.get("unexpected_count") or 0
        for each in results
    }  # fmt: skip
    return {"rules": len(results), "broken": nonzero(broken)}


def _highest(pd: np.ndarray, rows: int) -> np.ndarray:
    """Positions of the `rows` highest pd, ascending."""
    import numpy as np

    if not rows:
        return np.empty(0, dtype=np.int64)
    return np.sort(np.argpartition(-pd, rows - 1)[:rows])


def _top(contributions: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.argsort(-contributions, axis=1)[:, :_REASONS]


def _write_plainly(
    job: Job,
    watch: Stopwatch,
    frame: pd.DataFrame,
    pds: np.ndarray,
    refused: np.ndarray,
    reasons: np.ndarray,
) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    from tasks.core.lender.columns import ID

    with watch.stage("write"):
        of_row = np.full((len(pds), _REASONS), None, dtype=object)
        of_row[refused] = reasons
        is_refused = np.zeros(len(pds), dtype=bool)
        is_refused[refused] = True
        named = {f"reason_{n}": of_row[:, n - 1] for n in range(1, _REASONS + 1)}
        ids = frame[ID].to_numpy(np.int64)
        columns = {"application_id": ids, "pd": pds, "is_refused": is_refused} | named
        decided = pd.DataFrame(columns).sort_values("application_id")
        decided.to_parquet(Path(job.scratch, f"{job.name} {PLAIN_DECISIONS}"))
    return {"decided": len(pds), "explained": len(refused)}


def run_floor(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Measure the least that a day can cost.

    It is a typed read of a file without bad rows, raw scores of a ready matrix, and one write.
    """
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    from tasks.core.lender.columns import TYPED_SCHEMA
    from tasks.core.model.features import build_features
    from tasks.model.load import proven_engine
    from tasks.running.workers import work_in_order

    bundle = champion()
    decisions = pq.read_table(Path(job.scratch, DECISIONS))
    engine = proven_engine(bundle)
    with watch.stage("read"):
        options = pa_csv.ConvertOptions(column_types=_declared_types())
        rows = pa_csv.read_csv(job.path(CLEAN), convert_options=options)
    typed = rows.cast(TYPED_SCHEMA)
    step = load_settings().scoring.chunk_rows
    chunks = [typed.slice(start, step) for start in range(0, len(typed), step)]
    matrices = [build_features(chunk, bundle.features) for chunk in chunks]
    with watch.stage("scores"):
        raw = list(work_in_order(engine.raw_scores, matrices, workers=job.cores))
    with watch.stage("write"):
        pq.write_table(decisions, Path(job.scratch, "floor.parquet"))
    return {"scored": sum(map(len, raw)), "engine": type(engine).__name__}


def _declared_types() -> dict[str, Any]:
    import pyarrow as pa

    from tasks.core.lender.columns import COLUMNS

    types = {
        "id": pa.int64(),
        "integer": pa.int64(),
        "real": pa.float64(),
        "text": pa.dictionary(pa.int32(), pa.string()),
    }
    return {column.name: types[column.kind] for column in COLUMNS}


def run_lightgbm(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Time LightGBM's own scores and contributions of our model, as `run_engine` does for ours."""
    from tasks.adapters.lightgbm import LightGBMModel
    from tasks.core.model.features import family_numbers

    bundle = champion()
    with watch.stage("load"):
        engine = LightGBMModel(bundle.model_text, family_numbers(bundle.features.names))
    return engine_figures(job, watch, bundle, engine, workers=1)  # it has threads of its own


def predict_flavour(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Time our trees through `mlflow.pyfunc` in LightGBM's flavour.

    The input is one frame of ready features; the answer is pd alone.
    """
    import lightgbm
    import mlflow

    bundle = champion()
    frame = _feature_frame(job, bundle)
    with tempfile.TemporaryDirectory(dir=job.scratch) as folder:
        booster = lightgbm.Booster(model_str=bundle.model_text)
        mlflow.lightgbm.save_model(booster, f"{folder}/model", pip_requirements=["lightgbm"])
        with watch.stage("load"):
            model = mlflow.pyfunc.load_model(f"{folder}/model")
        with watch.stage("predict"):
            answer = model.predict(frame)
    return {"answered": len(answer)}


def _feature_frame(job: Job, bundle: Bundle) -> pd.DataFrame:
    import pandas as pd
    import pyarrow.parquet as pq

    from tasks.core.model.features import build_features

    matrix = build_features(pq.read_table(job.path(TYPED)), bundle.features)
    return pd.DataFrame(matrix, columns=list(bundle.features.names))


def answer_one_by_one(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Score row by row, as services do.

    Each call has a frame of one row, coded categories, pd by the large model, and contributions.
    """
    import lightgbm
    import pandas as pd

    levels = levels_of(Path(job.models))
    booster = lightgbm.Booster(model_file=Path(job.models, LARGE_MODEL))
    rows = pd.read_parquet(job.path(TYPED)).head(_ROWS_ONE_BY_ONE).to_dict("records")
    for row in rows:
        with watch.stage("scores"):
            matrix = coded(pd.DataFrame([row]), levels)
            booster.predict(matrix)
        with watch.stage("reasons"):
            booster.predict(matrix, pred_contrib=True)
    return {"answered": len(rows)}


def report_plainly(job: Job, watch: Stopwatch) -> dict[str, Any]:
    """Time Evidently's presets for drift and quality.

    They compare samples of the day and of the reference: as many rows as our page draws from. Our
    verdict looks at the whole day.
    """
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset, DataSummaryPreset

    from tasks.core.lender.columns import NUMBERS, TEXTS

    day = pd.read_parquet(job.path(TYPED))
    n_rows = min(len(day), load_settings().monitoring.sample_rows)
    current = day.sample(n_rows, random_state=0)
    (sample,) = Path(job.models, "store/reference").rglob("sample.parquet")
    frames = [current, pd.read_parquet(sample)]
    kept = [name for name in (*NUMBERS, *TEXTS) if _has_values(frames, name)]
    definition = DataDefinition(
        numerical_columns=[name for name in kept if name in NUMBERS],
        categorical_columns=[name for name in kept if name in TEXTS],
    )
    with watch.stage("reports"):
        sets = [Dataset.from_pandas(frame[kept], data_definition=definition) for frame in frames]
        for preset in (DataDriftPreset(), DataSummaryPreset()):
            snapshot = Report([preset]).run(*sets)
            snapshot.get_html_str(as_iframe=False)
            snapshot.json()
    return {"compared": len(frames[0]), "reference": len(frames[1])}


def _has_values(frames: list[pd.DataFrame], name: str) -> bool:
    """True if the column has a value in every frame."""
    return all(frame[name].notna().any() for frame in frames)
