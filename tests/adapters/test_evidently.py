"""A judged day in Evidently: our numbers to the last digit, one small page, a workspace of many days."""

import asyncio
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer.main
from evidently.cli import app
from evidently.cli.ui import ui
from evidently.ui.service.base import SeriesFilter
from evidently.ui.service.storage.local.base import InMemoryDataStorage
from evidently.ui.workspace import Workspace
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.adapters.evidently import (
    FIGURES,
    MOST_COLUMNS,
    NO_VALUE,
    DrawnDay,
    ShownColumn,
    ShownDay,
    draw_day,
    shown_columns,
)
from tasks.adapters.evidently_workspace import PROJECT_ID, PROJECT_NAME, build_workspace, ui_command
from tasks.core.disclosure import RARE_OR_UNSEEN
from tasks.core.feed.synthetic import synthesize_applications
from tasks.core.lender.columns import NUMBERS, TEXTS
from tasks.core.model.reference import reference_statistics
from tasks.feed.generate import load_statistics
from tests.pages import Page

DAY = date(2026, 3, 2)
SCRIPT = "</script><script>alert(1)</script>"
LARGEST_PAGE = 5_000_000
"""Bytes of a page at most."""
FROZEN: dict[str, Any] = {
    "pd": {"quantiles": [0.05, 0.1, 0.2]},
    "amount": {"quantiles": [-5.0, 10.0, 365243.0]},
    "flag": {"quantiles": [0.0, 0.0, 0.0], "values": [0.0, 1.0]},
    "kind": {"level_shares": {"A": 0.1, "B": 0.6, SCRIPT: 0.3}},
    "constant": {"quantiles": [1.0, 1.0], "values": [1.0]},
    "lost": {"quantiles": [1.0, 2.0]},
}


def rows(kinds: Sequence[str] = ("A", "B", "B", "B", SCRIPT), *, repeated: int = 40) -> pd.DataFrame:
    """Applications of a lender with few columns; each value comes `repeated` times or more."""
    n = len(kinds) * repeated
    return pd.DataFrame(
        {
            "pd": np.resize([0.05, 0.1, 0.2, 0.1, 0.1], n),
            "amount": np.resize([-5.0, 10.0, 365243.0, 10.0, np.nan], n),
            "flag": np.resize([0.0, 1.0], n),
            "kind": np.resize(np.array(kinds, dtype=object), n),
            "constant": np.ones(n),
            "lost": np.full(n, np.nan),
        }
    )


def judged(name: str, score: float = 0.5, *, drifted: bool = False, limit: float = 1.0) -> ShownColumn:
    return ShownColumn(name, score, drifted, f"{name} is judged.", limit)


def shown_day(*columns: ShownColumn, heaviest: Sequence[str] = tuple(FROZEN), **changes: Any) -> ShownDay:
    scalars = {"rows": 48_744.0, "mean_pd": 0.081_234_567_890_123_45, "approval_share": 0.73}
    day = ShownDay(DAY, 2, "7", "watch", ("Something moved.",), scalars, columns, heaviest)
    return replace(day, **changes)


def small(day: ShownDay) -> DrawnDay:
    return draw_day(day, rows(), rows(), FROZEN)


def results(drawn: DrawnDay) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return list(json.loads(drawn.snapshot, parse_constant=refuse)["metric_results"].values())


def params(result: dict[str, Any]) -> dict[str, Any]:
    return result["metric_value_location"]["metric"]["params"]


def told_columns(drawn: DrawnDay) -> dict[str, tuple[float, float, list[str]]]:
    """Column to its score, its limit and the status of its tests, as the snapshot tells them."""
    found = {}
    for result in results(drawn):
        if "column" in params(result):
            statuses = [test["status"] for test in result["tests"]]
            found[params(result)["column"]] = (result["value"], params(result)["threshold"], statuses)
    return found


def told_figures(drawn: DrawnDay) -> dict[str, float]:
    return {params(each)["figure"]: each["value"] for each in results(drawn) if "figure" in params(each)}


