"""Command `scoring rejected`: print why rows lie in quarantine, or write them out.

It prints counts, places and what to do next, never a value. It needs neither Prefect nor the
registry and imports neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.options import as_of_option, common_options, set_up
from tasks.core.words import counted
from tasks.publication.layout import landing_key, refused_page_key

if TYPE_CHECKING:
    from tasks.inspection.rejected import Rejected
    from tasks.store import Store


@click.command("rejected")
@as_of_option
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="RULE",
    help="Only rows that break it; may be given several times.",
)
@click.option(
    "--to",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Write the rows to a new file, ready to be corrected and delivered again.",
)
@click.option(
    "--refused",
    is_flag=True,
    help="The rows of a revision that the contract stopped, of a day that is published otherwise.",
)
@common_options
def rejected_command(
    as_of: date, rules: tuple[str, ...], path: Path | None, refused: bool, config: str | None, verbose: bool
) -> None:
    """Show why rows of a day lie in quarantine; with --to, write them out to be corrected.

    The day is published, or was refused by the contract.

    What is written are applicants' data: every declared column as it came, then the rules that the
    row breaks, its file and its row. The store is left as it is.
    """
    settings = set_up(config, verbose=verbose)
    from configs.calendar import load_calendar
    from tasks.inspection.rejected import export_rejected, find_rejected
    from tasks.store import open_store

    store = open_store(settings.storage)
    calendar = load_calendar(settings.scoring.calendar)
    found = find_rejected(store, as_of, calendar, rules, refused=refused)
    if path is None:
        click.echo(rejected_summary(found, store))
    else:
        export_rejected(found, path)
        click.echo(exported_summary(found, store, path))


def rejected_summary(rejected: Rejected, store: Store) -> str:
    """Number of rows in quarantine, by rule and by file, and the command that writes them out."""
    title = f"Quarantine of {rejected.title}"
    if rejected.key is None:
        why = ", for the day is withdrawn and nothing of it is decided" if rejected.is_withdrawn else ""
        return "\n".join([f"\n{title}: no rows{why}", *_other_revision(rejected, store)])
    refused = " --refused" if rejected.is_refused else ""
    return "\n".join(
        [
            f"\n{title}: {counted(rejected.rows.num_rows, 'row')}",
            *_counts("By rule (a row may break several)", rejected.by_rule),
            *_counts("By file", rejected.by_file),
            "",
            f"  Lies in       {store.location(rejected.key)}",
            f"  To correct    scoring rejected --as-of {rejected.as_of}{refused} --to FILE.csv",
            *_other_revision(rejected, store),
        ]
    )


def _other_revision(rejected: Rejected, store: Store) -> Iterable[str]:
    """Lines on the report of a refused revision, or on a revision that was refused after a published one."""
    if rejected.is_refused:
        yield f"  Refused for   {store.location(refused_page_key(rejected.as_of))}"
    if rejected.is_refused_since:
        yield f"  A later revision was refused; its rows: scoring rejected --as-of {rejected.as_of} --refused"


def exported_summary(rejected: Rejected, store: Store, path: Path) -> str:
    """Number of rows that were written, and the way to correct and deliver them."""
    rows = counted(rejected.rows.num_rows, "row")
    steps = _steps_of_refused(rejected, store) if rejected.is_refused else _steps_of_corrections(rejected, store)
    return "\n".join(
        [
            f"\n{rows} of {rejected.title}, written to {path}",
            "",
            "  It holds applicants' data. You alone may read it; remove it when you are done.",
            "",
            *steps,
        ]
    )


def _steps_of_refused(rejected: Rejected, store: Store) -> Iterable[str]:
    """Steps from the rows of a refused revision to a decided day."""
    as_of = rejected.as_of
    yield "  1. Nothing of the revision is published, so these rows cannot come back as corrections: have the"
    yield f"     feed's own files mended, and put them into {store.location(landing_key(as_of))}"
    yield f"  2. scoring score --as-of {as_of}, as before; or Retry in Prefect"


def _steps_of_corrections(rejected: Rejected, store: Store) -> Iterable[str]:
    """Steps from the rows in quarantine of a published revision to a revision that decides them."""
    from tasks.core.day.records import CORRECTIONS

    as_of = rejected.as_of
    corrections = store.location(landing_key(as_of) + CORRECTIONS)
    lines = [
        "  1. Correct it. Take out the rows that you cannot correct, and of those that share an id all but one.",
        f"  2. Put it into {corrections} under a name that ends in .csv;",
        "     of several corrections of an application that in the last file by name counts.",
    ]
    if rejected.with_line_ends:
        ends = counted(rejected.with_line_ends, "row")
        announce = "announce the file's rows in a _control.json beside it"
        lines.append(f"     {ends} with a line end in a cell: {announce}")
    lines.append(f'  3. scoring score --as-of {as_of} --corrections --reason "..."')
    return lines


def _counts(title: str, counts: Mapping[str, int]) -> Iterable[str]:
    yield f"\n  {title}"
    yield from (f"    {name:<44}{count:>8,}" for name, count in counts.items())
