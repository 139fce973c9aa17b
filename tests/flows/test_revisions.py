"""A published day is revised on purpose only: with a reason, all of history kept, and told what changed."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import load_settings
from flows.commands.score import scoring_summary
from flows.monitor_decisions import monitor_decisions
from tasks.core.day.manifest import Manifest, policy_of
from tasks.core.decision.published_rows import CHANGES, build_changes
from tasks.errors import ConfigError, InputsChanged, ModelError, PublishError, ScoringError, SourceError
from tasks.inspection.verify import verify_day
from tasks.publication.manifests import manifest_json, read_manifest
from tasks.scoring.announce import day_markdown, event_of
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project

Score = Callable[..., Any]
WHY = "the feed sent amounts in the wrong currency"


def delivered(project: Project) -> pd.DataFrame:
    """The day's applications as text, just as they came."""
    return pd.read_csv(project.landing / "applications_1.csv", dtype=str, keep_default_na=False)


def correct(project: Project, rows: pd.DataFrame, name: str = "first.csv") -> Path:
    folder = project.landing / "corrections"
    folder.mkdir(exist_ok=True)
    rows.to_csv(folder / name, index=False)
    return folder / name


def decisions(project: Project, manifest: Manifest | None = None) -> pd.DataFrame:
    path = project.root / manifest.audited.decisions.key if manifest else project.decisions
    return pq.read_table(path).to_pandas()


def changes(project: Project, manifest: Manifest) -> pa.Table:
    assert manifest.audited.changes
    return pq.read_table(project.root / manifest.audited.changes.key)


def everything(project: Project) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in project.root.rglob("*") if path.is_file()}


def published(project: Project, score: Score, **options: Any) -> Any:
    project.deliver(**options)
    return score(project).manifest


# --- by force


def test_force_with_nothing_new_does_nothing(rivals: Project, score: Score) -> None:
    first = published(rivals, score)
    before = everything(rivals)
    again = score(rivals, force=True, reason=WHY)
    assert (again.outcome, again.manifest) == ("unchanged", first)
    assert everything(rivals) == before


def test_another_champion_changes_nothing_until_somebody_forces_it(rivals: Project, score: Score) -> None:
    first = published(rivals, score)
    kept = {path: path.read_bytes() for path in (rivals.root / "revisions").rglob("*") if path.is_file()}
    rivals.promote("2")
    assert score(rivals).manifest == first
    result = score(rivals, force=True, reason=WHY)
    second = result.manifest
    assert (result.outcome, second.revision, second.model.version, second.reason) == ("published", 2, "2", WHY)
    assert {path: path.read_bytes() for path in kept} == kept
    old, new = decisions(rivals, first), decisions(rivals)
    assert set(old["model_version"]) == {"1"}
    assert set(new["model_version"]) == {"2"}
    assert pq.read_schema(rivals.decisions).metadata[b"revision"] == b"2"
    changed = changes(rivals, second)
    assert changed.schema.equals(CHANGES)
    differing = old["decision"].to_numpy() != new["decision"].to_numpy()
    assert changed.column("application_id").to_pylist() == old["application_id"][differing].tolist()
    assert set(changed.column("old_decision").to_pylist()) == {"refuse"}
    assert set(changed.column("new_decision").to_pylist()) == {"approve"}
    assert score(rivals).manifest == second
    told = scoring_summary(result, load_settings(rivals.config))
    assert "revision 2: published" in told
    assert WHY in told
    stated, restated = (each[~differing].filter(like="reason_").fillna("") for each in (old, new))
    others = second.audited.changed_reasons
    assert others == (stated != restated).any(axis=1).sum()
    assert f"{changed.num_rows:,} decisions, and the reasons of {others:,} other" in told


def test_going_back_is_a_revision_too(rivals: Project, score: Score) -> None:
    first = published(rivals, score)
    rivals.promote("2")
    score(rivals, force=True, reason=WHY)
    rivals.promote("1")
    third = score(rivals, force=True, reason="version 2 was a mistake").manifest
    assert third.revision == 3
    assert third.fingerprint == first.fingerprint
    pd.testing.assert_frame_equal(decisions(rivals), decisions(rivals, first))


