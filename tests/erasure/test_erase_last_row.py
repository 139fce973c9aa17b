"""Files of which nothing is left once an applicant is erased: they go, and the day stays sound."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from configs.calendar import load_calendar
from configs.settings import Storage, load_settings
from flows.monitor_decisions import monitor_decisions
from flows.score_applications import score_applications
from tasks.errors import InputsChanged, SourceError
from tasks.inspection.verify import verify_store
from tasks.publication.day_status import list_days
from tasks.publication.manifests import newest_manifest
from tasks.store import Store, open_store
from tests.conftest import DAY, Project
from tests.erasure.test_erase import control_of, erased, id_of, manifests, traces

NEXT = date(2026, 11, 3)
Score = Callable[..., Any]


@pytest.fixture
def store(project: Project) -> Store:
    return open_store(Storage(root=str(project.root)))


@pytest.fixture
def lines(project: Project) -> list[bytes]:
    """A header, and twenty sound rows."""
    project.deliver(rows=20)
    lines = (project.landing / "applications_1.csv").read_bytes().splitlines(keepends=True)
    for path in project.landing.iterdir():
        path.unlink()
    return lines


def lay(project: Project, name: str, lines: list[bytes], *, day: date = DAY) -> None:
    """A file, announced with all that lie beside it."""
    path = project.root / f"landing/day={day}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    (path.parent / "_control.json").write_bytes(control_of(path.parent, day))


def announced(project: Project, folder: str = "") -> Any:
    return json.loads((project.landing / folder / "_control.json").read_text())["files"]


def problems(store: Store) -> list[str]:
    return [problem for checked in verify_store(store) for problem in checked.problems]


def states(project: Project, store: Store) -> list[tuple[str, tuple[str, ...]]]:
    calendar = load_calendar(load_settings(project.config).scoring.calendar)
    return [(day.state, day.hints) for day in list_days(store, calendar, last=9, today=DAY)]


def test_a_file_of_one_applicant_goes_and_the_rest_of_the_day_can_be_decided_again(
    project: Project, store: Store, score: Score, lines: list[bytes]
) -> None:
    lay(project, "a.csv", lines[:12])
    lay(project, "b.csv", [lines[0], lines[15]])
    score(project)
    erased(store, id_of(lines[15]))
    assert sorted(path.name for path in project.landing.iterdir()) == ["_control.json", "a.csv"]
    assert announced(project).keys() == {"a.csv"}
    (manifest,) = manifests(store)
    assert manifest.inputs.keys() == {"a.csv"}
    assert (manifest.audited.files["b.csv"].rows, manifest.audited.files["b.csv"].erased) == (1, 1)
    assert list(traces(store, id_of(lines[15]))) == []
    assert problems(store) == []
    assert states(project, store) == [("published", ("not announced",))]
    assert score(project).outcome == "unchanged"
    again = score(project, force=True, reason="to see that it can be")
    assert (again.outcome, again.manifest.totals.rows, again.manifest.inputs.keys()) == ("published", 11, {"a.csv"})
    assert monitor_decisions.fn(as_of=DAY, config=project.config).rows == 11
    assert problems(store) == []


def test_a_correction_of_one_applicant_goes_and_others_still_count(
    project: Project, store: Store, score: Score, lines: list[bytes]
) -> None:
    lay(project, "a.csv", lines[:12])
    score(project)
    lay(project, "corrections/one.csv", [lines[0], lines[5].replace(b"Cash loans", b"Revolving loans")])
    lay(project, "corrections/two.csv", [lines[0], lines[15]])
    score(project, corrections=True, reason="they came late")
    erased(store, id_of(lines[15]))
    assert announced(project, "corrections").keys() == {"one.csv"}
    assert [list(manifest.inputs) for manifest in manifests(store)] == [["a.csv"], ["a.csv", "corrections/one.csv"]]
    assert score(project).outcome == "unchanged"
    assert score(project, corrections=True, reason="again").outcome == "unchanged"
    assert problems(store) == []
    erased(store, id_of(lines[5]))
    assert score(project).outcome == "unchanged"
    with pytest.raises(SourceError, match="There are no corrections"):
        score(project, corrections=True, reason="again")
    lay(project, "corrections/three.csv", [lines[0], lines[16]])
    assert score(project, corrections=True, reason="more came").manifest.revision == 3
    assert score(project, force=True, reason="all anew").outcome == "unchanged"
    assert problems(store) == []


def test_of_two_days_of_one_applicant_each_nothing_is_left_and_none_is_taken_for_the_other(
    project: Project, store: Store, lines: list[bytes]
) -> None:
    days = {DAY: lines[3], NEXT: lines[4]}
    for day, line in days.items():
        lay(project, "a.csv", [lines[0], line], day=day)
        score_applications.fn(as_of=day, config=project.config)
    for line in days.values():
        erased(store, id_of(line))
    for day in days:
        published = newest_manifest(store, day)
        assert published
        assert (published.inputs, published.totals.erased, published.audited.decisions.rows) == ({}, 1, 0)
        assert score_applications.fn(as_of=day, config=project.config).outcome == "unchanged"
        with pytest.raises(SourceError, match="No application files have arrived"):
            score_applications.fn(as_of=day, config=project.config, force=True, reason="to see")
        with pytest.raises(SourceError, match="No application files have arrived"):
            score_applications.fn(as_of=day, config=project.config, corrections=True, reason="to see")
        monitored = monitor_decisions.fn(as_of=day, config=project.config)
        assert (monitored.level, monitored.rows) == ("insufficient", 0)
    assert states(project, store) == [("published", ("not announced",))] * 2
    assert problems(store) == []


def test_a_file_that_vanished_otherwise_is_still_noticed(
    project: Project, store: Store, score: Score, lines: list[bytes]
) -> None:
    for name, row in (("a.csv", 2), ("b.csv", 15)):
        lay(project, name, [lines[0], lines[row]])
    score(project)
    erased(store, id_of(lines[15]))
    (project.landing / "a.csv").unlink()
    (project.landing / "_control.json").unlink()
    with pytest.raises(InputsChanged, match="gone: a.csv"):
        score(project)
    assert states(project, store)[0][1][0] == "landing changed: 0 new, 1 gone"


def test_a_file_of_a_day_that_is_not_published_goes_as_well_and_no_other(
    project: Project, store: Store, lines: list[bytes]
) -> None:
    lay(project, "a.csv", [lines[0], lines[3]])
    lay(project, "b.csv", [lines[0], lines[4]])
    lay(project, "c.csv", lines[:1])
    erased(store, id_of(lines[3]))
    assert announced(project).keys() == {"b.csv", "c.csv"}
    digest = hashlib.sha256((project.landing / "b.csv").read_bytes()).hexdigest()
    assert announced(project)["b.csv"] == {"rows": 1, "sha256": digest}


@pytest.mark.parametrize("is_landing_there", [True, False])
def test_no_control_total_tells_what_an_erased_applicant_had(
    project: Project, store: Store, score: Score, lines: list[bytes], *, is_landing_there: bool
) -> None:
    lay(project, "a.csv", lines[:30])
    score(project)
    lay(project, "corrections/c.csv", [lines[0], lines[15]])
    score(project, corrections=True, reason="delivered again")
    told = {manifest.audited.control_totals["AMT_CREDIT"]["a.csv"]["received"] for manifest in manifests(store)}
    assert len(told) == 1
    if not is_landing_there:
        shutil.rmtree(project.landing)
    erased(store, id_of(lines[15]))
    assert [manifest.audited.control_totals for manifest in manifests(store)] == [{}, {}]
    assert not [key for key in project.root.rglob("*.json") if str(*told) in key.read_text()]
