"""docs/monitoring.md says of everything that monitoring writes what it is, and its queries work."""

import json
import re
import shutil
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet as pq
import pytest

from configs.settings import PROJECT
from tasks.adapters.files.parquet import write_parquet
from tasks.core.monitoring.metrics import METRICS_SCHEMA, Metric, metrics_table
from tasks.monitoring.report import judge_published
from tasks.publication.layout import metrics_key, verdict_key, window_key
from tests.conftest import DAY, Project
from tests.days import Day, elsewhere
from tests.revised_day import NEXT

TEXT: Final = (PROJECT / "docs/monitoring.md").read_text("utf-8")
README: Final = (PROJECT / "README.md").read_text("utf-8")


def chapter(title: str) -> str:
    return TEXT.partition(f"\n### {title}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def named(table: str) -> list[str]:
    """Names in the first cells of a table."""
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)]


@pytest.fixture(scope="module")
def day(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A published day of which monitoring has written all that it writes of a day, and of a window."""
    project = elsewhere(trained, tmp_path_factory.mktemp("documented") / "store")
    shutil.copytree(trained.root / "reference", project.root / "reference")
    project.deliver(rows=600, bad_share=0.05)
    monitored = Day(project)
    judge_published((monitored.manifest,), monitored.settings)
    judge_published((monitored.manifest, monitored.manifest), monitored.settings)
    return monitored


def test_every_key_of_a_verdict_is_told(day: Day) -> None:
    of_day, of_window = (
        json.loads(day.store.read(key).data) for key in (verdict_key(DAY), window_key(DAY, DAY, "verdict.json"))
    )
    assert set(of_window) - set(of_day) == {"from"}
    assert set(named(chapter("verdict.json"))) == set(of_window)


def test_every_column_and_every_figure_of_the_table_is_told(day: Day) -> None:
    told = named(chapter("metrics.parquet"))
    columns = len(METRICS_SCHEMA.names)
    assert sorted(told[:columns]) == sorted(METRICS_SCHEMA.names)
    written = pq.read_table(day.project.root / metrics_key(DAY)).column("metric").to_pylist()
    assert set(written) <= set(told[columns:])
    assert len(told) == len(set(told))


def queries(text: str) -> list[str]:
    """Queries of a document on the figures of monitoring."""
    return [query for query in re.findall(r"```sql\n(.*?)```", text, re.DOTALL) if "/monitoring/" in query]


def found_by(query: str, folder: Path) -> list[tuple]:
    with duckdb.connect() as database:
        return database.execute(query.replace("var/store", str(folder))).fetchall()


def test_the_queries_find_what_they_say(tmp_path: Path) -> None:
    days = {
        DAY: [Metric("missing_share", 0.5, 2_000, "EXT_SOURCE_1", low=0.4, high=0.6)],
        NEXT: [
            Metric("missing_share", 0.9, 2_000, "EXT_SOURCE_1", low=0.4, high=0.6, level="alert"),
            Metric("psi", 0.3, 2_000, "EXT_SOURCE_1", level="watch"),
            Metric("findings", 2.0, 2_000, level="alert"),
        ],
    }
    for day, metrics in days.items():
        path = tmp_path / metrics_key(day)
        path.parent.mkdir(parents=True)
        table = metrics_table(metrics, as_of=day, revision=1, model_version="1")
        path.write_bytes(write_parquet(table, {}))
    trend, most = queries(TEXT)
    (alerts,) = queries(README)
    assert found_by(trend, tmp_path) == [(DAY, 0.5, 0.4, 0.6, "ok"), (NEXT, 0.9, 0.4, 0.6, "alert")]
    assert found_by(most, tmp_path) == [("EXT_SOURCE_1", 1, NEXT)]
    assert found_by(alerts, tmp_path) == [(NEXT, "", "findings", 2.0), (NEXT, "EXT_SOURCE_1", "missing_share", 0.9)]


def test_the_queries_read_the_table_of_a_monitored_day(day: Day) -> None:
    trend, most = queries(TEXT)
    ((as_of, value, low, high, _),) = found_by(trend, day.project.root)
    assert as_of == DAY
    assert 0 < low < high < 1
    assert 0 < value < 1
    columns = pq.read_table(day.project.root / metrics_key(DAY)).column("column").to_pylist()
    assert {column for column, *_ in found_by(most, day.project.root)} <= set(columns)
