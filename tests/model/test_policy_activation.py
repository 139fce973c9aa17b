"""The history of activations only grows, and a version stands for one content."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from configs.policy import PolicyFile, load_policy
from tasks.errors import ConfigError, PublishError
from tasks.model.policy_activation import activate
from tasks.publication.layout import activation_key, kept_policy_key, version_key
from tasks.publication.policies import Activation, activations, keep_policy, kept_policy
from tasks.store.folder import FolderStore

ONE = load_policy("configs/policy.yaml")
TWO = ONE.model_copy(update={"version": "2", "cutoff": 0.08})
AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def activated(store: FolderStore, policy: PolicyFile, reason: str = "as decided") -> Activation:
    return activate(store, policy, who="risk@desk", at=AT, reason=reason, place="")


def test_activations_are_counted_and_each_content_is_kept(store: FolderStore) -> None:
    assert activations(store) == []
    activated(store, ONE, "the start")
    activated(store, TWO, "fewer defaults")
    back = activated(store, ONE, "too few approved")
    assert back == Activation(3, "1", ONE.digest, "too few approved", "risk@desk", "2026-11-02T09:30:00+00:00")
    assert [(each.number, each.version) for each in activations(store)] == [(1, "1"), (2, "2"), (3, "1")]
    assert [kept_policy(store, each.version, each.digest) for each in (ONE, TWO)] == [ONE, TWO]


def test_the_active_policy_activated_again_leaves_the_history_as_it_is(store: FolderStore) -> None:
    first = activated(store, ONE, "the start")
    assert activated(store, ONE, "again") == first
    assert activations(store) == [first]


def test_a_version_with_other_content_is_not_activated(store: FolderStore) -> None:
    activated(store, ONE)
    other = ONE.model_copy(update={"cutoff": 0.08})
    with pytest.raises(ConfigError, match=r"has version 1, .* came into use \(2026-11-02\)"):
        activated(store, other)
    assert len(activations(store)) == 1
    assert kept_policy(store, "1", other.digest) is None


def test_of_two_who_activate_at_the_same_time_one_succeeds(store: FolderStore) -> None:
    policies = [ONE.model_copy(update={"version": str(number)}) for number in range(8)]
    start = threading.Barrier(len(policies))
    ended: list[Activation | PublishError] = []

    def run(policy: PolicyFile) -> None:
        start.wait()
        try:
            ended.append(activated(store, policy))
        except PublishError as error:
            ended.append(error)

    threads = [threading.Thread(target=run, args=(policy,)) for policy in policies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [each for each in ended if isinstance(each, Activation)]
    assert sorted(each.number for each in won) == list(range(1, len(won) + 1))
    assert activations(store) == sorted(won, key=lambda each: each.number)
    assert len(ended) == len(policies)


def test_an_entry_in_the_way_is_a_lost_race(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    activated(store, ONE)
    monkeypatch.setattr("tasks.model.policy_activation.activations", lambda _: [])
    with pytest.raises(PublishError, match="policy 2 was not activated"):
        activated(store, TWO)


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"number": 1}'])
def test_a_damaged_entry_stops_everything(store: FolderStore, damage: bytes) -> None:
    activated(store, ONE)
    key = activation_key(1)
    store.replace(key, damage, tag=store.read(key).tag)
    with pytest.raises(PublishError, match="nobody can say which policy is active"):
        activations(store)


def test_damaged_content_is_not_taken_for_the_policy(store: FolderStore) -> None:
    keep_policy(store, ONE)
    key = kept_policy_key("1", ONE.digest)
    for damage in (b"{}", TWO.model_dump_json().encode()):
        store.replace(key, damage, tag=store.read(key).tag)
        with pytest.raises(PublishError, match="it is not policy 1 as it was kept"):
            kept_policy(store, "1", ONE.digest)


def test_an_activation_claims_its_version(store: FolderStore) -> None:
    activated(store, ONE)
    assert ONE.digest in store.read(version_key("policy", "1")).data.decode()
