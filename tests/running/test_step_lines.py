"""`SCORING_LOG=json`: one line a step, with names, counts and times."""

import io
import json
import sys
from typing import Any

import pytest

from configs.settings import Settings, is_log_json, load_settings
from tasks.core.day.records import Draft
from tasks.errors import ConfigError, SourceError
from tasks.running.context import settings_of_run
from tasks.running.step import business_day, step
from tests.conftest import DAY
from tests.manifests import sample_manifest


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORING_LOG", "json")


def lines_in(told: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.splitlines()]


@pytest.mark.usefixtures("as_json")
def test_each_step_is_a_line_that_names_run_day_and_revision(capsys: pytest.CaptureFixture[str]) -> None:
    settings_of_run(None)
    step("arrive")(lambda: None)()
    business_day(DAY, Settings())
    step("draft")(lambda: Draft(2, "why", None))()
    step("publish")(lambda: sample_manifest(revision=2))()
    lines = lines_in(capsys.readouterr().err)
    assert [(line["step"], line["day"], line["revision"], line["rows"]) for line in lines] == [
        ("arrive", None, None, None),
        ("draft", "2026-11-02", 2, None),
        ("publish", "2026-11-02", 2, 5034),
    ]
    assert {line["outcome"] for line in lines} == {"done"}
    assert {line["run"] for line in lines} == {None}
    assert all(line["seconds"] >= 0 for line in lines)
    assert all(line["time"].endswith("+00:00") for line in lines)


@pytest.mark.usefixtures("as_json")
def test_a_step_that_fails_is_told_with_its_error_and_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    @step("arrive")
    def fail() -> None:
        raise SourceError("a message")

    with pytest.raises(SourceError):
        fail()
    told = capsys.readouterr().err
    assert lines_in(told)[0]["outcome"] == "SourceError"
    assert "a message" not in told


@pytest.mark.usefixtures("as_json")
def test_a_run_forgets_the_one_before(capsys: pytest.CaptureFixture[str]) -> None:
    business_day(DAY, Settings())
    settings_of_run(None)
    step("arrive")(lambda: None)()
    assert lines_in(capsys.readouterr().err)[0]["day"] is None


@pytest.mark.usefixtures("as_json")
def test_a_stream_that_is_gone_stops_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, f"No space left for {len(text)} characters")

    monkeypatch.setattr(sys, "stderr", Full())
    assert step("count")(lambda: 3)() == 3


@pytest.mark.parametrize("form", ["", "text", None])
def test_without_being_asked_no_line_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str | None
) -> None:
    monkeypatch.delenv("SCORING_LOG", raising=False)
    if form is not None:
        monkeypatch.setenv("SCORING_LOG", form)
    step("count")(lambda: 3)()
    assert (is_log_json(), capsys.readouterr().err) == (False, "")
    load_settings()


def test_another_form_is_refused() -> None:
    with pytest.raises(ConfigError, match="SCORING_LOG is 'xml'; expected text or json"):
        load_settings(environ={"SCORING_LOG": "xml"})
