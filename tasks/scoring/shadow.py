"""Second model of a day: scored in the same pass, compared after the publication, never published.

Nothing of it can stop the day. Whatever fails is a warning, and the day goes on without it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pyarrow as pa

from configs.settings import Scoring, Settings, validated
from tasks.adapters.files.parquet import read_parquet
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import PartRef, Pins, ShadowPin
from tasks.core.decision.shadow import ShadowComparison, compare_shadow_decisions
from tasks.core.model.bundle import ModelPin
from tasks.core.words import in_json
from tasks.errors import ScoringError
from tasks.model.load import load_bundle, load_engine, policy_for, registry_of
from tasks.model.policy_in_force import policy_of_day
from tasks.publication.data_files import read_data
from tasks.publication.layout import shadow_key
from tasks.publication.policies import kept_policy
from tasks.running.context import run_logger
from tasks.running.events import never_in_the_way
from tasks.running.step import step
from tasks.scoring.shadow_scorer import SHADOW_SCHEMA
from tasks.store import open_store
from tasks.store.renewing import overwrite

_VERSION: Final = "version:"


def with_shadow(settings: Settings, shadow: str | None) -> Settings:
    """Settings with the second model that a run was given; None leaves that of the settings.

    Raises:
        ConfigError: it is neither an alias nor `version:N`.
    """
    if shadow is None:
        return settings
    scoring = validated(Scoring, settings.scoring.model_dump() | {"shadow": shadow}, Path("--shadow"))
    return settings.model_copy(update={"scoring": scoring})


def find_shadow(pins: Pins, settings: Settings) -> ShadowPin | None:
    """Second model of the day, with the policy of the day filled in for it; None if there is none.

    Logs a warning if it cannot be had, or the policy forbids it.
    """
    asked = settings.scoring.shadow
    if not asked:
        return None
    if pins.sealed_copy:
        run_logger().warning("No second model scores: the registry did not answer, so %s is not known", asked)
        return None
    try:
        model = _named_model(asked, settings)
        if model == pins.model:
            run_logger().warning("No second model scores: %s is the version that decides, %s", asked, model.version)
            return None
        policy = kept_policy(open_store(settings.storage), pins.policy.version, pins.policy_digest)
        if policy is None:
            run_logger().warning("No second model scores: the store does not hold policy %s", pins.policy.version)
            return None
        shadow = ShadowPin(model, policy_for(model, load_bundle(model, settings), policy))
        load_engine(model, settings)
    except ScoringError as error:
        run_logger().warning("No second model scores; the day goes on without it. %s", error)
        return None
    run_logger().info("Second model, never published: %s version %s", model.name, model.version)
    return shadow


def _named_model(asked: str, settings: Settings) -> ModelPin:
    registry = registry_of(settings)
    if asked.startswith(_VERSION):
        return registry.candidate(asked.removeprefix(_VERSION))
    return registry.aliased(asked)


@step("compare shadow")
def compare_shadow(manifest: Manifest, shadow: ShadowPin, parts: Sequence[PartRef], settings: Settings) -> str:
    """Compare the published decisions with those of the second model, and write the report.

    Returns the result in a sentence. No error of it can fail a publication that has happened.
    """
    with never_in_the_way("comparison with the second model", done="made"):
        return _compare(manifest, shadow, parts, settings)
    return "The second model could not be compared; the log says why."


def _compare(manifest: Manifest, shadow: ShadowPin, parts: Sequence[PartRef], settings: Settings) -> str:
    if any(part.shadow is None for part in parts):
        return "The second model has not scored the whole day; the log says why."
    store = open_store(settings.storage)
    tables = [read_parquet(read_data(store, part.shadow)) for part in parts if part.shadow]
    compared = compare_shadow_decisions(
        read_parquet(read_data(store, manifest.audited.decisions)),
        pa.concat_tables([SHADOW_SCHEMA.empty_table(), *tables]),
        policy=shadow.policy,
        costs=policy_of_day(manifest, settings).costs.model_dump(),
    )
    report = json.dumps(in_json(_report(manifest, shadow, compared)), indent=1).encode()
    overwrite(store, shadow_key(manifest.as_of), report)
    run_logger().info("Second model, version %s: %s", shadow.model.version, compared.sentence)
    return f"Version {shadow.model.version} beside it: {compared.sentence}"


def _report(manifest: Manifest, shadow: ShadowPin, compared: ShadowComparison) -> dict[str, object]:
    """Report as JSON: what was compared, and how it came out."""
    return {
        "day": manifest.as_of.isoformat(),
        "revision": manifest.revision,
        "publication": manifest.publication,
        "published": {**asdict(manifest.model), "cutoff": manifest.policy["cutoff"]},
        "shadow": {**asdict(shadow.model), "cutoff": shadow.policy.cutoff},
        "policy_version": manifest.policy["version"],
        **asdict(compared),
    }
