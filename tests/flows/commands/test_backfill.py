"""`scoring backfill`: the plan on standard output, the words of its options, and its end."""

import json
from datetime import date
from pathlib import Path

import pytest
import yaml

from flows.commands.backfill import backfill_title
from tasks.operations.backfill_plan import BackfillPlan
from tests.commands import call

RANGE = ["--from", "2026-11-02", "--to", "2026-11-03"]


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Settings of a store into which one day was delivered."""
    landing = tmp_path / "store/landing/day=2026-11-03"
    landing.mkdir(parents=True)
    (landing / "a.csv").write_text("never read")
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump({"storage": {"root": str(tmp_path / "store")}}))
    return str(path)


def test_a_dry_run_prints_the_plan_for_programs_and_a_table_for_people(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = call(["backfill", *RANGE, "--dry-run", "--config", config], monkeypatch, capsys)
    assert ended.code == 0
    assert [day.as_of for day in BackfillPlan.from_json(ended.out).days] == [date(2026, 11, 2), date(2026, 11, 3)]
    assert "2 days of 2026-11-02 to 2026-11-03 to do (missing)" in ended.err
    assert "  2026-11-03  publish      delivered, not published" in ended.err


def test_a_range_in_which_nothing_is_left_to_do_ends_well(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["backfill", *RANGE, "--only", "failed", "--without-prefect", "--config", config]
    ended = call(words, monkeypatch, capsys)
    assert (ended.code, ended.out.strip()) == (0, backfill_title(0))


def test_a_day_of_which_nothing_came_ends_with_the_exit_code_of_its_error(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["backfill", "--from", "2026-11-02", "--to", "2026-11-02", "--without-prefect", "--config", config]
    ended = call(words, monkeypatch, capsys)
    assert ended.code == 3
    assert "SourceError: 1 of 1 day could not be done." in ended.err
    assert "2026-11-02  nothing came" in ended.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Which days?"),
        ([*RANGE, "--only", "all"], "say by which model, policy and contract"),
        ([*RANGE, "--as-was", "--reason", "why"], "missing takes no day that readers see"),
        ([*RANGE, "--plan", "plan.json"], "--plan says all that is to be done"),
        (["--plan", "plan.json", "--dry-run"], "--plan says all that is to be done"),
        (["--plan", "nowhere.json"], "cannot be read"),
        ([*RANGE, "--at-once", "0"], "at-once"),
    ],
)
def test_what_cannot_be_understood_is_refused_before_anything_is_done(
    config: str,
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = call(["backfill", *words, "--config", config], monkeypatch, capsys)
    assert ended.code == 2
    assert message in ended.err


def test_a_plan_that_is_printed_names_no_file(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = call(["backfill", *RANGE, "--dry-run", "--config", config], monkeypatch, capsys)
    assert "a.csv" not in ended.out
    assert json.loads(ended.out)["others"] == {}
