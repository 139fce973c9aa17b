"""The command line as a person meets it: a process, its output, its exit code."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DAY, Project

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "generate",
    "train",
    "promote",
    "score",
    "monitor",
    "status",
    "rejected",
    "explain",
    "clean",
    "withdraw",
    "outcomes",
    "compare",
    "policy",
)


def scoring(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("scoring")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environ, check=False)


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)])
def test_help_says_what_each_option_means(arguments: list[str]) -> None:
    shown = scoring(*arguments, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: scoring")
    if arguments:
        assert "--config" in shown.stdout


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["score"], 2), (["status", "--config", "no"], 2)])
def test_what_aborts_while_python_is_taken_down_changes_no_exit_code(arguments: list[str], code: int) -> None:
    aborting = (
        "import os, sys\n"
        "class Abort:\n"
        "  def __del__(self, abort=os.abort): abort()\n"
        "sys.abort = Abort()\n"
        "from flows import cli\n"
        f"sys.argv = ['scoring', *{arguments!r}]\n"
    )
    protected, bare = (
        subprocess.run([sys.executable, "-c", f"{aborting}cli.{end}()"], check=False, capture_output=True, text=True)
        for end in ("program", "main")
    )
    assert (protected.returncode, bare.returncode) == (code, -signal.SIGABRT)
    assert (protected.stdout, protected.stderr) == (bare.stdout, bare.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score"], "Missing option '--as-of'"),
        (["score", "--as-of", "2026-02-30"], "'2026-02-30' is not a day; write it as YYYY-MM-DD"),
        (["score", "--as-off", "2026-02-03"], "No such option.*--as-of"),
        (["guess"], "No such command 'guess'"),
        (["score", "--as-of", "2026-02-03", "--config", "nowhere.yaml"], "ConfigError: .*nowhere.yaml does not exist"),
        (["generate", "--from", "2026-11-01", "--format", "xlsx"], "'xlsx' is not one of"),
        (
            ["monitor", "--as-of", "2026-11-02", "--as-of", "2026-11-03"],
            "--as-of was given 2 times, and takes one value",
        ),
        (["promote", "--version", "1", "--version=2"], "--version was given 2 times"),
        (["score", "--as-of", "2026-11-02", "--config", "a", "--config", "b"], "--config was given 2 times"),
    ],
)
def test_a_wrong_call_says_what_is_allowed_and_exits_with_2(arguments: list[str], message: str) -> None:
    shown = scoring(*arguments)
    assert shown.returncode == 2
    assert re.search(message, shown.stderr)
    assert "Traceback" not in shown.stderr


def test_a_wrong_setting_exits_with_2() -> None:
    shown = scoring("score", "--as-of", "2026-11-02", SCORING_SCORING__CHUNK_ROWS="none")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "scoring.chunk_rows is 'none': Input should be a valid integer" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "library"),
    [
        (["score", "--as-of", "2026-11-02"], "prefect"),
        (["clean"], "prefect"),
        (["promote", "--version", "1"], "mlflow"),
    ],
)
def test_a_user_without_a_home_is_told_to_set_one(arguments: list[str], library: str) -> None:
    nobody = "import pwd\ndef unknown(uid): raise KeyError(uid)\npwd.getpwuid = unknown\n"
    called = f"{nobody}import sys\nsys.argv = ['scoring', *{arguments!r}]\nfrom flows.cli import program\nprogram()"
    homeless = {name: value for name, value in os.environ.items() if name not in ("HOME", "PREFECT_HOME")}
    shown = subprocess.run(
        [sys.executable, "-c", called], capture_output=True, text=True, env=homeless, check=False, cwd=ROOT
    )
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "Traceback" not in shown.stderr
    told = shown.stderr.splitlines()[-1]  # Prefect says a line of its own before
    assert re.match(f"ConfigError: {library} cannot be imported here: .*home.*HOME, which must be a folder", told)


def test_a_variable_that_a_library_does_not_take_is_named_without_its_value() -> None:
    shown = scoring("score", "--as-of", "2026-11-02", PREFECT_CLIENT_MAX_RETRIES="hush")
    assert shown.returncode == 2
    told = shown.stderr.splitlines()[-1]
    assert "prefect cannot be imported here: max_retries Input should be a valid integer" in told
    assert "hush" not in told


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = (
        f"cd {tmp_path}; mkdir gone; cd gone; rmdir {tmp_path}/gone; exec {Path(sys.executable).with_name('scoring')}"
    )
    shown = subprocess.run(["/bin/sh", "-c", f"{gone} status"], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr.splitlines()) == (
        2,
        ["ConfigError: The folder in which this command was started is gone. Change into one that is there."],
    )


def test_a_day_from_generated_files_to_decisions(project: Project) -> None:
    config = ["--config", project.config]
    made = scoring("generate", "--from", str(DAY), "--rows", "300", "--bad-share", "0.02", *config)
    assert made.returncode == 0, made.stderr
    assert re.search(r"2026-11-02 +300 applications, 6 of them bad on purpose, written", made.stdout)
    again = scoring("generate", "--from", str(DAY), "--rows", "300", "--bad-share", "0.02", *config)
    assert "there already, unchanged" in again.stdout
    other = scoring("generate", "--from", str(DAY), "--rows", "301", *config)
    assert other.returncode == 6
    assert "--overwrite" in other.stderr
    scored = scoring("score", "--as-of", str(DAY), "--without-prefect", *config)
    assert scored.returncode == 0, scored.stderr
    assert re.search(r"revision 1: published", scored.stdout)
    assert "300 rows screened and scored" in scored.stderr
    missing = scoring("score", "--as-of", "2026-11-03", "--without-prefect", *config)
    assert missing.returncode == 3
    assert "SourceError: No application files have arrived for 2026-11-03" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_history_lies_where_it_was_asked_for(tmp_path: Path) -> None:
    shown = scoring("generate", "--from", "2026-10-01", "--days", "2", "--rows", "50", "--to", str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    first, second = sorted(tmp_path.iterdir())
    assert (first.name, second.name) == ("applications_2026-10-01.csv", "applications_2026-10-02.csv")
    assert first.read_text().startswith("SK_ID_CURR,TARGET,")


@pytest.mark.parametrize(
    "given", [["--applications", "{bad}", "--applications", "{good}"], ["--applications", "{good}", "{bad}"]]
)
def test_every_file_that_train_is_given_is_read(tmp_path: Path, project: Project, given: list[str]) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text("SK_ID_CURR\n1\n")
    good.write_text(bad.read_text())
    own = project.with_own_registry(tmp_path / "registry")
    words = [word.format(bad=bad, good=good) for word in given]
    shown = scoring("train", *words, "--config", own.config, "--without-prefect")
    assert "Traceback" not in shown.stderr
    first = re.search(r"(good|bad)\.csv", shown.stderr)
    assert first
    assert first[0] == Path(words[1]).name, "the first file is read first"


def test_drifts_add_up_like_faults(project: Project) -> None:
    drifts = ["--drift", "income:+0.3", "--drift", "missing:EXT_SOURCE_1:0.2"]
    shown = scoring("generate", "--from", str(DAY), "--rows", "50", *drifts, "--config", project.config)
    assert shown.stdout.count("drift ") == 2, shown.stderr


@pytest.mark.parametrize("expected", [0, 3])
def test_what_hangs_at_exit_holds_a_command_up_for_a_while_only(expected: int) -> None:
    hangs = "import threading; threading._register_atexit(threading.Event().wait)"  # as Prefect waits for its queues
    code = f"from flows import cli; {hangs}; cli._bound_the_end(lambda: {expected}, 0.5); print('said before')"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (shown.returncode, shown.stdout) == (expected, "said before\n")
    assert "has not taken the last log lines of this run in 0.5 seconds" in shown.stderr
