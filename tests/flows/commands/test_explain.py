"""One application of a published day is explained: as published, and by how the model came to it."""

import json
import logging
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.settings import PROJECT, Settings, load_settings
from flows.commands.explain import explain_summary
from flows.score_applications import score_applications
from tasks.adapters.lightgbm import LightGBMModel
from tasks.adapters.pages.plots import draw_account, encode_figure
from tasks.core.applications import parse_rows
from tasks.core.day.manifest import Manifest
from tasks.core.decision.reasons import REASONS
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.model.bundle import ModelPin
from tasks.core.model.features import build_features, family_numbers
from tasks.inspection.explain import Explained, explain
from tasks.model.load import load_bundle
from tasks.publication.erasure_token import note_erasure
from tasks.publication.expired import note_expired
from tasks.publication.manifests import manifest_json, read_manifest
from tasks.store.folder import FolderStore
from tests.commands import Ended, call
from tests.conftest import DAY, Project
from tests.pages import Page

Score = Callable[..., Any]
WHY = "they told us more"
FILE = "applications_1.csv"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run the command on an application of the day."""

    def run(project: Project, applicant: object, *arguments: str, as_of: date | None = DAY) -> Ended:
        words = ["explain", "--application-id", str(applicant), "--config", project.config]
        day = ["--as-of", str(as_of)] if as_of else []
        return call([*words, *day, *arguments], monkeypatch, capsys)

    return run


@pytest.fixture(scope="module")
def kept(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("explained") / "store"
    project = Project(trained.with_settings(storage={"root": str(root)}).config, root)
    project.deliver(rows=120, bad_share=0.05)
    score_applications.fn(as_of=DAY, config=project.config)
    return project


@pytest.fixture
def day(kept: Project, tmp_path: Path) -> Project:
    """The published day, in a store of the test's own."""
    shutil.copytree(kept.root, tmp_path / "copied")
    return Project(kept.with_settings(storage={"root": str(tmp_path / "copied")}).config, tmp_path / "copied")


def rows_of(project: Project, decision: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(project.decisions).to_pylist()
    return [row for row in rows if row["decision"] == decision]


def found(project: Project, applicant: int) -> Explained:
    return explain(FolderStore(project.root), DAY, applicant, load_settings(project.config))


def delivered(project: Project) -> pd.DataFrame:
    return pd.read_csv(project.landing / FILE, dtype=str, keep_default_na=False)


def change(project: Project, applicant: int, **cells: str) -> None:
    rows = delivered(project)
    rows.loc[rows["SK_ID_CURR"] == str(applicant), list(cells)] = list(cells.values())
    rows.to_csv(project.landing / FILE, index=False)


def retell(project: Project, tell: Callable[[Manifest], Manifest]) -> None:
    path = project.root / f"revisions/day={DAY}/rev=0001/manifest.json"
    path.write_bytes(manifest_json(tell(read_manifest(path.read_bytes()))))


def everything(project: Project) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}


# --- what is told


@pytest.mark.parametrize("decision", ["refuse", "approve"])
def test_what_was_published_is_worked_out_again_whatever_was_decided(kept: Project, decision: str) -> None:
    for row in rows_of(kept, decision)[:8]:
        told = found(kept, row["application_id"])
        assert (told.row, told.otherwise, told.remarks) == (row, (), ())
        assert told.account
        assert told.account.pd == row["pd"]
        assert list(told.reasons) == [row[name] for name in REASONS if row[name]]
        positive = sorted((push for push in told.account.pushes.values() if round(push, 6) > 0), reverse=True)
        by_code = {reason.code: family for family, reason in told.published.reasons.items()}
        assert [told.account.pushes[by_code[code]] for code in told.reasons] == (
            positive[:4] if decision == "refuse" else []
        )


