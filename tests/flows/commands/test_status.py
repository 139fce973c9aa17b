"""What `scoring status` says of a store, and that `--verify` names whatever is not as it should be."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from configs.calendar import Calendar
from flows.cli import main, scoring
from flows.commands.status import days_table, history_summary
from tasks.errors import DayOverdue
from tasks.publication.day_status import DayHistory, DayStatus
from tasks.publication.expired import note_expired
from tasks.store.folder import FolderStore
from tests.conftest import DAY, Project
from tests.manifests import made_manifest, revised_manifest, sample_manifest
from tests.revised_day import NEXT, WHY, publish, revise

REVISIONS = f"revisions/day={DAY}"
FIRST, SECOND = (f"{REVISIONS}/rev={n:04d}/manifest.json" for n in (1, 2))
DECISIONS = f"decisions/day={DAY}/decisions.parquet"
REPORT = f"reports/day={DAY}/contract.json"
FILE = f"landing/day={DAY}/applications_1.csv"
PRAGUE = Calendar(zone="Europe/Prague", weekend=(), holidays={}, zero_row_days={})
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def published(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """The day published once, and the same store when it was published twice."""
    twice = publish(trained, tmp_path_factory.mktemp("status") / "twice")
    once = twice.root.with_name("once")
    shutil.copytree(twice.root, once)
    revise(twice)
    return {"once": Project(twice.config, once), "twice": twice}


def copied(project: Project, folder: Path) -> Project:
    root = folder / "store"
    shutil.copytree(project.root, root)
    return Project(project.with_settings(storage={"root": str(root)}).config, root)


@pytest.fixture
def once(published: dict[str, Project], tmp_path: Path) -> Project:
    return copied(published["once"], tmp_path)


@pytest.fixture
def twice(published: dict[str, Project], tmp_path: Path) -> Project:
    return copied(published["twice"], tmp_path)


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `scoring status` in this process: its exit code and what it printed."""

    def run(project: Project, *arguments: str) -> tuple[int, str]:
        call = ["scoring", "status", "--verbose", "--config", project.config, *arguments]
        monkeypatch.setattr(sys, "argv", call)
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), capsys.readouterr().out
        return 0, capsys.readouterr().out

    return run


def manifest(project: Project, revision: int = 2) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.root / REVISIONS / f"rev={revision:04d}/manifest.json").read_bytes())
    return content


def data_file(project: Project, role: str, revision: int) -> str:
    key: str = manifest(project, revision)["audited"][role]["key"]
    return key


# --- what it shows


def test_a_day_is_a_line(twice: Project, status: Run) -> None:
    code, shown = status(twice)
    totals = manifest(twice)["totals"]
    digest = hashlib.sha256(twice.decisions.read_bytes()).hexdigest()[:12]
    rows = rf"200 +{totals['decided']} +{totals['quarantined']} +\d\d\.\d%"
    line = rf"{DAY} +2 +{rows} +not monitored +1 +{digest} +2\S+ \S+ +published"
    assert code == 0
    assert re.search(rf"^{line} \(not announced\)$", shown, re.MULTILINE)


def test_a_day_is_told_with_its_history(twice: Project, status: Run) -> None:
    code, shown = status(twice, "--as-of", str(DAY))
    first, second = shown.split("Revision 2")
    assert code == 0
    assert "what readers see" not in first
    assert "what readers see" in second
    assert WHY in second
    changed = (
        f"{manifest(twice)['audited']['changes']['rows']} decisions, and the reasons of 0 others, since revision 1"
    )
    assert f"{'Changed':<12}{changed}" in second
    for role in ("decisions", "quarantine", "contract_report"):
        assert str(twice.root / data_file(twice, role, 1)) in first
    assert str(twice.root / data_file(twice, "changes", 2)) in second
    assert re.search(
        rf"applications_1.csv, {manifest(twice)['inputs']['applications_1.csv'][:12]}, a file of this name", second
    )


def test_the_history_says_what_has_left_the_landing_and_what_is_in_no_revision(twice: Project, status: Run) -> None:
    path = twice.root / FILE
    path.rename(path.with_name("late.csv"))
    shown = status(twice, "--as-of", str(DAY))[1]
    assert shown.count("not in the landing any more") == 2
    assert shown.endswith("Delivered, in no revision\n    late.csv\n")