def widgets(drawn: DrawnDay) -> list[dict[str, Any]]:
    """Widgets of the page, as the viewer reads them."""
    data = re.search(rb"var drift = (.*);\n", drawn.page)
    assert data is not None
    (group,) = json.loads(data[1])["widgets"]
    return group["widgets"]


def texts(drawn: DrawnDay) -> list[str]:
    """Texts of the page as they are read, without the escapes of Markdown."""
    return [re.sub(r"\\(.)", r"\1", each["params"]["text"]) for each in widgets(drawn) if each["type"] == "text"]


def bars(drawn: DrawnDay, column: str) -> dict[str, tuple[float, float]]:
    """Bar to its shares of the day and of the reference, from left to right."""
    shown = widgets(drawn)
    headed = [each["type"] == "text" and each["params"]["text"].startswith(f"### {column}:") for each in shown]
    plot = shown[headed.index(True) + 1]["params"]
    day, reference = plot["data"]
    assert (day["name"], reference["name"], day["x"]) == ("this day", "reference", reference["x"])
    assert plot["layout"]["xaxis"]["categoryarray"] == day["x"]
    return dict(zip(day["x"], zip(day["y"], reference["y"], strict=True), strict=True))


# --- our numbers


numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=10)
@given(st.lists(st.tuples(numbers, st.booleans(), numbers), min_size=4, max_size=4), numbers)
def test_every_number_of_the_snapshot_is_ours_to_the_last_digit(
    found: list[tuple[float, bool, float]], mean: float
) -> None:
    names = ("pd", "amount", "flag", "kind")
    columns = [ShownColumn(name, *each[:2], "Moved.", each[2]) for name, each in zip(names, found, strict=True)]
    drawn = small(shown_day(*columns, scalars={"mean_pd": mean, "rows": None, "approval_share": float("nan")}))
    assert told_columns(drawn) == {
        column.name: (column.score, column.limit, ["FAIL" if column.is_drifted else "SUCCESS"]) for column in columns
    }
    drifted = sum(column.is_drifted for column in columns)
    assert told_figures(drawn) == {"level": 1.0, "drifted_columns": drifted, "mean_pd": mean}


def test_the_page_tells_score_and_verdict_in_words() -> None:
    columns = (judged("amount", 0.1 + 0.2, drifted=True, limit=0.25), judged("flag", 0.125))
    told = texts(small(shown_day(*columns)))
    score = "Score 0.30000000000000004, which counts from 0.25."
    assert f"### amount: drifted\n\namount is judged. {score}" in told
    assert "### flag: no drift\n\nflag is judged. Score 0.125, which counts from 1.0." in told
    assert told[:3] == ["Verdict: **watch**", "Drifted columns: **1**", "Decided applications: **48,744**"]
    assert "Mean pd: **8.1%**" in told


def test_a_test_of_the_snapshot_says_our_sentence() -> None:
    described = [test["description"] for result in results(small(shown_day(judged("pd")))) for test in result["tests"]]
    assert described == ["pd is judged."]


