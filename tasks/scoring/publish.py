"""Publication of a day: create the manifest, then show its decisions to readers. Atomic."""

from __future__ import annotations

import contextlib
import importlib.metadata
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

from configs.calendar import load_calendar
from configs.settings import Settings
from tasks.core.day.manifest import SEALED_COPY, SECONDS_OF, Manifest, policy_record
from tasks.core.day.records import Audited, Delivery, Draft, Order, Pins
from tasks.core.day.standing import Standing
from tasks.delivery.listing import stand
from tasks.errors import PublishError
from tasks.publication.claims import claim_inputs
from tasks.publication.data_files import require_stored
from tasks.publication.erasure_token import read_token, require_no_erasure
from tasks.publication.expired import forget_expired
from tasks.publication.layout import publishing_key, refused_page_key, refused_report_key
from tasks.publication.manifests import commit, manifest_of
from tasks.publication.refused_rows import forget_refused_rows
from tasks.publication.shown import show_newest
from tasks.publication.versions import claim_versions
from tasks.running.checkpoints import COUNTED_VERSIONS
from tasks.running.context import run_logger, step_seconds
from tasks.running.step import step
from tasks.store import AlreadyExists, Store, open_store


@step("roll forward")
def roll_forward(as_of: date, order: Order, settings: Settings) -> Standing:
    """Standing of the day.

    The newest revision is shown to readers if the run that published it died before that.

    Raises:
        PublishError: a published object of the day is damaged, or an applicant is being erased from
            the day.
    """
    store = open_store(settings.storage)

    def warn(key: str) -> None:
        run_logger().warning("%s was not of the newest revision; it is now", store.location(key))

    published = show_newest(store, as_of, warn)
    excuse = load_calendar(settings.scoring.calendar).excuse(as_of)
    erasure = require_no_erasure(store, as_of)
    return stand(store, as_of, published, order=order, excuse=excuse, erasure=erasure)


@step("publish")
def publish(
    standing: Standing,
    delivery: Delivery,
    pins: Pins,
    draft: Draft,
    audited: Audited,
    settings: Settings,
) -> Manifest:
    """Publish the audited day as one revision: whole, or not at all.

    Raises:
        PublishError: another run published the day, a data file is gone or damaged, or an applicant
            was erased from the day since the run began.
        SourceError: another day claims one of the files.
        ConfigError: the version of the policy or contract was published with other content.
    """
    store = open_store(settings.storage)
    keep_housekeeping_off(store, delivery.as_of)
    with_rows = tuple(file for file in delivery.files if audited.files[file.name].rows)
    claim_inputs(store, replace(delivery, files=with_rows))
    if not standing.order.keeps_pins:  # they keep what the published revision was made with
        claim_versions(store, pins)
    manifest = commit_and_show(store, standing, build_manifest(delivery, pins, draft, audited))
    run_logger().info("Published revision %d of %s", manifest.revision, manifest.as_of)
    return manifest


def keep_housekeeping_off(store: Store, as_of: date) -> None:
    """Leave the note that a run is about to publish; housekeeping leaves alone a day that has one."""
    store.create(publishing_key(as_of, secrets.token_hex(16)), b"")


def commit_and_show(store: Store, standing: Standing, drafted: Manifest) -> Manifest:
    """Commit a revision whose data files are stored, and show it to readers.

    Raises:
        PublishError: another run published the day, a data file is gone or damaged, or an applicant
            was erased from the day since the run began.
    """
    as_of = drafted.as_of
    held = require_stored(store, drafted.audited.data_files)
    forget_expired(store, as_of, held)
    if read_token(store, as_of) != standing.erasure:
        raise PublishError(
            f"An applicant was erased from {as_of} while it was decided. Nothing was published; run the command again."
        )
    manifest = commit(store, drafted)
    if read_token(store, as_of) != standing.erasure:
        _put_back(store, manifest, held)
        raise PublishError(
            f"Revision {manifest.revision} of {as_of} was published in the moment in "
            "which an applicant was erased from the day, and may hold them. Run the erasure again "
            "now (scoring clean --erase), then this command."
        )
    show_newest(store, as_of)
    # The day is published, so rows and report of an earlier stop are out of date.
    forget_refused_rows(store, as_of)
    for key in (refused_report_key(as_of), refused_page_key(as_of)):
        store.delete(key)
    return manifest


def _put_back(store: Store, published: Manifest, held: Mapping[str, bytes]) -> None:
    """Restore data files that an erasure removed and the manifest still names.

    The next erasure can then cut the applicant out of them.
    """
    now = manifest_of(store, published.as_of, published.revision)
    for file in now.audited.data_files if now else ():
        if file.key in held:
            with contextlib.suppress(AlreadyExists):
                store.create(file.key, held[file.key])


def build_manifest(delivery: Delivery, pins: Pins, draft: Draft, audited: Audited) -> Manifest:
    """Manifest of this run, which becomes its commit."""
    sealed = {SEALED_COPY: pins.sealed_copy} if pins.sealed_copy else {}
    return Manifest(
        as_of=delivery.as_of,
        revision=draft.revision,
        fingerprint=pins.fingerprint,
        inputs=delivery.digests,
        model=pins.model,
        policy=policy_record(pins.policy, pins.policy_digest),
        contract={"version": pins.contract_version, "digest": pins.contract_digest},
        audited=audited,
        run=facts_of_run() | sealed,
        reason=draft.reason,
        reasons=pins.reasons,
        column_aliases=pins.column_aliases,
    )


def facts_of_run() -> dict[str, str]:
    """Facts of this run for its manifest: the time, the versions of packages, and the seconds of each step."""
    versions = {package: importlib.metadata.version(package) for package in COUNTED_VERSIONS}
    seconds = {f"{SECONDS_OF}{name}": f"{worked:.1f}" for name, worked in step_seconds().items()}
    return {"published_at": datetime.now(UTC).isoformat(timespec="seconds"), **versions, **seconds}
