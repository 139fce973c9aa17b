"""From applications with known outcomes to a registered, promoted model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from configs.policy import load_policy
from configs.settings import Settings, Training
from tasks.adapters.arrow import read_chunks, write_parquet
from tasks.core.applications import TARGET, parse_numbers
from tasks.core.bundle import Bundle, make_golden, reference_statistics, to_files
from tasks.core.calibration import calibration_line, expected_calibration_error, fit_calibration
from tasks.core.day import ModelPin, format_of
from tasks.core.features import build_features, fit_features
from tasks.core.policy import best_cutoff, break_even_cutoff, cost_per_application
from tasks.core.screening import BROKEN_RULES, count_by_rule, screen_chunk
from tasks.errors import ConfigError, ExpectationsNotMet, ModelError, SourceError
from tasks.orchestration import run_logger, step
from tasks.pin import load_contract, registry_of, suite_text
from tasks.screen_score import require_columns
from tasks.store import open_store, overwrite

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tasks.adapters.lightgbm import TreeSettings

_COST_STEPS: Final = 400


class History(NamedTuple):
    """Typed applications that keep the contract, with their outcomes."""

    rows: pa.Table
    defaulted: np.ndarray
    """True where the applicant defaulted, shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A bundle, and the out-of-fold predictions by which it is judged."""

    bundle: Bundle
    raw: np.ndarray
    """Out-of-fold raw scores, shape (rows,)."""
    pd: np.ndarray
    """Their calibrated pd."""
    n_trees: int
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run registered."""

    model: ModelPin
    metrics: dict[str, float]
    rows: int
    n_trees: int
    cutoff: float


@step("read history")
def read_history(applications: Sequence[str], settings: Settings) -> History:
    """The applications of all files with their outcomes; rows that break the contract are left out and counted."""
    parts = [_read_file(Path(name), settings) for name in applications]
    if not parts:
        raise ConfigError("Training needs at least one file: --applications FILE.")
    history = History(
        pa.concat_tables([part.rows for part in parts]), np.concatenate([part.defaulted for part in parts])
    )
    run_logger().info("%d applications to learn from, %d defaulted", len(history.defaulted), history.defaulted.sum())
    return history


@step("fit")
def fit(history: History, settings: Settings) -> Fitted:
    """Fit and calibrate a model, judged on predictions that no tree of theirs has seen."""
    from tasks.adapters.lightgbm import LightGBMModel, fit_trees

    training, policy = settings.training, load_policy(settings.scoring.policy)
    raw, n_trees = _out_of_fold(history, training, use_age=policy.inputs.age)
    try:
        calibration = fit_calibration(raw, history.defaulted)
    except ValueError as error:
        raise ModelError(f"No model was registered: {error}. Look at the history and its outcomes.") from None
    features = fit_features(history.rows, history.defaulted, use_age=policy.inputs.age)
    matrix = build_features(history.rows, features)
    text = fit_trees(matrix, history.defaulted, names=features.names, trees=_trees(training), n_trees=n_trees)
    pd = calibration.pd_of(raw)
    costs = policy.costs.model_dump()
    cutoff = break_even_cutoff(**costs)
    golden = make_golden(matrix, LightGBMModel(text), calibration, seed=training.seed)
    bundle = Bundle(text, features, calibration, cutoff, reference_statistics(history.rows, pd), golden)
    return Fitted(bundle, raw, pd, n_trees, _metrics(pd, history.defaulted, cutoff=cutoff, costs=costs))


@step("register")
def register(fitted: Fitted, history: History, settings: Settings) -> Trained:
    """Register the bundle as the next version, and put its reference sample into the store."""
    params = settings.training.model_dump() | {
        "rows": len(fitted.pd),
        "features": len(fitted.bundle.features.names),
        "trees": fitted.n_trees,
        "proposed_cutoff": fitted.bundle.cutoff,
    }
    figures = _figures(fitted, history.defaulted, load_policy(settings.scoring.policy).costs.model_dump())
    pin = registry_of(settings).register(
        to_files(fitted.bundle), params=params, metrics=fitted.metrics, figures=figures
    )
    sample = reference_sample(history.rows, fitted.pd, settings.training)
    overwrite(open_store(settings.storage), reference_key(pin.version), write_parquet(sample))
    run_logger().info("Registered %s version %s: AUC %.4f", pin.name, pin.version, fitted.metrics["auc"])
    return Trained(pin, fitted.metrics, len(fitted.pd), fitted.n_trees, fitted.bundle.cutoff)


@step("promote")
def promote(trained: Trained, settings: Settings) -> None:
    """Let the new version score from now on."""
    registry_of(settings).promote(trained.model.version)


def reference_key(version: str) -> str:
    """Where the reference sample of a model version lies."""
    return f"reference/model={version}/sample.parquet"


def reference_sample(rows: pa.Table, pd: np.ndarray, training: Training) -> pa.Table:
    """A random sample of the training rows with their out-of-fold pd, for Evidently to draw from."""
    chosen = np.random.default_rng(training.seed).permutation(len(pd))[: training.reference_rows]
    return rows.append_column("pd", pa.array(pd)).take(pa.array(np.sort(chosen)))


