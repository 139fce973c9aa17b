"""The decided applications of published days, read once for all that monitoring asks of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from configs.settings import Scoring, Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import PD
from tasks.core.day.manifest import Manifest
from tasks.core.decision.policy import DECISIONS
from tasks.core.lender.columns import ID
from tasks.core.lender.kinds import protected_kinds
from tasks.core.monitoring.counts import DayCounts, count_rows
from tasks.core.monitoring.reference import Frozen
from tasks.core.sampling import drawn_rows
from tasks.delivery.decided import archived_remark, decided_chunks
from tasks.delivery.listing import require_unexpired, stand
from tasks.errors import ConfigError, InputsChanged, ObjectArchived, SourceError
from tasks.publication.data_files import read_data
from tasks.publication.manifests import walk_manifests
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.running.workers import processors, work_in_order
from tasks.store import Store, open_store


@dataclass(frozen=True, slots=True)
class GatheredDay:
    """Decided applications of a revision, counted, and some of them."""

    counts: DayCounts
    results: pa.Table
    """Published rows of all applications, sorted by application_id."""
    protected: Mapping[str, np.ndarray]
    """Grouping to the kind of each application, texts, in the order of `results`."""
    sample: pa.Table
    """Typed rows of some applications with their `pd`, for Evidently to draw from."""


class _CountedChunk(NamedTuple):
    """A chunk of decided applications, counted."""

    place: np.ndarray
    """Position of each application in the published results."""
    counts: DayCounts
    protected: Mapping[str, np.ndarray]
    drawn: pa.Table
    """Typed rows of the applications that were drawn for the sample, with their `pd`."""


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


def gather_day(
    store: Store,
    published: Manifest,
    frozen: Frozen,
    scoring: Scoring,
    *,
    sample_rows: int,
) -> GatheredDay:
    """Read and count the decided applications of a revision, chunk by chunk.

    The same revision gives the same counts and the same sample.

    Raises:
        InputsChanged: the landing files are no longer those that were scored, or have expired.
        ObjectArchived: the store moved a file of them to its archive.
    """
    results = read_parquet(read_data(store, published.audited.decisions))
    counts = DayCounts.none(frozen)
    if not results.num_rows:
        return GatheredDay(counts, results, {}, pa.table({}))
    require_unexpired(stand(store, published.as_of, published))
    ids = results.column(APPLICATION_ID).to_numpy()
    pd = results.column(PD).to_numpy()
    decisions = pc.index_in(results.column("decision"), value_set=pa.array(DECISIONS)).to_numpy()
    is_drawn = np.zeros(len(ids), dtype=bool)
    is_drawn[drawn_rows(len(ids), sample_rows, seed=published.as_of.toordinal())] = True
    protected: dict[str, np.ndarray] = {}
    drawn: list[pa.Table] = []
    remarks: list[str] = []

    def count(rows: pa.Table) -> _CountedChunk:
        place = np.searchsorted(ids, rows.column(ID).to_numpy())
        with_pd = rows.append_column(PD, pa.array(pd[place]))
        return _CountedChunk(
            place,
            count_rows(rows, pd[place], decisions[place], frozen),
            protected_kinds(rows),
            with_pd.filter(pa.array(is_drawn[place])),
        )

    chunks = decided_chunks(store, published, results, scoring, remarks)
    with closing(work_in_order(count, chunks, workers=scoring.workers or processors())) as counted:
        for chunk in counted:
            counts += chunk.counts
            for name, kinds in chunk.protected.items():
                protected.setdefault(name, np.full(len(ids), "", dtype=object))[chunk.place] = kinds
            drawn.append(chunk.drawn)
            run_logger().info("Read %d of %d applications of %s", counts.rows, len(ids), published.as_of)
    if archived := archived_remark(remarks):
        raise ObjectArchived(archived)
    if remarks or counts.rows != len(ids):
        raise InputsChanged(
            f"The landing files of {published.as_of} are not those that revision "
            f"{published.revision} was made from; restore them to monitor the day."
        )
    protected = {name: kinds.astype(str) for name, kinds in protected.items()}
    return GatheredDay(counts, results, protected, pa.concat_tables(drawn).sort_by(ID))


def join_days(days: Sequence[GatheredDay], *, sample_rows: int, seed: int) -> GatheredDay:
    """Several days as one sample."""
    counts = days[0].counts
    for day in days[1:]:
        counts += day.counts
    filled = [day.sample for day in days if day.counts.rows]
    sample = pa.concat_tables(filled) if filled else days[0].sample
    chosen = drawn_rows(sample.num_rows, sample_rows, seed=seed)
    results = pa.concat_tables([day.results for day in days])
    groupings = dict.fromkeys(name for day in days for name in day.protected)
    protected = {name: np.concatenate([day.protected[name] for day in days if day.counts.rows]) for name in groupings}
    return GatheredDay(counts, results, protected, sample.take(pa.array(chosen)))
