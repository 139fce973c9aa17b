"""The bucket policies of docs/bucket-policies, and a guard that answers requests to S3 as they say."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from configs.settings import PROJECT
from tests.store.breaking_proxy import Answer, Call

FOLDER = PROJECT / "docs/bucket-policies"
DENIED = Answer(403, "AccessDenied")
_OF_BUCKET = "arn:aws:s3:::credit-scoring"


class Right(NamedTuple):
    """A request in the words of a policy."""

    action: str
    resource: str
    prefix: str
    """What is listed; empty for other actions."""


def statements_of(name: str) -> list[dict[str, Any]]:
    """The statements of a policy."""
    policy: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return list(policy["Statement"])


def asked(call: Call) -> Right:
    """What a request asks for, in the words of a policy for the bucket of the documents."""
    url = urlsplit(call.path)
    query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
    _, _, key = unquote(url.path).lstrip("/").partition("/")
    if not key:
        action = "s3:ListBucketMultipartUploads" if "uploads" in query else "s3:ListBucket"
        return Right(action, _OF_BUCKET, query.get("prefix", ""))
    of_upload = {"DELETE": "s3:AbortMultipartUpload", "GET": "s3:ListMultipartUploadParts"}
    of_object = {"DELETE": "s3:DeleteObject", "GET": "s3:GetObject", "HEAD": "s3:GetObject"}
    known = of_upload if "uploadId" in query else of_object
    return Right(known.get(call.method, "s3:PutObject"), f"{_OF_BUCKET}/{key}", "")


def grants(statement: dict[str, Any], right: Right) -> Collection[str]:
    """The resources, or the prefixes of a listing, by which a statement allows a request; none if it does not."""
    if right.action not in statement["Action"]:
        return ()
    found = [each for each in statement["Resource"] if fnmatchcase(right.resource, each)]
    if found and "Condition" in statement:
        prefixes = statement["Condition"]["StringLike"]["s3:prefix"]
        return [each for each in prefixes if fnmatchcase(right.prefix, each)]
    return found


@dataclass
class Guard:
    """A plan of the proxy: what no statement allows is denied."""

    statements: list[dict[str, Any]]
    denied: list[Right] = field(default_factory=list)
    used: set[tuple[str, str, str]] = field(default_factory=set)
    """Statement, action and resource or prefix of each grant that a request needed."""

    def __call__(self, call: Call) -> Answer | None:
        right = asked(call)
        found = [(each["Sid"], right.action, grant) for each in self.statements for grant in grants(each, right)]
        self.used.update(found)
        if found:
            return None
        self.denied.append(right)
        return DENIED

    @property
    def granted(self) -> set[tuple[str, str, str]]:
        """Every grant of the statements."""
        return {
            (each["Sid"], action, grant)
            for each in self.statements
            for action in each["Action"]
            for grant in each.get("Condition", {}).get("StringLike", {}).get("s3:prefix") or each["Resource"]
        }
