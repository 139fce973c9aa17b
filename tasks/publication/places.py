"""Places of a published day: the names that people know, and their keys in the store."""

from __future__ import annotations

from tasks.core.day.manifest import Manifest
from tasks.publication.layout import decisions_key, manifest_key, report_page_key


def places_of(manifest: Manifest) -> dict[str, str]:
    """Name to key of what people look at; decisions and contract as readers of the day see them.

    Changes and quarantine are left out if there are none.
    """
    as_of = manifest.as_of
    seen = {"Decisions": decisions_key(as_of), "Contract": report_page_key(as_of)}
    return kept_places_of(manifest) | seen


def kept_places_of(manifest: Manifest) -> dict[str, str]:
    """Name to key of a revision's own objects, which stay when a newer revision comes.

    Changes and quarantine are left out if there are none.
    """
    audited = manifest.audited
    data_files = {
        "Decisions": audited.decisions,
        "Changes": audited.changes,
        "Quarantine": audited.quarantine,
        "Contract": audited.contract_report,
    }
    keys = {name: file.key for name, file in data_files.items() if file}
    return keys | {"Manifest": manifest_key(manifest.as_of, manifest.revision)}
