"""Objects of the store read again, and the problems of the gone, damaged and unreadable ones."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from configs.calendar import Calendar
from tasks.core.day.records import DataFile
from tasks.delivery.files import sha256_of
from tasks.errors import ObjectArchived, PublishError
from tasks.publication.data_files import intact_data
from tasks.publication.expired import read_expired
from tasks.publication.layout import expired_key
from tasks.store import Changed, NotFound, Store, printable_location
from tasks.store.keys import is_key
from tasks.store.renewing import read_if_there

BACKUP: Final = "Restore it from a backup."


@dataclass(frozen=True, slots=True)
class Checked:
    """Findings of reading a day again."""

    as_of: date | None
    """Business day; None for the objects that belong to no day."""
    revisions: int
    files: int
    problems: tuple[str, ...]
    """Faults that somebody must mend: the object, observed against required, what to do."""
    remarks: tuple[str, ...]
    """Facts that somebody may want to know."""


@dataclass
class Reader:
    """Reads the objects of a day, and keeps each finding about them once."""

    store: Store
    calendar: Calendar | None = None
    """Clock by which times are told; None tells them as they were noted."""
    expired: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Key to time and rule of each file that was removed by rule, which is not a problem."""
    _problems: dict[str, None] = field(default_factory=dict)
    _remarks: dict[str, None] = field(default_factory=dict)
    _files: set[str] = field(default_factory=set)

    def checked(self, as_of: date | None, *, revisions: int) -> Checked:
        """Return the findings."""
        return Checked(
            as_of,
            revisions,
            files=len(self._files),
            problems=tuple(self._problems),
            remarks=tuple(self._remarks),
        )

    @property
    def is_sound(self) -> bool:
        """True if no problem has been found so far."""
        return not self._problems

    def problem(self, key: str, fault: str, remedy: str = BACKUP) -> None:
        """Keep the fault of an object, and its remedy."""
        self._problems[f"{self.where(key)} {fault}. {remedy}"] = None

    def remark(self, key: str, fact: str) -> None:
        """Keep a fact worth knowing about an object."""
        self._remarks[f"{self.where(key)} {fact}."] = None

    def where(self, key: str) -> str:
        """Place of an object for messages, whatever its name is."""
        return printable_location(self.store, key)

    def read_expired(self, as_of: date) -> None:
        """Read which files of the day were removed by rule. A damaged note is a problem."""
        self._files.add(expired_key(as_of))
        try:
            self.expired = read_expired(self.store, as_of)
        except ObjectArchived as error:
            self._unreadable(expired_key(as_of), error)
        except PublishError:
            self._require_answer(expired_key(as_of))
            self.problem(expired_key(as_of), "does not note what was removed by rule")

    def data(
        self,
        key: str,
        *,
        sign: str = "",
        remedy: str | Callable[[], str] = BACKUP,
    ) -> bytes | None:
        """Read the object's bytes; None, and a finding, if it is gone or cannot be read.

        Args:
            key: of the object.
            sign: reason why it should be there, for the message that it is not.
            remedy: advice for the case that it is gone.
        """
        if not self._accept_key(key, sign):
            return None
        try:
            stored = read_if_there(self.store, key)
        except (PublishError, OSError) as error:
            self._unreadable(key, error)
            return None
        if stored:
            self._files.add(key)
            return stored.data
        if not self._note_expired(key):
            advice = remedy() if callable(remedy) else remedy
            self.problem(key, f"is missing{sign and ', '}{sign}", advice)
        return None

    def data_file(self, file: DataFile, *, manifest: str, copy: str = "") -> bytes | None:
        """Read the bytes of a data file; None, and a finding, unless they are as its manifest says.

        If they are not, the file's name shows which of the two was altered, since it carries the
        digest.

        Args:
            file: the data file, as the manifest names it.
            manifest: key of the manifest.
            copy: key of an object that may hold the same bytes once more.
        """
        sign = f"and {self.where(manifest)} names it"
        data = self.data(file.key, sign=sign, remedy=lambda: self._remedy(file, copy))
        if data is None:
            return None
        sha256 = hashlib.sha256(data).hexdigest()
        if (sha256, len(data)) == (file.sha256, file.size_bytes):
            return data
        observed = f"{len(data):,} bytes and SHA-256 {sha256[:12]}…"
        required = f"{file.size_bytes:,} bytes and SHA-256 {file.sha256[:12]}…"
        if sha256[:16] in file.key:
            place = self.where(file.key)
            fault = f"names {required} for {place}, which has {observed}, and is what its name says"
            self.problem(manifest, fault)
        else:
            fault = f"has {observed}; {self.where(manifest)} names {required}"
            self.problem(file.key, fault, self._remedy(file, copy))
        return None

    def _remedy(self, file: DataFile, copy: str) -> str:
        with contextlib.suppress(PublishError):
            if copy and intact_data(self.store, replace(file, key=copy)) is not None:
                return f"Copy {self.where(copy)} to it, which has its very bytes."
        return BACKUP

    def renewable(self, key: str, required: bytes, how: str) -> None:
        """Keep a remark if an object that any run makes anew is missing or not as required."""
        try:
            stored = read_if_there(self.store, key)
        except (PublishError, OSError) as error:
            self._unreadable(key, error)
            return
        if stored:
            self._files.add(key)
        if not stored or stored.data != required:
            state = "not as this program makes it" if stored else "missing"
            self.remark(key, f"is {state}; {how}")

    def landed_sha256(self, key: str) -> str | None:
        """SHA-256 of a delivered file; None, and a finding, if it cannot be read or is gone.

        A file that is gone from the landing is a remark; one that cannot be read is a problem.
        """
        if not self._accept_key(key):
            return None
        try:
            with self.store.open(key) as stream:
                sha256 = sha256_of(stream)
        except NotFound:
            if not self._note_expired(key):
                self.remark(key, "is not in the landing any more")
            return None
        except Changed:
            self.remark(key, "was replaced while it was read")
            return None
        except (PublishError, OSError) as error:
            self._unreadable(key, error)
            return None
        self._files.add(key)
        return sha256

    def _accept_key(self, key: str, sign: str = "") -> bool:
        """Keep a problem if the key cannot name an object. Returns True if it can."""
        if not is_key(key):
            self.problem(key, f"cannot be the name of an object{sign and ', '}{sign}")
        return is_key(key)

    def _note_expired(self, key: str) -> bool:
        """Keep a remark if the object was removed by rule. Returns True if it was."""
        removed = self.expired.get(key)
        if removed:
            at = self.calendar.local_time(removed["at"]) if self.calendar else removed["at"]
            self.remark(key, f"expired on {at}: {removed['rule']}")
        return removed is not None

    def _unreadable(self, key: str, error: PublishError | OSError) -> None:
        """Keep the problem of an unreadable object. Raises if the store no longer answers."""
        self._require_answer(key)
        cause = f"{error.strerror}. {BACKUP}" if isinstance(error, OSError) else str(error)
        self.problem(key, "cannot be read", cause)

    def _require_answer(self, key: str) -> None:
        list(self.store.list(key))
