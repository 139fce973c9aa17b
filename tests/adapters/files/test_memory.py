"""Memory is given back where that is possible, and its absence stops nobody."""

from types import SimpleNamespace

import pytest

from tasks.adapters.files.parquet import give_back_memory


def test_a_c_library_without_a_trim_of_its_memory_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.adapters.files.parquet.ctypes.CDLL", lambda _: SimpleNamespace())
    give_back_memory()
