"""Versions of the reviewed files: one version stands for one content.

A published row names the version alone. So the first day that is published under a version, or its
activation, notes its content, and other content under the same version is refused from then on.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Final, Literal

from tasks.core.day.records import Pins
from tasks.errors import ConfigError, ManifestDamaged
from tasks.publication.layout import Room, version_key
from tasks.publication.stored_day import stored_days
from tasks.store import AlreadyExists, Store
from tasks.store.renewing import read_if_there

ReviewedFile = Literal["policy", "contract"]
_FIELD: Final[Mapping[ReviewedFile, str]] = {"policy": "version", "contract": "meta.version"}

_ROOMS: Final[tuple[Room, ...]] = ("revisions",)


def require_own_versions(store: Store, pins: Pins, places: Mapping[ReviewedFile, str]) -> None:
    """Refuse a policy or contract whose version was published with other content.

    Args:
        store: where the days lie.
        pins: the policy and contract.
        places: file of each, for the message.

    Raises:
        ConfigError: names the file, its version, and the day that was published with the other.
    """
    for what, (version, digest) in _versions_of(pins).items():
        _require_own(store, what, version, digest, place=f" in {places[what]}")


def claim_versions(store: Store, pins: Pins) -> None:
    """Note the content of both versions, right before a day is published under them.

    Of two contents that claim one version exactly one succeeds.

    Raises:
        ConfigError: the version was published with other content meanwhile.
    """
    for what, (version, digest) in _versions_of(pins).items():
        claim_version(store, what, version, digest, on=pins.as_of)


def claim_version(
    store: Store,
    what: ReviewedFile,
    version: str,
    digest: str,
    *,
    on: date,
    place: str = "",
) -> None:
    """Note the content of one version.

    Args:
        store: where the days lie.
        what: the reviewed file.
        version: its version.
        digest: SHA-256 of its content.
        on: day that is published under it, or on which it is activated.
        place: its path in the words of a message, such as " in configs/policy.yaml".

    Raises:
        ConfigError: the version stands for other content.
    """
    _require_own(store, what, version, digest, place=place)
    if not _noted(store, what, version):
        note = {"digest": digest, "day": on.isoformat()}
        with contextlib.suppress(AlreadyExists):
            store.create(version_key(what, version), json.dumps(note).encode())
    _require_own(store, what, version, digest, place=place)


def _versions_of(pins: Pins) -> dict[ReviewedFile, tuple[str, str]]:
    """Version and digest of each reviewed file that a row names by its version."""
    return {
        "policy": (pins.policy.version, pins.policy_digest),
        "contract": (pins.contract_version, pins.contract_digest),
    }


def _require_own(
    store: Store,
    what: ReviewedFile,
    version: str,
    digest: str,
    *,
    place: str = "",
) -> None:
    known = _known(store, what, version, digest)
    if not known or digest in known:
        return
    days = " and ".join(str(day) for day in known.values())
    raise ConfigError(
        f"The {what}{place} has version {version}, but its content is not that with which version "
        f"{version} came into use ({days}): whoever reads a row by its {what}_version would take "
        f"one for the other. Nothing was published. Give `{_FIELD[what]}` a new value, or restore "
        "the content."
    )


def _known(store: Store, what: ReviewedFile, version: str, digest: str) -> dict[str, date]:
    """Digests that a version stands for, each to a day; the manifests count more than the note."""
    noted = _noted(store, what, version)
    if digest in noted:
        return noted
    return _published(store, what, version) or noted


def _noted(store: Store, what: ReviewedFile, version: str) -> dict[str, date]:
    """Digest that is noted for a version to the day that noted it; empty if none is."""
    note = read_if_there(store, version_key(what, version))
    with contextlib.suppress(ValueError, KeyError, TypeError):
        content = json.loads(note.data) if note else {}
        return {str(content["digest"]): date.fromisoformat(content["day"])}
    return {}


def _published(store: Store, what: ReviewedFile, version: str) -> dict[str, date]:
    """Digests that days were published with under a version, each to the last such day.

    Days of an earlier program noted nothing, so their manifests are read.
    """
    found: dict[str, date] = {}
    for day in stored_days(store, _ROOMS).values():
        with contextlib.suppress(ManifestDamaged):
            newest = day.newest
            record = getattr(newest, what) if newest else {}
            if record.get("version") == version:
                found[str(record.get("digest"))] = day.as_of
    return found
