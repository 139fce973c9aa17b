"""The commands of a model's life, as a person types them."""

import json
from collections.abc import Callable

import pytest

from configs.settings import load_settings
from tasks.model.load import registry_of
from tests.commands import Ended, call
from tests.conftest import Project

Say = Callable[..., Ended]


@pytest.fixture
def say(rivals: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command on a project whose version 2 was registered and never judged."""
    return lambda *words: call([*words, "--config", rivals.config], monkeypatch, capsys)


def test_an_override_and_the_way_back_are_told_and_listed(rivals: Project, say: Say) -> None:
    refused = say("promote", "--version", "2")
    assert refused.code == 5
    assert "PromotionRefused: credit-default version 2 does not score: 1 of 1 checks" in refused.err
    done = say("promote", "--version", "2", "--anyway", "--reason", "it is the same")
    assert done.code == 0
    assert "credit-default version 2 is the champion now.\n  FAILED  comparison: nothing was compared" in done.out
    assert "1 check overridden by " in done.out
    assert "bundle-" in done.out.splitlines()[-1]
    assert say("promote", "--version", "2").out.startswith("credit-default version 2 is the champion already.")
    back = say("promote", "--rollback", "--reason", "it was not")
    assert back.out.startswith(
        "credit-default version 1 is the champion again.\nNo published day was decided by version 2."
    )
    listed = say("promote", "--history").out.splitlines()
    assert [line[0] for line in listed] == ["1", " ", "2"]
    assert "version 1 to 2  anyway, 1 check overridden  by " in listed[0]
    assert listed[0].endswith(": it is the same")
    assert "version 2 to 1  rollback  by " in listed[2]
    assert registry_of(load_settings(rivals.config)).champion().version == "1"


def test_days_of_a_rolled_back_version_come_with_the_command_that_decides_them_again(rivals: Project, say: Say) -> None:
    say("promote", "--version", "2", "--anyway", "--reason", "a trial")
    rivals.deliver(rows=60)
    assert say("score", "--without-prefect", "--as-of", "2026-11-02").code == 0
    told = say("promote", "--rollback", "--reason", "it was a trial").out
    assert "1 published day decided by version 2." in told
    again = (
        'scoring backfill --from 2026-11-02 --to 2026-11-02 --only all --current --reason "version 2 was rolled back"'
    )
    assert again in told
    words = [*again.partition(" --reason")[0].split()[1:], "--reason", "version 2 was rolled back"]
    plan = json.loads(say(*words, "--dry-run").out)
    assert ([day["as_of"] for day in plan["days"]], plan["pins"]) == (["2026-11-02"], "current")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["promote"], "No version of credit-default has the alias challenger"),
        (["promote", "--history", "--anyway"], "--history changes nothing"),
        (["promote", "--rollback", "--version", "1"], "--rollback goes to the version before"),
        (["compare", "--version", "1"], "Version 1 is compared with itself"),
        (["compare", "--version", "2", "--days", "2026-11-02", "--applications", __file__], "Give --days, or"),
        (["compare", "--version", "2", "--days", "2026-11-03..2026-11-02"], "ends before it begins"),
        (["compare", "--version", "2", "--days", "x"], "'x' is not a day"),
    ],
)
def test_a_wrong_call_is_told(say: Say, words: list[str], message: str) -> None:
    ended = say(*words)
    assert ended.code in (2, 5)
    assert message in ended.err


def test_a_comparison_without_rows_says_what_to_give_and_an_empty_history_is_told(say: Say) -> None:
    compared = say("compare", "--version", "2", "--against", "champion")
    assert compared.code == 0
    assert "credit-default version 2 beside version 1, policy 1" in compared.out
    assert "--applications FILE" in compared.out
    assert say("promote", "--history").out == "No promotion is recorded in this store.\n"
