"""Days on which nobody need deliver."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.settings import load_settings
from flows.commands.score import scoring_summary
from flows.score_applications import score_applications
from tasks.errors import ConfigError, ExpectationsNotMet, InputsChanged, SourceError
from tests.conftest import DAY, Project

DECLARED = {"zone": "UTC", "weekend": [], "holidays": {}, "zero_row_days": {DAY: "moving house"}}


@pytest.fixture
def declared(project: Project, tmp_path: Path) -> Project:
    """The project under a calendar that declares the test day to have no applications."""
    path = tmp_path / "calendar.yaml"
    path.write_text(yaml.safe_dump(DECLARED))
    return project.with_settings(scoring={"calendar": str(path)})


def score(project: Project) -> Any:
    return score_applications.fn(as_of=DAY, config=project.config)


def test_on_a_declared_day_no_file_is_no_error_and_the_reason_is_told(declared: Project) -> None:
    result = score(declared)
    assert (result.outcome, result.manifest) == ("no applications", None)
    told = scoring_summary(result, load_settings(declared.config))
    assert "none came, and none need come: it is declared to have no applications (moving house)" in told
    assert not (declared.root / "revisions").exists()


def test_on_a_working_day_no_file_is_an_error_that_names_the_calendar(project: Project) -> None:
    with pytest.raises(SourceError, match=r"If none are due, declare the day in configs/calendar.yaml"):
        score(project)


def test_what_is_delivered_on_a_declared_day_is_scored(declared: Project) -> None:
    declared.deliver(rows=60)
    assert score(declared).manifest.totals.rows == 60


def test_a_published_day_whose_files_vanish_is_no_empty_day(declared: Project) -> None:
    declared.deliver(rows=60)
    score(declared)
    for path in declared.landing.iterdir():
        path.unlink()
    with pytest.raises(InputsChanged, match="gone: applications_1.csv"):
        score(declared)


@pytest.mark.parametrize("spoil", [lambda text: text.replace("zone: UTC", "zone: Utopia"), lambda text: "[]"])
def test_a_wrong_calendar_stops_the_day_before_anything_is_read(
    declared: Project, tmp_path: Path, spoil: Callable[[str], str]
) -> None:
    path = tmp_path / "calendar.yaml"
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ConfigError, match="calendar.yaml"):
        score(declared)


def deliver_headers_alone(project: Project) -> None:
    project.deliver(rows=1)
    path, control = project.landing / "applications_1.csv", project.landing / "_control.json"
    path.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    control.write_text(json.dumps({"day": str(DAY), "files": {path.name: {"rows": 0, "sha256": digest}}}))


def test_a_file_announced_without_rows_is_an_empty_day_where_that_is_declared(declared: Project) -> None:
    deliver_headers_alone(declared)
    assert score(declared).outcome == "no applications"


def test_a_file_announced_without_rows_is_no_day_where_applications_are_due(project: Project) -> None:
    deliver_headers_alone(project)
    with pytest.raises(ExpectationsNotMet, match=f"The files of {DAY} hold no rows"):
        score(project)


def test_a_file_without_rows_beside_others_is_accounted_for(project: Project) -> None:
    project.deliver(rows=60)
    header = (project.landing / "applications_1.csv").read_bytes().partition(b"\n")[0] + b"\n"
    (project.landing / "applications_2.csv").write_bytes(header)
    control = json.loads((project.landing / "_control.json").read_text())
    control["files"]["applications_2.csv"] = {"rows": 0, "sha256": hashlib.sha256(header).hexdigest()}
    (project.landing / "_control.json").write_text(json.dumps(control))
    manifest = score(project).manifest
    assert {name: each.rows for name, each in manifest.audited.files.items()} == {
        "applications_1.csv": 60,
        "applications_2.csv": 0,
    }
