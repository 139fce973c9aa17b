"""Figures of the measured runs: ratios with their spread, and checks that results agree."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import numpy as np
import pyarrow.parquet as pq

from tasks.core.decision.reasons import principal_reasons
from tasks.core.lender.feature_list import FAMILIES

Run = Mapping[str, Any]
_MOST_DIFFERENCE: Final = 1e-9
# Decimals of a figure, and the size from which it has so many.
_DIGITS_FROM: Final = ((0, 100), (1, 10), (2, 0.1))
_MOST_DIGITS: Final = 3
# pandas reads some decimals to the float next to the nearest, and our pd is a step function of a
# score.
_MOST_OTHER_PD_SHARE: Final = 0.001
_SAME_VERDICT: Final = ("compared", "reference", "level", "findings")


class Spread(NamedTuple):
    """Spread of a figure over the repetitions."""

    median: float
    low: float
    high: float

    def told(self, unit: str = "") -> str:
        """Text of the median and of the range."""
        if self.low == self.high:
            return f"{_short(self.median)}{unit}"
        return f"{_short(self.median)}{unit} ({_short(self.low)}-{_short(self.high)})"


def _short(value: float) -> str:
    digits = next((n for n, least in _DIGITS_FROM if abs(value) >= least), _MOST_DIGITS)
    return f"{value:,.{digits}f}"


def spread(values: Sequence[float]) -> Spread:
    """Median, minimum and maximum of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


class Runs:
    """All runs of a plan, by job, rows and cores."""

    def __init__(self, runs: Sequence[Run]) -> None:
        """Take the runs in the order in which they were made."""
        self.runs = runs

    def of(self, job: str, rows: int, cores: int) -> list[Run]:
        """Runs of a job, one for each repetition."""
        key = (job, rows, cores)
        return [run for run in self.runs if (run["job"], run["rows"], run["cores"]) == key]

    def seconds(
        self,
        job: str,
        rows: int,
        cores: int,
        *,
        stage: str = "",
        clock: str = "wall",
    ) -> list[float]:
        """Seconds of all stages together, or of one, in each repetition."""
        return [_seconds(run, stage, clock) for run in self.of(job, rows, cores)]


def _seconds(run: Run, stage: str, clock: str) -> float:
    return sum(spent[clock] for name, spent in run["stages"].items() if not stage or name == stage)


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread | None:
    """Ratio of `above` to `below`, repetition by repetition; None if one was not measured."""
    pairs = list(zip(above, below, strict=False))
    return spread([one / other for one, other in pairs]) if pairs else None


def compare_engines(scratch: Path) -> dict[str, float]:
    """Compare our engine with LightGBM on the same rows of the same model.

    Raises:
        click.ClickException: a score differs, a contribution differs by more than 1e-9, or four
            reasons differ.
    """
    raw = _of_both_engines(scratch, "raw")
    contributions = _of_both_engines(scratch, "contributions")
    if not np.array_equal(raw[0], raw[1]):
        raise click.ClickException("Our engine's scores are not LightGBM's to the last bit.")
    differences = np.abs(contributions[0] - contributions[1])
    four = [_four(each) for each in contributions]
    found = {
        "rows": float(len(raw[0])),
        "explained": float(len(contributions[0])),
        "largest_difference": float(np.max(differences, initial=0.0)),
        "same_reasons_share": _share(np.all(four[0] == four[1], axis=1)),
    }
    if found["largest_difference"] > _MOST_DIFFERENCE or found["same_reasons_share"] < 1:
        raise click.ClickException(f"Our engine's reasons are not LightGBM's: {found}.")
    return found


def _of_both_engines(scratch: Path, values: str) -> list[np.ndarray]:
    return [np.load(scratch / f"{engine}.{values}.npy") for engine in ("engine", "LightGBM")]


def _share(is_so: np.ndarray) -> float:
    return float(is_so.mean()) if len(is_so) else 1.0


def _four(contributions: np.ndarray) -> np.ndarray:
    """Names of the principal reasons as the product ranks them; empty if there are fewer."""
    reasons = principal_reasons(contributions, tuple(FAMILIES)).values()
    texts = [column.fill_null("").to_numpy(zero_copy_only=False) for column in reasons]
    return np.column_stack(texts)


def compare_decisions(own: Path, plain: Path) -> dict[str, float]:
    """Compare our published pd with those of the same model used plainly, id by id.

    Raises:
        click.ClickException: they differ in more rows than two ways of reading a decimal explain.
    """
    columns = ["application_id", "pd"]
    ours, theirs = (pq.read_table(path, columns=columns).to_pandas() for path in (own, plain))
    suffixes = ("", "_plain")
    joined = ours.merge(theirs, on="application_id", validate="one_to_one", suffixes=suffixes)
    other = float(np.mean(joined["pd"] != joined["pd_plain"]))
    if other > _MOST_OTHER_PD_SHARE:
        raise click.ClickException(
            f"{other:.2%} of the pd differ from those of the same model used plainly."
        )  # fmt: skip
    return {"in_both": float(len(joined)), "other_pd_share": other}


def require_agreement(runs: Runs, rows: int) -> None:
    """Stop if runs on one day came to different results: speed would be no merit.

    Raises:
        click.ClickException: names the results that differ.
    """
    on_day = [run for run in runs.runs if run["rows"] == rows]
    found = {(run["job"], run["cores"]): run["found"] for run in on_day}
    days = [run["found"]["sha256"] for run in on_day if "sha256" in run["found"]]
    if len(set(days)) > 1:
        raise click.ClickException(f"The {rows:,} rows were published as other bytes in another run.")
    by_name = {name: each for (name, _), each in found.items()}
    day = by_name["day"]
    if day["explained"] != day["not_approved"]:
        raise click.ClickException("Some applications that are not approved have no reason.")
    broken = [by_name[name]["broken"] for name in ("contract", "GX COMPLETE") if name in by_name]
    if len(broken) > 1 and broken[0] != broken[1]:
        raise click.ClickException("The contract and Great Expectations count other broken rows.")
    judged = [by_name[name] for name in ("verdict", "monitoring") if name in by_name]
    verdicts = [{name: each[name] for name in _SAME_VERDICT} for each in judged]
    if len(verdicts) > 1 and verdicts[0] != verdicts[1]:
        raise click.ClickException("Monitoring comes to another verdict than its statistics alone.")
    for name in ("plain, large model", "plain, our model"):
        if name not in by_name:
            continue
        # Plain reading takes 1.5 for a count and infinity for an amount, and has no view of
        # conflicting ids.
        decided = by_name[name]["decided"]
        if abs(decided - day["decided"]) > day["quarantined"]:
            raise click.ClickException(
                f"{name} decided {decided:,} rows, ours {day['decided']:,}."
            )  # fmt: skip
        if by_name[name]["explained"] != day["not_approved"]:
            raise click.ClickException(f"{name} explained other numbers of rows than ours.")
