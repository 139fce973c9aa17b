"""What a second attempt takes from the first, and what it must not."""

from pathlib import Path
from typing import Any

import pytest

from configs.settings import load_settings
from flows.score_applications import score_applications
from tasks.core.day.records import PUBLISH, Draft
from tasks.errors import ExpectationsNotMet, PublishError
from tasks.scoring.arrive import arrive
from tasks.scoring.audit import audit
from tasks.scoring.pin import pin
from tasks.scoring.publish import roll_forward
from tasks.scoring.screen_score import screen_and_score
from tasks.store import open_store
from tasks.store.renewing import overwrite
from tests.conftest import DAY, Project

DRAFT = Draft(1, None, None)


def day_of(project: Project) -> tuple[Any, ...]:
    settings = load_settings(project.config)
    standing = roll_forward(DAY, PUBLISH, settings)
    delivery = arrive(standing, settings)
    pins = pin(standing, delivery, settings)
    return settings, delivery, pins, [screen_and_score(file, pins, settings) for file in delivery.files]


def work_of(project: Project) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (project.root / "work").rglob("*") if path.is_file()}


def test_finished_steps_are_not_done_again(project: Project) -> None:
    project.deliver(rows=60)
    settings, delivery, pins, parts = day_of(project)
    audited = audit(delivery, pins, DRAFT, parts, settings)
    kept = work_of(project)
    assert len(kept) == 4
    assert day_of(project)[3] == parts
    assert audit(delivery, pins, DRAFT, parts, settings) == audited
    assert work_of(project) == kept


def test_an_audit_does_not_count_under_other_bounds(project: Project) -> None:
    project.deliver(rows=300)
    settings, delivery, pins, parts = day_of(project)
    audit(delivery, pins, DRAFT, parts, settings)
    stricter = load_settings(
        project.with_settings(audit={"min_approval_share": 0.999, "max_approval_share": 1.0}).config
    )
    with pytest.raises(ExpectationsNotMet, match="would be approved"):
        audit(delivery, pins, DRAFT, parts, stricter)


def test_an_audit_does_not_count_under_another_budget(project: Project) -> None:
    project.deliver(rows=300, bad_share=0.1)
    settings, delivery, pins, parts = day_of(project)
    audit(delivery, pins, DRAFT, parts, settings)
    tight = {"max_quarantined_rows": 1, "max_quarantined_share": 0.001}
    with pytest.raises(ExpectationsNotMet, match="would be set aside"):
        audit(delivery, pins, DRAFT, parts, load_settings(project.with_settings(contract=tight).config))


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_part_that_is_gone_or_changed_between_two_steps_stops_the_day(project: Project, damage: str) -> None:
    project.deliver(rows=60)
    settings, delivery, pins, parts = day_of(project)
    path = project.root / parts[0].decided.key
    path.write_bytes(path.read_bytes()[:-1] + b"x") if damage == "changed" else path.unlink()
    with pytest.raises(PublishError, match="is missing or damaged: it is not the file that was recorded"):
        audit(delivery, pins, DRAFT, parts, settings)


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_part_that_is_gone_or_changed_is_made_anew_by_the_next_attempt(project: Project, damage: str) -> None:
    project.deliver(rows=60)
    path = project.root / day_of(project)[3][0].decided.key
    path.write_bytes(path.read_bytes()[:-1] + b"x") if damage == "changed" else path.unlink()
    assert score_applications.fn(as_of=DAY, config=project.config).outcome == "published"


def test_the_report_that_is_shown_is_that_of_the_published_attempt(project: Project) -> None:
    project.deliver(rows=300, bad_share=0.1)
    settings, delivery, pins, parts = day_of(project)
    audit(delivery, pins, DRAFT, parts, settings)
    tight = project.with_settings(contract={"max_quarantined_rows": 1, "max_quarantined_share": 0.001})
    with pytest.raises(ExpectationsNotMet, match="contract-refused.html"):
        score_applications.fn(as_of=DAY, config=tight.config)
    shown = project.root / f"reports/day={DAY}"
    assert sorted(path.name for path in shown.iterdir()) == ["contract-refused.html", "contract-refused.json"]
    manifest = score_applications.fn(as_of=DAY, config=project.config).manifest
    assert manifest
    assert sorted(path.name for path in shown.iterdir()) == ["contract.html", "contract.json"]
    assert (shown / "contract.json").read_bytes() == (project.root / manifest.audited.contract_report.key).read_bytes()


def test_what_cannot_be_renewed_ends_as_an_error_and_not_never(tmp_path: Path) -> None:
    from configs.settings import Storage

    (tmp_path / "a").symlink_to("nowhere")
    with pytest.raises(PublishError, match="a could not be renewed in 20 tries"):
        overwrite(open_store(Storage(root=str(tmp_path))), "a", b"x")
