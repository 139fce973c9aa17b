import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmarks import commands, days, own, rivals
from benchmarks.__main__ import LEAN, QUICK_TRAINING
from benchmarks.apart import Job, Stopwatch, measure, run_apart
from benchmarks.commands import ALONE, BESIDE_SERVER, TOLD_STATUS
from benchmarks.figures import Runs, Spread, compare_decisions, compare_engines, ratio, require_agreement, spread
from benchmarks.page import BEGIN, END, Measured, budgets, page, put_between
from benchmarks.plan import DAYS, JOBS, MONITORING, ONE_APPLICATION, ONE_ROW, ONLINE, PARTS, PLAINLY, Plan
from configs.settings import PROJECT, load_settings
from flows.cli import scoring
from tests.conftest import Project

ROWS = 400
PLAN = Plan((1000, 10_000), (1, 2), 1, 1000)


def run(job: str, seconds: float, rows: int = 1000, cores: int = 2, **found: Any) -> dict[str, Any]:
    spent = {"wall": seconds, "cpu": seconds}
    stages = {"reasons": spent} if job in {"engine", "LightGBM"} else {"all": spent}
    told = {"peak_bytes": 1_000_000_000, "late_imports": 0, "start": spent, "found": found}
    return {"job": job, "rows": rows, "cores": cores, "repetition": 0, "stages": stages, **told}


def one_a_call(job: str, seconds: float) -> dict[str, Any]:
    return run(job, seconds, 10_000, answered=3, call_seconds=[seconds, 9.0, 0.0])


def measured(*runs: dict[str, Any], plan: Plan = PLAN, share: float = 1.0, **command: float) -> Measured:
    engines = {"rows": 9.0, "explained": 3.0, "largest_difference": 1e-9, "same_reasons_share": share}
    spent = {name: [{"wall": wall, "cpu": wall, "peak_bytes": 1e8}] for name, wall in command.items()}
    return Measured(plan, Runs([run("day", 1.0, sha256="a"), *runs]), engines, spent, "a machine")


def test_what_the_bench_orders_is_a_command_and_a_setting(tmp_path: Path) -> None:
    kept, of_day = days.registry_environ(tmp_path), own.day_environ(str(tmp_path), 2)
    for training in (LEAN, LEAN | QUICK_TRAINING):
        settings = load_settings(environ={**kept, **training, **of_day})
    assert (settings.training.baselines, settings.training.max_trees) == ("none", 60)
    assert (settings.storage.root, settings.scoring.workers) == (str(tmp_path), 2)
    score = [*commands.SCORE], [*commands.SCORE, commands.WITHOUT_PREFECT]
    history = tmp_path / "history.parquet"
    history.touch()
    for words in (days.generate_history(tmp_path, 9), days.train(history), [*commands.GENERATE], *score):
        with scoring.make_context("scoring", [*words]) as context:
            _, command, rest = scoring.resolve_command(context, [*words])
            assert command
            assert command.make_context(words[0], rest, parent=context).params


