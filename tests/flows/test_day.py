"""A whole day through the real parts, as plain Python: what is published, and what must not change it."""

import gzip
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from configs.settings import load_settings
from flows.commands.score import scoring_summary
from flows.score_applications import score_applications
from tasks.core.day.manifest import Manifest
from tasks.core.day.standing import DayResult
from tasks.core.lender.columns import NAMES
from tasks.errors import ExpectationsNotMet, InputsChanged
from tests.conftest import DAY, Project
from tests.days import delivered, elsewhere, lay

Score = Callable[..., Any]
ROWS = 120


class Published(NamedTuple):
    """A published day, for tests that only look at it."""

    project: Project
    result: DayResult
    manifest: Manifest


@pytest.fixture(scope="module")
def published(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Published:
    project = elsewhere(trained, tmp_path_factory.mktemp("published") / "store")
    project.deliver(rows=ROWS, bad_share=0.05)
    result = score_applications.fn(as_of=DAY, config=project.config)
    assert result.manifest
    return Published(project, result, result.manifest)


@pytest.fixture(scope="module")
def reference_bytes(published: Published) -> str:
    return digest(published.project.decisions)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- a good day


def test_a_day_is_published_with_every_row_accounted_for(published: Published) -> None:
    project, result, manifest = published
    totals = manifest.totals
    assert result.outcome == "published"
    assert totals.rows == ROWS == totals.decided + totals.quarantined + totals.duplicates_dropped
    assert totals.quarantined >= 6
    table = pq.read_table(project.decisions)
    assert table.num_rows == totals.decided == len(set(table.column("application_id").to_pylist()))
    assert manifest.audited.quarantine
    assert pq.read_table(project.root / manifest.audited.quarantine.key).num_rows == totals.quarantined


def test_pandas_duckdb_and_arrow_read_the_folder_unfiltered(published: Published) -> None:
    rows = published.manifest.totals.decided
    folder = published.project.root / "decisions"
    assert len(pd.read_parquet(folder)) == rows
    with duckdb.connect() as database:
        found = database.execute(f"select count(*), min(day) from '{folder}/**/*.parquet'").fetchone()
    assert found is not None
    assert (found[0], str(found[1])) == (rows, str(DAY))
    assert ds.dataset(folder, partitioning="hive").count_rows() == rows


def test_the_summary_counts_what_happened(published: Published) -> None:
    project, result, manifest = published
    text = scoring_summary(result, load_settings(project.config))
    assert f"{'Decided':<16}{manifest.totals.decided:>12,}" in text
    assert f"{'Quarantined':<16}{manifest.totals.quarantined:>12,}" in text
    assert str(project.decisions) in text
    count, refused = manifest.audited.by_reason["R01"], manifest.audited.by_decision["refuse"]
    assert f"    {'R01 External credit scores':<44}{count:>8,}  {count / refused:>6.1%}\n" in text


# --- what must not change it


def as_gzip(project: Project) -> None:
    source = project.landing / "applications_1.csv"
    (project.landing / "applications_1.csv.gz").write_bytes(gzip.compress(source.read_bytes()))
    source.unlink()
    (project.landing / "_control.json").unlink()


def as_parquet(project: Project) -> None:
    source = project.landing / "applications_1.csv"
    types = dict.fromkeys(NAMES, pa.string())
    options = pa_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    table = pa_csv.read_csv(source, convert_options=options)
    pq.write_table(table, project.landing / "applications_1.parquet", row_group_size=37)
    source.unlink()
    (project.landing / "_control.json").unlink()


def with_other_columns(project: Project) -> None:
    frame = delivered(project)
    lay(project, frame[list(reversed(frame.columns))].assign(EXTRA="x"))


def untouched(project: Project) -> None:
    assert project.landing.is_dir()


@pytest.mark.parametrize("reshape", [untouched, as_gzip, as_parquet, with_other_columns])
def test_the_published_bytes_depend_on_the_applications_alone(
    project: Project, score: Score, reshape: Callable[[Project], None], reference_bytes: str
) -> None:
    project.deliver(rows=ROWS, bad_share=0.05)
    reshape(project)
    score(project.with_settings(scoring={"chunk_rows": 50}))
    assert digest(project.decisions) == reference_bytes


def test_several_files_are_one_day_whatever_they_are_called(
    project: Project, score: Score, reference_bytes: str
) -> None:
    project.deliver(rows=ROWS, bad_share=0.05, files=3)
    (project.landing / "_control.json").unlink()
    for number, name in ((1, "z"), (2, "m"), (3, "a")):
        (project.landing / f"applications_{number}.csv").rename(project.landing / f"{name}.csv")
    manifest = score().manifest
    assert digest(project.decisions) == reference_bytes
    assert sorted(manifest.audited.files) == ["a.csv", "m.csv", "z.csv"]


# --- a day that is published, and one that must not be


def test_a_rerun_does_nothing_and_says_so(published: Published) -> None:
    project, first, _ = published
    before = {path: path.stat().st_mtime_ns for path in project.root.rglob("*") if path.is_file()}
    again = score_applications.fn(as_of=DAY, config=project.config)
    after = {path: path.stat().st_mtime_ns for path in project.root.rglob("*") if path.is_file()}
    assert (again.outcome, again.manifest) == ("unchanged", first.manifest)
    assert {path for path in before if after[path] != before[path]} == set()
    assert "nothing to do" in scoring_summary(again, load_settings(project.config))


def test_a_committed_day_is_shown_even_if_its_files_are_gone(
    published: Published, tmp_path: Path, reference_bytes: str
) -> None:
    shutil.copytree(published.project.root, tmp_path / "store")
    project = elsewhere(published.project, tmp_path / "store")
    project.decisions.unlink()
    shutil.rmtree(project.landing)
    with pytest.raises(InputsChanged, match="gone: applications_1.csv"):
        score_applications.fn(as_of=DAY, config=project.config)
    assert digest(project.decisions) == reference_bytes


def test_an_implausible_share_of_approvals_is_not_published(project: Project, score: Score) -> None:
    project.deliver(rows=200)
    with pytest.raises(ExpectationsNotMet, match="would be approved; audit.min_approval_share"):
        score(project.with_settings(audit={"min_approval_share": 0.999, "max_approval_share": 1.0}))
    rooms = {path.name for path in project.root.iterdir()}
    assert rooms & {"decisions", "revisions", "quarantine", "reports"} == set()
