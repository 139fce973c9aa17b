"""What is told of a model: the facts of its card, what follows from them, and the figures for programs to read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from tasks.core.disclosure import LEAST_OF_AN_OUTCOME, LEAST_ROWS_OF_A_KIND
from tasks.core.lender.kinds import PROTECTED
from tasks.core.training.evaluation import Estimate, PricedCutoffs, Reliability, wilson_interval
from tasks.core.training.importance import Influence
from tasks.core.training.segments import Grouping, Segment
from tasks.core.words import counted, percent

CARD_FILE: Final = "model_card.html"
FIGURES_FILE: Final = "evaluation.json"
_DIGITS: Final = 6
_LOWER_IS_BETTER: Final = frozenset({"log_loss", "brier", "cost_per_application"})
_COMPARED: Final = ("auc", "cost_per_application")
_FAIR_SHARE: Final = 0.8
"""Approval share beside that of the best treated kind below which an adverse impact is looked into (EEOC 1978, the
four-fifths rule)."""
_PREDICTED_WELL: Final = (0.8, 1.25)
"""Mean pd over default rate outside which a kind of applicants is named as badly predicted, unless by chance."""
_OF_ANY_HISTORY: Final = (
    "Outcomes are taken as the history gives them: what counts as a default, and after how long, was decided there.",
    "Only applications with an outcome are learned from. Those once refused have none, and none is inferred for them.",
    "For applicants unlike those once granted the pd is an extrapolation.",
    "The number of trees was settled on the folds that judge them, so the figures are slightly too good.",
    "The history carries no dates: all figures are of applicants of one time, and a later population may differ.",
)
"""Limits that no history of this form can lift."""

EstimateByFigure = Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class LearnedFrom:
    """The applications behind a model, in counts."""

    rows: int
    defaulted: int
    files: tuple[str, ...] = ()
    """SHA-256 of each file."""
    left_out: Mapping[str, int] | None = None
    """Rule of the contract to the rows that broke it; none where it was not counted."""


@dataclass(frozen=True, slots=True)
class CutoffInUse:
    """A cut-off that somebody proposed or chose, and what deciding by it is expected to mean."""

    name: str
    cutoff: float
    cost: Estimate
    refusal_share: Estimate


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything that a model's card tells. Figures are out-of-fold; no field holds an applicant's value."""

    model_name: str
    bundle_digest: str
    learned_from: LearnedFrom
    features: tuple[str, ...]
    uses_age: bool
    made_by: Mapping[str, Any]
    """Settings of the training, by name."""
    policy: Mapping[str, Any]
    """Version, costs and bands of the policy in force."""
    figures: EstimateByFigure
    baselines: Mapping[str, EstimateByFigure]
    over_baselines: Mapping[str, EstimateByFigure]
    """Baseline to what the model has over it in each figure."""
    choices: Mapping[str, EstimateByFigure]
    """Choice to the figures of a model that chose otherwise."""
    by_choice: Mapping[str, EstimateByFigure]
    """Choice to what the model has over that one."""
    choice_rows: int
    """Rows they were measured on."""
    cutoffs: tuple[CutoffInUse, ...]
    curve: PricedCutoffs
    reliability: Reliability
    groupings: tuple[Grouping, ...]
    influences: tuple[Influence, ...]
    explained_rows: int
    """Rows whose contributions the influences are means of."""
    shapes: tuple[Mapping[str, Any], ...]
    """The shapes of model that were tried; none where there was no choice."""
    repeats: Mapping[str, tuple[tuple[float, float], ...]]
    """Model or baseline to its AUC and cost in each cross-validation, with other folds each time."""
    versions: Mapping[str, str]
    files: Mapping[str, str]
    """File of the bundle to its SHA-256."""


def limits_of(card: ModelCard) -> list[str]:
    """What a reader must not overlook, as sentences, made from the facts of this very model."""
    defaults, learned = card.learned_from.defaulted, card.learned_from.rows
    known_to = {name: _half_width(card.figures[name]) for name in _COMPARED}
    size = (
        f"{counted(defaults, 'default')} among {counted(learned, 'application')} stand behind every figure: the AUC is "
        f"known to within {known_to['auc']:.4f}, the cost per application to within "
        f"{known_to['cost_per_application']:.4f} (95 %)."
    )
    return [
        size,
        *_search_limits(card),
        *_OF_ANY_HISTORY,
        *_calibration_limits(card.figures),
        *_baseline_limits(card),
        *_segment_limits(card.groupings),
    ]


def flat_metrics(card: ModelCard) -> dict[str, float]:
    """Every figure under one name, with the ends of its interval under `<name>_low` and `<name>_high`."""
    told = dict(_flat("", card.figures))
    for name, figures in card.baselines.items():
        told |= _flat(f"baseline_{slug(name)}_", figures)
    for name, figures in card.over_baselines.items():
        told |= _flat(f"over_{slug(name)}_", {each: figures[each] for each in _COMPARED})
    for each in card.cutoffs:
        told |= {f"{slug(each.name)}_cutoff": each.cutoff}
        told |= _flat(f"{slug(each.name)}_cutoff_", {"cost": each.cost, "refusal_share": each.refusal_share})
    return {name: value for name, value in told.items() if math.isfinite(value)}