def test_missing_days_that_follow_each_other_are_one_line() -> None:
    days = [DayStatus(DAY, sample_manifest(), "published")]
    days += [DayStatus(DAY + timedelta(days=n), None, "missing") for n in (1, 2, 3)]
    days += [DayStatus(DAY + timedelta(days=4), None, "nothing delivered yet")]
    *_, missing, today = days_table(days, "ROOT", PRAGUE).splitlines()
    assert missing.startswith("2026-11-03 ")
    assert missing.endswith("  missing: 3 days that the calendar demands, to 2026-11-05")
    assert today.endswith("nothing delivered yet")


def test_a_day_that_is_not_as_expected_ends_with_exit_code_9(once: Project, status: Run) -> None:
    ended = CliRunner().invoke(scoring, ["status", "--config", once.config, "--json", "--expect", "00:00"])
    days = {each["as_of"]: each for each in json.loads(ended.stdout)}
    assert isinstance(ended.exception, DayOverdue)
    assert (days["2026-11-02"]["monitoring"], days["2026-11-02"]["overdue"]) == ("not monitored", True)
    said = str(ended.exception)
    assert said.startswith("Not published and monitored by 00:00: ")
    assert "2026-11-02  published, not monitored: scoring monitor --as-of 2026-11-02" in said
    assert status(once, "--expect", "00:00")[0] == 9
    assert status(once)[0] == 0


@pytest.mark.parametrize(
    "options", [("--expect", "8"), ("--json", "--verify"), ("--expect", "08:00", "--as-of", "2026-11-02")]
)
def test_options_that_do_not_go_together_are_refused(once: Project, status: Run, options: tuple[str, ...]) -> None:
    assert status(once, *options)[0] == 2


def test_an_empty_store_says_how_to_begin(project: Project, status: Run, tmp_path: Path) -> None:
    empty = project.with_settings(storage={"root": str(tmp_path / "empty")})
    code, shown = status(empty)
    assert code == 0
    assert "Nothing was delivered or published yet" in shown
    assert "scoring generate" in shown
    assert status(empty, "--as-of", str(DAY)) == (0, f"\nApplications of {DAY}: nothing delivered\n")
    assert status(empty, "--verify") == (6, "0 days, 0 revisions, 0 files re-read: no problem\n")


