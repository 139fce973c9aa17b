import pytest

from tasks.core.day.manifest import Manifest
from tasks.publication.places import kept_places_of, places_of
from tests.manifests import CHANGES, sample_manifest

DECISIONS = "decisions/day=2026-11-02/decisions.parquet"
CONTRACT = "reports/day=2026-11-02/contract.html"
MANIFEST = "revisions/day=2026-11-02/rev=0002/manifest.json"


@pytest.mark.parametrize(
    ("manifest", "there"),
    [
        (sample_manifest(revision=2, audited={"quarantine": None}), {}),
        (sample_manifest(revision=2, audited={"changes": CHANGES}), {"Changes": "c", "Quarantine": "q"}),
    ],
)
def test_people_look_at_what_readers_see_and_a_revision_keeps_its_own_files(
    manifest: Manifest, there: dict[str, str]
) -> None:
    seen, kept = places_of(manifest), kept_places_of(manifest)
    assert seen == {"Decisions": DECISIONS, **there, "Contract": CONTRACT, "Manifest": MANIFEST}
    assert kept == {"Decisions": "d", **there, "Contract": "r", "Manifest": MANIFEST}
    assert list(seen) == list(kept) == ["Decisions", *there, "Contract", "Manifest"]
