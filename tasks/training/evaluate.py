"""Evaluation of a model by its out-of-fold predictions, and the model card.

Figures and pictures are those that the field uses.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from configs.policy import PolicyFile, load_policy
from configs.settings import Settings
from tasks.core.decision.policy import Policy, break_even_cutoff, decide
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.lender.kinds import groupings_of
from tasks.core.model.bundle import BUNDLE_VERSION, Bundle, bundle_digest, file_digests, to_files
from tasks.core.model.features import FEATURE_VERSION, build_features, family_of, uses_age
from tasks.core.sampling import drawn_rows
from tasks.core.training.evaluation import (
    Resampled,
    compare_models,
    curve_cutoffs,
    estimates_of,
    price_cutoffs,
    reliability,
    resample_figures,
    roc_curve,
)
from tasks.core.training.importance import Influence, influences_of
from tasks.core.training.model_card import CutoffInUse, LearnedFrom, ModelCard, description_of, flat_metrics
from tasks.core.training.segments import judge_segments
from tasks.model.load import fill_in
from tasks.running.step import step
from tasks.training.cross_validate import MODEL
from tasks.training.records import Choices, Evaluation, History, OutOfFold

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MODEL: Final = "this model"
_EXPLAINED_ROWS: Final = 2000
_A_CHOICE: Final = 2
_OF_A_SHAPE: Final = (
    "depth",
    "n_trees",
    "learning_rate",
    "price",
    "auc",
    "log_loss",
    "cost",
    "is_chosen",
)
_PACKAGES: Final = ("lightgbm", "mlflow", "numpy", "pyarrow", "scikit-learn", "scipy")


@step("evaluate")
def evaluate(
    history: History,
    judged: OutOfFold,
    bundle: Bundle,
    choices: Choices,
    settings: Settings,
) -> Evaluation:
    """Judge a model by predictions for rows that its trees never saw.

    Args:
        history: Applications that the model learned from.
        judged: Predictions of the model and of the baselines.
        bundle: The model.
        choices: Models with other inputs.
        settings: Settings of the training.
    """
    card = _card(history, judged, bundle, choices, settings)
    figures = _figures(card, judged, history.defaulted)
    return Evaluation(flat_metrics(card), figures, description_of(card), card)


def _card(
    history: History,
    judged: OutOfFold,
    bundle: Bundle,
    choices: Choices,
    settings: Settings,
) -> ModelCard:
    policy = load_policy(settings.scoring.policy)
    seed = settings.training.seed
    costs = policy.costs.model_dump()
    defaulted = history.defaulted
    figures = partial(resample_figures, cutoff=bundle.cutoff, costs=costs, seed=seed)
    models = figures({_MODEL: judged.pd, **judged.baselines}, defaulted)
    beside = {_MODEL: choices.as_decided, **choices.otherwise}
    chosen = figures(beside, defaulted[choices.rows]) if choices.otherwise else {}
    estimates = estimates_of(models[_MODEL])
    hindsight = estimates["best_cutoff_in_hindsight"].value
    cutoffs = _cutoffs(judged.pd, defaulted, bundle.cutoff, hindsight, policy, seed)
    bands = _bands(judged.pd, fill_in(policy, bundle.cutoff))
    kinds = groupings_of(history.rows) | {"Risk band": bands}
    in_use = cutoffs[-1].cutoff
    groupings = judge_segments(kinds, judged.pd, defaulted, cutoff=in_use, costs=costs)
    digests = file_digests(to_files(bundle))
    explained = drawn_rows(history.rows.num_rows, _EXPLAINED_ROWS, seed=seed)
    sample = history.rows.take(pa.array(explained))
    curve = curve_cutoffs(break_even_cutoff(**costs))
    repeats = {
        _MODEL if name == MODEL else name: tuple(each) for name, each in judged.repeats.items()
    }  # fmt: skip
    return ModelCard(
        model_name=settings.registry.model_name,
        bundle_digest=bundle_digest(digests),
        learned_from=_learned_from(history),
        features=bundle.features.names,
        uses_age=uses_age(bundle.features.names),
        made_by=settings.training.model_dump() | asdict(judged.trees) | {"n_trees": judged.n_trees},
        policy=policy.model_dump(),
        figures=estimates,
        **_beside("baselines", "over_baselines", models, judged.baselines),
        **_beside("choices", "by_choice", chosen, choices.otherwise),
        choice_rows=len(choices.rows),
        cutoffs=cutoffs,
        curve=price_cutoffs(judged.pd, defaulted, curve, costs=costs, seed=seed),
        reliability=reliability(judged.pd, defaulted),
        groupings=groupings,
        influences=_influences(bundle, sample),
        explained_rows=sample.num_rows,
        shapes=_shapes(judged),
        repeats=repeats,
        versions=_versions(),
        files=digests,
    )


def _bands(pd: np.ndarray, policy: Policy) -> np.ndarray:
    return np.array([band.name for band in policy.bands])[decide(pd, policy).band]


def _learned_from(history: History) -> LearnedFrom:
    n_defaulted = int(history.defaulted.sum())
    return LearnedFrom(history.rows.num_rows, n_defaulted, history.files, history.left_out)


def _shapes(judged: OutOfFold) -> tuple[Mapping[str, Any], ...]:
    """Figures of the shapes tried, empty if there was no choice.

    Left out is everything that depends on how busy the machine was.
    """
    if len(judged.shapes) < _A_CHOICE:
        return ()
    return tuple(_figures_of_shape(shape.figures()) for shape in judged.shapes)


def _figures_of_shape(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: figures[name] for name in _OF_A_SHAPE}


def _beside(
    names: str,
    differences: str,
    models: Mapping[str, Resampled],
    others: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Figures of other models under `names`, and the lead of this one under `differences`."""
    return {
        names: {name: estimates_of(models[name]) for name in others},
        differences: {name: compare_models(models[_MODEL], models[name]) for name in others},
    }


