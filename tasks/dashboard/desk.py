"""The desk at which one applicant is looked up: who may, and what is noted of it.

Whoever looks applicants up for the desk is given to it, because this wing reads no applicant's row.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, NamedTuple

from configs.settings import Dashboard

_LOG: Final = logging.getLogger("scoring.dashboard")
_MARK_DIGITS: Final = 32
"""Hexadecimal digits of a mark: 128 bits, so that no two applicants of a lender share one."""


class Question(NamedTuple):
    """Question about one applicant."""

    applicant: int
    as_of: date | None
    """Day; None for the newest that has the application."""
    revision: int | None
    """Revision of the day; None for the newest."""
    changes: Mapping[str, str]
    """Field to the amount that is tried in its place."""


class Desk(NamedTuple):
    """Answers about applicants."""

    changeable: Callable[[], Mapping[str, str]]
    """Field that may be changed in a what-if, to the words for it. Raises `ScoringError`."""
    page_of: Callable[[Question], str]
    """Page of an application, as HTML. Raises `ScoringError`, whose message repeats no id."""


def is_admitted(token: str, secrets: Dashboard) -> bool:
    """True if the token is the one of the settings. It takes the same time for any token.

    Digests are compared, so that not even the length of the token shows.
    """
    if secrets.token is None:
        return False
    given, expected = (hashlib.sha256(each.encode()).digest() for each in (token, secrets.token.get_secret_value()))
    return hmac.compare_digest(given, expected)


def lookup_mark(applicant: int, secrets: Dashboard) -> str:
    """Mark of an applicant in the log: a keyed hash (HMAC with SHA-256, RFC 2104) of the id.

    Raises:
        ValueError: the settings hold no key.
    """
    if secrets.lookup_key is None:
        raise ValueError("dashboard.lookup_key is not set")
    key = secrets.lookup_key.get_secret_value().encode()
    return hmac.new(key, str(applicant).encode(), hashlib.sha256).hexdigest()[:_MARK_DIGITS]


def note_lookup(applicant: int, secrets: Dashboard) -> None:
    """Log that an applicant was looked up, by the mark alone."""
    _LOG.info("An applicant was looked up: %s", lookup_mark(applicant, secrets))


def note_refusal() -> None:
    """Log that somebody asked without the token."""
    _LOG.warning("A look-up was refused: the token was wrong or missing")
