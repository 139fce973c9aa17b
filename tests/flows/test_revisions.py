"""A published day is revised on purpose only: with a reason, all of history kept, and told what changed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import load_settings
from flows.commands.score import scoring_summary
from tasks.core.day.manifest import Manifest
from tasks.core.decision.published_rows import CHANGES, build_changes
from tasks.errors import InputsChanged
from tasks.inspection.explain import explain
from tasks.inspection.verify import verify_day
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.days import delivered, elsewhere, lay

Score = Callable[..., Any]
WHY = "the feed sent amounts in the wrong currency"
ROWS = 60


def decisions(project: Project, manifest: Manifest | None = None) -> pd.DataFrame:
    path = project.root / manifest.audited.decisions.key if manifest else project.decisions
    return pq.read_table(path, partitioning=None).to_pandas()


def changes(project: Project, manifest: Manifest) -> pa.Table:
    assert manifest.audited.changes
    return pq.read_table(project.root / manifest.audited.changes.key, partitioning=None)


def everything(project: Project) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in project.root.rglob("*") if path.is_file()}


def published(project: Project, score: Score, rows: int = ROWS) -> Any:
    project.deliver(rows=rows)
    return score(project).manifest


def test_a_day_keeps_the_aliases_that_it_was_published_with(project: Project, score: Score) -> None:
    published(project, score)
    plain = decisions(project)
    own = elsewhere(project, project.root.parent / "renamed")
    lay(own, delivered(project).rename(columns={"SK_ID_CURR": "client"}))
    first = score(own.with_settings(scoring={"column_aliases": {"client": "SK_ID_CURR"}})).manifest
    applicant = int(plain["application_id"][0])
    assert decisions(own)["pd"].equals(plain["pd"])
    assert explain(FolderStore(own.root), DAY, applicant, load_settings(own.config)).account
    lay(own, delivered(project).head(1), "corrections/fix.csv")
    second = score(own, corrections=True, reason=WHY).manifest
    assert (second.revision, second.column_aliases) == (2, first.column_aliases)


# --- by force


def test_force_with_nothing_new_does_nothing(project: Project, score: Score) -> None:
    first = published(project, score)
    before = everything(project)
    again = score(force=True, reason=WHY)
    assert (again.outcome, again.manifest) == ("unchanged", first)
    assert everything(project) == before


def test_another_champion_changes_nothing_until_somebody_forces_it(rivals: Project, score: Score) -> None:
    first = published(rivals, score, rows=400)
    kept = {path: path.read_bytes() for path in (rivals.root / "revisions").rglob("*") if path.is_file()}
    rivals.promote("2")
    assert score(rivals).manifest == first
    result = score(rivals, force=True, reason=WHY)
    second = result.manifest
    assert (result.outcome, second.revision, second.model.version, second.reason) == ("published", 2, "2", WHY)
    assert {path: path.read_bytes() for path in kept} == kept
    assert pq.read_schema(rivals.decisions).metadata[b"revision"] == b"2"
    changed, old, new = changes(rivals, second), decisions(rivals, first), decisions(rivals)
    assert [set(each["model_version"]) for each in (old, new)] == [{"1"}, {"2"}]
    differing = old["decision"].to_numpy() != new["decision"].to_numpy()
    assert changed.schema.equals(CHANGES)
    assert changed.column("application_id").to_pylist() == old["application_id"][differing].tolist()
    assert set(changed.column("old_decision").to_pylist()) == {"refuse"}
    assert set(changed.column("new_decision").to_pylist()) == {"approve"}
    stated, restated = (each[~differing].filter(like="reason_").fillna("") for each in (old, new))
    others = second.audited.changed_reasons
    assert others == (stated != restated).any(axis=1).sum()
    told = scoring_summary(result, load_settings(rivals.config))
    assert f"{changed.num_rows:,} decisions, and the reasons of {others:,} other" in told
    assert score(rivals).manifest == second


def test_going_back_is_a_revision_too(rivals: Project, score: Score) -> None:
    first = published(rivals, score)
    rivals.promote("2")
    score(rivals, force=True, reason=WHY)
    rivals.promote("1")
    third = score(rivals, force=True, reason="version 2 was a mistake").manifest
    assert third.revision == 3
    assert third.fingerprint == first.fingerprint
    pd.testing.assert_frame_equal(decisions(rivals), decisions(rivals, first))


def test_changed_files_are_decided_again_by_force(project: Project, score: Score) -> None:
    first = published(project, score)
    project.deliver(rows=40, overwrite=True)
    with pytest.raises(InputsChanged, match="--force --reason"):
        score()
    second = score(force=True, reason=WHY).manifest
    assert (second.revision, second.totals.rows) == (2, 40)
    gone = changes(project, second).to_pandas()
    assert len(gone[gone["new_decision"].isna()]) + 40 - second.totals.quarantined >= first.totals.decided
    assert score().outcome == "unchanged"


def test_a_day_from_before_there_were_reasons_is_read_shown_and_decided_again(project: Project, score: Score) -> None:
    first = published(project, score)
    path = project.root / f"revisions/day={DAY}/rev=0001/manifest.json"
    content = json.loads(path.read_bytes())
    del content["reasons"], content["seal"]
    del content["audited"]["changed_reasons"], content["audited"]["by_reason"]
    content |= {"manifest_version": "2", "fingerprint": "of before"}
    seal = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(content | {"seal": seal}))
    project.decisions.unlink()
    old = score()
    assert (old.outcome, old.manifest.reasons) == ("unchanged", {})
    assert project.decisions.exists()
    checked = verify_day(FolderStore(project.root), DAY)
    assert checked.problems == ()
    second = score(force=True, reason="with reasons").manifest
    assert (second.revision, second.reasons) == (2, first.reasons)


# --- corrections


def test_corrections_replace_rows_and_leave_the_others_as_they_were(
    project: Project, score: Score, tmp_path: Path
) -> None:
    first = published(project, score)
    rows = delivered(project)
    rows.loc[:4, ["EXT_SOURCE_2", "EXT_SOURCE_3"]] = "0.01"
    lay(project, rows.head(5), "corrections/first.csv")
    waiting = score()
    assert (waiting.outcome, waiting.standing.waiting) == ("unchanged", ("corrections/first.csv",))
    second = score(corrections=True, reason=WHY).manifest
    assert second.audited.files["applications_1.csv"].replaced == 5
    assert (second.totals.rows, second.totals.decided, second.totals.unaccounted) == (ROWS + 5, ROWS, 0)
    old, new = decisions(project, first), decisions(project)
    corrected = old["application_id"].isin(rows.head(5)["SK_ID_CURR"].astype(int))
    pd.testing.assert_frame_equal(old[~corrected], new[~corrected])
    assert (new["pd"][corrected].to_numpy() > old["pd"][corrected].to_numpy()).all()
    assert changes(project, second).equals(build_changes(*(pa.Table.from_pandas(each) for each in (old, new))))
    for order in ({}, {"corrections": True, "reason": WHY}):
        assert score(**order).manifest == second
    came_right = elsewhere(project, tmp_path / "elsewhere")
    lay(came_right, rows)
    score(came_right)
    pd.testing.assert_frame_equal(new, decisions(came_right))


def test_corrections_are_refused_where_the_rest_is_not_as_it_was(project: Project, score: Score) -> None:
    published(project, score)
    rows = delivered(project)
    project.deliver(rows=ROWS - 1, overwrite=True)
    lay(project, rows.head(1), "corrections/first.csv")
    before = everything(project)
    with pytest.raises(InputsChanged, match=r"changed: applications_1.csv; new: corrections/first.csv"):
        score(corrections=True, reason=WHY)
    assert everything(project) == before
