"""A version of the policy or the contract stands for one content."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tasks.core.day.manifest import pins_of
from tasks.core.day.records import Pins
from tasks.errors import ConfigError
from tasks.publication.layout import manifest_key, version_key
from tasks.publication.versions import claim_versions, require_own_versions
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import commit_revision, made_manifest

PINS = pins_of(made_manifest())
PLACES = {"policy": "configs/policy.yaml", "contract": "expectations/applications.json"}
OTHERS = [
    (replace(PINS, policy_digest="p2"), "The policy in configs/policy.yaml has version 1, .* Give `version` a new"),
    (
        replace(PINS, contract_digest="c2"),
        "The contract in expectations/applications.json has version 1, .* Give `meta.version` a new",
    ),
]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def require(store: FolderStore, pins: Pins) -> None:
    require_own_versions(store, pins, {"policy": PLACES["policy"], "contract": PLACES["contract"]})


@pytest.mark.parametrize(("other", "message"), OTHERS)
def test_other_content_under_a_published_version_is_refused(store: FolderStore, other: Pins, message: str) -> None:
    require(store, PINS)
    require(store, other)  # nothing is published yet
    claim_versions(store, PINS)
    claim_versions(store, PINS)
    require(store, PINS)
    with pytest.raises(ConfigError, match=f"{message}.*or restore") as refused:
        require(store, other)
    assert f"({DAY})" in str(refused.value)
    with pytest.raises(ConfigError, match="Nothing was published"):
        claim_versions(store, other)
    require(store, replace(other, policy=replace(other.policy, version="2"), contract_version="2"))


@pytest.mark.parametrize(("other", "message"), OTHERS)
def test_days_of_an_earlier_program_count_as_well(store: FolderStore, other: Pins, message: str) -> None:
    commit_revision(store)
    require(store, PINS)
    with pytest.raises(ConfigError, match=message):
        require(store, other)


def test_an_earlier_store_with_two_contents_under_a_version_goes_on_with_either(store: FolderStore) -> None:
    commit_revision(store)
    policy = made_manifest().policy
    commit_revision(store, as_of=date(2026, 11, 3), policy={**policy, "digest": "p2"})
    require(store, PINS)
    require(store, OTHERS[0][0])
    with pytest.raises(ConfigError, match=r"version 1 came into use \(2026-11-02 and 2026-11-03\)"):
        require(store, replace(PINS, policy_digest="p3"))


def test_the_manifests_count_more_than_a_note_of_something_else(store: FolderStore) -> None:
    claim_versions(store, OTHERS[0][0])  # of a run that died before it published
    commit_revision(store)
    require(store, PINS)
    claim_versions(store, PINS)
    with pytest.raises(ConfigError, match="has version 1"):
        require(store, replace(PINS, policy_digest="p3"))


def test_a_damaged_note_or_manifest_stops_nobody(store: FolderStore) -> None:
    commit_revision(store)
    (store._root / manifest_key(DAY, 1)).write_text("{")
    store.create(version_key("policy", "1"), b"nonsense")
    require(store, OTHERS[0][0])
    claim_versions(store, OTHERS[0][0])