def test_everybody_who_works_on_one_day_agrees(
    trained: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORING_CONFIG", trained.config)
    folders = [tmp_path / name for name in ("days", "models", "scratch")]
    for folder in folders:
        folder.mkdir()
    job = Job("day data", ROWS, 2, *map(str, folders))
    days.make_day(job, Stopwatch())
    runs, explained = [], 0
    rivals_and_ours = ("floor", "contract", "GX COMPLETE", "engine", "LightGBM", "plain, our model")
    for name in ("day", *rivals_and_ours, ONE_APPLICATION, ONE_ROW, "verdict"):
        watch = Stopwatch()
        found = JOBS[name](replace(job, name=name, explained=explained), watch)
        assert all(spent.wall > 0 for spent in watch.stages.values())
        explained = found.get("not_approved", explained)
        runs.append(run(name, 1.0, ROWS) | {"found": found})
    require_agreement(Runs(runs), ROWS)
    assert runs[-1]["found"]["compared"] == runs[0]["found"]["decided"]
    assert compare_engines(folders[2])["explained"] > 0
    plain = folders[2] / f"plain, our model {rivals.PLAIN_DECISIONS}"
    assert compare_decisions(folders[2] / own.DECISIONS, plain)["in_both"] == runs[0]["found"]["decided"]
    assert list(folders[2].glob("*/")) == []


def test_a_day_made_in_blocks_has_every_id_once_but_for_its_bad_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "BLOCK_ROWS", 300)
    found = days.make_day(Job("day data", 700, 2, str(tmp_path), "", ""), Stopwatch())
    control = json.loads((tmp_path / days.LANDED).with_name("_control.json").read_text())
    clean, typed = pd.read_csv(tmp_path / days.CLEAN), pq.read_table(tmp_path / days.TYPED)
    assert len(clean) == typed.num_rows == control["files"]["applications_1.csv"]["rows"] == 700
    assert clean["SK_ID_CURR"].is_unique
    assert found["bytes"] == (tmp_path / days.LANDED).stat().st_size
    assert (tmp_path / days.LANDED).read_text().count("SK_ID_CURR") == 1


def test_texts_are_coded_by_the_levels_of_training_and_what_is_unseen_is_missing() -> None:
    from tasks.core.lender.columns import ID, NAMES

    frame = pd.DataFrame({name: [0.0, 1.0, np.nan] for name in NAMES}).assign(CODE_GENDER=["M", "F", "other"])
    matrix = days.coded(frame, {"CODE_GENDER": ["F", "M"]})
    names = [name for name in NAMES if name != ID]
    assert matrix.shape == (3, 120)
    np.testing.assert_array_equal(matrix[:, names.index("CODE_GENDER")], [1.0, 0.0, np.nan])


def test_what_a_job_imports_is_imported_before_its_clock_starts_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(_job: Job, watch: Stopwatch) -> dict[str, Any]:
        with watch.stage("once"):
            import colorsys  # noqa: F401
        return {}

    job = Job("any", 1, 1, "", str(tmp_path), "")
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    assert measure(job, work)["late_imports"] == 1
    monkeypatch.delitem(sys.modules, "colorsys")
    assert measure(job, work)["late_imports"] == 0


def test_a_job_is_measured_in_a_process_of_its_own_and_its_failure_told(tmp_path: Path) -> None:
    job = Job("day data", 500, 1, str(tmp_path), str(tmp_path), str(tmp_path))
    found = run_apart(job, {})
    assert found["found"]["bytes"] == (tmp_path / days.LANDED).stat().st_size
    assert found["start"]["wall"] > 0 < found["stages"]["make"]["cpu"]
    assert 5e7 < found["peak_bytes"] < 2e9
    with pytest.raises(click.ClickException, match="row by row on 500 rows failed"):
        run_apart(replace(job, name="row by row"), {})


def test_a_stage_entered_again_adds_up() -> None:
    watch = Stopwatch()
    for _ in range(3):
        with watch.stage("one"):
            before = watch.stages.get("one")
    assert before is not None
    assert watch.stages["one"].wall > before.wall


def test_a_ratio_is_of_runs_of_the_same_round() -> None:
    assert ratio([10.0, 40.0, 90.0], [1.0, 2.0, 3.0]) == Spread(20.0, 10.0, 30.0)
    assert ratio([10.0], [1.0, 2.0]) == Spread(10.0, 10.0, 10.0)
    assert ratio([], [1.0]) is None


@pytest.mark.parametrize(
    ("values", "told"),
    [([1.0], "1.00 s"), ([0.01234], "0.012 s"), ([12.345], "12.3 s"), ([12345.6], "12,346 s"),
     ([1.0, 2.0], "1.50 s (1.00-2.00)")],
    ids=["units", "thousandths", "tens", "thousands", "spread"],
)  # fmt: skip
def test_a_figure_is_told_with_its_spread(values: list[float], told: str) -> None:
    assert spread(values).told(" s") == told


