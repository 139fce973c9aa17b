"""Eight processes score one day at once: one revision, whose parts belong together, and readers see nothing else."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
from prefect.settings import PREFECT_API_URL

from configs.settings import load_settings
from tasks.core.day.manifest import Manifest
from tasks.publication.layout import decisions_key, manifest_key, report_page_key
from tasks.publication.manifests import manifest_json
from tasks.store import Store, open_store
from tests.conftest import DAY, Project, with_rival
from tests.proofs.evidence import IS_WHOLE, note, sampled
from tests.proofs.race_checks import breaches, is_shown, revisions_of
from tests.proofs.race_days import VERSIONS, deliver
from tests.proofs.race_runners import Alternation, Ending, Job, Racers, Reader
from tests.s3_servers import S3Server

PROCESSES: Final = 8
ROUNDS: Final = {"nobody": 5, "half": 3} if IS_WHOLE else {"nobody": 1, "half": 1}
TIMES: Final = {"nobody": 1, "half": 3 if IS_WHOLE else 2}
"""Runs of each process in a round, one after the other."""
MODELS_STAY_SECONDS: Final = 0.3
COMBINATIONS: Final = [
    ("folder", "plain", "nobody"),
    ("S3", "plain", "nobody"),
    ("S3", "Prefect", "nobody"),
    ("folder", "plain", "half"),
    ("S3", "plain", "half"),
    ("folder", "Prefect", "half"),
    ("S3", "Prefect", "half"),
    ("folder", "Prefect", "nobody"),
]
"""Store, who starts the runs, and which of them are forced; a sample of three has both of each."""
FORCED: Final = {"force": True, "reason": "a race"}
CHAMPION_STAYS_SECONDS: Final = 0.02


@dataclass
class Course:
    """The processes, the places and the models of all races."""

    project: Project
    server: S3Server
    folder: Path
    racers: Racers
    reader: Reader
    rounds: int = 0

    def fresh_day(self, store: str) -> tuple[Project, Project]:
        """A store of its own, in which the day has arrived; under two settings, whose models are never the same."""
        self.rounds += 1
        root = f"s3://{self.server.fresh_bucket()}/prod" if store == "S3" else str(self.folder / str(self.rounds))
        project = self.project.with_settings(storage={"root": root})
        deliver(load_settings(project.config))
        return project, project.with_settings(registry={"alias": "rival"})

    def moving_models(self) -> Alternation:
        """Champion and rival change places all the time."""
        rival = self.project.with_settings(registry={"alias": "rival"})

        def swap(version: str, other: str) -> None:
            self.project.promote(version)
            rival.promote(other)

        first, second = VERSIONS
        swap(first, second)
        return Alternation(
            partial(swap, second, first), partial(swap, first, second), pause_seconds=MODELS_STAY_SECONDS
        )


@dataclass
class Tally:
    """What was counted over the rounds of one combination."""

    rounds: int = 0
    runs: int = 0
    published: int = 0
    unchanged: int = 0
    lost: int = 0
    revisions: int = 0
    rounds_with_rival_fingerprints: int = 0
    swaps_of_champion_and_rival: int = 0
    reads: int = 0


@pytest.fixture(scope="module")
def course(
    request: pytest.FixtureRequest, trained: Project, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Course]:
    request.getfixturevalue("prefect_server")
    folder = tmp_path_factory.mktemp("races")
    with pytest.MonkeyPatch.context() as environment:
        s3_server.use(environment)
        environment.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
        environment.setenv("PREFECT_LOGGING_TO_API_ENABLED", "false")  # what is said is not on trial
        environment.setenv("OMP_NUM_THREADS", "1")  # eight processes share the machine's few processors
        racers, reader = Racers(PROCESSES), Reader()
        yield Course(with_rival(trained, folder), s3_server, folder, racers, reader)
        racers.stop()
        reader.stop()


@pytest.fixture(scope="module")
def table() -> Iterator[list[dict[str, Any]]]:
    """One row for each combination; noted when all have passed."""
    rows: list[dict[str, Any]] = []
    yield rows
    if len(rows) == len(COMBINATIONS):
        note("races", "Races", TOLD, rows)


@pytest.mark.parametrize(("store", "orchestration", "forced"), sampled(COMBINATIONS, 3))
def test_runs_that_race_for_a_day_leave_whole_revisions_and_readers_see_no_other(
    course: Course, table: list[dict[str, Any]], store: str, orchestration: str, forced: str
) -> None:
    tally = Tally()
    for _ in range(ROUNDS[forced]):
        projects = course.fresh_day(store)
        jobs = [Job(project.config, DAY, orchestration == "Prefect", TIMES[forced]) for project in projects]
        insistent = [replace(job, options=FORCED) for job in jobs] if forced == "half" else jobs
        race(course, tally, [*jobs, *insistent] * (PROCESSES // 4))
    names = {name: name.replace("_", " ") for name in asdict(tally)}
    counted = {names[name]: count for name, count in asdict(tally).items()}
    table.append({"store": store, "run by": orchestration, "forced": forced, **counted})
    assert not IS_WHOLE or tally.rounds_with_rival_fingerprints
    assert not IS_WHOLE or forced == "nobody" or tally.revisions > tally.rounds


def race(course: Course, tally: Tally, jobs: list[Job]) -> None:
    storage = load_settings(jobs[0].config).storage
    store = open_store(storage)
    with course.reader.watching(storage.root, decisions_key(DAY)) as sights, course.moving_models() as moves:
        endings = course.racers.race(jobs)
        late = {
            n: replace(jobs[n], is_recorded=False, times=1)
            for n, each in enumerate(endings)
            if each[-1].outcome == "lost"
        }
        again = course.racers.run(late)
    manifests = revisions_of(store, DAY)
    require_known_endings([*chain(*endings, *again)], manifests)
    unforced = [each for job, each in zip(late.values(), again, strict=True) if not job.options]
    assert {each.outcome for each in chain(*unforced)} <= {"unchanged"}
    assert len(manifests) == 1 or any(job.options for job in jobs)
    assert {each.reason for each in manifests[1:]} <= {FORCED["reason"]}
    assert breaches(store, DAY) == []
    assert manifests[0].totals.quarantined
    assert manifests[0].totals.duplicates_dropped
    assert is_shown(store, manifests[-1])
    (sight,) = sights
    require_only_forward(sight.changes, [each.audited.decisions.sha256 for each in manifests])
    outcomes = Counter(each.outcome for each in chain(*endings))
    assert outcomes["published"]
    tally.rounds += 1
    tally.runs += outcomes.total()
    tally.published += outcomes["published"]
    tally.unchanged += outcomes["unchanged"]
    tally.lost += outcomes["lost"]
    tally.revisions += len(manifests)
    tally.rounds_with_rival_fingerprints += len(fingerprints_tried(store)) > 1
    tally.swaps_of_champion_and_rival += moves.count
    tally.reads += sight.reads


def require_known_endings(endings: list[Ending], manifests: list[Manifest]) -> None:
    """Each run has published or found a revision that is there, or lost to another."""
    known = {(each.revision, each.fingerprint) for each in manifests}
    for outcome, *revision in endings:
        assert outcome in {"published", "unchanged", "lost"}
        assert outcome == "lost" or tuple(revision) in known


def require_only_forward(seen: list[str | None], published: list[str]) -> None:
    """Readers see nothing, then one revision after the other to the byte, if not every one, and end on the newest."""
    first, *later = seen
    assert first is None
    places = [published.index(digest) if digest in published else -1 for digest in later]
    assert -1 not in places
    assert places == sorted(set(places))
    assert places[-1:] == [len(published) - 1]


def fingerprints_tried(store: Store) -> set[str]:
    """The beginnings of all fingerprints under which runs left their work."""
    prefix = f"work/day={DAY}/"
    return {entry.key.removeprefix(prefix).split("/")[0] for entry in store.list(prefix) if "/pins-" not in entry.key}


@pytest.mark.parametrize(
    "seen", [[None], [None, "a"], ["a", "b"], [None, "b", "a"], [None, "a", None, "b"], [None, "a", "x", "b"]], ids=str
)
def test_a_reader_who_saw_what_he_must_not_is_noticed(seen: list[str | None]) -> None:
    require_only_forward([None, "a", "b"], ["a", "b"])
    require_only_forward([None, "b"], ["a", "b"])
    with pytest.raises(AssertionError):
        require_only_forward(seen, ["a", "b"])


def as_revision(project: Project, manifest: Manifest, **changes: Any) -> None:
    """Let the manifest say something else, or be that of another revision."""
    told = replace(manifest, **changes)
    path = project.root / manifest_key(DAY, told.revision)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(manifest_json(told))


def lose_a_row(project: Project, manifest: Manifest) -> None:
    name, totals = next(iter(manifest.audited.files.items()))
    fewer = dict(manifest.audited.files) | {name: replace(totals, decided=totals.decided - 1)}
    as_revision(project, manifest, audited=replace(manifest.audited, files=fewer))


DAMAGES: Final[dict[str, Callable[[Project, Manifest], Any]]] = {
    "another model": lambda project, manifest: as_revision(
        project, manifest, model=replace(manifest.model, version="9")
    ),
    "another fingerprint": lambda project, manifest: as_revision(project, manifest, fingerprint="0" * 64),
    "a row lost": lose_a_row,
    "a gap": lambda project, manifest: as_revision(project, manifest, revision=3),
    "one revision twice": lambda project, manifest: as_revision(project, manifest, revision=2),
    "no decisions": lambda project, manifest: (project.root / manifest.audited.decisions.key).unlink(),
    "no quarantine": lambda project, manifest: shutil.rmtree(project.root / "quarantine"),
    "another report": lambda project, manifest: (project.root / manifest.audited.contract_report.key).write_text("{}"),
    "readers see something else": lambda project, manifest: project.decisions.write_bytes(b"PAR1"),
    "another page": lambda project, manifest: (project.root / report_page_key(DAY)).write_text("<html>"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_does_not_belong_together_is_noticed(project: Project, score: Callable[..., Any], damage: str) -> None:
    store = deliver(load_settings(project.config))
    manifest = score().manifest
    assert breaches(store, DAY) == []
    DAMAGES[damage](project, manifest)
    assert breaches(store, DAY)


TOLD: Final = (
    "Eight processes score one day at the same moment, plain or each as a run of one Prefect server. Half of them use "
    "the champion and half its rival, and the two change places all the time, so that the runs disagree; a ninth "
    "process reads the decisions all the while. Where half of the processes force, each scores the day three times on "
    "end, and so may revise what another has just published. Each run ends as published, unchanged or having lost to "
    "another; who lost finds the day unchanged when it is run again. Without force there is one revision; with it "
    "there are more, without a gap, and no two in a row from one fingerprint. The fingerprint, model version, rows, "
    "changes, quarantine, contract report and totals of each belong together. Readers see nothing, then one revision "
    "after the other to the byte, and never an older one again."
)
