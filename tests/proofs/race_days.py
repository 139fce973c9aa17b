"""A small day, and two model versions to score it with, for proofs that need many of both."""

from collections.abc import Mapping
from typing import Any, Final

from configs.settings import Settings
from tasks.feed.generate import generate_day, load_statistics
from tasks.store import Store, open_store
from tests.conftest import DAY

THE_DAY: Final[Mapping[str, Any]] = {"rows": 60, "files": 2, "bad_share": 0.25, "seed": 11}
"""Some rows go to quarantine, and one is the copy of another."""
VERSIONS: Final = ("1", "2")
"""Of the model; the second decides some applications differently."""


def deliver(settings: Settings) -> Store:
    """Lay the day into the landing of a store."""
    store = open_store(settings.storage)
    generate_day(store, load_statistics(), as_of=DAY, **THE_DAY)
    return store
