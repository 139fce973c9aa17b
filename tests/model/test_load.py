"""A day is decided by the registered model, as the policy lets it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from configs.policy import PolicyFile, load_policy
from configs.settings import PROJECT, Settings, load_settings
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.bundle import Bundle, ModelPin
from tasks.core.model.features import build_features, seen_switches
from tasks.errors import ConfigError, ModelError
from tasks.model.load import (
    fill_in,
    load_bundle,
    load_engine,
    policy_for,
    proven_engine,
    reasons_of,
    registry_of,
    suite_text,
    unused_costs,
)
from tests.conftest import Project

POLICY = load_policy("configs/policy.yaml")


@pytest.fixture(scope="module")
def settings(trained: Project) -> Settings:
    return load_settings(trained.config)


@pytest.fixture(scope="module")
def champion(settings: Settings) -> ModelPin:
    return registry_of(settings).champion()


@pytest.fixture(scope="module")
def bundle(champion: ModelPin, settings: Settings) -> Bundle:
    return load_bundle(champion, settings)


@pytest.mark.parametrize(("cutoff", "used"), [("bundle", 0.1), (0.2, 0.2)])
def test_a_policy_takes_the_proposed_cut_off_or_its_own(cutoff: float | str, used: float) -> None:
    policy = PolicyFile.model_validate(POLICY.model_dump() | {"cutoff": cutoff})
    assert fill_in(policy, 0.1).cutoff == used


@pytest.mark.parametrize(
    ("cutoff", "costs", "is_told"),
    [("bundle", 10, False), ("bundle", 5, True), (0.2, 5, False)],
)
def test_costs_that_change_nothing_are_told(cutoff: float | str, costs: int, *, is_told: bool) -> None:
    changes = {"cutoff": cutoff, "costs": {"false_negative": costs, "false_positive": 1}}
    caveat = unused_costs(PolicyFile.model_validate(POLICY.model_dump() | changes), 1 / 11)
    assert (caveat is not None) == is_told
    if caveat:
        assert "takes 0.0909" in caveat
        assert "would make 0.1667" in caveat


def test_a_policy_that_cannot_hold_is_refused() -> None:
    bands = [{"name": "A", "up_to": 0.7}, {"name": "B", "up_to": None}]
    policy = PolicyFile.model_validate(POLICY.model_dump() | {"bands": bands})
    with pytest.raises(ConfigError, match="The policy cannot be used: a band must end at 1.0 times the cut-off"):
        fill_in(policy, 0.1)


def test_a_model_that_sees_age_needs_a_policy_that_allows_it(champion: ModelPin, bundle: Bundle) -> None:
    assert policy_for(champion, bundle, POLICY).cutoff == bundle.cutoff
    ageless = PolicyFile.model_validate(POLICY.model_dump() | {"inputs": {"age": False}})
    with pytest.raises(ModelError, match="credit-default version 1 sees age, and policy 1 has `inputs: age: false`"):
        policy_for(champion, bundle, ageless)
    blind = replace(bundle, features=replace(bundle.features, names=("AMT_CREDIT",)))
    assert policy_for(champion, blind, ageless).cutoff == bundle.cutoff


def test_every_forbidden_input_that_the_model_sees_is_named(champion: ModelPin, bundle: Bundle) -> None:
    inputs = {"age": True, "social_circle": False, "contact": False, "region": True}
    policy = PolicyFile.model_validate(POLICY.model_dump() | {"inputs": inputs})
    both = "sees social circle and contact, .* `inputs: social_circle: false` and `inputs: contact: false`"
    with pytest.raises(ModelError, match=both):
        policy_for(champion, bundle, policy)
    names = tuple(name for name in bundle.features.names if "contact" not in seen_switches([name]))
    with pytest.raises(ModelError, match="sees social circle, and policy"):
        policy_for(champion, replace(bundle, features=replace(bundle.features, names=names)), policy)


def test_there_is_a_reason_for_every_family() -> None:
    reasons = reasons_of(Settings())
    assert reasons.keys() == FAMILIES.keys()
    assert len({reason.code for reason in reasons.values()}) == len(FAMILIES)


def test_a_model_is_loaded_once_for_the_same_settings(champion: ModelPin, settings: Settings) -> None:
    assert load_engine(champion, settings) is load_engine(champion, settings)
    with pytest.raises(ModelError, match="is not what was registered"):
        load_bundle(replace(champion, digest="0" * 64), settings)


def test_lightgbm_stands_in_for_tables_that_would_be_too_large(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = proven_engine(bundle)
    monkeypatch.setattr("tasks.core.model.tree_tables._MAX_NUMBERS", 1)
    stand_in = proven_engine(bundle)
    assert tables.caveat is None
    told = "The model is scored and explained by LightGBM itself, which takes far longer: its tables would hold"
    assert (stand_in.caveat or "").startswith(told)
    matrix = build_features(bundle.golden.rows(), bundle.features)
    assert np.array_equal(stand_in.raw_scores(matrix), tables.raw_scores(matrix))


def test_a_model_that_scores_otherwise_than_when_it_was_registered_is_refused(bundle: Bundle) -> None:
    golden = replace(bundle.golden, raw=tuple(raw + 0.1 for raw in bundle.golden.raw))
    with pytest.raises(ModelError, match="golden"):
        proven_engine(replace(bundle, golden=golden))


def test_a_suite_is_read_as_it_was_reviewed(tmp_path: Path) -> None:
    suite = "expectations/applications.json"
    assert suite_text(suite) == (PROJECT / suite).read_text("utf-8")
    with pytest.raises(ConfigError, match="The suite .*none.json cannot be read: No such file"):
        suite_text(str(tmp_path / "none.json"))
    (tmp_path / "latin.json").write_bytes('{"é": 1}'.encode("latin-1"))
    with pytest.raises(ConfigError, match="The suite .*latin.json is not UTF-8 text"):
        suite_text(str(tmp_path / "latin.json"))
