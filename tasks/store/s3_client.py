"""Requests to S3: their client, their attempts, and the meaning of their failures.

Botocore's own standard mode tries a request again that was throttled (429, `SlowDown`), failed on
the server (5xx), lost its connection or timed out. Its pauses grow and are jittered;
`storage.attempts` bounds them. This module adds one thing: a 409, which means two conditional
writes at the same instant, is tried again as well.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from tasks.errors import ConfigError, ObjectArchived, PublishError
from tasks.store.interface import Changed, NotFound

_ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_CONNECTING: Final = threading.Lock()
_CONFLICT: Final = 409
_CONDITION_FAILED: Final = 412
_OUT_OF_RANGE: Final = 416
_SERVER_ERROR: Final = 500
_LOCKED: Final = ("objectlocked", "object lock", "worm", "retention", "legal hold")
_LOOKS: Final = {"read", "list"}
CONFIRM: Final = "confirm who wrote"
"""Verb of the request after a write. If it fails, the write stays in doubt."""
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 20.0

_CREDENTIALS: Final = "Give valid credentials in the usual AWS ways, and check this machine's clock."
_REGION: Final = "Set AWS_REGION to the bucket's region."
_RIGHTS: Final = (
    "The credentials need s3:ListBucket on the bucket (without it a missing object looks "
    "forbidden), s3:GetObject, and to write s3:PutObject, s3:DeleteObject and "
    "s3:AbortMultipartUpload; under a KMS key also kms:GenerateDataKey and kms:Decrypt; for "
    "`scoring clean` also s3:ListBucketMultipartUploads and s3:ListMultipartUploadParts."
)
_IN_DOUBT: Final = (
    "Whether it took effect is not known; the object is there whole or not at all, and a rerun finds out."
)
_NO_ANSWER: Final = "Start the store, or mend the network or AWS_ENDPOINT_URL_S3."
_WHAT_TO_DO: Final = {
    "NoSuchBucket": "Create the bucket, or mend storage.root.",
    "NoSuchUpload": "Somebody removed the unfinished upload.",
    "AccessDenied": _RIGHTS,
    "AllAccessDisabled": _RIGHTS,
    "403": _RIGHTS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "RequestTimeTooSkewed": _CREDENTIALS,
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "404": "This answer is not from S3: mend AWS_ENDPOINT_URL_S3.",
    "400": f"{_REGION} {_CREDENTIALS}",
}


@dataclass(frozen=True, slots=True)
class S3Root:
    """A bucket, a prefix in it, and the settings of `storage` for requests to it."""

    bucket: str
    prefix: str
    """Empty, or ends with a slash."""
    single_writer: bool
    kms_key: str | None
    part_bytes: int
    attempts: int
    connect_timeout_seconds: float
    read_timeout_seconds: float

    def at(self, key: str) -> dict[str, str]:
        """Address of the object under a key, as arguments of boto3."""
        return {"Bucket": self.bucket, "Key": self.prefix + key}

    @property
    def encryption(self) -> dict[str, str]:
        """Arguments of boto3 that encrypt a new object; empty if the bucket decides."""
        if not self.kms_key:
            return {}
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key}


def connect(root: S3Root) -> Any:
    """Return the boto3 client, which is thread-safe and made once per process and root.

    Raises:
        ConfigError: the AWS variables or the AWS profile cannot be used, or contradict each other.
    """
    with _CONNECTING:
        return _client(root, os.getpid())


@functools.lru_cache(maxsize=8)
def _client(root: S3Root, _process: int) -> Any:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        connect_timeout=root.connect_timeout_seconds,
        read_timeout=root.read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": root.attempts},
        # Some stores refuse the checksums that boto3 adds otherwise; `tasks.store.probe` adds one.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    by_path = config.merge(Config(s3={"addressing_style": "path"}))
    try:
        session = boto3.session.Session(region_name=os.environ.get("AWS_REGION") or None)
        client = session.client("s3", config=config)
        if not _is_aws(client):  # the endpoint may come from a variable or from a profile
            client = session.client("s3", config=by_path)
    except (BotoCoreError, ValueError) as error:
        raise _unusable(error, root) from None
    _require_configured_endpoint(client)
    pause = functools.partial(_pause_after_conflict, root.attempts)
    client.meta.events.register("needs-retry.s3", pause)
    return client


def _is_aws(client: Any) -> bool:
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _require_configured_endpoint(client: Any) -> None:
    """Refuse a client that leads elsewhere than the variable says, because the AWS profile ignores it."""
    name = next((each for each in _ENDPOINT_VARIABLES if os.environ.get(each)), None)
    if name and urlsplit(os.environ[name]).hostname != urlsplit(client.meta.endpoint_url).hostname:
        raise ConfigError(
            f"{name} is set, and the AWS profile ignores it (ignore_configured_endpoint_urls): storage.root would "
            f"lie in a bucket of AWS, not at that address. Take that line out of the profile, or unset {name}."
        )


def pause_seconds(failures: int) -> float:
    """Seconds to wait after this many failures in a row.

    The wait grows, is bounded, and is random, so that rivals do not meet again.

    >>> 0 <= pause_seconds(1) <= 0.1
    True
    """
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**failures)
    return random.uniform(0, longest)  # noqa: S311 - not a secret


def _pause_after_conflict(
    most_attempts: int,
    *,
    response: Any,
    attempts: int,
    **_: Any,
) -> float | None:
    """Seconds until the next try after a 409; None leaves all else to botocore's own rules."""
    is_conflict = response is not None and response[0].status_code == _CONFLICT
    return pause_seconds(attempts) if is_conflict and attempts < most_attempts else None


