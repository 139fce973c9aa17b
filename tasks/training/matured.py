"""Applications with matured outcomes, gathered from published days for a new challenger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from configs.settings import Settings, Training
from tasks.core.lender.columns import ID, TYPED_SCHEMA
from tasks.core.words import counted
from tasks.delivery.known_outcomes import KnownOutcomes, known_outcomes, matured_rows
from tasks.model.load import registry_of
from tasks.publication.references import learned_ids
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.store import Store, open_store
from tasks.training.history import by_rising_id, read_history
from tasks.training.records import History


@dataclass(frozen=True, slots=True)
class Matured:
    """Outcomes that the newest model has not learned from, counted."""

    known: KnownOutcomes
    new: int
    """Applications with a counted outcome that the newest model did not learn from."""
    new_defaulted: int
    why_not: str
    """Sentence that says why they are too few to learn from; empty if they are enough."""
    learned: np.ndarray
    """Ids that the newest model learned from, shape (rows,)."""


@step("count matured outcomes")
def count_matured(as_of: date, settings: Settings) -> Matured:
    """Count the outcomes known on a day from which the newest model did not learn.

    The newest model is the challenger, or the champion if there is none. The limits are
    `training.least_new_outcomes` and `training.least_new_defaulted`.

    Raises what `delivery.known_outcomes.known_outcomes` raises.
    """
    store = open_store(settings.storage)
    known = known_outcomes(store, as_of=as_of, maturity_days=settings.outcomes.maturity_days)
    learned = _learned_ids(store, settings)
    parts = [_count_new(each.ids, each.defaulted, learned) for each in known.days]
    new, new_defaulted = sum(part[0] for part in parts), sum(part[1] for part in parts)
    why_not = _why_not(new, new_defaulted, settings.training)
    run_logger().info("%s known that the newest model did not learn from", counted(new, "outcome"))
    return Matured(known, new, new_defaulted, why_not, learned)


def why_too_few(new: int, new_defaulted: int, *, least: int, least_defaulted: int) -> str:
    """Sentence that says why no challenger is trained; empty if there are enough outcomes.

    >>> why_too_few(4000, 350, least=5000, least_defaulted=300)
    'No challenger is trained: of 5,000 new outcomes that it needs, 4,000 are known.'
    >>> why_too_few(5000, 299, least=5000, least_defaulted=300)
    'No challenger is trained: of 300 new outcomes in default that it needs, 299 are known.'
    >>> why_too_few(5000, 300, least=5000, least_defaulted=300)
    ''
    """
    if new < least:
        return f"No challenger is trained: of {least:,} new outcomes that it needs, {new:,} are known."
    if new_defaulted < least_defaulted:
        told = f"of {least_defaulted:,} new outcomes in default that it needs, {new_defaulted:,} are known"
        return f"No challenger is trained: {told}."
    return ""


class Gathered(NamedTuple):
    """Applications to learn from."""

    history: History
    why_not: str
    """Sentence that says why those whose rows are still there are too few; empty if they are enough."""


@step("gather matured")
def gather_matured(matured: Matured, settings: Settings) -> Gathered:
    """Applications with known outcomes, with those of the files in `training.history`, one row each.

    Where an application stands in both, its published row and its outcome count. Landing files
    that retention removed are named in the log, and their applications are left out; so those that
    are new are counted once more.
    """
    store = open_store(settings.storage)
    found = list(_parts(store, matured.known, settings))
    history = History(
        pa.concat_tables([TYPED_SCHEMA.empty_table(), *(rows for rows, _ in found)]),
        np.concatenate([np.empty(0, dtype=bool), *(defaulted for _, defaulted in found)]),
        tuple(sorted(each.sha256 for each in matured.known.receipts)),
        is_of_not_refused=True,
    )
    training = settings.training
    new = _count_new(history.rows.column(ID).to_numpy(), history.defaulted, matured.learned)
    why_not = _why_not(*new, training)
    if why_not:
        why_not += " Others are known, but their delivered rows are gone or changed; the log names the files."
    if training.history:
        history = _with_earlier(history, read_history(training.history, settings))
    run_logger().info("%s to learn from", counted(len(history.defaulted), "application"))
    return Gathered(by_rising_id(history), why_not)


def _count_new(ids: np.ndarray, defaulted: np.ndarray, learned: np.ndarray) -> tuple[int, int]:
    """Applications that are not among the learned ones, and how many of them defaulted."""
    is_new = ~np.isin(ids, learned)
    return int(is_new.sum()), int(defaulted[is_new].sum())


def _why_not(new: int, new_defaulted: int, training: Training) -> str:
    least, least_defaulted = training.least_new_outcomes, training.least_new_defaulted
    return why_too_few(new, new_defaulted, least=least, least_defaulted=least_defaulted)


def _learned_ids(store: Store, settings: Settings) -> np.ndarray:
    """Ids that the newest model learned from; empty if there is no model, or the store does not know."""
    registry = registry_of(settings)
    newest = registry.named_by(settings.registry.challenger_alias) or registry.named_by(registry.alias)
    return learned_ids(store, newest) if newest else np.empty(0, np.int64)


def _parts(store: Store, known: KnownOutcomes, settings: Settings) -> Iterator[tuple[pa.Table, np.ndarray]]:
    for each in matured_rows(store, known, settings.scoring):
        for remark in each.remarks:
            run_logger().warning("%s: %s", each.as_of, remark)
        yield each.rows, each.defaulted


def _with_earlier(matured: History, earlier: History) -> History:
    """Matured applications, and those of the files that are not among them."""
    is_other = ~np.isin(earlier.rows.column(ID).to_numpy(), matured.rows.column(ID).to_numpy())
    return History(
        pa.concat_tables([matured.rows, earlier.rows.filter(pa.array(is_other))]),
        np.concatenate([matured.defaulted, earlier.defaulted[is_other]]),
        tuple(sorted({*matured.files, *earlier.files})),
        earlier.left_out,
        is_of_not_refused=True,
    )