def _read_file(path: Path, settings: Settings) -> History:
    contract = load_contract(suite_text(settings.contract.suite))
    rows, defaulted, broken = [], [], []
    done = 0
    try:
        with path.open("rb") as stream:
            file_format = format_of(path.name)
            require_columns(stream, file_format, name=path.name, also=(TARGET,))
            scoring = settings.scoring
            for raw in read_chunks(
                stream, file_format, name=path.name, chunk_rows=scoring.chunk_rows,
                max_unpacked_bytes=scoring.max_unpacked_bytes,
            ):  # fmt: skip
                chunk = screen_chunk(raw, first_row=done + 1, source=path.name, contract=contract)
                rows.append(chunk.accepted)
                defaulted.append(_outcomes(raw, path.name)[chunk.accepted_rows - done - 1])
                broken.extend(chunk.rejected.column(BROKEN_RULES).to_pylist())
                done += raw.num_rows
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from None
    if not done:
        raise ExpectationsNotMet(f"{path.name} holds a header and no rows.")
    if broken:
        run_logger().warning("%s: %d rows left out, by rule: %s", path.name, len(broken), count_by_rule(broken))
    return History(pa.concat_tables(rows), np.concatenate(defaulted))


def _outcomes(raw: pa.Table, name: str) -> np.ndarray:
    """TARGET as True (defaulted) or False. Raises `SourceError` where it is anything but 1 or 0."""
    outcome, _ = parse_numbers(raw.column(TARGET).combine_chunks(), whole=True)
    target = outcome.to_numpy(zero_copy_only=False)
    wrong = int(np.sum(~np.isin(target, (0.0, 1.0))))
    if wrong:
        raise SourceError(f"{wrong} rows of {name} have a {TARGET} other than 1 (defaulted) and 0 (repaid).")
    defaulted: np.ndarray = target == 1.0
    return defaulted


def _out_of_fold(history: History, training: Training, *, use_age: bool) -> tuple[np.ndarray, int]:
    """Raw scores of each row by trees that never saw it, and the mean number of trees that served best."""
    from tasks.adapters.lightgbm import fit_with_early_stopping
    from tasks.adapters.sklearn import stratified_folds

    rows, defaulted = history
    if min(defaulted.sum(), (~defaulted).sum()) < training.folds:
        raise ConfigError(
            f"{defaulted.sum()} of {len(defaulted)} applications defaulted; training.folds={training.folds} needs at "
            "least that many of either outcome. Give more history."
        )
    raw, best = np.empty(len(defaulted)), []
    folds = stratified_folds(defaulted, folds=training.folds, seed=training.seed)
    for number, (fitted_on, held_out) in enumerate(folds, start=1):
        taken = rows.take(pa.array(fitted_on))
        features = fit_features(taken, defaulted[fitted_on], use_age=use_age)
        n_trees, raw[held_out] = fit_with_early_stopping(
            (build_features(taken, features), defaulted[fitted_on]),
            (build_features(rows.take(pa.array(held_out)), features), defaulted[held_out]),
            names=features.names,
            trees=_trees(training),
            max_trees=training.max_trees,
            patience=training.early_stopping_rounds,
        )
        best.append(n_trees)
        run_logger().info("Fold %d of %d: %d trees", number, training.folds, n_trees)
    return raw, max(1, round(float(np.mean(best))))


def _trees(training: Training) -> TreeSettings:
    from tasks.adapters.lightgbm import TreeSettings

    return TreeSettings(**training.model_dump(include={each.name for each in fields(TreeSettings)}))


def _metrics(pd: np.ndarray, defaulted: np.ndarray, *, cutoff: float, costs: dict[str, float]) -> dict[str, float]:
    from tasks.adapters.sklearn import measure

    intercept, slope = calibration_line(np.log(pd / (1 - pd)), defaulted)
    return measure(pd, defaulted) | {
        "calibration_intercept": intercept,
        "calibration_slope": slope,
        "expected_calibration_error": expected_calibration_error(pd, defaulted),
        "cost_per_application": cost_per_application(pd, defaulted, cutoff, **costs),
        "cost_approving_all": cost_per_application(pd, defaulted, np.inf, **costs),
        "best_cutoff_in_hindsight": best_cutoff(pd, defaulted, **costs),
        "refusal_share": float(np.mean(pd >= cutoff)),
        "default_rate": float(defaulted.mean()),
    }


def _figures(fitted: Fitted, defaulted: np.ndarray, costs: dict[str, float]) -> dict[str, Figure]:
    from tasks.adapters import plots
    from tasks.adapters.lightgbm import gain_by_feature
    from tasks.adapters.sklearn import roc

    cutoffs = np.quantile(fitted.pd, np.linspace(0, 1, _COST_STEPS))
    curve = np.array([cost_per_application(fitted.pd, defaulted, cutoff, **costs) for cutoff in cutoffs])
    return {
        "roc": plots.draw_roc(*roc(fitted.pd, defaulted), auc=fitted.metrics["auc"]),
        "reliability": plots.draw_reliability(fitted.pd, defaulted),
        "cost": plots.draw_cost(cutoffs, curve, proposed=fitted.bundle.cutoff),
        "gain": plots.draw_gain(gain_by_feature(fitted.bundle.model_text)),
    }
