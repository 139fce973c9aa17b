"""Catch-up judges the days that nobody has judged, and a day that fails holds up no other."""

import json
from datetime import date, timedelta

import pytest

from flows.monitor_decisions import monitor_missing_days
from flows.score_applications import score_applications
from tasks.errors import InputsChanged
from tasks.feed.generate import generate_day, load_statistics
from tasks.publication.layout import verdict_key
from tasks.store.folder import FolderStore
from tests.commands import call
from tests.conftest import DAY, Project

NEXT = DAY + timedelta(days=1)


def publish_both(project: Project) -> None:
    for day in (DAY, NEXT):
        generate_day(FolderStore(project.root), load_statistics(), as_of=day, rows=200, seed=11)
        score_applications.fn(as_of=day, config=project.config)


def level_of(project: Project, day: date) -> str:
    verdict: dict[str, str] = json.loads((project.root / verdict_key(day)).read_bytes())
    return verdict["verdict"]


def test_each_day_without_a_verdict_is_judged_once(project: Project) -> None:
    publish_both(project)
    assert [each.last for each in monitor_missing_days.fn(config=project.config)] == [DAY, NEXT]
    assert {level_of(project, day) for day in (DAY, NEXT)} == {"insufficient"}
    assert monitor_missing_days.fn(config=project.config) == ()


def test_a_day_that_cannot_be_judged_is_told_and_holds_up_no_other(project: Project) -> None:
    publish_both(project)
    file = next(path for path in project.landing.iterdir() if path.suffix == ".csv")
    file.write_text(file.read_text().replace("Cash loans", "Revolving loans", 1))
    with pytest.raises(InputsChanged, match=rf"1 of 2 days could not be monitored. {DAY}: "):
        monitor_missing_days.fn(config=project.config)
    assert level_of(project, NEXT) == "insufficient"


def test_a_day_that_was_just_published_is_left_to_its_own_run(project: Project) -> None:
    project.deliver(rows=200)
    score_applications.fn(as_of=DAY, config=project.config)
    assert monitor_missing_days.fn(config=project.config, grace_minutes=15) == ()


def test_the_command_tells_each_day(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_both(project)
    words = ["monitor", "--missing", "--without-prefect", "--config", project.config]
    ended = call(words, monkeypatch, capsys)
    assert ended.code == 0, ended.err
    assert "2 days without a verdict, monitored now" in ended.out
    assert f"{NEXT}  insufficient " in ended.out


def test_the_command_takes_no_day_with_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["monitor", "--missing", "--as-of", str(DAY)], monkeypatch, capsys).code == 2
