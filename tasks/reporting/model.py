"""Pages of the models: the card from the registry, and the days that each decided.

The registry is asked once for a model; afterwards its page keeps the card, so that the page can be
renewed while the registry is down.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from configs.settings import Settings
from tasks.core.reporting.days_page import DayLine
from tasks.errors import ModelError
from tasks.model.load import RegistryReader
from tasks.publication.layout import days_page_key, model_page_key, promotion_page_key
from tasks.publication.manifests import newest_manifest
from tasks.reporting.links import relative_link
from tasks.store import Store
from tasks.store.interface import Stored
from tasks.store.renewing import renew


def write_model_pages(store: Store, lines: Sequence[DayLine], settings: Settings, *, as_of: date | None = None) -> None:
    """Write the page of each model that decided one of the days.

    Args:
        store: place of the pages.
        lines: of all days, oldest first.
        settings: of the project; they say where the registry is.
        as_of: the only day that has changed; the pages of other models are left as they are.
    """
    for (name, version), decided in _lines_by_model(lines).items():
        if as_of is None or any(line.as_of == as_of for line in decided):
            _write(store, name, version, decided, settings)


def model_links(lines: Sequence[DayLine]) -> dict[tuple[str, str], str]:
    """Name and version of each model to the address of its page, relative to the page of all days."""
    models = _lines_by_model(lines)
    return {model: relative_link(days_page_key(), model_page_key(*model)) for model in models}


def _lines_by_model(lines: Sequence[DayLine]) -> Mapping[tuple[str, str], list[DayLine]]:
    """Name and version of each model to the days that it decided, oldest first."""
    by_model: dict[tuple[str, str], list[DayLine]] = defaultdict(list)
    for line in lines:
        if line.model_name:
            by_model[line.model_name, line.model_version].append(line)
    return by_model


def _write(store: Store, name: str, version: str, decided: Sequence[DayLine], settings: Settings) -> None:
    from tasks.adapters.pages.model import card_of_page, model_page

    page, verdict = model_page_key(name, version), promotion_page_key(name, version)
    link = relative_link(page, verdict) if any(entry.key == verdict for entry in store.list(verdict)) else ""

    def renewed(seen: Stored | None) -> bytes:
        card = card_of_page(seen.data) if seen else None
        if card is None:
            card = _card(store, decided[-1].as_of, settings)
        return model_page(name, version, decided, card, link)

    renew(store, page, renewed)


def _card(store: Store, as_of: date, settings: Settings) -> bytes | None:
    """Card of the model that decided a day; None if the registry cannot be reached or lacks it.

    A registry that did not answer when the day was scored is not waited for once more.
    """
    from tasks.core.training.model_card import CARD_FILE

    newest = newest_manifest(store, as_of)
    if newest is None or newest.sealed_copy:
        return None
    with contextlib.suppress(ModelError):
        return RegistryReader(settings.registry).document(newest.model, CARD_FILE)
    return None
