"""One object on its way to S3, in one request or in parts, and who won where two sent it at once.

An answer can be lost after S3 has done what was asked; the request is sent again and then refused, by our own object.
So every write carries a token of its own in the object's metadata (`x-amz-meta-writer`). After a refusal (412, or 404
for an upload that is complete already) the object is asked for its token: ours means that we succeeded. Bytes would not
tell: a rival may have written the same ones. Tags are compared and never understood; under KMS an ETag is no digest. A
store that drops metadata makes a lost answer look like a rival's object, and the caller compares.
"""

from __future__ import annotations

import io
import logging
import uuid
from collections.abc import Callable
from typing import Any, Final

from tasks.errors import ScoringError
from tasks.store.interface import AlreadyExists, Changed, NotFound
from tasks.store.probe import honours_conditions
from tasks.store.s3_client import CONFIRM, S3Root, connect, status_of, told

_WRITER: Final = "writer"
_IS_GONE: Final = 404
_CONDITION_FAILED: Final = 412


class Upload(io.BufferedIOBase):
    """A new object that is being written: held in memory up to a part, then sent part by part.

    `finish` makes it appear, `abort` forgets it. Two things can stay behind, invisible and at a price: the parts of a
    process that was killed, and an upload that was begun by a request whose answer was lost. A lifecycle rule of the
    bucket (`AbortIncompleteMultipartUpload`) removes both.
    """

    def __init__(self, root: S3Root, key: str) -> None:
        """Nothing is sent before a part is full."""
        super().__init__()
        self._root, self._key, self._token = root, key, uuid.uuid4().hex
        self._held = bytearray()
        self._sent_bytes = 0
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes written so far."""
        return self._sent_bytes + len(self._held)

    def write(self, data: Any) -> int:
        """Take bytes; sends what fills a part. Raises `AlreadyExists` early where the object is there."""
        view = memoryview(data).cast("B")
        size_bytes = len(view)
        while len(self._held) + len(view) > self._root.part_bytes:
            room = self._root.part_bytes - len(self._held)
            self._held += view[:room]
            view = view[room:]
            self._send_part()
        self._held += view
        return size_bytes

    def finish(self) -> None:
        """Make the object appear. Raises `AlreadyExists`."""
        if not self._upload:
            put(self._root, self._key, self._held, token=self._token)
            return
        self._send_part()
        condition = _condition(self._root, self._key, None)
        complete = connect(self._root).complete_multipart_upload
        with told("create", self._key, self._root):
            _settle(
                self._root, self._key, None, self._token,
                lambda: complete(**self._upload, MultipartUpload={"Parts": self._parts}, **condition),
            )  # fmt: skip

    def abort(self) -> None:
        """Forget what was sent. A failure here is logged and hides no other."""
        if self._upload:
            try:
                with told("abort the upload of", self._key, self._root):
                    connect(self._root).abort_multipart_upload(**self._upload)
            except (NotFound, ScoringError) as error:
                logging.getLogger(__name__).warning("%s", error)

    def _send_part(self) -> None:
        client = connect(self._root)
        if not self._upload:
            require_tag(self._root, self._key, None)  # spares the sending; completion is what decides
        with told("create", self._key, self._root):
            if not self._upload:
                at = self._root.at(self._key)
                begun = client.create_multipart_upload(**at, **_marks(self._root, self._token))
                self._upload = {**at, "UploadId": begun["UploadId"]}
            number = len(self._parts) + 1
            sent = client.upload_part(**self._upload, PartNumber=number, Body=self._held)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._sent_bytes += len(self._held)
        self._held = bytearray()


def put(root: S3Root, key: str, data: bytes | bytearray, *, tag: str | None = None, token: str | None = None) -> None:
    """Write an object in one request: in place of the one that has this `tag`, or a new one.

    Raises:
        AlreadyExists: there is an object, and a new one was to be written.
        Changed: the object has another tag by now.
        NotFound: there is none to replace.
    """
    token = token or uuid.uuid4().hex
    condition = _condition(root, key, tag)
    put_object = connect(root).put_object
    with told("create" if tag is None else "replace", key, root):
        _settle(
            root, key, tag, token,
            lambda: put_object(**root.at(key), Body=data, **_marks(root, token), **condition),
        )  # fmt: skip


def _condition(root: S3Root, key: str, tag: str | None) -> dict[str, str]:
    """The condition to send; where the store ignores it, for a single writer, it is asked beforehand."""
    if honours_conditions(root):
        return {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
    require_tag(root, key, tag)
    return {}


def require_tag(root: S3Root, key: str, tag: str | None) -> None:
    """Look whether a write under this condition would be refused now, and raise what `put` would."""
    found: str | None = None
    try:
        with told("read", key, root):
            found = connect(root).head_object(**root.at(key))["ETag"]
    except NotFound:
        if tag is not None:
            raise
    if found != tag:
        raise AlreadyExists(key) if tag is None else Changed(key)


def _settle(root: S3Root, key: str, tag: str | None, token: str, send: Callable[[], object]) -> None:
    """Send the request that makes the object appear; where it is refused, find out whether it was by our own object."""
    client = connect(root)
    try:
        send()
    except client.exceptions.ClientError as error:
        refusal = status_of(error)
        if refusal not in {_IS_GONE, _CONDITION_FAILED}:
            raise
        if _writer_of(root, key) == token:
            return
        if refusal == _CONDITION_FAILED:
            raise (AlreadyExists if tag is None else Changed)(key) from None
        raise


def _writer_of(root: S3Root, key: str) -> str | None:
    """The token of whoever wrote the object; None where there is none, or the store drops metadata."""
    try:
        with told(CONFIRM, key, root):
            found: dict[str, str] = connect(root).head_object(**root.at(key))["Metadata"]
    except NotFound:
        return None
    return {name.lower(): value for name, value in found.items()}.get(_WRITER)  # some stores write X-Amz-Meta-Writer


def _marks(root: S3Root, token: str) -> dict[str, Any]:
    return {"Metadata": {_WRITER: token}, **root.encryption}
