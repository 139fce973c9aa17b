"""Activation of a policy: from then on it decides, whatever the working file says."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from configs.policy import PolicyFile, load_policy
from configs.settings import Settings, project_path
from tasks.errors import ConfigError, PublishError
from tasks.model.policy_in_force import active_content
from tasks.publication.layout import activation_key
from tasks.publication.policies import Activation, activations, keep_policy
from tasks.publication.versions import claim_version
from tasks.publication.who import user_and_machine
from tasks.store import AlreadyExists, Store, open_store


def activate_policy(named: str, reason: str, settings: Settings) -> tuple[PolicyFile, Activation]:
    """Make a policy the active one. It decides from the next run on; published days stay.

    Args:
        named: path of a policy file, or the version of a policy that was active before.
        reason: why, in words.
        settings: place of the store.

    Raises:
        ConfigError: there is no such file and no such version, the file is wrong, or its version
            stands for other content.
        PublishError: somebody else activated a policy in the same moment.
    """
    store = open_store(settings.storage)
    policy, place = _named_policy(store, named)
    activation = activate(
        store, policy, who=user_and_machine(), at=datetime.now(UTC), reason=" ".join(reason.split()), place=place
    )
    return policy, activation


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


def _named_policy(store: Store, named: str) -> tuple[PolicyFile, str]:
    for path in (Path(named), project_path(named)):
        if path.is_file():
            return load_policy(path.resolve()), f" in {named}"
    before = [each for each in activations(store) if each.version == named]
    if not before:
        raise ConfigError(
            f"{named!r} is neither a policy file nor the version of a policy that was active before. "
            "`scoring policy` lists those versions. Nothing was activated."
        )
    return active_content(store, before[-1]), ""
