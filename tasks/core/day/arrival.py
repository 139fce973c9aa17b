"""Arrival of a day's files: one look at the landing after another, and the end of the wait for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from tasks.core.day.control import CONTROL, Control
from tasks.core.words import counted, normal_name

_MAX_NAMES: Final = 5
"""Most file names in one sentence."""
_MINUTE_SECONDS: Final = 60


class WaitLimits(NamedTuple):
    """Limits of a wait for files, in seconds."""

    wait_seconds: float
    """Time in which the files must come, and after which none of them may change any more."""
    quiet_seconds: float
    """Time without any change after which files that nothing announces count as written to their end."""


@dataclass(frozen=True, slots=True)
class LandingLook:
    """Landing of a day as it was listed once, without its corrections."""

    entries: Mapping[str, tuple[int, datetime]]
    """Name of everything that lies there, hidden files included, to its size in bytes and last write."""
    files: tuple[str, ...]
    """Names of the files of applications, as listed."""
    control: Control | None = None
    """Control file; None if there is none, if it cannot be read, or if it is of another day."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Names that the control file announces and that are not there, sorted."""
        announced = self.control.files if self.control else ()
        return tuple(sorted(set(announced) - {normal_name(name) for name in self.files}))

    @property
    def is_as_announced(self) -> bool:
        """True if the files that are there are those of the control file, by their names."""
        return self.control is not None and {normal_name(name) for name in self.files} == set(self.control.files)

    @property
    def is_empty(self) -> bool:
        """True if no file is there and none is announced."""
        return not self.files and self.control is None

    @property
    def size_bytes(self) -> int:
        """Size of the files of applications together."""
        return sum(self.entries[name][0] for name in self.files)

    def __str__(self) -> str:
        """Sentence without its stop: the files that are there and those that are missing."""
        there = f"{counted(len(self.files), 'file')} there, {self.size_bytes / 1e6:.1f} MB"
        return f"{there}; missing: {_named(self.missing)}" if self.missing else there


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait for a day's files after its last look. All times count from the beginning of the wait."""

    look: LandingLook
    seconds: float = 0.0
    """Time of the last look."""
    changed_seconds: float = 0.0
    """Time of the first look that showed the landing as it is."""
    unlike_seconds: float = 0.0
    """Time of the last look that showed it otherwise; 0 if none did."""

    def then(self, look: LandingLook, seconds: float) -> Wait:
        """The same wait after its next look.

        Args:
            look: what it showed.
            seconds: time of the look.
        """
        if look == self.look:
            return replace(self, seconds=seconds)
        return Wait(look, seconds, changed_seconds=seconds, unlike_seconds=self.seconds)

    @property
    def is_news(self) -> bool:
        """True if the last look showed a change, or was the first."""
        return self.changed_seconds == self.seconds

    def is_quiet(self, limits: WaitLimits) -> bool:
        """True if the files may be read: no announced file is missing, and nothing has changed for long enough."""
        is_there = bool(self.look.files) and not self.look.missing
        return is_there and self.seconds - self.changed_seconds >= limits.quiet_seconds

    def is_over(self, limits: WaitLimits) -> bool:
        """True if the wait has failed: files are missing at its end, or one has changed after it.

        Files that came in time may become quiet after the end, so a wait lasts at most `wait_seconds`
        and one quiet period.
        """
        if self.look.files and not self.look.missing:
            return self.unlike_seconds >= limits.wait_seconds
        return self.seconds >= limits.wait_seconds

    def sentence(self, limits: WaitLimits) -> str:
        """Sentence without its stop: the files that are there, and what ends the wait for them."""
        if self.look.files and not self.look.missing:
            return f"{self.look}; going on once nothing has changed for {duration(limits.quiet_seconds)}"
        return str(self.look)

    def failure(self, limits: WaitLimits) -> str:
        """Sentence without its stop: the reason why the wait has failed."""
        if self.look.missing:
            missing = counted(len(self.look.missing), "announced file")
            return f"{missing} did not come within {duration(limits.wait_seconds)}: {_named(self.look.missing)}"
        if self.look.files:
            return (
                f"{self.look}, still changing after {duration(limits.wait_seconds)}. Files that "
                f"{CONTROL} does not announce must stay unchanged for {duration(limits.quiet_seconds)}"
            )
        return f"no file came within {duration(limits.wait_seconds)}"


def duration(seconds: float) -> str:
    """Duration in words.

    >>> [duration(seconds) for seconds in (0.6, 60, 90, 86400)]
    ['0.6 s', '1 minute', '1.5 minutes', '1440 minutes']
    """
    if seconds < _MINUTE_SECONDS:
        return f"{seconds:.3g} s"
    number = f"{round(seconds / _MINUTE_SECONDS, 1):g}"
    return f"{number} minute" if number == "1" else f"{number} minutes"


def _named(names: tuple[str, ...]) -> str:
    """First names, and the number of the others."""
    others = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {counted(others, 'other')}" if others > 0 else "")
