"""Policy in force: the active one of the store, whatever the working file says.

While no policy was ever activated, the working file of the settings is in force. The first
activation ends that for good, so a trial edit of the file reaches no day.
"""

from __future__ import annotations

from typing import NamedTuple

from configs.policy import PolicyFile, load_policy
from configs.settings import Settings
from tasks.core.day.manifest import Manifest
from tasks.errors import ConfigError, PublishError
from tasks.publication.policies import Activation, activations, kept_policy
from tasks.store import Store, open_store


class PolicyInForce(NamedTuple):
    """Policy that decides, and the history that made it so."""

    policy: PolicyFile
    history: tuple[Activation, ...]
    """Activations, oldest first; the last one is in force. Empty: the working file is."""

    @property
    def activation(self) -> Activation | None:
        """Activation in force; None if there was never one."""
        return self.history[-1] if self.history else None


def policy_in_force(settings: Settings) -> PolicyInForce:
    """Active policy of the store, or the working file if none was ever activated.

    Raises:
        ConfigError: the working file is in force, and is wrong.
        PublishError: the history is damaged, or the content of the active policy is gone.
    """
    store = open_store(settings.storage)
    history = tuple(activations(store))
    if not history:
        return PolicyInForce(load_policy(settings.scoring.policy), ())
    return PolicyInForce(active_content(store, history[-1]), history)


def training_policy(settings: Settings) -> PolicyFile:
    """Policy that a training obeys: the file of `training.policy`, or the policy in force.

    Raises what `policy_in_force` raises.
    """
    if settings.training.policy:
        return load_policy(settings.training.policy)
    return policy_in_force(settings).policy


def policy_of_day(manifest: Manifest, settings: Settings) -> PolicyFile:
    """Policy that decided a revision; the one in force if its content was never kept.

    Earlier programs kept none. Raises what `policy_in_force` raises.
    """
    record = manifest.policy
    kept = kept_policy(open_store(settings.storage), record["version"], record["digest"])
    return kept or policy_in_force(settings).policy


def caveat_of(in_force: PolicyInForce, settings: Settings) -> str | None:
    """Sentence on the working file, if it is in force for want of an active policy, or differs from it."""
    working = settings.scoring.policy
    if in_force.activation is None:
        return (
            f"No policy is activated, so {working}, version {in_force.policy.version}, is in force, and each change "
            f'of it reaches the next day. Activate it: scoring policy --activate {working} --reason "...".'
        )
    try:
        file = load_policy(working)
    except ConfigError as error:
        return f"{working} cannot be read, and is not in force: {error}"
    if file.digest == in_force.policy.digest:
        return None
    return (
        f"{working}, version {file.version}, differs from the active policy {in_force.policy.version}, and is not in "
        f'force. To use it: scoring policy --activate {working} --reason "...".'
    )


def active_content(store: Store, activation: Activation) -> PolicyFile:
    """Content of an activated policy. Raises `PublishError` if the store does not hold it."""
    policy = kept_policy(store, activation.version, activation.digest)
    if policy is None:
        raise PublishError(
            f"The content of policy {activation.version}, active since {activation.at}, is gone from the store. "
            "Activate it again from its file: scoring policy --activate FILE --reason TEXT."
        )
    return policy
