"""Reports on a published day beside the reference of its model: drift and data quality.

Each report is a page to look at and a JSON file to read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import PD
from tasks.core.day.manifest import Manifest
from tasks.core.disclosure import Comparable, coarsen, few_values, too_few
from tasks.core.lender.columns import ID, NUMBERS, TEXTS
from tasks.core.sampling import drawn_rows
from tasks.delivery.decided import decided_rows
from tasks.delivery.listing import require_unexpired, stand
from tasks.errors import ConfigError, InputsChanged, ObjectArchived, SourceError
from tasks.model.load import load_bundle
from tasks.publication.data_files import read_data
from tasks.publication.layout import monitoring_key
from tasks.publication.manifests import walk_manifests
from tasks.publication.references import read_reference
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite

if TYPE_CHECKING:
    from tasks.adapters.pages.html import Rendered


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
    too_few: tuple[str, ...]
    """Columns with so few values that figures of them would be those of single applicants."""
    note: str
    """Sentence that stands instead of all figures; empty if the day was compared."""
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
    store = open_store(settings.storage)
    model = published.model
    frozen = load_bundle(model, settings).reference
    columns = {**frozen["columns"], PD: {"quantiles": frozen["pd_quantiles"]}}
    day = sample_day(store, published, settings)
    reference = read_reference(store, model, trained_rows=frozen["rows"]).to_pandas()
    samples = coarsen(day, reference, columns, seed=published.as_of.toordinal())
    drifted: tuple[str, ...] = ()
    note = ""
    if samples.day.columns.empty:
        note = too_few(len(day)) if len(day) < len(reference) else too_few(len(reference), "reference row")
        reports = _reports_without_figures(published, note)
    else:
        reports, drifted = _compared(samples)
    contents = {
        monitoring_key(published.as_of, f"{name}.{ending}"): data
        for name, report in reports.items()
        for ending, data in (("html", report.html), ("json", report.json))
    }
    for key, data in contents.items():
        overwrite(store, key, data)
    return MonitoringResult(
        as_of=published.as_of,
        compared_rows=len(day),
        reference_rows=len(reference),
        drifted=drifted,
        empty=samples.empty,
        too_few=samples.too_few,
        note=note,
        keys=tuple(contents),
    )


def _compared(samples: Comparable) -> tuple[dict[str, Rendered], tuple[str, ...]]:
    """Reports on the day beside the reference, and the columns that drifted."""
    from tasks.adapters.evidently import compare_samples, describe

    day, reference = samples.day, samples.reference
    run_logger().info("Comparing %d rows with %d of the reference", len(day), len(reference))
    kinds = {
        "numbers": [name for name in (*NUMBERS, PD) if name in day],
        "texts": [name for name in TEXTS if name in day],
    }
    note = few_values(samples.too_few) if samples.too_few else ""
    drift, drifted = compare_samples(reference, day, **kinds, note=note)
    run_logger().info("Drift: %d of %d columns; describing data quality", len(drifted), day.shape[1])
    quality = describe(reference, day, **kinds, note=note)
    return {"drift": drift, "quality": quality}, drifted


def _reports_without_figures(published: Manifest, note: str) -> dict[str, Rendered]:
    """The same reports of a day of so few applications that figures would be theirs."""
    from tasks.adapters.pages.html import Rendered, note_page

    title = f"Applications of {published.as_of}, revision {published.revision}"
    told = json.dumps({"note": note, "metrics": [], "tests": []}).encode()
    report = Rendered(note_page(title, note), told)
    return {"drift": report, "quality": report}


def sample_day(store: Store, published: Manifest, settings: Settings) -> pd.DataFrame:
    """Random sample of the day's decided applications with their pd, read from the landing files.

    The same revision gives the same sample.

    Raises:
        InputsChanged: the landing files are no longer those that were scored, or have expired.
        ObjectArchived: the store moved a file of them to its archive.
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
    if delivered.archived:
        raise ObjectArchived(delivered.archived)
    if delivered.remarks or delivered.rows.num_rows != results.num_rows:
        raise InputsChanged(
            f"The landing files of {published.as_of} are not those that revision "
            f"{published.revision} was made from; restore them to monitor the day."
        )
    return delivered.rows.to_pandas().merge(
        results.to_pandas(), left_on=ID, right_on=APPLICATION_ID, validate="one_to_one"
    )
