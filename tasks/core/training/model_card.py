"""Model card: the facts of a model, the conclusions from them, and the figures for programs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from tasks.core.disclosure import LEAST_OF_AN_OUTCOME, LEAST_ROWS, LEAST_ROWS_OF_A_KIND
from tasks.core.lender.kinds import PROTECTED
from tasks.core.training.evaluation import Estimate, PricedCutoffs, Reliability, wilson_interval
from tasks.core.training.importance import Influence
from tasks.core.training.segments import Grouping, Segment
from tasks.core.words import counted, in_json, percent

CARD_FILE: Final = "model_card.html"
FIGURES_FILE: Final = "evaluation.json"
_DIGITS: Final = 6
_LOWER_IS_BETTER: Final = frozenset({"log_loss", "brier", "cost_per_application", "expected_calibration_error"})
_COMPARED: Final = ("auc", "cost_per_application")
_FAIR_SHARE: Final = 0.8
"""Ratio of approval shares, to that of the best treated kind, below which an adverse impact is
examined (EEOC 1978, the four-fifths rule)."""
_PREDICTED_WELL: Final = (0.8, 1.25)
"""Range of mean pd over default rate. A kind of applicants outside it is named as badly predicted,
unless chance explains it."""
_OF_ANY_HISTORY: Final = (
    "Outcomes are taken as the history gives them: what counts as a default, and after how long, was decided there.",
    "Only applications with an outcome are learned from. Those once refused have none, and none is inferred for them.",
    "For applicants unlike those once granted the pd is an extrapolation.",
    "The number of trees was settled on the folds that judge them, so the figures are slightly too good.",
    "The history carries no dates: all figures are of applicants of one time, and a later population may differ.",
)
"""Limits of any model that was learned from a history of this form."""

EstimateByFigure = Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class LearnedFrom:
    """Counts of the applications behind a model."""

    rows: int
    defaulted: int
    files: tuple[str, ...] = ()
    """SHA-256 of each file."""
    left_out: Mapping[str, int] | None = None
    """Rule of the contract to the number of rows that broke it; None if they were not counted."""


@dataclass(frozen=True, slots=True)
class CutoffInUse:
    """Cut-off that was proposed or chosen, with the expected result of deciding by it.

    The result is not told if it would be that of too few applicants.
    """

    name: str
    cutoff: float
    cost: Estimate
    refusal_share: Estimate


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All facts of a model's card.

    Figures are out-of-fold. No field holds an applicant's value.
    """

    model_name: str
    bundle_digest: str
    learned_from: LearnedFrom
    features: tuple[str, ...]
    unused_inputs: tuple[str, ...]
    """Inputs that a policy may forbid (`SWITCHES`) and that the model does not have."""
    made_by: Mapping[str, Any]
    """Settings of the training, by name."""
    policy: Mapping[str, Any]
    """Version, costs and bands of the policy in force."""
    figures: EstimateByFigure
    baselines: Mapping[str, EstimateByFigure]
    seconds: Mapping[str, tuple[float, float]]
    """Model or baseline to the seconds that it took to fit all folds, and to score them; empty without a benchmark."""
    over_baselines: Mapping[str, EstimateByFigure]
    """Baseline to the difference of the model and it in each figure."""
    choices: Mapping[str, EstimateByFigure]
    """Choice to the figures of a model that chose otherwise."""
    by_choice: Mapping[str, EstimateByFigure]
    """Choice to the difference of the model and that one in each figure."""
    choice_rows: int
    """Rows that the choices were measured on."""
    cutoffs: tuple[CutoffInUse, ...]
    curve: PricedCutoffs
    reliability: Reliability
    groupings: tuple[Grouping, ...]
    influences: tuple[Influence, ...]
    explained_rows: int
    """Number of rows over which the influences are means of contributions."""
    shapes: tuple[Mapping[str, Any], ...]
    """Shapes of model that were tried; empty if there was no choice."""
    repeats: Mapping[str, tuple[tuple[float, float], ...]]
    """Model or baseline to its AUC and cost in each cross-validation, with other folds each
    time."""
    versions: Mapping[str, str]
    files: Mapping[str, str]
    """File of the bundle to its SHA-256."""
    model_version: str | None = None
    """Registered version; None until the model is registered."""

    @property
    def model(self) -> str:
        """Name of the model, and its version once it has one."""
        version = f" version {self.model_version}" if self.model_version else ""
        return f"{self.model_name}{version}"


