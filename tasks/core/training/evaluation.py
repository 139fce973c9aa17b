"""Figures of merit of a model by predictions it was not fitted on, each with a bootstrap interval.

Intervals are 95 % percentile intervals over resamples of the applications (Efron 1979, "Bootstrap
methods: another look at the jackknife"). A resample is a weight for each row, and every figure
comes from sums over rows that were sorted once. All models are weighted by the same resamples, so
that their difference is that of one sample, not of two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.special import expit

from tasks.core.disclosure import is_apart, most_groups_of_means, rounded_quantile, spaced_points
from tasks.core.model.calibration import calibration_line

RESAMPLES: Final = 200
_ENDS: Final = (0.025, 0.975)
_NORMAL: Final = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution: half the width of a 95 % interval, in
standard deviations."""
_CALIBRATION_BINS: Final = 10
_MOST_BINS: Final = 20
_CURVE_STEPS: Final = 160
_CURVE_REACH: Final = 4
"""Multiple of the break-even cut-off at which the cost curve ends."""
_ROC_POINTS: Final = 150
"""Most points of a ROC curve between its ends."""
_ABOVE_ALL: Final = float(np.nextafter(1.0, 2.0))

FIGURES: Final = (
    "auc", "gini", "ks", "pr_auc", "log_loss", "brier", "cost_per_application",
    "cost_approving_all", "refusal_share", "defaults_caught", "default_rate", "mean_pd", "calibration_intercept",
    "calibration_slope", "expected_calibration_error", "best_cutoff_in_hindsight",
)  # fmt: skip
"""Figures of every model, by the names under which they are recorded."""
_AT_LEAST_NOTHING: Final = frozenset({"expected_calibration_error"})
"""Figures that are distances. Their resamples lie above them, because noise adds to a distance."""
_OF_THE_CUTOFF: Final = ("cost_per_application", "refusal_share", "defaults_caught")
"""Figures of what a cut-off does."""
_HINDSIGHT: Final = "best_cutoff_in_hindsight"


class Estimate(NamedTuple):
    """Estimate of a figure, with the ends of its interval; all of them NaN if it is not told."""

    value: float
    low: float
    high: float

    @property
    def is_told(self) -> bool:
        """True if there is a figure."""
        return not math.isnan(self.value)

    def text(self, digits: int = 4) -> str:
        """Figure with its interval, as people read it; a dash if it is not told.

        >>> Estimate(0.7, 0.65, 0.75).text(2), UNTOLD.text()
        ('0.70 (0.65 to 0.75)', '-')
        """
        if not self.is_told:
            return "-"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


UNTOLD: Final = Estimate(math.nan, math.nan, math.nan)
"""Stands for a figure that would be one of too few applicants."""


class Resampled(NamedTuple):
    """Figures of one model: of the sample, and of each resample."""

    point: np.ndarray
    """Figures of the sample, shape (figures,), in the order of `FIGURES`."""
    drawn: np.ndarray
    """Figures of the resamples, shape (resamples, figures)."""


class PricedCutoffs(NamedTuple):
    """Result of deciding at each of several cut-offs, each array of shape (cut-offs,)."""

    cutoffs: np.ndarray
    cost: Estimates
    refusal_share: Estimates


class Estimates(NamedTuple):
    """Series of estimates; all arrays have the same shape."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def at(self, position: int) -> Estimate:
        """Estimate at a position."""
        return Estimate(*(float(each[position]) for each in self))


class Reliability(NamedTuple):
    """Predicted and observed default rates in bins of equal count, lowest pd first.

    Each array has the shape (bins,).
    """

    rows: np.ndarray
    predicted: np.ndarray
    observed: Estimates


def resampled_weights(rows: int, *, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Number of times that each row is drawn, for each resample: float64, shape (rows,).

    A resample has as many draws as rows, with replacement.
    """
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(random.integers(0, rows, rows), minlength=rows).astype(float)


def resample_figures(
    predictions: Mapping[str, np.ndarray],
    defaulted: np.ndarray,
    *,
    cutoff: float,
    costs: Mapping[str, float],
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Resampled]:
    """Figures of each model by the pd it gave each application, over the same resamples.

    Args:
        predictions: model to pd in [0, 1], shape (rows,).
        defaulted: True if the applicant defaulted, shape (rows,); both outcomes must occur.
        cutoff: pd from which applications are refused.
        costs: `false_negative` and `false_positive`, in units of the cost matrix.
        seed: seed of the resamples.
        resamples: number of resamples.
    """
    models = {name: _Ranked(pd, defaulted, cutoff=cutoff, **costs) for name, pd in predictions.items()}

    def figures_of_all(weights: np.ndarray) -> list[np.ndarray]:
        return [model.figures(weights) for model in models.values()]

    draws = resampled_weights(len(defaulted), resamples=resamples, seed=seed)
    drawn = [figures_of_all(weights) for weights in draws]
    shaped = np.array(drawn).reshape(resamples, len(models), len(FIGURES))
    everyone = np.ones(len(defaulted))
    return {name: Resampled(model.figures(everyone), shaped[:, n]) for n, (name, model) in enumerate(models.items())}


