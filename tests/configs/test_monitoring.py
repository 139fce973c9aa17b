"""The reviewed thresholds of monitoring: complete, in order, and every mistake in them is named."""

import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from configs.monitoring import Statistic, load_thresholds
from configs.settings import PROJECT, Settings
from tasks.core.monitoring.statistics import STATISTICS
from tasks.core.monitoring.thresholds import Thresholds
from tasks.errors import ConfigError

SHIPPED = PROJECT / Settings().monitoring.thresholds


def changed(folder: Path, change: Any) -> Path:
    """The shipped file with another content."""
    content = yaml.safe_load(SHIPPED.read_text())
    change(content)
    path = folder / "monitoring.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_shipped_thresholds_cover_every_statistic_and_no_other() -> None:
    file = load_thresholds(SHIPPED)
    assert set(file.statistics) == set(get_args(Statistic)) == set(STATISTICS)


def test_the_judge_takes_the_thresholds_as_they_are_written() -> None:
    file = load_thresholds(SHIPPED)
    thresholds = Thresholds.of(file.model_dump())
    for field in fields(Thresholds):
        if field.name != "statistics":
            assert getattr(thresholds, field.name) == getattr(file, field.name)
    for name, threshold in thresholds.statistics.items():
        assert asdict(threshold) == file.statistics[name].model_dump()


def test_every_threshold_in_the_file_has_its_reason_beside_it() -> None:
    """A statistic says what its sizes are, and each number of the whole verdict has a comment above it."""
    text = SHIPPED.read_text()
    for name in STATISTICS:
        assert re.search(rf"^  {name}: +# .+", text, re.MULTILINE)
    for name in ("alert_probability", "heavy_share", "least_rows"):
        assert re.search(rf"^# .+\n{name}:", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda file: file.pop("heavy_share"), "heavy_share"),
        (lambda file: file.update(version=""), "version"),
        (lambda file: file.update(heavy_shares=0.1), "heavy_shares"),
        (lambda file: file.update(heavy_share=1.1), "heavy_share"),
        (lambda file: file.update(light_factor=0.9), "light_factor"),
        (lambda file: file.update(least_rows=0), "least_rows"),
        (lambda file: file.update(sure_rows=0.5), "sure_rows"),
        (lambda file: file.update(alert_probability=0), "alert_probability"),
        (lambda file: file.update(alert_probability=float("nan")), "alert_probability"),
        (lambda file: file["statistics"].pop("tail"), "statistics.*not so: tail"),
        (lambda file: file["statistics"].update(kurtosis=file["statistics"]["tail"]), "not so: kurtosis"),
        (lambda file: file["statistics"]["tail"].update(watch=0), "tail.*watch"),
        (lambda file: file["statistics"]["tail"].update(watch="much"), "tail.*watch"),
        (
            lambda file: file["statistics"]["tail"].update(alert=0.001),
            "tail.*alert is 0.001; it must be at least watch",
        ),
        (lambda file: file["statistics"]["tail"].update(corrected="never"), "tail.*corrected"),
        (lambda file: file["statistics"]["tail"].update(probability=1), "tail.*probability"),
        (lambda file: file["statistics"]["tail"].pop("probability"), "tail.*probability"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, change: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=f"monitoring.yaml is wrong: .*{told}"):
        load_thresholds(changed(tmp_path, change))


@pytest.mark.parametrize("alert", [0.002, 0.0021])
def test_an_alert_may_begin_where_a_watch_does(tmp_path: Path, alert: float) -> None:
    path = changed(tmp_path, lambda file: file["statistics"]["tail"].update(watch=0.002, alert=alert))
    assert load_thresholds(path).statistics["tail"].alert == alert


@pytest.mark.parametrize(("text", "told"), [("", "empty"), ("- 1\n", "mapping"), ("a: [", "YAML")])
def test_a_file_that_is_no_table_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "monitoring.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_thresholds(path)


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"monitoring\.thresholds|gone\.yaml"):
        load_thresholds(tmp_path / "gone.yaml")
