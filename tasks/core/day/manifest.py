"""The manifest of a revision: its creation publishes a day; it says what was published, from what, with what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Final

from tasks.core.day.records import Audited, FileTotals, Pins, sum_totals
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
