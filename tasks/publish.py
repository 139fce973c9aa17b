"""Publication: create the manifest, then show its decisions to readers. Small, boring and atomic."""

from __future__ import annotations

import importlib.metadata
from datetime import UTC, datetime
from typing import Final

from prefect.context import FlowRunContext
from prefect.events import emit_event

from configs.settings import Settings
from tasks.core.day import Audited, Delivery, Pins
from tasks.core.manifest import Manifest
from tasks.orchestration import run_logger, step
from tasks.revisions import commit, decisions_key, show_to_readers
from tasks.store import open_store

PUBLISHED: Final = "scoring.decisions.published"
_VERSIONS_TOLD: Final = ("great-expectations", "lightgbm", "numpy", "pandas", "pyarrow")


@step("publish")
def publish(delivery: Delivery, pins: Pins, audited: Audited, settings: Settings) -> Manifest:
    """Publish the audited day as one revision: whole, or not at all."""
    store = open_store(settings.storage)
    manifest = commit(store, build_manifest(delivery, pins, audited))
    show_to_readers(store, manifest)
    run_logger().info("Published revision %d of %s", manifest.revision, manifest.as_of)
    return manifest


@step("announce")
def announce(manifest: Manifest, settings: Settings) -> None:
    """Tell whoever listens that decisions were published; monitoring starts from this event.

    An event that cannot be sent is logged and never fails a publication that has happened.
    """
    day = manifest.as_of.isoformat()
    if not FlowRunContext.get():
        return
    try:
        emit_event(
            event=PUBLISHED,
            resource={"prefect.resource.id": f"scoring.day.{day}", "prefect.resource.name": f"decisions of {day}"},
            payload={
                "as_of": day,
                "revision": manifest.revision,
                "rows": manifest.audited.decisions.rows,
                "decisions": open_store(settings.storage).location(decisions_key(manifest.as_of)),
            },
        )
    except Exception as error:  # noqa: BLE001 - whatever keeps an event from leaving, the day is published
        run_logger().warning("The event %s could not be sent: %s", PUBLISHED, type(error).__name__)


def build_manifest(delivery: Delivery, pins: Pins, audited: Audited) -> Manifest:
    """The commit of this run."""
    versions = {package: importlib.metadata.version(package) for package in _VERSIONS_TOLD}
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
