"""Every call that a scored day makes to its store is broken, in every way, one at a time; nobody ever sees half.

Attacked are a first publication, a revision under another policy that takes its place, one by corrections after that,
and the withdrawal of the day: on S3 each request (the probe's, too), on a folder each verb of the store and each
system call beneath it. Late is what comes after the caller gave up; gone is a store that stays away until the run has
ended, which for S3 is also what a killed process looks like; killed is a process by SIGKILL; and when the power is
cut, of the names that were not flushed to disk the newest alone stays, and half the bytes. Of calls in a row that
differ in digits alone, as the questions for the 28 days before do, the first and the last are struck.

After each attack, before anything is mended, readers see what was there before or the new revision, whole; whatever a
manifest names is there, whole; and the run ended as done, which readers see, or with an error of the project's own.
Then the same command runs undisturbed, and leaves what it would have left in the first place, to the byte, in exactly
as many revisions.
"""

import json
import multiprocessing
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from configs.settings import PROJECT
from tests.conftest import Project
from tests.proofs.evidence import IS_WHOLE, note, sampled
from tests.proofs.fault_day import Command, broken_promises, what_a_rerun_left_undone
from tests.proofs.fault_grounds import FOLDER_FAULTS, S3_FAULTS, contents_of, ground

THE_DAY: dict[str, Any] = {"rows": 40, "files": 2, "bad_share": 0.05}
FIRST, SECOND, THIRD, FOURTH = "first publication", "revision", "corrections", "withdrawal"
FAULTS = {
    ("S3", FIRST): tuple(S3_FAULTS),
    ("folder", FIRST): tuple(FOLDER_FAULTS),
    # Once more those that leave a command half done; how a request or a verb fails otherwise is the same anywhere.
    ("S3", SECOND): ("answer lost", "request late, each time", "gone before a request", "gone after a request"),
    ("folder", SECOND): ("change is done and fails", "power cut after a change", "killed before a change"),
    ("S3", THIRD): ("answer lost", "gone after a request"),
    ("folder", THIRD): ("killed before a change",),
    ("S3", FOURTH): ("answer lost", "gone after a request"),
    ("folder", FOURTH): ("power cut after a change", "killed before a change"),
}
SAMPLE = 6
WORKERS = 2


class Case(NamedTuple):
    """One call struck by one fault, and what came of it."""

    fault: str
    number: int
    calls: int
    """As many can be struck."""
    is_done: bool
    violations: list[str]


@pytest.mark.parametrize(("store", "attacked"), FAULTS)
def test_whatever_breaks_nobody_sees_half_and_a_rerun_mends_it(
    store: str, attacked: str, commands: dict[str, Command], trained: Project, figures: "Figures"
) -> None:
    sweep = partial(attack, store, trained, commands[attacked], FAULTS[store, attacked])
    cases = in_shares(sweep) if IS_WHOLE else sweep()
    figures.count(store, attacked, cases)
    assert [
        f"{each.fault}, {each.number} of {each.calls}: {each.violations}" for each in cases if each.violations
    ] == []


def attack(
    store: str, trained: Project, command: Command, faults: tuple[str, ...], share: slice = slice(None)
) -> list[Case]:
    """Strike every call by every fault, or a share of them, each time on a store of the same contents."""
    with ground(store, trained) as attacked:
        calls = attacked.calls(command)
        strikes = [(fault, number) for fault in faults for number in telling(calls[fault])]
        cases = []
        for fault, number in sampled(strikes, SAMPLE)[share]:
            attacked.lay(command.before)
            ending = attacked.attack(command, fault, number)
            violations = [*broken_promises(command, ending, attacked.left())]
            mended = attacked.run(command)
            violations += what_a_rerun_left_undone(command, mended, attacked.left())
            cases.append(Case(fault, number, len(calls[fault]), ending.is_done, violations))
        return cases


def telling(calls: Sequence[str]) -> list[int]:
    """Numbers, from 1, of the calls to strike: in a row that differs in digits alone, the first and last."""
    kinds = [re.sub(r"\d+", "#", call) for call in calls]
    return [
        number
        for number, kind in enumerate(kinds, start=1)
        if number in {1, len(kinds)} or not kinds[number - 2] == kind == kinds[number]
    ]


