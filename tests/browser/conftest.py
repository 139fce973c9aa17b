"""A browser for the tests of this folder."""

import os
from collections.abc import Iterator

import pytest

from tests.browser.looking import CHROMIUM, Looker, looking

collect_ignore = [] if os.environ.get("BROWSE") else ["test_prefect_ui.py"]
"""Retry by clicks takes minutes: `make browse` does it. `make test` retries through the API (test_worker)."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Looker]:
    """Debian's Chromium; `make browse` insists on it, `make test` goes without where it is missing."""
    if not CHROMIUM:
        if os.environ.get("BROWSE"):
            pytest.fail("Chromium is missing. Install it: tests/browser/chromium.sh")
        pytest.skip("Chromium is missing; tests/browser/chromium.sh installs it")
    with looking() as looker:
        yield looker
