"""Outcomes that are known on a day, each with the published decision that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache, partial
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from configs.settings import Scoring
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID
from tasks.core.contract.screening import PD
from tasks.core.day.manifest import Manifest, policy_of
from tasks.core.decision.policy import DECISIONS, decide
from tasks.core.lender.columns import ID
from tasks.core.outcomes.backtest import OutcomeDay
from tasks.core.outcomes.settling import FATES, Matching, count_fates, settle_outcomes, with_uncounted
from tasks.delivery.decided import decided_rows
from tasks.errors import PublishError
from tasks.publication.data_files import read_data
from tasks.publication.layout import Room
from tasks.publication.outcome_ledger import NUMBER_COLUMN, Receipt, read_outcomes, receipts_of
from tasks.publication.references import learned_ids
from tasks.publication.stored_day import stored_days
from tasks.store import Store

_REFUSE: Final = DECISIONS.index("refuse")
_EPOCH: Final = date(1970, 1, 1)
_REVISIONS: Final[tuple[Room, ...]] = ("revisions",)


class MatchedDay(NamedTuple):
    """A published day with outcomes of applications that it did not refuse."""

    published: Manifest
    day: OutcomeDay
    """The day with the outcomes that count; those that its model had learned from do not."""
    ids: np.ndarray
    """Applications whose outcome is known, whether it counts or not, shape (outcomes,)."""
    defaulted: np.ndarray
    """True if the applicant defaulted, shape (outcomes,)."""


class KnownOutcomes(NamedTuple):
    """Outcomes known on a day, and what became of every row that was delivered."""

    days: tuple[MatchedDay, ...]
    """Oldest first."""
    fates: Mapping[str, int]
    """Fate (`core.outcomes.settling.FATES`) to the rows that keep the contract."""
    receipts: tuple[Receipt, ...]
    """All deliveries."""

    @property
    def delivered(self) -> int:
        """Rows of all deliveries that are kept."""
        return sum(each.file.rows for each in self.receipts if each.expired_on is None)

    @property
    def set_aside(self) -> int:
        """Rows of them that the contract set aside."""
        return sum(each.set_aside for each in self.receipts if each.expired_on is None)


def known_outcomes(store: Store, *, as_of: date, maturity_days: int) -> KnownOutcomes:
    """Settle all outcomes that were delivered, and match them with decisions.

    Each row has one fate, and they add up to the rows delivered.

    Args:
        store: where decisions and outcomes lie.
        as_of: day on which outcomes must be known.
        maturity_days: days that must lie between a decision and its outcome.

    Raises:
        PublishError: a receipt, manifest or data file is missing or damaged, or the counts do not add up.
    """
    receipts = tuple(receipts_of(store))
    outcomes = read_outcomes(store, receipts)
    ids = outcomes.column(APPLICATION_ID).to_numpy()
    defaulted = outcomes.column("defaulted").to_numpy()
    known_on = outcomes.column("known_on").cast(pa.int32()).to_numpy()
    delivery = outcomes.column(NUMBER_COLUMN).to_numpy()
    settled = settle_outcomes(ids, defaulted, known_on, delivery, today=(as_of - _EPOCH).days)
    matching = Matching(ids[settled.rows], known_on[settled.rows], maturity_days=maturity_days)
    learned_from = cache(partial(learned_ids, store))
    days = []
    refused, learned = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for published in _decided_days(store, as_of):
        if matching.is_over:
            break
        decisions = read_parquet(read_data(store, published.audited.decisions), [APPLICATION_ID, PD])
        place, rows = matching.take_day((published.as_of - _EPOCH).days, decisions.column(APPLICATION_ID).to_numpy())
        if not len(rows):
            continue
        pd = decisions.column(PD).to_numpy()
        is_refused = decide(pd[rows], policy_of(published)).decision == _REFUSE
        refused.append(settled.rows[place[is_refused]])
        place, rows = place[~is_refused], rows[~is_refused]
        of_day = settled.rows[place]
        is_learned = np.isin(ids[of_day], learned_from(published.model))
        learned.append(of_day[is_learned])
        day = _outcome_day(published, pd, rows[~is_learned], defaulted[of_day[~is_learned]])
        days.append(MatchedDay(published, day, ids[of_day], defaulted[of_day]))
    fate = settled.fate.copy()
    fate[settled.rows] = matching.unmatched_fates()
    fate = with_uncounted(fate, refused=np.concatenate(refused), learned=np.concatenate(learned))
    known = KnownOutcomes(tuple(days[::-1]), count_fates(fate), receipts)
    _require_reconciled(known)
    return known


class MaturedRows(NamedTuple):
    """Delivered rows of one day's applications whose outcome is known."""

    as_of: date
    rows: pa.Table
    """Typed rows, one for each application, by rising id."""
    defaulted: np.ndarray
    """True if the applicant defaulted, shape (rows,)."""
    remarks: tuple[str, ...]
    """Sentences on landing files that are gone or changed. Applications of a file that is gone are left
    out; if one was changed since it was scored, all of the day are."""


def matured_rows(store: Store, known: KnownOutcomes, scoring: Scoring) -> Iterator[MaturedRows]:
    """Applications to learn from: their rows as they were delivered, with their outcomes, day by day.

    Refused applications have no outcome, so what is learned is about those who were not refused.

    Args:
        store: where the landing lies.
        known: outcomes with their decisions.
        scoring: limits of reading.
    """
    for matched in known.days:
        order = np.argsort(matched.ids)
        ids = matched.ids[order]
        found = decided_rows(store, matched.published, pa.table({APPLICATION_ID: ids}), scoring)
        rows = found.rows.slice(0, 0) if found.is_altered else found.rows
        place = np.searchsorted(ids, rows.column(ID).to_numpy())
        yield MaturedRows(matched.day.as_of, rows, matched.defaulted[order][place], found.remarks)


def _decided_days(store: Store, as_of: date) -> Iterator[Manifest]:
    """Newest revisions of all published days until `as_of`, from the newest day on."""
    days = stored_days(store, _REVISIONS)
    for day in reversed(days.values()):
        published = day.require_unbroken() if day.as_of <= as_of else None
        if published and not published.is_withdrawn:
            yield published


def _outcome_day(published: Manifest, pd: np.ndarray, rows: np.ndarray, defaulted: np.ndarray) -> OutcomeDay:
    return OutcomeDay(
        published.as_of,
        published.revision,
        published.publication,
        published.model,
        policy_of(published),
        pd,
        rows,
        defaulted,
    )


def _require_reconciled(known: KnownOutcomes) -> None:
    """Require that no row was lost.

    Raises:
        PublishError: names the counts.
    """
    told = sum(known.fates.values()) + known.set_aside
    if told != known.delivered or known.fates.keys() != set(FATES):
        raise PublishError(
            f"{known.delivered} rows of outcomes were delivered, and {told} have a fate: {dict(known.fates)}, "
            f"{known.set_aside} set aside. No figure was made. A receipt does not tell the rows of its file: restore "
            "it from a backup."
        )