def test_the_pushes_are_lightgbms_own_and_lead_from_the_mean_to_the_score(kept: Project) -> None:
    settings: Settings = load_settings(kept.config)
    row = rows_of(kept, "refuse")[0]
    told = found(kept, row["application_id"])
    bundle = load_bundle(told.published.model, settings)
    oracle = LightGBMModel(bundle.model_text, family_numbers(bundle.features.names))
    text = delivered(kept)
    text = text[text["SK_ID_CURR"] == str(row["application_id"])]
    matrix = build_features(parse_rows(pa.Table.from_pandas(text, preserve_index=False)).rows, bundle.features)
    assert told.account
    account = told.account
    expected = dict(zip(FAMILIES, oracle.contributions(matrix)[0], strict=True))
    assert account.pushes.keys() == expected.keys()
    assert all(abs(account.pushes[family] - push) < 1e-9 for family, push in expected.items())
    assert account.raw == oracle.raw_scores(matrix)[0]
    assert account.base + sum(account.pushes.values()) == pytest.approx(account.raw, abs=1e-12)
    assert list(account.pushes.values()) == sorted(account.pushes.values(), key=lambda push: -abs(push))
    assert account.cutoff < account.raw
    assert np.interp(account.cutoff, bundle.calibration.raw, bundle.calibration.pd) == pytest.approx(row["cutoff"])


def test_a_refusal_is_told_with_its_reasons_and_a_waterfall(kept: Project, asked: Callable[..., Ended]) -> None:
    row = rows_of(kept, "refuse")[0]
    before = everything(kept)
    shown = asked(kept, row["application_id"])
    assert (shown.code, shown.err) == (0, "")
    assert f"Application of {DAY}, revision 1: refuse\n" in shown.out
    assert (
        f"pd            {row['pd']:.4f}, risk band {row['risk_band']}; refused from {row['cutoff']:.4f} on" in shown.out
    )
    assert "credit-default version 1, policy 1, contract 3" in shown.out
    told = found(kept, row["application_id"])
    flat = " ".join(shown.out.split())
    for code, sentence in told.reasons.items():
        assert f"{code} {sentence}" in flat
    lines = {
        line[4:44].strip(): line[44:] for line in shown.out.splitlines() if re.match(r" {4}\S.{39} +[-+]?\d", line)
    }
    assert [*lines][:: len(lines) - 1] == ["Mean of all in training", "This application"]
    assert told.account
    for family, push in told.account.pushes.items():
        if abs(push) >= 0.0005:
            assert f"{push:+.3f}" in lines[FAMILIES[family]]
            assert ("█" if push > 0 else "░") in lines[FAMILIES[family]]
    assert lines["This application"].endswith(f"pd {row['pd']:.4f}")
    assert everything(kept) == before


def test_a_model_that_tells_nobody_apart_is_drawn_all_the_same(kept: Project) -> None:
    told = found(kept, rows_of(kept, "approve")[0]["application_id"])
    assert told.account
    account = replace(told.account, base=-2.0, raw=-2.0, cutoff=-2.0, pushes=dict.fromkeys(FAMILIES, 0.0))
    shown = explain_summary(replace(told, account=account))
    assert [line[4:44].strip() for line in shown.splitlines()[-2:]] == ["Mean of all in training", "This application"]
    assert encode_figure(draw_account(account, FAMILIES, title="nobody"), "png").startswith(b"\x89PNG")


def test_the_picture_says_what_its_colours_mean(kept: Project) -> None:
    told = found(kept, rows_of(kept, "refuse")[0]["application_id"])
    assert told.account
    figure = draw_account(told.account, FAMILIES, title="somebody")
    (legend,) = figure.legends
    keys = {text.get_text(): key for text, key in zip(legend.get_texts(), legend.get_patches(), strict=False)}
    up, down = (keys[name].get_facecolor() for name in ("towards refusal", "towards approval"))
    pushes = [push for push in told.account.pushes.values() if push]
    assert [bar.get_facecolor() for bar in figure.axes[0].patches] == [up if push > 0 else down for push in pushes]
    assert figure.axes[0].get_xlabel() == "Raw score, log-odds"


