"""Policies in the store: their content, and the history of their activations.

A policy's content is created once, under its version and digest. An activation is one numbered
object, created once; the last of them names the active policy. Nothing of it is ever replaced, so
the history only grows, and of two people who activate at the same time exactly one succeeds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from configs.policy import PolicyFile
from tasks.errors import PublishError
from tasks.publication.layout import activation_key, kept_policy_key
from tasks.store import AlreadyExists, Store
from tasks.store.renewing import read_if_there


@dataclass(frozen=True, slots=True)
class Activation:
    """One entry of the history: from `at` on, this policy decides."""

    number: int
    """Place in the history, counted from 1."""
    version: str
    digest: str
    """SHA-256 of the content of the policy."""
    reason: str
    who: str
    """User and machine that activated it."""
    at: str
    """Time in ISO form, in UTC."""


def keep_policy(store: Store, policy: PolicyFile) -> None:
    """Keep the content of a policy under its version and digest, unless it is there."""
    with contextlib.suppress(AlreadyExists):
        store.create(kept_policy_key(policy.version, policy.digest), policy.model_dump_json(indent=1).encode())


def kept_policy(store: Store, version: str, digest: str) -> PolicyFile | None:
    """Content of a policy as it was kept; None if it was not.

    Raises:
        PublishError: what lies there is not the content that its name says.
    """
    key = kept_policy_key(version, digest)
    seen = read_if_there(store, key)
    if seen is None:
        return None
    with contextlib.suppress(ValidationError):
        policy = PolicyFile.model_validate_json(seen.data)
        if policy.digest == digest:
            return policy
    raise PublishError(
        f"{store.location(key)} is damaged: it is not policy {version} as it was kept. Restore it from a backup, or "
        f"remove it and activate policy {version} again from its file: scoring policy --activate FILE --reason TEXT."
    )


def activations(store: Store) -> list[Activation]:
    """History of activations, oldest first; empty if no policy was ever activated.

    Raises:
        PublishError: an entry is damaged.
    """
    return list(_walk(store))


def _walk(store: Store) -> Iterator[Activation]:
    number = 1
    while seen := read_if_there(store, activation_key(number)):
        try:
            yield TypeAdapter(Activation).validate_json(seen.data, strict=True)
        except ValidationError:
            raise PublishError(
                f"{store.location(activation_key(number))} is damaged, so nobody can say which policy is active. "
                "Restore it from a backup; nothing was changed."
            ) from None
        number += 1
