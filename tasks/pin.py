"""What a day is scored with, resolved once."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from prefect.runtime import flow_run

from configs.policy import load_policy
from configs.settings import Settings
from tasks.checkpoints import digest_of
from tasks.core.contract.rules import suite_identity
from tasks.core.day.manifest import Manifest, pins_of
from tasks.core.day.records import PUBLISH, Delivery, Order, Pins, fingerprint
from tasks.core.decision.published_rows import SCHEMA_VERSION
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.features import FEATURE_VERSION
from tasks.errors import ConfigError, ModelError, PublishError
from tasks.load import load_bundle, load_contract, policy_for, reasons_of, registry_of, suite_text
from tasks.orchestration import run_logger, step
from tasks.publication.layout import suite_key
from tasks.store import AlreadyExists, Changed, NotFound, Store, open_store

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract


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
    policy = policy_for(model, load_bundle(model, settings), policy_file)
    reasons = reasons_of(settings)
    pins = Pins(delivery.as_of, model, policy, policy_file.digest, *contract, reasons, fingerprint="")
    return _for_delivery(pins, delivery)


def _pins_of(published: Manifest, delivery: Delivery) -> Pins:
    """What a published revision was decided with, for another delivery of its day."""
    if published.feature_version != FEATURE_VERSION:
        raise _undecidable(
            published, f"was decided on features of version {published.feature_version}", f"version {FEATURE_VERSION}"
        )
    if published.reasons.keys() != FAMILIES.keys():
        what = "states no reasons" if not published.reasons else "gives reasons for other families of features"
        raise _undecidable(published, what, f"{len(FAMILIES)} families and states reasons")
    return _for_delivery(pins_of(published), delivery)


def _undecidable(published: Manifest, what: str, builds: str) -> ModelError:
    return ModelError(
        f"Revision {published.revision} of {published.as_of} {what}; this program builds {builds}, so its corrections "
        f"cannot be decided like the rest. Decide the whole day again: scoring score --as-of {published.as_of} --force "
        '--reason "...".'
    )


def _for_delivery(pins: Pins, delivery: Delivery) -> Pins:
    return replace(pins, fingerprint=fingerprint(delivery, pins))


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


def _keep_suite(store: Store, suite: str, digest: str) -> None:
    """Keep the contract's text under its digest, which leaves the layout of the text out."""
    with contextlib.suppress(AlreadyExists):
        store.create(suite_key(digest), suite.encode())