@pytest.mark.parametrize("is_shown", [True, False])
def test_where_an_early_manifest_is_lost_no_later_revision_comes_back(
    rivals: Project, score: Score, is_shown: bool
) -> None:
    published(rivals, score)
    rivals.promote("2")
    score(rivals, force=True, reason=WHY)
    shutil.rmtree(rivals.root / f"revisions/day={DAY}/rev=0001")
    if not is_shown:
        rivals.decisions.unlink()
    before = everything(rivals)
    for order in ({}, {"force": True, "reason": WHY}):
        with pytest.raises(PublishError, match=r"rev=0001/manifest.json is missing, though the day has a revision 2"):
            score(rivals, **order)
    assert everything(rivals) == before


def test_changed_files_are_decided_again_by_force(project: Project, score: Score) -> None:
    first = published(project, score)
    project.deliver(rows=300, overwrite=True)
    with pytest.raises(InputsChanged, match="--force --reason"):
        score()
    second = score(force=True, reason=WHY).manifest
    assert (second.revision, second.totals.rows) == (2, 300)
    gone = changes(project, second).to_pandas()
    assert len(gone[gone["new_decision"].isna()]) + 300 - second.totals.quarantined >= first.totals.decided
    assert score().outcome == "unchanged"


def test_a_forced_day_without_files_is_an_error_even_where_none_need_come(project: Project, score: Score) -> None:
    published(project, score)
    for path in project.landing.iterdir():
        path.unlink()
    with pytest.raises(SourceError, match="No application files have arrived"):
        score(force=True, reason=WHY)


def test_force_publishes_a_day_that_was_not_yet(project: Project, score: Score) -> None:
    project.deliver()
    result = score(force=True, reason=WHY)
    assert (result.outcome, result.manifest.revision, result.manifest.audited.changes) == ("published", 1, None)


# --- corrections


def test_corrections_replace_rows_and_leave_the_others_as_they_were(project: Project, score: Score) -> None:
    first = published(project, score)
    rows = delivered(project).head(5).assign(EXT_SOURCE_2="0.01", EXT_SOURCE_3="0.01")
    correct(project, rows)
    waiting = score()
    assert (waiting.outcome, waiting.standing.waiting) == ("unchanged", ("corrections/first.csv",))
    assert "corrections/first.csv" in scoring_summary(waiting, load_settings(project.config))
    second = score(corrections=True, reason=WHY).manifest
    assert second.audited.files["applications_1.csv"].replaced == 5
    assert (second.totals.rows, second.totals.decided, second.totals.unaccounted) == (405, 400, 0)
    old, new = decisions(project, first), decisions(project)
    corrected = old["application_id"].isin(rows["SK_ID_CURR"].astype(int))
    pd.testing.assert_frame_equal(old[~corrected], new[~corrected])
    assert (new["pd"][corrected].to_numpy() > old["pd"][corrected].to_numpy()).all()
    assert changes(project, second).equals(build_changes(*(pa.Table.from_pandas(each) for each in (old, new))))
    assert score().outcome == "unchanged"
    again = score(corrections=True, reason=WHY)
    assert (again.outcome, again.manifest) == ("unchanged", second)


def test_a_corrected_day_decides_like_a_day_that_came_right(project: Project, score: Score, tmp_path: Path) -> None:
    published(project, score)
    right = delivered(project)
    right.loc[:4, "AMT_INCOME_TOTAL"] = "90000"
    correct(project, right.head(5))
    score(corrections=True, reason=WHY)
    elsewhere = project.with_settings(storage={"root": str(tmp_path / "elsewhere")})
    other = Project(elsewhere.config, tmp_path / "elsewhere")
    other.landing.mkdir(parents=True)
    right.to_csv(other.landing / "applications_1.csv", index=False)
    score(other)
    pd.testing.assert_frame_equal(decisions(project), decisions(other))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.parquet"])
def test_corrections_come_in_any_format(project: Project, score: Score, name: str) -> None:
    published(project, score)
    rows = delivered(project).head(3).assign(AMT_INCOME_TOTAL="90000")
    path = correct(project, rows, "plain.csv")
    expected = score(corrections=True, reason=WHY)
    text = path.read_bytes()
    path.unlink()
    other = path.with_name(name)
    if name.endswith("gz"):
        other.write_bytes(gzip.compress(text))
    else:
        rows.to_parquet(other)
    second = score(force=True, reason="the same in another format").manifest
    assert second.audited.content_fingerprint == expected.manifest.audited.content_fingerprint


