"""The dashboard as its command serves it, looked at in a browser."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from configs.settings import PROJECT
from tasks.store.folder import FolderStore
from tests.browser.looking import SCREENS, Looker, Scheme
from tests.dashboard.made_days import ALERTED, DAMAGED, REFUSED, lay_days

PATIENCE_SECONDS = 120
"""Longest wait for the server, and for a view."""
SOME_SCREENS = SCREENS if os.environ.get("BROWSE") else [SCREENS[0], SCREENS[3]]
"""`make test` looks at the wide light screen and at the narrow dark one."""
VIEWS = {
    "Overview": "Days to look at",
    "Day": "Revisions",
    "Drift": "Columns found most often",
    "Quarantine": "Rules that set rows aside",
    "Model": "Models that decided",
    "Applicant": "One applicant",
}
"""View to a heading that it has."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a dashboard on a store with a day of each kind, started as a person starts it."""
    folder = tmp_path_factory.mktemp("dashboard")
    lay_days(FolderStore(folder / "store"))
    config = folder / "settings.yaml"
    config.write_text(f"storage: {{root: {folder}/store}}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from flows.cli import program; program()", "dashboard"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--config", str(config)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield _answering(f"http://127.0.0.1:{port}", process)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert f"  Look at it  http://127.0.0.1:{port}; Ctrl+C stops it\n" in printed
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def _answering(address: str, process: subprocess.Popen[str]) -> str:
    """The address, as soon as the server answers there."""
    until = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=PATIENCE_SECONDS):  # noqa: S310 - ours
                return address
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{address} does not answer; the command ended with {process.poll()}")


def drawn(page: Page, heading: str) -> None:
    """Wait until a view with this heading has been drawn as a whole."""
    milliseconds = PATIENCE_SECONDS * 1000
    page.get_by_role("heading", name=heading, exact=True).first.wait_for(timeout=milliseconds)
    page.locator("[data-test-script-state=notRunning]").wait_for(timeout=milliseconds)
    for chart in page.locator("[data-testid=stVegaLiteChart]").all():
        chart.locator("svg, canvas").first.wait_for(timeout=milliseconds)


@pytest.mark.parametrize(("width", "scheme"), SOME_SCREENS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_in_order(browser: Looker, address: str, view: str, width: int, scheme: Scheme) -> None:
    choices = f"?view={view}&day={ALERTED}"
    seen = browser.visit(
        f"{address}/{choices}", width, scheme, lambda page: drawn(page, VIEWS[view]), name=f"dashboard-{view}"
    )
    assert seen.faults == []


def test_a_person_finds_the_day_that_went_wrong_by_clicks_alone(browser: Looker, address: str) -> None:
    told = list[str]()

    def look_around(page: Page) -> None:
        drawn(page, VIEWS["Overview"])
        table = page.get_by_role("region", name="Table: days whose verdict is not ok")
        told.append(table.inner_text())
        page.get_by_role("radio", name="Day", exact=True).click()
        drawn(page, f"{DAMAGED}: damaged")

    assert browser.visit(address, 1400, "light", look_around, name="dashboard-by-clicks").faults == []
    assert f"{ALERTED}\talert\t35.0% of the values of EXT_SOURCE_2 are missing" in told[0]
    assert f"{REFUSED}\trefused\tNot published. The feed *broke*." in told[0]
