"""Optuna: a bounded, seeded search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import optuna


class Bounds(NamedTuple):
    """Bounds of the search for a number, both ends included."""

    low: float
    high: float
    is_log: bool = False
    """True if the search is even on a logarithmic scale."""
    is_whole: bool = False

    def including(self, value: float) -> Bounds:
        """Widen the bounds so that they include `value`."""
        return self._replace(low=min(self.low, value), high=max(self.high, value))


def search_lowest(
    loss: Callable[[Mapping[str, float]], float],
    bounds: Mapping[str, Bounds],
    *,
    first: Sequence[Mapping[str, float]],
    trials: int,
    seed: int,
) -> None:
    """Call `loss` with `trials` sets of numbers within bounds.

    The `first` sets come first, then sets for which low values are expected. The sampler is the
    tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for hyper-parameter
    optimization"). The same seed and the same losses give the same trials. All is kept in memory
    only.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(sampler=sampler, direction="minimize")
    for numbers in first[:trials]:
        study.enqueue_trial(dict(numbers))

    def objective(trial: optuna.Trial) -> float:
        return loss({name: _suggested(trial, name, bounds[name]) for name in bounds})

    study.optimize(objective, trials)


def _suggested(trial: optuna.Trial, name: str, bounds: Bounds) -> float:
    if bounds.is_whole:
        return trial.suggest_int(name, int(bounds.low), int(bounds.high), log=bounds.is_log)
    return trial.suggest_float(name, bounds.low, bounds.high, log=bounds.is_log)
