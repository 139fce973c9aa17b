"""Sealed copies of models, and the note of the version that an alias last named.

A sealed copy is one object that holds all files of a bundle as text, so it is there whole or not at
all. Whoever reads it proves it by the digest of the bundle, file by file. It carries no applicant's
row and no pickle. The note names a version only after its copy lies in the store. A copy is needed
on the day on which the registry is gone, so no rule of retention removes it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from pydantic import TypeAdapter

from tasks.core.model.bundle import ModelPin, bundle_digest, file_digests
from tasks.errors import ModelError
from tasks.publication.layout import named_version_key, sealed_model_key
from tasks.store import Store, Stored
from tasks.store.renewing import read_if_there, renew

_ENCODING: Final = "latin-1"
"""Encoding that maps every byte to one character, so that any file comes back to the byte."""


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """Version that an alias was seen to name."""

    model: ModelPin
    registry: str
    """Address of the registry that answered, without user and password."""
    noted_at: str
    """Time in ISO form, in UTC, at which the alias was first seen to name this version."""


@dataclass(frozen=True, slots=True)
class _SealedModel:
    """Content of a sealed copy."""

    model: ModelPin
    files: Mapping[str, str]


def seal_model(store: Store, model: ModelPin, fetch: Callable[[], Mapping[str, bytes]]) -> None:
    """Keep the files of a model as its sealed copy, unless an intact one is there.

    Args:
        store: place of the copy.
        model: the model.
        fetch: gives the files of its bundle, checked; called only if they are needed.

    Raises what `fetch` and `renew` raise.
    """
    key = sealed_model_key(model.name, model.version, model.digest)
    if _files_in(read_if_there(store, key), model) is not None:
        return
    sealed = _SealedModel(model, {name: data.decode(_ENCODING) for name, data in fetch().items()})
    data = json.dumps(asdict(sealed), sort_keys=True).encode()

    def intact(seen: Stored | None) -> bytes | None:
        if seen and _files_in(seen, model) is None:
            logging.getLogger("scoring").warning(
                "%s was damaged; it is made anew from the registry", store.location(key)
            )
        return None if _files_in(seen, model) is not None else data

    renew(store, key, intact)


def sealed_files(store: Store, model: ModelPin) -> dict[str, bytes]:
    """Files of a model from its sealed copy, proven by the digest of the model.

    Raises:
        ModelError: there is no copy, or a byte of it is not as it was sealed.
    """
    key = sealed_model_key(model.name, model.version, model.digest)
    seen = read_if_there(store, key)
    files = _files_in(seen, model)
    if files is None:
        fault = "is damaged: it is not what was registered" if seen else "does not exist"
        raise ModelError(
            f"The sealed copy of {model.name} version {model.version}, {store.location(key)}, {fault}. "
            "Start the registry and run the command again, which makes the copy anew."
        )
    return files


def _files_in(seen: Stored | None, model: ModelPin) -> dict[str, bytes] | None:
    """Files in a sealed copy; None if there is none, or if it is not exactly that of the model."""
    try:
        sealed = TypeAdapter(_SealedModel).validate_json(seen.data, strict=True) if seen else None
        files = {name: text.encode(_ENCODING) for name, text in sealed.files.items()} if sealed else {}
    except ValueError:
        return None
    is_own = sealed is not None and sealed.model == model
    return files if is_own and bundle_digest(file_digests(files)) == model.digest else None


def note_named_version(store: Store, alias: str, name: str, ask: Callable[[], NamedVersion]) -> ModelPin:
    """Ask which version an alias names, and note the answer. Returns that version.

    The note is written only if nobody else wrote it since before the question; otherwise the
    question is asked again. So of several processes the one that writes last asked last, and no
    slow one puts an older answer in the place of a newer one.

    Args:
        store: place of the note.
        alias: the alias.
        name: name of the model.
        ask: asks the registry; called once or more.

    Raises what `ask` and `renew` raise.
    """
    answers: list[NamedVersion] = []

    def renewed(seen: Stored | None) -> bytes | None:
        answer = ask()
        answers.append(answer)
        noted = _note_in(seen)
        is_same = noted is not None and (noted.model, noted.registry) == (answer.model, answer.registry)
        return None if is_same else json.dumps(asdict(answer)).encode()

    renew(store, named_version_key(name, alias), renewed, state="No day was scored.")
    return answers[-1].model


def forget_named_version(store: Store, alias: str, name: str) -> None:
    """Remove the note before the alias moves, so that it never names a version from before that."""
    store.delete(named_version_key(name, alias))


def named_version(store: Store, alias: str, name: str) -> NamedVersion | None:
    """Version that an alias was last seen to name; None if no note that can be read says it."""
    return _note_in(read_if_there(store, named_version_key(name, alias)))


def _note_in(seen: Stored | None) -> NamedVersion | None:
    try:
        return TypeAdapter(NamedVersion).validate_json(seen.data, strict=True) if seen else None
    except ValueError:
        return None
