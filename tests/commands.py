"""The command line, called in this process."""

import logging
import sys
from typing import NamedTuple

import pytest

from flows.cli import main


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def call(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ended:
    """Run `scoring` with these words; what it has set up to log to the terminal goes with it."""
    monkeypatch.setattr(sys, "argv", ["scoring", *words])
    code, handlers = 0, logging.root.handlers[:]
    try:
        main()
    except SystemExit as left:
        code = int(left.code or 0)
    finally:
        logging.root.handlers[:] = handlers
    return Ended(code, *capsys.readouterr())