def test_days_that_are_drawn_at_once_keep_their_own_numbers() -> None:
    days = [shown_day(judged("kind", n / 7, drifted=n % 2 == 0), judged("pd", n / 3)) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        drawn = [told_columns(each) for each in pool.map(small, days)]
    assert [each["kind"][0] for each in drawn] == [n / 7 for n in range(8)]
    assert [each["pd"][0] for each in drawn] == [n / 3 for n in range(8)]
    assert [each["kind"][2] for each in drawn] == [["FAIL"], ["SUCCESS"]] * 4


def test_the_same_day_gives_the_same_bytes() -> None:
    day = shown_day(judged("pd"), judged("kind", drifted=True))
    assert small(day) == small(day)
    assert small(day).snapshot != small(replace(day, as_of=DAY + timedelta(1))).snapshot


def test_a_figure_without_a_heading_is_an_error() -> None:
    with pytest.raises(KeyError, match="without a heading in FIGURES: gini"):
        small(shown_day(scalars={"gini": 0.5}))


@pytest.mark.parametrize(("level", "height"), [("ok", 0.0), ("watch", 1.0), ("alert", 2.0), ("insufficient", None)])
def test_a_level_is_a_height_and_too_few_applications_are_a_gap(level: str, height: float | None) -> None:
    assert told_figures(small(shown_day(level=level))).get("level") == height


# --- the choice of columns


def test_the_pd_comes_first_then_what_drifted_then_the_heaviest() -> None:
    columns = [judged("a"), judged("b", drifted=True), judged("c"), judged("d", drifted=True), judged("pd")]
    day = shown_day(*columns, heaviest=("c", "b", "not judged"))
    assert shown_columns(day) == ("pd", "b", "d", "c")
    assert shown_columns(shown_day(judged("a", drifted=True), heaviest=())) == ("a",)


@pytest.mark.parametrize(("drifted", "drawn"), [(11, 12), (12, 12), (10, 11)])
def test_at_most_twelve_columns_are_drawn(drifted: int, drawn: int) -> None:
    columns = [judged(f"c{n}", drifted=True) for n in range(drifted)]
    assert len(shown_columns(shown_day(*columns, judged("pd"), heaviest=()))) == drawn


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_column_without_a_finite_score_is_named_but_not_drawn(score: float) -> None:
    drawn = small(shown_day(judged("kind", score, drifted=True), judged("pd")))
    assert list(told_columns(drawn)) == ["pd"]
    assert told_figures(drawn)["drifted_columns"] == 1
    assert "Drifted, but not drawn: kind." in Page(drawn.page).text


def test_columns_that_cannot_be_drawn_are_named_if_they_drifted() -> None:
    names = ("lost", "unknown to the model", "amount")
    day = shown_day(*(judged(name, drifted=True) for name in names), judged("kind", drifted=True), judged("constant"))
    drawn = draw_day(day, rows().drop(columns="amount"), rows(), FROZEN)
    assert list(told_columns(drawn)) == ["kind", "constant"]
    assert "Drifted, but not drawn: lost, unknown to the model, amount." in Page(drawn.page).text


# --- the pictures


def test_numbers_stand_in_their_order_and_missing_ones_have_a_bar() -> None:
    current = rows()
    current["amount"] = current["amount"].mask(current["amount"] == 10)
    drawn = draw_day(shown_day(judged("amount")), current, rows(), FROZEN)
    expected = {"-5": (0.2, 0.2), "10": (0.0, 0.4), "365243": (0.2, 0.2), NO_VALUE: (0.6, 0.2)}
    assert bars(drawn, "amount") == expected


@pytest.mark.parametrize(("missing", "is_drawn"), [(1, False), (19, False), (20, True)])
def test_rows_without_a_value_have_a_bar_if_they_are_enough(missing: int, is_drawn: bool) -> None:
    current = rows()
    current.loc[: missing - 1, "flag"] = np.nan
    drawn = draw_day(shown_day(judged("flag")), current, rows(), FROZEN)
    found = bars(drawn, "flag")
    assert list(found) == ["0", "1", *[NO_VALUE] * is_drawn]
    assert sum(day for day, _ in found.values()) == pytest.approx(1, abs=0.002)
    assert found["1"] == (0.45 if is_drawn else round((100 - missing // 2) / (200 - missing), 3), 0.5)


def test_levels_stand_by_their_share_of_the_reference_and_folded_ones_last() -> None:
    current = rows(("A", "A", "B", "new", SCRIPT))
    drawn = draw_day(shown_day(judged("kind")), current, rows(), FROZEN)
    assert bars(drawn, "kind") == {
        "B": (0.2, 0.6), SCRIPT: (0.2, 0.2), "A": (0.4, 0.2), RARE_OR_UNSEEN: (0.2, 0.0)
    }  # fmt: skip


def test_a_constant_column_is_drawn() -> None:
    assert bars(small(shown_day(judged("constant"))), "constant") == {"1": (1.0, 1.0)}


def test_a_value_of_few_has_no_bar_of_its_own() -> None:
    current = rows()
    current.loc[:5, "amount"] = 777.0
    assert list(bars(draw_day(shown_day(judged("amount")), current, rows(), FROZEN), "amount")) == [
        "-5", "10", "365243", NO_VALUE
    ]  # fmt: skip


@pytest.mark.parametrize("few", [0, 19])
def test_a_day_of_too_few_applications_has_a_page_without_pictures(few: int) -> None:
    day = shown_day(judged("pd", drifted=True), level="insufficient", sentences=("Too few to tell.",), scalars={})
    drawn = draw_day(day, rows().head(few), rows(), FROZEN)
    assert told_columns(drawn) == {}
    assert told_figures(drawn) == {"drifted_columns": 1.0}
    text = Page(drawn.page).text
    assert "Too few applications to tell" in text
    assert "Drifted, but not drawn: pd." in text
    assert "The bars are shares" not in text


# --- the page


@pytest.fixture(scope="module")
def whole() -> tuple[ShownDay, DrawnDay]:
    """A day of 2,000 applications with all columns judged, of which twelve drifted."""
    statistics = load_statistics()
    tables = [synthesize_applications(statistics, rows=2_000, seed=seed, as_of=DAY) for seed in (1, 2)]
    random = np.random.default_rng(3)
    pds = [random.beta(1, 11, size=2_000) for _ in tables]
    current, reference = (table.to_pandas().assign(pd=pd_) for table, pd_ in zip(tables, pds, strict=True))
    frozen = reference_statistics(tables[1], pds[1])
    names = ["pd", *NUMBERS, *TEXTS]
    assert len(names) == 121
    drifted = {"pd", "DAYS_EMPLOYED", "ORGANIZATION_TYPE", "EXT_SOURCE_1", "AMT_INCOME_TOTAL"}
    columns = [judged(name, float(random.normal()), drifted=name in drifted) for name in names]
    day = shown_day(*columns, heaviest=NUMBERS)
    return day, draw_day(day, current, reference, frozen["columns"] | {"pd": {"quantiles": frozen["pd_quantiles"]}})


def test_a_page_of_all_columns_is_small(whole: tuple[ShownDay, DrawnDay]) -> None:
    day, drawn = whole
    assert len(drawn.page) < LARGEST_PAGE
    assert len(drawn.snapshot) < 200_000
    assert len(told_columns(drawn)) == MOST_COLUMNS
    expected = {column.name: column.score for column in day.columns if column.name in shown_columns(day)}
    assert {name: score for name, (score, _, _) in told_columns(drawn).items()} == expected


def test_a_page_fetches_nothing(whole: tuple[ShownDay, DrawnDay]) -> None:
    page = Page(whole[1].page)
    loading = [(tag, value) for tag, attrs in page.tags for name, value in attrs.items() if name in {"src", "href"}]
    assert loading == [("a", "index.html")]  # the day's page, beside it
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "img", "base", "object"}
    policies = [attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert [each.split(";")[0] for each in policies if each] == ["default-src 'none'"]
    assert not re.search(r"https?:", policies[0] or "")
    styles = re.findall(rb"url\(([^)]{4})", whole[1].page[: whole[1].page.index(b"<script>")])
    assert set(styles) == {b"data"}


def test_a_page_opens_with_the_verdict_and_its_sentences() -> None:
    day = shown_day(judged("pd"), level="alert", sentences=("First.", "Second."))
    page = small(day).page.decode()
    opened = page[page.index("<body>") : page.index('<div id="root_drift">')]
    text = " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", opened, flags=re.DOTALL).split())
    assert text == (
        "The whole day Decisions of 2026-03-02, revision 2, model version 7 Alert: somebody must act First. Second. "
        "All numbers are those of the whole day. The bars are shares of 200 applications of the day and 200 rows of "
        "the reference; each bar stands for the values nearest to it."
    )
    assert "<title>Drift of 2026-03-02</title>" in page


def test_no_text_is_run_as_a_script() -> None:
    column = ShownColumn("kind", 0.5, is_drifted=True, sentence=SCRIPT)
    drawn = small(shown_day(column, sentences=(SCRIPT,), model_version=SCRIPT))
    assert SCRIPT not in drawn.page.decode()
    page = Page(drawn.page)
    assert [tag for tag, _ in page.tags].count("script") == 4
    assert SCRIPT in bars(drawn, "kind")
    assert texts(drawn)[-1].startswith(f"### kind: drifted\n\n{SCRIPT} Score")


# --- the workspace


@pytest.fixture(scope="module")
def snapshots() -> dict[date, bytes]:
    """Three days: a quiet one, one of too few applications, and one to act on; the newest first."""
    levels = [("ok", 0.1), ("insufficient", None), ("alert", 0.3)]
    days = [
        shown_day(judged("pd"), as_of=DAY + timedelta(n), level=level, scalars={"mean_pd": mean})
        for n, (level, mean) in enumerate(levels)
    ]
    return {day.as_of: small(day).snapshot for day in reversed(days)}


def series(folder: Path, figure: str) -> list[tuple[datetime, float]]:
    """Points of a panel, as Evidently's server gives them to it."""
    wanted = SeriesFilter(
        tags=[], metadata={}, metric="evidently:metric_v2:DayFigure", metric_labels={"figure": figure}
    )
    found = asyncio.run(InMemoryDataStorage(str(folder)).get_data_series(PROJECT_ID, [wanted], None, None))
    values = found.series[0].values if found.series else []  # noqa: PD011 - no frame of pandas
    return [(source.timestamp, value) for source, value in zip(found.sources, values, strict=True)]


def test_a_workspace_has_a_run_a_day_and_a_panel_a_figure(snapshots: dict[date, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "new/workspace"
    assert build_workspace(folder, snapshots) == ()
    workspace = Workspace(str(folder))
    (project,) = workspace.list_projects()
    assert (project.id, project.name) == (PROJECT_ID, PROJECT_NAME)
    runs = [workspace.get_run(PROJECT_ID, run) for run in workspace.list_runs(PROJECT_ID)]
    assert sorted(run.timestamp.date() for run in runs if run) == sorted(snapshots)
    panels = project.dashboard.model().panels
    assert [panel.title for panel in panels] == [figure.title for figure in FIGURES.values()]
    labels = [panel.values[0].metric_labels for panel in panels]  # noqa: PD011 - no frame of pandas
    assert labels == [{"figure": name} for name in FIGURES]
    assert project.dashboard.model().tabs[0].panels == [panel.id for panel in panels]


def test_the_panels_draw_our_numbers_and_leave_gaps(snapshots: dict[date, bytes], tmp_path: Path) -> None:
    build_workspace(tmp_path, snapshots)
    first, second, third = (datetime(day.year, day.month, day.day) for day in sorted(snapshots))  # noqa: DTZ001 - as Evidently's
    assert series(tmp_path, "level") == [(first, 0.0), (third, 2.0)]
    assert series(tmp_path, "mean_pd") == [(first, 0.1), (third, 0.3)]
    assert series(tmp_path, "drifted_columns") == [(first, 0.0), (second, 0.0), (third, 0.0)]
    assert series(tmp_path, "quarantine_share") == []


def test_a_workspace_made_anew_holds_only_the_days_that_are_given(snapshots: dict[date, bytes], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    build_workspace(tmp_path, snapshots)
    build_workspace(tmp_path, {DAY: snapshots[DAY]})
    assert len(series(tmp_path, "drifted_columns")) == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"
    build_workspace(tmp_path, {})
    assert series(tmp_path, "drifted_columns") == []


@pytest.mark.parametrize("damaged", [b"", b"{}", b"[]", b'{"metrics": []}', b"\xff"])
def test_a_damaged_snapshot_is_left_out_and_told(snapshots: dict[date, bytes], tmp_path: Path, damaged: bytes) -> None:
    second = DAY + timedelta(1)
    assert build_workspace(tmp_path, {**snapshots, second: damaged}) == (second,)
    assert [day.date() for day, _ in series(tmp_path, "drifted_columns")] == [DAY, DAY + timedelta(2)]


def test_the_command_of_the_server_is_one_that_evidently_takes(tmp_path: Path) -> None:
    command = ui_command(tmp_path, port=8123)
    assert command[1:4] == ["-m", "evidently.cli", "ui"]
    assert ui.__module__ == "evidently.cli.ui"
    group: Any = typer.main.get_command(app)
    parsed = group.commands["ui"].make_context("ui", command[4:]).params
    assert (parsed["host"], parsed["port"], parsed["workspace"]) == ("127.0.0.1", 8123, str(tmp_path.resolve()))
