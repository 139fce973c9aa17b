"""Evaluation of a model by its out-of-fold predictions, and the model card.

Figures and pictures are those that the field uses.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from configs.policy import PolicyFile
from configs.settings import Settings
from tasks.core.decision.policy import Policy, break_even_cutoff, decide
from tasks.core.disclosure import is_apart, is_enough_for_mean
from tasks.core.lender.feature_list import FAMILIES, SWITCHES
from tasks.core.lender.kinds import groupings_of
from tasks.core.model.bundle import BUNDLE_VERSION, Bundle, bundle_digest, file_digests, to_files
from tasks.core.model.features import FEATURE_VERSION, build_features, family_of, seen_switches
from tasks.core.sampling import drawn_rows
from tasks.core.training.evaluation import (
    UNTOLD,
    Estimate,
    compare_models,
    count_refused,
    curve_cutoffs,
    estimates_of,
    price_cutoffs,
    reliability,
    resample_figures,
    roc_curve,
    told_cutoffs,
    told_differences,
    told_estimates,
)
from tasks.core.training.importance import Influence, influences_of
from tasks.core.training.model_card import CutoffInUse, LearnedFrom, ModelCard, description_of, flat_metrics
from tasks.core.training.segments import judge_segments
from tasks.model.load import fill_in
from tasks.model.policy_in_force import training_policy
from tasks.running.step import step
from tasks.training.cross_validate import MODEL
from tasks.training.records import Choices, Evaluation, History, OutOfFold, Repetition

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MODEL: Final = "this model"
_EXPLAINED_ROWS: Final = 2000
_A_CHOICE: Final = 2
_A_CURVE: Final = 3
"""Points from which a curve is drawn. With fewer it has none between its ends."""
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
    policy = training_policy(settings)
    seed = settings.training.seed
    costs = policy.costs.model_dump()
    defaulted = history.defaulted
    judge = partial(_judge, cutoff=bundle.cutoff, costs=costs, seed=seed)
    of_all = judge({_MODEL: judged.pd, **_pds(judged)}, defaulted)
    of_choices = _Figures({}, {})
    if choices.otherwise:
        of_choices = judge({_MODEL: choices.as_decided, **choices.otherwise}, defaulted[choices.rows])
    estimates = of_all.told[_MODEL]
    hindsight = estimates["best_cutoff_in_hindsight"].value
    cutoffs = _cutoffs(judged.pd, defaulted, bundle.cutoff, hindsight, policy, seed)
    bands = _bands(judged.pd, fill_in(policy, bundle.cutoff))
    kinds = groupings_of(history.rows) | {"Risk band": bands}
    in_use = cutoffs[-1].cutoff
    groupings = judge_segments(kinds, judged.pd, defaulted, cutoff=in_use, costs=costs)
    digests = file_digests(to_files(bundle))
    explained = drawn_rows(history.rows.num_rows, _EXPLAINED_ROWS, seed=seed)
    sample = history.rows.take(pa.array(explained))
    priced = [each.cutoff for each in cutoffs if each.cost.is_told]
    curve = told_cutoffs(judged.pd, curve_cutoffs(break_even_cutoff(**costs)), beside=priced)
    is_cost_told = estimates["cost_per_application"].is_told
    return ModelCard(
        model_name=settings.registry.model_name,
        bundle_digest=bundle_digest(digests),
        learned_from=_learned_from(history),
        features=bundle.features.names,
        unused_inputs=tuple(name for name in SWITCHES if name not in seen_switches(bundle.features.names)),
        made_by=settings.training.model_dump() | asdict(judged.trees) | {"n_trees": judged.n_trees},
        policy=policy.model_dump(),
        figures=estimates,
        baselines={name: of_all.told[name] for name in judged.baselines},
        seconds=_seconds(judged) if settings.training.baselines == "all" else {},
        over_baselines=of_all.leads,
        choices={name: of_choices.told[name] for name in choices.otherwise},
        by_choice=of_choices.leads,
        choice_rows=len(choices.rows),
        cutoffs=cutoffs,
        curve=price_cutoffs(judged.pd, defaulted, curve, costs=costs, seed=seed),
        reliability=reliability(judged.pd, defaulted),
        groupings=groupings,
        influences=_influences(bundle, sample) if is_enough_for_mean(sample.num_rows) else (),
        explained_rows=sample.num_rows,
        shapes=_shapes(judged) if is_cost_told else (),
        repeats=_repeats(judged, is_cost_told=is_cost_told),
        versions=_versions(),
        files=digests,
    )


def _pds(judged: OutOfFold) -> dict[str, np.ndarray]:
    """Name of each baseline to its pd of every row."""
    return {name: each.pd for name, each in judged.baselines.items()}


def _seconds(judged: OutOfFold) -> dict[str, tuple[float, float]]:
    efforts = {_MODEL: judged.effort, **{name: each.effort for name, each in judged.baselines.items()}}
    return {name: (each.fit_seconds, each.score_seconds) for name, each in efforts.items()}


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


def _repeats(judged: OutOfFold, *, is_cost_told: bool) -> dict[str, tuple[Repetition, ...]]:
    """Figures in each cross-validation, by the names of the card."""
    repeats = {}
    for name, runs in judged.repeats.items():
        told = runs if is_cost_told else tuple(run._replace(cost=math.nan) for run in runs)
        repeats[_MODEL if name == MODEL else name] = told
    return repeats


class _Figures(NamedTuple):
    """Figures that may be published of models that were judged on the same rows, by model."""

    told: Mapping[str, Mapping[str, Estimate]]
    leads: Mapping[str, Mapping[str, Estimate]]
    """Other model to the difference of this model and it."""


def _judge(
    predictions: Mapping[str, np.ndarray],
    defaulted: np.ndarray,
    *,
    cutoff: float,
    costs: Mapping[str, float],
    seed: int,
) -> _Figures:
    """Figures of this model and of others by their pd."""
    models = resample_figures(predictions, defaulted, cutoff=cutoff, costs=costs, seed=seed)
    told = {name: told_estimates(estimates_of(models[name]), pd, cutoff=cutoff) for name, pd in predictions.items()}
    leads = {
        name: told_differences(compare_models(models[_MODEL], models[name]), told[_MODEL], told[name])
        for name in predictions
        if name != _MODEL
    }
    return _Figures(told, leads)


def _cutoffs(
    pd: np.ndarray,
    defaulted: np.ndarray,
    proposed: float,
    hindsight: float,
    policy: PolicyFile,
    seed: int,
) -> tuple[CutoffInUse, ...]:
    """Cut-offs: the bundle's proposal, the cheapest in hindsight if it is told, and last the policy's own.

    Their results are told as far as enough applications lie between any two of them, the proposal's
    first, the one in hindsight last.
    """
    costs = policy.costs.model_dump()
    used = fill_in(policy, proposed).cutoff
    named = {"proposed": proposed, "hindsight": hindsight, "policy": used}
    rising = np.array(sorted({cutoff for cutoff in named.values() if not math.isnan(cutoff)}))
    priced = price_cutoffs(pd, defaulted, rising, costs=costs, seed=seed)
    refused = dict(zip(rising.tolist(), count_refused(pd, rising), strict=True))
    told = [0, len(pd)]
    results = {}
    for cutoff in (proposed, used, hindsight):
        if cutoff in refused and is_apart(refused[cutoff], told):
            place = int(np.searchsorted(rising, cutoff))
            results[cutoff] = (priced.cost.at(place), priced.refusal_share.at(place))
            told.append(refused[cutoff])
    untold = (UNTOLD, UNTOLD)
    return tuple(
        CutoffInUse(name, cutoff, *results.get(cutoff, untold)) for name, cutoff in named.items() if cutoff in refused
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

    predictions = {_MODEL: judged.pd, **_pds(judged)}
    by_model = {_MODEL: card.figures, **card.baselines}
    auc = {name: figures["auc"].value for name, figures in by_model.items()}
    curves = {name: roc_curve(pd, defaulted) for name, pd in predictions.items()}
    curves = {name: curve for name, curve in curves.items() if len(curve[0]) >= _A_CURVE}
    drawn = {"reliability": plots.draw_reliability(card.reliability)}
    if curves:
        drawn["roc"] = plots.draw_roc(curves, auc)
    if len(card.curve.cutoffs) >= _A_CURVE:
        marked = {each.name: each.cutoff for each in card.cutoffs}
        drawn["cost"] = plots.draw_cost(card.curve, marked)
    if card.influences:
        drawn["contributions"] = plots.draw_contributions(card.influences)
    if card.shapes:
        drawn["frontier"] = plots.draw_frontier(judged.shapes)
    return drawn
