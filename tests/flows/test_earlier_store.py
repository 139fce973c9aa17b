"""A store that an earlier version wrote is read, revised, explained, cleaned and verified today."""

import os
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from configs.calendar import load_calendar
from configs.settings import PROJECT, load_settings
from flows.clean_store import clean_store
from flows.monitor_decisions import monitor_decisions
from flows.score_applications import score_applications
from tasks.adapters.files.parquet import read_parquet, write_parquet
from tasks.adapters.mlflow_file import read_bundle
from tasks.core.day.manifest import Manifest
from tasks.core.day.records import DataFile
from tasks.core.decision.published_rows import build_changes
from tasks.errors import ModelError
from tasks.inspection.explain import explain
from tasks.inspection.rejected import export_rejected, find_rejected
from tasks.inspection.verify import verify_store
from tasks.model.load import registry_of
from tasks.publication.data_files import read_data
from tasks.publication.day_status import day_history, list_days
from tasks.publication.layout import report_page_key
from tasks.publication.manifests import manifest_of
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.erasure.test_erase import erased, traces

EARLIER: Final = PROJECT / "tests/earlier"
KEPT: Final = FolderStore(EARLIER / "store")
NEXT: Final = date(2026, 11, 3)
REVISIONS: Final = [(DAY, 1), (DAY, 2), (NEXT, 1)]
FILE: Final = "applications_1.csv.gz"
WHY: Final = "to see that it can be"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A registry of its own, in which the bundle of the earlier version is the champion."""
    folder = tmp_path_factory.mktemp("registry")
    uri = f"sqlite:///{folder}/mlflow.db"
    registry = {"tracking_uri": uri, "artifact_root": str(folder / "artifacts")}
    models = registry_of(load_settings(settings_in(folder, registry)))
    bundle = read_bundle(EARLIER / "bundle")
    models.promote(models.register(bundle, params={}, metrics={}, figures={}).version)
    return registry


@pytest.fixture
def project(registry: dict[str, str], tmp_path: Path) -> Project:
    """A copy of the store, untouched since its days, and the settings that it was made under."""
    shutil.copytree(EARLIER / "store", tmp_path / "store")
    then = datetime(2026, 11, 3, 7, tzinfo=UTC).timestamp()
    for path in (tmp_path / "store").rglob("*"):
        os.utime(path, (then, then))
    return Project(settings_in(tmp_path, registry), tmp_path / "store")


@pytest.fixture
def store(project: Project) -> FolderStore:
    return FolderStore(project.root)


def settings_in(folder: Path, registry: dict[str, str]) -> str:
    (suite,) = (EARLIER / "store/contracts").iterdir()
    reviewed = {name: str(EARLIER / f"{name}.yaml") for name in ("policy", "reasons")}
    settings = {
        "storage": {"root": str(folder / "store")},
        "registry": registry,
        "contract": {"suite": str(suite)},
        "scoring": reviewed,
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    return str(folder / "settings.yaml")


def kept(day: date, revision: int) -> Manifest:
    """The manifest of a revision, as the earlier version published it."""
    manifest = manifest_of(KEPT, day, revision)
    assert manifest
    return manifest


def scored(project: Project, day: date = DAY, **order: Any) -> Manifest:
    """The revision that today's code makes of a day."""
    result = score_applications.fn(as_of=day, config=project.config, **order)
    assert result.outcome == "published"
    assert result.manifest
    return result.manifest


def rows_in(store: FolderStore, file: DataFile | None) -> pa.Table:
    assert file
    return read_parquet(read_data(store, file))


def decided(store: FolderStore, manifest: Manifest) -> pa.Table:
    return rows_in(store, manifest.audited.decisions)


def set_aside(store: FolderStore, manifest: Manifest) -> pa.Table | None:
    quarantine = manifest.audited.quarantine
    return rows_in(store, quarantine) if quarantine else None


def exact(decisions: pa.Table) -> dict[str, list[Any]]:
    """The published rows, column by column, with the bits of each pd."""
    bits = decisions.column("pd").to_numpy().view(np.int64)
    return decisions.to_pydict() | {"pd": bits.tolist()}


def files(root: Path) -> dict[Path, bytes]:
    paths = [path for path in root.rglob("*") if path.is_file() and ".locks" not in path.parts]
    return {path: path.read_bytes() for path in paths}


