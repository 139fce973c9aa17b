"""Days on which nobody need deliver."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.settings import load_settings
from flows.commands.score import scoring_summary
from flows.score_applications import score_applications
from tasks.errors import ExpectationsNotMet, InputsChanged
from tests.conftest import DAY, Project
from tests.days import delivered, lay

DECLARED = {"zone": "UTC", "weekend": [], "holidays": {}, "zero_row_days": {DAY: "moving house"}}


@pytest.fixture
def declared(project: Project, tmp_path: Path) -> Project:
    """The project under a calendar that declares the test day to have no applications."""
    path = tmp_path / "calendar.yaml"
    path.write_text(yaml.safe_dump(DECLARED))
    return project.with_settings(scoring={"calendar": str(path)})


def score(project: Project) -> Any:
    return score_applications.fn(as_of=DAY, config=project.config)


def announce(project: Project, **rows: int) -> None:
    """Announce the delivered files, each by its name up to the ending, as they are now."""
    paths = {project.landing / f"{name}.csv": count for name, count in rows.items()}
    files = {
        path.name: {"rows": count, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path, count in paths.items()
    }
    (project.landing / "_control.json").write_text(json.dumps({"day": str(DAY), "files": files}))


def deliver_headers_alone(project: Project) -> None:
    project.deliver(rows=1)
    lay(project, delivered(project)[:0])
    announce(project, applications_1=0)


def test_on_a_declared_day_no_file_is_no_error_and_the_reason_is_told(declared: Project) -> None:
    result = score(declared)
    assert (result.outcome, result.manifest) == ("no applications", None)
    told = scoring_summary(result, load_settings(declared.config))
    assert "none came, and none need come: it is declared to have no applications (moving house)" in told
    assert not (declared.root / "revisions").exists()


def test_a_declared_day_that_was_delivered_is_scored_and_its_files_may_not_vanish(declared: Project) -> None:
    declared.deliver(rows=60)
    assert score(declared).manifest.totals.rows == 60
    for path in declared.landing.iterdir():
        path.unlink()
    with pytest.raises(InputsChanged, match="gone: applications_1.csv"):
        score(declared)


def test_a_file_announced_without_rows_is_an_empty_day_where_that_is_declared(declared: Project) -> None:
    deliver_headers_alone(declared)
    assert score(declared).outcome == "no applications"


def test_a_file_announced_without_rows_is_no_day_where_applications_are_due(project: Project) -> None:
    deliver_headers_alone(project)
    with pytest.raises(ExpectationsNotMet, match=f"The files of {DAY} hold no rows"):
        score(project)


def test_a_file_without_rows_beside_others_is_accounted_for(project: Project) -> None:
    project.deliver(rows=60)
    lay(project, delivered(project)[:0], "applications_2.csv")
    announce(project, applications_1=60, applications_2=0)
    files = score(project).manifest.audited.files
    assert {name: each.rows for name, each in files.items()} == {"applications_1.csv": 60, "applications_2.csv": 0}