def figures_of(
    pd: np.ndarray,
    defaulted: np.ndarray,
    *,
    cutoff: float,
    costs: Mapping[str, float],
) -> dict[str, float]:
    """Figures of one model, without intervals."""
    model = _Ranked(pd, defaulted, cutoff=cutoff, **costs)
    return dict(zip(FIGURES, model.figures(np.ones(len(pd))).tolist(), strict=True))


def estimates_of(model: Resampled) -> dict[str, Estimate]:
    """Each figure with its interval.

    The interval of a distance is reflected at the figure (the basic bootstrap, Davison and Hinkley
    1997, chapter 5.2), and contains at least the figure. If the figure of the sample is smaller
    than that of any resample, the reflection alone would end below it.
    """
    low, high = _interval(model.drawn)
    columns = (model.point.tolist(), low.tolist(), high.tolist())
    estimates = {}
    for name, value, left, right in zip(FIGURES, *columns, strict=True):
        if name in _AT_LEAST_NOTHING:
            lowest = max(0.0, 2 * value - right)
            highest = max(value, 2 * value - left)
            estimates[name] = Estimate(value, lowest, highest)
        else:
            estimates[name] = Estimate(value, left, right)
    return estimates


def compare_models(model: Resampled, other: Resampled) -> dict[str, Estimate]:
    """Difference `model` less `other` in each figure.

    It is paired: the interval is that of the difference.
    """
    low, high = _interval(model.drawn - other.drawn)
    columns = ((model.point - other.point).tolist(), low.tolist(), high.tolist())
    return {name: Estimate(value, left, right) for name, value, left, right in zip(FIGURES, *columns, strict=True)}


def told_estimates(figures: Mapping[str, Estimate], pd: np.ndarray, *, cutoff: float) -> dict[str, Estimate]:
    """Figures of a model that may be published; `UNTOLD` for the others.

    Cost and share refused by a cut-off tell how a few ended, if it refuses or approves so few. The
    cheapest cut-off in hindsight lies between two applicants' pd: it is rounded, and near an end it
    would be an extreme.

    Args:
        figures: all figures, by name.
        pd: pd of each application.
        cutoff: pd from which applications are refused.
    """
    best = Estimate(*(rounded_quantile(each) for each in figures[_HINDSIGHT]))
    ends = (0, len(pd))
    refused, refused_at_best = count_refused(pd, [cutoff, best.value])
    untold = [] if is_apart(refused, ends) else [*_OF_THE_CUTOFF]
    untold += [] if is_apart(refused_at_best, ends) else [_HINDSIGHT]
    return {**figures, _HINDSIGHT: best, **dict.fromkeys(untold, UNTOLD)}


def told_differences(
    differences: Mapping[str, Estimate], model: Mapping[str, Estimate], other: Mapping[str, Estimate]
) -> dict[str, Estimate]:
    """Differences of two models in the figures that are told of both; `UNTOLD` for the others."""
    return {
        name: difference if model[name].is_told and other[name].is_told else UNTOLD
        for name, difference in differences.items()
    }


def count_refused(pd: np.ndarray, cutoffs: Sequence[float] | np.ndarray) -> list[int]:
    """Number of applications that each cut-off refuses.

    >>> count_refused(np.array([0.3, 0.1, 0.2]), [0.2, 0.25])
    [2, 1]
    """
    counts: list[int] = (len(pd) - np.searchsorted(np.sort(pd), cutoffs)).tolist()
    return counts


def told_cutoffs(pd: np.ndarray, cutoffs: np.ndarray, *, beside: Sequence[float]) -> np.ndarray:
    """Cut-offs of a curve that may be published: enough applications lie between any two.

    Args:
        pd: pd of each application.
        cutoffs: rising cut-offs.
        beside: cut-offs whose figures are published anyway; those among `cutoffs` stay.
    """
    others = [0, len(pd), *count_refused(pd, beside)]
    is_kept = np.isin(cutoffs, beside)
    is_kept[spaced_points(count_refused(pd, cutoffs), beside=others)] = True
    return cutoffs[is_kept]


