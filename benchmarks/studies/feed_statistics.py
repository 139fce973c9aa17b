"""Make `configs/feed_statistics.json` from a real file.

`python -m benchmarks.studies.feed_statistics application_train.csv`

Only figures of groups leave the file. A group of a tree holds at least 60 rows and 1 % of them, a level or a popular
value is told of from 20 rows on, points of a curve lie 40 rows apart, and shares and residuals are rounded. Points,
minima and maxima are values of one column without the rest of their row.
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
from tasks.core.applications import parse_rows
from tasks.core.feed.ties import NOT_EMPLOYED, first_form_of
from tasks.core.lender.columns import COLUMNS, NAMES, TARGET
from tasks.errors import ConfigError

# A number that takes few values is drawn by levels: at most so many, of so many of its rows.
_MOST_LEVELS: Final = 100
_LEVELS_COVER: Final = 0.965
_FEWEST_ROWS: Final = 500
# Trees see this many rows, drawn at random; more make them slow, not better.
_MOST_FITTED: Final = 30_000
_HERE: Final = Path("configs/feed_statistics.json")


def read_applications(path: Path) -> tuple[pa.Table, NDArray[np.float64] | None]:
    """The file's applications in `TYPED_SCHEMA`, and their outcomes if it has any.

    Raises:
        ConfigError: columns are missing.
    """
    raw = pa_csv.read_csv(
        path,
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys((*NAMES, TARGET), pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    )
    if missing := set(NAMES) - set(raw.column_names):
        raise ConfigError(f"{path.name} has no {', '.join(sorted(missing))}; it must be an application_train.csv.")
    outcomes = raw[TARGET].cast(pa.float64()).to_numpy() if TARGET in raw.column_names else None
    return parse_rows(raw).rows, outcomes


def build_statistics(
    table: pa.Table, *, default_share: float, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The whole document, as `FeedStatistics.from_json` reads it.

    Args:
        table: real applications in `TYPED_SCHEMA`.
        default_share: share of them that defaulted, 0 to 1.
        before: an earlier document; what it says of single columns stays if it rests on more rows.

    Raises:
        ConfigError: there are fewer rows than groups can be told of.
    """
    if table.num_rows < _FEWEST_ROWS:
        raise ConfigError(f"Statistics of groups need {_FEWEST_ROWS} applications or more; here are {table.num_rows}.")
    frame = table.to_pandas()
    columns = {column.name: describe_column(frame[column.name], column.kind) for column in COLUMNS}
    sample_rows = len(frame)
    if before and before["sample_rows"] > sample_rows:
        columns = {name: columns[name] | before["columns"][name] for name in NAMES}
        sample_rows, default_share = before["sample_rows"], before["default_share"]
    fit = Fit.begin(frame.sample(min(len(frame), _MOST_FITTED), random_state=0), columns, sample_rows)
    return {
        "sample_rows": sample_rows,
        "default_share": round(default_share, 4),
        "columns": columns,
        "draws": {name: fit.draw(name) for name in order()},
    }


def describe_column(values: pd.Series, kind: str) -> dict[str, Any]:
    """Missing share, quantiles, sentinel and the shares of levels of one column."""
    if kind == "id":
        return {"kind": "id"}
    described: dict[str, Any] = {"kind": kind, "missing_share": round(float(values.isna().mean()), 6)}
    if kind == "text":
        return described | {"shares": _category_shares(values)}
    present = values.dropna().to_numpy()
    if values.name == "DAYS_EMPLOYED":
        share = float((present == NOT_EMPLOYED).mean())
        described |= {"sentinel": int(NOT_EMPLOYED), "sentinel_share": round(share, 5)}
        present = present[present != NOT_EMPLOYED]
    if present.size:
        at = {"min": 0.0, "p01": 0.01, "q1": 0.25, "median": 0.5, "q3": 0.75, "p99": 0.99, "max": 1.0}
        described["quantiles"] = {name: short(float(np.quantile(present, share)), 7) for name, share in at.items()}
    found, counts = np.unique(present, return_counts=True)
    common = counts >= LEVEL_ROWS
    few = common.sum() <= _MOST_LEVELS and counts[common].sum() >= _LEVELS_COVER * present.size
    if few and not first_form_of(str(values.name)):
        told = counts[common].sum()
        described["shares"] = {
            spelled_number(level): round(count / told, 4)
            for level, count in zip(found[common].tolist(), counts[common].tolist(), strict=True)
        }
    return described


def _category_shares(values: pd.Series) -> dict[str, float]:
    """Every category with its share; those of fewer than 20 rows share theirs evenly, so that none is told of."""
    counts = values.value_counts()
    rare = counts[counts < LEVEL_ROWS]
    told = counts.where(counts >= LEVEL_ROWS, rare.mean()) / counts.sum()
    return {str(level): round(float(share), 5) for level, share in told.items()}


def as_text(document: Mapping[str, Any]) -> str:
    """The document as JSON, one column or draw a line, so that a change of the statistics reads as a difference."""
    lines = [f'  "{key}": {json.dumps(value)}' for key, value in document.items() if key not in ("columns", "draws")]
    for part in ("columns", "draws"):
        entries = ",\n".join(
            f'    "{name}": {json.dumps(entry, separators=(",", ":"))}' for name, entry in document[part].items()
        )
        lines.append(f'  "{part}": {{\n{entries}\n  }}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


@click.command()
@click.argument("real", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "path", type=click.Path(path_type=Path), default=_HERE, show_default=True, help="File to write.")
@click.option(
    "--before",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=_HERE,
    show_default=True,
    help="Earlier statistics: what they say of single columns stays if it rests on more rows.",
)
@click.option("--source", default="", help="What the rows are, for people who read the file.")
def main(real: Path, path: Path, before: Path, source: str) -> None:
    """Make the statistics of the feed from REAL, a file of applications with their TARGET."""
    table, outcomes = read_applications(real)
    if outcomes is None:
        raise click.UsageError(f"{real.name} has no {TARGET}.")
    earlier = json.loads(before.read_text("utf-8"))
    document = build_statistics(table, default_share=float(outcomes.mean()), before=earlier)
    told = source or f"{real.name}, statistics of {table.num_rows:,} rows"
    path.write_text(as_text({"source": told, **document}), "utf-8")
    click.echo(f"{path}: {path.stat().st_size / 1e3:.0f} kB, {len(document['draws'])} draws")


if __name__ == "__main__":
    main()
