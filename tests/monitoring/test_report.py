"""A published day is judged: what is written of it, on which days, and that nothing else is touched."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from configs.settings import load_settings
from flows.score_applications import score_applications
from tasks.adapters.files.parquet import read_parquet
from tasks.core.day.manifest import Manifest
from tasks.core.monitoring.expected import CONCEPT_DRIFT_CAVEAT
from tasks.core.monitoring.metrics import METRICS_SCHEMA
from tasks.errors import ConfigError, SourceError
from tasks.feed.generate import generate_day, load_statistics
from tasks.monitoring.draw import draw_verdict
from tasks.monitoring.report import MonitoringResult, judge_published, published_window
from tasks.publication.layout import metrics_key, monitoring_key, recent_key, verdict_key, window_key
from tasks.publication.manifests import newest_manifest
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.days import Day, delivered, elsewhere, lay
from tests.monitored_store import publish_files

ROWS = 700
LOST = ("COMMONAREA_AVG", "HOUSETYPE_MODE")
NEXT = DAY + timedelta(days=1)
KEYS = (
    verdict_key(DAY),
    metrics_key(DAY),
    monitoring_key(DAY, "drift.html"),
    monitoring_key(DAY, "drift.json"),
)


def score_rows(project: Project, rows: int, *, lost: tuple[str, ...] = ()) -> Day:
    """A published day of so many rows, on which some columns have no value."""
    project.deliver(rows=rows)
    frame = delivered(project).assign(**dict.fromkeys(lost, ""))
    # Cents that no figure drawn from frozen numbers has by chance.
    frame["AMT_CREDIT"] = [f"{float(amount) + 0.37:.2f}" if amount else "" for amount in frame["AMT_CREDIT"]]
    lay(project, frame)
    day = Day(project)
    assert day.manifest
    return day


def judged(day: Day, **options: Any) -> MonitoringResult:
    judgement = judge_published((day.manifest,), day.settings, **options)
    draw_verdict(judgement, day.settings)
    return judgement.result


def with_reference(trained: Project, root: Path) -> Project:
    """A project with the champion, and its reference sample, in a store of its own."""
    shutil.copytree(trained.root / "reference", root / "reference")
    return elsewhere(trained, root)


@pytest.fixture(scope="module")
def day(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A judged day that lost two columns."""
    project = with_reference(trained, tmp_path_factory.mktemp("monitored") / "store")
    lost = score_rows(project, ROWS, lost=LOST)
    judged(lost)
    return lost