def problems(store: FolderStore) -> list[str]:
    return [problem for checked in verify_store(store) for problem in checked.problems]


def test_the_earlier_model_is_what_the_manifests_name(project: Project) -> None:
    champion = registry_of(load_settings(project.config)).champion()
    assert {kept(*each).model for each in REVISIONS} == {champion}
    assert (champion.name, champion.version) == ("credit-default", "1")


def test_the_earlier_days_are_listed_as_published(project: Project, store: FolderStore) -> None:
    calendar = load_calendar(load_settings(project.config).scoring.calendar)
    days = [(each.as_of, each.newest, each.state) for each in list_days(store, calendar, last=30, today=DAY)]
    assert days == [(DAY, kept(DAY, 2), "published"), (NEXT, kept(NEXT, 1), "published")]
    history = day_history(store, calendar, DAY)
    assert history.revisions == {1: kept(DAY, 1), 2: kept(DAY, 2)}
    assert history.shown == kept(DAY, 2).audited.decisions.sha256
    assert history.landing == {FILE}


def test_an_earlier_store_is_verified_without_a_problem(store: FolderStore) -> None:
    checked = list(verify_store(store))
    found = [(each.as_of, each.revisions, each.problems) for each in checked]
    assert found == [(DAY, 2, ()), (NEXT, 1, ()), (None, 0, ())]
    named = {file.key for each in REVISIONS for file in kept(*each).audited.data_files}
    assert sum(each.files for each in checked) > len(named)


@pytest.mark.parametrize(("day", "revision"), [(DAY, 2), (NEXT, 1)])
def test_an_earlier_day_scored_again_stays_as_it_is(
    project: Project,
    day: date,
    revision: int,
) -> None:
    before = files(project.root)
    result = score_applications.fn(as_of=day, config=project.config)
    assert (result.outcome, result.manifest) == ("unchanged", kept(day, revision))
    after = files(project.root)
    assert after.keys() == before.keys()
    drawn_anew = project.root / report_page_key(day)  # today's program draws it, from the same record
    assert [path for path in after if after[path] != before[path] and path != drawn_anew] == []


@pytest.mark.parametrize("day", [DAY, NEXT])
def test_what_an_earlier_version_decided_is_decided_alike_today(
    project: Project,
    store: FolderStore,
    day: date,
) -> None:
    for room in {path.name for path in project.root.iterdir()} - {"landing"}:
        shutil.rmtree(project.root / room)
    now, before = scored(project, day), kept(day, 1)
    assert exact(decided(store, now)) == exact(decided(KEPT, before))
    assert set_aside(store, now) == set_aside(KEPT, before)
    assert now.fingerprint == before.fingerprint
    assert now.audited.content_fingerprint == before.audited.content_fingerprint
    assert (now.policy, now.reasons) == (before.policy, before.reasons)
    assert now.audited.files == before.audited.files


def test_an_earlier_day_is_decided_again_by_force(project: Project, store: FolderStore) -> None:
    third, second, first = scored(project, force=True, reason=WHY), kept(DAY, 2), kept(DAY, 1)
    assert (third.revision, third.reason, third.fingerprint) == (3, WHY, first.fingerprint)
    assert exact(decided(store, third)) == exact(decided(KEPT, first))
    back = build_changes(decided(KEPT, second), decided(KEPT, first))
    assert rows_in(store, third.audited.changes) == back
    assert back.num_rows == second.audited.by_decision["refer"] > 0
    assert problems(store) == []


def test_an_earlier_day_is_corrected_by_the_policy_that_decided_it(
    project: Project,
    store: FolderStore,
) -> None:
    second = kept(DAY, 2)
    old = decided(KEPT, second)
    place = old.column("decision").to_pylist().index("refer")
    rows = pd.read_csv(project.landing / FILE, dtype=str, keep_default_na=False)
    row = rows[rows["SK_ID_CURR"] == str(old.column("application_id")[place])]
    (project.landing / "corrections").mkdir()
    better = row.assign(EXT_SOURCE_2="0.9", EXT_SOURCE_3="0.9")
    better.to_csv(project.landing / "corrections/fix.csv", index=False)
    third = scored(project, corrections=True, reason=WHY)
    assert (third.revision, third.policy, third.model) == (3, second.policy, second.model)
    assert third.totals == replace(second.totals, rows=second.totals.rows + 1, replaced=1)
    (changed,) = rows_in(store, third.audited.changes).to_pylist()
    assert (changed["old_decision"], changed["new_decision"]) == ("refer", "approve")
    others = pa.array(np.arange(old.num_rows) != place)
    assert exact(decided(store, third).filter(others)) == exact(old.filter(others))
    assert problems(store) == []


