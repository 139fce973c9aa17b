"""Train a model on applications with known outcomes, register it, and give it its place.

The outcomes come with files, or have matured in the store. The first model scores. Every later one
is a challenger, which `scoring promote` lets score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from configs.settings import Settings
from tasks.model_life.introduce import introduce
from tasks.outcomes.backtest import known_until
from tasks.running.context import run_logger, settings_of_run
from tasks.running.endings import ends_in_a_line
from tasks.running.flows import flow
from tasks.running.step import run_name
from tasks.training.choices import measure_choices
from tasks.training.cross_validate import asked_of_training, cross_validate
from tasks.training.evaluate import evaluate
from tasks.training.history import read_history
from tasks.training.matured import Matured, count_matured, gather_matured
from tasks.training.records import History
from tasks.training.train import Trained, fit, register, require_registrable


@flow(name="train-model")
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
    return trained_on(read_history(applications, settings), settings, keep_champion=keep_champion)


def trained_on(history: History, settings: Settings, *, keep_champion: bool = False) -> Trained:
    """Model learned from a history, registered, compared with the one that scores, and in its place."""
    judged = cross_validate(history, settings)
    bundle = fit(history, judged, settings)
    choices = measure_choices(history, judged, settings)
    evaluation = evaluate(history, judged, bundle, choices, settings)
    trained = register(bundle, history, judged, evaluation, settings)
    place = introduce(
        trained.model,
        history.rows,
        history.defaulted,
        settings,
        is_of_not_refused=history.is_of_not_refused,
        keep_aliases=keep_champion,
    )
    return replace(
        trained, is_champion=place.is_champion, alias=place.alias, verdict=place.verdict, verdict_page=place.page
    )


@dataclass(frozen=True, slots=True)
class Retrained:
    """Outcomes that are new, and the challenger that was trained on all that are known."""

    matured: Matured
    trained: Trained | None
    """None if there are too few new outcomes."""


def retrained_line(retrained: Retrained) -> str:
    """Last state of a run in one line."""
    trained = retrained.trained
    if trained is None:
        return retrained.matured.why_not
    place = f"is the {trained.alias} now" if trained.alias else "has no alias"
    return f"{trained.model.name} version {trained.model.version}, from {trained.rows:,} applications, {place}."


@flow(name="retrain-model", flow_run_name=run_name("retrain"))
@ends_in_a_line(retrained_line)
def retrain_model(as_of: date | None = None, config: str | None = None) -> Retrained:
    """Train a challenger on matured outcomes, if enough of them are new; else say why not.

    It learns from all published applications whose outcome is known, and from the files of
    `training.history`. It never lets the new model score: `scoring promote` does, through its gate.

    Args:
        as_of: Day until which outcomes must be known, YYYY-MM-DD; by default today, by the
            calendar's clock.
        config: Settings file; by default configs/local.yaml.
    """
    settings = settings_of_run(config)
    matured = count_matured(known_until(as_of, settings), settings)
    if matured.why_not:
        run_logger().info("%s", matured.why_not)
        return Retrained(matured, None)
    require_registrable(settings)
    history, why_not = gather_matured(matured, settings)
    if why_not:
        run_logger().warning("%s", why_not)
        return Retrained(replace(matured, why_not=why_not), None)
    return Retrained(matured, trained_on(history, settings))