def test_a_status_is_there_without_prefect_and_registry(once: Project) -> None:
    code = (
        "import sys; from flows.cli import main; main()\n"
        "heavy = {'prefect', 'mlflow', 'lightgbm', 'great_expectations', 'evidently', 'boto3', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    call = [sys.executable, "-c", code, "status", "--config", once.config]
    shown = subprocess.run(call, capture_output=True, text=True, check=True)
    assert f"{DAY}    1        200" in shown.stdout
    assert shown.stderr.strip() == "[]"


HISTORY = """
Applications of 2026-11-02: published (not announced)

  ROOT/decisions/day=2026-11-02/decisions.parquet
  ROOT/reports/day=2026-11-02/contract.json

  Revision 1: no manifest that can be read; see scoring status --as-of 2026-11-02 --verify

  Revision 2, published 2026-11-02 08:05 Europe/Prague: what readers see
    Reason      they *told* us more
    Made with   credit-default version 3, cut-off 0.0909, policy 2, contract 4
    Rows        5,034 received: 4,032 decided, 902 quarantined, 60 copies dropped, 30 replaced, 10 erased
    Erased      2026-12-01 10:30 Europe/Prague, asked
    Decided     approve 3,024, refer 8, refuse 1,000
    Changed     2,000 decisions, and the reasons of 1 other, since revision 1
    Digest      dd
    File        a.csv, aa, a file of this name is in the landing
    Decisions   ROOT/d
    Changes     ROOT/c
    Quarantine  ROOT/q (expired on 2026-12-02: kept for 30 days)
    Contract    ROOT/r
    Manifest    ROOT/revisions/day=2026-11-02/rev=0002/manifest.json

  Delivered, in no revision
    late.csv"""


def test_a_history_reads_so(tmp_path: Path) -> None:
    newest = revised_manifest()
    history = DayHistory(
        DayStatus(DAY, newest, "published", ("not announced",)),
        {1: None, 2: newest},
        newest.audited.decisions.sha256,
        frozenset({"a.csv", "late.csv"}),
        {"q": {"at": "2026-12-02", "rule": "kept for 30 days"}},
    )
    assert history_summary(history, FolderStore(tmp_path), PRAGUE).replace(str(tmp_path), "ROOT") == HISTORY


def test_a_manifest_in_the_place_of_another_one_is_told_by_its_place(tmp_path: Path) -> None:
    status = DayStatus(DAY, None, "")
    history = DayHistory(status, {3: revised_manifest()}, None, frozenset(), {})
    shown = history_summary(history, FolderStore(tmp_path), PRAGUE)
    assert "\n  Revision 3, published 2026-11-02 08:05 Europe/Prague\n" in shown
    assert shown.endswith("rev=0003/manifest.json")


def test_times_are_told_by_the_clock_of_the_calendar() -> None:
    day = DayStatus(DAY, sample_manifest(), "published")
    head, line = days_table([day], "ROOT", PRAGUE).splitlines()[1:]
    assert head.endswith("published (Europe/Prague)  state")
    assert line.split()[-3:] == ["2026-11-02", "08:05", "published"]
    tokyo = PRAGUE.model_copy(update={"zone": "Asia/Tokyo"})
    assert "published (Asia/Tokyo)" in days_table([day], "ROOT", tokyo)
    assert "2026-11-02 16:05" in days_table([day], "ROOT", tokyo)


@pytest.mark.parametrize("monitoring", ["insufficient", "not monitored", "rev 12 only"])
def test_a_line_has_a_column_for_monitoring(monitoring: str) -> None:
    day = DayStatus(DAY, sample_manifest(), "published", monitoring=monitoring)
    head, line = days_table([day, day], "ROOT", PRAGUE).splitlines()[1:3]
    begin, end = head.index("monitoring"), head.index("model")
    assert line[begin:end].rstrip() == monitoring
    assert line[end:].startswith("3 ")


def test_a_history_tells_of_monitoring(tmp_path: Path) -> None:
    status = DayStatus(DAY, sample_manifest(), "published", monitoring="watch")
    shown = history_summary(DayHistory(status, {}, None, frozenset(), {}), FolderStore(tmp_path), PRAGUE)
    assert shown.startswith(f"\nApplications of {DAY}: published\nMonitoring: watch")


def test_the_share_of_a_day_of_one_is_not_told(tmp_path: Path) -> None:
    day = DayStatus(DAY, made_manifest(), "published")
    line = days_table([day], "ROOT", PRAGUE).splitlines()[-1]
    assert "too few" in line
    assert "%" not in line
    history = DayHistory(day, {1: made_manifest()}, None, frozenset(), {})
    told = history_summary(history, FolderStore(tmp_path), PRAGUE)
    assert "    Not told    Decisions: No figures are shown of 1 application" in told
    assert "approve" not in told


# --- whatever is damaged is named


def delete(key: str | Callable[[Project], str]) -> Callable[[Project], str]:
    def damage(project: Project) -> str:
        name = key if isinstance(key, str) else key(project)
        (project.root / name).unlink()
        return name

    return damage


def copy(source: str | Callable[[Project], str], to: str) -> Callable[[Project], str]:
    def damage(project: Project) -> str:
        name = source if isinstance(source, str) else source(project)
        (project.root / to).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project.root / name, project.root / to)
        return to

    return damage


def of(role: str, revision: int) -> Callable[[Project], str]:
    return lambda project: data_file(project, role, revision)


def contract(project: Project) -> str:
    return f"contracts/{manifest(project)['contract']['digest']}.json"


def claim(project: Project) -> str:
    return f"inputs/sha256={manifest(project)['inputs']['applications_1.csv']}.json"


def write(key: str | Callable[[Project], str], content: bytes) -> Callable[[Project], str]:
    def damage(project: Project) -> str:
        name = key if isinstance(key, str) else key(project)
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_bytes(content)
        return name

    return damage