def price_cutoffs(
    pd: np.ndarray,
    defaulted: np.ndarray,
    cutoffs: np.ndarray,
    *,
    costs: Mapping[str, float],
    seed: int,
    resamples: int = RESAMPLES,
) -> PricedCutoffs:
    """Cost per application and share refused at each of the rising `cutoffs`.

    The intervals are pointwise.
    """
    if not len(cutoffs):
        nothing = Estimates(cutoffs, cutoffs, cutoffs)
        return PricedCutoffs(cutoffs, nothing, nothing)
    passed = np.searchsorted(cutoffs, pd, side="right")  # number of cut-offs that refuse the row
    everyone = np.ones(len(pd))
    weighed = [everyone, *resampled_weights(len(pd), resamples=resamples, seed=seed)]
    point, *drawn = (_priced(passed, defaulted, weights, len(cutoffs), **costs) for weights in weighed)
    low, high = _interval(np.array(drawn))
    cost, refusal_share = (Estimates(*ends) for ends in zip(point, low, high, strict=True))
    return PricedCutoffs(cutoffs, cost, refusal_share)


def curve_cutoffs(break_even: float) -> np.ndarray:
    """Evenly spaced cut-offs around the break-even one, which is among them.

    None of them is an applicant's pd.
    """
    steps = np.arange(1, _CURVE_STEPS + 1)
    cutoffs = break_even * (steps * _CURVE_REACH / _CURVE_STEPS)
    return cutoffs[cutoffs < 1]


