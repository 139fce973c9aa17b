"""Fitting and registration of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from configs.settings import Settings, Training
from tasks.core.applications import APPLICATION_ID
from tasks.core.decision.policy import break_even_cutoff
from tasks.core.lender.columns import ID
from tasks.core.model.bundle import Bundle, ModelPin, make_golden, to_files
from tasks.core.model.calibration import fit_calibration
from tasks.core.model.features import (
    build_features,
    column_weights,
    family_numbers,
    feature_names,
    fit_features,
    monotone_direction,
)
from tasks.core.model.reference import reference_statistics
from tasks.core.model_life.verdict import GateVerdict
from tasks.core.sampling import drawn_rows
from tasks.core.training.model_card import CARD_FILE, FIGURES_FILE, ModelCard, figures_file
from tasks.core.training.model_shape import TriedShape, shapes_table
from tasks.core.words import in_json
from tasks.model.load import registry_of
from tasks.model.policy_in_force import training_policy
from tasks.publication.references import keep_reference
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import open_store
from tasks.training.records import Evaluation, History, OutOfFold

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Trained:
    """Model that a training run registered."""

    model: ModelPin
    metrics: dict[str, float]
    card: ModelCard
    rows: int
    n_trees: int
    cutoff: float
    is_champion: bool = False
    alias: str = ""
    """Alias that names it; empty if it has none."""
    verdict: GateVerdict | None = None
    """Comparison with the version that scores; None if there is none."""
    verdict_page: str | None = None
    """Place of the page of the verdict."""


def require_registrable(settings: Settings) -> None:
    """Require, before the long work, that the registry would take a model.

    Raises:
        ModelError: the registry cannot be reached or refuses.
    """
    registry_of(settings).require_answer()


@step("fit")
def fit(history: History, judged: OutOfFold, settings: Settings) -> Bundle:
    """Fit the chosen model to all rows, and freeze everything that scoring needs beside it."""
    from tasks.adapters.lightgbm import LightGBMModel, fit_trees, gain_by_feature

    policy = training_policy(settings)
    names = feature_names(policy.inputs.forbidden)
    features = fit_features(history.rows, history.defaulted, names)
    matrix = build_features(history.rows, features)
    directions = [monotone_direction(name) for name in features.names]
    text = fit_trees(
        matrix,
        history.defaulted,
        names=features.names,
        trees=judged.trees,
        directions=directions,
        n_trees=judged.n_trees,
    )
    calibration = fit_calibration(judged.raw, history.defaulted)
    engine = LightGBMModel(text, family_numbers(features.names))
    golden = make_golden(history.rows, features, engine, calibration, seed=settings.training.seed)
    statistics = reference_statistics(history.rows, judged.pd, column_weights(gain_by_feature(text)))
    return Bundle(
        text,
        features,
        calibration,
        break_even_cutoff(**policy.costs.model_dump()),
        statistics,
        golden,
    )


@step("register")
def register(
    bundle: Bundle, history: History, judged: OutOfFold, evaluation: Evaluation, settings: Settings
) -> Trained:
    """Register the bundle as the next version.

    The files that hold applicants' rows go into the store.
    """
    params = (
        settings.training.model_dump()
        | asdict(judged.trees)
        | {
            "rows": history.rows.num_rows,
            "features": len(bundle.features.names),
            "trees": judged.n_trees,
            "proposed_cutoff": bundle.cutoff,
            "policy": evaluation.card.policy["version"],
            "age": "age" not in evaluation.card.unused_inputs,
            "unused_inputs": ", ".join(evaluation.card.unused_inputs) or "none",
        }
    )

    def documents(version: str) -> dict[str, bytes]:
        card = replace(evaluation.card, model_version=version)
        shapes = shape_documents(judged.shapes) if card.figures["cost_per_application"].is_told else {}
        return card_documents(card, evaluation.figures) | shapes

    pin = registry_of(settings).register(
        to_files(bundle),
        params=params,
        metrics=evaluation.metrics,
        figures=evaluation.figures,
        documents=documents,
        description=evaluation.description,
    )
    sample = reference_sample(history.rows, judged.pd, settings.training)
    keep_reference(open_store(settings.storage), pin, sample, out_of_fold_table(history, judged))
    auc = evaluation.metrics["auc"]
    run_logger().info("Registered %s version %s: AUC %.4f", pin.name, pin.version, auc)
    return Trained(
        pin,
        evaluation.metrics,
        replace(evaluation.card, model_version=pin.version),
        history.rows.num_rows,
        judged.n_trees,
        bundle.cutoff,
    )


def out_of_fold_table(history: History, judged: OutOfFold) -> pa.Table:
    """Applications of the history with out-of-fold predictions and their outcomes."""
    return pa.table(
        {
            APPLICATION_ID: history.rows.column(ID),
            "fold": judged.fold,
            "raw": judged.raw,
            "pd": judged.pd,
            "defaulted": history.defaulted,
        }
    )


def card_documents(card: ModelCard, figures: Mapping[str, Figure]) -> dict[str, bytes]:
    """Documents of the card: a page for people, its figures for programs."""
    from tasks.adapters.pages.card import model_card_page

    return {CARD_FILE: model_card_page(card, figures), FIGURES_FILE: figures_file(card)}


def shape_documents(shapes: Sequence[TriedShape]) -> dict[str, bytes]:
    """Documents of the shapes tried: JSON for programs, Markdown for people."""
    figures = json.dumps(in_json([shape.figures() for shape in shapes]), indent=1)
    return {"shapes.json": figures.encode(), "shapes.md": shapes_table(shapes).encode()}


def reference_sample(rows: pa.Table, pd: np.ndarray, training: Training) -> pa.Table:
    """Random sample of the training rows with their out-of-fold pd, for Evidently to draw from."""
    chosen = drawn_rows(len(pd), training.reference_rows, seed=training.seed)
    return rows.append_column("pd", pa.array(pd)).take(pa.array(chosen))
