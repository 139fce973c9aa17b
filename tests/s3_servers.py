"""Two S3 servers on this machine: one that honours conditional writes, and one that ignores them without a word."""

import contextlib
import functools
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ACCESS_KEY, SECRET_KEY, REGION = "test-access-key", "test-secret-key", "eu-central-1"
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class S3Server:
    """An S3 server, what it takes to speak to it, and fresh buckets on it."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What the usual AWS variables have to say; nothing of this machine's own AWS settings shows through."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @functools.cached_property
    def client(self) -> Any:
        """A boto3 client of the test's own."""
        import boto3
        from botocore.config import Config

        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}),
        )

    def fresh_bucket(self, **options: Any) -> str:
        """The name of a new, empty bucket."""
        bucket = f"test-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}, **options)
        return bucket

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the AWS variables lead here for as long as the test runs."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)

    def archive(self, root: str, key: str) -> None:
        """Move an object of a store to the archive, as a lifecycle rule does."""
        at = {"Bucket": bucket_of(root), "Key": f"prod/{key}"}
        self.client.copy_object(**at, CopySource=at, StorageClass="GLACIER", MetadataDirective="COPY")

    def empty(self, bucket: str) -> None:
        """Remove all objects of a bucket, and all uploads that were left unfinished."""
        for each in self.client.list_objects_v2(Bucket=bucket).get("Contents", []):
            self.client.delete_object(Bucket=bucket, Key=each["Key"])
        for each in self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            self.client.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])


def bucket_of(root: str) -> str:
    """The bucket of an `s3://bucket/prefix`."""
    return root.split("/")[2]


@contextlib.contextmanager
def moto_server() -> Iterator[S3Server]:
    """Moto over a real socket. It looks and then writes, so one request at a time makes it as atomic as S3 is."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    app = _one_at_a_time(DomainDispatcherApplication(create_backend_app))
    # Without Nagle's algorithm, which lets every answer wait 40 ms between its head and its body.
    handler = type("Handler", (MotoRequestHandler,), {"disable_nagle_algorithm": True})
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield S3Server(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join(_PATIENCE_SECONDS)


def _one_at_a_time(app: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    lock = threading.Lock()

    def locked(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        with lock:
            return list(app(environ, start_response))

    return locked


@contextlib.contextmanager
def rclone_server(folder: Path) -> Iterator[S3Server]:
    """`rclone serve s3` on a folder."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("rclone")), "serve", "s3", str(folder)]
    options = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--config", os.devnull]
    with (folder.with_name(f"{folder.name}.log")).open("wb") as log:
        process = subprocess.Popen([*command, *options], stdout=log, stderr=log)
        try:
            wait_for(port, process)
            yield S3Server(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(_PATIENCE_SECONDS)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until a server that was started takes connections."""
    give_up_at = time.monotonic() + patience_seconds
    while time.monotonic() < give_up_at and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not start: exit code {process.poll()}")
