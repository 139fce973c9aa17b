"""Screening of a delivered chunk: rows that can be decided, and rows set aside with the reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from tasks.core.applications import APPLICATION_ID, as_text, parse_rows, plain_values
from tasks.core.contract.rules import Rule, RuleCount, Verdicts, broken_rules_by_row, with_unparsable
from tasks.core.lender.amounts import AMOUNTS
from tasks.core.lender.columns import ID, NAMES, TYPED_SCHEMA, missing_columns
from tasks.core.lender.header import header_fault
from tasks.core.notations import count_notations
from tasks.errors import ExpectationsNotMet, did_you_mean

CONFLICTING: Final = Rule(
    "application_id_conflicting",
    f"No two different rows of a day have one {ID}.",
    "critical",
    "data owner",
    "row",
    (ID,),
)


TOLD_COLUMNS: Final = 10
"""Columns that a message names at most."""
_MAX_CHARACTERS: Final = 60
"""Most characters of a column's name in a message."""


class ScreenedChunk(NamedTuple):
    """A chunk after parsing and contract. Every row is in exactly one of the two tables."""

    accepted: pa.Table
    """Typed rows that keep every critical row rule."""
    accepted_rows: np.ndarray
    """Positions of those rows in the file, counted from 1."""
    rejected: pa.Table
    """Rows set aside, as `rejected_rows` builds them."""
    counts: Mapping[str, RuleCount]
    delivered: pa.Table
    """All rows of the chunk, typed. A value that did not parse is null."""


class RowContract(Protocol):
    """The part of a contract that judges rows."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in the suite's order."""

    def check_rows(self, rows: pa.Table, *, about: str | None = None) -> Verdicts:
        """Judge a typed chunk by the row rules; by those alone that read the column `about`, if given."""


SOURCE_ROW: Final = "source_row"
SOURCE_FILE: Final = "source_file"
BROKEN_RULES: Final = "broken_rules"


def typed_name(column: str) -> str:
    """Name of a column's typed value in tables that stay within a run.

    Quarantine has the same column as text, too.
    """
    return f"typed_{column}"


RECONCILED: Final = tuple(typed_name(name) for name in AMOUNTS)
"""Columns that stay with every row, as the values that were read, until the day is audited."""


def require_declared(
    header: Sequence[str], *, name: str, also: tuple[str, ...] = (), optional: Collection[str] = ()
) -> None:
    """Refuse a header that lacks a declared column that is not `optional`, or one of the columns `also`.

    Raises:
        ExpectationsNotMet: a column is missing.
    """
    declared = [column for column in missing_columns(header) if column not in optional]
    missing = [*declared, *(column for column in also if column not in header)]
    if not missing:
        return
    is_header = len(missing) <= TOLD_COLUMNS
    named = listed_columns(missing)
    n_required = len(NAMES) - len(optional) + len(also)
    told = [f"{len(missing)} of {n_required} required columns are missing from {name}: {named}."]
    # If most columns are missing, the line may be a row, and its cells an applicant's values.
    others = [ascii(column)[1:-1] for column in header if column not in NAMES] if is_header else []
    if fault := header_fault(header):
        told.append(fault)
    elif others:
        told.append(f"Not declared are: {listed_columns(others)}.{did_you_mean(missing[0], others)}")
    told.append(
        "The feed may add columns and change their order, not their names: the contract is "
        "expectations/applications.json."
    )
    raise ExpectationsNotMet(" ".join(told))


def listed_columns(names: Sequence[str]) -> str:
    """Names of columns for a message, as many and as much of each as it may hold."""
    named = ", ".join(name[:_MAX_CHARACTERS] for name in names[:TOLD_COLUMNS])
    return named if len(names) <= TOLD_COLUMNS else f"{named}, …"


def screen_chunk(
    raw: pa.Table,
    *,
    first_row: int,
    source: str,
    contract: RowContract,
) -> ScreenedChunk:
    """Parse a delivered chunk and separate the decidable rows from the rejected ones.

    Args:
        raw: rows as delivered; all declared columns are present.
        first_row: position of the chunk's first row in its file, counted from 1.
        source: name of the file.
        contract: the rules.
    """
    typed = parse_rows(raw)
    judged = contract.check_rows(typed.rows)
    notations = {
        name: count_notations(plain_values(raw, name).take(pa.array(lost)), name)
        for name, lost in typed.unparsable.items()
    }
    verdicts = with_unparsable(judged, typed.unparsable, raw.num_rows, notations)
    is_rejected, broken = broken_rules_by_row(contract.rules, verdicts, raw.num_rows)
    positions = np.arange(first_row, first_row + raw.num_rows)
    if not is_rejected.any():
        return ScreenedChunk(typed.rows, positions, no_rejected_rows(), verdicts.counts, typed.rows)
    accepted = typed.rows.filter(pa.array(~is_rejected))
    rejected = rejected_rows(
        as_text(raw.filter(pa.array(is_rejected))),
        source_files=[source] * int(is_rejected.sum()),
        source_rows=positions[is_rejected],
        broken=broken,
        typed=typed.rows.filter(pa.array(is_rejected)),
    )
    return ScreenedChunk(accepted, positions[~is_rejected], rejected, verdicts.counts, typed.rows)


def rejected_rows(
    text: pa.Table,
    *,
    source_files: Sequence[str],
    source_rows: np.ndarray,
    broken: Sequence[str],
    typed: pa.Table,
) -> pa.Table:
    """Quarantine rows: their place, their broken rules (joined by ';'), their id and their text.

    The id is null if it did not parse. The typed amounts follow, for the day's audit; they are not
    published.
    """
    origin = {
        SOURCE_FILE: pa.array(source_files, pa.string()),
        SOURCE_ROW: pa.array(source_rows, pa.int64()),
        BROKEN_RULES: pa.array(broken, pa.string()),
        APPLICATION_ID: typed.column(ID),
    }
    amounts = {typed_name(name): typed.column(name) for name in AMOUNTS}
    texts = dict(zip(text.column_names, text.columns, strict=True))
    return pa.table({**origin, **texts, **amounts})


def quarantine_rows(rejected: pa.Table) -> pa.Table:
    """Rejected rows as quarantine has them: in the order of delivery, without the typed amounts."""
    place = [(SOURCE_FILE, "ascending"), (SOURCE_ROW, "ascending")]
    return rejected.drop_columns(list(RECONCILED)).sort_by(place)


@cache
def no_rejected_rows() -> pa.Table:
    """Quarantine rows of a chunk or a file that has none."""
    text = pa.schema([(name, pa.string()) for name in NAMES]).empty_table()
    typed = TYPED_SCHEMA.empty_table()
    return rejected_rows(
        text,
        source_files=[],
        source_rows=np.empty(0, np.int64),
        broken=[],
        typed=typed,
    )


def count_by_rule(broken: Iterable[str]) -> dict[str, int]:
    """Number of quarantined rows that break each rule, most broken first, then by name."""
    counts: dict[str, int] = {}
    for rules in broken:
        for rule in rules.split(";"):
            counts[rule] = counts.get(rule, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


PD: Final = "pd"
