"""Price of exact reasons, compared with the gain by depth.

`python -m benchmarks.studies.model_shapes application_train.csv`

Judges trees of every depth from 1 to 8, with the other numbers of the settings, and LightGBM with
400 trees of 31 leaves on the raw columns, all in the same folds. Without a file it takes synthetic
applications. Prints a Markdown table of aggregates.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import numpy as np

from configs.policy import Costs, load_policy
from configs.settings import Settings, load_settings
from tasks.core.decision.policy import cost_at_break_even
from tasks.core.model.features import feature_names
from tasks.core.training.cross_fitting import cross_fitted_pd
from tasks.core.training.evaluation import auc_of
from tasks.core.training.model_shape import DEEPEST, choose_shape, log_losses, shapes_table
from tasks.training.baselines import plain_columns
from tasks.training.folds import assigned_folds, build_folds, score_folds
from tasks.training.history import read_history
from tasks.training.records import History
from tasks.training.search import judge_shape, with_numbers

_LARGE_TREES: Final = 400
_LARGE_LEAVES: Final = 31
_EXPLAINED_ROWS: Final = 500
_SEED: Final = 7
_DAY: Final = date(2026, 10, 1)


def frontier(history: History, settings: Settings) -> str:
    """Markdown table of every depth, cheapest first, the rule's choice marked; then the large model."""
    from tasks.training.folds import configured_trees

    training = settings.training
    policy = load_policy(settings.scoring.policy)
    fold = assigned_folds(history.defaulted, training)
    folds = build_folds(history, fold, training, feature_names(policy.inputs.forbidden))
    tried = []
    for depth in range(1, DEEPEST + 1):
        trees = with_numbers(configured_trees(training), {"max_depth": depth})
        scored = score_folds(folds, history, trees, training)
        tried.append(judge_shape(scored, history, fold, policy.costs))
    losses = [each.losses for each in tried]
    shapes = choose_shape([each.shape for each in tried], losses)
    best = min(losses, key=lambda of_rows: float(of_rows.mean(dtype=np.float64)))
    large = _large(history, fold, policy.costs, best, without=policy.inputs.forbidden)
    return f"{shapes_table(shapes)}\n{large}"


def _large(
    history: History,
    fold: np.ndarray,
    costs: Costs,
    best: np.ndarray,
    *,
    without: Collection[str],
) -> str:
    """Row of the table for the large model."""
    import lightgbm

    columns = plain_columns(history.rows, without)
    defaulted = history.defaulted
    params = {
        "objective": "binary", "num_leaves": _LARGE_LEAVES, "learning_rate": 0.05,
        "verbosity": -1, "seed": _SEED,
    }  # fmt: skip
    raw = np.empty(len(fold))
    rate = 0.0
    for held_out in (fold == number for number in np.unique(fold)):
        rows = lightgbm.Dataset(
            columns.matrix[~held_out], label=defaulted[~held_out].astype(float),
            categorical_feature=list(columns.categories),
        )  # fmt: skip
        booster = lightgbm.train(params, rows, _LARGE_TREES)
        raw[held_out] = booster.predict(columns.matrix[held_out], raw_score=True)
        some = columns.matrix[held_out][:_EXPLAINED_ROWS]
        begun = time.perf_counter()
        booster.predict(some, pred_contrib=True)
        rate = len(some) / (time.perf_counter() - begun)
    pd = cross_fitted_pd(raw, defaulted, fold)
    losses = log_losses(pd, defaulted).astype(np.float64)
    cost = cost_at_break_even(pd, defaulted, **costs.model_dump())
    behind = losses - best
    error = behind.std(ddof=1) / np.sqrt(len(behind))
    return (
        f"| {_LARGE_LEAVES} leaves, raw columns | {_LARGE_TREES} | 0.050 | {auc_of(pd, defaulted):.4f} "
        f"| {losses.mean():.5f} | {behind.mean():.5f} ± {error:.5f} "
        f"| {cost:.4f} | none | {rate:,.0f} |  |"
    )


@click.command()
@click.argument("applications", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option("--rows", type=click.IntRange(1000), default=50_000, show_default=True, help="Synthetic rows.")
@click.option("--config", type=click.Path(), help="Settings file.")
def program(applications: tuple[str, ...], rows: int, config: str | None) -> None:
    """Print the frontier of the applications in the files, or of synthetic ones."""
    settings = load_settings(config)
    with TemporaryDirectory() as folder:
        files = applications or (_synthetic(Path(folder), rows),)
        click.echo(frontier(read_history(files, settings), settings))


def _synthetic(folder: Path, rows: int) -> str:
    from tasks.feed.generate import load_statistics, write_history

    path = folder / "history.parquet"
    statistics = load_statistics()
    write_history(path, statistics, rows=rows, seed=_SEED, as_of=_DAY, file_format="parquet")
    return str(path)


if __name__ == "__main__":
    program()
