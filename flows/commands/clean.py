"""Command `scoring clean`: remove what is past its time, or erase one applicant.

It prints counts and places, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import click

from flows.options import ApplicationId, Day, common_options, plain_option, runnable, set_up
from tasks.core.words import counted
from tasks.errors import ConfigError

if TYPE_CHECKING:
    from configs.settings import Settings
    from tasks.erasure.search import Erasure
    from tasks.retention.clean import Cleaning, Removal
    from tasks.store import Store

_TOLD: Final = 3
_KB, _MB, _GB = 1e3, 1e6, 1e9


@click.command("clean")
@click.option("--apply", "is_applied", is_flag=True, help="Remove what is found; otherwise it is only told.")
@click.option(
    "--today",
    type=Day(),
    help="Day from which ages are counted; a future one needs a dry run.  [default: today, by the calendar's clock]",
)
@click.option("--erase", "applicant", type=ApplicationId(), help="Erase this applicant instead; see above.")
@click.option(
    "--reason",
    metavar="TEXT",
    help="Why the applicant is erased; it is kept. No applicant's data.",
)
@plain_option
@common_options
def clean_command(
    is_applied: bool,
    today: date | None,
    applicant: int | None,
    reason: str | None,
    without_prefect: bool,
    config: str | None,
    verbose: bool,
) -> None:
    """Remove what the store no longer has to keep, by the settings' section `retention`. Safe to repeat.

    Without --apply nothing is changed. Decisions, manifests, contract reports and verdicts always stay.

    --erase removes one applicant from all revisions, quarantine, landing files, reference samples
    and what readers see, and gives up writes that have not ended for a day, which nobody can
    search; models carry no ids. It never runs in Prefect, which would record the id. Your shell may
    keep it in its history, and a bucket that keeps versions keeps the old ones.
    """
    if applicant is not None and today:
        raise click.UsageError("--today is for ages; --erase asks for none.")
    if applicant is None and reason is not None:
        raise click.UsageError("--reason belongs to --erase.")
    settings = set_up(config, verbose=verbose)
    if applicant is not None:
        _erase(applicant, reason, settings, is_applied=is_applied)
        return
    from flows.clean_store import clean_store

    run = runnable(clean_store, without_prefect=without_prefect)
    cleaning = run(config=config, apply=is_applied, today=today)
    click.echo(cleaning_summary(cleaning, settings))


def _erase(applicant: int, reason: str | None, settings: Settings, *, is_applied: bool) -> None:
    """Erase an applicant, or print where they occur.

    Raises:
        ConfigError: the erasure has no reason.
        SourceError: an object cannot be searched; raised after the summary was printed.
    """
    if is_applied and reason is None:
        raise ConfigError("An erasure needs a reason, which is kept: --reason TEXT")
    from tasks.delivery.files import reading_of
    from tasks.erasure.erase import erase, require_reason
    from tasks.erasure.search import require_searched, search
    from tasks.reporting.renew import renew_day_pages
    from tasks.store import open_store

    store = open_store(settings.storage)
    reading = reading_of(settings.scoring)
    if is_applied:
        now = datetime.now(UTC)
        erasure = erase(store, applicant, reason=reason or "", at=now, reading=reading)
        renew_day_pages({each.as_of for each in erasure.found if each.as_of}, settings)
    else:
        if reason is not None:
            require_reason(applicant, reason)
        erasure = search(store, applicant, reading=reading)
    click.echo(erasure_summary(erasure, settings))
    require_searched(store, erasure)


def cleaning_summary(cleaning: Cleaning, settings: Settings) -> str:
    """Objects past their time, by rule, and those that were left alone, with the cause."""
    from tasks.retention.clean import RULES
    from tasks.store import open_store

    store = open_store(settings.storage)
    dry_run = "a dry run, nothing was removed; --apply removes it"
    done = "removed" if cleaning.is_applied else dry_run
    lines = [f"\nPast its time on {cleaning.today} in {settings.storage.root}: {done}\n"]
    for what, field in RULES.items():
        limit = getattr(settings.retention, field)
        kept = "kept for ever" if limit is None else f"over {limit} days"
        due = [each for each in cleaning.removals if each.what == what]
        days = len({each.as_of for each in due if each.as_of})
        size = readable_bytes(sum(each.size_bytes for each in due))
        counts = f"{len(due):>9,} objects {size:>10} {days:>6,} days"
        lines.append(f"  {what:<18}{counts}   {kept} (retention.{field})")
        lines += _locations(store, [each.key for each in due if each.as_of])
    return "\n".join([*lines, *_named(cleaning.removals), *_left(cleaning)])


def erasure_summary(erasure: Erasure, settings: Settings) -> str:
    """Rooms of the store in which an applicant occurs, or occurred, with objects, rows and days."""
    from tasks.store import open_store

    store = open_store(settings.storage)
    if not erasure.found:
        title = "is nowhere in the store; nothing was changed, and nothing is recorded"
    elif erasure.is_applied:
        title = "was erased from"
    else:
        title = 'occurs in (a dry run, nothing was changed; --apply --reason "..." erases)'
    lines = [f"\nThe applicant {title}\n"]
    for room in sorted({each.room for each in erasure.found}):
        held = [each for each in erasure.found if each.room == room]
        rows = sum(each.rows for each in held)
        days = len({each.as_of for each in held if each.as_of})
        lines.append(f"  {room:<18}{len(held):>9,} objects {rows:>10,} rows {days:>6,} days")
        lines += _locations(store, [each.key for each in held])
    if erasure.unfinished and not erasure.is_applied:
        writes = "writes, which nobody can search; --apply gives up those older than a day"
        lines.append(f"\n  Unfinished  {erasure.unfinished:,} {writes}")
    if erasure.record:
        lines.append(f"\n  Record      {store.location(erasure.record)}")
        others = "backups, bucket versions, and whoever has read these decisions"
        lines.append(f"  Yours       {others}: no event is sent")
    return "\n".join(lines).rstrip("\n")


def readable_bytes(size_bytes: int) -> str:
    """Size as people read it.

    >>> [readable_bytes(size) for size in (0, 999, 1500, 2_000_000, 3_200_000_000)]
    ['0 B', '999 B', '1.5 kB', '2.0 MB', '3.2 GB']
    """
    for unit, factor in (("GB", _GB), ("MB", _MB), ("kB", _KB)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:,.1f} {unit}"
    return f"{size_bytes} B"


def _locations(store: Store, keys: Sequence[str]) -> Iterator[str]:
    yield from (f"    {store.location(key)}" for key in keys[:_TOLD])
    if len(keys) > _TOLD:
        yield f"    and {len(keys) - _TOLD:,} more"


def _named(removals: Iterable[Removal]) -> Iterator[str]:
    named = [each for each in removals if each.is_named]
    if named:
        days = counted(len({each.as_of for each in named}), "day")
        note = "revisions/day=D/expired.json keeps note"
        yield f"\n  Named by manifests: {len(named):,} of them, of {days}; {note}"


def _left(cleaning: Cleaning) -> Iterator[str]:
    causes = {(each.what, each.why) for each in cleaning.left}
    for what, why in sorted(causes):
        left = [each for each in cleaning.left if (each.what, each.why) == (what, why)]
        days = sorted({each.as_of for each in left})
        first = ", ".join(str(day) for day in days[:_TOLD])
        more = " …" if len(days) > _TOLD else ""
        yield f"\n  Left alone: {what} of {counted(len(days), 'day')}, because {why}: {first}{more}"
