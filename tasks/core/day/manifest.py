"""The manifest of a revision: its creation publishes a day; it says what was published, from what, with what."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from tasks.core.day.records import Audited, DataFile, Delivery, FileTotals, Pins, sum_totals
from tasks.core.decision.policy import Band, Policy
from tasks.core.decision.published_rows import SCHEMA_VERSION
from tasks.core.decision.reasons import Reason
from tasks.core.model.bundle import ModelPin
from tasks.core.model.features import FEATURE_VERSION

MANIFEST_VERSION: Final = "3"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The commit of a revision: what was published, from what, with what."""

    as_of: date
    revision: int
    fingerprint: str
    inputs: Mapping[str, str]
    model: ModelPin
    policy: Mapping[str, Any]
    contract: Mapping[str, str]
    audited: Audited
    run: Mapping[str, str]
    """Facts of the run that made it (when, by which versions); never part of a row."""
    reason: str | None = None
    """Why it replaced the revision before."""
    erasures: tuple[Mapping[str, str], ...] = ()
    """When (`at`) and why (`reason`) applicants were erased from it; the fingerprint stays as it was before."""
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    """Family of features to the code that its rows state and to what that says; nothing where none was stated."""
    feature_version: str = FEATURE_VERSION
    schema_version: str = SCHEMA_VERSION
    manifest_version: str = MANIFEST_VERSION

    @property
    def totals(self) -> FileTotals:
        """The day's rows over all files."""
        return sum_totals(self.audited.files.values())


def policy_record(policy: Policy, digest: str) -> dict[str, Any]:
    """A policy as the manifest tells it, whole; the open last band has no upper edge.

    >>> policy_record(Policy("1", 0.1, 0.1, (Band("A", 0.1), Band("B", math.inf))), "d")["bands"]
    {'A': 0.1, 'B': None}
    """
    bands = {band.name: band.upper if math.isfinite(band.upper) else None for band in policy.bands}
    return asdict(policy) | {"digest": digest, "bands": bands}


def policy_of(manifest: Manifest) -> Policy:
    """The policy that decided a revision."""
    told = manifest.policy
    bands = tuple(Band(name, math.inf if upper is None else upper) for name, upper in told["bands"].items())
    return Policy(told["version"], told["cutoff"], told["refer_from"], bands)


def pins_of(manifest: Manifest) -> Pins:
    """What a revision was decided with.

    Raises:
        KeyError, TypeError: its policy or its contract is not told as it must be.
    """
    policy, contract = policy_of(manifest), (manifest.contract["version"], manifest.contract["digest"])
    return Pins(
        manifest.as_of, manifest.model, policy, manifest.policy["digest"], *contract, manifest.reasons,
        manifest.fingerprint,
    )  # fmt: skip


class DayResult(NamedTuple):
    """How a scoring run ended."""

    outcome: Literal["published", "unchanged", "no applications"]
    """`unchanged`: the day had been published from these very files, and stays as it is. `no applications`: none came,
    on a day of the calendar on which none need come."""
    delivery: Delivery
    manifest: Manifest | None
    """What is published of the day; None where nothing is."""


def manifest_json(manifest: Manifest) -> bytes:
    """The manifest as stored."""
    content = asdict(manifest) | {"as_of": manifest.as_of.isoformat(), "totals": asdict(manifest.totals)}
    return json.dumps(content | {"seal": _seal(content)}, indent=1).encode()


def read_manifest(data: bytes) -> Manifest:
    """The manifest in stored bytes. Raises `ValueError` or `KeyError` where it is none."""
    content = json.loads(data)
    if not isinstance(content, dict):
        raise ValueError("a manifest is a JSON object")  # noqa: TRY004
    if content.pop("seal") != _seal(content):
        raise ValueError("a manifest is sealed by a digest of all that it says")
    audited = content.pop("audited")
    content.pop("totals")
    quarantine, changes = audited.pop("quarantine"), audited.pop("changes")
    return Manifest(
        **content
        | {
            "as_of": date.fromisoformat(content["as_of"]),
            "erasures": tuple(content.get("erasures", ())),
            "model": ModelPin(**content["model"]),
            "reasons": {family: Reason(**told) for family, told in content.get("reasons", {}).items()},
            "audited": Audited(
                **audited
                | {
                    "decisions": DataFile(**audited["decisions"]),
                    "quarantine": DataFile(**quarantine) if quarantine else None,
                    "changes": DataFile(**changes) if changes else None,
                    "contract_report": DataFile(**audited["contract_report"]),
                    "files": {name: FileTotals(**one) for name, one in audited["files"].items()},
                }
            ),
        }
    )


def _seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def unexpired_inputs(published: Manifest, delivery: Delivery) -> dict[str, str]:
    """The files that the day was published from, without those that were removed by rule since."""
    return {name: sha256 for name, sha256 in published.inputs.items() if name not in delivery.expired}
