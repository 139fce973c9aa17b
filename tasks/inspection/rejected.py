"""The rows that a published day set aside. People count, correct and deliver them again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from configs.calendar import Calendar
from tasks.adapters.files.parquet import read_parquet
from tasks.core.contract.screening import BROKEN_RULES, SOURCE_FILE, SOURCE_ROW, count_by_rule
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import DataFile
from tasks.core.files import encode
from tasks.core.lender.columns import NAMES
from tasks.errors import ConfigError, PublishError, did_you_mean
from tasks.inspection.handout import hand_out, require_place
from tasks.publication.data_files import intact_data, read_data
from tasks.publication.expired import read_expired
from tasks.publication.stored_day import published_revision
from tasks.store import Store

_LISTED_RULES: Final = 8
_EXPORTED: Final = (*NAMES, BROKEN_RULES, SOURCE_FILE, SOURCE_ROW)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows in quarantine of a day's newest revision."""

    as_of: date
    revision: int
    quarantine: DataFile | None
    """Their data file; None if the day set no row aside."""
    is_withdrawn: bool
    """True if the revision takes the day back."""
    rows: pa.Table
    """The rows asked for: declared columns as delivered, then broken rules, file and row number."""

    @property
    def by_rule(self) -> Mapping[str, int]:
        """Rule to the number of rows that break it, most broken first; a row may break several."""
        return count_by_rule(self.rows.column(BROKEN_RULES).to_pylist())

    @property
    def by_file(self) -> Mapping[str, int]:
        """Delivered file to the number of its rows, sorted by name."""
        counts = self.rows.column(SOURCE_FILE).value_counts().to_pylist()
        return dict(sorted((each["values"], each["counts"]) for each in counts))

    @property
    def with_line_ends(self) -> int:
        """Number of rows with a line end in a cell. A file of such rows must be announced."""
        columns = (self.rows.column(name) for name in NAMES)
        text = pc.binary_join_element_wise(*columns, "", null_handling="replace")
        return int(pc.sum(pc.match_substring(text, "\n")).as_py() or 0)


def find_rejected(store: Store, as_of: date, calendar: Calendar, rules: Collection[str] = ()) -> Rejected:
    """Find the rows that the day's newest revision set aside.

    Args:
        store: where the day lies.
        as_of: the day.
        calendar: clock by which times are told.
        rules: if given, only the rows that break any of them are found.

    Raises:
        SourceError: the day has not been published.
        ConfigError: no row breaks one of the rules asked for.
        PublishError: the rows were removed by rule or are damaged, or an applicant is being erased
            from the day.
    """
    published = published_revision(store, as_of, consequence="no row of it is in quarantine")
    quarantine = published.audited.quarantine
    rows = rows_set_aside(store, published, calendar)
    found = Rejected(as_of, published.revision, quarantine, published.is_withdrawn, rows)
    if not rules:
        return found
    _require_broken(rules, found)
    asked = set(rules)
    rows_rules = rows.column(BROKEN_RULES).to_pylist()
    wanted = [not asked.isdisjoint(broken.split(";")) for broken in rows_rules]
    return replace(found, rows=rows.filter(pa.array(wanted)))


def rows_set_aside(store: Store, published: Manifest, calendar: Calendar) -> pa.Table:
    """Rows in quarantine of a revision, in the columns that are exported.

    Raises:
        PublishError: they were removed by rule, or are damaged.
    """
    quarantine = published.audited.quarantine
    if quarantine is None:
        return pa.schema([(name, pa.string()) for name in _EXPORTED]).empty_table()
    data = _quarantine_data(store, published, quarantine, calendar)
    return read_parquet(data).select(list(_EXPORTED))


def export_rejected(rejected: Rejected, path: Path) -> None:
    """Write the rows to a new CSV file that only its owner may read, whole or not at all.

    Raises:
        ConfigError: there are no rows, the file exists, or its name or folder is not usable.
        PublishError: the disk refused.
    """
    if not rejected.rows.num_rows:
        day = f"{rejected.as_of}, revision {rejected.revision}"
        raise ConfigError(f"Nothing of {day}, is in quarantine, so no file was written.")
    require_place(path, (".csv",), why="cannot be delivered again under its name")
    hand_out(encode(rejected.rows, "csv"), path)


def _quarantine_data(store: Store, published: Manifest, quarantine: DataFile, calendar: Calendar) -> bytes:
    data = intact_data(store, quarantine)
    if data is not None:
        return data
    if removed := read_expired(store, published.as_of).get(quarantine.key):
        raise PublishError(
            f"The {quarantine.rows:,} rows in quarantine of {published.as_of} were removed by rule "
            f"on {calendar.local_time(removed['at'])}: {removed['rule']}. To correct them, restore "
            f"{store.location(quarantine.key)} from a backup."
        )
    return read_data(store, quarantine)


def _require_broken(rules: Collection[str], found: Rejected) -> None:
    broken: Sequence[str] = list(found.by_rule)
    for rule in rules:
        if rule not in broken:
            more = ", …" if len(broken) > _LISTED_RULES else ""
            listed = ", ".join(broken[:_LISTED_RULES]) + more
            raise ConfigError(
                f"No row in quarantine of {found.as_of}, revision {found.revision}, breaks {rule!r}."
                f"{did_you_mean(rule, list(broken))} Broken rules: {listed or 'none'}."
            )