def limits_of(card: ModelCard) -> list[str]:
    """Sentences that a reader must not overlook, made from the facts of this model."""
    defaults = counted(card.learned_from.defaulted, "default")
    applications = counted(card.learned_from.rows, "application")
    auc, cost = (card.figures[name] for name in _COMPARED)
    known_to = f"the AUC is known to within {_half_width(auc):.4f}"
    if cost.is_told:
        known_to += f", the cost per application to within {_half_width(cost):.4f}"
    return [
        f"{defaults} among {applications} stand behind every figure: {known_to} (95 %).",
        *_untold_limits(card.cutoffs),
        *_search_limits(card),
        *_OF_ANY_HISTORY,
        *_calibration_limits(card.figures),
        *_baseline_limits(card),
        *_segment_limits(card.groupings),
    ]


def flat_metrics(card: ModelCard) -> dict[str, float]:
    """Every figure by one name, and the ends of its interval by `<name>_low` and `<name>_high`.

    A figure that is not finite is left out.
    """
    metrics = dict(_flat("", card.figures))
    for name, figures in card.baselines.items():
        metrics |= _flat(f"baseline_{slug(name)}_", figures)
    for name, figures in card.over_baselines.items():
        metrics |= _flat(f"over_{slug(name)}_", {each: figures[each] for each in _COMPARED})
    for each in card.cutoffs:
        prefix = f"{slug(each.name)}_cutoff"
        metrics[prefix] = each.cutoff
        estimates = {"cost": each.cost, "refusal_share": each.refusal_share}
        metrics |= _flat(f"{prefix}_", estimates)
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def figures_file(card: ModelCard) -> bytes:
    """Write the facts of the card as JSON, with numbers to six significant digits.

    The same card gives the same bytes.
    """
    facts = asdict(card) | {
        "curve": _columns(card.curve),
        "reliability": _columns(card.reliability),
        "groupings": [_grouping_record(grouping) for grouping in card.groupings],
        "influences": [each._asdict() for each in card.influences],
        "limits": limits_of(card),
    }
    text = json.dumps(_plain(facts), indent=1, sort_keys=True, allow_nan=False)
    return f"{text}\n".encode()


def _grouping_record(grouping: Grouping) -> dict[str, Any]:
    segments = [segment._asdict() for segment in grouping.segments]
    return {"name": grouping.name, "too_few": grouping.too_few, "segments": segments}


def description_of(card: ModelCard) -> str:
    """Headline of the card, as Markdown beside the registered version."""
    used = card.cutoffs[-1]
    learned = card.learned_from
    error = percent(card.figures["expected_calibration_error"].value)
    over_baselines = (f"| AUC over {name} | {figures['auc'].text()} |" for name, figures in card.over_baselines.items())
    rows = [
        f"| AUC | {card.figures['auc'].text()} |",
        f"| Cost per application | {used.cost.text()} |",
        f"| Calibration slope | {card.figures['calibration_slope'].text(3)} |",
        f"| Expected calibration error | {error} |",
        *over_baselines,
    ]
    table = "\n".join(rows)
    version = card.policy["version"]
    refused = percent(used.refusal_share.value)
    return f"""\
Probability of default of an application, learned from {learned.rows:,} applications of which
{percent(learned.defaulted / learned.rows)} defaulted. Figures are out-of-fold, with 95 % intervals.

| Figure | Value |
| --- | --- |
{table}

Cost, and {refused} refused, are at the cut-off in force by policy {version}, {used.cutoff:.4f}.

The model card is the artifact `{CARD_FILE}` of the source run (tab Artifacts); `{FIGURES_FILE}` beside it has every
figure.
"""


