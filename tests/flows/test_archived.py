"""Commands on a store of which a lifecycle rule has moved a delivered or a published file to the archive."""

import re
from collections.abc import Callable

import pyarrow.parquet as pq
import pytest

from configs.settings import Storage
from flows.score_applications import score_applications
from tasks.publication.layout import landing_key, reference_key
from tasks.store import open_store
from tasks.store.folder import FolderStore
from tests.commands import Ended, call
from tests.conftest import DAY, Project
from tests.s3_servers import S3Server

FILE = f"{landing_key(DAY)}applications_1.csv"
CONTROL = f"{landing_key(DAY)}_control.json"
DECISIONS = f"revisions/day={DAY}/decisions-"
REPORT = f"revisions/day={DAY}/contract-"
QUARANTINE = f"quarantine/day={DAY}/"
REFERENCE = reference_key("credit-default", "1")
NO_MESSAGE = ("Traceback", "NoneType", "ClientError")


@pytest.fixture(scope="module")
def kept(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A published day with rows in quarantine, on a folder."""
    root = tmp_path_factory.mktemp("archived") / "store"
    project = Project(trained.with_settings(storage={"root": str(root)}).config, root)
    project.deliver(rows=60, bad_share=0.1)
    score_applications.fn(as_of=DAY, config=project.config)
    sample = trained.root / REFERENCE
    FolderStore(root).create(REFERENCE, sample.read_bytes())
    return project


@pytest.fixture
def ended(
    kept: Project,
    s3_root: str,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Ended]:
    """Archive the object whose key begins so in a copy of the store on S3, and run a command there."""
    folder = FolderStore(kept.root)

    def run(start: str, words: str, *, only: str = "") -> Ended:
        store = open_store(Storage(root=s3_root))
        keys = [entry.key for entry in folder.list(only)]
        for key in keys:
            store.create(key, folder.read(key).data)
        (archived,) = (key for key in keys if key.startswith(start))
        s3_server.archive(s3_root, archived)
        before = {entry.key: entry.modified_at for entry in store.list("")}
        config = kept.with_settings(storage={"root": s3_root}).config
        ended = call([*words.split(), "--config", config], monkeypatch, capsys)
        assert before.items() <= {entry.key: entry.modified_at for entry in store.list("")}.items()
        assert f"{s3_root}/{archived} is archived (GLACIER), so it cannot be read" in ended.out + ended.err
        assert "Have it restored (aws s3api restore-object)" in ended.out + ended.err
        assert not any(word in ended.out + ended.err for word in NO_MESSAGE)
        return ended

    return run


def applicant_of(project: Project) -> int:
    return int(pq.read_table(project.decisions).column("application_id")[0].as_py())


@pytest.mark.parametrize("start", [FILE, CONTROL])
def test_a_day_whose_delivery_is_archived_is_not_decided(ended: Callable[..., Ended], start: str) -> None:
    told = ended(start, f"score --as-of {DAY} --without-prefect", only="landing/")
    assert (told.code, told.out) == (6, "")
    assert told.err.splitlines()[-1].startswith("ObjectArchived: ")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (FILE, "monitor --as-of {day} --without-prefect"),
        (CONTROL, "monitor --as-of {day} --without-prefect"),
        (DECISIONS, "monitor --as-of {day} --without-prefect"),
        (REFERENCE, "monitor --as-of {day} --without-prefect"),
        (DECISIONS, "explain --as-of {day} --application-id {applicant}"),
        (QUARANTINE, "rejected --as-of {day}"),
        (FILE, "score --as-of {day} --without-prefect"),
        (FILE, "score --as-of {day} --without-prefect --force --reason why"),
    ],
)
def test_what_cannot_be_done_without_the_file_ends_with_exit_6(
    ended: Callable[..., Ended], kept: Project, start: str, words: str
) -> None:
    told = ended(start, words.format(day=DAY, applicant=applicant_of(kept)))
    assert told.code == 6
    assert told.err.splitlines()[-1].startswith("ObjectArchived: ")


@pytest.mark.parametrize("start", [FILE, CONTROL])
def test_an_application_is_explained_as_published_where_its_delivery_is_archived(
    ended: Callable[..., Ended], kept: Project, start: str
) -> None:
    told = ended(start, f"explain --as-of {DAY} --application-id {applicant_of(kept)}")
    assert told.code == 0
    assert f"Application of {DAY}, revision 1: " in told.out
    assert "How the model came to it cannot be told" in told.out


@pytest.mark.parametrize("start", [FILE, DECISIONS, REPORT, QUARANTINE])
def test_a_verification_names_the_archived_file_and_reads_the_others(ended: Callable[..., Ended], start: str) -> None:
    told = ended(start, f"status --as-of {DAY} --verify")
    assert told.code == 6
    problems = [line for line in told.out.splitlines() if "PROBLEM" in line]
    assert len(problems) == 1
    assert re.search("1 day, 1 revision, [0-9]+ files re-read: 1 problem", told.out)


def test_an_applicant_is_not_searched_for_in_silence(ended: Callable[..., Ended], kept: Project) -> None:
    told = ended(FILE, f"clean --erase {applicant_of(kept)}")
    assert told.code == 3
    assert "1 objects could not be searched for the applicant" in told.err
