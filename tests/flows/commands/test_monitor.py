"""The text of `scoring monitor`, to the letter, and the days that it takes."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from configs.settings import Settings, Storage
from flows.commands.monitor import monitoring_summary
from tasks.monitoring.report import MonitoringResult
from tests.commands import call
from tests.conftest import DAY

RESULT = MonitoringResult(
    first=DAY,
    last=DAY,
    level="watch",
    headline="1 finding on 1 column.",
    advice="Look at it today.",
    findings=("watch: 30.0% of the values of EXT_SOURCE_2 are missing, instead of 20.0%.",),
    columns=("EXT_SOURCE_2",),
    expected=("The AUC is expected to be 0.750 (95% interval 0.700 to 0.800).",),
    quality=(),
    fairness=(),
    rows=2000,
    reference_rows=20_000,
    keys=("reports/verdict.json", "monitoring/metrics.parquet"),
)
TOLD = """
Decisions of 2026-11-02, monitored

  Verdict       watch. 1 finding on 1 column.
  Compared      2,000 applications with 20,000 of the reference
  Found         watch: 30.0% of the values of EXT_SOURCE_2 are missing, instead of 20.0%.
  Expected      The AUC is expected to be 0.750 (95% interval 0.700 to 0.800).
  To do         Look at it today.
  Reports       ROOT/reports/verdict.json
                ROOT/monitoring/metrics.parquet"""


def lines_of(root: Path, **changes: object) -> str:
    settings = Settings(storage=Storage(root=str(root)))
    return monitoring_summary(replace(RESULT, **changes), settings).replace(str(root), "ROOT")


def test_a_verdict_is_told_whole(tmp_path: Path) -> None:
    assert lines_of(tmp_path) == TOLD


def test_the_page_of_the_day_is_named_last(tmp_path: Path) -> None:
    assert lines_of(tmp_path, page="reports/index.html") == f"{TOLD}\n  The day       ROOT/reports/index.html"


def test_a_window_is_named_by_its_days(tmp_path: Path) -> None:
    assert "\nDecisions of 2026-10-30 to 2026-11-02, monitored\n" in lines_of(tmp_path, first=date(2026, 10, 30))


@pytest.mark.parametrize(("findings", "last"), [(8, "finding 7"), (9, "… and 1 more, in the reports")])
def test_eight_findings_are_told_and_the_others_counted(tmp_path: Path, findings: int, last: str) -> None:
    told = lines_of(tmp_path, findings=tuple(f"finding {n}" for n in range(findings)))
    found = told.split("  Found ")[1].split("  Expected")[0].splitlines()
    assert (len(found), found[-1].strip()) == (min(findings, 8) + (findings > 8), last)


def test_a_long_sentence_goes_on_below_its_beginning(tmp_path: Path) -> None:
    told = lines_of(tmp_path, quality=("word " * 40,), expected=())
    lines = told.split("  Quality  ")[1].split("  To do")[0].splitlines()
    assert len(lines) == 3
    assert all(line.startswith(" " * 18 + "word") for line in lines[1:])
    assert max(map(len, told.splitlines()[:8])) <= 110


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--from", "2026-11-01"],
        ["--to", "2026-11-02"],
        ["--as-of", "2026-11-02", "--to", "2026-11-02"],
        ["--as-of", "2026-11-02", "--from", "2026-11-01"],
        ["--as-of", "2026-11-02", "--from", "2026-11-01", "--to", "2026-11-02"],
        ["--as-of", "2026-11-02", "--against", "yesterday"],
        ["--as-of", "2026-11-31"],
    ],
)
def test_one_day_or_a_window_is_asked_for(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = call(["monitor", *words], monkeypatch, capsys)
    assert (ended.code, ended.out) == (2, "")
    assert "scoring monitor [OPTIONS]" in ended.err


@pytest.mark.parametrize("words", [["--as-of", "2026-11-02"], ["--from", "2026-11-01", "--to", "2026-11-02"]])
def test_days_that_were_never_published_are_told(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(f"storage: {{root: {tmp_path}/store}}\n")
    plain = ["--without-prefect", "--config", str(config)]
    ended = call(["monitor", *words, *plain], monkeypatch, capsys)
    assert ended.code == 3
    assert "published; score" in ended.err
