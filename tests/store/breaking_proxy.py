"""A proxy in front of an S3 server that breaks chosen requests: one plan, asked for every request, says how."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_OWN_HEADERS = {"connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Call:
    """One request, as the plan sees it."""

    number: int
    """Counted from 1."""
    method: str
    path: str
    """With its query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Break(Enum):
    """What can happen to a request besides an answer."""

    LOSE_REQUEST = "the connection breaks before the store sees the request"
    LOSE_ANSWER = "the store does what was asked, and the connection breaks before the answer"
    ARRIVE_LATE = "the request reaches the store after the caller gave up"
    HALVE_ANSWER = "the connection breaks in the middle of the answer"


@dataclass(frozen=True)
class Answer:
    """An answer of the proxy's own; the store does not see the request."""

    status: int
    code: str
    """S3's word for it; without one the answer is not S3's at all."""
    after: bool = False
    """Whether the store does what was asked before."""


Plan = Callable[[Call], Break | Answer | None]


def nth(number: int, fault: Break | Answer, *, times: int = 1) -> Plan:
    """Break the nth request, counted from 1, and as many in all."""
    return lambda call: fault if number <= call.number < number + times else None


def matching(text: str, fault: Break | Answer, *, times: int = 1) -> Plan:
    """Break the first requests whose method and path, as `PUT /bucket/key?query`, hold this text."""
    left = [fault] * times
    return lambda call: left.pop() if text in str(call) and left else None


@dataclass
class BreakingProxy:
    """Passes requests on to `target`, except as planned."""

    target: str
    root: str
    """The `storage.root` that lies behind it."""
    late_seconds: float = 1.0
    deaf_to: tuple[str, str] = ("", "")
    """A method, and the header in lower case that does not reach the store with it."""
    plan: Plan = lambda _: None
    calls: list[Call] = field(default_factory=list)
    endpoint: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _under_way: list[None] = field(default_factory=list)

    def fate_of(self, method: str, path: str, headers: Mapping[str, str]) -> Break | Answer | None:
        """Note a request and ask the plan."""
        with self._lock:
            call = Call(len(self.calls) + 1, method, path, {name.lower(): value for name, value in headers.items()})
            self.calls.append(call)
            return self.plan(call)

    def start(self, plan: Plan = lambda _: None) -> None:
        """Count from 1 again, under another plan."""
        with self._lock:
            self.calls.clear()
            self.plan = plan

    def finish(self) -> None:
        """Wait until what comes late has come."""
        give_up_at = time.monotonic() + 10 * self.late_seconds
        while self._under_way and time.monotonic() < give_up_at:
            time.sleep(0.01)

    @contextlib.contextmanager
    def serving(self) -> Iterator["BreakingProxy"]:
        """Serve on a free port, at `endpoint`, until the block ends."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self.endpoint = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms between its head and its body
    proxy: BreakingProxy

    def _serve(self) -> None:
        self.proxy._under_way.append(None)
        try:
            self._serve_one()
        finally:
            self.proxy._under_way.pop()

    def _serve_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fate_of(self.command, self.path, dict(self.headers))
        if fault is Break.LOSE_REQUEST:
            self._hang_up()
        elif isinstance(fault, Answer):
            if fault.after:
                self._ask(body)
            self._send(fault.status, [("Content-Type", "application/xml")], _error_body(fault.code))
        elif fault is Break.ARRIVE_LATE:
            time.sleep(self.proxy.late_seconds)
            self._ask(body)
            self._hang_up()
        else:
            self._answer(self._ask(body), fault)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - as http.server looks for them

    def _answer(self, answer: tuple[int, list[tuple[str, str]], bytes], fault: Break | None) -> None:
        if fault is Break.LOSE_ANSWER:
            self._hang_up()
        elif fault is Break.HALVE_ANSWER:
            self._send(*answer, sent_bytes=len(answer[2]) // 2)
            self._hang_up()
        else:
            self._send(*answer)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.proxy.target).netloc)
        with contextlib.closing(connection):
            unheard = {"expect", self.proxy.deaf_to[1] if self.command == self.proxy.deaf_to[0] else ""}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in unheard}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes, sent_bytes: int | None = None) -> None:
        told_length = next((value for name, value in headers if name.lower() == "content-length"), None)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _OWN_HEADERS:
                self.send_header(name, value)
        is_head = self.command == "HEAD" and told_length is not None
        self.send_header("Content-Length", str(told_length) if is_head else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:sent_bytes])

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _error_body(code: str) -> bytes:
    if not code:
        return b"<html>a proxy's own page"
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>as planned</Message></Error>'.encode()
