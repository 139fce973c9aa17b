"""The alias moves through the gate, or with a reason that is kept; and it goes back."""

import hashlib
import json
import os
import pwd
import socket
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from configs.settings import Settings
from tasks.core.model.bundle import ModelPin
from tasks.core.model_life.verdict import GateVerdict
from tasks.errors import ConfigError, ModelError, PromotionRefused, PublishError
from tasks.model.champion import promote_version
from tasks.model.load import registry_of
from tasks.model_life import promote as module
from tasks.model_life.compare import GivenRows, judge_versions
from tasks.model_life.promote import days_decided_by, promote_challenger, promotion_history, roll_back
from tasks.publication.layout import kept_verdict_key, promotion_page_key, promotion_record_key
from tasks.publication.manifests import commit
from tasks.store import open_store
from tasks.training.history import read_history
from tests.manifests import made_manifest
from tests.model_life.conftest import Rivalry, champion_of


def kinds(settings: Settings) -> list[str]:
    return [record.kind for record in promotion_history(open_store(settings.storage), "credit-default")]


def test_a_better_challenger_passes_and_a_worse_one_stays_out(settings: Settings) -> None:
    promoted = promote_challenger(settings, version="2")
    assert promoted.record
    assert promoted.verdict
    assert champion_of(settings).version == promoted.model.version == "2"
    record = promotion_history(open_store(settings.storage), "credit-default")[-1]
    assert record == promoted.record
    assert (record.number, record.kind, record.reason, record.overridden) == (2, "gate", None, ())
    assert (record.before and record.before.version, record.after.version) == ("1", "2")
    kept = open_store(settings.storage).read(kept_verdict_key("credit-default", promoted.verdict.sha256)).data
    assert record.verdict_sha256 == promoted.verdict.sha256 == hashlib.sha256(kept).hexdigest()
    assert json.loads(kept)["is_passed"]
    with pytest.raises(PromotionRefused, match=r"version 3 does not score: \d of 7 checks of the gate failed\. cost: "):
        promote_challenger(settings)
    assert champion_of(settings).version == "2"
    assert kinds(settings) == ["first", "gate"]


def test_a_refusal_leaves_its_page_and_names_the_way_around(settings: Settings) -> None:
    with pytest.raises(PromotionRefused) as refused:
        promote_challenger(settings, version="3")
    page = Path(settings.storage.root) / promotion_page_key("credit-default", "3")
    assert str(page) in str(refused.value)
    assert '`scoring promote --version 3 --anyway --reason "..."`' in str(refused.value)
    assert "does not pass the gate" in page.read_text()
    assert (refused.value.exit_code, refused.value.acts) == (5, "model owner")


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_an_override_and_a_roll_back_need_a_reason(settings: Settings, reason: str | None) -> None:
    with pytest.raises(ConfigError, match="--anyway needs a reason"):
        promote_challenger(settings, anyway=True, reason=reason)
    with pytest.raises(ConfigError, match="A roll-back needs a reason"):
        roll_back(settings, reason=reason)
    assert champion_of(settings).version == "1"
    assert kinds(settings) == ["first"]


def test_an_override_keeps_who_when_why_and_what(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody else")
    promoted = promote_challenger(settings, anyway=True, reason=" the feed changes ")
    assert promoted.record
    assert (promoted.model.version, promoted.record.kind) == ("3", "anyway")
    told = json.loads((Path(settings.storage.root) / promotion_record_key("credit-default", 2)).read_text())
    assert (told["who"], told["reason"], told["before"]["version"]) == (
        f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}", "the feed changes", "1",
    )  # fmt: skip
    assert told["at"].endswith("+00:00")
    assert any(sentence.startswith("cost: ") for sentence in told["overridden"])
    assert registry_of(settings).named_by("challenger") is None, "who scores is a challenger no more"


def test_an_override_of_nothing_is_an_ordinary_promotion(settings: Settings) -> None:
    promote_challenger(settings, version="2", anyway=True, reason="in a hurry")
    assert kinds(settings) == ["first", "gate"]


def test_rows_that_are_given_are_judged_instead_of_the_kept_ones(rivalry: Rivalry, settings: Settings) -> None:
    history = read_history([str(rivalry.histories["small"])], settings)
    promoted = promote_challenger(settings, version="2", given=GivenRows(history.rows, history.defaulted))
    assert promoted.verdict
    assert promoted.verdict.comparison
    assert (promoted.verdict.source, promoted.verdict.comparison.rows) == ("the given files", 2400)


def test_a_version_that_was_never_judged_passes_by_override_alone(settings: Settings) -> None:
    registry = registry_of(settings)
    files = registry.files(registry.candidate("2"))
    other = registry.register(files, params={}, metrics={}, figures={})
    with pytest.raises(PromotionRefused, match=r"1 of 1 checks .*comparison: nothing was compared.*--applications"):
        promote_challenger(settings, version=other.version)
    promote_challenger(settings, version=other.version, anyway=True, reason="as good as 2")
    assert champion_of(settings) == other


