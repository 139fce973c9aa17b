"""Days of the store as the dashboard sees them: manifests, verdicts, figures and contract reports.

Whatever was read is kept until the listing of its object changes, so that a thousand days are read
once. Nothing of a landing, and no applicant's row, is ever read here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.core.contract.report import ContractReport, read_contract_report
from tasks.core.day.facts import DayFacts, day_facts
from tasks.core.day.manifest import Manifest
from tasks.core.monitoring.metrics import EXPECTED, LEVELS, METRICS_SCHEMA, SHARE
from tasks.core.reporting.days_page import WITHDRAWN
from tasks.core.words import counted
from tasks.errors import ObjectArchived
from tasks.publication.day_status import DAMAGED, NOT_MONITORED, standing_of_verdict
from tasks.publication.layout import Room, manifest_key, metrics_key, refused_report_key, report_key, verdict_key
from tasks.publication.manifests import read_manifest
from tasks.publication.stored_day import StoredDay, stored_days
from tasks.store import Entry, Store
from tasks.store.renewing import read_if_there

T = TypeVar("T")
_ROOMS: Final[tuple[Room, ...]] = ("revisions", "reports", "monitoring")
_READERS: Final = 8
"""Objects read at a time. A store far away answers each in tens of milliseconds."""
_CELLS: Final = pa.array([SHARE, EXPECTED], pa.string())
"""Figures of single cells: nine tenths of the table, and drawn by no view."""
OLDER_REVISION: Final = "older revision"
REFUSED: Final = "refused"
NOT_PUBLISHED: Final = "not published"


@dataclass(frozen=True, slots=True)
class SeenDay:
    """One day: its newest revision, and the verdict of monitoring on it."""

    as_of: date
    published: Manifest | None
    """Newest revision; None if the day is not published, or its manifest cannot be read."""
    verdict: Mapping[str, Any]
    """`verdict.json` as written; empty if there is none on the newest revision."""
    standing: str
    """Verdict in a word: `ok`, `watch`, `alert` or `insufficient`; or why there is none: `not
    monitored`, `older revision`, `refused`, `not published`, `withdrawn`, `damaged`."""
    headline: str
    """Standing in a sentence; empty if there is nothing to add to the word."""

    @property
    def facts(self) -> DayFacts | None:
        """All that there is to say of the revision; None if there is none."""
        return day_facts(self.published) if self.published else None

    @property
    def why(self) -> str:
        """Reason for the standing: the sentence of the heaviest finding, else the headline."""
        findings = self.verdict.get("findings")
        if isinstance(findings, list) and findings and isinstance(findings[0], Mapping):
            more = f" And {counted(len(findings) - 1, 'more finding')}." if len(findings) > 1 else ""
            return f"{findings[0].get('sentence', '')}{more}"
        return self.headline

    @property
    def model(self) -> str:
        """Name and version of the model that decided; empty if nothing was decided."""
        if self.published is None or self.published.is_withdrawn:
            return ""
        return f"{self.published.model.name} {self.published.model.version}"


class DayBook:
    """All days of a store. Safe to share between the sessions of a dashboard."""

    def __init__(self, store: Store) -> None:
        """Remember the store, and read nothing yet."""
        self.store = store
        self._kept: dict[str, tuple[Entry, Any]] = {}

    def list_days(self) -> dict[date, StoredDay]:
        """Day to its listed objects, ascending, for each day that was published, refused or monitored."""
        return stored_days(self.store, _ROOMS)

    def see(self, days: Iterable[StoredDay]) -> list[SeenDay]:
        """The newest revision and the verdict of each of these days."""
        return self._each(self._seen, days)

    def figures(self, days: Iterable[StoredDay]) -> pa.Table:
        """Figures of these days (`METRICS_SCHEMA`), without those of single cells."""
        tables = self._each(self._figures_of, days)
        return pa.concat_tables([METRICS_SCHEMA.empty_table(), *tables])

    def revisions(self, day: StoredDay) -> dict[int, Manifest | None]:
        """Number of each revision to its manifest, ascending; None if it cannot be read."""
        return {number: self._manifest(day, number) for number in range(1, day.last_left + 1)}

    def contract(self, day: StoredDay) -> ContractReport | None:
        """Report on the contract that belongs to the published rows; None if it cannot be read."""
        return self._report(day, report_key(day.as_of))

    def refusal(self, day: StoredDay) -> ContractReport | None:
        """Report on the last time that the contract stopped the day; None if it did not, or was overcome."""
        return self._report(day, refused_report_key(day.as_of))

    def _report(self, day: StoredDay, key: str) -> ContractReport | None:
        entry = _by_key(day).get(key)
        report = self._read(entry, _mapping) if entry else None
        return read_contract_report(report) if report else None

    def _each(self, read: Callable[[StoredDay], T], days: Iterable[StoredDay]) -> list[T]:
        with ThreadPoolExecutor(_READERS) as readers:
            return list(readers.map(read, days))

    def _seen(self, day: StoredDay) -> SeenDay:
        newest = self._manifest(day, day.last_left)
        if newest is None:
            return self._unpublished(day)
        if newest.is_withdrawn:
            return SeenDay(day.as_of, newest, {}, WITHDRAWN, newest.reason or "")
        return self._decided(day, newest)

    def _decided(self, day: StoredDay, newest: Manifest) -> SeenDay:
        entry = _by_key(day).get(verdict_key(day.as_of))
        if entry is None:
            return SeenDay(day.as_of, newest, {}, NOT_MONITORED, "")
        verdict = self._read(entry, _mapping) or {}
        standing = standing_of_verdict(verdict, newest)
        if standing in LEVELS:
            return SeenDay(day.as_of, newest, verdict, standing, str(verdict.get("headline", "")))
        if standing == NOT_MONITORED:
            return SeenDay(day.as_of, newest, {}, NOT_MONITORED, "The verdict is about an earlier publication.")
        if standing == DAMAGED:
            return SeenDay(day.as_of, newest, {}, DAMAGED, "The verdict cannot be read.")
        return SeenDay(day.as_of, newest, {}, OLDER_REVISION, "The verdict is about an older revision.")

    def _unpublished(self, day: StoredDay) -> SeenDay:
        if day.last_left:
            return SeenDay(day.as_of, None, {}, DAMAGED, "The newest manifest is missing, or cannot be read.")
        if refusal := self.refusal(day):
            return SeenDay(day.as_of, None, {}, REFUSED, refusal.verdict)
        return SeenDay(day.as_of, None, {}, NOT_PUBLISHED, "")

    def _manifest(self, day: StoredDay, revision: int) -> Manifest | None:
        entry = _by_key(day).get(manifest_key(day.as_of, revision))
        return self._read(entry, read_manifest) if entry else None

    def _figures_of(self, day: StoredDay) -> pa.Table:
        entry = _by_key(day).get(metrics_key(day.as_of))
        table = self._read(entry, _without_cells) if entry else None
        return METRICS_SCHEMA.empty_table() if table is None else table

    def _read(self, entry: Entry, parse: Callable[[bytes], T]) -> T | None:
        """Content of an object; None if it is gone, archived or not what it must be."""
        kept = self._kept.get(entry.key)
        if kept and kept[0] == entry:
            return kept[1]
        try:
            stored = read_if_there(self.store, entry.key)
            content = parse(stored.data) if stored else None
        except (ObjectArchived, ValueError):  # Arrow's errors of a damaged file are ValueErrors, too
            content = None
        self._kept[entry.key] = entry, content
        return content


def _by_key(day: StoredDay) -> dict[str, Entry]:
    return {entry.key: entry for room in _ROOMS for entry in day.entries(room)}


def _mapping(data: bytes) -> Mapping[str, Any]:
    """Mapping in JSON bytes. Raises `ValueError` if there is none."""
    content = json.loads(data)
    if not isinstance(content, Mapping):
        raise ValueError("expected a JSON object")  # noqa: TRY004 - what a damaged file raises anyway
    return content


def _without_cells(data: bytes) -> pa.Table:
    # A third of the time of `pyarrow.parquet.read_table`, which first makes a data set of the bytes.
    table = pq.ParquetFile(pa.BufferReader(data)).read(METRICS_SCHEMA.names)
    return table.filter(pc.invert(pc.is_in(table.column("metric"), value_set=_CELLS))).cast(METRICS_SCHEMA)


def latest(days: Mapping[date, StoredDay], length_days: int | None) -> list[StoredDay]:
    """The days of the last `length_days` calendar days up to the newest day, ascending; all if None."""
    if length_days is None or not days:
        return list(days.values())
    first = max(days) - timedelta(days=length_days - 1)
    return [day for as_of, day in days.items() if as_of >= first]
