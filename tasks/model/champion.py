"""Model that scores: the version that the alias names, or, while the registry is gone, last named.

Each answer of the registry is noted in the store, and the version that it names is sealed there.
While the registry does not answer, the noted version scores from its sealed copy, and no other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from configs.settings import Settings
from tasks.core.model.bundle import ModelPin
from tasks.errors import ModelError, RegistryUnreachable
from tasks.model.load import RegistryReader, registry_of
from tasks.publication.sealed_models import (
    NamedVersion,
    forget_named_version,
    named_version,
    note_named_version,
    seal_model,
    sealed_files,
)
from tasks.store import Store, open_store

if TYPE_CHECKING:
    from tasks.adapters.mlflow import ModelRegistry


@dataclass(frozen=True, slots=True)
class Champion:
    """Version that scores."""

    model: ModelPin
    sealed_copy: str = ""
    """Sentence that says why its sealed copy scores; empty if the registry named the version."""


def find_champion(settings: Settings) -> Champion:
    """Version that the alias names, or, if the registry does not answer, the one that it last named.

    Raises:
        RegistryUnreachable: the registry does not answer, and the settings forbid sealed copies.
        ModelError: there is no champion, its files are not as registered, or the registry does not
            answer and the store cannot stand in.
    """
    registry = RegistryReader(settings.registry)
    store = open_store(settings.storage)
    try:
        return Champion(_ask(store, registry))
    except RegistryUnreachable as silence:
        if settings.registry.sealed_copy == "forbid":
            raise
        return _last_named(store, registry, silence)


def promote_version(version: str, settings: Settings) -> ModelPin:
    """Let another registered version score from now on. Its sealed copy lies in the store first.

    The note is removed before the alias moves. A promotion that dies in between leaves no note, and
    the next answer of the registry makes it anew.

    Raises:
        ModelError: there is no such version, its files are not as registered, or the registry does
            not answer.
    """
    registry = registry_of(settings)
    store = open_store(settings.storage)
    candidate = registry.candidate(version)
    seal_model(store, candidate, lambda: registry.files(candidate))
    forget_named_version(store, registry.alias, registry.model_name)
    registry.promote(version)
    return _ask(store, registry)


def _ask(store: Store, registry: ModelRegistry | RegistryReader) -> ModelPin:
    """Version that the alias names now, sealed and noted."""

    def answer() -> NamedVersion:
        model = registry.champion()
        seal_model(store, model, lambda: _fetched(registry, model))
        return NamedVersion(model, registry.address, datetime.now(UTC).isoformat(timespec="seconds"))

    return note_named_version(store, registry.alias, registry.model_name, answer)


def _fetched(registry: ModelRegistry | RegistryReader, model: ModelPin) -> dict[str, bytes]:
    """Files of the version that the alias names now. If they cannot be had, no other version may stand in."""
    try:
        return registry.files(model)
    except RegistryUnreachable as silence:
        raise ModelError(str(silence)) from None


def _last_named(store: Store, registry: RegistryReader, silence: RegistryUnreachable) -> Champion:
    """Version that the alias last named, if its sealed copy is intact.

    Raises:
        RegistryUnreachable: the store cannot stand in; says why.
    """
    alias = f"{registry.model_name}@{registry.alias}"
    noted = named_version(store, registry.alias, registry.model_name)
    if noted is None:
        why = f"this store has no note of the version that {alias} last named"
        raise RegistryUnreachable(f"{silence} No sealed copy stands in: {why}.")
    if noted.registry != registry.address:
        why = f"the store knows {alias} of another registry, {noted.registry}"
        raise RegistryUnreachable(f"{silence} No sealed copy stands in: {why}.")
    try:
        sealed_files(store, noted.model)
    except ModelError as error:
        raise RegistryUnreachable(f"{silence} {error}") from None
    sentence = (
        f"registry {registry.address} did not answer, so the sealed copy of version {noted.model.version} scored, "
        f"which {registry.alias} last named (noted {noted.noted_at})"
    )
    return Champion(noted.model, sentence)
