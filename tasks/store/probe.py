"""Probe of a store: a trial of all that it must understand, before a process first writes to a root.

S3 promises that `If-None-Match: *` lets one creator win, and that `If-Match` refuses a writer who
read something older. A store that speaks S3 without these headers ignores them silently: each of
two runs would believe that it had published. No version number or header tells such stores apart.
So the probe writes a nameless object, writes it again under conditions that do not hold, and
removes it. It tries every condition that this project relies on: both on `PutObject`, and
`If-None-Match` on `CompleteMultipartUpload`. Reading needs no probe and no right to write.

A store that ignores conditions is refused, unless the settings declare that one process at a time
writes to it (`storage.single_writer`). Then a look before each write asks for the same conditions.
That is right for one writer and any number of readers, but two writers at once can both win. A
bucket that keeps versions keeps those of the probe, too.

Every write carries the MD5 digest of its bytes (`Content-MD5`), without which a bucket with Object
Lock takes none. It is the oldest of S3's checksums, so few stores refuse it. To one that does,
objects are sent without.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import logging
import os
import threading
import uuid
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tasks.errors import PublishError
from tasks.store.s3_client import S3Root, connect, status_of, translated

PROBES: Final = ".probe/"
_PROBING: Final = threading.Lock()
_NOBODYS_TAG: Final = '"00000000000000000000000000000000"'
_CONDITION_FAILED: Final = 412
_NOT_UNDERSTOOD: Final = {400, 501}


class _Abilities(NamedTuple):
    """Abilities of a store."""

    ignored: str
    """Name of the first condition that the store ignores; empty if it honours all."""
    takes_checksums: bool


def honours_conditions(root: S3Root) -> bool:
    """True if the store honours conditional writes; False only if a single writer is declared.

    A process asks each root once.

    Raises:
        PublishError: it ignores them and no single writer is declared, or refuses every write.
    """
    ignored = _abilities_of(root).ignored
    if ignored and not root.single_writer:
        raise PublishError(
            f"s3://{root.bucket}/{root.prefix} ignores conditional writes ({ignored}): two runs at "
            "once could both publish. Nothing was written. Use a store that honours them, or, if "
            "exactly one process at a time writes there, declare storage.single_writer: true."
        )
    return not ignored


def checksum_for(root: S3Root, data: bytes | bytearray) -> dict[str, str]:
    """Checksum to send with these bytes; empty if the store refuses checksums.

    Raises:
        PublishError: the store refuses every write.
    """
    return _checksum(data) if _abilities_of(root).takes_checksums else {}


def _checksum(data: bytes | bytearray) -> dict[str, str]:
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {"ContentMD5": base64.b64encode(digest).decode()}


def _abilities_of(root: S3Root) -> _Abilities:
    with _PROBING:
        return _probe(root, os.getpid())


@functools.lru_cache(maxsize=8)
def _probe(root: S3Root, _process: int) -> _Abilities:
    """Try all on a new object, with checksums; without them, if the store does not understand."""
    key = f"{PROBES}{uuid.uuid4().hex}"
    client = connect(root)
    with translated("try conditional writes at", key, root):
        try:
            return _Abilities(_ignored_condition(root, key, _checksum), takes_checksums=True)
        except client.exceptions.ClientError as error:
            if status_of(error) not in _NOT_UNDERSTOOD:
                raise
            refusal = f"{error.response.get('Error', {}).get('Code', '')} ({status_of(error)})"
        abilities = _Abilities(_ignored_condition(root, key, lambda _: {}), takes_checksums=False)
    logging.getLogger(__name__).warning(
        "s3://%s/%s refuses Content-MD5: %s. Objects are sent without a checksum.",
        root.bucket, root.prefix, refusal,
    )  # fmt: skip
    return abilities


def _ignored_condition(
    root: S3Root,
    key: str,
    checksum: Callable[[bytes], dict[str, str]],
) -> str:
    """Name of the first condition that the store ignores; empty if it honours all."""
    at = root.at(key)
    client = connect(root)

    def put(data: bytes, **condition: str) -> Any:
        return client.put_object(**at, **root.encryption, Body=data, **checksum(data), **condition)

    try:
        tag = put(b"first")["ETag"]
        create_in_parts = functools.partial(_create_in_parts, client, at, root.encryption, checksum)
        trials: dict[str, Callable[[], object]] = {
            "If-None-Match on PutObject": lambda: put(b"second", IfNoneMatch="*"),
            "If-Match on PutObject": lambda: put(b"third", IfMatch=_NOBODYS_TAG),
            "If-None-Match on CompleteMultipartUpload": create_in_parts,
        }
        failing = (name for name, write in trials.items() if not _was_refused(client, write))
        ignored = next(failing, "")
        if not ignored and _was_refused(client, lambda: put(b"fourth", IfMatch=tag)):
            # Refused, or done by an attempt whose answer was lost: then the object has changed.
            is_same = client.head_object(**at)["ETag"] == tag
            ignored = "If-Match with the right tag" if is_same else ""
    finally:
        # Without the right to delete the object stays; listings hide it.
        with contextlib.suppress(client.exceptions.ClientError):
            client.delete_object(**at)
    return ignored


def _was_refused(client: Any, write: Callable[[], object]) -> bool:
    """Try a write. True if the store refused it for its condition.

    False if the store did the write, or did not understand its condition. A part has none.
    """
    try:
        write()
    except client.exceptions.ClientError as error:
        is_condition = error.operation_name != "UploadPart"
        if not is_condition or status_of(error) not in {_CONDITION_FAILED, *_NOT_UNDERSTOOD}:
            raise
        return status_of(error) == _CONDITION_FAILED
    return False


def _create_in_parts(
    client: Any,
    at: dict[str, str],
    encryption: dict[str, str],
    checksum: Callable[[bytes], dict[str, str]],
) -> None:
    part = b"parts"
    upload = {**at, "UploadId": client.create_multipart_upload(**at, **encryption)["UploadId"]}
    try:
        tag = client.upload_part(**upload, PartNumber=1, Body=part, **checksum(part))["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        client.complete_multipart_upload(**upload, MultipartUpload=parts, IfNoneMatch="*")
    finally:
        with contextlib.suppress(client.exceptions.NoSuchUpload):
            client.abort_multipart_upload(**upload)