def test_the_champion_is_not_promoted_again_but_sealed_and_noted(settings: Settings) -> None:
    assert promote_challenger(settings, version="1").record is None
    assert kinds(settings) == ["first"]


def test_a_version_that_the_policy_forbids_is_named_and_no_reason_helps(settings: Settings, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(Path("configs/policy.yaml").read_text("utf-8").replace("age: true", "age: false"))
    ageless = settings.model_copy(update={"scoring": settings.scoring.model_copy(update={"policy": str(policy)})})
    with pytest.raises(ModelError, match="version 2 sees age, and policy 1 has"):
        promote_challenger(ageless, version="2", anyway=True, reason="please")
    promote_challenger(settings, version="2")
    with pytest.raises(ModelError, match="version 1 sees age, and policy 1 has"):
        roll_back(ageless, reason="it was better")
    assert champion_of(settings).version == "2"


def test_a_roll_back_leads_to_the_version_before_once_for_each_promotion(settings: Settings) -> None:
    promote_challenger(settings, version="2")
    promote_challenger(settings, version="3", anyway=True, reason="a trial")
    for version in ("2", "1"):
        record = roll_back(settings, reason="a trial has its end")
        assert (record.kind, record.after.version, champion_of(settings).version) == ("rollback", version, version)
    with pytest.raises(ModelError, match="version 1 is the first that scored"):
        roll_back(settings, reason="further")
    assert kinds(settings) == ["first", "gate", "anyway", "rollback", "rollback"]


def test_what_was_recorded_and_never_made_bars_no_way_back(settings: Settings) -> None:
    promote_challenger(settings, version="2")
    roll_back(settings, reason="the registry fails right after the record")
    registry_of(settings).promote("2")  # as if the alias had not moved
    assert roll_back(settings, reason="once more").after.version == champion_of(settings).version == "1"
    promote_challenger(settings, version="2")
    promote_challenger(settings, version="3", anyway=True, reason="the registry fails again")
    registry_of(settings).promote("2")
    assert roll_back(settings, reason="back").after.version == champion_of(settings).version == "1"
    assert kinds(settings) == ["first", "gate", "rollback", "rollback", "gate", "anyway", "rollback"]


def test_a_roll_back_does_not_guess_if_the_alias_was_moved_elsewhere(settings: Settings) -> None:
    promote_version("3", settings)
    with pytest.raises(ModelError, match=r"the alias was moved by something else.*--version N --anyway"):
        roll_back(settings, reason="back")


def test_a_roll_back_refuses_another_registrys_model_of_the_same_number(settings: Settings) -> None:
    promote_challenger(settings, version="2")
    place = Path(settings.storage.root) / promotion_record_key("credit-default", 2)
    record = json.loads(place.read_text())
    record["before"]["digest"] = "f" * 64
    place.write_text(json.dumps(record))
    with pytest.raises(
        ModelError, match="is not the version that scored before: its bundle has SHA-256 .*ffffffffffff"
    ):
        roll_back(settings, reason="back")
    assert champion_of(settings).version == "2"


def test_who_is_overtaken_during_the_comparison_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(*given: Any) -> GateVerdict:
        monkeypatch.setattr(module, "judge_versions", judge_versions)
        promote_challenger(settings, version="2")
        return judge_versions(*given)

    monkeypatch.setattr(module, "judge_versions", overtaken)
    with pytest.raises(PublishError, match=r"Somebody else promoted .* Nothing was promoted by this command"):
        promote_challenger(settings, version="3", anyway=True, reason="first come")
    assert champion_of(settings).version == "2"
    assert kinds(settings) == ["first", "gate"]


def test_a_damaged_record_is_named_and_nothing_moves(settings: Settings) -> None:
    place = Path(settings.storage.root) / promotion_record_key("credit-default", 1)
    place.write_text("{")
    with pytest.raises(PublishError, match=f"{place} is not a record of a promotion"):
        promote_challenger(settings, version="2")
    assert champion_of(settings).version == "1"


# --- days of a version

ONE, TWO = (ModelPin("credit-default", version, version * 64) for version in ("1", "2"))


def test_days_of_a_version_come_in_ranges_without_days_of_another(settings: Settings) -> None:
    store = open_store(settings.storage)
    for day, model in ((2, TWO), (3, TWO), (5, TWO), (6, ONE), (9, TWO)):
        commit(store, replace(made_manifest(), as_of=date(2026, 11, day), model=model))
    commit(store, replace(made_manifest(), as_of=date(2026, 11, 10), model=ONE))
    commit(store, replace(made_manifest(), as_of=date(2026, 11, 10), model=TWO, revision=2, reason="again"))
    ranges = [(each.first.day, each.last.day, each.days) for each in days_decided_by(TWO, settings)]
    assert ranges == [(2, 5, 3), (9, 10, 2)]
    assert [(each.first.day, each.last.day) for each in days_decided_by(ONE, settings)] == [(6, 6)]
    assert days_decided_by(ModelPin("credit-default", "2", "f" * 64), settings) == []
