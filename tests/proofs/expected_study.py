"""Study of the figures that are expected before outcomes: `python -m tests.proofs.expected_study [FILE ...]`.

Models are trained, days are drawn from rows that they never saw, and what was expected of a day is held
against what its outcomes show. Without a file the rows are synthetic, drawn anew for each model. With files
of applications and outcomes (`application_train.csv`), each model gets another random half of them.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.special import logit, ndtri
from scipy.stats import rankdata

from configs.policy import load_policy
from configs.settings import Settings, Training
from tasks.adapters.lightgbm import LightGBMModel, gain_by_feature
from tasks.core.applications import parse_rows
from tasks.core.decision.policy import Decided, Policy, cost_per_application, decide, resolve_policy
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.lender.columns import TARGET
from tasks.core.lender.feature_list import KEPT_OUT
from tasks.core.model.bundle import Bundle, pd_of
from tasks.core.model.features import FeatureSet, build_features, fit_features
from tasks.core.monitoring.expected import ExpectedFigure, ExpectedPerformance, expected_performance
from tasks.core.training.evaluation import Estimate, auc_of
from tasks.feed.generate import load_statistics
from tasks.training.cross_validate import cross_validate
from tasks.training.history import read_history
from tasks.training.records import History
from tasks.training.train import fit
from tests.proofs.reweighting import WEIGHERS, Sample, Weigher, recalibrate

DAY: Final = date(2026, 10, 1)
STRONG: Final = 10
"""Features of the model, by gain, that the weights may depend on; and the columns that no model sees."""
FIGURES: Final = ("expected_default_rate_of_approved", "expected_cost_per_application", "expected_auc")
COST: Final = FIGURES.index("expected_cost_per_application")
MOST_DEVIATIONS: Final = 2.0


@dataclass(frozen=True)
class Size:
    """Extent of the study."""

    models: int
    trained_rows: int
    held_out_rows: int
    months: int
    """Stable months for each model."""
    month_rows: tuple[int, ...]
    shifts: tuple[str, ...]
    """Names of the shifts, of those in `SHIFTS`."""
    shifted_days: int
    """Days for each model and shift."""
    shifted_rows: int
    training: Training


# --- models, and rows that they never saw


class Judge(NamedTuple):
    """A model with its reference, and rows that it never saw."""

    bundle: Bundle
    policy: Policy
    costs: Mapping[str, float]
    weighed: FeatureSet
    """Columns that weights may depend on."""
    reference: Sample
    held_out: Sample
    rows: pa.Table
    """Typed rows that were held out."""


def synthetic(rows: int, *, seed: int) -> History:
    made = synthesize_applications(load_statistics(), as_of=DAY, rows=rows, seed=seed, with_target=True)
    return History(parse_rows(made).rows, made.column(TARGET).to_numpy().astype(float) == 1)


def split(history: History, size: Size, *, seed: int) -> tuple[History, History]:
    """Random rows to train on, a half of them at most, and the others."""
    order = np.random.default_rng(seed).permutation(len(history.defaulted))
    trained = min(size.trained_rows, len(order) // 2)
    halves = (np.sort(order[:trained]), np.sort(order[trained:]))
    first, second = (History(history.rows.take(pa.array(each)), history.defaulted[each]) for each in halves)
    return first, second


def judges(size: Size, real: History | None) -> Iterator[Judge]:
    for number in range(size.models):
        if real is None:
            halves = (
                synthetic(size.trained_rows, seed=number),
                synthetic(size.held_out_rows, seed=10_000 + number),
            )
        else:
            halves = split(real, size, seed=number)
        yield trained(*halves, size.training)


def trained(history: History, held_out: History, training: Training) -> Judge:
    """A model trained as `scoring train` does, with its out-of-fold predictions as reference."""
    settings = Settings(training=training)
    policy_file = load_policy(settings.scoring.policy)
    judged = cross_validate(history, settings)
    bundle = fit(history, judged, settings)
    bands = [(band.name, band.up_to) for band in policy_file.bands]
    policy = resolve_policy("1", bundle.cutoff, refer_from=policy_file.refer_from, bands=bands)
    gains = gain_by_feature(bundle.model_text)
    strong = sorted(gains, key=lambda name: -gains[name])[:STRONG]
    kept_out = [name for names in KEPT_OUT.values() for name in names]
    weighed = fit_features(history.rows, history.defaulted, [*strong, *kept_out])
    matrix = build_features(held_out.rows, bundle.features)
    pd = pd_of(matrix, LightGBMModel(bundle.model_text), bundle.calibration)
    return Judge(
        bundle,
        policy,
        policy_file.costs.model_dump(),
        weighed,
        sample(history, judged.pd, weighed),
        sample(held_out, pd, weighed),
        held_out.rows,
    )


def sample(history: History, pd: np.ndarray, weighed: FeatureSet) -> Sample:
    matrix = np.column_stack([build_features(history.rows, weighed), logit(pd)])
    return Sample(matrix, pd, history.defaulted)


# --- days


def of_text(name: str, level: str) -> Callable[[pa.Table], np.ndarray]:
    def tilt(rows: pa.Table) -> np.ndarray:
        return 1.5 * (rows.column(name).to_numpy() == level)

    return tilt


def of_number(name: str, direction: float) -> Callable[[pa.Table], np.ndarray]:
    def tilt(rows: pa.Table) -> np.ndarray:
        values = rows.column(name).to_numpy()
        known = ~np.isnan(values)
        score = np.zeros(len(values))
        score[known] = ndtri(rankdata(values[known]) / (known.sum() + 1))
        return direction * np.clip(score, -MOST_DEVIATIONS, MOST_DEVIATIONS)

    return tilt


def of_missing(name: str) -> Callable[[pa.Table], np.ndarray]:
    def tilt(rows: pa.Table) -> np.ndarray:
        return 1.5 * np.isnan(rows.column(name).to_numpy())

    return tilt


def of_many(*tilts: Callable[[pa.Table], np.ndarray]) -> Callable[[pa.Table], np.ndarray]:
    def tilt(rows: pa.Table) -> np.ndarray:
        return np.sum([each(rows) for each in tilts], axis=0)

    return tilt


SHIFTS: Final[Mapping[str, Callable[[pa.Table], np.ndarray]]] = {
    "used: outside score 2 lower": of_number("EXT_SOURCE_2", -1.0),
    "used: outside score 3 lower": of_number("EXT_SOURCE_3", -1.0),
    "used: outside score 3 higher": of_number("EXT_SOURCE_3", 1.0),
    "used: outside score 1 more often missing": of_missing("EXT_SOURCE_1"),
    "used: younger": of_number("DAYS_BIRTH", 1.0),
    "used: larger loans": of_number("AMT_CREDIT", 1.0),
    "used: more revolving loans": of_text("NAME_CONTRACT_TYPE", "Revolving loans"),
    "not used: more men": of_text("CODE_GENDER", "M"),
    "not used: more women": of_text("CODE_GENDER", "F"),
    "not used: more singles": of_text("NAME_FAMILY_STATUS", "Single / not married"),
    "not used: later hours": of_number("HOUR_APPR_PROCESS_START", 1.0),
    "both: score 3 lower, more men": of_many(of_number("EXT_SOURCE_3", -0.7), of_text("CODE_GENDER", "M")),
}
"""Shift to the log of the relative probability with which a row is drawn."""
STABLE: Final = "none"
WHOLE: Final = Size(
    models=10, trained_rows=20_000, held_out_rows=120_000, months=20, month_rows=(2_000, 5_000, 10_000, 20_000),
    shifts=tuple(SHIFTS), shifted_days=1, shifted_rows=20_000, training=Training(learning_rate=0.1, baselines="none"),
)  # fmt: skip
SMALL: Final = Size(
    models=2, trained_rows=3_000, held_out_rows=4_000, months=10, month_rows=(500,),
    shifts=("used: outside score 3 lower", "not used: more men"), shifted_days=1, shifted_rows=500,
    training=Training(folds=3, max_trees=30, early_stopping_rounds=20, learning_rate=0.1, baselines="none"),
)  # fmt: skip


def drawn(tilt: np.ndarray, rows: int, random: np.random.Generator) -> np.ndarray:
    """Positions of at most so many rows, each kept with a probability proportional to exp(tilt)."""
    is_kept = random.random(len(tilt)) < np.exp(tilt - tilt.max())
    return np.sort(random.permutation(np.flatnonzero(is_kept))[:rows])


class Outcome(NamedTuple):
    """A day: expected by each way of estimating, and as its outcomes show it."""

    shift: str
    model: int
    rows: int
    realised: tuple[float, ...]
    """Figures in the order of `FIGURES`."""
    expected: Mapping[str, tuple[ExpectedFigure, ...]]
    """Way of estimating to its figures, in the same order."""


def observe(judge: Judge, place: np.ndarray, shift: str, model: int, weighers: Mapping[str, Weigher]) -> Outcome:
    day = Sample(*(each[place] for each in judge.held_out))
    decided = decide(day.pd, judge.policy)
    expected = {"CBPE": figures(expect(judge, day.pd, decided, rows=len(judge.reference.pd)))}
    for name, weigher in weighers.items():
        again = recalibrate(judge.reference, day, weigher(judge.reference, day))
        expected[name] = figures(expect(judge, again.pd, decided, rows=again.rows))
    realised = (
        float(day.defaulted[decided.decision == 0].mean()),
        cost_per_application(day.pd, day.defaulted, judge.policy.cutoff, **judge.costs),
        auc_of(day.pd, day.defaulted),
    )
    return Outcome(shift, model, len(place), realised, expected)


def expect(judge: Judge, pd: np.ndarray, decided: Decided, *, rows: int) -> ExpectedPerformance:
    return expected_performance(
        pd, decided, n_bands=len(judge.policy.bands), costs=judge.costs, calibration_rows=rows
    )  # fmt: skip


def figures(performance: ExpectedPerformance) -> tuple[ExpectedFigure, ...]:
    return tuple(getattr(performance, name) for name in FIGURES)


def run(size: Size, real: History | None = None) -> list[Outcome]:
    """All days of the study."""
    outcomes = []
    for model, judge in enumerate(judges(size, real)):
        random = np.random.default_rng(1_000 + model)
        pool = judge.rows.num_rows
        flat = np.zeros(pool)
        for month in range(size.months):
            rows = min(size.month_rows[month % len(size.month_rows)], pool)
            outcomes.append(observe(judge, drawn(flat, rows, random), STABLE, model, {}))
        for shift in (STABLE, *size.shifts):
            tilt = SHIFTS[shift](judge.rows) if shift != STABLE else flat
            for _ in range(size.shifted_days):
                place = drawn(tilt, size.shifted_rows, random)
                outcomes.append(observe(judge, place, shift, model, WEIGHERS))
    return outcomes


# --- tables


def holds(figure: ExpectedFigure, realised: float) -> bool:
    return figure.low is not None and figure.high is not None and figure.low <= realised <= figure.high


def stable_table(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Stable months by their number of rows: how often the interval held what came."""
    months = [each for each in outcomes if each.shift == STABLE and len(each.expected) == 1]
    by_rows = {rows: [each for each in months if each.rows == rows] for rows in sorted({each.rows for each in months})}
    return [*(_stable_row(f"{rows:,}", some) for rows, some in by_rows.items()), _stable_row("all", months)]


