"""Comparison of two registered versions, and its verdict by the gate. Nothing is moved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from configs.policy import load_policy
from configs.settings import Settings
from tasks.core.model.bundle import ModelPin
from tasks.core.model_life.comparison import Comparison, compare_sides
from tasks.core.model_life.gate import GateCheck, GateLimits, failed_checks, judge_challenger
from tasks.core.words import in_json
from tasks.errors import ModelError
from tasks.model.load import registry_of
from tasks.model_life.held_out import (
    PairedRows,
    held_out_table,
    kept_pairs,
    paired_of_table,
    source_of_files,
)

@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Verdict of the gate on a challenger."""

    challenger: ModelPin
    champion: ModelPin
    policy_version: str
    policy_digest: str
    source: str
    """Applications in words; or the sentence that says why nothing was compared."""
    left_out: Mapping[str, int]
    comparison: Comparison | None
    """None if nothing could be compared."""
    checks: tuple[GateCheck, ...]
    """Checks of the gate; empty without outcomes."""

    @property
    def is_passed(self) -> bool:
        """True if there are checks, and all of them are met."""
        return bool(self.checks) and not self.failed

    @property
    def failed(self) -> list[GateCheck]:
        """Checks that are not met."""
        return failed_checks(self.checks)

    def to_json(self) -> bytes:
        """Verdict for programs. The same comparison gives the same bytes."""
        content = asdict(self)
        # A named tuple would become a nameless list.
        content["checks"] = [each._asdict() for each in self.checks]
        if self.comparison:
            content["comparison"] |= {
                "swaps": [each._asdict() for each in self.comparison.swaps],
                "kind_costs": [each._asdict() for each in self.comparison.kind_costs],
                "ratios": [each._asdict() for each in self.comparison.ratios],
                "reasons": self.comparison.reasons._asdict(),
            }
        return json.dumps(in_json({**content, "is_passed": self.is_passed}), indent=1).encode()

    @property
    def sha256(self) -> str:
        """Digest of the verdict."""
        return hashlib.sha256(self.to_json()).hexdigest()


@dataclass(frozen=True, slots=True)
class GivenRows:
    """Applications with outcomes that somebody gave."""

    rows: pa.Table
    """Typed rows, each id once."""
    defaulted: np.ndarray


def version_named(name: str, settings: Settings) -> ModelPin:
    """Version under a number or an alias.

    Raises:
        ModelError: there is none.
    """
    registry = registry_of(settings)
    if name.isdigit():
        return registry.candidate(name)
    found = registry.named_by(name)
    if found is None:
        raise ModelError(
            f"No version of {registry.model_name} has the alias {name} in registry {registry.address}. "
            "Train one with `scoring train`, or name a version: --version N."
        )
    return found


def judge_versions(
    challenger: ModelPin, champion: ModelPin, settings: Settings, given: GivenRows | None = None
) -> GateVerdict:
    """Verdict on a challenger, on given applications or on those that the store kept.

    If nothing can be compared, the verdict says why, and is not passed.
    """
    try:
        pairs = _given_pairs(given, challenger, champion, settings) if given else None
        pairs = pairs or kept_pairs(challenger, champion, settings)
    except ModelError as error:
        required = "both versions judged on applications that neither learned from"
        check = GateCheck("comparison", "nothing was compared", required, is_met=False)
        return _verdict(challenger, champion, settings, str(error), {}, None, (check,))
    return judge_pairs(pairs, challenger, champion, settings)


def judge_pairs(pairs: PairedRows, challenger: ModelPin, champion: ModelPin, settings: Settings) -> GateVerdict:
    """Verdict on paired applications. Without outcomes it has no checks."""
    comparison = compare_sides(
        pairs.challenger,
        pairs.champion,
        defaulted=pairs.defaulted,
        groupings=pairs.groupings,
        protected=pairs.protected,
        costs=load_policy(settings.scoring.policy).costs.model_dump(),
        seed=settings.training.seed,
    )
    limits = GateLimits(**settings.promotion.model_dump())
    checks = () if pairs.defaulted is None else judge_challenger(comparison, limits)
    return _verdict(challenger, champion, settings, pairs.source, pairs.left_out, comparison, checks)


def _given_pairs(given: GivenRows, challenger: ModelPin, champion: ModelPin, settings: Settings) -> PairedRows:
    table = held_out_table(given.rows, given.defaulted, challenger, champion, settings)
    source = source_of_files(given.rows.num_rows)
    return paired_of_table(table, challenger, champion, settings, source=source, left_out={})


def _verdict(
    challenger: ModelPin,
    champion: ModelPin,
    settings: Settings,
    source: str,
    left_out: Mapping[str, int],
    comparison: Comparison | None,
    checks: tuple[GateCheck, ...],
) -> GateVerdict:
    policy = load_policy(settings.scoring.policy)
    return GateVerdict(challenger, champion, policy.version, policy.digest, source, left_out, comparison, checks)
