"""The object store in an S3 bucket, or in any store that speaks S3 and honours conditional writes.

`create` is a write under `If-None-Match: *`, which lets exactly one caller win. `replace` is a
write under `If-Match` with the ETag that was read. S3 shows an object whole or not at all, so a
reader never sees half of one. `tasks.store.probe` tries before the first write if the store honours
conditions. `tasks.store.s3_upload` tells a lost answer from a lost race. `tasks.store.s3_client`
says which requests are tried again, and for how long.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, cast

from tasks.store.interface import Changed, Entry, NotFound, Stored, Unfinished
from tasks.store.keys import require_key
from tasks.store.probe import PROBES, honours_conditions
from tasks.store.reading import translated_reads
from tasks.store.s3_client import S3Root, connect, is_locked, pause_seconds, translated
from tasks.store.s3_upload import Upload, put

_COPY_BYTES: Final = 1 << 20


class S3Store:
    """A `Store` under a prefix of a bucket. The first use loads and connects boto3."""

    def __init__(self, root: S3Root) -> None:
        """Name the place, and the way to speak to it, in `root`."""
        self._root = root

    def read(self, key: str) -> Stored:
        """Read the whole object.

        Raises:
            NotFound: there is no object under this key.
            Changed: the object was replaced while a broken read was resumed.
        """
        held = io.BytesIO()
        tag = self._download(key, held)
        return Stored(held.getvalue(), tag)

    def read_range(self, key: str, begin: int, end: int) -> bytes:
        """Read the bytes from `begin` to before `end`; fewer if the object ends before.

        Raises what `read` raises; `Changed` also if the object ends before `begin`.
        """
        held = io.BytesIO()
        self._download(key, held, begin=begin, end=end)
        data = held.getvalue()
        return data if len(data) <= end - begin else data[begin:end]  # some answer with all of it

    @contextlib.contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Open one version of the object as a seekable stream. Raises what `read` raises.

        The stream is a nameless temporary file.
        """
        with contextlib.ExitStack() as stack:
            with translated("read", key, self._root):
                file = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile()))
            self._download(key, file)
            file.seek(0)
            around = functools.partial(translated, "read", key, self._root)
            yield stack.enter_context(translated_reads(file, around))

    def create(self, key: str, data: bytes) -> None:
        """Write a new object, whole or not at all. Raises `AlreadyExists`."""
        with self.create_stream(key) as stream:
            stream.write(data)

    @contextlib.contextmanager
    def create_stream(self, key: str) -> Iterator[BinaryIO]:
        """Write a new object piece by piece. Raises `AlreadyExists`.

        The object appears when the block ends without error. Up to `storage.part_bytes` are held in
        memory; a larger object is sent in parts of that size meanwhile.
        """
        honours_conditions(self._root)
        upload = Upload(self._root, require_key(key))
        try:
            yield cast("BinaryIO", upload)
            upload.finish()
        except BaseException:
            upload.abort()
            raise

    def replace(self, key: str, data: bytes, *, tag: str) -> None:
        """Replace the object that `read` returned with `tag`. Raises `Changed` or `NotFound`.

        It takes one request for any size up to S3's 5 GiB, because fewer stores honour `If-Match`
        for an upload in parts.
        """
        put(self._root, require_key(key), data, tag=tag)

    def delete(self, key: str) -> None:
        """Remove the object. A missing object, or one that the bucket's lock keeps, is not an error."""
        client = connect(self._root)
        with contextlib.suppress(NotFound), translated("delete", key, self._root):
            try:
                client.delete_object(**self._root.at(require_key(key)))
            except client.exceptions.ClientError as error:
                if not is_locked(error):
                    raise
                logging.getLogger(__name__).warning("%s stays: the bucket's lock keeps it", self.location(key))

    def list(self, prefix: str) -> Iterator[Entry]:
        """List all objects whose key begins with `prefix`, sorted by key.

        It leaves out probes, and the empty objects ending in a slash that S3 consoles make for
        folders. A key that this project would refuse is listed all the same.
        """
        base = self._root.prefix
        with translated("list", prefix, self._root):
            pages = connect(self._root).get_paginator("list_objects_v2")
            found = [
                Entry(each["Key"].removeprefix(base), each["Size"], each["LastModified"])
                for page in pages.paginate(Bucket=self._root.bucket, Prefix=base + prefix)
                for each in page.get("Contents", ())
            ]
        visible = (entry for entry in found if not entry.key.startswith(PROBES))
        objects = (entry for entry in visible if entry.size_bytes or not entry.key.endswith("/"))
        yield from sorted(objects, key=lambda entry: entry.key)

    def unfinished(self) -> Iterator[Unfinished]:
        """List all uploads in parts that were begun and have not ended.

        It takes one request for each upload to learn its size.
        """
        client = connect(self._root)
        base = self._root.prefix
        with translated("list", "unfinished writes", self._root):
            uploads = client.get_paginator("list_multipart_uploads")
            pages = uploads.paginate(Bucket=self._root.bucket, Prefix=base)
            begun = [each for page in pages for each in page.get("Uploads", ())]
        for each in begun:
            parts = self._parts_of(each["Key"], each["UploadId"])
            if parts is not None:
                touched = max([each["Initiated"], *(part["LastModified"] for part in parts)])
                size_bytes = sum(part["Size"] for part in parts)
                key = each["Key"].removeprefix(base)
                yield Unfinished(key, size_bytes, touched, each["UploadId"])

    def _parts_of(self, key: str, upload: str) -> Sequence[Mapping[str, Any]] | None:
        """Parts that an upload has so far; None if it has ended meanwhile."""
        client = connect(self._root)
        at = {"Bucket": self._root.bucket, "Key": key, "UploadId": upload}
        with translated("list", f"the parts of {key}", self._root):
            try:
                pages = client.get_paginator("list_parts").paginate(**at)
                return [part for page in pages for part in page.get("Parts", ())]
            except client.exceptions.NoSuchUpload:
                return None

    def forget(self, write: Unfinished) -> None:
        """Abort an upload in parts.

        A process that still writes it fails. An ended upload is not an error.
        """
        client = connect(self._root)
        with (
            translated("abort the upload of", write.key, self._root),
            contextlib.suppress(client.exceptions.NoSuchUpload),
        ):
            client.abort_multipart_upload(**self._root.at(write.key), UploadId=write.upload)

    def location(self, key: str) -> str:
        """The `s3://` address of the object or prefix."""
        require_key(key.removesuffix("/"))
        return f"s3://{self._root.bucket}/{self._root.prefix}{key}"

    def _download(self, key: str, into: BinaryIO, *, begin: int = 0, end: int | None = None) -> str:
        """Fill `into` with one version of the object, or with a range of it, and return its tag.

        A download whose connection broke goes on from that byte.

        Raises:
            Changed: after a break, the rest belongs to another version.
        """
        client = connect(self._root)
        at = self._root.at(require_key(key))
        tag = ""
        size_bytes = 0
        failures = 0
        while not tag or into.tell() < size_bytes:
            start = into.tell()
            with translated("read", key, self._root):
                last = "" if end is None else end - 1
                span = {"Range": f"bytes={begin + start}-{last}"} if start or end is not None else {}
                answer = client.get_object(**at, **span, **({"IfMatch": tag} if start else {}))
                if start and answer["ETag"] != tag:
                    raise Changed(key)
                if not start:
                    tag = answer["ETag"]
                    size_bytes = answer["ContentLength"]
                try:
                    into.seek(start if "ContentRange" in answer else 0)
                    shutil.copyfileobj(answer["Body"], into, _COPY_BYTES)
                except _broken():
                    failures = 1 if into.tell() > start else failures + 1
                    if failures >= self._root.attempts:
                        raise
                    time.sleep(pause_seconds(failures))
        return tag


def _broken() -> tuple[type[Exception], ...]:
    """Errors that a body raises when it breaks off."""
    from botocore.exceptions import BotoCoreError
    from urllib3.exceptions import HTTPError

    return BotoCoreError, HTTPError
