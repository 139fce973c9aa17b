"""A whole day through the real parts, as plain Python: what is published, and what must not change it."""

import gzip
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from configs.calendar import load_calendar
from configs.settings import load_settings
from flows.commands.score import scoring_summary
from flows.score_applications import score_applications
from tasks.adapters.files.landing_file import AS_DELIVERED
from tasks.core.day.manifest import Manifest
from tasks.core.day.standing import DayResult
from tasks.core.lender.columns import NAMES
from tasks.erasure.erase import erase
from tasks.errors import ExpectationsNotMet, InputsChanged
from tasks.inspection.explain import explain
from tasks.inspection.verify import verify_day
from tasks.publication.day_status import day_history, list_days
from tasks.publication.layout import manifest_key
from tasks.publication.manifests import manifest_json, read_manifest
from tasks.store import open_store
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
    assert rooms & {"decisions", "revisions", "quarantine"} == set()
    assert [path.name for path in (project.root / "reports").iterdir()] == ["index.html"]


# --- names that look the same

COMPOSED, DECOMPOSED = "\u017e\u00e1dosti.csv", "z\u030ca\u0301dosti.csv"


def name_as_before(project: Project) -> None:
    """Let the manifest name its file with decomposed letters, as an earlier version of the program did."""
    path = project.root / manifest_key(DAY, 1)
    manifest = read_manifest(path.read_bytes())
    audited = manifest.audited
    renamed = replace(audited, files={DECOMPOSED: audited.files[COMPOSED]}, control_totals={})
    inputs = {DECOMPOSED: manifest.inputs[COMPOSED]}
    path.write_bytes(manifest_json(replace(manifest, inputs=inputs, audited=renamed)))


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize("now", [COMPOSED, DECOMPOSED])
def test_a_landing_that_is_copied_to_a_system_of_other_letters_is_the_same_landing(
    project: Project, score: Score, now: str, *, is_old: bool
) -> None:
    project.deliver(rows=30)
    rows = delivered(project)
    (project.landing / "applications_1.csv").unlink()
    path = lay(project, rows, DECOMPOSED)
    published = score().manifest
    assert list(published.inputs) == list(published.audited.files) == [COMPOSED]
    if is_old:
        name_as_before(project)
    path.rename(project.landing / now)
    assert score().outcome == "unchanged"
    settings = load_settings(project.config)
    store = open_store(settings.storage)
    calendar = load_calendar(settings.scoring.calendar)
    (status,) = list_days(store, calendar, last=9, today=DAY)
    assert (status.state, status.hints) == ("published", ("not announced",))
    assert day_history(store, calendar, DAY).landing == {COMPOSED}
    checked = verify_day(store, DAY)
    assert (checked.problems, checked.remarks) == ((), ())
    applicant = int(rows["SK_ID_CURR"][0])
    assert explain(store, DAY, applicant, settings).account is not None
    erase(store, applicant, reason="asked", at=datetime.now(UTC), reading=AS_DELIVERED)
    assert score().outcome == "unchanged"
    assert verify_day(store, DAY).problems == ()
