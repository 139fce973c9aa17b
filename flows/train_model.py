"""Train a model on applications whose outcome is known, register it, and make it the champion."""

from __future__ import annotations

from prefect import flow

from configs.settings import load_settings
from tasks.cross_validate import cross_validate, with_search
from tasks.evaluate import evaluate
from tasks.history import read_history
from tasks.train import Trained, fit, promote, register


@flow(name="train-model")
def train_model(applications: list[str], config: str | None = None, search: int | None = None) -> Trained:
    """Train, calibrate and register a model; the alias moves last, when all that belongs to the version is in place.

    Args:
        applications: Local files (CSV, CSV.gz or parquet) with the 121 columns and TARGET (1: defaulted).
        config: Settings file; by default configs/local.yaml.
        search: Shapes of model to try; by default what the settings say.
    """
    settings = with_search(load_settings(config), search)
    history = read_history(applications, settings)
    judged = cross_validate(history, settings)
    bundle = fit(history, judged, settings)
    evaluation = evaluate(history, judged, bundle, settings)
    trained = register(bundle, history, judged, evaluation, settings)
    promote(trained, settings)
    return trained
