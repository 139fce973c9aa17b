"""How good a model is, in the field's figures and pictures, by its out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from configs.policy import load_policy
from configs.settings import Settings
from tasks.core.bundle import Bundle
from tasks.core.calibration import calibration_line, expected_calibration_error
from tasks.core.policy import best_cutoff, cost_per_application
from tasks.cross_validate import OutOfFold
from tasks.history import History
from tasks.orchestration import step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COST_STEPS: Final = 400


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is recorded about a model beside its bundle."""

    metrics: dict[str, float]
    figures: dict[str, Figure]


@step("evaluate")
def evaluate(history: History, judged: OutOfFold, bundle: Bundle, settings: Settings) -> Evaluation:
    """Judge a model on predictions that no tree of theirs has seen."""
    costs = load_policy(settings.scoring.policy).costs.model_dump()
    metrics = _metrics(judged.pd, history.defaulted, cutoff=bundle.cutoff, costs=costs)
    return Evaluation(metrics, _figures(bundle, judged, history.defaulted, costs, metrics["auc"]))


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


def _figures(
    bundle: Bundle, judged: OutOfFold, defaulted: np.ndarray, costs: dict[str, float], auc: float
) -> dict[str, Figure]:
    from tasks.adapters import plots
    from tasks.adapters.lightgbm import gain_by_feature
    from tasks.adapters.sklearn import roc

    cutoffs = np.quantile(judged.pd, np.linspace(0, 1, _COST_STEPS))
    curve = np.array([cost_per_application(judged.pd, defaulted, cutoff, **costs) for cutoff in cutoffs])
    return {
        "roc": plots.draw_roc(*roc(judged.pd, defaulted), auc=auc),
        "reliability": plots.draw_reliability(judged.pd, defaulted),
        "cost": plots.draw_cost(cutoffs, curve, proposed=bundle.cutoff),
        "gain": plots.draw_gain(gain_by_feature(bundle.model_text)),
    }