def edit(revision: int, change: Callable[[dict[str, Any]], object]) -> Callable[[Project], str]:
    def damage(project: Project) -> str:
        content = manifest(project, revision)
        change(content)
        key = f"{REVISIONS}/rev={revision:04d}/manifest.json"
        (project.root / key).write_text(json.dumps(content, indent=1))
        return key

    return damage


def foreign(to: str) -> Callable[[Project], str]:
    def damage(project: Project) -> str:
        (project.root / to).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"application_id": [1]}), project.root / to)
        return to

    return damage


def in_place_of(key: Callable[[Project], str]) -> Callable[[Project], str]:
    """A folder where a file should be: something that is there and cannot be read."""

    def damage(project: Project) -> str:
        delete(key)(project)
        (project.root / key(project)).mkdir()
        return key(project)

    return damage


DAMAGES: dict[str, Callable[[Project], str]] = {
    **{f"{role} of revision {n} gone": delete(of(role, n))
       for role in ("decisions", "quarantine", "contract_report") for n in (1, 2)},
    "changes gone": delete(of("changes", 2)),
    "changes unreadable": in_place_of(of("changes", 2)),
    "older decisions under the name of newer ones": lambda project: copy(
        of("decisions", 1), data_file(project, "decisions", 2))(project),
    "newest manifest gone": delete(SECOND),
    "older manifest gone": delete(FIRST),
    "manifest of another revision": copy(FIRST, SECOND),
    "manifest no JSON": write(SECOND, b"{"),
    "manifest with a text for a number": edit(2, lambda told: told["audited"]["decisions"].update(rows="many")),
    "manifest with other totals": edit(1, lambda told: told["totals"].update(decided=1)),
    "manifest with a lost row": edit(1, lambda told: told["audited"]["files"]["applications_1.csv"].update(rows=999)),
    "manifest with another model": edit(2, lambda told: told["model"].update(version="9")),
    "manifest with another cut-off": edit(2, lambda told: told["policy"].update(cutoff=0.5)),
    "manifest without a policy": edit(2, lambda told: told["policy"].clear()),
    "manifest without a reason": edit(2, lambda told: told.update(reason=None)),
    "manifest with other digests of inputs": edit(2, lambda told: told["inputs"].update({"applications_1.csv": "0"})),
    "manifest with a place outside the store": edit(1, lambda told: told["audited"]["decisions"].update(key="../x")),
    "manifest with a contract outside the store": edit(1, lambda told: told["contract"].update(digest="../../x")),
    "what readers see gone": delete(DECISIONS),
    "readers see an older revision": copy(of("decisions", 1), DECISIONS),
    "readers see nonsense": write(DECISIONS, b"PAR1 nonsense"),
    "report gone": delete(REPORT),
    "older report": copy(of("contract_report", 1), REPORT),
    "contract gone": delete(contract),
    "another contract": write(contract, b'{"meta": {"version": "1"}}'),
    "claim gone": delete(claim),
    "claim of another day": write(claim, b'{"day": "2026-11-03", "file": "applications_1.csv"}'),
    "claim no JSON": write(claim, b"{"),
    "delivered file changed": write(FILE, b"SK_ID_CURR\n1\n"),
    "delivered file unreadable": in_place_of(lambda project: FILE),
    "a foreign file beside the decisions": foreign(f"decisions/day={DAY}/more.parquet"),
    "a foreign file of a day without any": foreign(f"decisions/day={NEXT}/decisions.parquet"),
    "a foreign file of no day": foreign("decisions/more.parquet"),
    "note of removed files no note": write(f"{REVISIONS}/expired.json", b"[]"),
}  # fmt: skip


