"""The active policy is in force, whatever the working file says."""

from pathlib import Path

import pytest

from configs.policy import load_policy
from configs.settings import PROJECT, Settings
from tasks.errors import ConfigError, PublishError
from tasks.model.policy_activation import activate_policy
from tasks.model.policy_in_force import caveat_of, policy_in_force, policy_of_day, training_policy
from tasks.publication.layout import kept_policy_key
from tasks.publication.policies import keep_policy
from tasks.store.folder import FolderStore
from tests.manifests import made_manifest

ONE = load_policy("configs/policy.yaml")


@pytest.fixture
def working(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text((PROJECT / "configs/policy.yaml").read_text())
    return path


@pytest.fixture
def settings(tmp_path: Path, working: Path) -> Settings:
    return Settings.model_validate({"storage": {"root": str(tmp_path / "store")}, "scoring": {"policy": str(working)}})


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_working_file_is_in_force_until_a_policy_is_activated(settings: Settings, working: Path) -> None:
    in_force = policy_in_force(settings)
    assert (in_force.policy, in_force.activation) == (ONE, None)
    assert "No policy is activated" in str(caveat_of(in_force, settings))
    edit(working, "cutoff: bundle", "cutoff: 0.08")
    assert policy_in_force(settings).policy.cutoff == 0.08


def test_an_edit_of_the_working_file_reaches_nothing_once_a_policy_is_active(settings: Settings, working: Path) -> None:
    activate_policy(str(working), "as  the\ncommittee decided", settings)
    in_force = policy_in_force(settings)
    assert caveat_of(in_force, settings) is None
    assert in_force.activation
    assert in_force.activation.reason == "as the committee decided"
    assert "@" in in_force.activation.who
    edit(working, "cutoff: bundle", "cutoff: 0.08")
    again = policy_in_force(settings)
    assert again.policy == training_policy(settings) == ONE
    assert "version 1, differs from the active policy 1, and is not in force" in str(caveat_of(again, settings))
    working.write_text("version:")
    assert policy_in_force(settings).policy == ONE
    assert "cannot be read, and is not in force" in str(caveat_of(again, settings))


def test_an_older_version_is_activated_by_its_name_when_its_file_is_gone(settings: Settings, working: Path) -> None:
    activate_policy(str(working), "the start", settings)
    edit(working, 'version: "1"', 'version: "2"')
    activate_policy(str(working), "a trial", settings)
    assert policy_in_force(settings).policy.version == "2"
    working.unlink()
    policy, activation = activate_policy("1", "roll back", settings)
    assert (policy, activation.number, activation.reason) == (ONE, 3, "roll back")
    assert policy_in_force(settings).policy == ONE


def test_what_is_neither_a_file_nor_a_version_of_before_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="'3' is neither a policy file nor the version of a policy that was active"):
        activate_policy("3", "why", settings)
    assert policy_in_force(settings).activation is None


def test_a_wrong_file_is_not_activated(settings: Settings, working: Path) -> None:
    edit(working, "false_negative: 10", "false_negative: 0")
    with pytest.raises(ConfigError, match="costs.false_negative is 0"):
        activate_policy(str(working), "why", settings)


def test_the_content_of_the_active_policy_must_be_there(settings: Settings, working: Path) -> None:
    activate_policy(str(working), "the start", settings)
    FolderStore(Path(settings.storage.root)).delete(kept_policy_key("1", ONE.digest))
    with pytest.raises(PublishError, match="The content of policy 1, active since .*, is gone"):
        policy_in_force(settings)


def test_a_training_may_obey_another_policy(settings: Settings, working: Path, tmp_path: Path) -> None:
    activate_policy(str(working), "the start", settings)
    other = tmp_path / "next.yaml"
    other.write_text(working.read_text().replace("region: true", "region: false"))
    training = settings.training.model_copy(update={"policy": str(other)})
    assert training_policy(settings.model_copy(update={"training": training})).inputs.forbidden == ("region",)


def test_a_day_is_judged_by_the_costs_of_its_own_policy(settings: Settings) -> None:
    dear = ONE.model_copy(update={"costs": ONE.costs.model_copy(update={"false_negative": 20.0})})
    record = {**made_manifest().policy, "version": dear.version, "digest": dear.digest}
    manifest = made_manifest(policy=record)
    assert policy_of_day(manifest, settings) == ONE  # none was kept
    keep_policy(FolderStore(Path(settings.storage.root)), dear)
    assert policy_of_day(manifest, settings).costs.false_negative == 20
