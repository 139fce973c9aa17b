"""An applicant erased beside a run of their day: whatever the order, one of the two notices."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest

from configs.settings import Storage
from tasks.adapters.files.landing_file import Reading
from tasks.core.applications import rows_of_applicant
from tasks.erasure.erase import erase
from tasks.erasure.search import search
from tasks.errors import ExpectationsNotMet, PublishError
from tasks.publication.data_files import require_stored
from tasks.publication.erasure_token import read_token
from tasks.publication.layout import erased_key
from tasks.publication.manifests import manifest_of
from tasks.publication.refused_rows import read_refused_rows
from tasks.store import Store, open_store
from tests.conftest import DAY, Project
from tests.erasure.test_erase import AT, REASON, erased

Score = Callable[..., Any]


@pytest.fixture
def store(project: Project) -> Store:
    project.deliver(rows=60)
    return open_store(Storage(root=str(project.root)))


def an_applicant(project: Project) -> int:
    line = (project.landing / "applications_1.csv").read_text().splitlines()[20]
    return int(line.split(",")[0])


def holds(store: Store, applicant: int) -> list[str]:
    return [each.key for each in search(store, applicant, reading=Reading()).found]


class Meanwhile(logging.Handler):
    """Does something once, in the moment in which a run says a certain thing."""

    def __init__(self, said: str, do: Callable[[], object]) -> None:
        super().__init__()
        self._said, self._do, self.is_done = said, do, False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.is_done and self._said in record.getMessage():
            self.is_done = True
            self._do()


@pytest.fixture
def meanwhile() -> Any:
    logger, handlers = logging.getLogger("scoring"), []
    before = logger.level
    logger.setLevel(logging.INFO)

    def during(said: str, do: Callable[[], object]) -> Meanwhile:
        handlers.append(Meanwhile(said, do))
        logger.addHandler(handlers[-1])
        return handlers[-1]

    yield during
    logger.setLevel(before)
    for handler in handlers:
        logger.removeHandler(handler)


def test_a_run_that_is_refused_while_the_applicant_is_erased_keeps_no_row(
    project: Project, store: Store, score: Score, meanwhile: Any
) -> None:
    applicant = an_applicant(project)
    (project.landing / "_control.json").unlink()
    path = project.landing / "applications_1.csv"
    path.write_text(re.sub(rf"^({applicant},)\w+ loans", r"\1No such loan", path.read_text(), flags=re.MULTILINE))
    strict = project.with_settings(contract={"max_quarantined_rows": 0, "max_quarantined_share": 0.0})
    done = meanwhile("rows screened and scored", lambda: erased(store, applicant))
    with pytest.raises(ExpectationsNotMet, match="1 of 60 rows"):
        score(strict)
    assert done.is_done
    assert read_refused_rows(store, DAY) is None


def test_a_run_that_reads_the_old_file_while_the_applicant_is_erased_publishes_nothing(
    project: Project, store: Store, score: Score, meanwhile: Any
) -> None:
    applicant = an_applicant(project)
    done = meanwhile("rows screened and scored", lambda: erased(store, applicant))
    with pytest.raises(PublishError, match="An applicant was erased from 2026-11-02 while .* run the command again"):
        score(project)
    assert done.is_done
    assert manifest_of(store, DAY, 1) is None
    erased(store, applicant)
    assert score(project).outcome == "published"
    assert holds(store, applicant) == []


class Stalled:
    """A store in which the applicant is erased in the moment in which a run commits, or has committed."""

    def __init__(self, store: Store, do: Callable[[], object], *, is_after: bool = False) -> None:
        self._store, self._do, self._is_after = store, do, is_after

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def create(self, key: str, data: bytes) -> None:
        is_commit = key.endswith("manifest.json")
        if is_commit and not self._is_after:
            self._do()
        self._store.create(key, data)
        if is_commit and self._is_after:
            self._do()


def test_a_run_that_commits_after_the_last_look_says_so_and_the_erasure_can_be_repeated(
    project: Project, store: Store, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    applicant = an_applicant(project)
    stalled = Stalled(store, lambda: erased(store, applicant))
    monkeypatch.setattr("tasks.scoring.publish.open_store", lambda _: stalled)
    with pytest.raises(PublishError, match="Revision 1 of 2026-11-02 was published .* Run the erasure again now"):
        score(project)
    monkeypatch.undo()
    manifest = manifest_of(store, DAY, 1)
    assert manifest
    require_stored(store, manifest.audited.data_files)
    erased(store, applicant)
    assert holds(store, applicant) == []
    assert not rows_of_applicant(pq.read_table(project.decisions), applicant).any()


def test_a_run_that_is_erased_from_right_after_its_commit_brings_nothing_back(
    project: Project, store: Store, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    applicant = an_applicant(project)
    stalled = Stalled(store, lambda: erased(store, applicant), is_after=True)
    monkeypatch.setattr("tasks.scoring.publish.open_store", lambda _: stalled)
    with pytest.raises(PublishError, match="Run the erasure again now"):
        score(project)
    monkeypatch.undo()
    assert holds(store, applicant) == []
    assert score(project).outcome == "unchanged"


def test_a_token_changes_no_bytes_and_no_checkpoint(project: Project, store: Store, score: Score) -> None:
    erased(store, an_applicant(project))
    assert read_token(store, DAY)
    first = score(project)
    assert first.standing.erasure == read_token(store, DAY)
    work = {entry.key for entry in store.list(f"work/day={DAY}/") if "publishing-" not in entry.key}
    store.delete(f"revisions/day={DAY}/rev=0001/manifest.json")
    project.decisions.unlink()
    store.delete(erased_key(DAY))
    second = score(project)
    assert second.standing.erasure is None
    assert second.manifest.audited == first.manifest.audited
    assert second.manifest.fingerprint == first.manifest.fingerprint
    left = {entry.key for entry in store.list(f"work/day={DAY}/") if "publishing-" not in entry.key}
    assert left == work - {erased_key(DAY)}


def test_a_token_that_housekeeping_removes_meanwhile_counts_as_changed(
    project: Project, store: Store, score: Score, meanwhile: Any
) -> None:
    erased(store, an_applicant(project))
    meanwhile("rows screened and scored", lambda: store.delete(erased_key(DAY)))
    with pytest.raises(PublishError, match="An applicant was erased"):
        score(project)
    assert score(project).outcome == "published"


def test_every_erasure_leaves_another_token(project: Project, store: Store) -> None:
    tokens = set()
    for line in (project.landing / "applications_1.csv").read_text().splitlines()[20:23]:
        erase(store, int(line.split(",")[0]), reason=REASON, at=AT, reading=Reading())
        tokens.add(read_token(store, DAY))
    assert len(tokens) == 3
