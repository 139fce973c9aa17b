"""Objects of the store read again, and what is to be said of those that are gone, damaged or unreadable."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from tasks.core.day.records import DataFile
from tasks.delivery.files import sha256_of
from tasks.errors import PublishError
from tasks.publication.data_files import intact_data
from tasks.publication.expired import read_expired
from tasks.publication.layout import expired_key
from tasks.store import Changed, NotFound, Store, told_location
from tasks.store.keys import is_key
from tasks.store.renewing import read_if_there

BACKUP: Final = "Restore it from a backup."


@dataclass(frozen=True, slots=True)
class Checked:
    """What reading a day again has found."""

    as_of: date | None
    """None: what belongs to no day."""
    revisions: int
    files: int
    problems: tuple[str, ...]
    """What somebody must mend: which object, observed against required, what to do."""
    remarks: tuple[str, ...]
    """What somebody may want to know."""


@dataclass
class Reader:
    """Reads the objects of a day, and keeps what is to be said of them, each once."""

    store: Store
    expired: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What was removed by rule, and is no problem."""
    _problems: dict[str, None] = field(default_factory=dict)
    _remarks: dict[str, None] = field(default_factory=dict)
    _files: set[str] = field(default_factory=set)

    def checked(self, as_of: date | None, *, revisions: int) -> Checked:
        """What has been found."""
        return Checked(as_of, revisions, len(self._files), tuple(self._problems), tuple(self._remarks))

    @property
    def is_sound(self) -> bool:
        """Whether no problem has been found so far."""
        return not self._problems

    def problem(self, key: str, told: str, remedy: str = BACKUP) -> None:
        """Keep what is wrong with an object, and what to do."""
        self._problems[f"{self.where(key)} {told}. {remedy}"] = None

    def remark(self, key: str, told: str) -> None:
        """Keep what is worth knowing of an object."""
        self._remarks[f"{self.where(key)} {told}."] = None

    def where(self, key: str) -> str:
        """Where a person finds an object, whatever it is called."""
        return told_location(self.store, key)

    def read_expired(self, as_of: date) -> None:
        """Learn which files of the day were removed by rule."""
        self._files.add(expired_key(as_of))
        try:
            self.expired = read_expired(self.store, as_of)
        except PublishError:
            self._require_answer(expired_key(as_of))
            self.problem(expired_key(as_of), "does not note what was removed by rule")

    def data(self, key: str, *, sign: str = "", remedy: str | Callable[[], str] = BACKUP) -> bytes | None:
        """The object's bytes; None where it is gone or cannot be read.

        Args:
            sign: what says that it should be there, for whoever reads that it is not.
            remedy: what to do where it is gone.
        """
        if not self._is_object(key, sign):
            return None
        try:
            stored = read_if_there(self.store, key)
        except (PublishError, OSError) as error:
            self._unreadable(key, error)
            return None
        if stored:
            self._files.add(key)
            return stored.data
        if not self._is_expired(key):
            self.problem(key, f"is missing{sign and ', '}{sign}", remedy() if callable(remedy) else remedy)
        return None

    def data_file(self, file: DataFile, *, manifest: str, copy: str = "") -> bytes | None:
        """The bytes of a data file, if they are what the manifest under a key says of them.

        Where they are not, the file's name tells which of the two was altered: it carries the digest. Under the key
        `copy` there may be the same bytes once more.
        """
        data = self.data(file.key, sign=f"and {self.where(manifest)} names it", remedy=lambda: self._remedy(file, copy))
        if data is None:
            return None
        sha256 = hashlib.sha256(data).hexdigest()
        if (sha256, len(data)) == (file.sha256, file.size_bytes):
            return data
        observed = f"{len(data):,} bytes and SHA-256 {sha256[:12]}…"
        required = f"{file.size_bytes:,} bytes and SHA-256 {file.sha256[:12]}…"
        if sha256[:16] in file.key:
            place = self.where(file.key)
            self.problem(manifest, f"names {required} for {place}, which has {observed}, and is what its name says")
        else:
            told = f"has {observed}; {self.where(manifest)} names {required}"
            self.problem(file.key, told, self._remedy(file, copy))
        return None

    def _remedy(self, file: DataFile, copy: str) -> str:
        with contextlib.suppress(PublishError):
            if copy and intact_data(self.store, replace(file, key=copy)) is not None:
                return f"Copy {self.where(copy)} to it, which has its very bytes."
        return BACKUP

    def renewable(self, key: str, required: bytes, how: str) -> None:
        """Keep, as a remark, where an object that any run makes anew is missing or not as required."""
        try:
            stored = read_if_there(self.store, key)
        except (PublishError, OSError) as error:
            self._unreadable(key, error)
            return
        if stored:
            self._files.add(key)
        if not stored or stored.data != required:
            self.remark(key, f"is {'not as this program makes it' if stored else 'missing'}; {how}")

    def landed_sha256(self, key: str) -> str | None:
        """SHA-256 of a delivered file; None where it cannot be read, or is not in the landing any more: a remark."""
        if not self._is_object(key):
            return None
        try:
            with self.store.open(key) as stream:
                sha256 = sha256_of(stream)
        except NotFound:
            if not self._is_expired(key):
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

    def _is_object(self, key: str, sign: str = "") -> bool:
        if not is_key(key):
            self.problem(key, f"can be the name of no object{sign and ', '}{sign}")
        return is_key(key)

    def _is_expired(self, key: str) -> bool:
        told = self.expired.get(key)
        if told:
            self.remark(key, f"expired on {told['at']}: {told['rule']}")
        return told is not None

    def _unreadable(self, key: str, error: PublishError | OSError) -> None:
        """Keep that an object cannot be read. Raises where the store no longer answers at all."""
        self._require_answer(key)
        cause = f"{error.strerror}. {BACKUP}" if isinstance(error, OSError) else str(error)
        self.problem(key, "cannot be read", cause)

    def _require_answer(self, key: str) -> None:
        list(self.store.list(key))
