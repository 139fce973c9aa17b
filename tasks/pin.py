"""What a day is scored with, resolved once; and the loading of exactly that, wherever a step runs."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from prefect.runtime import flow_run

from configs.policy import PolicyFile, load_policy
from configs.settings import Settings, project_path
from tasks.checkpoints import digest_of
from tasks.core.bundle import Bundle, RawScorer, require_golden
from tasks.core.contract import suite_identity
from tasks.core.day import PUBLISH, Delivery, ModelPin, Order, Pins, fingerprint
from tasks.core.decisions import SCHEMA_VERSION
from tasks.core.features import FEATURE_VERSION
from tasks.core.manifest import Manifest, policy_of
from tasks.core.policy import Policy, resolve_policy
from tasks.errors import ConfigError, ModelError, PublishError
from tasks.orchestration import run_logger, step
from tasks.revisions import suite_key
from tasks.store import AlreadyExists, Changed, NotFound, Store, open_store

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract
    from tasks.adapters.mlflow import ModelRegistry


def _pins_of_this_run(delivery: Delivery, _settings: Settings, *, order: Order = PUBLISH, **_: Any) -> str | None:
    """A run that is tried again on the same files keeps its pins; another run resolves them anew."""
    if order.kind == "corrections" or not flow_run.id:
        return None
    versions = (FEATURE_VERSION, SCHEMA_VERSION)
    return f"work/day={delivery.as_of}/pins-{flow_run.id}-{digest_of(delivery.digests, versions)}.json"


@step("pin", reuse=_pins_of_this_run)
def pin(delivery: Delivery, settings: Settings, *, order: Order = PUBLISH, published: Manifest | None = None) -> Pins:
    """The champion's version and digest, the policy with its cut-off, the contract, and the fingerprint of it all.

    Args:
        delivery: what is to be decided.
        settings: where registry, policy and contract are.
        order: corrections keep what the published revision was decided with.
        published: the newest revision, which another would follow.
    """
    kept = published if order.kind == "corrections" else None
    pins = _pins_of(kept, delivery) if kept else _resolve(delivery, settings)
    pins = replace(pins, base=published.revision if published else 0)
    run_logger().info(
        "Scoring with %s version %s, policy %s (cut-off %.4f), contract %s",
        pins.model.name, pins.model.version, pins.policy.version, pins.policy.cutoff, pins.contract_version,
    )  # fmt: skip
    return pins


def _resolve(delivery: Delivery, settings: Settings) -> Pins:
    model = registry_of(settings).champion()
    policy_file = load_policy(settings.scoring.policy)
    suite = suite_text(settings.contract.suite)
    contract = suite_identity(suite)
    _keep_suite(open_store(settings.storage), suite, contract[1])
    policy = fill_in(policy_file, load_bundle(model, settings).cutoff)
    return _fixed(delivery, model, policy, policy_file.digest, contract)


def _pins_of(published: Manifest, delivery: Delivery) -> Pins:
    """What a published revision was decided with, for another delivery of its day."""
    if published.feature_version != FEATURE_VERSION:
        raise ModelError(
            f"Revision {published.revision} of {published.as_of} was decided on features of version "
            f"{published.feature_version}; this program builds version {FEATURE_VERSION}, so its corrections cannot be "
            f"decided like the rest. Decide the whole day again: scoring score --as-of {published.as_of} --force "
            '--reason "...".'
        )
    contract = (published.contract["version"], published.contract["digest"])
    return _fixed(delivery, published.model, policy_of(published), published.policy["digest"], contract)


def _fixed(delivery: Delivery, model: ModelPin, policy: Policy, policy_digest: str, contract: tuple[str, str]) -> Pins:
    version, digest = contract
    made_of = fingerprint(delivery, model=model, policy=policy_digest, contract=digest)
    return Pins(delivery.as_of, model, policy, policy_digest, version, digest, made_of)


def fill_in(policy: PolicyFile, proposed_cutoff: float) -> Policy:
    """The policy with its numbers: its own cut-off, or the one that the model's training proposed."""
    cutoff = proposed_cutoff if policy.cutoff == "bundle" else policy.cutoff
    bands = [(band.name, band.up_to) for band in policy.bands]
    try:
        return resolve_policy(policy.version, cutoff, refer_from=policy.refer_from, bands=bands)
    except ValueError as error:
        raise ConfigError(f"The policy cannot be used: {error}.") from None


def registry_of(settings: Settings) -> ModelRegistry:
    """The model registry of the settings."""
    from tasks.adapters.mlflow import ModelRegistry

    return ModelRegistry(**settings.registry.model_dump())


@functools.lru_cache(maxsize=4)
def load_bundle(model: ModelPin, settings: Settings) -> Bundle:
    """The pinned model's bundle, checked against its digest."""
    return registry_of(settings).load(model)


@functools.lru_cache(maxsize=4)
def load_scorer(model: ModelPin, settings: Settings) -> RawScorer:
    """The pinned model ready to score, proven on its golden rows."""
    from tasks.adapters.lightgbm import LightGBMModel

    bundle = load_bundle(model, settings)
    scorer = LightGBMModel(bundle.model_text)
    require_golden(bundle, scorer)
    return scorer


def pinned_contract(pins: Pins, settings: Settings) -> Contract:
    """The contract that the day is pinned to, as it was then, whatever has become of the suite's file.

    Raises:
        PublishError: the store no longer holds it.
    """
    store, key = open_store(settings.storage), suite_key(pins.contract_digest)
    try:
        text = store.read(key).data.decode()
        is_pinned = suite_identity(text)[1] == pins.contract_digest
    except (NotFound, Changed, UnicodeDecodeError, ConfigError):
        is_pinned = False
    if not is_pinned:
        raise PublishError(f"{store.location(key)} is gone or damaged; remove it and run the day again.")
    return load_contract(text)


@functools.lru_cache(maxsize=4)
def load_contract(suite: str) -> Contract:
    """The contract in a suite's text, ready to judge rows."""
    from tasks.adapters import gx

    return gx.load_contract(suite)


def suite_text(suite: str) -> str:
    """The text of a reviewed suite file. Raises `ConfigError` where there is none."""
    path = project_path(suite)
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"The suite {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The suite {path} is not UTF-8 text.") from None


def _keep_suite(store: Store, suite: str, digest: str) -> None:
    """Keep the contract's text under its digest, which leaves the layout of the text out."""
    with contextlib.suppress(AlreadyExists):
        store.create(suite_key(digest), suite.encode())
