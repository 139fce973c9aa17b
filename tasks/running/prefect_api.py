"""Prefect's API, tried before a run: the reason why it is not to be had, and the setting to mend.

A door is asked that is closed without the password; the health check's is open to everybody.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import socket
import sqlite3
import ssl
import tempfile
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
import prefect
from prefect.client.base import ServerType
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import SettingsContext, get_settings_context
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_DATABASE_CONNECTION_URL,
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_CLOUD_API_URL,
    PREFECT_SERVER_EPHEMERAL_ENABLED,
    Settings,
    temporary_settings,
)


class _Hurried(NamedTuple):
    """Settings of Prefect, and the same ones with few attempts."""

    usual: Settings
    hurried: Settings


_EXAMPLE: Final = "http://127.0.0.1:4200/api"
_LONGEST_WAIT: Final = 5.0
"""Seconds that one attempt may take; a connection is attempted four times."""
_RETRIES: Final = 1
"""Second attempts at a request that no run depends on. With Prefect's five, and 60 seconds each, a
locked database can hold up a published day for minutes."""
_LEAST_BYTES: Final = 8_000_000
"""Space that the database of Prefect's own server needs at first."""
_SQLITE: Final = "sqlite+aiosqlite:///"
_HURRIED: Final[dict[int, _Hurried]] = {}
"""Settings of few attempts, by the id of the usual ones: Prefect takes some 20 ms to copy its settings."""
_REFUSED: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@contextlib.contextmanager
def few_attempts() -> Iterator[None]:
    """Let each request of the block be tried twice at most, or as often as the settings say if that is less."""
    if PREFECT_CLIENT_MAX_RETRIES.value() <= _RETRIES:
        yield
        return
    context = get_settings_context()
    known = _HURRIED.get(id(context.settings))
    if known is None or known.usual is not context.settings:
        hurried = context.settings.copy_with_update({PREFECT_CLIENT_MAX_RETRIES: _RETRIES})
        known = _HURRIED[id(context.settings)] = _Hurried(context.settings, hurried)
    with SettingsContext(profile=context.profile, settings=known.hurried):
        yield


def find_problem() -> str | None:
    """Reason why Prefect is not to be had, with what to do; None if it answers as it should.

    Without an address Prefect starts a server of its own, which is waited for.
    """
    address = PREFECT_API_URL.value()
    if address and _split(address).username is not None:
        return (
            f"PREFECT_API_URL holds a password, with which no event of a run is sent. Set it to {_shown(address)}, and "
            "PREFECT_API_AUTH_STRING to user:password."
        )
    if address:
        return _problem_at(address)
    if address == "":
        return (
            f"PREFECT_API_URL is empty. Set it, for example to {_EXAMPLE}; unset, Prefect starts a server of its own."
        )
    if not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
        profile = get_settings_context().profile.name
        return (
            f"Prefect has no address: neither the environment nor the profile {profile!r} sets PREFECT_API_URL. Set "
            f"it, for example to {_EXAMPLE}; or let Prefect start a server of its own: "
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=true."
        )
    if proxy := _proxy_before("http://127.0.0.1/api"):
        return f"Prefect's own server on this machine cannot be asked. {proxy}"
    return _problem_of_database() or _problem_of_start()


def _problem_at(address: str) -> str | None:
    """Ask Prefect's API with little patience; tell what is wrong, and the proxy in between."""
    hurried = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: _LONGEST_WAIT}
    try:
        with temporary_settings(hurried), get_client(sync_client=True) as client:
            problem = _answer(client, address)
    except httpx.HTTPStatusError as error:
        problem = _refusal(error.response, address)
    except Exception as error:  # noqa: BLE001 - whatever stands in the way is told
        problem = _failure(error, address)
    return problem and " ".join(filter(None, (problem, _proxy_before(address))))


def _answer(client: SyncPrefectClient, address: str) -> str | None:
    """Ask for a flow and for the version; tell what is wrong with the answers."""
    response = client.request("POST", "/flows/filter", json={"limit": 1})
    try:
        is_prefect = isinstance(response.json(), list)
    except ValueError:
        is_prefect = False
    if not is_prefect:
        return _another(response, address)
    if client.server_type is ServerType.CLOUD:
        return None
    version, own = client.api_version(), prefect.__version__
    if version.split(".")[0] == own.split(".")[0]:
        return None
    return (
        f"The Prefect server at {_shown(address)} is version {version}, and this program's Prefect is {own}: expected "
        "the same first number. Set PREFECT_API_URL to another server, or renew that one."
    )


