"""Rows in quarantine go out, are corrected, come back as corrections, and are decided in a new revision."""

import csv
import hashlib
import json
import logging
import math
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.settings import Storage
from flows.score_applications import score_applications
from tasks.adapters.files.landing_file import Reading
from tasks.core.contract.screening import no_rejected_rows, quarantine_rows
from tasks.core.day.manifest import Manifest
from tasks.core.lender.columns import ID, NAMES
from tasks.erasure.erase import erase as erase_applicant
from tasks.errors import ExpectationsNotMet
from tasks.inspection.verify import verify_store
from tasks.publication.erasure_token import note_erasure
from tasks.publication.expired import note_expired
from tasks.publication.layout import refused_rows_key
from tasks.publication.manifests import newest_manifest
from tasks.publication.refused_rows import keep_refused_rows, read_refused_rows
from tasks.store import open_store
from tasks.store.folder import FolderStore
from tests.commands import Ended, call
from tests.conftest import DAY, Project

Score = Callable[..., Any]
WHY = "cells that the feed had spoilt"
ABOUT = ["broken_rules", "source_file", "source_row"]
ODD_TEXT = 'H\u00f6here "Schule",\nAbend\u200bkurs \u2013 \u5b66\u6821; 1,5'
# Row of the file, from 0, to the cells that were spoilt in it. Rows 8 and 9 share an id.
SPOILT: dict[int, dict[str, str]] = {
    2: {"AMT_CREDIT": "500.000,00"},
    3: {"NAME_EDUCATION_TYPE": ODD_TEXT},
    4: {"AMT_INCOME_TOTAL": "180,000", "HOUR_APPR_PROCESS_START": "25"},
    5: {ID: "A-17"},
    6: {"AMT_INCOME_TOTAL": ""},
    7: {"CNT_CHILDREN": " 1.00000000000000000001 "},
}


@pytest.fixture
def rejected(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ended]]:
    """Call `scoring rejected` of the day in this process."""
    root, before = logging.getLogger(), list(logging.getLogger().handlers)

    def run(project: Project, *arguments: str) -> Ended:
        words = ["rejected", "--as-of", str(DAY), "--config", project.config, *arguments]
        return call(words, monkeypatch, capsys)

    yield run
    root.handlers[:] = before


def sound_rows(project: Project) -> pd.DataFrame:
    """The day's applications as text, all of them sound."""
    project.deliver(rows=60, overwrite=True)
    return pd.read_csv(project.landing / "applications_1.csv", dtype=str, keep_default_na=False)


def cells(rows: pd.DataFrame, row: int, columns: Iterable[str] = NAMES) -> dict[str, str]:
    """Column to cell of one row."""
    return {name: str(rows[name].iloc[row]) for name in columns}


