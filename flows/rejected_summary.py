"""What `scoring rejected` prints: counts, places and what to do next, never a value.

Neither Prefect nor the registry is needed for it, and not imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tasks.core.day.records import CORRECTIONS
from tasks.core.words import counted
from tasks.inspection.rejected import Rejected
from tasks.publication.layout import landing_key
from tasks.store import Store


def rejected_summary(rejected: Rejected, store: Store) -> str:
    """How many rows lie in quarantine, by rule and by file, and how to correct them."""
    n_rows, title = rejected.rows.num_rows, f"Quarantine of {rejected.as_of}, revision {rejected.revision}"
    if rejected.quarantine is None:
        return f"\n{title}: no rows"
    return "\n".join(
        [
            f"\n{title}: {counted(n_rows, 'row')}",
            *_counts("By rule (a row may break several)", rejected.by_rule),
            *_counts("By file", rejected.by_file),
            "",
            f"  Lies in       {store.location(rejected.quarantine.key)}",
            f"  To correct    scoring rejected --as-of {rejected.as_of} --to FILE.csv",
        ]
    )


def exported_summary(rejected: Rejected, store: Store, path: Path) -> str:
    """What was written, what it holds, and how it is delivered again."""
    as_of, ends = rejected.as_of, rejected.with_line_ends
    announced = (
        f"{counted(ends, 'row')} with a line end in a cell: announce the file's rows in a _control.json beside it"
    )
    return "\n".join(
        [
            f"\n{counted(rejected.rows.num_rows, 'row')} of {as_of}, revision {rejected.revision}, written to {path}",
            "",
            "  It holds applicants' data. You alone may read it; remove it when you are done.",
            "",
            "  1. Correct it. Take out the rows that you cannot correct, and of those that share an id all but one.",
            f"  2. Put it into {store.location(landing_key(as_of) + CORRECTIONS)} under a name that ends in .csv;",
            "     of several corrections of an application that in the last file by name counts.",
            *([f"     {announced}"] if ends else []),
            f'  3. scoring score --as-of {as_of} --corrections --reason "..."',
        ]
    )


def _counts(title: str, counts: Mapping[str, int]) -> Iterable[str]:
    yield f"\n  {title}"
    yield from (f"    {name:<44}{count:>8,}" for name, count in counts.items())