def verdict_of(day: Day, key: str = KEYS[0]) -> dict[str, Any]:
    """The verdict as any reader of JSON takes it: none has NaN or Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    content: dict[str, Any] = json.loads(day.store.read(key).data, parse_constant=refuse)
    return content


def numbers_in(content: Any) -> Iterator[float]:
    """Every number in a JSON value."""
    if isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from numbers_in(each)
    elif isinstance(content, int | float):
        yield content


# --- what is written


def test_the_verdict_has_the_promised_fields(day: Day) -> None:
    verdict = verdict_of(day)
    facts = {"as_of": str(DAY), "revision": 1, "model_version": "1", "rows": ROWS, "against": "reference"}
    assert {name: verdict[name] for name in facts} == facts
    assert verdict["verdict"] == "alert"
    promised = {"column", "what", "value", "low", "high", "reference", "level", "sentence"}
    for finding in verdict["findings"]:
        assert promised <= finding.keys()
    order = [(finding["level"] != "alert", -finding["weight"]) for finding in verdict["findings"]]
    assert order == sorted(order)
    assert {finding["column"] for finding in verdict["findings"]} >= set(LOST)
    assert verdict["smallest_detectable"]
    assert verdict["expected"]["caveat"] == CONCEPT_DRIFT_CAVEAT
    assert 0 < verdict["expected"]["approval_rate"]["value"] < 1


def test_the_figures_have_the_promised_columns_and_duckdb_reads_them_unfiltered(day: Day) -> None:
    table = read_parquet(day.store.read(KEYS[1]).data)
    assert table.schema.equals(METRICS_SCHEMA)
    everything = f"'{day.project.root}/monitoring/**/*.parquet'"
    lost = f"select \"column\", level from {everything} where metric = 'missing_share' and value = 1.0 order by 1"
    found = duckdb.execute(lost).fetchall()
    assert found == [(name, "alert") for name in LOST]


def test_no_value_of_an_applicant_is_in_what_is_written(day: Day) -> None:
    own = {round(float(amount), 6) for amount in delivered(day.project)["AMT_CREDIT"] if amount}
    own |= {float(each) for each in delivered(day.project)["SK_ID_CURR"]}
    written = [day.store.read(key).data.decode() for key in KEYS if not key.endswith("parquet")]
    table = read_parquet(day.store.read(KEYS[1]).data)
    figures = {value for name in ("value", "low", "high") for value in table.column(name).to_pylist() if value}
    shown = {round(float(number), 6) for text in written for number in re.findall(r"\d+(?:\.\d+)?", text)}
    assert len(own) > ROWS
    assert own & (shown | figures) == set()


def test_monitoring_again_gives_the_same_bytes_and_touches_nothing_else(day: Day) -> None:
    before = {entry.key: day.store.read(entry.key).data for entry in day.store.list("")}
    result = judged(day)
    assert result.keys == KEYS
    assert {entry.key: day.store.read(entry.key).data for entry in day.store.list("")} == before


def test_the_result_is_what_was_written(day: Day) -> None:
    result = judged(day)
    verdict = verdict_of(day)
    assert (result.level, result.headline, result.rows) == (verdict["verdict"], verdict["headline"], ROWS)
    assert result.reference_rows == 4000
    assert list(result.findings) == [f"{each['level']}: {each['sentence']}" for each in verdict["findings"]]
    assert set(LOST) <= set(result.columns)
    assert result.expected[-1] == CONCEPT_DRIFT_CAVEAT


# --- days of few, of nobody, and without a sample


@pytest.mark.parametrize("rows", [1, 19])
def test_of_a_day_of_so_few_no_figure_is_told(trained: Project, tmp_path: Path, rows: int) -> None:
    few = score_rows(with_reference(trained, tmp_path / "store"), rows, lost=LOST)
    result = judged(few)
    assert (result.level, result.findings, result.columns) == ("insufficient", (), ())
    assert result.headline.startswith("No figures are shown of ")
    assert result.expected == (CONCEPT_DRIFT_CAVEAT,)
    verdict = verdict_of(few)
    assert set(numbers_in(verdict)) <= {rows, 0, 1}
    table = read_parquet(few.store.read(KEYS[1]).data)
    told = {row["metric"] for row in table.to_pylist() if row["value"]}
    assert told <= {"publication_hours", "step_seconds"}
    assert not [n for n in table.column("n").to_pylist() if 0 < n < 20]


def test_a_day_on_which_nobody_is_left_has_a_verdict(day: Day, trained: Project, tmp_path: Path) -> None:
    project = with_reference(trained, tmp_path / "store")
    nobody = publish_files(FolderStore(project.root), {}, model=day.manifest.model, policy=day.manifest.policy)
    result = judge_published((nobody,), load_settings(project.config)).result
    assert (result.level, result.rows) == ("insufficient", 0)
    assert result.headline == "There is no application to compare."


# --- several days


@pytest.fixture(scope="module")
def two_days(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two published days, both of which lost two columns."""
    project = with_reference(trained, tmp_path_factory.mktemp("two_days") / "store")
    drift = ",".join(f"missing:{name}:1" for name in LOST)
    for day, seed in ((DAY, 21), (NEXT, 22)):
        store = FolderStore(project.root)
        generate_day(store, load_statistics(), as_of=day, rows=ROWS, seed=seed, drift=drift)
        assert score_applications.fn(as_of=day, config=project.config).manifest
    return project


def manifests(project: Project) -> list[Manifest]:
    """Manifests of both days."""
    found = [newest_manifest(FolderStore(project.root), day) for day in (DAY, NEXT)]
    return [manifest for manifest in found if manifest]


