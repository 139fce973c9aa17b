"""A published day is compared with the reference of the model that decided it."""

import hashlib
import html
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from configs.settings import Settings, load_settings
from flows.commands.monitor import monitoring_summary
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import Order
from tasks.core.words import counted
from tasks.errors import ConfigError, InputsChanged, ModelError, SourceError
from tasks.monitoring.report import compare_with_reference, published_day, sample_day
from tasks.publication.expired import note_expired
from tasks.publication.layout import landing_key, reference_key
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.days import Day, delivered, elsewhere, lay
from tests.manifests import made_audit, made_manifest

ROWS, CORRECTED = 60, 30
EMPTY = ["COMMONAREA_AVG", "HOUSETYPE_MODE"]
FEW = "OCCUPATION_TYPE"
"""A column with three values."""


@pytest.fixture(scope="module")
def day(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A published day with corrections: two columns lost, and half of its applicants in flats of another kind."""
    root = tmp_path_factory.mktemp("monitored") / "store"
    project = elsewhere(trained, root)
    project.deliver(rows=ROWS)
    rows = delivered(project).assign(**dict.fromkeys(EMPTY, ""))
    rows[FEW] = ["Managers"] * 3 + [""] * (len(rows) - 3)
    lay(project, rows)
    path = lay(project, rows.head(CORRECTED).assign(NAME_HOUSING_TYPE="Co-op apartment"), "corrections/first.csv")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))  # whole only because its digest says so
    files = {path.name: {"rows": CORRECTED, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}}
    path.with_name("_control.json").write_text(json.dumps({"day": str(DAY), "files": files}))
    published = Day(project, Order("force", "moved house"))
    assert published.manifest
    return published


@pytest.fixture
def copied(day: Day, tmp_path: Path) -> Project:
    """The published day in a store that a test may change."""
    root = tmp_path / "store"
    for entry in day.store.list("landing/"):
        FolderStore(root).create(entry.key, day.store.read(entry.key).data)
    for file in day.manifest.audited.data_files:
        FolderStore(root).create(file.key, day.store.read(file.key).data)
    return elsewhere(day.project, root)


def sampled(project: Project, published: Manifest, rows: int = 10_000) -> pd.DataFrame:
    settings = load_settings(project.config)
    monitoring = settings.monitoring.model_copy(update={"sample_rows": rows})
    settings = settings.model_copy(update={"monitoring": monitoring})
    return sample_day(FolderStore(project.root), published, settings)


def test_a_day_that_was_never_published_is_not_monitored(tmp_path: Path, day: Day) -> None:
    with pytest.raises(SourceError, match=f"{DAY} has not been published; score it first: scoring score --as-of {DAY}"):
        published_day(DAY, Settings.model_validate({"storage": {"root": str(tmp_path)}}))
    assert published_day(DAY, day.settings) == day.manifest


def test_a_publication_of_another_store_is_refused_and_one_of_this_store_is_taken(day: Day) -> None:
    announced = day.manifest.publication
    assert published_day(DAY, day.settings, announced) == day.manifest
    elsewhere_later = replace(day.manifest, run={**day.manifest.run, "published_at": "2026-11-02T08:00:00+00:00"})
    for other in (elsewhere_later.publication, ""):
        with pytest.raises(
            ConfigError, match="announces decisions of 2026-11-02 in /b/decisions. .*another store"
        ) as told:
            published_day(DAY, day.settings, other, "/b/decisions")
        assert str(day.settings.storage.root) in str(told.value)


def test_the_store_of_an_announced_day_that_was_never_published_here_is_another(tmp_path: Path, day: Day) -> None:
    empty = Settings.model_validate({"storage": {"root": str(tmp_path)}})
    with pytest.raises(ConfigError, match="another store published it"):
        published_day(DAY, empty, day.manifest.publication)


# --- the day


def test_a_corrected_day_is_sampled_on_the_corrected_rows(day: Day, copied: Project) -> None:
    lay(copied, delivered(copied).head(1), "corrections/not_yet.csv")
    sample = sampled(copied, day.manifest)
    assert len(sample) == day.manifest.totals.decided == ROWS
    assert sample["SK_ID_CURR"].is_unique
    assert (sample["NAME_HOUSING_TYPE"] == "Co-op apartment").sum() == CORRECTED
    assert sample["pd"].between(0, 1).all()


@pytest.mark.parametrize(("most", "rows"), [(ROWS - 1, ROWS - 1), (ROWS + 1, ROWS)])
def test_a_sample_is_as_large_as_asked_and_the_same_each_time(day: Day, most: int, rows: int) -> None:
    sample = sampled(day.project, day.manifest, most)
    assert len(sample) == rows
    pd.testing.assert_frame_equal(sample, sampled(day.project, day.manifest, most))


def test_a_day_whose_files_are_others_or_expired_is_not_monitored(day: Day, copied: Project) -> None:
    path = copied.landing / "applications_1.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InputsChanged, match="are not those that revision 1 was made from; restore them to monitor"):
        sampled(copied, day.manifest)
    path.unlink()
    note_expired(FolderStore(copied.root), DAY, [f"{landing_key(DAY)}{path.name}"], rule="kept for 30 days", at="t")
    with pytest.raises(InputsChanged, match="has expired: 1 of the 2 files .* To revise or monitor the day, restore"):
        sampled(copied, day.manifest)


def test_a_day_on_which_nobody_is_left_is_not_monitored(day: Day) -> None:
    nobody = made_manifest(made_audit(decisions=replace(day.audited.decisions, rows=0)), revision=4)
    with pytest.raises(SourceError, match=f"Revision 4 of {DAY} has no decided application any more"):
        sampled(day.project, nobody)


# --- the reference


def test_a_day_is_not_compared_with_the_reference_of_another_model(day: Day) -> None:
    with pytest.raises(ModelError, match="is missing, or belongs to another model: the reference sample of credit-de"):
        compare_with_reference(day.manifest, day.settings)


def test_what_has_drifted_and_what_is_lost_is_told_in_reports_that_are_renewed(day: Day, trained: Project) -> None:
    key = reference_key("credit-default", "1")
    FolderStore(day.project.root).create(key, (trained.root / key).read_bytes())
    result = compare_with_reference(day.manifest, day.settings)
    assert (result.as_of, result.compared_rows, result.reference_rows) == (DAY, ROWS, 500)
    assert "NAME_HOUSING_TYPE" in result.drifted
    assert set(EMPTY) <= set(result.empty)
    reports = {Path(key).name: day.store.read(key).data for key in result.keys}
    assert list(reports) == ["drift.html", "drift.json", "quality.html", "quality.json"]
    told = {metric["config"].get("column") for metric in json.loads(reports["drift.json"])["metrics"]}
    assert {"AMT_CREDIT", "NAME_HOUSING_TYPE", "pd"} <= told
    assert told & {"SK_ID_CURR", FEW, *EMPTY} == set()
    note = f"No figures are shown of {FEW}: fewer than 20 rows have a value."
    assert FEW in result.too_few
    for name in ("drift", "quality"):
        assert "<p>No figures are shown of " in reports[f"{name}.html"].decode()
        assert FEW in json.loads(reports[f"{name}.json"])["note"]
    assert note.split(":")[1] in json.loads(reports["drift.json"])["note"]
    assert counts_in(reports["quality.json"]) >= 20


def counts_in(report: bytes) -> int:
    """The least number of rows, above none, behind a level that a report tells."""
    told = [metric["value"] for metric in json.loads(report)["metrics"]]
    counts = [count for value in told if isinstance(value, dict) for count in value.get("counts", {}).values()]
    return min(count for count in counts if count)


@pytest.mark.parametrize("rows", [1, 15, 19])
def test_of_a_day_of_so_few_no_figure_is_told(trained: Project, tmp_path: Path, rows: int) -> None:
    project = elsewhere(trained, tmp_path / "store")
    shutil.copytree(trained.root / "reference", project.root / "reference")
    project.deliver(rows=rows)
    lay(project, delivered(project))
    few = Day(project)
    result = compare_with_reference(few.manifest, few.settings)
    note = f"No figures are shown of {counted(rows, 'application')}: they could be one applicant's own. 20 are needed."
    assert (result.note, result.drifted) == (note, ())
    assert [Path(key).name for key in result.keys] == ["drift.html", "drift.json", "quality.html", "quality.json"]
    for key in result.keys:
        report = few.store.read(key).data
        assert html.unescape(report.decode()).count(note) >= 1
        if key.endswith(".json"):
            assert json.loads(report) == {"note": note, "metrics": [], "tests": []}
    summary = monitoring_summary(result, few.settings)
    assert f"  Compared      {note}\n" in summary
    assert "Drifted" not in summary
