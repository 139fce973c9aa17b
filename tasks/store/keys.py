"""What may be a key: the same in every kind of store, so that a folder can move to S3 and back."""

from __future__ import annotations

from pathlib import PurePosixPath


def is_key(key: str) -> bool:
    r"""Whether this is a plain relative path, written in the one shortest way.

    >>> [is_key(key) for key in ("landing/day=2026-11-02/a.csv", "a//b", "a/../b", "/a", "a/", "")]
    [True, False, False, False, False, False]
    """
    parts = PurePosixPath(key).parts
    return bool(parts) and "/".join(parts) == key and not {"/", ".."} & set(parts) and not {"\\", "\0"} & set(key)


def require_key(key: str) -> str:
    """The key itself. Raises `ValueError` where it is none."""
    if not is_key(key):
        raise ValueError(f"{key!r} is no key: it must be a relative path without backslashes, '..', '.' or empty parts")
    return key
