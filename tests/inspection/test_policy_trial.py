"""A policy is tried on the pd of published days; nothing of the store is changed."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from configs.settings import load_settings
from flows.commands.policy import trial_summary
from tasks.core.day.standing import DayResult
from tasks.core.monitoring.policy_trial import PdLimits
from tasks.errors import ConfigError, SourceError
from tasks.inspection.policy_trial import trial_record, tried_thresholds, try_on_published, write_trial_page
from tests.commands import call
from tests.conftest import DAY, Project

ACTIVE = PdLimits(0.1, 0.05)


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        ({}, ACTIVE),
        ({"cutoff": "0.08"}, PdLimits(0.08, 0.04)),
        ({"refer_from": "0.1"}, PdLimits(0.1, 0.1)),
        ({"cutoff": "0.2", "refer_from": "0.15"}, PdLimits(0.2, 0.15)),
    ],
)
def test_what_is_not_tried_stays(tried: dict[str, str], expected: PdLimits) -> None:
    assert tried_thresholds(tried, ACTIVE) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tried", "message"),
    [
        ({"cutoff": "0"}, "cutoff is '0'; it must be a probability"),
        ({"cutoff": "1"}, "cutoff is '1'; it must be a probability"),
        ({"cutoff": "nan"}, "cutoff is 'nan'; it must be a probability"),
        ({"cutoff": "low"}, "cutoff is 'low'; it must be a probability"),
        ({"cut-off": "0.1"}, "'cut-off' cannot be tried; expected cutoff or refer_from"),
        ({"refer_from": "0.75"}, "refer_from 0.75 is above the cut-off 0.1. .* a multiple of the cut-off"),
    ],
)
def test_what_cannot_be_tried_is_refused(tried: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tried_thresholds(tried, ACTIVE)


def test_a_trial_prices_the_published_pd_and_changes_nothing(
    project: Project, score: Callable[..., DayResult], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    settings = load_settings(project.config)
    with pytest.raises(SourceError, match="No published day can be read"):
        try_on_published({"cutoff": "0.2"}, 28, settings)
    project.deliver(rows=900)
    score()
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    tried = try_on_published({"cutoff": "0.2"}, 28, settings)
    assert {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()} == before
    pd = pq.read_table(project.decisions).column("pd").to_numpy()
    expected = np.where(pd >= 0.2, 1 - pd, 10 * pd).mean()
    assert tried.trial.tried.cost.value == pytest.approx(expected)
    assert tried.trial.active.thresholds.cutoff == pytest.approx(1 / 11)
    assert (tried.days, tried.known_kinds) == ((str(DAY),), len(pd))
    assert {each.grouping for each in tried.trial.tried.fairness} == {"age", "elderly", "gender"}
    told = trial_summary(tried)
    assert f"{len(pd):,} applications of 1 published day, {DAY} to {DAY}" in told
    assert "Refused from pd" in told
    page = tmp_path / "trial.html"
    write_trial_page(page, tried)
    text = page.read_text()
    assert "The tried policy is expected to cost" in text
    assert "<svg" in text
    assert "<script" not in text
    words = ["policy", "--try", "cutoff=0.2", "--json", "--config", project.config]
    ended = call(words, monkeypatch, capsys)
    assert json.loads(ended.out) == json.loads(json.dumps(trial_record(tried)))
    for path in project.landing.glob("*.csv"):
        path.unlink()
    without = try_on_published({"cutoff": "0.2"}, 28, settings)
    assert without.trial.tried.fairness == ()
    assert any("whose delivered row is not there any more" in each for each in without.remarks)


@pytest.mark.parametrize(
    "words",
    [["--try", "cutoff"], ["--try", "cutoff=0.1", "--try", "cutoff=0.2"], ["--days", "7"], ["--page", "x.html"]],
)
def test_options_that_contradict_each_other_are_a_usage_error(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["policy", *words], monkeypatch, capsys).code == 2
