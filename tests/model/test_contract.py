"""A day is judged by the contract that it was pinned to."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from configs.settings import Settings
from tasks.core.contract.rules import suite_identity
from tasks.core.day.manifest import pins_of
from tasks.errors import PublishError
from tasks.model.contract import keep_suite, pinned_contract
from tasks.model.load import suite_text
from tasks.publication.layout import suite_key
from tasks.store.folder import FolderStore
from tests.manifests import made_manifest

SUITE = suite_text("expectations/applications.json")
VERSION, DIGEST = suite_identity(SUITE)
PINS = replace(pins_of(made_manifest()), contract_version=VERSION, contract_digest=DIGEST)
DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "another suite": lambda path: path.write_text(SUITE.replace('"critical"', '"warning"', 1)),
    "no suite": lambda path: path.write_text("{}"),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"storage": {"root": str(tmp_path)}, "contract": {"suite": "nowhere.json"}})


def test_the_pinned_contract_is_the_one_that_was_kept_whatever_became_of_the_file(
    settings: Settings, tmp_path: Path
) -> None:
    keep_suite(FolderStore(tmp_path), SUITE, DIGEST)
    rules = pinned_contract(PINS, settings).rules
    assert "AMT_CREDIT_known" in {rule.id for rule in rules}


def test_a_contract_is_kept_once_however_its_text_is_laid_out(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    keep_suite(store, SUITE, DIGEST)
    spaced = json.dumps(json.loads(SUITE), indent=4)
    assert suite_identity(spaced) == (VERSION, DIGEST)
    keep_suite(store, spaced, DIGEST)
    assert store.read(suite_key(DIGEST)).data.decode() == SUITE


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_contract_that_is_gone_or_damaged_judges_nobody(
    settings: Settings, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    keep_suite(FolderStore(tmp_path), SUITE, DIGEST)
    damage(tmp_path / suite_key(DIGEST))
    with pytest.raises(PublishError, match=f"{DIGEST}.json is gone or damaged; remove it and run the day again"):
        pinned_contract(PINS, settings)
