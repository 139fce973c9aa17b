"""Withdrawn days: the deliveries that were taken back, and what was judged of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise

from tasks.core.day.manifest import Manifest
from tasks.publication.layout import judgement_keys
from tasks.publication.manifests import walk_manifests
from tasks.store import Store


def deliveries_taken_back(store: Store, newest: Manifest) -> tuple[Mapping[str, str], ...]:
    """Files (`normal_name` to SHA-256) of each delivery of a day that was withdrawn, oldest first.

    Only a day that is withdrawn now has any: once it is decided again, its newest revision counts.
    Raises what `manifest_of` raises.
    """
    if not newest.is_withdrawn:
        return ()
    revisions = pairwise(walk_manifests(store, newest.as_of))
    return tuple(before.inputs_by_name for before, after in revisions if after.is_withdrawn)


def forget_judgement(store: Store, as_of: date) -> None:
    """Remove all that monitoring wrote of a withdrawn day. Safe to repeat.

    Later days are compared with the figures of the days before them, and whoever follows trends
    reads all figures. Those of a wrong delivery must be among neither.
    """
    for key in judgement_keys(as_of):
        store.delete(key)
