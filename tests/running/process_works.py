"""Work for processes to do, by name: they import it."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from tasks.errors import SourceError

PREPARED: list[str] = []


def note(argument: str) -> None:
    """Remember what the process was prepared with."""
    PREPARED.append(argument)


def fail_to_prepare(argument: str) -> None:
    raise SourceError(argument)


def square(number: int) -> int:
    return number * number


def look(_order: Any) -> tuple[int, list[str], str | None, int]:
    """Process, its preparation, a variable of its environment, and the threads that it runs."""
    return os.getpid(), PREPARED, os.environ.get("SEEN"), threading.active_count()


def slow_first(order: int) -> int:
    time.sleep(0.3 if order == 0 else 0)
    return order


def fail_at(order: tuple[int, int]) -> int:
    number, failing = order
    if number == failing:
        raise SourceError(f"cut off at {number}")
    return number


class Stubborn(Exception):
    """Error that cannot be pickled."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"a secret of {one} and {two}")


def fail_stubbornly(_order: int) -> None:
    raise Stubborn(1, 2)


def die_once(order: tuple[int, str]) -> int:
    """Note that the order is in work; the process that works first on number 2 is killed."""
    number, folder = order
    tries = Path(folder, f"{number}.{os.getpid()}")
    is_first = not list(Path(folder).glob(f"{number}.*"))
    tries.touch()
    if number == 2 and is_first:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die(_order: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang_once(order: tuple[int, str]) -> int:
    """The process that works first on number 1 hangs."""
    number, folder = order
    mark = Path(folder, f"{number}")
    if number == 1 and not mark.exists():
        mark.touch()
        time.sleep(600)
    return number


def pause(_order: int) -> None:
    time.sleep(1)