def figures_file(card: ModelCard) -> bytes:
    """The card's facts as JSON, numbers to six significant digits; the same card gives the same bytes."""
    told = asdict(card) | {
        "curve": _columns(card.curve),
        "reliability": _columns(card.reliability),
        "groupings": [
            {"name": each.name, "too_few": each.too_few, "segments": [segment._asdict() for segment in each.segments]}
            for each in card.groupings
        ],
        "influences": [each._asdict() for each in card.influences],
        "limits": limits_of(card),
    }
    return (json.dumps(_plain(told), indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def description_of(card: ModelCard) -> str:
    """The headline of the card, as Markdown beside the registered version."""
    used, learned = card.cutoffs[-1], card.learned_from
    rows = [
        f"| AUC | {_told(card.figures['auc'])} |",
        f"| Cost per application | {_told(used.cost)} |",
        f"| Calibration slope | {_told(card.figures['calibration_slope'], 3)} |",
        f"| Expected calibration error | {percent(card.figures['expected_calibration_error'].value)} |",
        *(f"| AUC over {name} | {_told(figures['auc'])} |" for name, figures in card.over_baselines.items()),
    ]
    rows_told, version, refused = "\n".join(rows), card.policy["version"], percent(used.refusal_share.value)
    return f"""\
Probability of default of an application, learned from {learned.rows:,} applications of which
{percent(learned.defaulted / learned.rows)} defaulted. Figures are out-of-fold, with 95 % intervals.

| Figure | Value |
| --- | --- |
{rows_told}

Cost, and {refused} refused, are at the cut-off in force by policy {version}, {used.cutoff:.4f}.

The model card is the artifact `{CARD_FILE}` of the source run (tab Artifacts); `{FIGURES_FILE}` beside it has every
figure.
"""


def slug(name: str) -> str:
    """A name as metrics are named.

    >>> slug("LightGBM, raw columns")
    'lightgbm_raw_columns'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def is_better(name: str, difference: Estimate) -> bool | None:
    """Whether a model is ahead in a figure; none where the interval of the difference does not say."""
    if difference.low <= 0 <= difference.high:
        return None
    return (difference.value < 0) == (name in _LOWER_IS_BETTER)


def approval_ratio(grouping: Grouping) -> float | None:
    """The lowest approval share of a kind over the highest, in [0, 1], for kinds that the law may protect.

    None for others, and where fewer than two kinds are told.
    """
    shares = [1 - segment.refusal_share for segment in grouping.segments if grouping.name in PROTECTED]
    return min(shares) / max(shares) if len(shares) > 1 and max(shares) > 0 else None


def _half_width(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / 2


def _calibration_limits(figures: EstimateByFigure) -> Iterator[str]:
    slope = figures["calibration_slope"]
    if not slope.low <= 1 <= slope.high:
        lean = "too extreme" if slope.value < 1 else "too timid"
        yield f"The calibration slope is {_told(slope, 3)}, and the interval leaves 1 out: the pds are {lean}."


def _search_limits(card: ModelCard) -> Iterator[str]:
    if card.shapes:
        yield (
            f"One of {counted(len(card.shapes), 'shape')} was chosen by the very folds that all figures are of, "
            "which makes them a little too good."
        )


def _baseline_limits(card: ModelCard) -> Iterator[str]:
    if not card.baselines:
        yield "No simpler model was measured beside this one."
    words = {"auc": "AUC", "cost_per_application": "cost"}
    for name, figures in card.over_baselines.items():
        for figure, word in words.items():
            if not is_better(figure, figures[figure]):
                difference = _told(figures[figure])
                yield f"In {word} the model is not shown to be ahead of {name}: the difference is {difference}."


def _segment_limits(groupings: tuple[Grouping, ...]) -> Iterator[str]:
    too_few = sum(grouping.too_few for grouping in groupings)
    if too_few:
        yield (
            f"Of {counted(too_few, 'kind')} of applicants nothing can be told: "
            f"under {LEAST_ROWS_OF_A_KIND} applications, or under {LEAST_OF_AN_OUTCOME} of either outcome."
        )
    for grouping in groupings:
        ratio = approval_ratio(grouping)
        if ratio is not None and ratio < _FAIR_SHARE:
            yield (
                f"{grouping.name}: the kind approved least often is approved {ratio:.2f} times as often as the one "
                f"approved most often, below the four-fifths mark of {_FAIR_SHARE}."
            )
        for lean, named in (("strict", _badly(grouping, 1)), ("lenient", _badly(grouping, 0))):
            if named:
                yield f"{grouping.name}: the model is too {lean} with {', '.join(each.name for each in named)}."


def _badly(grouping: Grouping, end: int) -> list[Segment]:
    """Kinds whose pd is too low (end 0) or too high (end 1), and outside the interval of their default rate."""
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


def _told(estimate: Estimate, digits: int = 4) -> str:
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def _flat(prefix: str, figures: EstimateByFigure) -> Iterator[tuple[str, float]]:
    for name, (value, low, high) in figures.items():
        yield prefix + name, value
        yield f"{prefix}{name}_low", low
        yield f"{prefix}{name}_high", high


def _columns(table: Any) -> dict[str, Any]:
    """A named tuple of arrays, or of such, as lists."""
    return {
        name: _columns(part) if hasattr(part, "_asdict") else part.tolist() for name, part in table._asdict().items()
    }


def _plain(told: Any) -> Any:
    """What JSON can hold, with numbers to six significant digits; what is no number is null."""
    if isinstance(told, Estimate):
        return _plain(told._asdict())
    if isinstance(told, Mapping):
        return {str(name): _plain(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [_plain(each) for each in told]
    if isinstance(told, float):
        return float(f"{told:.{_DIGITS}g}") if math.isfinite(told) else None
    return told
