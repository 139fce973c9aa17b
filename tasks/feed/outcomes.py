"""Write how synthetic applications ended: the outcomes of days that were generated before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.files import encode, format_of
from tasks.core.lender.columns import ID, OUTCOME_DATE, TARGET
from tasks.feed.generate import GeneratedFile, load_statistics, write_whole
from tasks.publication.data_files import read_data
from tasks.publication.manifests import newest_manifest
from tasks.store import Store, open_store


def write_outcomes(
    path: Path,
    days: Sequence[date],
    settings: Settings,
    *,
    rows: int,
    seed: int,
    known_on: date | None = None,
) -> GeneratedFile:
    """Write a file with the outcomes of the applications of generated days.

    The same rows and seed give the same applicants as `generate_day`, so these are theirs. Of a
    published day only those have an outcome who were decided and not refused; of any other day all.

    Args:
        path: file to write; its name says the format. One that is there is replaced.
        days: days that were generated.
        settings: place of the store, and the days to maturity.
        rows: rows of each day.
        seed: seed of each day.
        known_on: date of all outcomes; None for the day of maturity of each day.
    """
    file_format = format_of(path.name)
    statistics = load_statistics()
    store = open_store(settings.storage)
    parts = []
    for as_of in days:
        made = synthesize_applications(statistics, rows=rows, seed=seed, as_of=as_of, with_target=True)
        ended = made.select([ID, TARGET]).filter(pa.array(_has_loan(store, as_of, made)))
        on = known_on or as_of + timedelta(days=settings.outcomes.maturity_days)
        parts.append(ended.append_column(OUTCOME_DATE, pa.array([on.isoformat()] * ended.num_rows, pa.string())))
    table = pa.concat_tables(parts)
    return write_whole(path, encode(table, file_format), rows=table.num_rows)


def _has_loan(store: Store, as_of: date, made: pa.Table) -> np.ndarray:
    """True for the applications that were decided and not refused; for all of a day that is not published."""
    published = newest_manifest(store, as_of)
    if published is None:
        return np.ones(made.num_rows, dtype=bool)
    decisions = read_parquet(read_data(store, published.audited.decisions), [APPLICATION_ID, "decision"])
    kept = decisions.filter(pc.not_equal(decisions.column("decision"), "refuse"))
    ids = made.column(ID).cast(pa.int64()).to_numpy()
    return np.isin(ids, kept.column(APPLICATION_ID).to_numpy())
