"""Publication: create the manifest, then show its decisions to readers. Small, boring and atomic."""

from __future__ import annotations

import importlib.metadata
from datetime import UTC, datetime

from configs.settings import Settings
from tasks.checkpoints import COUNTED_VERSIONS
from tasks.core.day import Audited, Delivery, Pins
from tasks.core.manifest import Manifest
from tasks.inputs import claim_inputs
from tasks.orchestration import run_logger, step
from tasks.revisions import commit, show_to_readers
from tasks.store import open_store


@step("publish")
def publish(delivery: Delivery, pins: Pins, audited: Audited, settings: Settings) -> Manifest:
    """Publish the audited day as one revision: whole, or not at all."""
    store = open_store(settings.storage)
    claim_inputs(store, delivery)
    manifest = commit(store, build_manifest(delivery, pins, audited))
    show_to_readers(store, manifest)
    run_logger().info("Published revision %d of %s", manifest.revision, manifest.as_of)
    return manifest


def build_manifest(delivery: Delivery, pins: Pins, audited: Audited) -> Manifest:
    """The commit of this run."""
    versions = {package: importlib.metadata.version(package) for package in COUNTED_VERSIONS}
    return Manifest(
        as_of=delivery.as_of,
        revision=pins.revision,
        fingerprint=pins.fingerprint,
        inputs=delivery.digests,
        model=pins.model,
        policy={
            "version": pins.policy.version,
            "digest": pins.policy_digest,
            "cutoff": pins.policy.cutoff,
            "refer_from": pins.policy.refer_from,
        },
        contract={"version": pins.contract_version, "digest": pins.contract_digest},
        audited=audited,
        run={"published_at": datetime.now(UTC).isoformat(timespec="seconds"), **versions},
    )
