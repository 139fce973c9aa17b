"""Rules for keys. Every kind of store has the same, so that a folder can move to S3 and back."""

from __future__ import annotations

from pathlib import PurePosixPath


def is_key(key: str) -> bool:
    r"""True if this is a plain relative path in its one shortest form.

    >>> [is_key(key) for key in ("landing/day=2026-11-02/a.csv", "a//b", "a/../b", "/a", "a/", "")]
    [True, False, False, False, False, False]
    """
    parts = PurePosixPath(key).parts
    has_foreign_part = {"/", ".."} & set(parts)
    has_foreign_sign = {"\\", "\0"} & set(key)
    is_shortest = bool(parts) and "/".join(parts) == key
    return is_shortest and not has_foreign_part and not has_foreign_sign


def require_key(key: str) -> str:
    """Return the key itself. Raises `ValueError` if it is not a key."""
    if not is_key(key):
        rule = "a relative path without backslashes, '..', '.' or empty parts"
        raise ValueError(f"{key!r} is not a key: it must be {rule}")
    return key