def _stable_row(name: str, months: Sequence[Outcome]) -> dict[str, Any]:
    row: dict[str, Any] = {"applications": name, "months": len(months)}
    for place, figure in enumerate(("default rate of the approved", "cost", "AUC")):
        held = sum(holds(each.expected["CBPE"][place], each.realised[place]) for each in months)
        row[f"{figure}: held"] = held
        row[f"{figure}: mean error"] = _digits(np.mean([_error(each, "CBPE", place) for each in months]))
    ends = [each.expected["CBPE"][COST][1:3] for each in months]
    width = np.mean(np.diff(np.array(ends, dtype=float), axis=1))
    return row | {"cost: mean width": _digits(width)}


def shift_table(outcomes: Sequence[Outcome], place: int = COST) -> list[dict[str, Any]]:
    """Mean absolute error of a figure by shift and way of estimating; then over all that are shifted."""
    days = [each for each in outcomes if len(each.expected) > 1]
    shifts = dict.fromkeys(each.shift for each in days)
    rows = [_shift_row(shift, [each for each in days if each.shift == shift], place) for shift in shifts]
    groups = {
        "all shifts of used columns": "used",
        "all shifts of columns not used": "not used",
        "all shifts": "",
    }
    for name, begun in groups.items():
        group = [each for each in days if each.shift != STABLE and each.shift.startswith(begun)]
        rows.append(_shift_row(name, group, place))
    return rows


