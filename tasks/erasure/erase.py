"""One applicant removed from the whole store, because they have a right to it.

Readers see a complete file at every moment, and whatever dies, the same command run again finishes the job; in which
order that is done on each day stands in `tasks.erasure.day`.

A revision's fingerprint, its contract report and the row numbers in quarantine stay what they were when it was made.
Models carry no ids; a reference sample is searched like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from tasks.erasure.day import Eraser
from tasks.erasure.record import ErasureRecord
from tasks.erasure.search import Erasure, Found, count_unfinished, search
from tasks.errors import ConfigError, PublishError, SourceError
from tasks.publication.erasure_token import days_unfinished
from tasks.publication.layout import decisions_key, is_data_file, room_prefix
from tasks.running.context import run_logger
from tasks.store import Store

_DEAD_AFTER: Final = timedelta(days=1)
"""A write that nothing was added to for so long is of a process that died."""


def require_reason(applicant: int, reason: str | None) -> str:
    """The reason as it is kept.

    Raises:
        ConfigError: there is none, or it names the applicant, whom nothing may name any more.
    """
    reason = (reason or "").strip()
    if not reason:
        raise ConfigError("An erasure needs a reason, which is kept: --reason TEXT, without any applicant's data.")
    if str(applicant) in reason:
        raise ConfigError("The reason names the applicant, and is kept when they are gone; say it without the id.")
    return reason


def erase(store: Store, applicant: int, *, reason: str, at: datetime, max_unpacked_bytes: int) -> Erasure:
    """Remove the applicant from every object that holds rows of theirs, and keep a record that does not name them.

    A scoring run of such a day that is under way publishes nothing; should one bring the applicant back all the same,
    that is noticed. Days on which an erasure broke off are looked at again. Writes that have not ended for a day are
    given up, since nobody can search them.

    Raises:
        PublishError: manifests or data files of some days are missing or damaged, or somebody else writes there at the
            same time; the applicant is erased from all others.
    """
    record = ErasureRecord(store, at, require_reason(applicant, reason))
    erased = search(store, applicant, max_unpacked_bytes=max_unpacked_bytes)
    for write in store.unfinished():
        if at - write.modified_at > _DEAD_AFTER:
            store.forget(write)
    _erase_days(store, Eraser(store, applicant, record, max_unpacked_bytes), erased.found)
    told = record.key if record.changes else None
    return replace(erased, is_applied=True, unfinished=count_unfinished(store), record=told)


def _erase_days(store: Store, eraser: Eraser, found: Iterable[Found]) -> None:
    """Erase what was found, day by day, and the rest of what broke off; a day that fails keeps no other from it."""
    held = {as_of: list(each) for as_of, each in groupby(_by_day(found), key=lambda each: each.as_of)}
    days = [*held, *(day for day in days_unfinished(store) if day not in held)]
    failed: dict[date | None, str] = {}
    for as_of in days:
        try:
            _erase_of_day(eraser, as_of, held.get(as_of, []))
        except (PublishError, SourceError) as error:
            list(store.list(room_prefix("erasures")))  # stops where the store no longer answers at all
            failed[as_of] = str(error)
    if failed:
        told = " ".join(f"{as_of or 'What belongs to no day'}: {why}" for as_of, why in failed.items())
        raise PublishError(f"The applicant could not be erased from {len(failed)} of {len(days)} days. {told}")


def _erase_of_day(eraser: Eraser, as_of: date | None, found: Sequence[Found]) -> None:
    """Erase what was found of a day, or of none; a day of which nothing was found is one that broke off."""
    eraser.cut_in_place([each for each in found if _is_elsewhere(each)])
    ours = [each for each in found if not _is_elsewhere(each)]
    if as_of and (ours or not found):
        eraser.erase_day(as_of, ours)
    run_logger().info("Erased from %d objects%s", len(found), f" of {as_of}" if as_of else "")


def _by_day(found: Iterable[Found]) -> list[Found]:
    return sorted(found, key=lambda each: (str(each.as_of or ""), each.key))


def _is_elsewhere(found: Found) -> bool:
    """Whether no day's manifest tells of the object, and no run makes it anew."""
    as_of = found.as_of
    if as_of is None:
        return True
    is_ours = found.room in {"landing", "work"} or is_data_file(found.key) or found.key == decisions_key(as_of)
    return not is_ours