JUDGED = {"compared": 90, "reference": 500, "level": "ok", "findings": 0}
DAY = {"sha256": "a", "decided": 90, "quarantined": 5, "not_approved": 30, "explained": 30}
PLAIN_DAY = {"decided": 94, "explained": 30}


@pytest.mark.parametrize(
    ("job", "found", "complaint"),
    [
        ("day", DAY | {"sha256": "b"}, "other bytes"),
        ("day", DAY | {"explained": 29}, "no reason"),
        ("GX COMPLETE", {"broken": {"rule": 4}}, "other broken rows"),
        ("plain, our model", PLAIN_DAY | {"decided": 84}, "decided 84 rows"),
        ("plain, large model", PLAIN_DAY | {"explained": 31}, "other numbers"),
        ("monitoring", JUDGED | {"findings": 1}, "another verdict"),
    ],
    ids=["bytes", "reasons", "rules", "decided", "explained", "verdict"],
)
def test_results_that_differ_stop_the_run(job: str, found: Mapping[str, Any], complaint: str) -> None:
    same = [
        run("day", 1.0, **DAY), run("contract", 1.0, broken={"rule": 3}), run("GX COMPLETE", 1.0, broken={"rule": 3}),
        run("plain, large model", 1.0, **PLAIN_DAY), run("plain, our model", 1.0, **PLAIN_DAY | {"decided": 85}),
        run("verdict", 1.0, **JUDGED), run("monitoring", 1.0, **JUDGED | {"written_bytes": 9}),
    ]  # fmt: skip
    require_agreement(Runs(same), 1000)
    with pytest.raises(click.ClickException, match=complaint):
        require_agreement(Runs([*same, run(job, 1.0, **found)]), 1000)


@pytest.mark.parametrize(
    ("raw", "contribution", "complaint"),
    [(1.0, 0.5, None), (1.0, 0.5 + 5e-10, None), (1.0, 0.5 + 2e-9, "reasons"), (1 + 1e-15, 0.5, "last bit")],
    ids=["equal", "within", "beyond", "another score"],
)
def test_engines_are_held_against_each_other(
    tmp_path: Path, raw: float, contribution: float, complaint: str | None
) -> None:
    for name, score, told in (("engine", raw, contribution), ("LightGBM", 1.0, 0.5)):
        np.save(tmp_path / f"{name}.raw.npy", np.array([score]))
        np.save(tmp_path / f"{name}.contributions.npy", np.array([[told, -1.0, 0.2, *[0.0] * 13]]))
    if complaint is None:
        assert compare_engines(tmp_path)["same_reasons_share"] == 1
    else:
        with pytest.raises(click.ClickException, match=complaint):
            compare_engines(tmp_path)


