"""A day is scored with the champion, the policy and the contract of the moment in which it is pinned."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from configs.policy import load_policy
from configs.settings import Settings, load_settings
from tasks.core.contract.rules import suite_identity
from tasks.core.day.manifest import Manifest, pins_of
from tasks.core.day.records import Delivery, FileRef, Order
from tasks.core.day.standing import Standing
from tasks.core.decision.reasons import Reason
from tasks.core.lender.feature_list import FAMILIES
from tasks.errors import ConfigError, ModelError
from tasks.model.load import load_bundle, reasons_of, suite_text
from tasks.publication.layout import suite_key
from tasks.publication.versions import claim_versions
from tasks.scoring.pin import pin
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.manifests import made_manifest

WHY = "amounts were mended"
CORRECTIONS = Order("corrections", WHY)
DELIVERY = Delivery(DAY, (FileRef("a.csv", "a.csv", "csv", 9, "s"),))
PUBLISHED = made_manifest(revision=3)
FRESH = Standing(DAY)


@pytest.fixture
def settings(trained: Project, tmp_path: Path) -> Settings:
    """The settings of a registry with a champion, and a store of their own."""
    configured = load_settings(trained.config)
    storage = configured.storage.model_copy(update={"root": str(tmp_path / "store")})
    return configured.model_copy(update={"storage": storage})


def scoring_by(settings: Settings, **fields: Any) -> Settings:
    return settings.model_copy(update={"scoring": settings.scoring.model_copy(update=fields)})


def replaced(tmp_path: Path, name: str, old: str, new: str) -> str:
    """Path of a copy of a reviewed file in which some words are exchanged."""
    text = (Path("configs") / name).read_text("utf-8")
    assert old in text
    path = tmp_path / name
    path.write_text(text.replace(old, new))
    return str(path)


def test_a_day_is_pinned_to_champion_policy_contract_and_reasons(settings: Settings, tmp_path: Path) -> None:
    pins = pin(FRESH, DELIVERY, settings)
    assert (pins.model.name, pins.model.version) == ("credit-default", "1")
    assert pins.policy.cutoff == load_bundle(pins.model, settings).cutoff
    assert pins.policy_digest == load_policy(settings.scoring.policy).digest
    suite = suite_text(settings.contract.suite)
    assert (pins.contract_version, pins.contract_digest) == suite_identity(suite)
    assert (tmp_path / "store" / suite_key(pins.contract_digest)).read_text() == suite
    assert pins.reasons == reasons_of(settings)


def test_the_same_day_has_the_same_pins_and_other_files_have_others(settings: Settings) -> None:
    pins = pin(FRESH, DELIVERY, settings)
    assert pin(FRESH, DELIVERY, settings) == pins
    (file,) = DELIVERY.files
    other = pin(FRESH, replace(DELIVERY, files=(replace(file, sha256="t"),)), settings)
    assert other == replace(pins, fingerprint=other.fingerprint)
    assert other.fingerprint != pins.fingerprint


@pytest.mark.parametrize(("old", "new", "is_same"), [("outside", "other", True), ("R01", "A1", False)])
def test_another_code_for_a_reason_decides_anew_and_other_words_do_not(
    settings: Settings, tmp_path: Path, old: str, new: str, is_same: bool
) -> None:
    reasons = replaced(tmp_path, "reasons.yaml", old, new)
    pins, others = pin(FRESH, DELIVERY, settings), pin(FRESH, DELIVERY, scoring_by(settings, reasons=reasons))
    assert others.reasons != pins.reasons
    assert (others.fingerprint == pins.fingerprint) == is_same


def test_another_policy_decides_anew(settings: Settings, tmp_path: Path) -> None:
    policy = replaced(tmp_path, "policy.yaml", "cutoff: bundle", "cutoff: 0.2")
    pins, others = pin(FRESH, DELIVERY, settings), pin(FRESH, DELIVERY, scoring_by(settings, policy=policy))
    assert others.policy.cutoff == 0.2
    assert others.fingerprint != pins.fingerprint


def test_costs_that_the_cut_off_does_not_come_from_are_told(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        pin(FRESH, DELIVERY, settings)
        assert caplog.text == ""
        policy = replaced(tmp_path, "policy.yaml", "false_negative: 10", "false_negative: 5")
        pin(FRESH, DELIVERY, scoring_by(settings, policy=policy))
    assert "The costs of policy 1 change nothing: `cutoff: bundle` takes 0.0909" in caplog.text


def test_a_policy_that_changed_under_its_published_version_pins_nothing(settings: Settings, tmp_path: Path) -> None:
    claim_versions(FolderStore(tmp_path / "store"), pin(FRESH, DELIVERY, settings))
    policy = replaced(tmp_path, "policy.yaml", "cutoff: bundle", "cutoff: 0.2")
    with pytest.raises(ConfigError, match=f"The policy in {policy} has version 1, but its content is not that"):
        pin(FRESH, DELIVERY, scoring_by(settings, policy=policy))
    pin(FRESH, DELIVERY, settings)


@pytest.mark.parametrize("order", [CORRECTIONS, Order("as-was", WHY)])
def test_an_order_keeps_all_that_the_published_revision_was_decided_with(settings: Settings, order: Order) -> None:
    nowhere = scoring_by(settings, policy="nowhere.yaml", reasons="nowhere.yaml")
    nowhere = nowhere.model_copy(update={"contract": settings.contract.model_copy(update={"suite": "nowhere.json"})})
    pins = pin(Standing(DAY, order, PUBLISHED), DELIVERY, nowhere)
    assert pins == replace(pins_of(PUBLISHED), fingerprint=pins.fingerprint)
    assert pins.fingerprint != PUBLISHED.fingerprint


def test_corrections_keep_the_aliases_of_the_published_revision(settings: Settings) -> None:
    published = replace(PUBLISHED, column_aliases={"client": "SK_ID_CURR"})
    today = scoring_by(settings, column_aliases={"loan": "AMT_CREDIT"})
    pins = pin(Standing(DAY, CORRECTIONS, published), DELIVERY, today)
    assert pins.column_aliases == {"client": "SK_ID_CURR"}
    assert pins.fingerprint != pin(Standing(DAY, CORRECTIONS, PUBLISHED), DELIVERY, today).fingerprint
    assert pin(FRESH, DELIVERY, today).column_aliases == {"loan": "AMT_CREDIT"}


def test_a_forced_day_is_pinned_anew(settings: Settings) -> None:
    forced = pin(Standing(DAY, Order("force", WHY), PUBLISHED), DELIVERY, settings)
    assert forced == pin(FRESH, DELIVERY, settings)


@pytest.mark.parametrize(
    ("published", "message"),
    [
        (replace(PUBLISHED, feature_version="0"), "was decided on features of version 0"),
        (replace(PUBLISHED, reasons={}), "states no reasons"),
        (
            replace(PUBLISHED, reasons={"age": Reason("R05", "Your age.")}),
            f"gives reasons for other families of features; this program builds {len(FAMILIES)} families",
        ),
    ],
)
def test_corrections_of_a_revision_that_nobody_can_decide_any_more_are_refused(
    settings: Settings, published: Manifest, message: str
) -> None:
    with pytest.raises(ModelError, match=rf"Revision 3 of {DAY} {message}.* scoring score --as-of {DAY} --force"):
        pin(Standing(DAY, CORRECTIONS, published), DELIVERY, settings)
