"""Command `scoring dashboard`: serve the dashboard to a browser, until somebody stops it."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flows.options import common_options, require_free, set_up
from tasks.errors import ConfigError

if TYPE_CHECKING:
    from configs.settings import Settings

_HERE: Final = "127.0.0.1"
_PORT: Final = 8501
"""TCP port on which Streamlit serves by default."""
_SCRIPT: Final = Path(__file__).resolve().parents[1] / "dashboard_app.py"
_MANNERS: Final = {
    "browser.gatherUsageStats": "false",
    "server.showEmailPrompt": "false",
    "server.fileWatcherType": "none",
    "runner.magicEnabled": "false",
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "theme.light.primaryColor": "#0b62a8",
    "theme.dark.primaryColor": "#6cb2f2",
}
"""Options of Streamlit: it tells nobody, asks nothing, watches no files, and shows no text of an error."""


@click.command("dashboard")
@click.option("--host", default=_HERE, show_default=True, help="Address of this machine to serve on.")
@click.option("--port", type=click.IntRange(1, 65535), default=_PORT, show_default=True, help="TCP port.")
@click.option("--open", "is_opened", is_flag=True, help="Open it in a browser of this machine, too.")
@common_options
def dashboard_command(host: str, port: int, is_opened: bool, config: str | None, verbose: bool) -> None:
    """Look at the store in a browser: days, drift, quarantine, models, and one applicant.

    It reads the store as it is and changes nothing, until you stop it with Ctrl+C. By default it
    serves this machine alone. The view of an applicant needs SCORING_DASHBOARD__TOKEN and
    SCORING_DASHBOARD__LOOKUP_KEY.
    """
    settings = set_up(config, verbose=verbose)
    require_streamlit()
    require_free(host, port, otherwise="scoring dashboard --port N")
    if config:
        os.environ["SCORING_CONFIG"] = config  # the script that Streamlit runs reads the settings itself
    click.echo(dashboard_summary(settings, host, port))
    _serve(host, port, is_opened=is_opened)


def require_streamlit() -> None:
    """Require the optional packages of the dashboard. Raises `ConfigError` that names the command for them."""
    from configs.settings import PROJECT

    try:
        import streamlit  # noqa: F401 - asked for, not used
    except ModuleNotFoundError:
        raise ConfigError(
            "The dashboard needs Streamlit, which is not installed. Install it: "
            f"{sys.executable} -m pip install --editable '{PROJECT}[dashboard]'"
        ) from None


def dashboard_summary(settings: Settings, host: str, port: int) -> str:
    """Place of the store, address of the dashboard, and who can see it."""
    address = f"[{host}]" if ":" in host else host
    lines = [
        f"\nDashboard of {settings.storage.root}\n",
        f"  Look at it  http://{address}:{port}; Ctrl+C stops it",
    ]
    if not _is_of_this_machine(host):
        lines.append(
            "  Seen by     everyone who reaches this address: there is no sign-in, and no TLS. Put a proxy with both "
            "before it."
        )
    if not settings.dashboard.is_open:
        lines.append("  Applicants  off; set SCORING_DASHBOARD__TOKEN and SCORING_DASHBOARD__LOOKUP_KEY to look one up")
    return "\n".join(lines)


def _is_of_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _serve(host: str, port: int, *, is_opened: bool) -> None:
    """Become Streamlit's server, until somebody stops it.

    The views are imported first, so that the first reader does not wait for pandas and Streamlit.
    """
    import streamlit.web.cli as streamlit

    import tasks.dashboard.app  # noqa: F401 - imported before the first reader comes

    options = _MANNERS | {"server.address": host, "server.port": port, "server.headless": str(not is_opened).lower()}
    arguments = [f"--{name}={value}" for name, value in options.items()]
    streamlit.main(["run", str(_SCRIPT), *arguments], prog_name="streamlit", standalone_mode=False)
