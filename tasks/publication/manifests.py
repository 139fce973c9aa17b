"""Revisions of a day in the store: where they lie, which is the newest, and what readers see of them.

The manifest is the commit. Revisions are found by asking for rev=0001, rev=0002 … until one is missing, never by a
listing.
"""

from __future__ import annotations

import functools
import json
from dataclasses import asdict
from datetime import date
from typing import Final

from pydantic import TypeAdapter

from tasks.core.day.manifest import Manifest, manifest_json, policy_of, read_manifest
from tasks.errors import PublishError, SourceError
from tasks.publication.erasure_token import require_no_erasure
from tasks.publication.layout import day_prefix, last_revision, manifest_key
from tasks.store import AlreadyExists, Store
from tasks.store.keys import is_key
from tasks.store.renewing import read_if_there


def newest_manifest(store: Store, as_of: date) -> Manifest | None:
    """The manifest of the day's newest revision, or None if the day was never published."""
    newest, revision = None, 1
    while True:
        found = manifest_of(store, as_of, revision)
        if found is None:
            return newest
        newest, revision = found, revision + 1


def manifest_of(store: Store, as_of: date, revision: int) -> Manifest | None:
    """The manifest of one revision, or None. Raises `PublishError` where what lies there is none."""
    key = manifest_key(as_of, revision)
    stored = read_if_there(store, key)
    try:
        return read_manifest(stored.data) if stored else None
    except (ValueError, KeyError, TypeError):
        raise PublishError(f"{store.location(key)} is no manifest; restore it before the day is touched.") from None


def require_unbroken(store: Store, as_of: date) -> None:
    """Stop where a manifest was lost before others: a new one in its place would bring those after it back.

    Raises:
        PublishError: names the revision that is missing.
    """
    left = last_revision(entry.key for entry in store.list(day_prefix("revisions", as_of)))
    newest = newest_manifest(store, as_of)  # looked for after the listing, so that a commit meanwhile is no gap
    found = newest.revision if newest else 0
    if left > found:
        raise PublishError(
            f"{store.location(manifest_key(as_of, found + 1))} is missing, though the day has a revision {left}. "
            f"Nothing was changed. Restore {day_prefix('revisions', as_of)} from a backup; `scoring status --verify` "
            "lists all that is missing."
        )


def commit(store: Store, manifest: Manifest) -> Manifest:
    """Create the manifest, which publishes the revision. Whoever comes second gets the winner's manifest.

    Raises:
        PublishError: another run published this revision from other inputs or with another model, policy or contract.
    """
    key = manifest_key(manifest.as_of, manifest.revision)
    try:
        store.create(key, manifest_json(manifest))
    except AlreadyExists:
        winner = manifest_of(store, manifest.as_of, manifest.revision)
        if winner is None or winner.fingerprint != manifest.fingerprint:
            raise PublishError(
                f"Another run published revision {manifest.revision} of {manifest.as_of} meanwhile, with other inputs, "
                "model, policy or contract. Nothing of this run was published; run the command again to compare."
            ) from None
        return winner
    return manifest


UNSOUND: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a manifest raises where it is none, or was altered."""


def sound_manifest(data: bytes) -> Manifest:
    """The manifest in stored bytes, every value of its declared type and its totals right. Raises one of `UNSOUND`."""
    manifest = read_manifest(data)
    _manifest_type().validate_json(data, strict=True)
    policy_of(manifest)
    sound = {
        "its totals are the sum of its files": json.loads(data)["totals"] == asdict(manifest.totals),
        "it names a contract": {"version", "digest"} <= manifest.contract.keys(),
        "it names objects": all(is_key(file.key) for file in manifest.audited.data_files),
    }
    if wrong := [rule for rule, holds in sound.items() if not holds]:
        raise ValueError(f"not so: {', '.join(wrong)}")
    return manifest


@functools.cache
def _manifest_type() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def published_revision(store: Store, as_of: date, *, hence: str) -> Manifest:
    """The day's newest revision, from which rows may be shown; `hence` says what follows where there is none.

    Raises:
        SourceError: the day has not been published.
        PublishError: the day is damaged, or an applicant is being erased from it.
    """
    require_no_erasure(store, as_of)
    require_unbroken(store, as_of)
    published = newest_manifest(store, as_of)
    if published is None:
        raise SourceError(f"{as_of} has not been published, so {hence}. Score it first: scoring score --as-of {as_of}")
    return published
