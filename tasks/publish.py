"""Publication: create the manifest, then show its decisions to readers. Small, boring and atomic."""

from __future__ import annotations

import importlib.metadata
import secrets
from datetime import UTC, date, datetime

from configs.settings import Settings
from tasks.checkpoints import COUNTED_VERSIONS
from tasks.core.day import Audited, Delivery, Draft, Pins
from tasks.core.manifest import Manifest, policy_record
from tasks.expired import forget_expired
from tasks.inputs import claim_inputs
from tasks.orchestration import run_logger, step
from tasks.revisions import commit, require_stored, require_unbroken, show_newest
from tasks.store import open_store


@step("roll forward")
def roll_forward(as_of: date, settings: Settings) -> Manifest | None:
    """The day's newest revision, shown to readers should the run that published it have died before that."""
    store = open_store(settings.storage)
    require_unbroken(store, as_of)
    return show_newest(store, as_of)


@step("publish")
def publish(delivery: Delivery, pins: Pins, draft: Draft, audited: Audited, settings: Settings) -> Manifest:
    """Publish the audited day as one revision: whole, or not at all."""
    store = open_store(settings.storage)
    store.create(f"work/day={delivery.as_of}/publishing-{secrets.token_hex(8)}", b"")  # housekeeping keeps off the day
    claim_inputs(store, delivery)
    require_stored(store, audited.data_files)
    forget_expired(store, delivery.as_of, [file.key for file in audited.data_files])
    manifest = commit(store, build_manifest(delivery, pins, draft, audited))
    show_newest(store, manifest.as_of)
    run_logger().info("Published revision %d of %s", manifest.revision, manifest.as_of)
    return manifest


def build_manifest(delivery: Delivery, pins: Pins, draft: Draft, audited: Audited) -> Manifest:
    """The commit of this run."""
    versions = {package: importlib.metadata.version(package) for package in COUNTED_VERSIONS}
    return Manifest(
        as_of=delivery.as_of,
        revision=draft.revision,
        fingerprint=pins.fingerprint,
        inputs=delivery.digests,
        model=pins.model,
        policy=policy_record(pins.policy, pins.policy_digest),
        contract={"version": pins.contract_version, "digest": pins.contract_digest},
        audited=audited,
        run={"published_at": datetime.now(UTC).isoformat(timespec="seconds"), **versions},
        reason=draft.reason,
    )
