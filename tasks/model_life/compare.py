"""Comparison of two registered versions, and its verdict by the gate. Nothing is moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from configs.settings import Settings
from tasks.core.model.bundle import ModelPin
from tasks.core.model_life.comparison import Comparison, compare_sides
from tasks.core.model_life.gate import GateCheck, GateLimits, judge_challenger
from tasks.core.model_life.verdict import GateVerdict
from tasks.errors import ModelError, RegistryUnreachable
from tasks.model.load import registry_of
from tasks.model.policy_in_force import policy_in_force
from tasks.model_life.held_out import PairedRows, held_out_table, kept_pairs, paired_of_table


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
    except RegistryUnreachable:
        raise  # nothing is known of the versions; the last verdict stays
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
        costs=policy_in_force(settings).policy.costs.model_dump(),
        seed=settings.training.seed,
    )
    limits = GateLimits(**settings.promotion.model_dump())
    checks = () if pairs.defaulted is None else judge_challenger(comparison, limits)
    return _verdict(challenger, champion, settings, pairs.source, pairs.left_out, comparison, checks)


def _given_pairs(given: GivenRows, challenger: ModelPin, champion: ModelPin, settings: Settings) -> PairedRows:
    table = held_out_table(given.rows, given.defaulted, challenger, champion, settings)
    return paired_of_table(table, challenger, champion, settings, source="the given files", left_out={})


def _verdict(
    challenger: ModelPin,
    champion: ModelPin,
    settings: Settings,
    source: str,
    left_out: Mapping[str, int],
    comparison: Comparison | None,
    checks: tuple[GateCheck, ...],
) -> GateVerdict:
    policy = policy_in_force(settings).policy
    return GateVerdict(challenger, champion, policy.version, policy.digest, source, left_out, comparison, checks)
