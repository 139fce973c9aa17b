"""Outcomes come back: from generated days to figures, pages, and the terminal."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.backtest_outcomes import backtest_line, backtest_outcomes
from flows.monitor_decisions import monitor_decisions
from tasks.core.lender.columns import ID
from tests.commands import call
from tests.conftest import DAY, Project

LATER = date(2028, 1, 1)
LONG_AGO = date(2026, 11, 20)


def test_the_whole_way_of_outcomes(
    project: Project,
    score: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    short = project.with_short_contract()
    short.deliver(rows=3000)
    score(short)
    monitor_decisions.fn(as_of=DAY, config=short.config)
    day_page = short.root / f"reports/day={DAY}/index.html"
    assert "What it did cost: not known yet." in day_page.read_text()
    file = tmp_path / "outcomes.csv"
    options = ["--config", short.config]

    none = call(["outcomes", *options], monkeypatch, capsys)
    assert (none.code, "No backtest of this store can be shown" in none.out) == (0, True)
    made = call(
        ["generate", "--from", str(DAY), "--rows", "3000", "--seed", "11", "--outcomes", str(file), *options],
        monkeypatch, capsys,
    )  # fmt: skip
    assert re.search(r"2026-11-02 +[\d,]+ outcomes of applications that were not refused", made.out)
    decisions = pq.read_table(short.decisions)
    kept = [d != "refuse" for d in decisions.column("decision").to_pylist()]
    head, *lines = file.read_text().splitlines()
    assert (head, len(lines)) == (f"{ID},TARGET,OUTCOME_DATE", sum(kept))
    assert all(line.endswith(",2027-11-02") for line in lines)  # a year later, when they are mature

    told = call(["outcomes", str(file), "--as-of", str(LATER), "--without-prefect", *options], monkeypatch, capsys)
    assert told.code == 0, told.err
    assert f"outcomes.csv: {len(lines):,} rows; taken in as delivery 1" in told.out
    assert re.search(rf"Counted +{len(lines):,}\n", told.out)
    assert re.search(r"cost per application +0\.\d+ \(0\.\d+ to 0\.\d+\), expected 0\.\d+", told.out)

    again = call(["outcomes", str(file), "--as-of", str(LATER), "--without-prefect", *options], monkeypatch, capsys)
    assert "there already, as delivery 1" in again.out
    shown = call(["outcomes", *options], monkeypatch, capsys)
    assert [line for line in shown.out.splitlines() if "outcomes.csv:" not in line] == [
        line for line in told.out.splitlines() if "outcomes.csv:" not in line
    ]

    record = json.loads((short.root / f"reports/day={DAY}/outcomes.json").read_text())
    assert record["rows"] == len(lines)
    page = day_page.read_text()
    assert "not known yet" not in page
    assert all(sentence in page for sentence in record["sentences"])
    assert 'href="../../outcomes/backtest/index.html"' in page
    days_page = (short.root / "reports/index.html").read_text()
    assert f"{record['realised']['value']:.3f}" in days_page
    ids = {line.split(",")[0] for line in lines}
    backtest = short.root / "outcomes/backtest"
    for written in (*backtest.iterdir(), short.root / "reports/index.html", day_page):
        words = set(re.findall(r"\d{6,}", written.read_bytes().decode("latin-1")))
        assert not words & ids, f"{written.name} names an applicant"
    assert not set(re.findall(r"\d{6,}", told.out + told.err)) & ids
    figures = pq.read_table(backtest / "figures.parquet").to_pandas()
    whole = figures[(figures.cohort == "all") & (figures.slice == "cohort")].set_index("metric")
    assert whole.loc["outcomes", "value"] == len(lines)

    require_repeatable(short, len(lines))


def require_repeatable(project: Project, rows: int) -> None:
    """The same store and day give the same bytes; before the outcomes were known nothing can be told."""
    backtest = project.root / "outcomes/backtest"
    before = {path.name: path.read_bytes() for path in backtest.iterdir()}
    result = backtest_outcomes.fn(as_of=LATER, config=project.config)
    assert {path.name: path.read_bytes() for path in backtest.iterdir()} == before
    assert result.result.changed_days == frozenset()
    assert backtest_line(result).startswith(f"{rows:,} outcomes of {rows:,} delivered rows")

    day_page = project.root / f"reports/day={DAY}/index.html"
    shown = day_page.read_bytes()
    early = backtest_outcomes.fn(as_of=LONG_AGO, config=project.config)
    assert early.result.report.fates["later"] == rows
    assert early.page == f"outcomes/backtest/{LONG_AGO}-index.html"
    assert {path.name: path.read_bytes() for path in backtest.iterdir() if path.name in before} == before
    assert day_page.read_bytes() == shown

    realised = project.root / f"reports/day={DAY}/outcomes.json"
    realised.touch()  # as if a backtest had died before it came to the pages
    day_page.write_bytes(b"")
    os.utime(day_page, (realised.stat().st_mtime - 60,) * 2)
    assert backtest_outcomes.fn(as_of=LATER, config=project.config).result.changed_days == {DAY}
    assert day_page.read_bytes() == shown

    before_outcomes = backtest_outcomes.fn(as_of=date(2027, 1, 1), config=project.config)
    assert before_outcomes.result.changed_days == {DAY}
    assert "not known yet" in day_page.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["outcomes", "nowhere.csv", "--without-prefect"], (3, "cannot be read")),
        (["generate", "--from", str(DAY), "--known-on", "2027-01-01"], (2, "--known-on belongs to --outcomes")),
        (["generate", "--from", str(DAY), "--outcomes", "o.csv", "--to", "h"], (2, "give one of them")),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    words: list[str],
    told: tuple[int, str],
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = call([*words, "--config", project.config], monkeypatch, capsys)
    assert (ended.code, told[1] in ended.err) == (told[0], True)
