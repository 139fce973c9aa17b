"""The wait for a day's files: the landing is listed again and again until they can be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Final

from tasks.core.day.arrival import LandingLook, Wait, WaitLimits
from tasks.core.day.control import CONTROL, Announced, Control, read_control
from tasks.core.day.records import CORRECTIONS
from tasks.core.words import normal_name
from tasks.delivery.files import open_landing, sha256_of
from tasks.errors import SourceError
from tasks.publication.layout import is_delivered, landing_key
from tasks.store import Store
from tasks.store.renewing import read_if_there

_LONGEST_PAUSE_SECONDS: Final = 10.0
_LOOKS_IN_QUIET: Final = 6
"""Looks within a quiet period."""


def wait_for_delivery(
    store: Store,
    as_of: date,
    limits: WaitLimits,
    *,
    may_be_empty: bool,
    tell: Callable[[Wait], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Wait:
    """Wait until the files of a day are there and written to their end.

    Files that are those of `_control.json`, by name and digest, end the wait at once. Otherwise it
    ends when no announced file is missing and nothing in the landing, hidden files included, has
    changed in size or time for `limits.quiet_seconds`. Only changes from look to look count, because
    a copy may keep the time of its original.

    Args:
        store: where the day lies.
        as_of: the day.
        limits: those of the wait.
        may_be_empty: true on a day on which the feed may stay away. Then an empty landing ends the
            wait at once.
        tell: called after each look that does not end the wait.
        clock: seconds that only grow.
        sleep: pause for a number of seconds.

    Raises:
        SourceError: files did not come in time, or were still changing; says which.
    """
    begun = clock()
    wait = Wait(look_at_landing(store, as_of))
    while not _has_ended(store, as_of, wait, limits, may_be_empty=may_be_empty):
        if wait.is_over(limits):
            raise _too_late(store, as_of, wait, limits)
        tell(wait)
        sleep(_pause_seconds(wait, limits))
        seconds = clock() - begun  # before the look: a change during it shows in the next one
        wait = wait.then(look_at_landing(store, as_of), seconds)
    return wait


def _has_ended(store: Store, as_of: date, wait: Wait, limits: WaitLimits, *, may_be_empty: bool) -> bool:
    """True if the files can be read, or if none need come. Digests are taken only after a change."""
    if wait.is_quiet(limits) or (may_be_empty and wait.look.is_empty):
        return True
    return wait.is_news and _is_whole(store, as_of, wait.look)


def _pause_seconds(wait: Wait, limits: WaitLimits) -> float:
    """Pause before the next look; it does not jump over the end of the wait."""
    pause = min(_LONGEST_PAUSE_SECONDS, limits.quiet_seconds / _LOOKS_IN_QUIET)
    left = limits.wait_seconds - wait.seconds
    return min(pause, left) if left > 0 else pause


def look_at_landing(store: Store, as_of: date) -> LandingLook:
    """Landing of the day as it is now, without its corrections."""
    prefix = landing_key(as_of)
    listed = {entry.key.removeprefix(prefix): entry for entry in store.list(prefix)}
    entries = {
        name: (entry.size_bytes, entry.modified_at)
        for name, entry in listed.items()
        if not name.startswith(CORRECTIONS)
    }
    control = _control_of(store, as_of) if CONTROL in entries else None
    return LandingLook(entries, tuple(name for name in entries if is_delivered(name)), control)


def _control_of(store: Store, as_of: date) -> Control | None:
    """Control file of the day; None if it is not readable, as one that is still being written, or of another day."""
    stored = read_if_there(store, landing_key(as_of) + CONTROL)
    try:
        control = read_control(stored.data) if stored else None
    except ValueError:
        return None
    return control if control and control.day == as_of else None


def _is_whole(store: Store, as_of: date, look: LandingLook) -> bool:
    """True if the files are those of the control file, by name and by digest."""
    if look.control is None or not look.is_as_announced:
        return False
    announced = look.control.files
    return all(_has_digest(store, as_of, name, announced[normal_name(name)]) for name in look.files)


def _has_digest(store: Store, as_of: date, name: str, announced: Announced) -> bool:
    try:
        with open_landing(store, landing_key(as_of) + name, name=name) as stream:
            return sha256_of(stream) == announced.sha256
    except SourceError:  # gone or replaced meanwhile, so a later look shows it
        return False


def _too_late(store: Store, as_of: date, wait: Wait, limits: WaitLimits) -> SourceError:
    return SourceError(
        f"The files of {as_of} are not complete in {store.location(landing_key(as_of))}: "
        f"{wait.failure(limits)}. Nothing was published. Deliver them, and run the day again (Retry in "
        "Prefect), which waits anew; landing.wait_minutes says how long. If none are due, declare the "
        "day in configs/calendar.yaml."
    )
