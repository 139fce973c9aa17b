"""Does the store honour conditional writes? Asked by trying, before the first write of a process to a root.

S3 promises that `If-None-Match: *` lets one creator win and that `If-Match` refuses who read something older. Stores
that speak S3 and do not know these headers ignore them without a word: each of two runs would believe that it had
published. No version number or header tells them apart, so a nameless object is written, written again under
conditions that do not hold, and removed. Every condition that this project relies on is tried: both on `PutObject`,
and `If-None-Match` on `CompleteMultipartUpload`. Reading asks nothing and needs no right to write.

Such a store is refused, unless the settings declare that one process at a time writes to it (`storage.single_writer`).
Then the same conditions are asked by a look before each write, which is right for one writer and for any number of
readers, and for nothing more: two writers at once can both win. A bucket that keeps versions keeps the probe's, too.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import uuid
from collections.abc import Callable
from typing import Any, Final

from tasks.errors import PublishError
from tasks.store.s3_client import S3Root, connect, status_of, told

PROBES: Final = ".probe/"
_PROBING: Final = threading.Lock()
_NOBODYS_TAG: Final = '"00000000000000000000000000000000"'
_CONDITION_FAILED: Final = 412
_NOT_UNDERSTOOD: Final = {400, 501}


def honours_conditions(root: S3Root) -> bool:
    """Whether the store honours conditional writes; False only where a single writer is declared. Asked once.

    Raises:
        PublishError: it ignores them and no single writer is declared, or it cannot be written to at all.
    """
    with _PROBING:
        ignored = _ignored_condition(root, os.getpid())
    if ignored and not root.single_writer:
        raise PublishError(
            f"s3://{root.bucket}/{root.prefix} ignores conditional writes ({ignored}): two runs at once could both "
            "publish. Nothing was written. Use a store that honours them, or, if exactly one process at a time writes "
            "there, declare storage.single_writer: true."
        )
    return not ignored


@functools.lru_cache(maxsize=8)
def _ignored_condition(root: S3Root, _process: int) -> str:
    """The first condition that the store ignores, or nothing."""
    key = f"{PROBES}{uuid.uuid4().hex}"
    at = root.at(key)
    client = connect(root)
    put = functools.partial(client.put_object, **at, **root.encryption)
    with told("try conditional writes at", key, root):
        try:
            tag = put(Body=b"first")["ETag"]
            trials: dict[str, Callable[[], object]] = {
                "If-None-Match on PutObject": lambda: put(Body=b"second", IfNoneMatch="*"),
                "If-Match on PutObject": lambda: put(Body=b"third", IfMatch=_NOBODYS_TAG),
                "If-None-Match on CompleteMultipartUpload": lambda: _create_in_parts(client, at, root.encryption),
            }
            ignored = next((name for name, write in trials.items() if not _is_refused(client, write)), "")
            if not ignored and _is_refused(client, lambda: put(Body=b"fourth", IfMatch=tag)):
                # Refused, or done by an attempt whose answer was lost: then the object is another one now.
                ignored = "If-Match with the right tag" if client.head_object(**at)["ETag"] == tag else ""
        finally:
            with contextlib.suppress(client.exceptions.ClientError):  # where nobody may delete it stays, and is hidden
                client.delete_object(**at)
    return ignored


def _is_refused(client: Any, write: Callable[[], object]) -> bool:
    """Whether a write was refused for its condition; not so where it was done, or its condition not understood."""
    try:
        write()
    except client.exceptions.ClientError as error:
        if status_of(error) not in {_CONDITION_FAILED, *_NOT_UNDERSTOOD}:
            raise
        return status_of(error) == _CONDITION_FAILED
    return False


def _create_in_parts(client: Any, at: dict[str, str], encryption: dict[str, str]) -> None:
    upload = {**at, "UploadId": client.create_multipart_upload(**at, **encryption)["UploadId"]}
    try:
        tag = client.upload_part(**upload, PartNumber=1, Body=b"parts")["ETag"]
        client.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}, IfNoneMatch="*"
        )
    finally:
        with contextlib.suppress(client.exceptions.NoSuchUpload):
            client.abort_multipart_upload(**upload)
