"""Make `configs/feed_statistics.json` from a real file.

`python -m benchmarks.studies.feed_statistics application_train.csv`

Only figures of groups leave the file. A group of a tree holds at least 60 rows and 1 % of them. A
level or a popular value is published from 20 rows on. Points of a curve lie 40 rows apart. Shares
and residuals are rounded. Points, minima and maxima are values of one column without the rest of
their row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from benchmarks.studies.feed_fit import LEVEL_ROWS, Fit, order, short, spelled_number
from benchmarks.studies.feed_weekdays import fit_weekdays, read_weekdays, rows_of, weekday_table
from tasks.core.applications import parse_rows
from tasks.core.feed.statistics import FeedStatistics
from tasks.core.feed.ties import NOT_EMPLOYED, first_form_of
from tasks.core.lender.columns import COLUMNS, NAMES, TARGET, WEEKDAY, WEEKDAYS
from tasks.errors import ConfigError

# A number with few values is drawn by levels: at most so many, with this share of its rows.
_MOST_LEVELS: Final = 100
_LEVELS_COVER: Final = 0.965
_FEWEST_ROWS: Final = 500
# Trees see this many rows, drawn at random; more make them slow, not better.
_MOST_FITTED: Final = 30_000
_HERE: Final = Path("configs/feed_statistics.json")
_QUANTILES: Final = {
    "min": 0.0, "p01": 0.01, "q1": 0.25, "median": 0.5, "q3": 0.75, "p99": 0.99, "max": 1.0,
}  # fmt: skip


def read_applications(path: Path) -> tuple[pa.Table, NDArray[np.float64] | None]:
    """Applications of the file in `TYPED_SCHEMA`, and their outcomes; None if it has no outcomes.

    Raises:
        ConfigError: columns are missing.
    """
    options = pa_csv.ConvertOptions(
        column_types=dict.fromkeys((*NAMES, TARGET), pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )
    raw = pa_csv.read_csv(path, convert_options=options)
    if missing := set(NAMES) - set(raw.column_names):
        names = ", ".join(sorted(missing))
        raise ConfigError(f"{path.name} has no {names}; it must be an application_train.csv.")
    has_outcomes = TARGET in raw.column_names
    outcomes = raw[TARGET].cast(pa.float64()).to_numpy() if has_outcomes else None
    return parse_rows(raw).rows, outcomes


def build_statistics(
    table: pa.Table,
    *,
    default_share: float,
    before: Mapping[str, Any] | None = None,
    weekdays: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Whole document of the statistics, as `FeedStatistics.from_json` reads it.

    Args:
        table: real applications in `TYPED_SCHEMA`.
        default_share: share of them that defaulted, 0 to 1.
        before: an earlier document; its figures of single columns stay if they rest on more rows,
            and so do its weekdays.
        weekdays: table of the weekdays of more rows, as `weekday_table` makes it of `table`.

    Raises:
        ConfigError: there are too few rows for statistics of groups.
    """
    if table.num_rows < _FEWEST_ROWS:
        raise ConfigError(
            f"Statistics of groups need {_FEWEST_ROWS} applications or more; "
            f"here are {table.num_rows}."
        )  # fmt: skip
    frame = table.to_pandas()
    columns = {
        column.name: describe_column(frame[column.name], column.kind) for column in COLUMNS
    }  # fmt: skip
    sample_rows = len(frame)
    if before and before["sample_rows"] > sample_rows:
        columns = {name: columns[name] | before["columns"][name] for name in NAMES}
        sample_rows, default_share = before["sample_rows"], before["default_share"]
    fitted = frame.sample(min(len(frame), _MOST_FITTED), random_state=0)
    fit = Fit.begin(fitted, columns, sample_rows)
    document = {
        "sample_rows": sample_rows,
        "default_share": round(default_share, 4),
        "columns": columns,
        "draws": {name: fit.draw(name) for name in order()} | {WEEKDAY: {}},
    }
    if weekdays is None:
        weekdays = weekday_table(frame, columns)
    return document | _describe_weekdays(document, weekdays, before or {})


