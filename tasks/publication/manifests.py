"""Manifests of a day: the commit of each revision, as stored.

Revisions are found by asking for rev=0001, rev=0002 … until one is missing, never by a listing.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from tasks.core.day.manifest import MANIFEST_VERSION, Manifest, policy_of
from tasks.errors import ManifestDamaged, PublishError
from tasks.publication.layout import manifest_key
from tasks.store import AlreadyExists, Store
from tasks.store.keys import is_key
from tasks.store.renewing import read_if_there


def manifest_json(manifest: Manifest) -> bytes:
    """Manifest as stored: with the day's totals, and a seal over its whole content.

    Aliases of columns are left out if there are none, and the mark of a withdrawal where it is none.
    """
    content = asdict(manifest)
    for name in ("column_aliases", "is_withdrawn"):
        if not content[name]:
            del content[name]
    content |= {"as_of": manifest.as_of.isoformat(), "totals": asdict(manifest.totals)}
    return json.dumps(content | {"seal": _seal(content)}, indent=1).encode()


def read_manifest(data: bytes) -> Manifest:
    """Manifest in stored bytes, with every value of its declared type and the right totals.

    Raises:
        ValueError: the bytes are not a manifest, were altered, or come from a newer version of this
            program.
    """
    try:
        content = json.loads(data)
        _require_sealed(content)
        manifest = _manifest_type().validate_json(data, strict=True)
        policy_of(manifest)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a manifest: {type(error).__name__}") from None
    sound = {
        "its totals are the sum of its files": content["totals"] == asdict(manifest.totals),
        "it names a contract": {"version", "digest"} <= manifest.contract.keys(),
        "it names objects": all(is_key(file.key) for file in manifest.audited.data_files),
    }
    if wrong := [rule for rule, holds in sound.items() if not holds]:
        raise ValueError(f"not a manifest: expected that {', '.join(wrong)}")
    return manifest


def manifest_of(store: Store, as_of: date, revision: int) -> Manifest | None:
    """Manifest of one revision; None if there is none.

    Raises:
        ManifestDamaged: the object in its place is not a manifest.
    """
    key = manifest_key(as_of, revision)
    stored = read_if_there(store, key)
    try:
        return read_manifest(stored.data) if stored else None
    except ValueError:
        raise ManifestDamaged(
            f"{store.location(key)} is not a manifest; restore it before the day is touched."
        ) from None


def walk_manifests(store: Store, as_of: date) -> Iterator[Manifest]:
    """Manifests of a day from the first on, until a number is missing.

    Raises what `manifest_of` raises.
    """
    revision = 1
    while manifest := manifest_of(store, as_of, revision):
        yield manifest
        revision += 1


def newest_manifest(store: Store, as_of: date) -> Manifest | None:
    """Manifest of the day's newest revision; None if the day was never published.

    Raises what `manifest_of` raises.
    """
    newest = None
    for manifest in walk_manifests(store, as_of):
        newest = manifest
    return newest


def commit(store: Store, manifest: Manifest) -> Manifest:
    """Create the manifest, which publishes the revision. A later run gets the winner's manifest.

    Raises:
        PublishError: another run published this revision from other inputs or with another model,
            policy or contract.
    """
    key = manifest_key(manifest.as_of, manifest.revision)
    try:
        store.create(key, manifest_json(manifest))
    except AlreadyExists:
        winner = manifest_of(store, manifest.as_of, manifest.revision)
        if winner is None or winner.fingerprint != manifest.fingerprint:
            raise PublishError(
                f"Another run published revision {manifest.revision} of {manifest.as_of} "
                "meanwhile, with other inputs, model, policy or contract. Nothing of this run was "
                "published; run the command again to compare."
            ) from None
        return winner
    return manifest


def _require_sealed(content: Any) -> None:
    """Require a seal over the whole content, written by a version that this program knows.

    Raises:
        ValueError: the seal is wrong, or the version is newer.
    """
    if not isinstance(content, dict):
        raise ValueError("a manifest must be a JSON object")  # noqa: TRY004
    unsealed = {name: value for name, value in content.items() if name != "seal"}
    if content["seal"] != _seal(unsealed):
        raise ValueError("a manifest must be sealed by a digest of all that it says")
    if int(content["manifest_version"]) > int(MANIFEST_VERSION):
        raise ValueError("a newer version of this program wrote the manifest")


def _seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@functools.cache
def _manifest_type() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)
