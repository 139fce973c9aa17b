"""How requests go to S3: where to, by which client, how often they are tried, and what their failures mean.

A request that was throttled (429, `SlowDown`), failed on the server (5xx), lost its connection or timed out is tried
again by botocore's own standard mode, with growing, jittered pauses; `storage.attempts` bounds it. The one thing added
here is that 409, two conditional writes at the same instant, is tried again as well.
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

from tasks.errors import ConfigError, PublishError
from tasks.store.interface import Changed, NotFound

_ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_CONNECTING: Final = threading.Lock()
_CONFLICT: Final = 409
_CONDITION_FAILED: Final = 412
_SERVER_ERROR: Final = 500
_LOOKS: Final = {"read", "list"}
CONFIRM: Final = "confirm who wrote"  # asked after a write, so its failure leaves the write in doubt
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 20.0

_CREDENTIALS: Final = "Give valid credentials in the usual AWS ways, and check this machine's clock."
_REGION: Final = "Set AWS_REGION to the bucket's region."
_RIGHTS: Final = (
    "The credentials need s3:ListBucket on the bucket (without it a missing object looks forbidden), s3:GetObject, and "
    "to write s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload; under a KMS key also kms:GenerateDataKey and "
    "kms:Decrypt; for `scoring clean` also s3:ListBucketMultipartUploads and s3:ListMultipartUploadParts."
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
    "404": "This is no answer of S3's: mend AWS_ENDPOINT_URL_S3.",
    "400": f"{_REGION} {_CREDENTIALS}",
}


@dataclass(frozen=True, slots=True)
class S3Root:
    """A bucket, a prefix in it, and how to speak to it; the fields after the prefix are those of `storage`."""

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
        """The object of a key, as boto3 is asked for it."""
        return {"Bucket": self.bucket, "Key": self.prefix + key}

    @property
    def encryption(self) -> dict[str, str]:
        """What every new object is sent with."""
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key} if self.kms_key else {}


def connect(root: S3Root) -> Any:
    """The boto3 client: thread-safe, made once per process and root.

    Raises:
        ConfigError: the AWS variables or the AWS profile cannot be used.
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
        request_checksum_calculation="when_required",  # some stores refuse the checksums that boto3 adds otherwise
        response_checksum_validation="when_required",
    )
    by_path = config.merge(Config(s3={"addressing_style": "path"}))
    try:
        session = boto3.session.Session(region_name=os.environ.get("AWS_REGION") or None)
        client = session.client("s3", config=config)
        if not _is_aws(client):  # wherever the endpoint comes from: a variable, a profile
            client = session.client("s3", config=by_path)
    except (BotoCoreError, ValueError) as error:
        raise _unusable(error, root) from None
    client.meta.events.register("needs-retry.s3", functools.partial(_pause_after_conflict, root.attempts))
    return client


def _is_aws(client: Any) -> bool:
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def pause_seconds(failures: int) -> float:
    """How long to wait after this many failures in a row: growing, bounded, and random so that rivals part.

    >>> 0 <= pause_seconds(1) <= 0.1
    True
    """
    return random.uniform(0, min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**failures))  # noqa: S311 - no secret


def _pause_after_conflict(most_attempts: int, *, response: Any, attempts: int, **_: Any) -> float | None:
    """Seconds until botocore tries again after a 409; None leaves everything else to botocore's own rules."""
    is_conflict = response is not None and response[0].status_code == _CONFLICT
    return pause_seconds(attempts) if is_conflict and attempts < most_attempts else None


def status_of(error: Any) -> int:
    """The HTTP status of botocore's `ClientError`."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR))


@contextlib.contextmanager
def told(verb: str, key: str, root: S3Root) -> Iterator[None]:
    """Turn what S3, botocore and the temporary folder say into the store's own words, without a credential in them."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        raise _refused(error, verb, key, root) from None
    except (BotoCoreError, HTTPError, ResponseParserError, KeyError) as error:  # KeyError: no ETag, as if it were no S3
        raise _unanswered(error, verb, key, root) from None
    except OSError as error:
        raise PublishError(
            f"The store could not {verb} {key}: {error.strerror} in {tempfile.gettempdir()}. Nothing was changed. "
            "Make room there, or name another folder in TMPDIR, and run the command again."
        ) from None


def _refused(error: Any, verb: str, key: str, root: S3Root) -> Exception:
    code, status = str(error.response.get("Error", {}).get("Code", "")), status_of(error)
    was_retried = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
    # Only HEAD has no body to say NoSuchKey in. Any other bare 404 comes from something that is no S3.
    if code == "NoSuchKey" or (code == "404" and error.operation_name == "HeadObject"):
        return NotFound(key)
    if status == _CONDITION_FAILED:
        return Changed(key)
    what_to_do = _WHAT_TO_DO.get(code, "Mend the store.")
    is_settled = status < _SERVER_ERROR and not was_retried and verb != CONFIRM
    return _failure(verb, key, root, f"{code} ({status})", what_to_do, is_settled=is_settled)


def _unanswered(error: Exception, verb: str, key: str, root: S3Root) -> Exception:
    from botocore import exceptions

    no_answer = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError)
    if isinstance(error, exceptions.BotoCoreError) and not isinstance(error, no_answer):
        return _unusable(error, root)
    cause = f"{type(error).__name__} after up to {root.attempts} attempts"
    return _failure(verb, key, root, cause, _NO_ANSWER, is_settled=False)


def _unusable(error: Exception, root: S3Root) -> ConfigError:
    """What keeps every request from being sent."""
    from botocore import exceptions

    if isinstance(error, exceptions.ParamValidationError):
        return ConfigError(f"storage.root names bucket {root.bucket!r}, which S3 does not take for a bucket's name.")
    without_credentials = (
        exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.CredentialRetrievalError,
        exceptions.SSOError,
    )  # fmt: skip
    if isinstance(error, without_credentials):
        return ConfigError(
            f"There are no usable credentials for bucket {root.bucket!r} ({type(error).__name__}). Give them as usual: "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE with ~/.aws/credentials, or the role of the "
            "machine or container."
        )
    return ConfigError(
        f"The AWS settings cannot be used ({type(error).__name__}): check {', '.join(_ENDPOINT_VARIABLES)} "
        "(http:// or https:// and a host), AWS_REGION and AWS_PROFILE."
    )


def _failure(verb: str, key: str, root: S3Root, cause: str, what_to_do: str, *, is_settled: bool) -> PublishError:
    state = (
        "Nothing was changed."
        if is_settled or verb in _LOOKS
        else "Whether it took effect is not known; the object is there whole or not at all, and a rerun finds out."
    )
    return PublishError(
        f"The store could not {verb} {key}: {cause}, bucket {root.bucket!r} at {_endpoint(root)}. {state} {what_to_do} "
        "It is safe to run the command again."
    )


def _endpoint(root: S3Root) -> str:
    """Scheme, host and port; never what may stand before the host."""
    url = urlsplit(connect(root).meta.endpoint_url)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
