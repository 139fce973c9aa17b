"""A second model scores the day in the same pass. It is never published, and cannot stop the day."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configs.settings import load_settings
from flows.commands.score import scoring_summary
from flows.score_applications import score_applications
from tasks.core.day.facts import result_line
from tasks.core.day.standing import DayResult
from tasks.core.decision.scoring import Scored, score_rows
from tasks.errors import ConfigError
from tasks.reporting.renew import renew_day_page
from tests.conftest import DAY, Project

ROWS = 300


def report_of(project: Project) -> dict[str, Any]:
    return dict(json.loads((project.root / f"reports/day={DAY}/shadow.json").read_text()))


def page_of(project: Project) -> str:
    renew_day_page(DAY, load_settings(project.config))
    return (project.root / f"reports/day={DAY}/index.html").read_text()


@pytest.fixture
def delivered(rivals: Project) -> Project:
    rivals.deliver(rows=ROWS, bad_share=0.02)
    return rivals


def test_the_second_model_is_reported_and_the_bytes_are_those_of_a_day_without_it(
    delivered: Project, score: Callable[..., DayResult]
) -> None:
    beside = score(delivered, shadow="version:2")
    published = delivered.decisions.read_bytes()
    assert beside.manifest
    report = report_of(delivered)
    decided = beside.manifest.totals.decided
    assert (report["shadow"]["version"], report["published"]["version"], report["rows"]) == ("2", "1", decided)
    assert report["publication"] == beside.manifest.publication
    assert report["shadow"]["cutoff"] == pytest.approx(2 * report["published"]["cutoff"])
    by_decision = beside.manifest.audited.by_decision
    refused = sum(each or 0 for each in report["decisions"]["refuse"].values())
    assert refused == pytest.approx(by_decision["refuse"], abs=20)
    assert report["decisions"]["approve"]["refuse"] == 0
    assert report["other_first_reason_share"] == 0
    assert beside.shadow.startswith("Version 2 beside it: The second model decides ")
    assert beside.shadow in result_line(beside)
    assert beside.shadow in scoring_summary(beside, load_settings(delivered.config))
    page = page_of(delivered)
    assert "What a second model would have decided" in page
    assert "credit-default version 2 scored the day, too" in page
    again = score(delivered)
    assert (again.outcome, again.shadow) == ("unchanged", "")
    assert delivered.decisions.read_bytes() == published


def test_the_page_is_silent_about_a_comparison_with_an_older_revision(
    delivered: Project, score: Callable[..., DayResult], tmp_path: Path
) -> None:
    score(delivered, shadow="version:2")
    policy = tmp_path / "other.yaml"
    policy.write_text(Path("configs/policy.yaml").read_text().replace('version: "1"', 'version: "2"'))
    moved = delivered.with_settings(scoring={"policy": str(policy)})
    assert score(moved, force=True, reason="a new policy").outcome == "published"
    assert report_of(moved)["revision"] == 1
    assert "What a second model" not in page_of(moved)


def test_work_without_a_second_model_stays_valid_beside_work_with_one(
    delivered: Project, score: Callable[..., DayResult]
) -> None:
    score(delivered)
    records = {path.name for path in delivered.root.glob(f"work/day={DAY}/*/*.csv.*.json")}
    assert len(records) == 1
    for path in (*delivered.root.glob(f"revisions/day={DAY}/rev=*/*"), delivered.decisions):
        path.unlink()
    assert score(delivered, shadow="version:2").outcome == "published"
    both = {path.name for path in delivered.root.glob(f"work/day={DAY}/*/*.csv.*.json")}
    assert len(both) == 2
    assert records < both


@pytest.mark.parametrize(
    ("shadow", "message"),
    [
        ("version:9", "No second model scores; the day goes on without it. .*version 9"),
        ("challenger", "No second model scores; the day goes on without it. .*@challenger is not available"),
        ("champion", "No second model scores: champion is the version that decides, 1"),
        ("version:1", "No second model scores: version:1 is the version that decides, 1"),
    ],
)
def test_a_second_model_that_cannot_be_had_is_a_warning(
    delivered: Project, score: Callable[..., DayResult], caplog: pytest.LogCaptureFixture, shadow: str, message: str
) -> None:
    result = score(delivered, shadow=shadow)
    assert (result.outcome, result.shadow) == ("published", "")
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert any(re.search(message, warning) for warning in warnings)
    assert not (delivered.root / f"reports/day={DAY}/shadow.json").exists()


def test_a_second_model_that_the_policy_forbids_is_a_warning(
    delivered: Project,
    score: Callable[..., DayResult],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tasks.errors import ModelError
    from tasks.model.load import policy_for

    def forbids(model: Any, bundle: Any, policy: Any) -> Any:
        if model.version == "2":
            raise ModelError("it sees age")
        return policy_for(model, bundle, policy)

    monkeypatch.setattr("tasks.scoring.shadow.policy_for", forbids)
    assert score(delivered, shadow="version:2").outcome == "published"
    assert "No second model scores; the day goes on without it. it sees age" in caplog.text


def test_a_second_model_that_fails_on_a_row_does_not_stop_the_day(
    delivered: Project,
    score: Callable[..., DayResult],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []

    def fails(*args: Any, **options: Any) -> Scored:
        calls.append(1)
        if len(calls) > 1:
            raise FloatingPointError("a value of an applicant")
        return score_rows(*args, **options)

    monkeypatch.setattr("tasks.scoring.shadow_scorer.score_rows", fails)
    small = delivered.with_settings(scoring={"chunk_rows": 100, "workers": 1})
    result = score(small, shadow="version:2")
    assert result.outcome == "published"
    assert result.shadow == "The second model has not scored the whole day; the log says why."
    assert "the second model failed; the day goes on without it: FloatingPointError" in caplog.text
    assert "value of an applicant" not in caplog.text
    assert len(calls) == 2


def test_the_setting_names_the_second_model_of_every_day(delivered: Project, score: Callable[..., DayResult]) -> None:
    set_up = delivered.with_settings(scoring={"shadow": "version:2"})
    assert "Version 2 beside it" in score(set_up).shadow


def test_a_name_that_no_registry_can_hold_is_a_wrong_setting(delivered: Project) -> None:
    with pytest.raises(ConfigError, match="shadow is 'a b'"):
        score_applications.fn(as_of=DAY, config=delivered.config, shadow="a b")
