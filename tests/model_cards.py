"""Model cards made by hand, for tests of what shows them."""

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tasks.adapters.pages import plots
from tasks.core.training.evaluation import (
    compare_models,
    curve_cutoffs,
    estimates_of,
    price_cutoffs,
    reliability,
    resample_figures,
    roc_curve,
)
from tasks.core.training.importance import Influence
from tasks.core.training.model_card import CutoffInUse, LearnedFrom, ModelCard
from tasks.core.training.segments import judge_segments

COSTS = {"false_negative": 10.0, "false_positive": 1.0}
POLICY = {
    "version": "1",
    "costs": COSTS,
    "cutoff": "bundle",
    "refer_from": None,
    "bands": [{"name": "A", "up_to": 1.0}, {"name": "B", "up_to": None}],
    "inputs": {"age": True},
}


def applications(rows: int = 1500) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Pds of a model and of one that sees less, and the outcomes."""
    random = np.random.default_rng(4)
    odds = random.normal(-2.2, 1.2, rows)
    defaulted = random.random(rows) < 1 / (1 + np.exp(-odds))
    blurred = {"model": odds, "logistic regression": odds + random.normal(0, 1.5, rows)}
    return {name: 1 / (1 + np.exp(-each)) for name, each in blurred.items()}, defaulted


def model_card(**changes: Any) -> ModelCard:
    """The card of a model on 1,500 made-up applications, ahead of one baseline."""
    predictions, defaulted = applications()
    models = resample_figures(predictions, defaulted, cutoff=1 / 11, costs=COSTS, seed=1, resamples=60)
    figures, other = (estimates_of(each) for each in models.values())
    pd = predictions["model"]
    ages = np.where(np.arange(len(pd)) < 700, "25 to 34", np.where(np.arange(len(pd)) < 1450, "35 to 44", "under 25"))
    priced = price_cutoffs(pd, defaulted, np.array([1 / 11]), costs=COSTS, seed=1, resamples=60)
    told = (1 / 11, priced.cost.at(0), priced.refusal_share.at(0))
    card = ModelCard(
        model_name="credit-default",
        bundle_digest="d1" * 32,
        learned_from=LearnedFrom(len(pd), int(defaulted.sum()), ("f1" * 32,), {"AMT_CREDIT_known": 3}),
        features=("AMT_CREDIT", "EXT_SOURCE_MEAN"),
        unused_inputs=(),
        made_by={"seed": 7, "folds": 5},
        policy=POLICY,
        figures=figures,
        baselines={"logistic regression": other},
        seconds={},
        over_baselines={"logistic regression": compare_models(*models.values())},
        choices={},
        by_choice={},
        choice_rows=1500,
        cutoffs=(CutoffInUse("proposed", *told), CutoffInUse("policy", *told)),
        curve=price_cutoffs(pd, defaulted, curve_cutoffs(1 / 11), costs=COSTS, seed=1, resamples=20),
        reliability=reliability(pd, defaulted),
        groupings=judge_segments({"Age": ages}, pd, defaulted, cutoff=1 / 11, costs=COSTS),
        influences=(Influence("EXT_SOURCE_MEAN", 0.3, 0.8), Influence("AMT_CREDIT", 0.1, 0.2)),
        explained_rows=1500,
        shapes=(),
        repeats={"this model": ((0.7, 0.5), (0.72, 0.6))},
        versions={"python": "3.11", "features": "1"},
        files={"model.txt": "a1" * 32, "scoring.json": "b1" * 32},
    )
    return replace(card, **changes)


def drawn_pictures(card: ModelCard) -> dict[str, Figure]:
    """The pictures of a card on these applications, all but that of the shapes tried."""
    predictions, defaulted = applications()
    return {
        "roc": plots.draw_roc(
            {name: roc_curve(pd, defaulted) for name, pd in predictions.items()}, dict.fromkeys(predictions, 0.7)
        ),
        "cost": plots.draw_cost(card.curve, {each.name: each.cutoff for each in card.cutoffs}),
        "reliability": plots.draw_reliability(card.reliability),
        "contributions": plots.draw_contributions(card.influences),
    }
