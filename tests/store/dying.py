"""A store whose process dies after a number of calls that change something."""

from collections.abc import Callable
from typing import Any

from tasks.store import Store

CHANGING = ("create", "replace", "delete")


class Died(BaseException):
    """What SIGKILL would have been."""


class DyingStore:
    """Does `calls` changing calls, and dies at the next one before it does anything."""

    def __init__(self, store: Store, *, calls: int) -> None:
        self._store, self._left = store, calls

    def __getattr__(self, verb: str) -> Any:
        function: Callable[..., Any] = getattr(self._store, verb)
        return self._counted(function) if verb in CHANGING else function

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if not self._left:
                raise Died
            self._left -= 1
            return function(*arguments, **options)

        return call