def _refusal(response: httpx.Response, address: str) -> str:
    """Tell what an answer means that is an error by its status."""
    status = response.status_code
    if status in _REFUSED and _is_cloud(address):
        return f"Prefect Cloud does not accept this key ({status}): set PREFECT_API_KEY to one of this workspace."
    if status in _REFUSED:
        password = "does not accept the password in" if PREFECT_API_AUTH_STRING.value() else "asks for a password: set"
        return (
            f"Prefect at {_shown(address)} {password} PREFECT_API_AUTH_STRING ({status}). Expected what the server "
            "has as PREFECT_SERVER_API_AUTH_STRING, user:password."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return f"Prefect at {_shown(address)} answers {status}: it is starting, overloaded or broken. See its log."
    return _another(response, address)


def _another(response: httpx.Response, address: str) -> str:
    """Tell that an answer is not of Prefect's API."""
    shown = _shown(address)
    moved = f" It sends on to {_shown(str(response.url))}." if response.history else ""
    url = _split(shown)
    whole = f"{url.scheme}://{url.netloc}{url.path.partition('/api')[0].rstrip('/')}/api"
    is_whole = shown.rstrip("/") == whole or _is_cloud(address)
    end = "" if is_whole else f" The address must end in /api: {whole}."
    return (
        f"What answers at {shown} (PREFECT_API_URL) is not Prefect's API ({response.status_code}).{moved}{end} "
        f"Expected the address of a Prefect server, for example {_EXAMPLE}."
    )


def _failure(error: Exception, address: str) -> str:
    """Tell what it means that nothing could be asked."""
    shown = _shown(address)
    place = f"{shown} (PREFECT_API_URL)"
    causes = list(_causes(error))
    tls = next((each for each in causes if isinstance(each, ssl.SSLError)), None)
    distrust = getattr(tls, "verify_message", "")
    certificates = str(PREFECT_API_SSL_CERT_FILE.value())
    is_unknown = any(isinstance(each, socket.gaierror) for each in causes)
    is_unaddressed = isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL) or not _split(address).hostname
    unreached = f"Prefect cannot be reached at {place}: {type(error).__name__}."
    meanings = (
        (is_unaddressed, f"PREFECT_API_URL is {shown!r}, which is not an address. Expected one like {_EXAMPLE}."),
        (
            isinstance(error, OSError),  # before anything was asked
            f"PREFECT_API_SSL_CERT_FILE is {certificates!r}, which cannot be read; expected certificates as PEM.",
        ),
        (
            isinstance(tls, ssl.SSLCertVerificationError),
            f"{place} is not trusted: {distrust}. Set PREFECT_API_SSL_CERT_FILE to its authority's certificate.",
        ),
        (tls, f"{place} does not speak TLS as expected. Should it begin with http:// instead?"),
        (is_unknown, f"The host of {place} cannot be found. Correct its name, or see to the name server."),
        (
            isinstance(error, httpx.RemoteProtocolError | httpx.ReadError),
            f"{place} answers, but not as a web server does. Is it Prefect's port? Should it begin with https://?",
        ),
        (
            isinstance(error, httpx.ReadTimeout),
            f"{place} is connected, and does not answer within {_LONGEST_WAIT:g} s. Is it Prefect's port?",
        ),
        (isinstance(error, httpx.TransportError) and _proxy_before(address), unreached),
        (isinstance(error, httpx.TransportError), f"{unreached} Start it with `prefect server start`."),
        (True, f"{unreached} See the PREFECT_* and *_PROXY variables."),
    )
    return next(meaning for holds, meaning in meanings if holds)


def _problem_of_database() -> str | None:
    """Try to write where Prefect's own server keeps its database, if that is a file."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value() or ""
    path = Path(url.removeprefix(_SQLITE).partition("?")[0])
    if not url.startswith(_SQLITE) or not path.is_absolute():
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(_LEAST_BYTES))
        with contextlib.closing(sqlite3.connect(path, timeout=1)) as database:
            database.execute("BEGIN IMMEDIATE")
    except (OSError, sqlite3.Error) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        if cause == "database is locked":  # another server writes; they take turns
            return None
        return (
            f"Prefect's own server cannot write its database {path}: {cause}. Make room there and give this user the "
            "right to write, or set PREFECT_HOME to another folder."
        )
    return None


def _problem_of_start() -> str | None:
    """Start Prefect's own server, and stop waiting for it as soon as its process has ended.

    Prefect by itself starts a server that cannot work again and again, for minutes.
    """
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer()
    failures: list[Exception] = []

    def start() -> None:
        try:
            server.start()
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    starting = threading.Thread(target=contextvars.copy_context().run, args=(start,), daemon=True)
    starting.start()
    first = None
    has_ended = False
    while starting.is_alive() and not has_ended:
        starting.join(0.1)
        process = server.server_process
        first = first or process
        has_ended = process is not first or (process is not None and process.poll() is not None)
    if not failures and not has_ended:
        return _problem_at(server.api_url)
    server.stop()
    cause = type(failures[0]).__name__ if failures else "its process ended"
    return (
        f"Prefect's own server did not start: {cause}; what it said stands above. Mend that, or start one with "
        f"`prefect server start` and set PREFECT_API_URL, for example to {_EXAMPLE}."
    )


def _proxy_before(address: str) -> str | None:
    """Proxy through which an address is asked, and how to go without; None if it is asked directly."""
    url, proxies = _split(address), getproxies()
    kind = url.scheme if proxies.get(url.scheme) else "all"
    proxy = proxies.get(kind)
    if not proxy or not url.hostname or proxy_bypass(url.hostname):
        return None
    excepted = "no_proxy" if "no_proxy" in os.environ else "NO_PROXY"
    return (
        f"It is asked through the proxy {_shown(proxy)} ({kind.upper()}_PROXY): to ask it directly, add {url.hostname} "
        f"to {excepted}."
    )


def _is_cloud(address: str) -> bool:
    return address.startswith(PREFECT_CLOUD_API_URL.value())


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _shown(address: str) -> str:
    """Address without the name and the password that may stand in it.

    >>> _shown("http://ops:secret@prefect:4200/api")
    'http://prefect:4200/api'
    """
    user, at, rest = address.rpartition("@")
    return f"{user[: user.find('//') + 2] if '//' in user else ''}{rest}" if at else address


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
