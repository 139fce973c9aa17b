"""Process that beats for a flow run: an event to Prefect's API every few seconds, until the run's process is gone.

`tasks.running.heartbeat` starts this file with a bare interpreter: it imports the standard library
alone, so that it is there at once and takes 10 MB. Its order is one line of JSON on standard input;
the end of that input means that the run has ended, however it did.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import ssl
import sys
import urllib.request
import uuid
from datetime import UTC, datetime
from typing import Any, Final

_TIMEOUT_SECONDS: Final = 10.0


def beat_until_end() -> None:
    """Send the event of the order at once, and then every `every_seconds`, while the run's process lives."""
    run = os.getppid()
    order = json.loads(sys.stdin.buffer.readline())
    has_ended = False
    while not has_ended and os.getppid() == run:
        # A server that is away for a while is asked again with the next beat.
        with contextlib.suppress(OSError, http.client.HTTPException):
            send_beat(order)
        has_ended = bool(select.select([sys.stdin], [], [], order["every_seconds"])[0])


def send_beat(order: dict[str, Any]) -> None:
    """Post the event once, with the time of now. Raises `OSError` or `HTTPException` if nobody takes it."""
    event = {**order["event"], "id": str(uuid.uuid4()), "occurred": datetime.now(UTC).isoformat()}
    headers = {**order["headers"], "Content-Type": "application/json"}
    request = urllib.request.Request(order["url"], json.dumps([event]).encode(), headers)  # noqa: S310 - Prefect's API
    context = None
    if order["url"].startswith("https:"):
        context = ssl.create_default_context(cafile=order["certificates"])
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=context):  # noqa: S310
        pass


if __name__ == "__main__":
    beat_until_end()