def _describe_weekdays(document: Mapping[str, Any], table: pd.DataFrame, before: Mapping[str, Any]) -> dict[str, Any]:
    """Columns with the share of each weekday, and the differences between weekdays."""
    n_rows = rows_of(table)
    described = document["columns"][WEEKDAY]
    if before.get("weekday_rows", 0) > n_rows.sum():
        known = {key: before[key] for key in ("weekday_rows", "by_weekday")}
        described |= before["columns"][WEEKDAY]
        return known
    shares = zip(WEEKDAYS, n_rows / n_rows.sum(), strict=True)
    described["shares"] = {level: round(float(share), 5) for level, share in shares}
    statistics = FeedStatistics.from_json(json.dumps(document))
    return {
        "weekday_rows": int(n_rows.sum()),
        "by_weekday": fit_weekdays(statistics, table),
    }


def describe_column(values: pd.Series, kind: str) -> dict[str, Any]:
    """Missing share, quantiles, sentinel and the shares of levels of one column."""
    if kind == "id":
        return {"kind": "id"}
    missing_share = round(float(values.isna().mean()), 6)
    described: dict[str, Any] = {"kind": kind, "missing_share": missing_share}
    if kind == "text":
        return described | {"shares": _category_shares(values)}
    present = values.dropna().to_numpy()
    if values.name == "DAYS_EMPLOYED":
        share = float((present == NOT_EMPLOYED).mean())
        described |= {"sentinel": int(NOT_EMPLOYED), "sentinel_share": round(share, 5)}
        present = present[present != NOT_EMPLOYED]
    if present.size:
        described["quantiles"] = {
            name: short(float(np.quantile(present, share)), 7) for name, share in _QUANTILES.items()
        }  # fmt: skip
    found, counts = np.unique(present, return_counts=True)
    common = counts >= LEVEL_ROWS
    is_covered = counts[common].sum() >= _LEVELS_COVER * present.size
    has_levels = common.sum() <= _MOST_LEVELS and is_covered
    if has_levels and not first_form_of(str(values.name)):
        n_common = counts[common].sum()
        described["shares"] = {
            spelled_number(level): round(count / n_common, 4)
            for level, count in zip(found[common].tolist(), counts[common].tolist(), strict=True)
        }
    return described


def _category_shares(values: pd.Series) -> dict[str, float]:
    """Every category with its share.

    Categories of fewer than 20 rows share theirs evenly, so that no such share is published.
    """
    counts = values.value_counts()
    rare = counts[counts < LEVEL_ROWS]
    shares = counts.where(counts >= LEVEL_ROWS, rare.mean()) / counts.sum()
    return {str(level): round(float(share), 5) for level, share in shares.items()}


def as_text(document: Mapping[str, Any]) -> str:
    """Document as JSON, with one column or draw a line, so that changes of the statistics show."""
    parts = ("columns", "draws", "by_weekday")
    single = {key: value for key, value in document.items() if key not in parts}
    lines = [f'  "{key}": {json.dumps(value)}' for key, value in single.items()]
    for part in parts:
        texts = {
            name: json.dumps(entry, separators=(",", ":")) for name, entry in document[part].items()
        }  # fmt: skip
        entries = ",\n".join(f'    "{name}": {text}' for name, text in texts.items())
        lines.append(f'  "{part}": {{\n{entries}\n  }}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


@click.command()
@click.argument("real", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--to", "path", type=click.Path(path_type=Path), default=_HERE, show_default=True,
    help="File to write.",
)  # fmt: skip
@click.option(
    "--before",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=_HERE,
    show_default=True,
    help="Earlier statistics. Their figures of single columns stay if they rest on more rows.",
)
@click.option(
    "--weekdays",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Table of shares and quantiles by weekday of more rows than REAL has (CSV).",
)
@click.option("--source", default="", help="Source of the rows, for people who read the file.")
def main(real: Path, path: Path, before: Path, weekdays: Path | None, source: str) -> None:
    """Make the statistics of the feed from REAL, a file of applications with their TARGET."""
    table, outcomes = read_applications(real)
    if outcomes is None:
        raise click.UsageError(f"{real.name} has no {TARGET}.")
    earlier = json.loads(before.read_text("utf-8"))
    document = build_statistics(
        table,
        default_share=float(outcomes.mean()),
        before=earlier,
        weekdays=read_weekdays(weekdays) if weekdays else None,
    )
    source = source or f"{real.name}, statistics of {table.num_rows:,} rows"
    path.write_text(as_text({"source": source, **document}), "utf-8")
    click.echo(f"{path}: {path.stat().st_size / 1e3:.0f} kB, {len(document['draws'])} draws")


if __name__ == "__main__":
    main()