def test_corrections_keep_model_policy_and_contract_of_the_published_revision(
    rivals: Project, score: Score, tmp_path: Path
) -> None:
    strict = tmp_path / "policy.yaml"
    policy = Path("configs/policy.yaml").read_text()
    strict.write_text(policy.replace("up_to: 0.5", "up_to: 0.4"))
    suite = tmp_path / "suite.json"
    suite.write_text(Path("expectations/applications.json").read_text())
    own = rivals.with_settings(scoring={"policy": str(strict)}, contract={"suite": str(suite)})
    first = published(own, score)
    own.promote("2")
    strict.write_text(policy.replace("up_to: 0.5", "up_to: 0.3").replace('version: "1"', 'version: "2"'))
    suite.write_text("{}")
    correct(own, delivered(own).head(2))
    second = score(own, corrections=True, reason=WHY).manifest
    assert (second.model, second.policy, second.contract) == (first.model, first.policy, first.contract)
    assert policy_of(second) == policy_of(first)
    pd.testing.assert_frame_equal(decisions(own), decisions(own, first))
    assert (changes(own, second).num_rows, second.audited.changed_reasons) == (0, 0)


def recoded(path: Path, **replaced: str) -> None:
    """The shipped reasons, with some words exchanged."""
    text = Path("configs/reasons.yaml").read_text()
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_corrections_keep_the_codes_of_the_published_revision(project: Project, score: Score, tmp_path: Path) -> None:
    path = tmp_path / "reasons.yaml"
    recoded(path, R01="A1")
    own = project.with_settings(scoring={"reasons": str(path)})
    first = published(own, score)
    assert (decisions(own)["reason_1"] == "A1").any()
    recoded(path, R01="Z9")
    correct(own, delivered(own).head(2))
    second = score(own, corrections=True, reason=WHY).manifest
    assert second.reasons == first.reasons
    assert second.reasons["external_scores"].code == "A1"
    pd.testing.assert_frame_equal(decisions(own), decisions(own, first))


