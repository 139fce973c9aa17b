"""Announcement of a published day: an event for those who listen."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from configs.settings import Settings
from tasks.core.day.manifest import Manifest
from tasks.publication.layout import announcement_key, decisions_key, manifest_key
from tasks.publication.manifests import manifest_of
from tasks.running.context import flow_run_id, is_in_flow_run
from tasks.running.events import never_in_the_way, send_event
from tasks.running.step import step
from tasks.store import Store, open_store
from tasks.store.renewing import read_if_there

PUBLISHED: Final = "scoring.decisions.published"
REVISED: Final = "scoring.decisions.revised"


@step("announce")
def announce(manifest: Manifest, settings: Settings, config: str | None) -> None:
    """Emit the event that monitoring starts from; once a revision.

    Revisions before it that nobody announced come first, for each event tells what changed since the one before: a run
    may have died after publishing, or have been a plain one. None of it can fail a publication that has happened;
    outside a flow run there is nobody to tell.
    """
    if not is_in_flow_run():
        return
    store = open_store(settings.storage)
    with never_in_the_way("announcement"):
        for each in _unannounced(store, manifest):
            _announce(each, store, config)


def _unannounced(store: Store, newest: Manifest) -> list[Manifest]:
    """Oldest first, from the last one that was announced on."""
    found: list[Manifest] = []
    manifest: Manifest | None = newest
    while manifest and not read_if_there(store, announcement_key(manifest.as_of, manifest.revision)):
        found.insert(0, manifest)
        manifest = manifest_of(store, manifest.as_of, manifest.revision - 1) if manifest.revision > 1 else None
    return found


def _announce(manifest: Manifest, store: Store, config: str | None) -> None:
    event = PUBLISHED if manifest.revision == 1 else REVISED
    with never_in_the_way(f"event {event}"):
        send_event(event, **event_of(manifest, store, config))
    note = announcement_key(manifest.as_of, manifest.revision)
    store.create(note, json.dumps({"event": event, "run": flow_run_id()}).encode())


def event_of(manifest: Manifest, store: Store, config: str | None) -> dict[str, Any]:
    """Content of the event of a revision; sent twice it is the same event, by its id."""
    day, changes = manifest.as_of.isoformat(), manifest.audited.changes
    payload = {
        "as_of": day,
        "config": config or "",
        "revision": manifest.revision,
        "publication": manifest.publication,
        "rows": manifest.audited.decisions.rows,
        "decisions": store.location(decisions_key(manifest.as_of)),
    }
    if changes:
        payload |= {
            "reason": manifest.reason,
            "changed": changes.rows,
            "changed_reasons": manifest.audited.changed_reasons,
            "changes": store.location(changes.key),
        }
    return {
        "event_id": uuid5(
            NAMESPACE_URL, f"{store.location(manifest_key(manifest.as_of, manifest.revision))} {manifest.run}"
        ),
        "resource": {"prefect.resource.id": f"scoring.day.{day}", "prefect.resource.name": f"decisions of {day}"},
        "payload": payload,
    }