def test_the_readmes_way_from_codes_to_sentences_works(kept: Project) -> None:
    readme = (PROJECT / "README.md").read_text("utf-8")
    (program,) = (block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "sentences" in block)
    names: dict[str, Any] = {}
    exec(program.replace("var/store", str(kept.root)).replace("2026-11-02", str(DAY)), names)  # noqa: S102 - our own
    letters = names["letters"].set_index("application_id")
    refused = rows_of(kept, "refuse")
    assert len(letters) == len(refused) > 0
    for row in refused:
        told = [sentence for sentence in letters.loc[row["application_id"], list(REASONS)] if isinstance(sentence, str)]
        assert told == list(found(kept, row["application_id"]).reasons.values())


def test_an_approval_is_explained_on_request(kept: Project, asked: Callable[..., Ended]) -> None:
    row = rows_of(kept, "approve")[0]
    shown = asked(kept, row["application_id"])
    assert "revision 1: approve" in shown.out
    assert "It states no reasons" in shown.out
    assert "This application" in shown.out


def test_an_application_in_quarantine_is_told_the_rules_it_breaks(kept: Project, asked: Callable[..., Ended]) -> None:
    (path,) = (kept.root / f"quarantine/day={DAY}").iterdir()
    rejected = pq.read_table(path).to_pandas().dropna(subset="application_id")
    row = rejected[~rejected["broken_rules"].str.contains("application_id")].iloc[0]
    shown = asked(kept, int(row["application_id"]))
    assert shown.code == 0
    assert "revision 1: not decided, its row lies in quarantine" in shown.out
    suite = Path("expectations/applications.json").read_text()
    sentences = {each["meta"]["id"]: each["meta"]["sentence"] for each in json.loads(suite)["expectations"]}
    for rule in row["broken_rules"].split(";"):
        assert re.search(rf"^    {rule}: \S", shown.out, re.MULTILINE)
        assert sentences.get(rule, rule) in shown.out
    assert asked(kept, int(row["application_id"]), "--picture", str(path.with_suffix(".png"))).code == 3


def test_a_correction_is_what_counts_once_it_is_published(
    project: Project, score: Score, asked: Callable[..., Ended]
) -> None:
    project.deliver(rows=60)
    score()
    applicant = rows_of(project, "refuse")[0]["application_id"]
    rows = delivered(project)
    corrected = rows[rows["SK_ID_CURR"] == str(applicant)].assign(EXT_SOURCE_2="0.8", EXT_SOURCE_3="0.8")
    (project.landing / "corrections").mkdir()
    corrected.to_csv(project.landing / "corrections/1.csv", index=False)
    waiting = found(project, applicant)
    score(corrections=True, reason=WHY)
    counted = found(project, applicant)
    assert (waiting.otherwise, counted.otherwise) == ((), ())
    assert waiting.account
    assert counted.account
    assert counted.account.pushes["external_scores"] < waiting.account.pushes["external_scores"]
    assert "revision 2: " in asked(project, applicant).out


def test_the_model_that_decided_explains_whoever_is_champion_now(rivals: Project, score: Score) -> None:
    rivals.deliver(rows=60)
    score(rivals)
    rivals.promote("2")
    told = found(rivals, rows_of(rivals, "refuse")[0]["application_id"])
    assert told.otherwise == ()
    assert told.account
    assert told.row
    assert told.row["model_version"] == "1"


# --- over days and revisions


def revise(project: Project, *, cutoff: float) -> None:
    """Decide the day again under another cut-off."""
    policy = yaml.safe_load((PROJECT / "configs/policy.yaml").read_text("utf-8"))
    path = Path(project.config).with_name(f"policy_{cutoff}")
    path.write_text(yaml.safe_dump(policy | {"version": f"at {cutoff}", "cutoff": cutoff}))
    other = project.with_settings(scoring={"policy": str(path)})
    score_applications.fn(as_of=DAY, config=other.config, force=True, reason=WHY)


