"""Two versions on the delivered rows of published days: what would have been decided otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np

from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.lender.kinds import protected_kinds
from tasks.core.model.bundle import ModelPin
from tasks.core.model_life.comparison import Side
from tasks.core.model_life.verdict import GateVerdict
from tasks.core.words import counted
from tasks.delivery.decided import decided_chunks
from tasks.errors import ConfigError, SourceError
from tasks.model_life.compare import judge_pairs
from tasks.model_life.held_out import PairedRows, policy_filled, reasons_and_pd
from tasks.publication.data_files import read_data
from tasks.publication.stored_day import StoredDay, stored_days
from tasks.store import Store, open_store


def compare_on_days(
    challenger: ModelPin, champion: ModelPin, first: date, last: date, settings: Settings
) -> GateVerdict:
    """Compare two versions on published days, by the policy of now. There are no outcomes and no checks.

    A day whose landing files are gone, or have changed since, is left out, and its applications are
    counted.

    Raises:
        ConfigError: the range holds no published day.
        SourceError: no delivered row is left.
        ModelError: a version is not to be had.
    """
    store = open_store(settings.storage)
    days = [day for day in stored_days(store, ["revisions"]).values() if first <= day.as_of <= last]
    days = [day for day in days if day.newest and not day.newest.is_withdrawn]
    if not days:
        raise ConfigError(f"No day from {first} to {last} is published; see `scoring status`.")
    said: list[tuple[np.ndarray, ...]] = []
    kinds: list[Mapping[str, np.ndarray]] = []
    left_out = 0
    for day in days:
        found, of_kinds, missing = _score_day(store, day, (challenger, champion), settings)
        said += found
        kinds += of_kinds
        left_out += missing
    if not said:
        raise SourceError(
            f"No published day from {first} to {last} has all its landing files as they were scored, so nothing "
            "was compared. Restore them, or take other days."
        )
    reasons, pd, other_reasons, other_pd = (np.concatenate(each) for each in zip(*said, strict=True))
    protected = {name: np.concatenate([each[name] for each in kinds]) for name in kinds[0]}
    pairs = PairedRows(
        Side(pd, reasons, policy_filled(challenger, settings)),
        Side(other_pd, other_reasons, policy_filled(champion, settings)),
        {},
        protected,
        None,
        f"{counted(len(days), 'published day')}, {first} to {last}",
        {"of days whose landing files are gone or changed": left_out} if left_out else {},
    )
    return judge_pairs(pairs, challenger, champion, settings)


def _score_day(
    store: Store, day: StoredDay, models: tuple[ModelPin, ModelPin], settings: Settings
) -> tuple[list[tuple[np.ndarray, ...]], list[Mapping[str, np.ndarray]], int]:
    """Reasons and pd by both versions, and kinds, chunk by chunk; or the number of rows left out."""
    newest = day.newest
    if newest is None:
        return [], [], 0
    results = read_parquet(read_data(store, newest.audited.decisions), [APPLICATION_ID])
    remarks: list[str] = []
    said: list[tuple[np.ndarray, ...]] = []
    kinds: list[Mapping[str, np.ndarray]] = []
    for chunk in decided_chunks(store, newest, results, settings.scoring, remarks):
        ours, theirs = (reasons_and_pd(chunk, model, settings) for model in models)
        said.append((*ours, *theirs))
        kinds.append(protected_kinds(chunk))
    if remarks:
        return [], [], results.num_rows
    return said, kinds, 0
