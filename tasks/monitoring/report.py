"""Reports on a published day beside the reference of its model: drift and data quality.

Each report is a page to look at and a JSON file to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd
import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import PD
from tasks.core.day.manifest import Manifest
from tasks.core.disclosure import coarsen
from tasks.core.lender.columns import ID, NUMBERS, TEXTS
from tasks.core.sampling import drawn_rows
from tasks.delivery.decided import decided_rows
from tasks.delivery.listing import require_unexpired, stand
from tasks.errors import ConfigError, InputsChanged, SourceError
from tasks.model.load import load_bundle
from tasks.publication.data_files import read_data
from tasks.publication.layout import monitoring_key
from tasks.publication.manifests import walk_manifests
from tasks.publication.references import read_reference
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite


@dataclass(frozen=True, slots=True)
class MonitoringResult:
    """Findings of monitoring, and the keys of its reports."""

    as_of: date
    compared_rows: int
    reference_rows: int
    drifted: tuple[str, ...]
    """Columns that Evidently's default tests call drifted, most drifted first."""
    empty: tuple[str, ...]
    """Columns without any value in the day or in the reference.

    Their distributions cannot be compared.
    """
    keys: tuple[str, ...]


@step("find published day")
def published_day(
    as_of: date,
    settings: Settings,
    publication: str | None = None,
    decisions: str | None = None,
) -> Manifest:
    """Manifest of the newest revision of a day.

    Args:
        as_of: the business day.
        settings: those of this run.
        publication: the one that an event announces; None if a person asks for the day.
        decisions: place of the announced decisions, for the message.

    Raises:
        SourceError: the day was never published.
        ConfigError: this store does not hold the announced publication.
    """
    store = open_store(settings.storage)
    published = None
    is_announced = publication is None
    for published in walk_manifests(store, as_of):
        is_announced = is_announced or published.publication == publication
    if not is_announced:
        raise ConfigError(
            f"The event announces decisions of {as_of} in {decisions or 'a place that it does not name'}. The store of "
            f"this deployment, {settings.storage.root}, does not hold that publication: another store published it. "
            "Nothing was compared. Monitor the day with the settings of that store: "
            f"scoring monitor --as-of {as_of}"
        )
    if published is None:
        raise SourceError(f"{as_of} has not been published; score it first: scoring score --as-of {as_of}")
    return published


@step("compare with reference")
def compare_with_reference(published: Manifest, settings: Settings) -> MonitoringResult:
    """Write the drift and quality reports of a published day, and replace older ones."""
    from tasks.adapters.evidently import compare_samples, describe

    store = open_store(settings.storage)
    model = published.model
    frozen = load_bundle(model, settings).reference
    columns = {**frozen["columns"], PD: {"quantiles": frozen["pd_quantiles"]}}
    seed = published.as_of.toordinal()
    current = coarsen(sample_day(store, published, settings), columns, seed=seed)
    sample = read_reference(store, model, trained_rows=frozen["rows"]).to_pandas()
    reference = coarsen(sample, columns, seed=seed)
    # Evidently cannot compare a column without any value; its absence is the finding.
    empty = tuple(name for name in columns if current[name].isna().all() or reference[name].isna().all())
    current = current.drop(columns=list(empty))
    reference = reference.drop(columns=list(empty))
    run_logger().info("Comparing %d rows with %d of the reference", len(current), len(reference))
    kinds = {
        "numbers": [name for name in (*NUMBERS, PD) if name not in empty],
        "texts": [name for name in TEXTS if name not in empty],
    }
    drift, drifted = compare_samples(reference, current, **kinds)
    run_logger().info("Drift: %d of %d columns; describing data quality", len(drifted), len(columns))
    quality = describe(reference, current, **kinds)
    contents = {
        "drift.html": drift.html,
        "drift.json": drift.json,
        "quality.html": quality.html,
        "quality.json": quality.json,
    }
    keys = tuple(monitoring_key(published.as_of, name) for name in contents)
    for key, data in zip(keys, contents.values(), strict=True):
        overwrite(store, key, data)
    return MonitoringResult(published.as_of, len(current), len(reference), drifted, empty, keys)


def sample_day(store: Store, published: Manifest, settings: Settings) -> pd.DataFrame:
    """Random sample of the day's decided applications with their pd, read from the landing files.

    The same revision gives the same sample.

    Raises:
        InputsChanged: the landing files are no longer those that were scored, or have expired.
        SourceError: no decided application is left.
    """
    if not published.audited.decisions.rows:
        raise SourceError(
            f"Revision {published.revision} of {published.as_of} has no decided application any "
            "more, so there is nothing to compare with the reference. Nothing was changed."
        )
    require_unexpired(stand(store, published.as_of, published))
    decisions = read_parquet(read_data(store, published.audited.decisions), [APPLICATION_ID, PD])
    limit = settings.monitoring.sample_rows
    chosen = drawn_rows(decisions.num_rows, limit, seed=published.as_of.toordinal())
    results = decisions.take(pa.array(chosen))
    delivered = decided_rows(store, published, results, settings.scoring)
    if delivered.remarks or delivered.rows.num_rows != results.num_rows:
        raise InputsChanged(
            f"The landing files of {published.as_of} are not those that revision "
            f"{published.revision} was made from; restore them to monitor the day."
        )
    return delivered.rows.to_pandas().merge(
        results.to_pandas(), left_on=ID, right_on=APPLICATION_ID, validate="one_to_one"
    )
