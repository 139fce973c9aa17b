"""Policies in the store: their content, and the history of their activations.

A policy's content is created once, under its version and digest. An activation is one numbered
object, created once; the last of them names the active policy. Nothing of it is ever replaced, so
the history only grows, and of two people who activate at the same time exactly one succeeds.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from configs.policy import PolicyFile
from tasks.errors import PublishError
from tasks.publication.layout import activation_key, kept_policy_key
from tasks.publication.versions import claim_version
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


def activate(store: Store, policy: PolicyFile, *, who: str, at: datetime, reason: str, place: str) -> Activation:
    """Make a policy the active one, and keep its content. An active policy stays as it is.

    Args:
        store: where the days lie.
        policy: the policy.
        who: user and machine.
        at: time, in UTC.
        reason: why, in words.
        place: its path in the words of a message, such as " in configs/policy.yaml".

    Returns:
        The last entry of the history, which names this policy.

    Raises:
        ConfigError: its version stands for other content.
        PublishError: somebody else activated a policy in the same moment.
    """
    history = activations(store)
    claim_version(store, "policy", policy.version, policy.digest, on=at.date(), place=place)
    keep_policy(store, policy)
    if history and history[-1].digest == policy.digest:
        return history[-1]
    number = len(history) + 1
    activation = Activation(number, policy.version, policy.digest, reason, who, at.isoformat(timespec="seconds"))
    try:
        store.create(activation_key(number), json.dumps(asdict(activation), indent=1).encode())
    except AlreadyExists:
        raise PublishError(
            f"Somebody else activated a policy in the same moment; policy {policy.version} was not activated. "
            "See which one is active (scoring policy), then run the command again if it still shall be yours."
        ) from None
    return activation