def test_calls_that_are_alike_are_struck_at_both_ends() -> None:
    days = [f"GET revisions/day=2026-10-{day:02}/rev=0001/manifest.json" for day in range(5, 30)]
    assert telling(["PUT a", *days, "PUT b", "PUT b", "GET c1", "GET d1"]) == [1, 2, 26, 27, 28, 29, 30]
    assert telling(["read a"] * 4) == [1, 4]
    assert telling([]) == []


def in_shares(sweep: partial[list[Case]]) -> list[Case]:
    """The whole sweep, parted among processes of their own."""
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        shares = [slice(first, None, WORKERS) for first in range(WORKERS)]
        return list(chain.from_iterable(pool.map(sweep, shares)))


class Figures:
    """A row for each fault of each command on each store."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def count(self, store: str, attacked: str, cases: list[Case]) -> None:
        """Add the rows of a sweep."""
        for fault in FAULTS[store, attacked]:
            of_fault = [each for each in cases if each.fault == fault]
            is_done = [each.is_done for each in of_fault]
            self.rows.append(
                {
                    "store": store,
                    "attacked": attacked,
                    "fault": fault,
                    "calls of a day": max((each.calls for each in of_fault), default=0),
                    "cases": len(of_fault),
                    "run ended by itself": sum(is_done),
                    "run stopped and rerun": len(is_done) - sum(is_done),
                    "violations": sum(bool(each.violations) for each in of_fault),
                }
            )


@pytest.fixture(scope="module")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """The figures of all sweeps, noted and shown at their end."""
    counted = Figures()
    yield counted
    note("faults", "Broken stores", str(__doc__), counted.rows)
    if IS_WHOLE:
        for row in counted.rows:
            request.config.get_terminal_writer().line(", ".join(f"{value}" for value in row.values()))


@pytest.fixture(scope="module")
def commands(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Command]:
    """What is attacked, with what it leaves undisturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    settings = Project(shutil.copy(trained.config, folder), folder / "store")
    project = settings.with_settings(storage={"root": str(settings.root)})
    shutil.copytree(trained.root / "reference", project.root / "reference")
    project.deliver(**THE_DAY)
    policy = folder / "policy.yaml"
    shipped = (PROJECT / "configs/policy.yaml").read_text()
    policy.write_text(shipped.replace("cutoff: bundle", "cutoff: 0.05").replace('version: "1"', 'version: "2"'))
    short = {"contract": {"suite": str(short_suite(folder))}}
    force = {"force": True, "reason": "a stricter policy"}
    first = observed(project, Command(FIRST, contents_of(project.root), {}, sections=short))
    second = Command(SECOND, first.after, {}, force, {**short, "scoring": {"policy": str(policy)}})
    second = observed(project, second)
    correct(project)
    corrections = {"corrections": True, "reason": "amounts in the wrong currency"}
    third = observed(project, Command(THIRD, contents_of(project.root), {}, corrections, short))
    reason = {"reason": "the feed delivered another lender's file"}
    fourth = observed(project, Command(FOURTH, third.after, {}, reason, short, is_withdrawal=True))
    return {FIRST: first, SECOND: second, THIRD: third, FOURTH: fourth}


def correct(project: Project) -> None:
    """Deliver corrections: the amounts of some applications were a third of what they are."""
    rows = pd.read_csv(project.landing / "applications_1.csv", dtype=str, keep_default_na=False).head(6)
    rows["AMT_CREDIT"] = (3 * rows["AMT_CREDIT"].astype(float)).astype(str)
    folder = project.landing / "corrections"
    folder.mkdir()
    rows.to_csv(folder / "amounts.csv", index=False)


def short_suite(folder: Path) -> Path:
    """The contract cut down to its domains, which the day breaks: it is not the judging of rows that is attacked."""
    suite = json.loads((PROJECT / "expectations/applications.json").read_text())
    suite["expectations"] = [each for each in suite["expectations"] if each["meta"]["id"].endswith("_in_domain")]
    path = folder / "applications.json"
    path.write_text(json.dumps(suite))
    return path


def observed(project: Project, command: Command) -> Command:
    """The command with what it leaves, run once on what lies there."""
    assert command.run(project).is_done
    after = contents_of(project.root)
    assert {key.partition("/")[0] for key in after} >= {"decisions", "revisions", "quarantine", "reports"}
    return replace(command, after=after)
