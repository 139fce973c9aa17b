"""Contract that a day is pinned to, kept in the store under its digest."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from configs.settings import Settings
from tasks.core.contract.rules import suite_identity
from tasks.core.day.records import Pins
from tasks.errors import ConfigError, PublishError
from tasks.model.load import load_contract
from tasks.publication.layout import suite_key
from tasks.store import AlreadyExists, Changed, NotFound, Store, open_store

if TYPE_CHECKING:
    from tasks.adapters.gx import Contract


def pinned_contract(pins: Pins, settings: Settings) -> Contract:
    """Contract that the day is pinned to, as it was then, even if the suite's file changed since.

    Raises:
        PublishError: the store no longer holds it, or holds a damaged one.
    """
    store = open_store(settings.storage)
    key = suite_key(pins.contract_digest)
    try:
        text = store.read(key).data.decode()
        is_pinned = suite_identity(text)[1] == pins.contract_digest
    except (NotFound, Changed, UnicodeDecodeError, ConfigError):
        is_pinned = False
    if not is_pinned:
        raise PublishError(f"{store.location(key)} is gone or damaged; remove it and run the day again.")
    return load_contract(text)


def keep_suite(store: Store, suite: str, digest: str) -> None:
    """Keep the contract's text under its digest, which ignores the layout of the text."""
    with contextlib.suppress(AlreadyExists):
        store.create(suite_key(digest), suite.encode())