def spoilt(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.copy()
    for row, changed in SPOILT.items():
        rows.loc[row, list(changed)] = list(changed.values())
    rows.loc[9] = rows.loc[8].replace({rows.loc[8, "AMT_CREDIT"]: "1000000"})
    return rows


def announced(path: Path, rows: int) -> None:
    """Announce the one file in a landing folder: only so may cells hold line ends."""
    entry = {"rows": rows, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    path.with_name("_control.json").write_text(json.dumps({"day": str(DAY), "files": {path.name: entry}}))


def deliver(project: Project, rows: pd.DataFrame) -> None:
    path = project.landing / "applications_1.csv"
    rows.to_csv(path, index=False)
    announced(path, len(rows))


def cells_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def correct(project: Project, rows: list[dict[str, str]], name: str = "1.csv") -> None:
    """Deliver rows as corrections, their columns as they were exported."""
    path = project.landing / "corrections" / name
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    announced(path, len(rows))


def quarantine(project: Project) -> pd.DataFrame:
    manifest = newest_manifest(FolderStore(project.root), DAY)
    assert manifest
    assert manifest.audited.quarantine
    return pq.read_table(project.root / manifest.audited.quarantine.key).to_pandas()


def decided_ids(project: Project) -> set[str]:
    return set(pq.read_table(project.decisions).column("application_id").cast(pa.string()).to_pylist())


@pytest.fixture
def right(project: Project) -> pd.DataFrame:
    """The rows as they should have been."""
    return sound_rows(project)


@pytest.fixture
def first(project: Project, score: Score, right: pd.DataFrame) -> Manifest:
    """The day published with several kinds of bad rows in it."""
    deliver(project, spoilt(right))
    manifest: Manifest = score().manifest
    assert (manifest.totals.rows, manifest.totals.quarantined) == (60, len(SPOILT) + 2)
    return manifest


# --- the round trip


@pytest.mark.usefixtures("first")
def test_what_goes_out_is_cell_for_cell_what_was_delivered(
    project: Project, right: pd.DataFrame, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    assert rejected(project, "--to", str(path)).code == 0
    exported = cells_of(path)
    assert list(exported[0]) == [*NAMES, *ABOUT]
    assert [int(row["source_row"]) - 1 for row in exported] == [*SPOILT, 8, 9]
    came = spoilt(right)
    for row in exported:
        assert {name: row[name] for name in NAMES} == cells(came, int(row["source_row"]) - 1)
    assert {row["source_file"] for row in exported} == {"applications_1.csv"}
    assert (
        exported[2]["broken_rules"] == "AMT_INCOME_TOTAL_parses;AMT_INCOME_TOTAL_known;HOUR_APPR_PROCESS_START_in_range"
    )


def test_rows_go_out_are_corrected_and_come_back_decided(
    project: Project, score: Score, right: pd.DataFrame, first: Manifest, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    rejected(project, "--to", str(path))
    corrected = []
    for row in cells_of(path):
        number = int(row["source_row"]) - 1
        if number not in (6, 9):  # one whose income nobody knows, and the second of those that share an id
            corrected.append(row | cells(right, number, SPOILT.get(number, {})))
    correct(project, corrected)
    second: Manifest = score(corrections=True, reason=WHY).manifest
    of_feed, of_corrections = second.audited.files["applications_1.csv"], second.audited.files["corrections/1.csv"]
    # Replaced are the corrected rows, but for that whose id was wrong, and both of those that shared an id.
    assert (of_feed.replaced, of_feed.quarantined, of_feed.decided) == (6, 2, first.totals.decided)
    assert (of_corrections.rows, of_corrections.decided, second.totals.unaccounted) == (6, 6, 0)
    assert decided_ids(project) == set(right[ID]) - {right.loc[6, ID], right.loc[9, ID]}
    left = quarantine(project)
    assert left["broken_rules"].tolist() == ["SK_ID_CURR_parses;SK_ID_CURR_known", "AMT_INCOME_TOTAL_known"]
    assert re.search(r"Quarantine of 2026-11-02, revision 2: 2 rows\n", rejected(project).out)


def test_corrected_rows_are_decided_as_if_they_had_come_right(
    project: Project, score: Score, right: pd.DataFrame, first: Manifest, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    rejected(project, "--to", str(tmp_path / "rows.csv"))
    back = {int(row["source_row"]) - 1: row for row in cells_of(tmp_path / "rows.csv")}
    correct(project, [row | cells(right, number) for number, row in back.items()])
    second: Manifest = score(corrections=True, reason=WHY).manifest
    (project.landing / "corrections").rename(tmp_path / "corrections")
    deliver(project, right)
    third: Manifest = score(force=True, reason="the feed delivered the day anew").manifest
    assert first.audited.content_fingerprint != second.audited.content_fingerprint
    assert second.audited.content_fingerprint == third.audited.content_fingerprint


@pytest.mark.parametrize(("kept", "quarantined"), [(1, 0), (2, 2)])
def test_of_two_rows_that_share_an_id_one_must_be_left(
    project: Project, score: Score, right: pd.DataFrame, rejected: Callable[..., Ended], tmp_path: Path, kept: int,
    quarantined: int,
) -> None:  # fmt: skip
    deliver(project, pd.concat([right, right.loc[[8]].assign(AMT_CREDIT="1000000")]))
    assert score().manifest.totals.quarantined == 2
    rejected(project, "--to", str(tmp_path / "rows.csv"), "--rule", "application_id_conflicting")
    both = cells_of(tmp_path / "rows.csv")
    assert len(both) == 2
    correct(project, both[:kept])
    second = score(corrections=True, reason=WHY).manifest
    assert (second.totals.replaced, second.totals.quarantined, second.totals.unaccounted) == (2, quarantined, 0)
    assert (right.loc[8, ID] in decided_ids(project)) == (kept == 1)


def test_a_row_whose_id_was_wrong_is_decided_under_its_own_and_stays_in_quarantine_under_the_wrong_one(
    project: Project, score: Score, right: pd.DataFrame, rejected: Callable[..., Ended], tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    deliver(project, right.assign(**{ID: right[ID].where(right.index != 5, "0")}))
    score()
    rejected(project, "--to", str(tmp_path / "rows.csv"))
    (row,) = cells_of(tmp_path / "rows.csv")
    correct(project, [row | {ID: right.loc[5, ID]}])
    with caplog.at_level("WARNING", "scoring"):
        second = score(corrections=True, reason=WHY).manifest
    assert "1 corrections stand in for nothing" in caplog.text
    assert (second.totals.decided, second.totals.replaced, second.totals.quarantined) == (60, 0, 1)
    assert quarantine(project)[ID].tolist() == ["0"]


def test_rows_of_parquet_come_back_as_they_were(
    project: Project, score: Score, right: pd.DataFrame, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    only_binary = {
        "FLAG_PHONE": pa.array(right["FLAG_PHONE"] == "1"),
        "EXT_SOURCE_2": pa.array(pd.to_numeric(right["EXT_SOURCE_2"]), pa.float32()),
        "DAYS_BIRTH": pa.array([Decimal(cell) for cell in right["DAYS_BIRTH"]], pa.decimal128(20, 4)),
        "OWN_CAR_AGE": pa.array([math.nan] * len(right)),
    }

    def deliver_parquet(credit: list[str]) -> None:
        columns = only_binary | {"AMT_CREDIT": pa.array(credit)}
        table = pa.table({name: columns.get(name, pa.array(right[name])) for name in NAMES})
        pq.write_table(table, project.landing / "a.parquet")

    for path in project.landing.iterdir():
        path.unlink()
    credit = right["AMT_CREDIT"].tolist()
    deliver_parquet(credit)
    sound = score().manifest
    deliver_parquet(["-1", *credit[1:]])
    assert score(force=True, reason=WHY).manifest.totals.quarantined == 1
    rejected(project, "--to", str(tmp_path / "rows.csv"))
    (row,) = cells_of(tmp_path / "rows.csv")
    assert (row["OWN_CAR_AGE"], row["FLAG_PHONE"] in {"0", "1"}) == ("", True)
    correct(project, [row | {"AMT_CREDIT": credit[0]}])
    third = score(corrections=True, reason=WHY).manifest
    assert third.audited.content_fingerprint == sound.audited.content_fingerprint


# --- what is shown, and what is refused


def published(trained: Project, root: Path) -> Project:
    project = Project(trained.with_settings(storage={"root": str(root)}).config, root)
    deliver(project, spoilt(sound_rows(project)))
    score_applications.fn(as_of=DAY, config=project.config)
    return project


@pytest.fixture(scope="module")
def kept(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return published(trained, tmp_path_factory.mktemp("rejected") / "store")


@pytest.fixture
def day(kept: Project, tmp_path: Path) -> Project:
    """The day published with bad rows in it, in a store of the test's own."""
    shutil.copytree(kept.root, tmp_path / "copied")
    return Project(kept.with_settings(storage={"root": str(tmp_path / "copied")}).config, tmp_path / "copied")


def test_rows_are_counted_by_rule_and_by_file_and_nothing_is_written(
    day: Project, rejected: Callable[..., Ended]
) -> None:
    before = sorted(day.root.rglob("*"))
    shown = rejected(day)
    assert shown.code == 0
    assert "Quarantine of 2026-11-02, revision 1: 8 rows" in shown.out
    for name, count in {"AMT_INCOME_TOTAL_known": 2, "AMT_CREDIT_parses": 1, "applications_1.csv": 8}.items():
        assert re.search(rf"^    {name} +{count}$", shown.out, re.MULTILINE)
    assert f"scoring rejected --as-of {DAY} --to" in shown.out
    assert sorted(day.root.rglob("*")) == before


def test_only_the_rows_of_the_rules_asked_for_are_counted_and_written(
    day: Project, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    asked = ("--rule", "AMT_INCOME_TOTAL_known", "--rule", "SK_ID_CURR_parses")
    assert "revision 1: 3 rows" in rejected(day, *asked).out
    assert rejected(day, *asked, "--to", str(tmp_path / "rows.csv")).code == 0
    assert [row["source_row"] for row in cells_of(tmp_path / "rows.csv")] == ["5", "6", "7"]


def test_the_file_is_its_owners_alone_and_it_says_what_to_do_with_it(
    day: Project, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    path = tmp_path / "folder/rows.csv"
    path.parent.mkdir()
    shown = rejected(day, "--to", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert "8 rows of 2026-11-02, revision 1, written to" in shown.out
    assert "applicants' data" in shown.out
    assert str(day.landing / "corrections") in shown.out
    assert "1 row with a line end in a cell: announce the file's rows in a _control.json" in shown.out
    assert f"scoring score --as-of {DAY} --corrections --reason" in shown.out
    assert not any(each in shown.out + shown.err for each in ("500.000", "180,000", "Abend", "A-17"))


def test_a_file_without_line_ends_needs_no_announcement(
    day: Project, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    shown = rejected(day, "--rule", "AMT_CREDIT_parses", "--to", str(tmp_path / "rows.csv"))
    assert "_control.json" not in shown.out


def take_away(project: Project) -> None:
    (path,) = (project.root / f"quarantine/day={DAY}").iterdir()
    path.unlink()


def expire(project: Project) -> None:
    (path,) = (project.root / f"quarantine/day={DAY}").iterdir()
    key = path.relative_to(project.root).as_posix()
    note_expired(FolderStore(project.root), DAY, [key], rule="kept for 30 days", at="2026-12-02T00:00:00+00:00")
    take_away(project)


def damage(project: Project) -> None:
    (path,) = (project.root / f"quarantine/day={DAY}").iterdir()
    path.write_bytes(path.read_bytes()[:-1])


def erase(project: Project) -> None:
    note_erasure(FolderStore(project.root), DAY, is_over=False)


def lose_manifest(project: Project) -> None:
    folder = project.root / f"revisions/day={DAY}"
    (folder / "rev=0001").rename(folder / "rev=0002")


def unpublish(project: Project) -> None:
    shutil.rmtree(project.root / f"revisions/day={DAY}")


def occupy(project: Project) -> None:
    (project.root.parent / "rows.csv").write_text("mine")


TO: tuple[str, ...] = ("--to", "rows.csv")


@pytest.mark.parametrize(
    ("spoil", "arguments", "code", "message"),
    [
        (unpublish, TO, 3, "2026-11-02 has not been published, so no row of it is in quarantine"),
        (occupy, TO, 2, "rows.csv is there already, and was left as it is"),
        (None, ("--to", "rows.xlsx"), 2, "rows.xlsx cannot be delivered again under its name; let it end in .csv"),
        (None, ("--to", "nowhere/rows.csv"), 2, "nowhere is not a folder"),
        (None, ("--to", f"{'r' * 300}.csv"), 6, "could not be written: File name too long. Nothing was half-written"),
        (None, ("--rule", "AMT_CREDITS_parses"), 2, "breaks 'AMT_CREDITS_parses'. Did you mean 'AMT_CREDIT_parses'?"),
        (None, ("--rule", "EXT_SOURCE_1_parses", *TO), 2, r"Broken rules: AMT_INCOME_TOTAL_known, .*"),
        (expire, TO, 6, "The 8 rows .* removed by rule on 2026-12-02 01:00 Europe/Prague: kept for 30 days. To"),
        (take_away, TO, 6, "is missing or damaged"),
        (damage, TO, 6, "is missing or damaged"),
        (erase, TO, 6, "An applicant is being erased from 2026-11-02"),
        (lose_manifest, TO, 6, "rev=0001/manifest.json is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_told_and_leaves_no_file(
    day: Project,
    rejected: Callable[..., Ended],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Project], None] | None,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if spoil:
        spoil(day)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    ended = rejected(day, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert re.search(message, ended.err), ended.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_where_nothing_is_in_quarantine_that_is_an_answer_and_no_file(
    project: Project, score: Score, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    project.deliver(rows=60)
    score()
    shown = rejected(project)
    assert (shown.code, shown.out) == (0, "\nQuarantine of 2026-11-02, revision 1: no rows\n")
    ended = rejected(project, "--to", str(tmp_path / "rows.csv"))
    assert (ended.code, (tmp_path / "rows.csv").exists()) == (2, False)
    assert "Nothing of 2026-11-02, revision 1, is in quarantine, so no file was written" in ended.err


# --- a refused day


STRICT = {"max_quarantined_rows": 0, "max_quarantined_share": 0.0}


@pytest.fixture
def refused(project: Project, right: pd.DataFrame) -> Project:
    """The day stopped by the contract, with several kinds of bad rows in it; nothing of it is published."""
    deliver(project, spoilt(right))
    stop(project)
    return project


def stop(project: Project, **order: Any) -> None:
    """Score the day under a budget that it exceeds."""
    with pytest.raises(ExpectationsNotMet):
        score_applications.fn(as_of=DAY, config=project.with_settings(contract=STRICT).config, **order)


def test_the_rows_of_a_refused_day_are_those_that_it_would_have_set_aside(
    refused: Project, score: Score, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    shown = rejected(refused)
    assert shown.code == 0
    assert "Quarantine of 2026-11-02, revision 1, refused by the contract: 8 rows" in shown.out
    assert re.search(r"^    AMT_INCOME_TOTAL_known +2$", shown.out, re.MULTILINE)
    assert "contract-refused.html" in shown.out
    assert rejected(refused, "--to", str(tmp_path / "refused.csv")).code == 0
    assert score().manifest.totals.quarantined == 8
    assert rejected(refused, "--to", str(tmp_path / "published.csv")).code == 0
    assert (tmp_path / "refused.csv").read_bytes() == (tmp_path / "published.csv").read_bytes()


def test_rows_of_a_refused_day_are_mended_in_the_files_of_the_feed(
    refused: Project, rejected: Callable[..., Ended], tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    shown = rejected(refused, "--rule", "SK_ID_CURR_parses", "--to", str(path))
    assert "1 row of 2026-11-02, revision 1, refused by the contract, written to" in shown.out
    assert "corrections/" not in shown.out
    assert f"put them into {refused.landing}" in shown.out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "A-17" not in shown.out + shown.err


def test_a_publication_removes_the_rows_of_an_earlier_stop(
    refused: Project, score: Score, right: pd.DataFrame, rejected: Callable[..., Ended]
) -> None:
    kept = refused.root / refused_rows_key(DAY)
    assert kept.exists()
    deliver(refused, right)
    score()
    assert not kept.exists()
    assert rejected(refused).out == "\nQuarantine of 2026-11-02, revision 1: no rows\n"
    ended = rejected(refused, "--refused")
    assert (ended.code, ended.out) == (3, "")
    assert "No revision of 2026-11-02 has been refused since revision 1 was published" in ended.err


def test_of_a_published_day_the_rows_of_a_refused_revision_are_shown_on_request(
    project: Project, score: Score, right: pd.DataFrame, rejected: Callable[..., Ended]
) -> None:
    deliver(project, right)
    score()
    deliver(project, spoilt(right))
    stop(project, force=True, reason=WHY)
    shown = rejected(project)
    assert "Quarantine of 2026-11-02, revision 1: no rows" in shown.out
    assert "A later revision was refused; its rows: scoring rejected --as-of 2026-11-02 --refused" in shown.out
    assert "revision 2, refused by the contract: 8 rows" in rejected(project, "--refused").out
    (project.root / refused_rows_key(DAY)).write_bytes(b"damaged")
    assert "Quarantine of 2026-11-02, revision 1: no rows" in rejected(project).out
    assert rejected(project, "--refused").code == 6


def test_a_refusal_of_the_whole_day_shows_that_no_row_was_set_aside(
    project: Project, right: pd.DataFrame, rejected: Callable[..., Ended]
) -> None:
    keep_refused_rows(FolderStore(project.root), DAY, quarantine_rows(no_rejected_rows()), revision=1, erasure=None)
    deliver(project, right)
    shown = rejected(project)
    assert "Quarantine of 2026-11-02, revision 1, refused by the contract: no rows" in shown.out
    assert "contract-refused.html" in shown.out


def test_a_day_without_a_refusal_has_no_rows_of_one(project: Project, rejected: Callable[..., Ended]) -> None:
    ended = rejected(project, "--refused")
    assert (ended.code, ended.out) == (3, "")
    assert "No rows of a refused revision of 2026-11-02 are kept" in ended.err


def test_rows_of_a_refused_day_are_no_finding_of_a_verification(refused: Project) -> None:
    assert [(each.problems, each.remarks) for each in verify_store(FolderStore(refused.root))] == [((), ())] * 2


def test_an_applicant_is_erased_from_the_rows_of_a_refused_day(refused: Project, right: pd.DataFrame) -> None:
    store, applicant = FolderStore(refused.root), int(right.loc[2, ID])
    before = read_refused_rows(store, DAY)
    erase_applicant(store, applicant, reason=WHY, at=datetime(2027, 1, 5, tzinfo=UTC), reading=Reading())
    after = read_refused_rows(store, DAY)
    assert before
    assert after
    assert (before.rows.num_rows, after.rows.num_rows, after.revision) == (8, 7, before.revision)
    assert str(applicant) not in after.rows.column(ID).to_pylist()


def test_on_s3_the_same_rows_come_out(
    day: Project, rejected: Callable[..., Ended], tmp_path: Path, s3_root: str
) -> None:
    store = open_store(Storage(root=s3_root))
    for entry in FolderStore(day.root).list(""):
        store.create(entry.key, (day.root / entry.key).read_bytes())
    on_s3 = day.with_settings(storage={"root": s3_root})
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    assert rejected(day, "--to", str(here)).code == 0
    shown = rejected(on_s3, "--to", str(there))
    assert f"{s3_root}/landing/day={DAY}/corrections/" in shown.out
    assert there.read_bytes() == here.read_bytes()
