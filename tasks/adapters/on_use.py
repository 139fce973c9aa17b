"""Modules that a package imports and we hardly ever use: imported when they are used, or not at all."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stand-in for a module, which is imported when the first thing of it is used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def imported_on_use(*names: str) -> Iterator[None]:
    """Let what the block imports meet these modules only when it uses something of them.

    Whoever imports such a module after the block gets the module itself. Modules that are there
    already stay.
    """
    with _in_their_place({name: _Later(name) for name in names}):
        yield


@contextlib.contextmanager
def taken_for_absent(*names: str) -> Iterator[None]:
    """Let what the block imports find these packages not installed, unless they are imported already."""
    with _in_their_place(dict.fromkeys(names)):
        yield


@contextlib.contextmanager
def _in_their_place(modules: dict[str, ModuleType | None]) -> Iterator[None]:
    known: dict[str, Any] = sys.modules  # None stands for a module that cannot be imported
    placed = {name: module for name, module in modules.items() if name not in known}
    known.update(placed)
    try:
        yield
    finally:
        for name, module in placed.items():
            if name in known and known[name] is module:
                del known[name]
