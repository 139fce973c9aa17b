"""A run that is killed, wherever it is, leaves nothing or a whole day; Retry ends it as one, to the byte."""

import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from configs.settings import load_settings
from flows.score_applications import score_applications
from tasks.publication.layout import announcement_key, decisions_key
from tasks.store import open_store
from tests.conftest import DAY, Project, with_rival
from tests.proofs.evidence import note, sampled
from tests.proofs.kill_points import Bucket, Folder, Place, Point, points_of, spread
from tests.proofs.kill_runs import create_run, end_of, press_retry, run_of, start, states_of
from tests.proofs.race_checks import breaches, is_shown, revisions_of, seen
from tests.proofs.race_days import VERSIONS, deliver
from tests.s3_servers import S3Server

EVENLY: Final = 9
"""Points on each store, besides those around the commit."""
SAMPLE: Final = 3
AT_ONCE: Final = 2


@dataclass(frozen=True)
class Attempt:
    """A day in a store of its own, with a registry of its own, and where its first attempt is killed."""

    place: Place
    project: Project
    point: Point | None
    is_moved: bool
    """Whether another version becomes champion between the two attempts."""

    @property
    def log(self) -> Path:
        """What the processes say."""
        return Path(self.project.config).with_suffix(".log")


@dataclass(frozen=True)
class Ended:
    """What a killed attempt had left, and whether the champion moved."""

    store: str
    has_pins: bool
    is_published: bool
    is_shown: bool
    is_moved: bool


class Workshop:
    """Makes days to be scored and killed."""

    def __init__(self, project: Project, server: S3Server, folder: Path, stack: ExitStack) -> None:
        self._project, self._server, self._folder, self._stack = project, server, folder, stack
        self._count = 0

    def attempt(self, store: str, point: Point | None = None, *, is_moved: bool = False) -> Attempt:
        """A fresh day on this kind of store."""
        self._count += 1
        folder = self._folder / str(self._count)
        place = self._stack.enter_context(self._place(store, folder))
        project = self._project.with_own_registry(folder).with_settings(storage={"root": place.root})
        deliver(load_settings(project.config))
        return Attempt(place, project, point, is_moved)

    @contextmanager
    def _place(self, store: str, folder: Path) -> Iterator[Place]:
        if store == "folder":
            yield Folder(str(folder / "store"))
        else:
            with Bucket(self._server).serving() as bucket:
                yield bucket


@pytest.fixture
def workshop(
    trained: Project, tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workshop]:
    s3_server.use(monkeypatch)
    with ExitStack() as stack:
        yield Workshop(with_rival(trained, tmp_path), s3_server, tmp_path, stack)


def files_of(project: Project) -> dict[str, bytes | None]:
    """The published files of a day that has one revision, by what they are."""
    store = open_store(load_settings(project.config).storage)
    (manifest,) = revisions_of(store, DAY)
    assert manifest.audited.quarantine
    return {
        "what readers see": seen(store, decisions_key(DAY)),
        "decisions": seen(store, manifest.audited.decisions.key),
        "quarantine": seen(store, manifest.audited.quarantine.key),
    }


def reference_days(workshop: Workshop) -> dict[str, dict[str, bytes | None]]:
    """What the day has to be, by the model version that scored it."""
    days = {}
    for version in VERSIONS:
        project = workshop.attempt("folder").project
        project.promote(version)
        score_applications.fn(as_of=DAY, config=project.config)
        days[version] = files_of(project)
    assert days["1"]["quarantine"] == days["2"]["quarantine"] is not None
    assert days["1"]["decisions"] != days["2"]["decisions"]
    return days


def operations_of_a_whole_day(attempt: Attempt) -> list[str]:
    run_id = create_run(attempt.project.config)
    assert end_of(start(run_id, attempt.log, attempt.place.watching(None))) == 0, attempt.log.read_text()[-3000:]
    return attempt.place.operations()


