"""What a second attempt takes from the first, and what it must not."""

from pathlib import Path

import pytest

from configs.settings import Storage
from flows.score_applications import score_applications
from tasks.errors import ExpectationsNotMet, PublishError
from tasks.store import open_store
from tasks.store.renewing import overwrite
from tests.conftest import DAY, Project
from tests.days import Day


def work_of(project: Project) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (project.root / "work").rglob("*") if path.is_file()}


def test_finished_steps_are_not_done_again(project: Project) -> None:
    project.deliver(rows=60)
    first = Day(project)
    assert first.audited
    kept = work_of(project)
    assert len(kept) == 4
    second = Day(project)
    assert (second.parts, second.audited) == (first.parts, first.audited)
    assert work_of(project) == kept


def test_the_report_that_is_shown_is_that_of_the_published_attempt(project: Project) -> None:
    project.deliver(rows=300, bad_share=0.1)
    assert Day(project).audited
    tight = project.with_settings(contract={"max_quarantined_rows": 1, "max_quarantined_share": 0.001})
    with pytest.raises(ExpectationsNotMet, match="contract-refused.html"):
        score_applications.fn(as_of=DAY, config=tight.config)
    shown = project.root / f"reports/day={DAY}"
    refused = ["contract-refused.html", "contract-refused.json", "index.html"]
    assert sorted(path.name for path in shown.iterdir()) == refused
    manifest = score_applications.fn(as_of=DAY, config=project.config).manifest
    assert manifest
    assert sorted(path.name for path in shown.iterdir()) == ["contract.html", "contract.json", "index.html"]
    assert (shown / "contract.json").read_bytes() == (project.root / manifest.audited.contract_report.key).read_bytes()


def test_what_cannot_be_renewed_ends_as_an_error_and_not_never(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    with pytest.raises(PublishError, match="a could not be renewed in 20 tries"):
        overwrite(open_store(Storage(root=str(tmp_path))), "a", b"x")