def test_a_window_is_the_sum_of_its_days_and_keeps_no_figures_of_its_own(two_days: Project) -> None:
    settings = load_settings(two_days.config)
    store = FolderStore(two_days.root)
    published = published_window(DAY - timedelta(days=3), NEXT + timedelta(days=3), settings)
    assert [manifest.as_of for manifest in published] == [DAY, NEXT]
    judgement = judge_published(published, settings)
    draw_verdict(judgement, settings)
    result = judgement.result
    assert (result.first, result.last, result.rows) == (DAY, NEXT, 2 * ROWS)
    names = ("verdict.json", "drift.html", "drift.json")
    assert result.keys == tuple(window_key(DAY, NEXT, name) for name in names)
    verdict = json.loads(store.read(result.keys[0]).data)
    assert (verdict["from"], verdict["as_of"], verdict["rows"]) == (str(DAY), str(NEXT), 2 * ROWS)
    before = {key: store.read(key).data for key in result.keys}
    draw_verdict(judge_published(published, settings), settings)
    assert {key: store.read(key).data for key in result.keys} == before


def test_a_day_is_compared_with_the_days_before_it(two_days: Project) -> None:
    settings = load_settings(two_days.config)
    store = FolderStore(two_days.root)
    first, second = manifests(two_days)
    assert set(LOST) <= set(judge_published((first,), settings).result.columns)
    assert set(LOST) <= set(judge_published((second,), settings).result.columns)
    before = {key: store.read(key).data for key in (verdict_key(NEXT), metrics_key(NEXT))}
    result = judge_published((second,), settings, "last-28").result
    assert {key: store.read(key).data for key in before} == before, "the verdict on the day stays"
    verdict = json.loads(store.read(recent_key(NEXT, "verdict.json")).data)
    assert (result.reference_rows, verdict["against"]) == (ROWS, "last-28")
    assert "are missing" not in " ".join(result.findings)
    with pytest.raises(SourceError, match="Monitor them first, or compare with the reference"):
        judge_published((first,), settings, "last-28")


@pytest.mark.parametrize(("days", "is_possible"), [(0, False), (1, True), (92, True), (93, False)])
def test_a_window_has_1_to_92_days(two_days: Project, days: int, is_possible: bool) -> None:
    last = DAY + timedelta(days=days - 1)
    settings = load_settings(two_days.config)
    if is_possible:
        assert published_window(DAY, last, settings)[0].as_of == DAY
    else:
        with pytest.raises(ConfigError, match=f"The window from {DAY} to {last} has {days} days; 1 to 92 are possible"):
            published_window(DAY, last, settings)


def test_a_window_without_a_published_day_is_told(two_days: Project) -> None:
    with pytest.raises(SourceError, match="No day from 2026-01-01 to 2026-01-02 is published"):
        published_window(date(2026, 1, 1), date(2026, 1, 2), load_settings(two_days.config))


def test_days_of_different_models_are_no_window(tmp_path: Path, trained: Project) -> None:
    project = elsewhere(trained, tmp_path / "store")
    store = FolderStore(project.root)
    first = publish_files(store, {})
    publish_files(store, {}, as_of=NEXT, model=replace(first.model, version="2"))
    with pytest.raises(ConfigError, match="were decided by credit-default 1, credit-default 2. Different models"):
        published_window(DAY, NEXT, load_settings(project.config))


# --- two days in a row


def test_what_is_found_again_on_the_next_day_alerts(two_days: Project, tmp_path: Path) -> None:
    """Thresholds under which everything is found and nothing alerts by its size alone."""
    text = Path("configs/monitoring.yaml").read_text()
    for name, value in (("watch", 1e-6), ("alert", 99), ("probability", 0.999)):
        text = re.sub(rf"^    {name}: [\d.]+", f"    {name}: {value:f}", text, flags=re.MULTILINE)
    thresholds = tmp_path / "monitoring.yaml"
    thresholds.write_text(text)
    settings = load_settings(two_days.with_settings(monitoring={"thresholds": str(thresholds)}).config)
    store = FolderStore(two_days.root)
    first, second = manifests(two_days)
    for key in (verdict_key(DAY), verdict_key(NEXT)):
        store.delete(key)
    assert judge_published((second,), settings).result.level == "watch"
    assert judge_published((first,), settings).result.level == "watch"
    again = judge_published((second,), settings).result
    assert again.level == "alert"
    assert all(f"alert: 100.0% of the values of {name} are missing" in " ".join(again.findings) for name in LOST)
    assert judge_published((first, second), settings).result.level == "watch", "a window is no second day"
