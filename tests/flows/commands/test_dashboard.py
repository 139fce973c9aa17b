"""`scoring dashboard`: what it says before it serves; tests/browser looks at what it serves."""

import socket
import sys

import pytest

from configs.settings import Settings, load_settings
from flows.commands.dashboard import dashboard_summary
from tests.commands import call

SECRETS = {"SCORING_DASHBOARD__TOKEN": "letters" * 3, "SCORING_DASHBOARD__LOOKUP_KEY": "others" * 3}


def test_without_its_packages_one_command_is_named_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "streamlit", None)
    ended = call(["dashboard"], monkeypatch, capsys)
    assert ended.code == 2
    assert "ConfigError: The dashboard needs Streamlit, which is not installed. Install it: " in ended.err
    assert ended.err.endswith("[dashboard]'\n")


def test_a_port_that_is_taken_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = call(["dashboard", "--port", str(port)], monkeypatch, capsys)
    assert ended.code == 2
    assert f"ConfigError: Port {port} of 127.0.0.1 cannot be had: Address already in use." in ended.err
    assert "scoring dashboard --port N" in ended.err


def test_an_address_that_is_not_of_this_machine_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = call(["dashboard", "--host", "192.0.2.1"], monkeypatch, capsys)
    assert ended.code == 2
    assert "of 192.0.2.1 cannot be had" in ended.err


@pytest.mark.parametrize(
    ("host", "address", "is_seen_by_others"),
    [
        ("127.0.0.1", "http://127.0.0.1:8501", False),
        ("localhost", "http://localhost:8501", False),
        ("::1", "http://[::1]:8501", False),
        ("0.0.0.0", "http://0.0.0.0:8501", True),  # noqa: S104 - what is warned of
        ("example.org", "http://example.org:8501", True),
    ],
)
def test_the_summary_names_the_address_and_who_sees_it(host: str, address: str, is_seen_by_others: bool) -> None:
    told = dashboard_summary(Settings(), host, 8501)
    assert f"  Look at it  {address}; Ctrl+C stops it" in told
    assert ("everyone who reaches this address" in told) == is_seen_by_others


@pytest.mark.parametrize(
    "names", [(), ("SCORING_DASHBOARD__TOKEN",), ("SCORING_DASHBOARD__LOOKUP_KEY",), tuple(SECRETS)]
)
def test_the_view_of_an_applicant_is_off_without_both_secrets(names: tuple[str, ...]) -> None:
    settings = load_settings(environ={name: SECRETS[name] for name in names})
    told = dashboard_summary(settings, "127.0.0.1", 8501)
    assert ("Applicants  off; set SCORING_DASHBOARD__TOKEN" in told) == (len(names) < len(SECRETS))
    assert not any(secret in told for secret in SECRETS.values())
