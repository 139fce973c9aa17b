"""Prefect is asked before a run; each way in which it is not to be had is told by what to set."""

import contextlib
import datetime as dt
import json
import re
import resource
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_DATABASE_CONNECTION_URL,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_CLOUD_API_URL,
    PREFECT_SERVER_EPHEMERAL_ENABLED,
    get_current_settings,
    temporary_settings,
)

from tasks.running import prefect_api
from tasks.running.prefect_api import few_attempts, find_problem

Answer = tuple[int, dict[str, str], str]
HTML = "<html>Welcome</html>"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextlib.contextmanager
def serving(answers: dict[str, Answer], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A web server with these answers by path, 404 elsewhere; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, body = answers.get(self.path, (404, {}, HTML))
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST  # noqa: N815 - the name that the class asks for

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def of_prefect(version: str) -> dict[str, Answer]:
    return {
        "/api/flows/filter": (200, {}, "[]"),
        "/api/admin/version": (200, {}, json.dumps(version)),
        "/api/csrf-token": (422, {}, "CSRF protection is disabled."),
    }


def told(address: str) -> str:
    with temporary_settings({PREFECT_API_URL: address}):
        began = time.monotonic()
        problem = find_problem()
        assert time.monotonic() - began < 10
    assert problem
    return problem


def test_a_server_of_the_same_first_number_is_taken_and_another_is_not() -> None:
    with serving(of_prefect("3.99.0")) as server, temporary_settings({PREFECT_API_URL: f"{server}/api"}):
        assert find_problem() is None
    with serving(of_prefect("2.20.1")) as server:
        assert re.search(
            r"is version 2\.20\.1, and this program's Prefect is 3\..*same first number", told(f"{server}/api")
        )


def refused(status: int, body: str = "", **headers: str) -> dict[str, Answer]:
    return {
        f"{path}{door}": (status, headers, body) for path in ("/api", "") for door in ("/flows/filter", "/csrf-token")
    }


@pytest.mark.parametrize(
    ("answers", "path", "message"),
    [
        (refused(401), "/api", "asks for a password: set PREFECT_API_AUTH_STRING (401)"),
        (refused(403), "/api", "asks for a password: set PREFECT_API_AUTH_STRING (403)"),
        ({}, "", "is not Prefect's API (404). The address must end in /api: http://127.0.0.1:{port}/api."),
        (refused(405, HTML), "/", "is not Prefect's API (405). The address must end in /api: http://127.0.0.1:{port}/api."),
        ({}, "/api/v2", "must end in /api: http://127.0.0.1:{port}/api."),
        ({}, "/prefect/apis", "must end in /api: http://127.0.0.1:{port}/prefect/api."),
        (refused(200, HTML), "/api", "is not Prefect's API (200). Expected the address of a Prefect server"),
        (refused(200, "{}"), "/api", "is not Prefect's API (200). Expected the address of a Prefect server"),
        (refused(302, location="/sign-in") | {"/sign-in": (200, {}, HTML)}, "/api",
         "is not Prefect's API (200). It sends on to http://127.0.0.1:{port}/sign-in."),
        (refused(500), "/api", "answers 500: it is starting, overloaded or broken"),
        (refused(503), "/api", "answers 503: it is starting, overloaded or broken"),
        (refused(429), "/api", "answers 429: it is starting, overloaded or broken"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_prefects_is_told_at_once(answers: dict[str, Answer], path: str, message: str) -> None:
    with serving(answers) as server:
        assert message.replace("{port}", server.rpartition(":")[2]) in told(f"{server}{path}")


def test_a_wrong_password_is_told_and_never_shown() -> None:
    with serving(refused(401)) as server, temporary_settings({PREFECT_API_AUTH_STRING: "ops:hush"}):
        problem = told(f"{server}/api")
        in_the_address = told(server.replace("//", "//ops:hush@") + "/api")
    assert "PREFECT_API_URL holds a password" in in_the_address
    assert "hush" not in in_the_address
    assert "does not accept the password in PREFECT_API_AUTH_STRING (401)" in problem
    assert "hush" not in problem


def test_a_wrong_key_of_prefect_cloud_is_told() -> None:
    with serving(refused(401)) as server, temporary_settings({PREFECT_CLOUD_API_URL: f"{server}/api"}):
        assert "set PREFECT_API_KEY to one of this workspace" in told(f"{server}/api")


@pytest.mark.parametrize("address", ["127.0.0.1:4200/api", "prefect/api", "http://", "ftp://prefect/api"])
def test_what_is_not_an_address_is_told(address: str) -> None:
    assert "is not an address" in told(address)


def test_an_empty_address_is_told() -> None:
    assert told("").startswith("PREFECT_API_URL is empty.")


def test_a_host_that_nobody_knows_is_told() -> None:
    assert "cannot be found" in told("http://prefect.invalid/api")


@pytest.mark.parametrize(
    ("said", "message"), [(b"SSH-2.0-OpenSSH\r\n", "not as a web server does"), (b"", "does not answer within 0.3 s")]
)
def test_another_service_on_the_port_is_told(monkeypatch: pytest.MonkeyPatch, said: bytes, message: str) -> None:
    monkeypatch.setattr(prefect_api, "_LONGEST_WAIT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                connection.recv(1)
                connection.sendall(said)
                threading.Event().wait(0 if said else 2)
                connection.close()

        threading.Thread(target=greet, daemon=True).start()
        assert message in told(f"http://127.0.0.1:{server.getsockname()[1]}/api")


# --- TLS


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate that signed itself, and a server's end of TLS with it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    no_password = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return path, context


def test_a_certificate_that_nobody_trusts_is_told(tmp_path: Path) -> None:
    with serving(of_prefect("3.0.0"), certificate(tmp_path)[1]) as server:
        problem = told(f"{server}/api")
    assert re.search("https://.* is not trusted: .*self.signed.*PREFECT_API_SSL_CERT_FILE", problem)


def test_tls_where_there_is_none_is_told() -> None:
    with serving(of_prefect("3.0.0")) as server:
        assert "Should it begin with http://" in told(f"{server}/api".replace("http:", "https:"))


def test_no_tls_where_there_is_one_is_told(tmp_path: Path) -> None:
    with serving(of_prefect("3.0.0"), certificate(tmp_path)[1]) as server:
        assert "Should it begin with https://" in told(f"{server}/api".replace("https:", "http:"))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_told(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with temporary_settings({PREFECT_API_SSL_CERT_FILE: str(path)}):
        assert f"PREFECT_API_SSL_CERT_FILE is '{path}', which cannot be read" in told("https://127.0.0.1:9/api")


# --- proxies


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_in_between_is_named_with_the_way_around_it(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://ops:hush@127.0.0.1:9")
    problem = told("http://127.0.0.1:8/api")
    assert "asked through the proxy http://127.0.0.1:9" in problem
    assert "add 127.0.0.1 to NO_PROXY" in problem
    assert "Start it" not in problem
    assert "hush" not in problem
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "proxy" not in told("http://127.0.0.1:8/api")


@contextlib.contextmanager
def own_server(database: Path) -> Iterator[None]:
    """Without an address, and with the database of Prefect's own server in this file."""
    settings = {
        PREFECT_SERVER_EPHEMERAL_ENABLED: True,
        PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{database}",
    }
    with temporary_settings(settings, restore_defaults={PREFECT_API_URL}):
        yield


def test_a_proxy_before_prefects_own_server_is_told_before_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "proxy.corp:3128")
    with own_server(tmp_path / "prefect.db"):
        problem = find_problem()
    assert problem
    assert "add 127.0.0.1 to NO_PROXY" in problem


# --- Prefect's own server


def test_a_profile_without_an_address_is_told() -> None:
    settings = {PREFECT_SERVER_EPHEMERAL_ENABLED: False}
    with temporary_settings(settings, restore_defaults={PREFECT_API_URL}):
        problem = find_problem()
    assert problem
    assert re.search("Prefect has no address: .*sets PREFECT_API_URL. Set it", problem)


def in_the_way(folder: Path) -> Path:
    (folder / "home").write_text("a file")
    return folder / "home/prefect.db"


def garbage(folder: Path) -> Path:
    (folder / "prefect.db").write_text("not a database " * 1000)
    return folder / "prefect.db"


def a_folder(folder: Path) -> Path:
    (folder / "prefect.db").mkdir()
    return folder / "prefect.db"


@pytest.mark.parametrize("make", [in_the_way, garbage, a_folder])
def test_a_database_that_cannot_be_written_is_told_at_once(make: Callable[[Path], Path], tmp_path: Path) -> None:
    database = make(tmp_path)
    with own_server(database):
        problem = find_problem()
    assert problem
    assert re.search(f"cannot write its database {database}: .*PREFECT_HOME to another folder", problem)


def test_a_full_disk_under_prefects_own_server_is_told_at_once(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with own_server(tmp_path / "prefect.db"):
            problem = find_problem()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert problem
    assert "Make room there" in problem


def test_prefects_own_server_that_ends_at_its_start_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SubprocessASGIServer, "_instances", {})  # other tests' server runs on
    database = tmp_path / "prefect.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:  # as a newer version of Prefect left it
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('f00000000000')")
        connection.commit()
    with own_server(database):
        problem = find_problem()
    assert problem
    assert "Prefect's own server did not start: its process ended" in problem


@pytest.mark.parametrize(("usual", "hurried"), [(5, 1), (1, 1), (0, 0)])
def test_a_request_that_no_run_depends_on_is_tried_twice_at_most(usual: int, hurried: int) -> None:
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: usual}):
        with few_attempts():
            assert PREFECT_CLIENT_MAX_RETRIES.value() == hurried
        assert PREFECT_CLIENT_MAX_RETRIES.value() == usual


def test_the_settings_of_few_attempts_are_made_once_of_the_same_settings_and_anew_of_others() -> None:
    seen = []
    for address in ("http://one/api", "http://two/api"):
        with temporary_settings({PREFECT_API_URL: address, PREFECT_CLIENT_MAX_RETRIES: 5}):
            for _ in range(2):
                with few_attempts():
                    seen.append(get_current_settings())
                    assert PREFECT_API_URL.value() == address
    assert [seen[0] is seen[1], seen[1] is seen[2], seen[2] is seen[3]] == [True, False, True]