def test_other_words_for_a_reason_decide_nothing_anew_and_other_codes_do(
    project: Project, score: Score, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "reasons.yaml"
    recoded(path)
    own = project.with_settings(scoring={"reasons": str(path)})
    first = published(own, score)
    recoded(path, outside="other")
    again = score(own, force=True, reason=WHY)
    assert (again.outcome, again.manifest) == ("unchanged", first)
    assert "No new revision: files, model, policy, contract and codes of reasons are those of" in caplog.text
    recoded(path, R01="A1")
    result = score(own, force=True, reason=WHY)
    second = result.manifest
    assert second.revision == 2
    assert changes(own, second).num_rows == 0
    old, new = (decisions(own, each).filter(like="reason_") for each in (first, second))
    pd.testing.assert_frame_equal(new, old.replace("R01", "A1"))
    others = int((old == "R01").any(axis=1).sum())
    assert (first.audited.changed_reasons, second.audited.changed_reasons) == (None, others)
    assert others > 1
    told = f"0 decisions, and the reasons of {others} others"
    assert f"{'Changed':<14}{told}\n" in scoring_summary(result, load_settings(own.config))
    store = FolderStore(own.root)
    assert f"\nChanged: {told}.\n" in day_markdown(second, store)
    assert event_of(second, store, None)["payload"]["changed_reasons"] == others
    assert verify_day(store, DAY).problems == ()


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
    assert "First reason" not in scoring_summary(old, load_settings(project.config))
    assert "first reason" not in day_markdown(old.manifest, FolderStore(project.root))
    assert project.decisions.exists()
    checked = verify_day(FolderStore(project.root), DAY)
    assert checked.problems == ()
    assert any("manifest 2, which are not this program's" in remark for remark in checked.remarks)
    second = score(force=True, reason="with reasons").manifest
    assert (second.revision, second.reasons) == (2, first.reasons)


def test_the_last_of_several_corrections_counts(project: Project, score: Score) -> None:
    published(project, score)
    rows = delivered(project).head(3)
    correct(project, rows.assign(AMT_INCOME_TOTAL="90000"), "1.csv")
    score(corrections=True, reason=WHY)
    correct(project, rows.head(2).assign(AMT_INCOME_TOTAL="180000"), "2.csv")
    third = score(corrections=True, reason="corrected again").manifest
    assert third.revision == 3
    assert {name: each.replaced for name, each in third.audited.files.items()} == {
        "applications_1.csv": 3,
        "corrections/1.csv": 2,
        "corrections/2.csv": 0,
    }
    assert third.totals.unaccounted == 0


def test_a_row_in_quarantine_is_corrected_and_decided(project: Project, score: Score) -> None:
    published(project, score)
    project.deliver(rows=100, bad_share=0.1, overwrite=True)
    second = score(force=True, reason=WHY).manifest
    rejected = pq.read_table(project.root / second.audited.quarantine.key).to_pandas()
    fixable = rejected[rejected["application_id"].notna() & (rejected["broken_rules"] == "AMT_CREDIT_known")]
    assert len(fixable)
    ids = fixable["application_id"].astype("int64")
    rows = fixable[delivered(project).columns].assign(AMT_CREDIT="500000")
    correct(project, rows)
    third = score(corrections=True, reason="amounts were delivered late").manifest
    assert third.totals.quarantined == second.totals.quarantined - len(rows)
    told = changes(project, third).to_pandas()
    assert sorted(told["application_id"]) == sorted(ids)
    assert told["old_decision"].isna().all()


def test_a_bad_correction_takes_the_decision_away_and_is_set_aside(project: Project, score: Score) -> None:
    published(project, score)
    rows = delivered(project).head(1).assign(AMT_CREDIT="much")
    correct(project, rows)
    second = score(corrections=True, reason=WHY).manifest
    assert (second.totals.quarantined, second.totals.replaced, second.totals.decided) == (1, 1, 399)
    assert changes(project, second).column("new_decision").to_pylist() == [None]


def test_a_correction_of_nobody_is_decided_and_told(
    project: Project, score: Score, caplog: pytest.LogCaptureFixture
) -> None:
    published(project, score)
    correct(project, delivered(project).head(1).assign(SK_ID_CURR="999999999"))
    with caplog.at_level("WARNING", "scoring"):
        second = score(corrections=True, reason=WHY).manifest
    assert (second.totals.replaced, second.totals.decided) == (0, 401)
    assert "1 corrections stand in for nothing" in caplog.text


def test_different_rows_of_one_id_in_a_correction_are_all_set_aside(project: Project, score: Score) -> None:
    published(project, score)
    row = delivered(project).head(1)
    correct(project, pd.concat([row, row.assign(AMT_CREDIT="1000"), row]))
    second = score(corrections=True, reason=WHY).manifest
    totals = second.totals
    assert (totals.replaced, totals.quarantined, totals.duplicates_dropped, totals.unaccounted) == (1, 2, 1, 0)


def test_a_corrected_day_is_monitored_on_the_corrected_rows(project: Project, score: Score) -> None:
    published(project, score, rows=60)
    correct(project, delivered(project).head(30).assign(NAME_HOUSING_TYPE="Co-op apartment"))
    second = score(corrections=True, reason=WHY).manifest
    correct(project, delivered(project).head(1), "not_yet.csv")
    monitored = monitor_decisions.fn(as_of=DAY, config=project.config)
    assert monitored.compared_rows == second.totals.decided
    assert "NAME_HOUSING_TYPE" in monitored.drifted


# --- what is refused


def changed_landing(project: Project, score: Score) -> None:
    published(project, score)
    correct(project, delivered(project).head(1))
    project.deliver(rows=399, overwrite=True)


def correction_gone(project: Project, score: Score) -> None:
    published(project, score)
    path = correct(project, delivered(project).head(1))
    score(corrections=True, reason=WHY)
    path.unlink()
    correct(project, delivered(project).head(1), "other.csv")


def test_what_came_announced_stays_announced_once_it_is_published(project: Project, score: Score) -> None:
    published(project, score)
    path = correct(project, delivered(project).head(2))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))  # whole only because its digest says so
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    control = path.with_name("_control.json")
    control.write_text(json.dumps({"day": str(DAY), "files": {path.name: {"rows": 2, "sha256": digest}}}))
    second = score(corrections=True, reason=WHY).manifest
    assert second.totals.replaced == 2
    monitor_decisions.fn(as_of=DAY, config=project.config)
    control.write_text("half a control fi")  # others are on their way
    assert score().manifest == second


