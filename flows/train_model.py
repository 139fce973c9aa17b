"""Train a model on applications with known outcomes, register it, and give it its place.

The first model scores. Every later one is a challenger, which `scoring promote` lets score.
"""

from __future__ import annotations

from dataclasses import replace

from prefect import flow

from tasks.model_life.introduce import introduce
from tasks.running.context import settings_of_run
from tasks.running.endings import ends_in_a_line
from tasks.running.step import FLOW_OPTIONS
from tasks.training.choices import measure_choices
from tasks.training.cross_validate import asked_of_training, cross_validate
from tasks.training.evaluate import evaluate
from tasks.training.history import read_history
from tasks.training.train import Trained, fit, register, require_registrable


@flow(name="train-model", **FLOW_OPTIONS)
@ends_in_a_line()
def train_model(
    applications: list[str],
    config: str | None = None,
    search: int | None = None,
    benchmark: bool = False,
    keep_champion: bool = False,
) -> Trained:
    """Train, calibrate and register a model, and compare it with the one that scores.

    Aliases move last, when everything that belongs to the version is in place.

    Args:
        applications: Local files (CSV, CSV.gz or parquet) with the 121 columns and TARGET
            (1: defaulted).
        config: Settings file; by default configs/local.yaml.
        search: Shapes of model to try; by default the number in the settings.
        benchmark: Judge models of every kind in the same folds, for the card: naive Bayes, random
            forest, gradient boosting of four makes. It takes several times as long.
        keep_champion: Register the version, but give it no alias, so that people look at its card
            first.
    """
    settings = asked_of_training(settings_of_run(config), search=search, benchmark=benchmark)
    require_registrable(settings)
    history = read_history(applications, settings)
    judged = cross_validate(history, settings)
    bundle = fit(history, judged, settings)
    choices = measure_choices(history, judged, settings)
    evaluation = evaluate(history, judged, bundle, choices, settings)
    trained = register(bundle, history, judged, evaluation, settings)
    place = introduce(trained.model, history.rows, history.defaulted, settings, keep_aliases=keep_champion)
    return replace(
        trained, is_champion=place.is_champion, alias=place.alias, verdict=place.verdict, verdict_page=place.page
    )
