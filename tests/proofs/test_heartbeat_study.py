"""No healthy run is declared dead, whatever it does; each run that was killed is found."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL

from configs.settings import PROJECT, Settings
from flows.automations import AUTOMATIONS, apply_automations
from tasks.running.heartbeat import BEAT_EVERY_SECONDS
from tests.proofs.evidence import IS_WHOLE, note

LIMIT = 90 if IS_WHOLE else 20
EVERY = BEAT_EVERY_SECONDS if IS_WHOLE else 3
LONG = LIMIT + 10
FOUND_WITHIN = 180
"""Seconds between a kill and its discovery that the whole study allows."""
PROGRAMS = (
    # kind, runs, at once, seconds
    [("killed", 1, 1, 20)] * 5
    + [("locked", 4, 2, LONG), ("locked", 28, 28, 4), ("computing", 40, 10, 8)]
    + [("short", 76, 2, 1)] * 3
    if IS_WHOLE
    else [("killed", 1, 1, 5), ("locked", 2, 2, LONG), ("short", 6, 2, 1)]
)
"""Processes that run side by side: 300 healthy runs in all, 32 of them silenced by calls that keep Python's lock."""


@pytest.fixture
def automations(tmp_path: Path, prefect_server: None) -> Iterator[None]:  # noqa: ARG001 - they lie on the server
    """The reviewed automations, in the sample with less patience."""
    folder = tmp_path / "automations"
    folder.mkdir()
    for file in AUTOMATIONS.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text("utf-8").replace("within: 90", f"within: {LIMIT}"), "utf-8")
    settings = Settings.model_validate({"alarms": {"log": str(tmp_path / "alarms.log")}})
    apply_automations(folder, settings)
    yield
    apply_automations(AUTOMATIONS, settings)


def run_side_by_side() -> dict[str, set[int]]:
    """Run all programs; exit codes by kind."""
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value()), "PREFECT_LOGGING_LEVEL": "ERROR"}
    begun = []
    for kind, *numbers in PROGRAMS:
        call = [sys.executable, "-m", "tests.proofs.heartbeat_runs", kind, *map(str, numbers), str(EVERY)]
        begun.append((kind, subprocess.Popen(call, cwd=PROJECT, env=environment)))
    ended: dict[str, set[int]] = {}
    for kind, process in begun:
        ended.setdefault(kind, set()).add(process.wait())
    return ended


def runs_of_the_study() -> list[FlowRun]:
    found: list[FlowRun] = []
    with get_client(sync_client=True) as prefect:
        flows = FlowFilter(name=FlowFilterName(any_=["heartbeat-study"]))
        while page := prefect.read_flow_runs(flow_filter=flows, limit=200, offset=len(found)):
            found += page
    return found


def wait_until_found() -> None:
    """Wait until no run is left Running; those that were killed never end by themselves."""
    for _ in range(FOUND_WITHIN):
        if not any(each.state_name == "Running" for each in runs_of_the_study()):
            return
        time.sleep(1)


@pytest.mark.usefixtures("automations")
def test_no_healthy_run_is_declared_dead_and_each_killed_one_is_found() -> None:
    assert run_side_by_side() == {kind: {-9 if kind == "killed" else 0} for kind, *_ in PROGRAMS}
    wait_until_found()
    expected: Counter[tuple[str, str]] = Counter()
    for kind, number, *_ in PROGRAMS:
        expected[kind, "Crashed" if kind == "killed" else "Completed"] += number
    runs = runs_of_the_study()
    assert Counter((each.name, str(each.state_name)) for each in runs) == expected
    note(
        "test_heartbeat_study",
        "Heartbeats",
        f"Runs side by side on both cores, which beat every {EVERY} s and may be silent for {LIMIT} s. `locked`: "
        "calls into C that keep Python's lock silence all threads of their process for longer than that. No healthy "
        "run may be declared dead; each killed one must be found.",
        figures(runs),
    )


def figures(runs: list[FlowRun]) -> list[dict[str, object]]:
    """A row for each kind of run. A killed run has ended when it was found."""
    rows: list[dict[str, object]] = []
    for kind in sorted({each.name for each in runs}):
        same = [each for each in runs if each.name == kind]
        longest = max((each.total_run_time for each in same), default=timedelta(0))
        crashed = sum(each.state_name == "Crashed" for each in same)
        rows.append(
            {"runs": kind, "number": len(same), "longest, s": round(longest.total_seconds()), "declared dead": crashed}
        )
    return rows
