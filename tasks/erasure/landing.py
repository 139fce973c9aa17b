"""A day's delivered files without one applicant: their control files and their claims."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from datetime import date

from tasks.core.day.control import CONTROL
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import CORRECTIONS, Delivery, FileRef
from tasks.core.files import format_of
from tasks.core.words import normal_name
from tasks.delivery.files import announced_in
from tasks.erasure.record import ObjectRewrite, rewrite
from tasks.erasure.search import name_of
from tasks.errors import SourceError
from tasks.publication.claims import claim_inputs
from tasks.publication.layout import landing_key
from tasks.store import Store
from tasks.store.renewing import read_if_there


def rewritten_controls(
    store: Store,
    as_of: date,
    landing: Sequence[ObjectRewrite],
) -> Iterator[ObjectRewrite]:
    """Rewrites of the control files that announce a changed file; the others stay as they are."""
    for prefix in (landing_key(as_of), landing_key(as_of) + CORRECTIONS):
        stored = read_if_there(store, prefix + CONTROL)
        if not stored:
            continue
        announced = announced_in(stored.data)
        changes = {normal_name(each.key.removeprefix(prefix)): each.change for each in landing}
        new_entries = {
            name: {"rows": max(announced[name].rows - change.rows, 0), "sha256": change.new_sha256}
            for name, change in changes.items()
            if name in announced and announced[name].sha256 == change.sha256
        }
        if new_entries:
            control = json.loads(stored.data)
            entries = control["files"].items()
            files = {name: each | new_entries.get(normal_name(name), {}) for name, each in entries}
            files = {name: each for name, each in files.items() if each["sha256"]}
            data = json.dumps(control | {"files": files}, indent=1).encode()
            yield rewrite(prefix + CONTROL, stored, data)


def claim_rewritten(
    store: Store,
    as_of: date,
    manifests: Sequence[Manifest],
    landing: Sequence[ObjectRewrite],
) -> None:
    """Claim the files from which the day was made, under their digests after the erasure."""
    inputs = {item for manifest in manifests for item in manifest.inputs_by_name.items()}
    files = [
        FileRef(name, each.key, format_of(name), len(each.data), each.change.new_sha256)
        for each in landing
        for name in (normal_name(name_of(each.key)),)
        if each.data is not None and each.change.new_sha256 and (name, each.change.sha256) in inputs
    ]
    with contextlib.suppress(SourceError):  # the note only helps to know the file on another day
        claim_inputs(store, Delivery(as_of, tuple(files)))