@pytest.mark.parametrize("decision", ["approve", "refer", "refuse"])
def test_an_application_of_an_earlier_day_is_explained_as_it_was_decided(
    project: Project,
    store: FolderStore,
    decision: str,
) -> None:
    published = decided(KEPT, kept(DAY, 2)).to_pylist()
    row = next(each for each in published if each["decision"] == decision)
    explained = explain(store, DAY, row["application_id"], load_settings(project.config))
    assert (explained.published, explained.row) == (kept(DAY, 2), row)
    assert (explained.otherwise, explained.remarks, explained.broken) == ((), (), {})
    assert explained.account
    assert bool(explained.reasons) == (decision != "approve")
    assert all(explained.reasons.values())


def test_an_application_that_an_earlier_day_set_aside_is_explained_by_its_rules(
    project: Project,
    store: FolderStore,
) -> None:
    rows = rows_in(KEPT, kept(DAY, 2).audited.quarantine).to_pylist()
    row = next(each for each in rows if each["broken_rules"] == "annuity_within_credit")
    explained = explain(store, DAY, row["application_id"], load_settings(project.config))
    assert (explained.row, explained.account) == (None, None)
    assert explained.broken.keys() == {"annuity_within_credit"}
    assert all(explained.broken.values())


def test_rows_that_an_earlier_day_set_aside_are_shown_and_written_out(
    store: FolderStore,
    project: Project,
    tmp_path: Path,
) -> None:
    second = kept(DAY, 2)
    calendar = load_calendar(load_settings(project.config).scoring.calendar)
    rejected = find_rejected(store, DAY, calendar)
    assert second.audited.quarantine
    assert (rejected.revision, rejected.key) == (2, second.audited.quarantine.key)
    assert rejected.by_rule == second.audited.by_rule
    export_rejected(rejected, tmp_path / "rejected.csv")
    written = pd.read_csv(tmp_path / "rejected.csv", dtype=str)
    assert len(written) == second.totals.quarantined > 0


@pytest.mark.parametrize("who", ["decided", "set aside", "in the reference sample"])
def test_an_applicant_of_an_earlier_store_is_erased_and_the_rest_is_whole(
    store: FolderStore,
    who: str,
) -> None:
    second = kept(DAY, 2)
    sample = read_parquet(KEPT.read("reference/model=1/sample.parquet").data)
    ids = {
        "decided": decided(KEPT, second).column("application_id"),
        "set aside": rows_in(KEPT, second.audited.quarantine).column("application_id"),
        "in the reference sample": sample.column("SK_ID_CURR"),
    }
    applicant = ids[who].drop_null()[0].as_py()
    assert list(traces(store, applicant))
    erasure = erased(store, applicant)
    assert (list(traces(store, applicant)), erasure.unsearched) == ([], {})
    assert problems(store) == []


def test_an_earlier_day_is_compared_with_the_reference_of_its_own_model(
    project: Project,
    store: FolderStore,
) -> None:
    result = monitor_decisions.fn(as_of=NEXT, config=project.config)
    assert (result.level, result.rows, result.reference_rows) == ("insufficient", 100, 100)
    store.delete("reference/model=1/out_of_fold.parquet")
    store.create("reference/model=1/out_of_fold.parquet", write_parquet(pa.table({"pd": [0.1]})))
    with pytest.raises(ModelError, match="that model learned from 4000 rows, the one whose sample this is from 1"):
        monitor_decisions.fn(as_of=NEXT, config=project.config)


def test_housekeeping_finds_what_is_past_its_time_in_an_earlier_store(project: Project) -> None:
    before = files(project.root)
    cleaning = clean_store.fn(config=project.config, today=DAY + timedelta(days=366))
    due = {(each.what, each.as_of) for each in cleaning.removals}
    assert due == {("work", DAY), ("work", NEXT), ("quarantine", DAY)}
    found = {project.root / each.key for each in cleaning.removals if each.what == "work"}
    assert found == {path for path in before if path.is_relative_to(project.root / "work")}
    assert (cleaning.is_applied, cleaning.left, files(project.root)) == (False, (), before)