def slug(name: str) -> str:
    """Name in the form that metrics have.

    >>> slug("LightGBM, raw columns")
    'lightgbm_raw_columns'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def is_better(name: str, difference: Estimate) -> bool | None:
    """True if a model is ahead in a figure; None if the interval of the difference includes 0.

    None, too, if the difference is not told.
    """
    is_apart_from_nought = difference.low > 0 or difference.high < 0
    if not is_apart_from_nought:
        return None
    return (difference.value < 0) == (name in _LOWER_IS_BETTER)


def approval_ratio(grouping: Grouping) -> float | None:
    """Lowest approval share of a kind over the highest, in [0, 1].

    Only for kinds that the law may protect: None for others, if fewer than two kinds have figures,
    and if no kind is approved at all.
    """
    if grouping.name not in PROTECTED:
        return None
    shares = [1 - segment.refusal_share for segment in grouping.segments]
    return min(shares) / max(shares) if len(shares) > 1 and max(shares) > 0 else None


def _half_width(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / 2


def _calibration_limits(figures: EstimateByFigure) -> Iterator[str]:
    slope = figures["calibration_slope"]
    if not slope.low <= 1 <= slope.high:
        lean = "too extreme" if slope.value < 1 else "too timid"
        yield f"The calibration slope is {slope.text(3)}, and the interval leaves 1 out: the pds are {lean}."


def _untold_limits(cutoffs: tuple[CutoffInUse, ...]) -> Iterator[str]:
    for each in cutoffs:
        if not each.cost.is_told:
            yield (
                f"Cost and refusals at the {each.name} cut-off, {each.cutoff:.4f}, are not told: fewer than "
                f"{LEAST_ROWS} applications are refused or approved by it, or lie between it and another."
            )


def _search_limits(card: ModelCard) -> Iterator[str]:
    if card.shapes:
        yield (
            f"One of {counted(len(card.shapes), 'shape')} was chosen by the very folds "
            "that all figures are of, which makes them a little too good."
        )


def _baseline_limits(card: ModelCard) -> Iterator[str]:
    if not card.baselines:
        yield "No simpler model was measured beside this one."
    words = {"auc": "AUC", "cost_per_application": "cost"}
    for name, figures in card.over_baselines.items():
        for figure, word in words.items():
            difference = figures[figure]
            if difference.is_told and not is_better(figure, difference):
                apart = difference.text()
                yield f"In {word} the model is not shown to be ahead of {name}: the difference is {apart}."


def _segment_limits(groupings: tuple[Grouping, ...]) -> Iterator[str]:
    too_few = sum(grouping.too_few for grouping in groupings)
    if too_few:
        yield (
            f"Of {counted(too_few, 'kind')} of applicants nothing can be told: "
            f"under {LEAST_ROWS_OF_A_KIND} applications, "
            f"or under {LEAST_OF_AN_OUTCOME} of either outcome."
        )
    for grouping in groupings:
        ratio = approval_ratio(grouping)
        if ratio is not None and ratio < _FAIR_SHARE:
            yield (
                f"{grouping.name}: the kind approved least often is approved {ratio:.2f} times "
                "as often as the one approved most often, "
                f"below the four-fifths mark of {_FAIR_SHARE}."
            )
        for lean, named in (("strict", _badly(grouping, 1)), ("lenient", _badly(grouping, 0))):
            if named:
                kinds = ", ".join(each.name for each in named)
                yield f"{grouping.name}: the model is too {lean} with {kinds}."


def _badly(grouping: Grouping, end: int) -> list[Segment]:
    """Kinds whose pd is too low (end 0) or too high (end 1).

    Their pd is also outside the interval of their default rate.
    """
    mark = _PREDICTED_WELL[end]
    sign = 1 if end else -1
    return [
        each
        for each in grouping.segments
        if sign * each.predicted_to_observed > sign * mark and sign * each.mean_pd > sign * _rate_interval(each)[end]
    ]


def _rate_interval(segment: Segment) -> tuple[float, float]:
    rows = np.array([float(segment.rows)])
    low, high = wilson_interval(rows * segment.default_rate, rows)
    return float(low[0]), float(high[0])


def _flat(prefix: str, figures: EstimateByFigure) -> Iterator[tuple[str, float]]:
    for name, (value, low, high) in figures.items():
        yield prefix + name, value
        yield f"{prefix}{name}_low", low
        yield f"{prefix}{name}_high", high


def _columns(table: Any) -> dict[str, Any]:
    """Lists of a named tuple of arrays, or of such tuples."""
    return {
        name: _columns(part) if hasattr(part, "_asdict") else part.tolist() for name, part in table._asdict().items()
    }


def _plain(value: Any) -> Any:
    """Value that JSON can hold, with numbers to six significant digits."""
    if isinstance(value, Estimate):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    plain = in_json(value)
    return float(f"{plain:.{_DIGITS}g}") if isinstance(plain, float) else plain
