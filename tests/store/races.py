"""What racing processes and threads do; light, because each process imports it anew."""

from typing import Any

from configs.settings import Storage
from tasks.store import AlreadyExists, Changed, open_store


def race_to_create(storage: Storage, data: bytes, start: Any, wins: Any) -> None:
    """Create the prize once all are ready; the winner says so."""
    start.wait()
    try:
        open_store(storage).create("prize", data)
    except AlreadyExists:
        return
    wins.put(data[:1])


def race_to_add(storage: Storage, rounds: int) -> None:
    """Add one to the count, so many times."""
    store = open_store(storage)
    for _ in range(rounds):
        while True:
            seen = store.read("count")
            try:
                store.replace("count", str(int(seen.data) + 1).encode(), tag=seen.tag)
            except Changed:
                continue
            break
