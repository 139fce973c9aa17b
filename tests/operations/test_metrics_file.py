"""The file tells the day and how the last runs ended, whatever becomes of the run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from configs.calendar import Calendar
from configs.settings import Settings
from tasks.adapters.prometheus import read_gauge
from tasks.errors import SourceError
from tasks.operations.metrics_file import LastRun, gauges_of, last_runs, metrics_written
from tasks.publication.day_status import DayStatus
from tests.conftest import DAY, Project
from tests.manifests import sample_manifest

PRAGUE = Calendar(zone="Europe/Prague", weekend=(), holidays={}, zero_row_days={})


def settings_in(folder: Path) -> Settings:
    sections = {"storage": {"root": str(folder / "store")}, "monitoring": {"metrics_file": str(folder / "m/a.prom")}}
    return Settings.model_validate(sections)


def told(status: DayStatus, **runs: LastRun) -> dict[str, dict[str, float]]:
    return {gauge.name: dict(gauge.values) for gauge in gauges_of(status, PRAGUE, runs)}


def test_a_published_day_is_told_by_its_manifest() -> None:
    gauges = told(DayStatus(DAY, sample_manifest(), "published", (), "watch"), score=LastRun(12.0, 0))
    assert gauges["scoring_day_begun_seconds"] == {"": datetime(2026, 11, 1, 23, tzinfo=UTC).timestamp()}
    assert gauges["scoring_day_published"] == {"": 1.0}
    assert gauges["scoring_verdict"] == {"ok": 0.0, "watch": 1.0, "alert": 0.0, "insufficient": 0.0}
    assert (gauges["scoring_rows"]["received"], gauges["scoring_rows"]["decided"]) == (5034, 4032)
    assert gauges["scoring_decisions"]["approve"] == 3024
    assert gauges["scoring_run_exit_code"] == {"score": 0.0}
    assert gauges["scoring_published_seconds"][""] > gauges["scoring_day_begun_seconds"][""]


def test_a_day_without_a_revision_is_told_without_its_figures() -> None:
    gauges = told(DayStatus(DAY, None, "missing"))
    assert gauges["scoring_day_published"] == {"": 0.0}
    assert "scoring_rows" not in gauges


@pytest.mark.parametrize(("error", "code"), [(None, 0), (SourceError("no files"), 3), (ZeroDivisionError(), 1)])
def test_a_run_is_told_by_its_exit_code_and_its_error_goes_on(
    tmp_path: Path, error: Exception | None, code: int
) -> None:
    settings = settings_in(tmp_path)

    def run() -> None:
        with metrics_written("score", DAY, settings):
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            run()
    else:
        run()
    assert last_runs(tmp_path / "m/a.prom")["score"].exit_code == code


def test_the_end_of_the_other_command_is_kept(tmp_path: Path) -> None:
    settings, path = settings_in(tmp_path), tmp_path / "m/a.prom"
    with metrics_written("score", DAY, settings):
        pass
    scored = last_runs(path)["score"]
    with metrics_written("monitor", DAY, settings):
        pass
    assert last_runs(path)["score"] == scored
    assert last_runs(path)["monitor"].ended_seconds >= scored.ended_seconds


def test_a_file_that_cannot_be_written_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("a file where the folder should be")
    with metrics_written("score", DAY, settings_in(tmp_path)):
        pass
    assert (tmp_path / "m").is_file()


def test_without_the_setting_nothing_is_written(tmp_path: Path) -> None:
    with metrics_written("score", DAY, Settings.model_validate({"storage": {"root": str(tmp_path)}})):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_scored_day_writes_the_file(project: Project, score: Callable[..., Any], tmp_path: Path) -> None:
    project.deliver(rows=200)
    path = tmp_path / "scoring.prom"
    watched = project.with_settings(monitoring={"metrics_file": str(path)})
    score(watched)
    assert read_gauge(path, "scoring_rows", "fate")["received"] == 200
    assert last_runs(path)["score"].exit_code == 0


def test_a_day_that_is_scored_late_leaves_the_file_of_a_later_day_alone(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    path = Path(settings.monitoring.metrics_file or "")
    with pytest.raises(SourceError), metrics_written("score", DAY, settings):
        raise SourceError("no files")
    told_of_today = path.read_text()
    with metrics_written("score", DAY - timedelta(days=1), settings):
        pass
    assert path.read_text() == told_of_today
    with metrics_written("score", DAY, settings):
        pass
    assert read_gauge(path, "scoring_run_exit_code", "command") == {"score": 0.0}
