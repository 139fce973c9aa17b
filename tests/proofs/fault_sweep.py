"""Every call that a scored day makes to its store is broken, one at a time; nobody ever sees half.

Attacked are a first publication, a revision under another policy that takes its place, one by corrections after that,
and the withdrawal of the day: on S3 each request (the probe's, too), on a folder each verb of the store and each
system call beneath it. Late is what comes after the caller gave up; gone is a store that stays away until the run has
ended, which for S3 is also what a killed process looks like; killed is a process by SIGKILL; and when the power is
cut, of the names that were not flushed to disk the newest alone stays, and half the bytes.

Every change is struck, and of the looks that differ in digits alone, as the questions for the 28 days before do, the
first and the last. Faults that are alike take turns: each of these calls is struck by one of them, and each of them
strikes many calls of each name. In the tables they have fewer cases than there are calls, and all others strike every
call. On the first publication to S3, one request that fails and is tried again takes turns (request lost, answer
halved, request late, 500, 409), and so does a request that fails for good (late or lost each time, 403, or gone before
it); to a folder, a change that fails before and one that fails after it is done. Later commands are struck by what
leaves a command half done: on S3 lost answers take turns with a store that is gone after a request, and on a revision
with what is late each time, too; on a folder a revision is killed and loses power in turns.

After each attack, before anything is mended, readers see what was there before or the new revision, whole; whatever a
manifest names is there, whole; and the run ended as done, which readers see, or with an error of the project's own.
Then the same command runs undisturbed, and leaves what it would have left in the first place, to the byte, in exactly
as many revisions.
"""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd

from configs.settings import PROJECT
from tests.conftest import Project
from tests.proofs.evidence import note, sampled
from tests.proofs.fault_day import Command, broken_promises, what_a_rerun_left_undone
from tests.proofs.fault_grounds import contents_of, ground

THE_DAY: dict[str, Any] = {"rows": 40, "files": 2, "bad_share": 0.05}
FIRST, SECOND, THIRD, FOURTH = "first publication", "revision", "corrections", "withdrawal"
TRIED_AGAIN = ("request lost", "answer halved", "request late", "500", "409")
FOR_GOOD = ("request late, each time", "gone for one request, each time", "403", "gone before a request")
FAULTS: Final[Mapping[str, Mapping[str, tuple[tuple[str, ...], ...]]]] = {
    "S3": {
        FIRST: (("answer lost",), ("gone after a request",), TRIED_AGAIN, FOR_GOOD),
        # Once more those that leave a command half done; how a request or a verb fails otherwise is the same anywhere.
        SECOND: (("gone after a request", "answer lost", "request late, each time"),),
        THIRD: (("answer lost", "gone after a request"),),
        FOURTH: (("answer lost", "gone after a request"),),
    },
    "folder": {
        FIRST: (
            ("verb fails",), ("verb is done and fails",), ("look fails",), ("change fails", "change is done and fails"),
            ("write is half done and fails",), ("disk gone before a change",), ("power cut after a change",),
            ("killed after a change",), ("killed within a write",),
        ),
        SECOND: (("change is done and fails",), ("power cut after a change", "killed after a change")),
        THIRD: (("killed after a change",),),
        FOURTH: (("power cut after a change",), ("killed after a change",)),
    },
}  # fmt: skip
"""Store and command to the faults that strike it; those of one group take turns over its calls."""
LOOKS: Final = {"GET", "HEAD", "read", "list", "open", "stat", "lstat", "scandir"}
"""Calls that leave the store as it was."""
SAMPLE = 4


class Case(NamedTuple):
    """One call struck by one fault, and what came of it."""

    fault: str
    number: int
    calls: int
    """As many can be struck."""
    is_done: bool
    violations: list[str]


def sweep(
    store: str, attacked: str, commands: Mapping[str, Command], trained: Project, figures: "Figures"
) -> list[str]:
    """Strike the calls of a command on this kind of store; what was violated."""
    cases = attack(store, trained, commands[attacked], FAULTS[store][attacked])
    figures.count(attacked, FAULTS[store][attacked], cases)
    return [f"{each.fault}, {each.number} of {each.calls}: {each.violations}" for each in cases if each.violations]


def attack(store: str, trained: Project, command: Command, groups: Sequence[tuple[str, ...]]) -> list[Case]:
    """Strike the calls by the faults, each time on a store of the same contents."""
    with ground(store, trained) as attacked:
        calls = attacked.calls(command)
        strikes = [strike for group in groups for strike in in_turn(group, calls[group[0]])]
        cases = []
        for fault, number in sampled(strikes, SAMPLE):
            attacked.lay(command.before)
            ending = attacked.attack(command, fault, number)
            violations = [*broken_promises(command, ending, attacked.left())]
            mended = attacked.run(command)
            violations += what_a_rerun_left_undone(command, mended, attacked.left())
            cases.append(Case(fault, number, len(calls[fault]), ending.is_done, violations))
        return cases


def in_turn(faults: Sequence[str], calls: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Faults and the numbers, from 1, of the calls that they strike: over the calls of one name they take turns."""
    turns = Counter[str]()
    for number in telling(calls):
        name = calls[number - 1].split()[0]
        yield faults[turns[name] % len(faults)], number
        turns[name] += 1


def telling(calls: Sequence[str]) -> list[int]:
    """Numbers, from 1, of the calls to strike: changes, and of looks that differ in digits alone the first and last."""
    kinds = [re.sub(r"\d+", "#", call) for call in calls]
    last = {kind: number for number, kind in enumerate(kinds, start=1)}
    first = {kind: number for number, kind in reversed([*enumerate(kinds, start=1)])}
    return [
        number
        for number, kind in enumerate(kinds, start=1)
        if kind.split()[0] not in LOOKS or number in {first[kind], last[kind]}
    ]


class Figures:
    """A row for each fault of each command on one kind of store."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def count(self, attacked: str, groups: Sequence[tuple[str, ...]], cases: list[Case]) -> None:
        """Add the rows of a sweep."""
        for fault in chain(*groups):
            of_fault = [each for each in cases if each.fault == fault]
            is_done = [each.is_done for each in of_fault]
            self.rows.append(
                {
                    "attacked": attacked,
                    "fault": fault,
                    "calls of a day": max((each.calls for each in of_fault), default=0),
                    "cases": len(of_fault),
                    "run ended by itself": sum(is_done),
                    "run stopped and rerun": len(is_done) - sum(is_done),
                    "violations": sum(bool(each.violations) for each in of_fault),
                }
            )


def counted(store: str) -> Iterator[Figures]:
    """The figures of all sweeps of one kind of store, noted at their end."""
    figures = Figures()
    yield figures
    note(f"faults-{store}", f"Broken stores: {store}", str(__doc__), figures.rows)


def observed_commands(trained: Project, folder: Path) -> dict[str, Command]:
    """What is attacked, with what it leaves undisturbed."""
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
