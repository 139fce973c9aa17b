"""One applicant removed from the whole store, because they have a right to it.

Readers see a complete file at every moment. If the command dies, the same command run again
finishes the job. `tasks.erasure.day` gives the order of steps on each day.

A revision's fingerprint, its contract report and the row numbers in quarantine stay as they were
made. Models carry no ids; a reference sample is searched like everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from tasks.adapters.files.landing_file import Reading
from tasks.erasure.day import Eraser
from tasks.erasure.record import ErasureRecord
from tasks.erasure.search import Erasure, Found, count_unfinished, search
from tasks.errors import ConfigError, PublishError, SourceError
from tasks.publication.erasure_token import days_unfinished
from tasks.publication.layout import decisions_key, is_data_file, room_prefix
from tasks.running.context import run_logger
from tasks.store import Store

_DEAD_AFTER: Final = timedelta(days=1)
"""Age of an unfinished write after which its process counts as dead."""


def require_reason(applicant: int, reason: str | None) -> str:
    """Return the reason as the record keeps it.

    Raises:
        ConfigError: there is no reason, or it names the applicant, whom nothing may name any more.
    """
    reason = (reason or "").strip()
    if not reason:
        raise ConfigError("An erasure needs a reason, which is kept: --reason TEXT, without any applicant's data.")
    if str(applicant) in reason:
        raise ConfigError("The reason names the applicant, and is kept when they are gone; say it without the id.")
    return reason


def erase(
    store: Store,
    applicant: int,
    *,
    reason: str,
    at: datetime,
    reading: Reading,
) -> Erasure:
    """Remove the applicant from every object that holds their rows.

    A record of the changes is kept, which does not name the applicant.

    A scoring run of such a day that is under way publishes nothing. If a run brings the applicant
    back all the same, the erasure notices and fails. It looks again at days on which an erasure
    broke off. It gives up writes that have not ended for a day, since nobody can search them.

    Raises:
        PublishError: manifests or data files of some days are missing or damaged, or another
            process writes there at the same time; the applicant is erased from all other days.
    """
    record = ErasureRecord(store, at, require_reason(applicant, reason))
    erased = search(store, applicant, reading=reading)
    for write in store.unfinished():
        if at - write.modified_at > _DEAD_AFTER:
            store.forget(write)
    _erase_days(store, Eraser(store, applicant, record, reading), erased.found)
    return replace(
        erased,
        is_applied=True,
        unfinished=count_unfinished(store),
        record=record.key if record.changes else None,
    )


def _erase_days(store: Store, eraser: Eraser, found: Iterable[Found]) -> None:
    """Erase the objects found, day by day, and finish the days on which an erasure broke off.

    A day that fails does not stop the others.
    """
    groups = groupby(_by_day(found), key=lambda each: each.as_of)
    held = {as_of: list(each) for as_of, each in groups}
    days = [*held, *(day for day in days_unfinished(store) if day not in held)]
    failed: dict[date | None, str] = {}
    for as_of in days:
        try:
            _erase_of_day(eraser, as_of, held.get(as_of, []))
        except (PublishError, SourceError) as error:
            list(store.list(room_prefix("erasures")))  # raises if the store no longer answers
            failed[as_of] = str(error)
    if failed:
        causes = (f"{as_of or 'What belongs to no day'}: {why}" for as_of, why in failed.items())
        share = f"{len(failed)} of {len(days)} days"
        raise PublishError(f"The applicant could not be erased from {share}. {' '.join(causes)}")


def _erase_of_day(eraser: Eraser, as_of: date | None, found: Sequence[Found]) -> None:
    """Erase the objects found of a day, or of no day.

    A day without any found object is one on which an erasure broke off.
    """
    eraser.cut_in_place([each for each in found if _is_elsewhere(each)])
    ours = [each for each in found if not _is_elsewhere(each)]
    if as_of and (ours or not found):
        eraser.erase_day(as_of, ours)
    run_logger().info("Erased from %d objects%s", len(found), f" of {as_of}" if as_of else "")


def _by_day(found: Iterable[Found]) -> list[Found]:
    return sorted(found, key=lambda each: (str(each.as_of or ""), each.key))


def _is_elsewhere(found: Found) -> bool:
    """True if no day's manifest describes the object, and no run makes it anew."""
    as_of = found.as_of
    if as_of is None:
        return True
    is_in_room = found.room in {"landing", "work"}
    is_described = is_data_file(found.key) or found.key == decisions_key(as_of)
    return not (is_in_room or is_described)