def roc_curve(pd: np.ndarray, defaulted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at cut-offs between which enough applications lie.

    The ends, 0 and 1, are always there; so many applications may be too few for other points.
    """
    good, bad = (np.cumsum(each) for each in _by_distinct_pd(pd, defaulted))
    rows = good + bad
    evenly = np.linspace(0, len(pd), _ROC_POINTS + 2)[1:-1]
    places = np.unique(np.searchsorted(rows, evenly))
    told = places[spaced_points(rows[places].tolist(), beside=[0, len(pd)])]
    false_positives, true_positives = (np.concatenate([[0.0], each[told] / each[-1], [1.0]]) for each in (good, bad))
    return false_positives, true_positives


def auc_of(pd: np.ndarray, defaulted: np.ndarray) -> float:
    """Probability that an applicant who defaulted has a higher pd than one who did not.

    A tie counts half (Mann-Whitney).
    """
    good, bad = _by_distinct_pd(pd, defaulted)
    lower = good.sum() - np.cumsum(good)
    return float(np.sum(bad * (lower + good / 2)) / (good.sum() * bad.sum()))


def reliability(pd: np.ndarray, defaulted: np.ndarray) -> Reliability:
    """Predicted and observed default rates in at most 20 bins of equal count, each of enough rows for means.

    Intervals by Wilson 1927, "Probable inference, the law of succession, and statistical
    inference".
    """
    bins = min(_MOST_BINS, most_groups_of_means(len(pd)))
    parts = np.array_split(np.argsort(pd, kind="stable"), bins)
    rows = np.array([len(part) for part in parts])
    bad = np.array([defaulted[part].sum() for part in parts])
    predicted = np.array([pd[part].mean() for part in parts])
    return Reliability(rows, predicted, Estimates(bad / rows, *wilson_interval(bad, rows)))


def wilson_interval(hits: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % interval of shares `hits` / `rows`.

    >>> low, high = wilson_interval(np.array([8]), np.array([100]))
    >>> round(float(low[0]), 4), round(float(high[0]), 4)
    (0.0411, 0.15)
    """
    spread = _NORMAL**2
    centre = (hits + spread / 2) / (rows + spread)
    half = _NORMAL / (rows + spread) * np.sqrt(hits * (rows - hits) / rows + spread / 4)
    return centre - half, centre + half


class _Ranked:
    """Predictions of one model in rising order of pd, with all that resamples have in common."""

    def __init__(
        self,
        pd: np.ndarray,
        defaulted: np.ndarray,
        *,
        cutoff: float,
        false_negative: float,
        false_positive: float,
    ) -> None:
        self._order = np.argsort(pd, kind="stable")
        ranked = pd[self._order]
        bad = defaulted[self._order].astype(float)
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(pd) - 1)
        self._ends = slice(None) if len(ends) == len(pd) else ends
        distinct = ranked[ends]
        self._refused_from = int(np.searchsorted(distinct, cutoff))
        # Cut-offs lie between neighbours, so that the cheapest is no applicant's pd. The first
        # refuses all applicants, the last none.
        between = (distinct[1:] + distinct[:-1]) / 2
        self._cutoffs = np.concatenate([[0.0], between, [_ABOVE_ALL]])
        self._costs = (false_negative, false_positive)
        self._bad = bad
        self._gap = ranked - bad
        parts = np.array_split(np.arange(len(pd)), _CALIBRATION_BINS)
        self._bins = [part[0] for part in parts if len(part)]
        nearly = np.finfo(float).eps
        inside = np.clip(ranked, nearly, 1 - nearly)
        odds = np.log(inside / (1 - inside))
        self._line = np.array(calibration_line(odds, bad))
        fitted = expit(self._line[0] + self._line[1] * odds)
        steep = fitted * (1 - fitted)
        losses = -np.log(np.where(bad, inside, 1 - inside))
        error = bad - fitted
        slopes = [steep, steep * odds, steep * odds**2]
        self._summed = np.array(
            [losses, self._gap**2, ranked, error, error * odds, *slopes],
        )

    def figures(self, weights: np.ndarray) -> np.ndarray:
        """Figures if each row counts `weights` times, in the order of `FIGURES`."""
        weights = weights[self._order]
        rows = self._below(weights)
        bad = self._below(weights * self._bad)
        good = rows - bad
        total = rows[-1]
        all_bad = bad[-1]
        all_good = good[-1]
        # A resample may lack an outcome; then it has no AUC.
        with np.errstate(invalid="ignore", divide="ignore"):
            auc = _total(np.diff(bad), good[:-1] + good[1:]) / (2 * all_bad * all_good)
            ks = np.max(good / all_good - bad / all_bad)
            refused = total - rows[:-1]
            precision = np.divide(
                all_bad - bad[:-1],
                refused,
                out=np.zeros_like(refused),
                where=refused > 0,
            )
            pr_auc = _total(np.diff(bad), precision) / all_bad
        cost = self._costs[0] * bad + self._costs[1] * (all_good - good)
        loss, square, pd, *newton = (_total(each, weights) for each in self._summed)
        gaps = np.add.reduceat(self._gap * weights, self._bins)
        here = self._refused_from
        sums = [loss, square, cost[here], cost[-1], total - rows[here]]
        per_row = np.array(sums) / total
        caught = 1 - bad[here] / all_bad if all_bad else math.nan
        calibration = [*self._calibration_line(*newton), np.abs(gaps).sum() / total]
        best_cutoff = self._cutoffs[np.argmin(cost)]
        return np.array(
            [auc, 2 * auc - 1, ks, pr_auc, *per_row, caught, all_bad / total, pd / total, *calibration, best_cutoff]
        )

    def _below(self, weights: np.ndarray) -> np.ndarray:
        """Weight below each cut-off."""
        return np.concatenate([[0.0], np.cumsum(weights)[self._ends]])

    def _calibration_line(self, error: float, slope_error: float, *steep: float) -> np.ndarray:
        """Intercept and slope, by one Newton step from the line of the whole sample.

        The line of a resample is near that line.

        Schucany and Wang 1991, "One-step bootstrapping for smooth iterative procedures".
        """
        flat, mixed, curved = steep
        determinant = flat * curved - mixed**2
        if determinant <= 0:  # all scores are the same: no line is better than another
            return self._line
        numerators = [
            curved * error - mixed * slope_error,
            flat * slope_error - mixed * error,
        ]
        return self._line + np.array(numerators) / determinant


def _priced(
    passed: np.ndarray,
    defaulted: np.ndarray,
    weights: np.ndarray,
    n_cutoffs: int,
    *,
    false_negative: float,
    false_positive: float,
) -> np.ndarray:
    """Cost and share refused at each cut-off, shape (2, cut-offs)."""
    rows, bad = (
        np.cumsum(np.bincount(passed, weights=each, minlength=n_cutoffs + 1)) for each in (weights, weights * defaulted)
    )
    good = rows - bad
    cost = false_negative * bad[:-1] + false_positive * (good[-1] - good[:-1])
    return np.array([cost, rows[-1] - rows[:-1]]) / rows[-1]


def _total(values: np.ndarray, weights: np.ndarray) -> float:
    """Weighted sum, the same bits on any number of cores.

    It avoids BLAS, which a busy machine makes a hundred times slower.
    """
    return float(np.einsum("i,i->", values, weights))


def _by_distinct_pd(pd: np.ndarray, defaulted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that repaid and rows that defaulted at each distinct pd, highest first."""
    _, place = np.unique(-pd, return_inverse=True)
    return np.bincount(place, weights=~defaulted), np.bincount(place, weights=defaulted)


def _interval(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval over resamples, the first axis.

    A resample without a figure does not count.
    """
    low, high = np.nanquantile(drawn, _ENDS, axis=0)
    return low, high
