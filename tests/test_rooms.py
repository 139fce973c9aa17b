"""Imports point one way. Who may import whom stands here once, as in docs/architecture.md."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EVERYONE = {"tasks.errors"}
MAY_IMPORT = {
    "flows": {"flows", "tasks", "configs"},
    "tasks": {"tasks", "configs"},
    "tasks.adapters": {"tasks.adapters", "tasks.core"},
    "tasks.store": {"tasks.store"},
    "tasks.core": {"tasks.core"},
    "expectations": set(),
    "configs": {"configs"},
    "benchmarks": {"benchmarks", "tasks", "configs"},
}
CORE_LIBRARIES = {"numpy", "pandas", "pyarrow", "scipy"}
PREFECT_ROOMS = {"flows", "tasks"}
OURS = ("flows", "tasks", "expectations", "configs", "benchmarks")
FILES = [path for room in OURS for path in sorted((ROOT / room).rglob("*.py"))]


def room_of(module: str) -> str:
    """The most specific room a module belongs to."""
    return next(room for room in sorted(MAY_IMPORT, key=len, reverse=True) if f"{module}.".startswith(f"{room}."))


def module_of(path: Path, root: Path = ROOT) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module or ""


def breaches(path: Path, root: Path = ROOT) -> list[str]:
    room = room_of(module_of(path, root))
    found = []
    for name in imports_of(path):
        if name.split(".")[0] in OURS:
            roomed = any(f"{name}.".startswith(f"{each}.") for each in MAY_IMPORT[room])
            if not roomed and name not in EVERYONE:
                found.append(name)
        elif name.split(".")[0] == "prefect" and room not in PREFECT_ROOMS:
            found.append(name)
    return found


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_one_way(path: Path) -> None:
    assert breaches(path) == []


@pytest.mark.parametrize("path", sorted((ROOT / "tasks/core").glob("*.py")), ids=module_of)
def test_the_core_knows_no_disk_clock_or_framework(path: Path) -> None:
    third_party = {name.split(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names) - set(OURS)
    assert third_party <= CORE_LIBRARIES
    assert not {"os", "pathlib", "time", "shutil", "logging"} & set(imports_of(path))


def test_the_rule_catches_a_breach(tmp_path: Path) -> None:
    path = tmp_path / "tasks/core/bad.py"
    path.parent.mkdir(parents=True)
    path.write_text("import prefect\nfrom tasks.store import open_store\nfrom tasks.core.day import Pins\n")
    assert breaches(path, tmp_path) == ["prefect", "tasks.store"]