def kill_and_retry(attempt: Attempt, reference: Mapping[str, Any]) -> Ended:
    assert attempt.point
    store = open_store(load_settings(attempt.project.config).storage)
    run_id = create_run(attempt.project.config)

    process = start(run_id, attempt.log, attempt.place.watching(attempt.point))
    assert attempt.place.kill(process) == -signal.SIGKILL, attempt.log.read_text()[-3000:]
    assert attempt.place.operations()[-1] == attempt.point.operation
    shown = seen(store, decisions_key(DAY))
    assert shown in {None, reference["1"]["decisions"]}
    assert breaches(store, DAY) == []
    left = Ended(
        type(attempt.place).__name__.lower(),
        has_pins=any(store.list(f"work/day={DAY}/pins-{run_id}")),
        is_published=len(revisions_of(store, DAY)) == 1,
        is_shown=shown is not None,
        is_moved=attempt.is_moved,
    )

    if attempt.is_moved:
        attempt.project.promote("2")
    press_retry(run_id)
    assert end_of(start(run_id, attempt.log, {})) == 0, attempt.log.read_text()[-3000:]
    run = run_of(run_id)
    assert (run.state_name, run.run_count) == ("Completed", 2)
    is_kept = left.has_pins or left.is_published
    version = "2" if attempt.is_moved and not is_kept else "1"
    assert files_of(attempt.project) == reference[version]
    assert breaches(store, DAY) == []
    (manifest,) = revisions_of(store, DAY)
    assert manifest.model.version == version
    assert is_shown(store, manifest)
    assert seen(store, announcement_key(DAY, 1)) is not None
    assert (("pin", "Cached") in states_of(run_id)) == (left.has_pins and not left.is_published)
    return left


@pytest.mark.usefixtures("prefect_server")
def test_a_run_killed_at_any_moment_is_retried_to_one_whole_day(workshop: Workshop) -> None:
    reference = reference_days(workshop)
    whole = [workshop.attempt(store) for store in ("folder", "s3")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        traces = list(pool.map(operations_of_a_whole_day, whole))
    assert [files_of(attempt.project) for attempt in whole] == [reference["1"]] * 2
    points = [
        (point.number / len(operations), store, point)
        for store, attempt, operations in zip(("folder", "s3"), whole, traces, strict=True)
        for point in spread(points_of(attempt.place, operations), EVENLY)
    ]
    chosen = sampled(sorted(points, key=lambda each: each[:2]), SAMPLE)
    attempts = [workshop.attempt(store, point, is_moved=n % 3 != 0) for n, (_, store, point) in enumerate(chosen)]

    def kill(attempt: Attempt) -> Ended:
        try:
            return kill_and_retry(attempt, reference)
        except AssertionError as error:
            error.add_note(f"killed {attempt.point}")
            raise

    with ThreadPoolExecutor(AT_ONCE) as pool:
        ended = list(pool.map(kill, attempts))
    assert {left.is_published for left in ended} == {False, True}
    assert any(left.has_pins and left.is_moved and not left.is_published for left in ended)
    note("kills", "Kill sweep", TOLD, [figures(store, ended) for store in ("folder", "bucket")])


TOLD: Final = (
    "A scoring run is executed as Prefect's process worker does it, on a real server, and its process gets SIGKILL: on "
    "S3 while it waits for an answer, half of the times before the store has seen the request; on a folder right "
    "before an operation of the file system, or in the middle of writing a file. In between another model version may "
    "become champion. Then the run is retried as the UI does it. Before the retry readers see nothing or the whole "
    "day. After it the run is Completed, with one revision, whose decisions and quarantine are those of a run that "
    "nobody disturbed, to the byte; where the killed attempt had pinned its model version, with that one."
)


def figures(store: str, ended: list[Ended]) -> dict[str, Any]:
    here = [left for left in ended if left.store == store]
    pending = [left for left in here if not left.is_published]
    return {
        "store": {"bucket": "S3", "folder": "folder"}[store],
        "kills": len(here),
        "before the model was pinned": sum(not left.has_pins for left in pending),
        "pinned, not published": sum(left.has_pins for left in pending),
        "of those, champion moved meanwhile": sum(left.has_pins and left.is_moved for left in pending),
        "published, not shown": sum(left.is_published and not left.is_shown for left in here),
        "shown": sum(left.is_shown for left in here),
        "whole days after Retry": len(here),
    }
