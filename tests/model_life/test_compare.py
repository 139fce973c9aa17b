"""A comparison is told in the terminal, and moves and writes nothing."""

import pytest

from configs.settings import load_settings
from flows.commands.compare import given_rows
from tasks.errors import ModelError
from tasks.model_life.compare import judge_versions, version_named
from tasks.store import open_store
from tests.commands import call
from tests.model_life.conftest import Rivalry, champion_of


def test_a_comparison_tells_figures_and_checks_and_changes_nothing(
    rivalry: Rivalry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings(rivalry.project.config)
    store = open_store(settings.storage)
    before = {entry.key: store.read(entry.key).data for entry in store.list("")}
    words = ["compare", "--version", "challenger", "--against", "2", "--config", rivalry.project.config]
    told = call(words, monkeypatch, capsys).out
    assert "credit-default version 3 beside version 2, policy 1" in told
    assert "applications that versions 3 and 2 both learned from" in told
    assert "Refused by 2 only" in told
    assert "First reason differs" in told
    assert "The gate is not passed: " in told
    assert "  FAILED  cost: " in told
    assert {entry.key: store.read(entry.key).data for entry in store.list("")} == before
    assert champion_of(settings).version == "1"


def test_the_same_comparison_gives_the_same_verdict(rivalry: Rivalry) -> None:
    settings = load_settings(rivalry.project.config)
    ours, theirs = (version_named(name, settings) for name in ("2", "champion"))
    verdict = judge_versions(ours, theirs, settings)
    assert verdict.is_passed
    assert verdict.sha256 == judge_versions(ours, theirs, settings).sha256
    assert rivalry.better.verdict
    assert verdict.sha256 == rivalry.better.verdict.sha256, "training told the same"
    given = given_rows((str(rivalry.histories["large"]),), settings)
    on_file = judge_versions(ours, theirs, settings, given)
    assert on_file.comparison == verdict.comparison, "the history given as a file is the history"


def test_a_name_that_names_nothing_is_told(rivalry: Rivalry) -> None:
    with pytest.raises(ModelError, match="has the alias nobody"):
        version_named("nobody", load_settings(rivalry.project.config))
