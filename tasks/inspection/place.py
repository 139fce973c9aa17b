"""Place of an application among all of its day, and among those that are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import PD
from tasks.core.decision.place import Place, place_among
from tasks.core.lender.columns import ID, TYPED_SCHEMA
from tasks.core.lender.kinds import ALIKE_COLUMNS, is_alike
from tasks.delivery.decided import decided_chunks
from tasks.inspection.explain import Explained
from tasks.publication.data_files import read_data
from tasks.store import Store


@dataclass(frozen=True, slots=True)
class Places:
    """Places of an application by its pd."""

    of_all: Place
    of_alike: Place
    """Among the applications of `lender.kinds.is_alike`."""


def find_places(store: Store, explained: Explained, settings: Settings) -> Places | None:
    """Places of an application in its revision; None if it was not decided.

    All delivered rows of the day are read, because those that are alike are told by them.

    Raises:
        PublishError: the decisions are gone, or damaged.
    """
    row = explained.row
    if row is None:
        return None
    published = explained.published
    decisions = read_parquet(read_data(store, published.audited.decisions), [APPLICATION_ID, PD])
    pds = decisions.column(PD).to_numpy()
    of_all = place_among(pds, row[PD])
    columns = [ID, *ALIKE_COLUMNS]
    chunks = [chunk.select(columns) for chunk in decided_chunks(store, published, decisions, settings.scoring, [])]
    rows = pa.concat_tables([TYPED_SCHEMA.empty_table().select(columns), *chunks]).sort_by(ID)
    if rows.num_rows < decisions.num_rows:
        return Places(of_all, Place(None, "It cannot be told, because delivered rows of the day are gone."))
    applicants = decisions.column(APPLICATION_ID).to_numpy()  # both are sorted by id
    place = int(np.searchsorted(applicants, row[APPLICATION_ID]))
    return Places(of_all, place_among(pds[is_alike(rows, place)], row[PD]))