def _shift_row(name: str, days: Sequence[Outcome], place: int) -> dict[str, Any]:
    row: dict[str, Any] = {"shift": name, "days": len(days)}
    row["realised"] = _digits(np.mean([each.realised[place] for each in days]))
    for way in days[0].expected:
        row[way] = _digits(np.mean([abs(_error(each, way, place)) for each in days]))
    for way in [*days[0].expected][1:]:
        gain = paired_gain(days, way, place)
        row[f"CBPE less {way}"] = f"{gain.value:.4f} ({gain.low:.4f} to {gain.high:.4f})"
    return row


def paired_gain(days: Sequence[Outcome], way: str, place: int) -> Estimate:
    """Absolute error of CBPE less that of another way, with a 95 % interval over resampled models."""
    by_model: dict[int, list[float]] = {}
    for each in days:
        gain = abs(_error(each, "CBPE", place)) - abs(_error(each, way, place))
        by_model.setdefault(each.model, []).append(gain)
    means = np.array([np.mean(gains) for gains in by_model.values()])
    random = np.random.default_rng(5)
    resampled = means[random.integers(len(means), size=(2_000, len(means)))].mean(axis=1)
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Estimate(float(means.mean()), float(low), float(high))


def _error(day: Outcome, way: str, place: int) -> float:
    """Expected less realised."""
    value = day.expected[way][place].value
    return float("nan") if value is None else value - day.realised[place]


def _digits(value: float) -> str:
    return f"{value:.4f}"


def in_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(rows[0])
    head = [f"| {' | '.join(names)} |", f"| {' | '.join('---' for _ in names)} |"]
    return "\n".join([*head, *(f"| {' | '.join(str(row[name]) for name in names)} |" for row in rows)])


def main(files: Sequence[str]) -> None:
    real = read_history(files, Settings()) if files else None
    outcomes = run(WHOLE, real)
    tables = [stable_table(outcomes), *(shift_table(outcomes, place) for place in range(len(FIGURES)))]
    for title, table in zip(("Stable months", *(f"Error of {name}" for name in FIGURES)), tables, strict=True):
        sys.stdout.write(f"\n{title}\n\n{in_lines(table)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
