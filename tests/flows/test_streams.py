"""A terminal that shows less, is full or has gone changes no exit code."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from flows.cli import scoring
from tests.conftest import DAY, Project

SAYS = (
    "import sys; from flows.streams import *; use_lenient_streams(); "
    "print('Koše █', file=sys.stdout); print('Koše █', file=sys.stderr); end_streams()"
)
SCORING = str(Path(sys.executable).with_name("scoring"))


@contextmanager
def gone() -> Iterator[int]:
    """The end of a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


@contextmanager
def full() -> Iterator[IO[bytes]]:
    """A file on a full disk."""
    with Path("/dev/full").open("wb") as file:
        yield file


def ended(command: list[str], *, redirected: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command, by a shell with this redirection if one is given."""
    called = ["/bin/sh", "-c", f'exec "$0" "$@" {redirected}', *command] if redirected else command
    return subprocess.run(called, check=False, text=True, **{"stderr": subprocess.PIPE, **options})


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", b"Ko?e ?\n"), ("latin-1", b"Ko?e ?\n"), ("ascii:strict", b"Ko?e ?\n"), ("utf-8", "Koše █\n".encode())],
)
def test_what_the_terminal_cannot_show_becomes_a_question_mark(encoding: str, shown: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAYS], check=True, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}
    )
    assert done.stdout == shown


def test_output_to_a_full_disk_is_told_on_standard_error_and_a_reader_who_left_is_not() -> None:
    with full() as disk, gone() as pipe:
        lost = ended([sys.executable, "-c", SAYS], stdout=disk, encoding="utf-8")
        left = ended([sys.executable, "-c", SAYS], stdout=pipe, encoding="utf-8")
        both = ended([sys.executable, "-c", SAYS], stdout=disk, stderr=disk)
    assert (lost.returncode, left.returncode, both.returncode) == (0, 0, 0)
    assert lost.stderr.splitlines()[1:] == ["What was printed could not all be written: No space left on device."]
    assert len(left.stderr.splitlines()) == 1


def test_a_closed_stream_gives_no_file_of_ours_its_number(tmp_path: Path) -> None:
    opens = f"from flows.streams import *; use_lenient_streams(); file = open({str(tmp_path / 'a')!r}, 'wb'); "
    prints = "import os, subprocess; subprocess.run(['echo', 'from a child']); os.write(1, b'from C')"
    done = ended([sys.executable, "-c", opens + prints], redirected="<&- >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a").read_bytes() == b""


@pytest.mark.parametrize("name", ["", *sorted(scoring.commands)])
def test_help_that_nobody_reads_is_no_error(name: str) -> None:
    with gone() as pipe:
        done = ended([SCORING, *filter(None, [name]), "--help"], stdout=pipe)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_call_keeps_its_exit_code_on_a_full_terminal() -> None:
    with full() as disk:
        assert ended([SCORING, "score"], stdout=disk, stderr=disk).returncode == 2


def test_a_published_day_ends_with_0_whatever_becomes_of_its_summary(
    project: Project, score: Callable[..., Any]
) -> None:
    project.deliver(rows=100)
    score_day = [SCORING, "score", "--as-of", str(DAY), "--without-prefect", "--config", project.config]
    with gone() as pipe, full() as disk:
        first = ended(score_day, stdout=pipe)
        assert (first.returncode, score().outcome) == (0, "unchanged"), first.stderr
        others: list[dict[str, Any]] = [
            {"stdout": disk, "stderr": disk},
            {"stdout": pipe, "stderr": pipe},
            {"redirected": ">&- 2>&-"},
            {"stdout": subprocess.PIPE, "env": os.environ | {"PYTHONIOENCODING": "latin-1"}},
        ]
        for options in others:
            done = ended(score_day, **options)
            assert done.returncode == 0, done.stderr
            assert "Traceback" not in (done.stderr or "")