def status_of(error: Any) -> int:
    """HTTP status of botocore's `ClientError`; 500 if it carries none."""
    metadata = error.response.get("ResponseMetadata", {})
    return int(metadata.get("HTTPStatusCode", _SERVER_ERROR))


def is_locked(error: Any) -> bool:
    """True if botocore's `ClientError` says that Object Lock keeps an object.

    AWS says so in its text alone; a bucket with versions, as every locked one there, asks nothing.
    """
    told = error.response.get("Error", {})
    said = f"{told.get('Code', '')} {told.get('Message', '')}".lower()
    return status_of(error) < _SERVER_ERROR and any(word in said for word in _LOCKED)


@contextlib.contextmanager
def translated(verb: str, key: str, root: S3Root) -> Iterator[None]:
    """Turn errors of S3, botocore and the temporary folder into the store's own.

    No message repeats a credential.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        raise _refused(error, verb, key, root) from None
    except (BotoCoreError, HTTPError, ResponseParserError, KeyError) as error:
        # KeyError: the answer has no ETag, so the other side may not be S3.
        raise _unanswered(error, verb, key, root) from None
    except OSError as error:
        raise PublishError(
            f"The store could not {verb} {key}: {error.strerror} in {tempfile.gettempdir()}. "
            "Nothing was changed. Make room there, or name another folder in TMPDIR, and run the "
            "command again."
        ) from None


def _refused(error: Any, verb: str, key: str, root: S3Root) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = status_of(error)
    was_retried = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
    # HEAD alone has no body that could say NoSuchKey. Any other bare 404 is not from S3.
    if code == "NoSuchKey" or (code == "404" and error.operation_name == "HeadObject"):
        return NotFound(key)
    if status in (_CONDITION_FAILED, _OUT_OF_RANGE):
        return Changed(key)
    if code == "InvalidObjectState":
        return _archived(error, key, root)
    what_to_do = _WHAT_TO_DO.get(code, "Mend the store.")
    is_refused = status < _SERVER_ERROR and not was_retried and verb != CONFIRM
    return _failure(verb, key, root, f"{code} ({status})", what_to_do, is_refused=is_refused)


def _archived(error: Any, key: str, root: S3Root) -> ObjectArchived:
    storage_class = error.response["Error"].get("StorageClass") or "a class that cannot be read at once"
    return ObjectArchived(
        f"s3://{root.bucket}/{root.prefix}{key} is archived ({storage_class}), so it cannot be read. "
        "Nothing was changed. Have it restored (aws s3api restore-object), which takes minutes to "
        "hours, and run the command again. Let no lifecycle rule archive what is still read: "
        "revisions/ and decisions/ always are, landing/ as long as its day may be monitored, explained or corrected."
    )


def _unanswered(error: Exception, verb: str, key: str, root: S3Root) -> Exception:
    from botocore import exceptions

    no_answer = (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
    )
    if isinstance(error, exceptions.BotoCoreError) and not isinstance(error, no_answer):
        return _unusable(error, root)
    cause = f"{type(error).__name__} after up to {root.attempts} attempts"
    return _failure(verb, key, root, cause, _NO_ANSWER, is_refused=False)


def _unusable(error: Exception, root: S3Root) -> ConfigError:
    """Error for settings with which no request can be sent."""
    from botocore import exceptions

    if isinstance(error, exceptions.ParamValidationError):
        return ConfigError(f"storage.root names bucket {root.bucket!r}, which S3 does not accept as a bucket's name.")
    without_credentials = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.SSOError,
    )
    if isinstance(error, without_credentials):
        return ConfigError(
            f"There are no usable credentials for bucket {root.bucket!r} ({type(error).__name__}). "
            "Give them as usual: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE with "
            "~/.aws/credentials, or the role of the machine or container."
        )
    return ConfigError(
        f"The AWS settings cannot be used ({type(error).__name__}): check "
        f"{', '.join(_ENDPOINT_VARIABLES)} (http:// or https:// and a host), AWS_REGION and "
        "AWS_PROFILE."
    )


def _failure(
    verb: str,
    key: str,
    root: S3Root,
    cause: str,
    what_to_do: str,
    *,
    is_refused: bool,
) -> PublishError:
    state = "Nothing was changed." if is_refused or verb in _LOOKS else _IN_DOUBT
    return PublishError(
        f"The store could not {verb} {key}: {cause}, bucket {root.bucket!r} at {_endpoint(root)}. "
        f"{state} {what_to_do} It is safe to run the command again."
    )


def _endpoint(root: S3Root) -> str:
    """Scheme, host and port of the endpoint, without user and password."""
    url = urlsplit(connect(root).meta.endpoint_url)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
