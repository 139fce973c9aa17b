"""A dry run tells what a run would publish and change. It leaves no revision, no page and no event."""

import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from configs.settings import load_settings
from flows.commands.score import rehearsal_summary
from flows.rehearse_day import rehearse_day
from tasks.core.day.records import Order
from tasks.core.day.standing import DayResult
from tasks.errors import ExpectationsNotMet, InputsChanged, SourceError
from tests.commands import call
from tests.conftest import DAY, Project

ROWS = 200
FORCE = Order("force", "see")
KEPT = re.compile(r"(work|contracts|versions|models|\.probe|reference)/.*")


def everything(project: Project) -> dict[str, bytes]:
    """What people and other systems see of the store: all but work, and texts under their digests."""
    files = (path for path in project.root.rglob("*") if path.is_file())
    names = {path.relative_to(project.root).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in names.items() if not KEPT.fullmatch(name)}


def under(project: Project, folder: Path, cutoff: float) -> Project:
    """The project under a policy with another cut-off."""
    path = folder / "policy2.yaml"
    text = Path("configs/policy.yaml").read_text()
    path.write_text(text.replace('version: "1"', 'version: "2"').replace("cutoff: bundle", f"cutoff: {cutoff}"))
    return project.with_settings(scoring={"policy": str(path)})


def test_what_a_dry_run_says_is_what_the_run_then_does(
    project: Project, score: Callable[..., DayResult], tmp_path: Path
) -> None:
    project.deliver(rows=ROWS, bad_share=0.05)
    score()
    other = under(project, tmp_path, 0.04)
    before = everything(project)
    rehearsal = rehearse_day(DAY, FORCE, load_settings(other.config))
    assert everything(project) == before
    assert rehearsal.drafted
    told = rehearsal_summary(rehearsal)
    assert f"Applications of {DAY}, revision 2: a dry run; nothing was published" in told
    assert "policy 2" in told
    assert "Decisions of revision 1, and what they would become" in told
    real = score(other, force=True, reason="see").manifest
    assert real
    drafted = rehearsal.drafted.audited
    assert drafted.decisions == real.audited.decisions
    assert (drafted.by_decision, drafted.by_rule) == (real.audited.by_decision, real.audited.by_rule)
    assert (drafted.changes, drafted.changed_reasons) == (real.audited.changes, real.audited.changed_reasons)
    assert drafted.changes
    changes = pq.read_table(project.root / drafted.changes.key).to_pylist()
    moved = sum(row[new] for old, row in rehearsal.moves.items() for new in row if new != old)
    assert moved == len(changes) > 0


def test_a_day_that_is_not_published_is_rehearsed_as_well(project: Project, score: Callable[..., DayResult]) -> None:
    project.deliver(rows=ROWS)
    before = everything(project)
    rehearsal = rehearse_day(DAY, Order(), load_settings(project.config))
    assert everything(project) == before
    assert rehearsal.drafted
    assert rehearsal.moves == {}
    assert "The day is not published, so there is nothing to compare it with." in rehearsal_summary(rehearsal)
    real = score().manifest
    assert real
    assert rehearsal.drafted.audited.decisions == real.audited.decisions


def test_a_published_day_without_an_order_and_an_equal_revision_change_nothing(
    project: Project, score: Callable[..., DayResult]
) -> None:
    project.deliver(rows=ROWS)
    score()
    for order in (Order(), FORCE, Order("as-was", "see")):
        rehearsal = rehearse_day(DAY, order, load_settings(project.config))
        assert rehearsal.drafted is None
        assert "Revision 1 stays: a run would publish nothing now." in rehearsal_summary(rehearsal)


def test_a_day_that_the_contract_would_stop_leaves_no_report(project: Project) -> None:
    project.deliver(rows=ROWS, bad_share=0.5)
    before = everything(project)
    with pytest.raises(ExpectationsNotMet, match="would not be published") as refused:
        rehearse_day(DAY, Order(), load_settings(project.config))
    assert refused.value.exit_code == 4
    assert everything(project) == before


def test_a_dry_run_is_refused_where_a_run_is(project: Project, score: Callable[..., DayResult]) -> None:
    settings = load_settings(project.config)
    with pytest.raises(SourceError):
        rehearse_day(DAY, Order(), settings)
    project.deliver(rows=ROWS)
    score()
    (file,) = project.landing.glob("*.csv")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    (project.landing / "_control.json").unlink(missing_ok=True)
    with pytest.raises(InputsChanged):
        rehearse_day(DAY, Order(), settings)


def test_the_command_needs_no_reason_and_takes_no_second_model(
    project: Project, score: Callable[..., DayResult], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    project.deliver(rows=ROWS)
    score()
    words = ["score", "--as-of", str(DAY), "--dry-run", "--config", under(project, tmp_path, 0.2).config]
    ended = call([*words, "--force"], monkeypatch, capsys)
    assert ended.code == 0, ended.err
    assert "a dry run; nothing was published" in ended.out
    assert call([*words, "--shadow", "challenger"], monkeypatch, capsys).code == 2
    assert call([*words, "--reason", "why"], monkeypatch, capsys).code == 2
