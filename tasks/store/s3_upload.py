"""One object on its way to S3, in one request or in parts, and the winner if two are sent at once.

An answer can be lost after S3 has done the write. The request is sent again, and then our own
object makes S3 refuse it. So every write carries its own token in the object's metadata
(`x-amz-meta-writer`). After a refusal (412, or 404 for an upload that is complete already) the
object's token is read: our own token means that we succeeded. Its bytes prove nothing, since a
rival may have written the same ones. Tags are compared but never interpreted; under KMS an ETag is
not a digest. If a store drops metadata, a lost answer looks like a rival's object, and the caller
compares.
"""

from __future__ import annotations

import io
import logging
import uuid
from collections.abc import Callable
from typing import Any, Final

from tasks.errors import ScoringError
from tasks.store.interface import AlreadyExists, Changed, NotFound
from tasks.store.probe import checksum_for, honours_conditions
from tasks.store.s3_client import CONFIRM, S3Root, connect, status_of, translated

_WRITER: Final = "writer"
_IS_GONE: Final = 404
_CONDITION_FAILED: Final = 412


class Upload(io.BufferedIOBase):
    """A new object in writing: held in memory up to the size of a part, then sent part by part.

    `finish` makes it appear, `abort` forgets it. Two things can stay behind, invisible and at a
    price: the parts of a process that was killed, and an upload that was begun by a request whose
    answer was lost. A lifecycle rule of the bucket (`AbortIncompleteMultipartUpload`) removes both.
    """

    def __init__(self, root: S3Root, key: str) -> None:
        """Prepare the upload. Nothing is sent before a part is full."""
        super().__init__()
        self._root = root
        self._key = key
        self._token = uuid.uuid4().hex
        self._held = bytearray()
        self._sent_bytes = 0
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []

    def writable(self) -> bool:
        """True always."""
        return True

    def tell(self) -> int:
        """Number of bytes written so far."""
        return self._sent_bytes + len(self._held)

    def write(self, data: Any) -> int:
        """Take bytes, and send those that fill a part.

        Raises `AlreadyExists` early if the object exists.
        """
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
        with translated("create", self._key, self._root):
            parts = {"Parts": self._parts}
            _send_once(
                self._root,
                self._key,
                None,
                self._token,
                lambda: complete(**self._upload, MultipartUpload=parts, **condition),
            )

    def abort(self) -> None:
        """Forget the parts that were sent. A failure here is logged, so that it hides no other."""
        if self._upload:
            try:
                with translated("abort the upload of", self._key, self._root):
                    connect(self._root).abort_multipart_upload(**self._upload)
            except (NotFound, ScoringError) as error:
                logging.getLogger(__name__).warning("%s", error)

    def _send_part(self) -> None:
        client = connect(self._root)
        if not self._upload:
            require_tag(self._root, self._key, None)  # saves the sending; completion decides
        with translated("create", self._key, self._root):
            if not self._upload:
                at = self._root.at(self._key)
                begun = client.create_multipart_upload(**at, **_marks(self._root, self._token))
                self._upload = {**at, "UploadId": begun["UploadId"]}
            number = len(self._parts) + 1
            checksum = checksum_for(self._root, self._held)
            sent = client.upload_part(**self._upload, PartNumber=number, Body=self._held, **checksum)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._sent_bytes += len(self._held)
        self._held = bytearray()


def put(
    root: S3Root,
    key: str,
    data: bytes | bytearray,
    *,
    tag: str | None = None,
    token: str | None = None,
) -> None:
    """Write an object in one request: in place of the one with this `tag`, or a new one without it.

    Raises:
        AlreadyExists: `tag` is None, and there is an object already.
        Changed: the object has another tag by now.
        NotFound: there is no object to replace.
    """
    token = token or uuid.uuid4().hex
    sent_with = _marks(root, token) | _condition(root, key, tag) | checksum_for(root, data)
    put_object = connect(root).put_object
    with translated("create" if tag is None else "replace", key, root):
        _send_once(
            root,
            key,
            tag,
            token,
            lambda: put_object(**root.at(key), Body=data, **sent_with),
        )


def _condition(root: S3Root, key: str, tag: str | None) -> dict[str, str]:
    """Condition to send with a write.

    If the store ignores conditions, for a single writer, the condition is checked here instead.
    """
    if honours_conditions(root):
        return {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
    require_tag(root, key, tag)
    return {}


def require_tag(root: S3Root, key: str, tag: str | None) -> None:
    """Refuse a write that this condition forbids now, with the error that `put` would raise."""
    found: str | None = None
    try:
        with translated("read", key, root):
            found = connect(root).head_object(**root.at(key))["ETag"]
    except NotFound:
        if tag is not None:
            raise
    if found != tag:
        raise AlreadyExists(key) if tag is None else Changed(key)


def _send_once(
    root: S3Root,
    key: str,
    tag: str | None,
    token: str,
    send: Callable[[], object],
) -> None:
    """Send the request that makes the object appear.

    A refusal is a success if our own object caused it.
    """
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
    """Token of the object's writer; None if there is no object, or the store drops metadata."""
    try:
        with translated(CONFIRM, key, root):
            found: dict[str, str] = connect(root).head_object(**root.at(key))["Metadata"]
    except NotFound:
        return None
    # Some stores write the name as X-Amz-Meta-Writer.
    tokens = {name.lower(): value for name, value in found.items()}
    return tokens.get(_WRITER)


def _marks(root: S3Root, token: str) -> dict[str, Any]:
    return {"Metadata": {_WRITER: token}, **root.encryption}
