"""`scoring withdraw` says what became of the day, and what comes next."""

import pytest

from flows.score_applications import score_applications
from tests.commands import Ended, call
from tests.conftest import DAY, Project


def test_the_command_takes_a_day_back_and_status_shows_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def scoring(*words: str) -> Ended:
        return call([*words, "--config", project.config], monkeypatch, capsys)

    withdrawing = ("withdraw", "--as-of", str(DAY), "--reason", "another day's file", "--without-prefect")
    assert scoring(*withdrawing).code == 3
    project.deliver(rows=60)
    first = score_applications.fn(as_of=DAY, config=project.config).manifest
    assert first
    ended = scoring(*withdrawing)
    assert ended.code == 0, ended.err
    told = ended.out
    assert f"Applications of {DAY}, revision 2, withdrawn: no application of the day has a decision now" in told
    assert f"{first.totals.decided} decisions, and the reasons of 0 others" in told
    assert f"then scoring score --as-of {DAY}" in told
    assert "nothing to do: withdrawn before" in scoring(*withdrawing).out
    assert f"withdrawn (deliver the right files, then scoring score --as-of {DAY}" in scoring("status").out
    history = scoring("status", "--as-of", str(DAY)).out
    assert "another day's file" in history
    assert "the day is withdrawn and nothing of it is decided" in scoring("rejected", "--as-of", str(DAY)).out
    assert "Not judged: revision 2 withdrew the day" in scoring(
        "monitor", "--as-of", str(DAY), "--without-prefect"
    ).out.replace("\n" + " " * 18, " ")
    again = scoring("score", "--as-of", str(DAY), "--without-prefect")
    assert again.code == 3
    assert "holds the very files that were withdrawn" in again.err


@pytest.mark.parametrize("reason", [[], ["--reason", " "]])
def test_a_withdrawal_without_a_reason_is_refused(
    reason: list[str], project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["withdraw", "--as-of", str(DAY), *reason, "--config", project.config]
    assert call(words, monkeypatch, capsys).code == 2