@pytest.mark.parametrize(
    ("target", "within", "beyond"),
    [
        ("faster than plain, large model", [run("plain, large model", 50.0)], [run("plain, large model", 49.9)]),
        ("faster than plain, our model", [run("plain, our model", 20.0)], [run("plain, our model", 19.9)]),
        ("tight floor", [run("floor", 0.4)], [run("floor", 0.39)]),
        ("pred_contrib", [run("engine", 1.0), run("LightGBM", 10.0)], [run("engine", 1.0), run("LightGBM", 9.9)]),
        ("GX COMPLETE", [run("contract", 1.0), run("GX COMPLETE", 10.0)],
         [run("contract", 1.0), run("GX COMPLETE", 9.9)]),
        ("whole contract", [run("whole contract", 1.0)], [run("whole contract", 1.1)]),
        ("contract of one row", [one_a_call(ONE_ROW, 0.020)], [one_a_call(ONE_ROW, 0.021)]),
        ("application online", [one_a_call(ONE_APPLICATION, 0.030)], [one_a_call(ONE_APPLICATION, 0.031)]),
        ("under 2 GB", [run("day", 1.0) | {"peak_bytes": 2e9}], [run("day", 1.0) | {"peak_bytes": 4e9}]),
        ("100 bytes a row", [run("day", 10.0, 10_000) | {"peak_bytes": 1.2509e9}],
         [run("day", 10.0, 10_000) | {"peak_bytes": 1.251e9}]),
        ("times the rows", [run("day", 10.5, 10_000)], [run("day", 10.6, 10_000)]),
        ("statistics and verdict", [run("verdict", 3.0)], [run("verdict", 3.1)]),
        ("Evidently", [run("monitoring", 1.0), run("Evidently", 5.0)],
         [run("monitoring", 1.0), run("Evidently", 4.9)]),
        ("at most that of scoring", [run("monitoring", 1.0)], [run("monitoring", 1.0) | {"peak_bytes": 1.01e9}]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_budget_is_met_up_to_its_limit(
    target: str, within: list[dict[str, Any]], beyond: list[dict[str, Any]]
) -> None:
    def is_met(runs: list[dict[str, Any]]) -> bool | None:
        has_large = any((each["job"], each["rows"]) == ("day", 10_000) for each in runs)
        large = [] if has_large else [run("day", 10.0, 10_000)]
        (found,) = (each for each in budgets(measured(*runs, *large)) if target in each.target)
        return found.met

    assert is_met(within) is True
    assert is_met(beyond) is False


@pytest.mark.parametrize(("command", "limit"), [(ALONE, 4.0), (BESIDE_SERVER, 6.0), (TOLD_STATUS, 1.5)])
def test_a_small_day_as_a_whole_process_has_some_seconds(command: str, limit: float) -> None:
    for seconds, is_met in ((limit, True), (limit + 0.1, False)):
        told = budgets(measured(run("day", 1.0, 10_000), **{command: seconds}))
        (found,) = (each for each in told if each.target.startswith(command))
        assert found.met is is_met


def test_a_page_says_what_was_not_measured() -> None:
    told = page(measured(plan=replace(PLAN, sizes=(1000,))))
    assert "| at least 50 times faster than plain, large model | not measured | not measured |" in told
    assert "which is no full day" in told
    assert "| 1,000 | this project | 2 | 1.00 | 1.00 | 1,000 | 1.00 | 1.00 |" in told


def test_rivals_work_on_the_full_day_round_after_round_and_on_smaller_ones_once() -> None:
    plan = Plan((10_000, 100_000, 300_000, 3_000_000), (1, 2), 3, 300_000)
    ours = [(name, cores) for cores in (1, 2) for name in DAYS]
    plainly, parts, online, monitoring = (
        [(name, 2) for name in names] for names in (PLAINLY, PARTS, ONLINE, MONITORING)
    )
    assert list(plan.jobs(10_000, 0)) == [*ours, *plainly, *online]
    assert list(plan.jobs(100_000, 0)) == [*ours, *plainly]
    assert list(plan.jobs(100_000, 1)) == ours
    assert list(plan.jobs(300_000, 0)) == [*ours, *plainly, *parts, ("profile", 1), *monitoring]
    assert list(plan.jobs(300_000, 1)) == [*ours, *plainly, *parts, *monitoring]
    costly = {("plain, large model", 2), ("plain, our model", 2), ("GX COMPLETE", 2), *monitoring[1:]}
    assert set(plan.jobs(300_000, 1)) - set(plan.jobs(300_000, 2)) == costly
    assert [list(plan.jobs(3_000_000, repetition)) for repetition in range(3)] == [ours, ours[len(DAYS) :], []]
    assert plan.estimate_minutes() > replace(plan, repeats=1).estimate_minutes() > 0


def test_the_tables_stand_between_two_markers_of_the_document() -> None:
    document = (PROJECT / "docs/performance.md").read_text("utf-8")
    once = put_between(document, "tables")
    assert f"{BEGIN}\n\ntables\n\n{END}" in once
    assert put_between(once, "tables") == once
    with pytest.raises(ValueError, match="not both there"):
        put_between(document.replace(END, ""), "tables")
