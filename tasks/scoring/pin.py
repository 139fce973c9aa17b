"""Pins of a day: the model, policy and contract that it is scored with, resolved once."""

from __future__ import annotations

from dataclasses import replace
from logging import INFO, WARNING

from configs.settings import Settings
from tasks.core.contract.rules import suite_identity
from tasks.core.day.manifest import Manifest, pins_of
from tasks.core.day.records import Delivery, Pins, fingerprint
from tasks.core.day.standing import Standing
from tasks.core.decision.published_rows import SCHEMA_VERSION
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.features import FEATURE_VERSION
from tasks.delivery.files import reading_of
from tasks.errors import ModelError
from tasks.model.champion import find_champion
from tasks.model.contract import keep_suite
from tasks.model.load import load_bundle, policy_for, reasons_of, suite_text, unused_costs
from tasks.model.policy_in_force import caveat_of, policy_in_force
from tasks.publication.layout import pins_key
from tasks.publication.policies import keep_policy
from tasks.publication.versions import require_own_versions
from tasks.running.checkpoints import digest_of
from tasks.running.context import flow_run_id, is_scheduled_run, run_logger
from tasks.running.step import step
from tasks.scoring.shadow import find_shadow
from tasks.store import open_store


def _pins_of_this_run(standing: Standing, delivery: Delivery, settings: Settings) -> str | None:
    """Key of the pins of this flow run; None if the pins must be resolved anew.

    A run that is retried on the same files keeps its pins; another run resolves them anew.
    """
    run = flow_run_id()
    if standing.order.keeps_pins or run is None:
        return None
    versions = (FEATURE_VERSION, SCHEMA_VERSION, *filter(None, [settings.scoring.shadow]))
    return pins_key(delivery.as_of, run, digest_of(delivery.digests, versions))


@step("pin", reuse=_pins_of_this_run)
def pin(standing: Standing, delivery: Delivery, settings: Settings) -> Pins:
    """Version and digest of the champion, policy with its cut-off, contract, and their fingerprint.

    Corrections, and a day decided as it was, keep the pins of the published revision, its aliases of
    columns included.
    """
    if standing.decided and standing.order.keeps_pins:
        pins = _pins_of(standing.decided)
    else:
        pins = _resolve(delivery, settings)
    pins = replace(pins, fingerprint=fingerprint(delivery, pins), shadow=find_shadow(pins, settings))
    run_logger().info(
        "Scoring with %s version %s, policy %s (cut-off %.4f), contract %s",
        pins.model.name,
        pins.model.version,
        pins.policy.version,
        pins.policy.cutoff,
        pins.contract_version,
    )
    return pins


def _resolve(delivery: Delivery, settings: Settings) -> Pins:
    champion = find_champion(settings)
    model = champion.model
    in_force = policy_in_force(settings)
    policy_file = in_force.policy
    suite = suite_text(settings.contract.suite)
    contract = suite_identity(suite)
    store = open_store(settings.storage)
    bundle = load_bundle(model, settings, is_registry_gone=bool(champion.sealed_copy))
    policy = policy_for(model, bundle, policy_file)
    reasons = reasons_of(settings)
    digest = policy_file.digest
    aliases = reading_of(settings.scoring).column_aliases
    pins = Pins(
        delivery.as_of,
        model,
        policy,
        digest,
        *contract,
        reasons,
        fingerprint="",
        column_aliases=aliases,
        sealed_copy=champion.sealed_copy,
    )
    require_own_versions(store, pins, {"policy": settings.scoring.policy, "contract": settings.contract.suite})
    keep_suite(store, suite, contract[1])
    keep_policy(store, policy_file)
    if caveat := caveat_of(in_force, settings):
        run_logger().log(WARNING if is_scheduled_run() else INFO, "%s", caveat)
    if caveat := unused_costs(policy_file, bundle.cutoff):
        run_logger().warning("%s", caveat)
    if pins.sealed_copy:
        run_logger().warning("The model comes from its sealed copy: %s", pins.sealed_copy)
    return pins


def _pins_of(published: Manifest) -> Pins:
    """Pins of a published revision.

    Raises:
        ModelError: this program builds other features, or the reasons of the revision do not fit.
    """
    if published.feature_version != FEATURE_VERSION:
        difference = f"was decided on features of version {published.feature_version}"
        raise _undecidable(published, difference, f"version {FEATURE_VERSION}")
    if published.reasons.keys() != FAMILIES.keys():
        difference = "gives reasons for other families of features"
        if not published.reasons:
            difference = "states no reasons"
        raise _undecidable(published, difference, f"{len(FAMILIES)} families and states reasons")
    return pins_of(published)


def _undecidable(published: Manifest, difference: str, builds: str) -> ModelError:
    """Error that rows cannot be decided as those of the published revision were."""
    return ModelError(
        f"Revision {published.revision} of {published.as_of} {difference}; this program builds "
        f"{builds}, so neither the day nor its corrections can be decided as it was. Decide the whole "
        "day by today's model: "
        f'scoring score --as-of {published.as_of} --force --reason "...".'
    )
