"""Separation of synthetic rows from real ones.

`python -m benchmarks.studies.separate_feed application_train.csv`

LightGBM learns to separate them, over five folds. An AUC of 0.5 means that it cannot, 1 that it
always can; a comparison of real rows with real rows shows what "cannot" looks like at this size.
`--held-out` makes the statistics anew from one half of the file and compares synthetic rows with
the other half, so that no row is compared with rows that it helped to make.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import click
import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.studies.feed_statistics import build_statistics, read_applications
from tasks.core.feed.statistics import FeedStatistics
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.lender.columns import ID
from tasks.feed.generate import load_statistics

_FOLDS: Final = 5
_TREES: Final = 200
_SHAPE: Final = {
    "objective": "binary", "learning_rate": 0.05, "num_leaves": 31, "verbose": -1,
    "deterministic": True,
}  # fmt: skip
# EXT_SOURCE_3 takes some 800 values; digits beyond the ninth depend on the computer that made them,
# not on an applicant.
_DECIMALS: Final = 9
# Any day; another one gives other rows.
_DAY: Final = date(2026, 10, 2)
_MOST_NAMED: Final = 12


class Separation(NamedTuple):
    """Separation of two samples by a model."""

    auc: float
    """AUC out of fold, over all rows: 0.5 if the samples cannot be separated, 1 if always."""
    gains: pd.Series
    """Column to its share of the trees' gain, largest first."""


def separate(one: pa.Table, other: pa.Table, *, seed: int = 0) -> Separation:
    """Separate the rows of `one` from those of `other`, both in `TYPED_SCHEMA`, by LightGBM.

    Ids are left out.
    """
    rows = pd.concat([one.to_pandas(), other.to_pandas()], ignore_index=True).drop(columns=ID)
    for name in rows.columns:
        column = rows[name]
        is_text = column.dtype == object
        rows[name] = column.astype("category") if is_text else column.round(_DECIMALS)
    is_other = np.repeat([0, 1], [one.num_rows, other.num_rows])
    predicted = np.zeros(len(rows))
    gains = np.zeros(rows.shape[1])
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    for fitted, left in folds.split(rows, is_other):
        data = lgb.Dataset(rows.iloc[fitted], is_other[fitted])
        model = lgb.train(_SHAPE | {"seed": seed}, data, _TREES)
        predicted[left] = model.predict(rows.iloc[left])
        gains += model.feature_importance("gain")
    shares = pd.Series(gains / max(gains.sum(), 1e-9), rows.columns)
    auc = float(roc_auc_score(is_other, predicted))
    return Separation(auc, shares.sort_values(ascending=False))


def halves(table: pa.Table, *, seed: int) -> tuple[pa.Table, pa.Table]:
    """Two random halves of the rows."""
    places = np.random.default_rng(seed).permutation(table.num_rows)
    middle = table.num_rows // 2
    return table.take(np.sort(places[:middle])), table.take(np.sort(places[middle:]))


@click.command()
@click.argument("real", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--rows", default=6_000, show_default=True,
    help="Most real rows; as many synthetic ones are made.",
)  # fmt: skip
@click.option(
    "--seed", default=3, show_default=True,
    help="Another seed gives other synthetic rows, halves and folds.",
)  # fmt: skip
@click.option(
    "--held-out", is_flag=True, help="Make the statistics from one half, compare with the other."
)  # fmt: skip
def main(real: Path, rows: int, seed: int, held_out: bool) -> None:
    """Separate synthetic rows from those of REAL, a file of real applications."""
    table, _ = read_applications(real)
    chosen = np.sort(np.random.default_rng(seed).permutation(table.num_rows)[:rows])
    table = table.take(chosen)
    one, other = halves(table, seed=seed)
    floor = separate(one, other, seed=seed)
    compared = table
    statistics = load_statistics()
    if held_out:
        document = build_statistics(one, default_share=statistics.default_share)
        compared = other
        statistics = FeedStatistics.from_json(json.dumps(document))
    n_rows = compared.num_rows
    synthetic = synthesize_applications(
        statistics, rows=n_rows, seed=seed, as_of=_DAY, history=True
    )  # fmt: skip
    found = separate(compared, synthetic, seed=seed)
    click.echo(f"Synthetic from real, {n_rows:,} rows each:  AUC {found.auc:.3f}")
    click.echo(f"Real from real, {one.num_rows:,} rows each:       AUC {floor.auc:.3f}\n")
    click.echo(
        f"{'What gives the feed away':<32}{'synthetic':>10}{'real':>8}   (shares of the trees' gain)"
    )  # fmt: skip
    for name, share in found.gains.head(_MOST_NAMED).items():
        click.echo(f"  {name:<30}{share:>10.3f}{floor.gains[str(name)]:>8.3f}")


if __name__ == "__main__":
    main()
