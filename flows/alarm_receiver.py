"""Alarms, received from Prefect's server: `python -m flows.alarm_receiver` writes a line of each, and posts it on.

The server calls it by itself (`configs/automations/`), so an alarm needs no worker. It listens on this
machine alone, needs no account, and imports neither Prefect nor the store.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import click

from configs.calendar import Calendar, load_calendar
from configs.settings import Settings, load_settings
from flows.options import require_free, run_program

HOST: Final = "127.0.0.1"
PATH: Final = "/alarms"
_KEYS: Final = ("alarm", "run", "day", "scheduled", "why", "what_to_do", "link")
_LONGEST_BODY: Final = 65_536
"""Bytes of a call; an alarm has under 2,000."""
_LONGEST_WORDS: Final = 1_000
_PAUSES_SECONDS: Final = (1.0, 5.0, 25.0)
"""Pauses between the attempts to post an alarm on."""
_TIMEOUT_SECONDS: Final = 10.0
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class Alarm(NamedTuple):
    """An alarm in words. It carries no applicant's value: of a run only its name and the message of its state."""

    when: str
    """Time of the alarm by the clock of the business, with its distance from UTC."""
    alarm: str
    """Kind of the alarm."""
    run: str
    day: str
    """Business day that it is about; empty if it is not known."""
    why: str
    what_to_do: str
    link: str

    def line(self) -> str:
        """The alarm in one line; what is not known is left out."""
        day = f"day {self.day}" if self.day else ""
        words = (self.when, self.alarm, self.run, day, self.why, self.what_to_do, self.link)
        return " | ".join(each for each in words if each)


def read_alarm(body: bytes, now: datetime, calendar: Calendar) -> Alarm:
    """Alarm that an automation has sent.

    Args:
        body: JSON object of texts; its keys are those of `configs/automations/`.
        now: aware moment.
        calendar: the business calendar, whose clock tells time and day.

    Raises:
        ValueError: it is not such an object, or does not say which alarm it is.
    """
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("an alarm must be a JSON object") from None
    if not isinstance(given, dict) or not given.get("alarm"):
        raise ValueError("an alarm must be a JSON object with a key `alarm`")
    texts = {key: _one_line(given.get(key)) for key in _KEYS}
    told = {key: texts[key] for key in ("alarm", "run", "why", "what_to_do", "link")}
    when = now.astimezone(ZoneInfo(calendar.zone)).isoformat(" ", "seconds")
    return Alarm(when=when, day=texts["day"] or _day_of(texts, calendar), **told)


def _one_line(value: object) -> str:
    """Value as a text that breaks no line, of bounded length; empty for nothing."""
    text = "" if value is None else str(value)
    printable = "".join(each if each.isprintable() else " " for each in text[: 2 * _LONGEST_WORDS])
    return " ".join(printable.replace("|", "/").split())[:_LONGEST_WORDS]


def _day_of(texts: Mapping[str, str], calendar: Calendar) -> str:
    """Day in the name of the run, else the business day for which it was scheduled; empty without either."""
    if named := _DAY.search(texts["run"]):
        return named[0]
    try:
        scheduled = datetime.fromisoformat(texts["scheduled"])
        return str(calendar.business_day(scheduled.replace(tzinfo=scheduled.tzinfo or UTC)))
    except (ValueError, OverflowError):  # a time at the end of the calendar has no local one
        return ""


class Inbox:
    """Place where alarms arrive: a log, and a webhook if the settings name one."""

    def __init__(self, settings: Settings, pause: Callable[[float], None] = time.sleep) -> None:
        """Open no file yet.

        Args:
            settings: name log, webhook and calendar.
            pause: waits for so many seconds between two attempts.
        """
        self._log = Path(settings.alarms.log)
        self._webhook = settings.alarms.webhook
        self._pause = pause
        self.calendar = load_calendar(settings.scoring.calendar)

    def write(self, alarm: Alarm) -> None:
        """Append the alarm to the log as one line. A log that cannot be written is told on standard error."""
        line = f"{alarm.line()}\n"
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8", errors="replace") as log:
                log.write(line)
        except OSError as error:
            sys.stderr.write(f"{self._log} cannot be written: {error.strerror}. The alarm was:\n{line}")

    def post_on(self, alarm: Alarm) -> None:
        """Post the alarm to the webhook, a few times at most; if nobody takes it, a line in the log says so."""
        if self._webhook is None:
            return
        body = json.dumps({"text": alarm.line(), **alarm._asdict()}).encode()
        url = self._webhook.get_secret_value()
        failure = _post(url, body)
        for pause in _PAUSES_SECONDS:
            if failure is None:
                return
            self._pause(pause)
            failure = _post(url, body)
        if failure:
            why = f"could not be posted to the webhook in {len(_PAUSES_SECONDS) + 1} attempts: {failure}"
            self.write(alarm._replace(why=why, what_to_do="tell whom it concerns, and correct SCORING_ALARMS__WEBHOOK"))


def _post(url: str, body: bytes) -> str | None:
    """Post a JSON text; the failure in words, which repeat nothing of the address, or None."""
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - as the settings ask
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310
            return None
    except urllib.request.HTTPError as error:
        return f"it answers {error.code}"
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        return type(reason).__name__


class AlarmServer(ThreadingHTTPServer):
    """Server of the alarms, on this machine alone. It ends when the alarms in hand are posted on."""

    daemon_threads = False

    def __init__(self, port: int, inbox: Inbox) -> None:
        """Listen on a port; 0 takes a free one."""
        super().__init__((HOST, port), _Handler)
        self.inbox = inbox


class _Handler(BaseHTTPRequestHandler):
    server: AlarmServer
    timeout = _TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """Answer that the receiver is there."""
        self._answer(HTTPStatus.OK, "alarm receiver")

    def do_POST(self) -> None:
        """Take an alarm: write its line, answer, and post it on while nobody waits."""
        length = self.headers.get("Content-Length", "")
        is_json = self.headers.get_content_type() == "application/json"  # a page in a browser may not send it
        if self.path != PATH or not is_json or not length.isdecimal() or int(length) > _LONGEST_BODY:
            self._answer(HTTPStatus.BAD_REQUEST, f"expected JSON of at most {_LONGEST_BODY:,} bytes at {PATH}")
            return
        inbox = self.server.inbox
        try:
            alarm = read_alarm(self.rfile.read(int(length)), datetime.now(UTC), inbox.calendar)
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, str(error))
            return
        inbox.write(alarm)
        self._answer(HTTPStatus.ACCEPTED, "taken")
        inbox.post_on(alarm)

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing of calls: the alarms themselves are the log."""


@click.command("alarm-receiver")
@click.option("--config", type=click.Path(resolve_path=True), help="Settings file.  [default: configs/local.yaml]")
def receiver_command(config: str | None) -> None:
    """Receive alarms from Prefect's server until it is stopped; run it where the server runs."""
    settings = load_settings(config)
    port = settings.alarms.port
    require_free(HOST, port, otherwise=f"SCORING_ALARMS__PORT={port + 1}, and apply the automations anew")
    with AlarmServer(port, Inbox(settings)) as server:
        signal.signal(signal.SIGTERM, _stop)
        click.echo(f"Alarms are received at http://{HOST}:{port}{PATH} and written to {settings.alarms.log}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("Stopped.")


def _stop(signum: int, frame: object) -> None:  # noqa: ARG001 - the arguments of a signal's handler
    raise KeyboardInterrupt


if __name__ == "__main__":
    run_program(receiver_command)
