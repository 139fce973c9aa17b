import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.adapters.on_use import imported_on_use, taken_for_absent


@pytest.fixture
def seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with a module, as a file; the package is imported."""
    package = tmp_path / "seldom_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "charts.py").write_text("COLOUR = 'red'\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("seldom_package", "seldom_package.charts"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "seldom_package.charts"


def test_a_module_is_imported_when_something_of_it_is_used(seldom: str) -> None:
    with imported_on_use(seldom):
        from seldom_package import charts  # type: ignore[import-not-found]
    assert seldom not in sys.modules
    assert charts.COLOUR == "red"
    assert seldom in sys.modules


def test_what_is_used_within_the_block_is_the_module_itself(seldom: str) -> None:
    with imported_on_use(seldom):
        from seldom_package.charts import COLOUR  # type: ignore[import-not-found]

        assert COLOUR == "red"
        assert sys.modules[seldom].COLOUR == "red"
    assert seldom in sys.modules


def test_others_get_the_module_itself_after_the_block(seldom: str) -> None:
    with imported_on_use(seldom):
        from seldom_package import charts as stand_in
    from seldom_package import charts

    assert charts is not stand_in
    assert charts.__file__


def test_a_name_that_the_module_does_not_have_is_an_attribute_error(seldom: str) -> None:
    with imported_on_use(seldom):
        from seldom_package import charts
    with pytest.raises(AttributeError, match="SHAPE"):
        _ = charts.SHAPE


def test_a_package_taken_for_absent_is_there_again_after_the_block(seldom: str) -> None:
    package = seldom.split(".", maxsplit=1)[0]
    with taken_for_absent(package), pytest.raises(ModuleNotFoundError):
        importlib.import_module(seldom)
    assert importlib.import_module(seldom).__name__ == seldom


@pytest.mark.parametrize("block", [imported_on_use, taken_for_absent])
def test_a_module_that_is_there_stays(block: Any, seldom: str) -> None:
    from seldom_package import charts

    with block(seldom):
        assert sys.modules[seldom] is charts
    assert sys.modules[seldom] is charts
