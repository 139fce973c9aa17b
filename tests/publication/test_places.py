from datetime import date

import pytest

from tasks.core.day.manifest import Manifest
from tasks.core.day.records import Audited, DataFile
from tasks.core.model.bundle import ModelPin
from tasks.publication.places import kept_places_of, places_of

DECISIONS = "decisions/day=2026-11-02/decisions.parquet"
CONTRACT = "reports/day=2026-11-02/contract.html"
MANIFEST = "revisions/day=2026-11-02/rev=0003/manifest.json"


def manifest(more: DataFile | None) -> Manifest:
    decisions, report = (DataFile(key, key, 1, 1) for key in ("d", "r"))
    audited = Audited(decisions, more, report, "", {}, {}, {}, more)
    model = ModelPin("m", "1", "d")
    return Manifest(date(2026, 11, 2), 3, "", {}, model, {}, {}, audited, {})


@pytest.mark.parametrize(
    ("more", "there"),
    [(None, {}), (DataFile("m", "m", 1, 1), {"Changes": "m", "Quarantine": "m"})],
)
def test_people_look_at_what_readers_see_and_a_revision_keeps_its_own_files(
    more: DataFile | None, there: dict[str, str]
) -> None:
    seen, kept = (places(manifest(more)) for places in (places_of, kept_places_of))
    assert seen == {"Decisions": DECISIONS, **there, "Contract": CONTRACT, "Manifest": MANIFEST}
    assert kept == {"Decisions": "d", **there, "Contract": "r", "Manifest": MANIFEST}
    assert list(seen) == list(kept) == ["Decisions", *there, "Contract", "Manifest"]
