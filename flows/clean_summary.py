"""What `scoring clean` prints: counts and places, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from configs.settings import Settings
from tasks.core.words import counted
from tasks.erasure.search import Erasure
from tasks.retention.clean import RULES, Cleaning, Removal
from tasks.store import Store, open_store

_TOLD: Final = 3
_KB, _MB, _GB = 1e3, 1e6, 1e9


def cleaning_summary(cleaning: Cleaning, settings: Settings) -> str:
    """What was past its time by which rule, what was left alone, and why."""
    store, retention = open_store(settings.storage), settings.retention
    done = "removed" if cleaning.is_applied else "a dry run, nothing was removed; --apply removes it"
    lines = [f"\nPast its time on {cleaning.today} in {settings.storage.root}: {done}\n"]
    for what, field in RULES.items():
        limit = getattr(retention, field)
        rule = f"kept for ever (retention.{field})" if limit is None else f"over {limit} days (retention.{field})"
        due = [each for each in cleaning.removals if each.what == what]
        days = len({each.as_of for each in due if each.as_of})
        size = told_bytes(sum(each.size_bytes for each in due))
        lines.append(f"  {what:<18}{len(due):>9,} objects {size:>10} {days:>6,} days   {rule}")
        lines += _locations(store, [each.key for each in due if each.as_of])
    return "\n".join([*lines, *_named(cleaning.removals), *_left(cleaning)])


def erasure_summary(erasure: Erasure, settings: Settings) -> str:
    """Where an applicant occurs, or occurred, by the number of objects and rows."""
    store = open_store(settings.storage)
    if not erasure.found:
        title = "The applicant is nowhere in the store; nothing was changed, and nothing is recorded"
    elif erasure.is_applied:
        title = "The applicant was erased from"
    else:
        title = 'The applicant occurs in (a dry run, nothing was changed; --apply --reason "..." erases)'
    lines = [f"\n{title}\n"]
    for room in sorted({each.room for each in erasure.found}):
        held = [each for each in erasure.found if each.room == room]
        rows, days = sum(each.rows for each in held), len({each.as_of for each in held if each.as_of})
        lines.append(f"  {room:<18}{len(held):>9,} objects {rows:>10,} rows {days:>6,} days")
        lines += _locations(store, [each.key for each in held])
    if erasure.unfinished and not erasure.is_applied:
        told = "writes, which nobody can search; --apply gives up those older than a day"
        lines.append(f"\n  Unfinished  {erasure.unfinished:,} {told}")
    if erasure.record:
        lines.append(f"\n  Record      {store.location(erasure.record)}")
        lines.append("  Yours       backups, bucket versions, and whoever has read these decisions: no event is sent")
    return "\n".join(lines).rstrip("\n")


def told_bytes(size_bytes: int) -> str:
    """A size for people.

    >>> [told_bytes(size) for size in (0, 999, 1500, 2_000_000, 3_200_000_000)]
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
        yield f"\n  Named by manifests: {len(named):,} of them, of {days}; revisions/day=D/expired.json keeps note"


def _left(cleaning: Cleaning) -> Iterator[str]:
    for what, why in sorted({(each.what, each.why) for each in cleaning.left}):
        days = sorted({each.as_of for each in cleaning.left if (each.what, each.why) == (what, why)})
        told = ", ".join(str(day) for day in days[:_TOLD]) + (" …" if len(days) > _TOLD else "")
        yield f"\n  Left alone: {what} of {counted(len(days), 'day')}, because {why}: {told}"
