"""The manifest of a revision: its creation publishes a day.

It records the published files, the inputs, and the model, policy and contract that made them.
"""

from __future__ import annotations

import hashlib
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
from tasks.core.words import normal_name

MANIFEST_VERSION: Final = "3"
SEALED_COPY: Final = "sealed_copy"
"""Fact of a run that says why the model came from its sealed copy; there is none if it did not."""
SECONDS_OF: Final = "seconds of "
"""Beginning of the facts of a run that tell how long each step worked; the step's name follows."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The commit of a revision: its published files, its inputs, and all that decided its rows."""

    as_of: date
    revision: int
    fingerprint: str
    inputs: Mapping[str, str]
    model: ModelPin
    policy: Mapping[str, Any]
    contract: Mapping[str, str]
    audited: Audited
    run: Mapping[str, str]
    """Facts of the run that made it, such as its time and versions; never part of a row."""
    reason: str | None = None
    """Reason why it replaced the revision before, if it did."""
    erasures: tuple[Mapping[str, str], ...] = ()
    """Time (`at`) and reason (`reason`) of each erasure from it; an erasure keeps the
    fingerprint."""
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    """Family of features to the code that its rows state and its sentence; empty if none was
    stated."""
    column_aliases: Mapping[str, str] = field(default_factory=dict)
    """Name of a column as the feed wrote it, to its declared name. Earlier programs recorded none."""
    is_withdrawn: bool = False
    """True if it takes the day back: it has no inputs, decides nothing, and its changes name every
    application that the revision before decided. Model, policy and contract are those of that one."""
    feature_version: str = FEATURE_VERSION
    schema_version: str = SCHEMA_VERSION
    manifest_version: str = MANIFEST_VERSION

    @property
    def totals(self) -> FileTotals:
        """The day's rows over all files."""
        return sum_totals(self.audited.files.values())

    @property
    def inputs_by_name(self) -> dict[str, str]:
        """File (`normal_name`) to its SHA-256; an earlier program named files as delivered."""
        return {normal_name(name): sha256 for name, sha256 in self.inputs.items()}

    @property
    def step_seconds(self) -> dict[str, float]:
        """Step to the seconds that it worked in the run that published; a kept result took none."""
        facts = self.run.items()
        return {name.removeprefix(SECONDS_OF): float(value) for name, value in facts if name.startswith(SECONDS_OF)}

    @property
    def sealed_copy(self) -> str:
        """Sentence that says why the model came from its sealed copy; empty if the registry named it."""
        return self.run.get(SEALED_COPY, "")

    @property
    def publication(self) -> str:
        """Short digest that no other publication has, in this store or another; it outlasts an erasure."""
        told = f"{self.as_of} {self.revision} {self.fingerprint} {self.run.get('published_at')}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def withdrawal_fingerprint(withdrawn: Manifest) -> str:
    """SHA-256 that stands for the withdrawal of a revision; no fingerprint of scored files equals it."""
    told = f"withdrawn {withdrawn.as_of} {withdrawn.revision} {withdrawn.fingerprint}"
    return hashlib.sha256(told.encode()).hexdigest()


def policy_record(policy: Policy, digest: str) -> dict[str, Any]:
    """A policy as the manifest records it, whole; the open last band has no upper edge.

    >>> policy = Policy("1", 0.1, 0.1, (Band("A", 0.1), Band("B", math.inf)))
    >>> policy_record(policy, "d")["bands"]
    {'A': 0.1, 'B': None}
    """
    bands = {band.name: band.upper if math.isfinite(band.upper) else None for band in policy.bands}
    return asdict(policy) | {"digest": digest, "bands": bands}


def policy_of(manifest: Manifest) -> Policy:
    """Read the policy that decided a revision."""
    record = manifest.policy
    bands = tuple(Band(name, math.inf if upper is None else upper) for name, upper in record["bands"].items())
    return Policy(record["version"], record["cutoff"], record["refer_from"], bands)


def pins_of(manifest: Manifest) -> Pins:
    """Read the pins that decided a revision.

    Raises:
        KeyError, TypeError: its policy or its contract is not recorded as it must be.
    """
    return Pins(
        as_of=manifest.as_of,
        model=manifest.model,
        policy=policy_of(manifest),
        policy_digest=manifest.policy["digest"],
        contract_version=manifest.contract["version"],
        contract_digest=manifest.contract["digest"],
        reasons=manifest.reasons,
        fingerprint=manifest.fingerprint,
        column_aliases=manifest.column_aliases,
    )