def test_a_rejected_correction_is_told_where_people_look(project: Project, score: Score) -> None:
    published(project, score)
    rows = delivered(project).head(3)
    rows.loc[0, "AMT_CREDIT"] = "-5"
    correct(project, rows)
    result = score(corrections=True, reason=WHY)
    told = scoring_summary(result, load_settings(project.config))
    assert "Corrections   3 rows: 2 decided, 1 in quarantine, whose applicants have no decision now" in told


def test_a_copy_that_readers_should_not_have_seen_is_renewed_and_told(
    project: Project, score: Score, caplog: pytest.LogCaptureFixture
) -> None:
    published(project, score)
    caplog.set_level("WARNING", "scoring")
    caplog.clear()
    assert score().outcome == "unchanged"
    assert caplog.messages == []
    right = project.decisions.read_bytes()
    project.decisions.write_bytes(right[:-1] + b"x")
    assert score().outcome == "unchanged"
    assert caplog.messages == [f"{project.decisions} was not of the newest revision; it is now"]
    assert project.decisions.read_bytes() == right


def correction_announced_otherwise(project: Project, score: Score) -> None:
    published(project, score)
    path = correct(project, delivered(project).head(1))
    control = {"day": str(DAY), "files": {path.name: {"rows": 1, "sha256": "0" * 64}}}
    path.with_name("_control.json").write_text(json.dumps(control))


def told_otherwise(change: Callable[[Manifest], Manifest]) -> Callable[[Project, Score], None]:
    """A published day with a correction, whose manifest says something else."""

    def prepare(project: Project, score: Score) -> None:
        published(project, score)
        correct(project, delivered(project).head(1))
        path = project.root / f"revisions/day={DAY}/rev=0001/manifest.json"
        path.write_bytes(manifest_json(change(read_manifest(path.read_bytes()))))

    return prepare


@pytest.mark.parametrize(
    ("prepare", "error", "message"),
    [
        (lambda project, score: project.deliver(), SourceError, "is not published, so there is nothing to correct"),
        (published, SourceError, f"landing/day={DAY}/corrections/ holds no files"),
        (changed_landing, InputsChanged, r"changed: applications_1.csv; new: corrections/first.csv"),
        (correction_gone, InputsChanged, r"new: corrections/other.csv; gone: corrections/first.csv"),
        (correction_announced_otherwise, SourceError, "corrections/first.csv has SHA-256"),
        (
            told_otherwise(lambda each: replace(each, feature_version="0")),
            ModelError,
            "was decided on features of version 0; .* Decide the whole day again: scoring score --as-of 2026-11-02 ",
        ),
        (
            told_otherwise(lambda each: replace(each, reasons={}, manifest_version="2")),
            ModelError,
            "states no reasons; .* Decide the whole day again: scoring score --as-of 2026-11-02 --force",
        ),
        (
            told_otherwise(lambda each: replace(each, reasons={"age": each.reasons["age"]})),
            ModelError,
            "gives reasons for other families of features; this program builds 16 families",
        ),
    ],
)
def test_corrections_are_refused_where_the_rest_is_not_as_it_was(
    project: Project, score: Score, prepare: Callable[..., Any], error: type[ScoringError], message: str
) -> None:
    prepare(project, score)
    before = everything(project)
    with pytest.raises(error, match=message):
        score(corrections=True, reason=WHY)
    assert everything(project) == before


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"force": True}, "force needs a reason"),
        ({"corrections": True, "reason": "  "}, "corrections needs a reason"),
        ({"force": True, "corrections": True, "reason": WHY}, "exclude each other"),
        ({"reason": WHY}, "A reason belongs to force or corrections"),
    ],
)
def test_an_order_is_one_thing_with_a_reason(score: Score, order: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        score(**order)