@pytest.fixture(scope="module")
def revised(kept: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, int]:
    """A day whose revisions 2 and 3 refuse everybody and whose others approve the applicant."""
    root = tmp_path_factory.mktemp("revised") / "store"
    shutil.copytree(kept.root, root)
    project = Project(kept.with_settings(storage={"root": str(root)}).config, root)
    applicant = rows_of(project, "approve")[0]["application_id"]
    for cutoff in (0.000_1, 0.000_2, 0.9):
        revise(project, cutoff=cutoff)
    return project, applicant


def test_one_who_was_refused_before_an_approval_is_told_so(
    revised: tuple[Project, int], asked: Callable[..., Ended]
) -> None:
    project, applicant = revised
    shown = asked(project, applicant)
    assert f"Application of {DAY}, revision 4: approve\n" in shown.out
    assert "  OTHERWISE     Revisions 2 and 3 of the day: refuse; see it with --revision 3" in shown.out
    earlier = asked(project, applicant, "--revision", "2")
    assert f"Application of {DAY}, revision 2: refuse\n" in earlier.out
    assert "refused from 0.0001 on" in earlier.out
    assert "  OTHERWISE     Revisions 1 and 4 of the day: approve; see it with --revision 4" in earlier.out


def test_an_earlier_revision_is_worked_out_by_its_own_policy(revised: tuple[Project, int]) -> None:
    project, applicant = revised
    settings = load_settings(project.config)
    for revision, decision in enumerate(("approve", "refuse", "refuse", "approve"), start=1):
        told = explain(FolderStore(project.root), DAY, applicant, settings, revision=revision)
        assert told.row
        assert (told.published.revision, told.row["decision"], told.otherwise) == (revision, decision, ())
        assert bool(told.reasons) == (decision == "refuse")


def test_without_a_day_all_days_and_revisions_are_told_and_the_newest_is_explained(
    revised: tuple[Project, int], asked: Callable[..., Ended]
) -> None:
    project, applicant = revised
    shown = asked(project, applicant, as_of=None)
    assert (shown.code, shown.err) == (0, "")
    assert "The application over 1 day, 4 revisions" in shown.out
    lines = [line.split()[:3] for line in shown.out.splitlines() if line.startswith(f"  {DAY}")]
    assert lines == [
        [str(DAY), str(n), word] for n, word in ((4, "approve"), (3, "refuse"), (2, "refuse"), (1, "approve"))
    ]
    assert f"Application of {DAY}, revision 4: approve\n" in shown.out
    assert str(applicant) not in shown.out


def test_an_unknown_id_is_told_so_over_all_days(revised: tuple[Project, int], asked: Callable[..., Ended]) -> None:
    ended = asked(revised[0], 987654321, as_of=None)
    assert (ended.code, ended.out) == (3, "")
    assert "No application with this id was decided or set aside on any of 1 published day" in ended.err
    assert "987654321" not in ended.err


def test_a_revision_without_the_application_names_those_that_have_it(
    day: Project, score: Score, asked: Callable[..., Ended]
) -> None:
    applicant = rows_of(day, "refuse")[0]["application_id"]
    rows = delivered(day)
    rows[rows["SK_ID_CURR"] != str(applicant)].to_csv(day.landing / FILE, index=False)
    (day.landing / "_control.json").unlink(missing_ok=True)
    score(day, force=True, reason=WHY)
    ended = asked(day, applicant)
    assert ended.code == 3
    assert "revision 2. Of its revisions, 1 had it: look at one with --revision." in ended.err
    assert "revision 1: refuse" in asked(day, applicant, "--revision", "1").out
    assert "revision 1: refuse" in asked(day, applicant, as_of=None).out


