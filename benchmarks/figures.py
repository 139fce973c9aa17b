"""What the measured runs say: ratios with their spread, whether results agree, and the budgets of the design."""

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
# pandas reads some decimals to the float next to the nearest, and our pd is a step function of a score.
_MOST_OTHER_PD_SHARE: Final = 0.001


class Spread(NamedTuple):
    """A figure over the repetitions."""

    median: float
    low: float
    high: float

    def told(self, unit: str = "") -> str:
        """The median, and from where to where it went."""
        if self.low == self.high:
            return f"{_short(self.median)}{unit}"
        return f"{_short(self.median)}{unit} ({_short(self.low)}-{_short(self.high)})"


def _short(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3  # noqa: PLR2004
    return f"{value:,.{digits}f}"


def spread(values: Sequence[float]) -> Spread:
    """Median, minimum and maximum of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


class Runs:
    """All runs of a plan, to be asked for by what they measured."""

    def __init__(self, runs: Sequence[Run]) -> None:
        """Take the runs in the order in which they were made."""
        self.runs = runs

    def of(self, job: str, rows: int, cores: int) -> list[Run]:
        """The runs of a job, one for each repetition."""
        key = (job, rows, cores)
        return [run for run in self.runs if (run["job"], run["rows"], run["cores"]) == key]

    def seconds(self, job: str, rows: int, cores: int, *, stage: str = "", clock: str = "wall") -> list[float]:
        """Seconds of all stages together, or of one, in each repetition."""
        return [_seconds(run, stage, clock) for run in self.of(job, rows, cores)]


def _seconds(run: Run, stage: str, clock: str) -> float:
    return sum(spent[clock] for name, spent in run["stages"].items() if not stage or name == stage)


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread | None:
    """How many times `above` is of `below`, repetition by repetition; None where one was not measured."""
    pairs = list(zip(above, below, strict=False))
    return spread([one / other for one, other in pairs]) if pairs else None


def compare_engines(scratch: Path) -> dict[str, float]:
    """What our engine and LightGBM said of the same rows of the same model.

    Raises:
        click.ClickException: a score differs, or a contribution by more than 1e-9, or four reasons do.
    """
    raw, contributions = (
        [np.load(scratch / f"{name}.{what}.npy") for name in ("engine", "LightGBM")]
        for what in ("raw", "contributions")
    )
    if not np.array_equal(*raw):
        raise click.ClickException("Our engine's scores are not LightGBM's to the last bit.")
    found = {
        "rows": float(len(raw[0])),
        "explained": float(len(contributions[0])),
        "largest_difference": float(np.max(np.abs(contributions[0] - contributions[1]), initial=0.0)),
        "same_reasons_share": _share(np.all(_four(contributions[0]) == _four(contributions[1]), axis=1)),
    }
    if found["largest_difference"] > _MOST_DIFFERENCE or found["same_reasons_share"] < 1:
        raise click.ClickException(f"Our engine's reasons are not LightGBM's: {found}.")
    return found


def _share(is_so: np.ndarray) -> float:
    return float(is_so.mean()) if len(is_so) else 1.0


def _four(contributions: np.ndarray) -> np.ndarray:
    """The principal reasons as the product ranks them, families as they are named; empty where there are fewer."""
    reasons = principal_reasons(contributions, tuple(FAMILIES))
    return np.column_stack([column.fill_null("").to_numpy(zero_copy_only=False) for column in reasons.values()])


def compare_decisions(own: Path, plain: Path) -> dict[str, float]:
    """How our published pd differ from those of the same packages wired plainly with the same model, id by id.

    Raises:
        click.ClickException: in more rows than two ways of reading a decimal explain.
    """
    both = [pq.read_table(path, columns=["application_id", "pd"]).to_pandas() for path in (own, plain)]
    joined = both[0].merge(both[1], on="application_id", validate="one_to_one", suffixes=("", "_plain"))
    other = float(np.mean(joined["pd"] != joined["pd_plain"]))
    if other > _MOST_OTHER_PD_SHARE:
        raise click.ClickException(f"{other:.2%} of the pd differ from those of the same model used plainly.")
    return {"in_both": float(len(joined)), "other_pd_share": other}


def require_agreement(runs: Runs, rows: int) -> None:
    """Stop where runs on one day came to different results: speed would be no merit.

    Raises:
        click.ClickException: says which do.
    """
    found = {(run["job"], run["cores"]): run["found"] for run in runs.runs if run["rows"] == rows}
    days = [run["found"]["sha256"] for run in runs.runs if run["rows"] == rows and run["job"] == "day"]
    if len(set(days)) > 1:
        raise click.ClickException(f"The {rows:,} rows were published as other bytes in another run.")
    by_name = {name: each for (name, _), each in found.items()}
    day = by_name["day"]
    if day["explained"] != day["not_approved"]:
        raise click.ClickException("Some applications that are not approved have no reason.")
    if {"contract", "GX COMPLETE"} <= set(by_name) and by_name["contract"]["broken"] != by_name["GX COMPLETE"][
        "broken"
    ]:
        raise click.ClickException("The contract and Great Expectations count other broken rows.")
    for name in ("plain, large model", "plain, our model"):
        # Plain reading takes 1.5 for a count and infinity for an amount, and has no view of conflicting ids.
        if name in by_name and abs(by_name[name]["decided"] - day["decided"]) > day["quarantined"]:
            raise click.ClickException(f"{name} decided {by_name[name]['decided']:,} rows, ours {day['decided']:,}.")
        if name in by_name and by_name[name]["explained"] != day["not_approved"]:
            raise click.ClickException(f"{name} explained other numbers of rows than ours.")
