"""The rows that a day set aside, published or refused. People count, correct and deliver them again."""

from __future__ import annotations

import contextlib
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
from tasks.errors import ConfigError, PublishError, SourceError, did_you_mean
from tasks.inspection.handout import hand_out, require_place
from tasks.publication.data_files import intact_data, read_data
from tasks.publication.erasure_token import require_no_erasure
from tasks.publication.expired import read_expired
from tasks.publication.layout import refused_rows_key
from tasks.publication.refused_rows import read_refused_rows
from tasks.publication.stored_day import StoredDay, published_revision
from tasks.store import Store

_LISTED_RULES: Final = 8
_EXPORTED: Final = (*NAMES, BROKEN_RULES, SOURCE_FILE, SOURCE_ROW)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows that a revision of a day set aside."""

    as_of: date
    revision: int
    key: str | None
    """Key of their file; None if the revision set no row aside."""
    rows: pa.Table
    """The rows asked for: declared columns as delivered, then broken rules, file and row number."""
    is_refused: bool = False
    """True if the contract stopped the revision."""
    is_refused_since: bool = False
    """True if the revision is published, and the contract stopped a later one."""
    is_withdrawn: bool = False
    """True if the revision takes the day back."""

    @property
    def title(self) -> str:
        """Day and revision in words."""
        title = f"{self.as_of}, revision {self.revision}"
        return f"{title}, refused by the contract" if self.is_refused else title

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


def find_rejected(
    store: Store,
    as_of: date,
    calendar: Calendar,
    rules: Collection[str] = (),
    *,
    refused: bool = False,
) -> Rejected:
    """Find the rows that the day's newest revision set aside.

    Of a day that the contract stopped before anything of it was published, they are those of the
    refused revision.

    Args:
        store: where the day lies.
        as_of: the day.
        calendar: clock by which times are told.
        rules: if given, only the rows that break any of them are found.
        refused: True for the rows of the refused revision, also of a published day.

    Raises:
        SourceError: the day has neither been published nor refused; or no revision of it is refused,
            and such rows are asked for.
        ConfigError: no row breaks one of the rules asked for.
        PublishError: the rows were removed by rule or are damaged, or an applicant is being erased
            from the day.
    """
    require_no_erasure(store, as_of)
    newest = StoredDay(store, as_of).require_unbroken()
    found = _refused_since(store, as_of, newest) if refused or newest is None else None
    if found is None and refused:
        raise _nothing_refused(store, as_of, newest)
    if found is None:
        found = _published(store, as_of, calendar)
    return _breaking(rules, found) if rules else found


def _published(store: Store, as_of: date, calendar: Calendar) -> Rejected:
    """Rows that the newest revision set aside."""
    published = published_revision(store, as_of, consequence="no row of it is in quarantine")
    quarantine = published.audited.quarantine
    key = quarantine.key if quarantine else None
    rows = rows_set_aside(store, published, calendar)
    is_refused_since = False
    with contextlib.suppress(PublishError):  # damaged rows of a refused revision hide no published ones
        is_refused_since = _refused_since(store, as_of, published) is not None
    return Rejected(
        as_of,
        published.revision,
        key,
        rows,
        is_refused_since=is_refused_since,
        is_withdrawn=published.is_withdrawn,
    )


def _refused_since(store: Store, as_of: date, newest: Manifest | None) -> Rejected | None:
    """Rows of the refused revision; None if none are kept, or if the revision was published since."""
    stopped = read_refused_rows(store, as_of)
    if stopped is None or (newest and stopped.revision <= newest.revision):
        return None
    key = refused_rows_key(as_of) if stopped.rows.num_rows else None
    return Rejected(as_of, stopped.revision, key, stopped.rows.select(list(_EXPORTED)), is_refused=True)


def _nothing_refused(store: Store, as_of: date, newest: Manifest | None) -> SourceError:
    """Error that no rows of a refused revision are kept."""
    if newest:
        return SourceError(
            f"No revision of {as_of} has been refused since revision {newest.revision} was published. "
            "To see what that one set aside, leave out --refused."
        )
    return SourceError(
        f"No rows of a refused revision of {as_of} are kept in {store.location(refused_rows_key(as_of))}. "
        f"Score the day; if the contract stops it, they are kept: scoring score --as-of {as_of}"
    )


def _breaking(rules: Collection[str], found: Rejected) -> Rejected:
    """Rows of these that break any of the rules.

    Raises:
        ConfigError: no row breaks one of the rules.
    """
    _require_broken(rules, found)
    asked = set(rules)
    rows_rules = found.rows.column(BROKEN_RULES).to_pylist()
    wanted = [not asked.isdisjoint(broken.split(";")) for broken in rows_rules]
    return replace(found, rows=found.rows.filter(pa.array(wanted)))


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
        raise ConfigError(f"Nothing of {rejected.title}, is in quarantine, so no file was written.")
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
                f"No row in quarantine of {found.title}, breaks {rule!r}."
                f"{did_you_mean(rule, list(broken))} Broken rules: {listed or 'none'}."
            )