def _cutoffs(
    pd: np.ndarray,
    defaulted: np.ndarray,
    proposed: float,
    hindsight: float,
    policy: PolicyFile,
    seed: int,
) -> tuple[CutoffInUse, ...]:
    """Cut-offs: the bundle's proposal, the cheapest in hindsight, and last the policy's own."""
    costs = policy.costs.model_dump()
    used = fill_in(policy, proposed).cutoff
    named = {"proposed": proposed, "hindsight": hindsight, "policy": used}
    rising = np.unique(list(named.values()))
    priced = price_cutoffs(pd, defaulted, rising, costs=costs, seed=seed)
    places = np.searchsorted(rising, list(named.values())).tolist()
    return tuple(
        CutoffInUse(name, cutoff, priced.cost.at(place), priced.refusal_share.at(place))
        for (name, cutoff), place in zip(named.items(), places, strict=True)
    )


def _influences(bundle: Bundle, sample: pa.Table) -> tuple[Influence, ...]:
    from tasks.adapters.lightgbm import LightGBMModel, gain_by_feature

    names = bundle.features.names
    text = bundle.model_text
    families = {name: FAMILIES[family_of(name)] for name in names}
    matrix = build_features(sample, bundle.features)
    contributions = LightGBMModel(text).contributions_by_feature(matrix)
    return influences_of(contributions, gain_by_feature(text), names, families)


def _versions() -> dict[str, str]:
    return {
        "bundle": BUNDLE_VERSION,
        "features": FEATURE_VERSION,
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def _figures(card: ModelCard, judged: OutOfFold, defaulted: np.ndarray) -> dict[str, Figure]:
    from tasks.adapters.pages import plots

    predictions = {_MODEL: judged.pd, **judged.baselines}
    by_model = {_MODEL: card.figures, **card.baselines}
    auc = {name: figures["auc"].value for name, figures in by_model.items()}
    curves = {name: roc_curve(pd, defaulted) for name, pd in predictions.items()}
    drawn = {
        "roc": plots.draw_roc(curves, auc),
        "cost": plots.draw_cost(card.curve, {each.name: each.cutoff for each in card.cutoffs}),
        "reliability": plots.draw_reliability(card.reliability),
        "contributions": plots.draw_contributions(card.influences),
    }
    return drawn | ({"frontier": plots.draw_frontier(judged.shapes)} if card.shapes else {})