@pytest.mark.parametrize("damage", [delete, lambda place: write(place, b"x")], ids=["gone", "altered"])
@pytest.mark.parametrize(("role", "copied"), [("decisions", DECISIONS), ("contract_report", REPORT)])
def test_where_the_same_bytes_lie_once_more_no_backup_is_asked_for(
    twice: Project, status: Run, damage: Callable[..., Callable[[Project], str]], role: str, copied: str
) -> None:
    damage(of(role, 2))(twice)
    shown = status(twice, "--verify")[1]
    assert f"Copy {twice.root / copied} to it, which has its very bytes." in shown
    shutil.copy(twice.root / copied, twice.root / data_file(twice, role, 2))
    assert status(twice, "--verify")[0] == 0
    damage(of(role, 1))(twice)
    assert "Restore it from a backup." in status(twice, "--verify")[1]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_whatever_is_damaged_is_named_and_exits_with_6(
    twice: Project, status: Run, damage: Callable[[Project], str]
) -> None:
    assert status(twice, "--verify")[0] == 0
    key = damage(twice)
    code, shown = status(twice, "--verify")
    lines = [line for line in shown.splitlines() if str(twice.root / key) in line]
    assert code == 6
    assert lines
    assert re.fullmatch(r"\S+( day)? +PROBLEM .*\. [^.].*\.?", lines[0])
    assert re.search(r"files re-read: \d+ problems?$", shown)


@pytest.mark.parametrize("traces", ["none", "announced"])
def test_the_only_manifest_gone_is_named(once: Project, status: Run, traces: str) -> None:
    if traces == "announced":
        (once.root / FIRST).with_name("announced.json").write_text("{}")
    (once.root / FIRST).unlink()
    code, shown = status(once, "--verify")
    assert code == 6
    assert f"{once.root / FIRST} is missing" in shown
    assert "keep them until the problems of this day are mended" in shown
    assert "a manifest is missing" in status(once)[1]


def test_a_manifest_that_was_altered_is_blamed_and_not_what_it_names(twice: Project, status: Run) -> None:
    edit(2, lambda told: told["audited"]["decisions"].update(size_bytes=1))(twice)
    shown = status(twice, "--verify")[1]
    assert f"PROBLEM  {twice.root / SECOND}" in shown
    assert f"PROBLEM  {twice.root / data_file(twice, 'decisions', 2)}" not in shown


def test_only_the_day_asked_for_is_read_again(twice: Project, status: Run) -> None:
    foreign(f"decisions/day={NEXT}/decisions.parquet")(twice)
    assert status(twice, "--verify", "--as-of", str(DAY))[0] == 0
    code, shown = status(twice, "--verify", "--as-of", str(NEXT))
    assert code == 6
    assert f"nothing of {NEXT} was ever published" in shown


# --- what is worth a remark


def leave(project: Project) -> str:
    (project.root / REVISIONS / "decisions-0123456789abcdef.parquet").write_bytes(b"123")
    return r"1 file, 3 bytes, that no manifest names: left by runs that died; scoring clean removes them"


def expire(project: Project) -> str:
    keys = [data_file(project, "quarantine", 1), data_file(project, "decisions", 1)]
    note_expired(FolderStore(project.root), DAY, keys, rule="kept for 30 days", at="2026-12-02T00:00:00+00:00")
    for key in keys:
        (project.root / key).unlink()
    return "expired on 2026-12-02 01:00 Europe/Prague: kept for 30 days"


def take_back(project: Project) -> str:
    (project.root / FILE).unlink()
    return f"{project.root / FILE} is not in the landing any more"


def announce(project: Project) -> str:
    (project.root / SECOND).with_name("announced.json").write_text("{}")
    (project.root / "decisions/_SUCCESS").write_text("")
    return "1 day, 2 revisions, 16 files re-read: no problem"


@pytest.mark.parametrize("change", [leave, expire, take_back, announce])
def test_what_is_no_problem_is_a_remark_at_most(twice: Project, status: Run, change: Callable[[Project], str]) -> None:
    said = change(twice)
    code, shown = status(twice, "--verify")
    assert code == 0
    assert said in shown
    assert shown.endswith("no problem\n")


def test_what_expired_is_marked_in_the_history(twice: Project, status: Run) -> None:
    said = expire(twice)
    assert status(twice, "--as-of", str(DAY))[1].count(said) == 3


def test_a_store_that_does_not_answer_is_no_damage(
    twice: Project, status: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    nowhere = twice.with_settings(storage={"root": "s3://nowhere/x", "attempts": 1})
    assert status(nowhere, "--verify") == (6, "")
    assert status(nowhere) == (6, "")