# --- what cannot be told, or not as published


def expire(project: Project, _: int) -> None:
    note_expired(
        FolderStore(project.root), DAY, [f"landing/day={DAY}/{FILE}"], rule="kept for 30 days", at="2026-12-02T00:00:00"
    )
    (project.landing / FILE).unlink()


def of_another_model(project: Project, _: int) -> None:
    retell(project, lambda told: replace(told, model=ModelPin(told.model.name, "1", "of another bundle")))


def without_reasons(project: Project, _: int) -> None:
    retell(project, lambda told: replace(told, reasons={}, manifest_version="2"))


AS_IT_WAS = "This application"
CASES: dict[str, tuple[Callable[[Project, int], object], list[str], list[str]]] = {
    "the row was changed": (
        lambda project, applicant: change(project, applicant, EXT_SOURCE_2="0.8", EXT_SOURCE_3="0.8"),
        ["NOT AS PUBLISHED: pd, reason_1", f"{FILE} is not the file that was scored", AS_IT_WAS],
        [],
    ),
    "another row was changed": (
        lambda project, applicant: change(project, rows_of(project, "approve")[0]["application_id"], OWN_CAR_AGE="9"),
        ["Worth knowing", f"{FILE} is not the file that was scored; it was changed since.", AS_IT_WAS],
        ["NOT AS PUBLISHED"],
    ),
    "the landing expired": (
        expire,
        [
            "cannot be told",
            f"{FILE} was removed by rule on 2026-12-02 01:00 Europe/Prague: kept for 30 days.",
            "No delivered file",
        ],
        [AS_IT_WAS],
    ),
    "the landing is gone": (
        lambda project, applicant: shutil.rmtree(project.landing),
        ["cannot be told", f"{FILE} is not in the landing any more."],
        [AS_IT_WAS],
    ),
    "the row is gone": (
        lambda project, applicant: delivered(project)
        .query(f"SK_ID_CURR != '{applicant}'")
        .to_csv(project.landing / FILE, index=False),
        ["cannot be told", "No delivered file that is still there holds the row"],
        [AS_IT_WAS],
    ),
    "a column is gone": (
        lambda project, _: delivered(project).drop(columns="AMT_CREDIT").to_csv(project.landing / FILE, index=False),
        ["cannot be told", f"{FILE} is not the file that was scored", f"{FILE} lacks 1 declared column."],
        [AS_IT_WAS],
    ),
    "the ids are gone": (
        lambda project, _: delivered(project).drop(columns="SK_ID_CURR").to_csv(project.landing / FILE, index=False),
        ["cannot be told", f"{FILE} lacks 1 declared column."],
        [AS_IT_WAS],
    ),
    "the model is another one": (of_another_model, ["cannot be told", "version 1"], [AS_IT_WAS]),
    "there were no reasons": (without_reasons, [AS_IT_WAS], ["NOT AS PUBLISHED"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_was_published_is_told_whatever_became_of_the_rest(
    day: Project, asked: Callable[..., Ended], tmp_path: Path, case: str
) -> None:
    spoil, told, untold = CASES[case]
    row = rows_of(day, "refuse")[0]
    spoil(day, row["application_id"])
    shown = asked(day, row["application_id"])
    assert shown.code == 0
    assert f"pd            {row['pd']:.4f}" in shown.out
    assert row["reason_1"] in shown.out
    for words in told:
        assert words in shown.out
    for words in untold:
        assert words not in shown.out
    picture = tmp_path / "it.png"
    drawn = asked(day, row["application_id"], "--picture", str(picture))
    assert (drawn.code, picture.exists()) == ((0, True) if AS_IT_WAS in told else (3, False))


def test_a_file_that_cannot_be_read_any_more_is_told(day: Project, asked: Callable[..., Ended]) -> None:
    (day.landing / FILE).write_bytes(b"\x1f\x8b\x08\x00")
    shown = asked(day, rows_of(day, "refuse")[0]["application_id"])
    assert shown.code == 0
    assert "cannot be told" in shown.out
    assert f"    {FILE} is " in shown.out


def unpublish(project: Project) -> None:
    shutil.rmtree(project.root / f"revisions/day={DAY}")


def erase(project: Project) -> None:
    note_erasure(FolderStore(project.root), DAY, is_over=False)


def was_erased(project: Project) -> None:
    retell(project, lambda told: replace(told, erasures=({"at": "2027-01-05T09:30:00+00:00", "reason": "asked"},)))


@pytest.mark.parametrize(
    ("spoil", "applicant", "arguments", "code", "message"),
    [
        (None, 987654321, (), 3, "No application with this id was decided or set aside on 2026-11-02, revision 1. L"),
        (was_erased, 987654321, (), 3, r"revision 1\. Applicants were erased from the day since\. Look"),
        (unpublish, 987654321, (), 3, "2026-11-02 has not been published, so nothing of it can be explained"),
        (erase, 987654321, (), 6, "An applicant is being erased from 2026-11-02"),
        (None, 987654321, ("--revision", "2"), 2, "2026-11-02 has no revision 2; its newest is 1"),
        (None, 987654321, ("--what-if", "DAYS_BIRTH=-9000"), 2, "DAYS_BIRTH may not be changed in a what-if"),
        (None, 987654321, ("--what-if", "AMT_CREDIT"), 2, "write it as FIELD=AMOUNT"),
        (None, 987654321, ("--what-if", "AMT_CREDIT=1", "--what-if", "AMT_CREDIT=2"), 2, "given twice for a field"),
        (None, 987654321, ("--page", "it.htm"), 2, "it.htm is not a page"),
        (None, "98765432l", (), 2, "it is not an application id; expected a positive whole number"),
        (None, 987654321, ("--picture", "it.jpg"), 2, "it.jpg is not a picture that can be drawn"),
        (None, 987654321, ("--picture", "nowhere/it.png"), 2, "nowhere is not a folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_told_without_the_id(
    day: Project,
    asked: Callable[..., Ended],
    spoil: Callable[[Project], None] | None,
    applicant: object,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    if spoil:
        spoil(day)
    ended = asked(day, applicant, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert re.search(message, ended.err), ended.err
    assert "9876543" not in ended.err


# --- what if


def test_a_refusal_ends_with_the_smallest_changes_that_would_have_been_approved(
    kept: Project, asked: Callable[..., Ended]
) -> None:
    shown = asked(kept, rows_of(kept, "refuse")[0]["application_id"])
    flat = " ".join(shown.out.split())
    for field in (
        "AMT_CREDIT (amount of the loan)",
        "AMT_ANNUITY (instalment)",
        "AMT_GOODS_PRICE (price of the goods)",
    ):
        assert re.search(rf"(With|No) {re.escape(field)} [^()]*(\([-+][0-9.]+%\) it )?would have been approved\.", flat)
    assert "This is about credit-default version 1 and policy 1, all else as it is. It is not a promise" in flat
    approved = asked(kept, rows_of(kept, "approve")[0]["application_id"])
    assert "would have been approved" not in approved.out


def test_other_amounts_are_tried_and_shown_beside_the_delivered_ones(
    kept: Project, asked: Callable[..., Ended]
) -> None:
    row = rows_of(kept, "refuse")[0]
    (credit,) = delivered(kept).query(f"SK_ID_CURR == '{row['application_id']}'")["AMT_CREDIT"]
    same = asked(kept, row["application_id"], "--what-if", f"AMT_CREDIT={credit}")
    amount = f"{float(credit):,.2f}"
    assert f"What if AMT_CREDIT were {amount} instead of {amount}\n" in same.out
    assert f"    refuse, pd {row['pd']:.4f}, risk band {row['risk_band']}\n" in same.out
    ended = asked(kept, row["application_id"], "--what-if", "AMT_CREDIT=0")
    assert ended.code == 4
    assert "AMT_CREDIT is above 0 and at most 100 million. (AMT_CREDIT_in_range)" in ended.err


# --- the page, the picture, and who may learn of it


@pytest.mark.parametrize("as_of", [DAY, None])
def test_the_page_is_its_owners_alone_and_says_what_the_terminal_says(
    kept: Project, asked: Callable[..., Ended], tmp_path: Path, as_of: date | None
) -> None:
    row = rows_of(kept, "refuse")[0]
    path, before = tmp_path / "it.html", everything(kept)
    shown = asked(kept, row["application_id"], "--page", str(path), as_of=as_of)
    assert f"Page          {path}; it is an applicant's" in shown.out
    assert (stat.S_IMODE(path.stat().st_mode), list(tmp_path.iterdir())) == (0o600, [path])
    words = " ".join(Page(path.read_bytes()).text.split())
    assert f"Decision: refuse. pd {row['pd']:.4f}, refused from {row['cutoff']:.4f} on" in words
    assert f"{DAY}, revision 1 (this page)" in words
    flat = " ".join(shown.out.split())
    ways = re.findall(r"(?:With|No) AMT_.*? would have been approved\.", flat)
    assert len(ways) == 3
    assert all(way in words for way in ways)
    assert re.search(r"Among all applications of the day ?[0-9]+%", words)
    assert str(row["application_id"]) not in words
    assert everything(kept) == before
    assert asked(kept, row["application_id"], "--page", str(path)).code == 2


def test_an_application_in_quarantine_has_a_page_of_its_rules(
    kept: Project, asked: Callable[..., Ended], tmp_path: Path
) -> None:
    (quarantine,) = (kept.root / f"quarantine/day={DAY}").iterdir()
    rejected = pq.read_table(quarantine).to_pandas().dropna(subset="application_id")
    row = rejected[~rejected["broken_rules"].str.contains("application_id")].iloc[0]
    assert asked(kept, int(row["application_id"]), "--page", str(tmp_path / "it.html")).code == 0
    words = Page((tmp_path / "it.html").read_bytes()).text
    assert "Not decided: its row lies in quarantine" in words
    assert all(rule in words for rule in row["broken_rules"].split(";"))


@pytest.mark.parametrize(("name", "begins"), [("it.png", b"\x89PNG"), ("it.svg", b"<?xml")])
def test_the_picture_is_its_owners_alone_and_is_not_written_over(
    kept: Project, asked: Callable[..., Ended], tmp_path: Path, name: str, begins: bytes
) -> None:
    applicant, picture = rows_of(kept, "refuse")[0]["application_id"], tmp_path / name
    shown = asked(kept, applicant, "--picture", str(picture))
    assert f"Picture       {picture}; it is an applicant's" in shown.out
    data = picture.read_bytes()
    assert data.startswith(begins)
    assert str(applicant).encode() not in data
    assert (stat.S_IMODE(picture.stat().st_mode), list(tmp_path.iterdir())) == (0o600, [picture])
    again = asked(kept, applicant, "--picture", str(picture))
    assert (again.code, picture.read_bytes()) == (2, data)
    assert "is there already" in again.err


def test_nothing_of_the_applicant_is_logged(
    kept: Project, asked: Callable[..., Ended], caplog: pytest.LogCaptureFixture
) -> None:
    row = rows_of(kept, "refuse")[0]
    with caplog.at_level(logging.DEBUG):
        shown = asked(kept, row["application_id"])
    told = found(kept, row["application_id"])
    assert told.account
    values = [str(row["application_id"]), repr(row["pd"]), f"{row['pd']:.4f}", f"{told.account.raw:.3f}"]
    assert [value for value in values if value in caplog.text] == []
    assert str(row["application_id"]) not in shown.out
