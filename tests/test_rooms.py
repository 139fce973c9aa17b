"""Imports point one way. Who may import whom stands here once, as in docs/architecture.md."""

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.house import ROOT, arrows, circles, flat_files, imports_of, longest_chain, module_of, tree_of

EVERYONE = {"tasks.errors"}
WINGS = {
    "scoring", "training", "monitoring", "inspection", "retention", "erasure", "feed", "reporting", "dashboard",
    "operations", "outcomes", "model_life",
}  # fmt: skip
CORE = {"tasks.core"}
GROUND = {"tasks.core", "tasks.adapters", "tasks.store", "configs"}
LEDGER = GROUND | {"tasks.publication"}
STOOD_ON = LEDGER | {"tasks.running", "tasks.delivery", "tasks.model"}
MAY_IMPORT = {
    "flows": {"flows", "tasks", "configs"},
    **{f"tasks.{wing}": {f"tasks.{wing}"} | STOOD_ON for wing in WINGS},
    "tasks.serve": STOOD_ON,
    "tasks.delivery": {"tasks.delivery", "tasks.running"} | LEDGER,
    "tasks.model": {"tasks.model"} | LEDGER,
    "tasks.running": {"tasks.running"} | LEDGER,
    "tasks.publication": LEDGER,
    "tasks.adapters": {"tasks.adapters"} | CORE,
    "tasks.store": {"tasks.store"},
    "tasks.core": CORE,
    "tasks": {"configs"},
    "expectations": set(),
    "configs": {"configs"} | CORE,
    "benchmarks": {"benchmarks", "tasks", "configs"},
}
"""A room to the rooms it may import. A wing imports no sibling."""
CORE_LIBRARIES = {"numpy", "pandas", "pyarrow", "scipy"}
IMPURE = {"os", "pathlib", "time", "shutil", "logging"}
PREFECT_ROOMS = {"flows", "tasks.running"}
LAYOUT = "tasks.publication.layout"
ROOMS_OF_THE_STORE = (
    "landing|work|revisions|quarantine|decisions|reports|monitoring|erasures|contracts|inputs|versions|reference|"
    "models|outcomes"
)
OURS = ("flows", "tasks", "expectations", "configs", "benchmarks")
FILES = [path for room in OURS for path in sorted((ROOT / room).rglob("*.py"))]


def room_of(module: str) -> str:
    """The most specific room a module belongs to."""
    return next(room for room in sorted(MAY_IMPORT, key=len, reverse=True) if f"{module}.".startswith(f"{room}."))


def breaches(path: Path, root: Path = ROOT) -> list[str]:
    room = room_of(module_of(path, root))
    found = []
    for name in imports_of(path):
        if name.split(".")[0] in OURS:
            is_roomed = any(f"{name}.".startswith(f"{each}.") for each in MAY_IMPORT[room])
            if not is_roomed and name not in EVERYONE:
                found.append(name)
        elif name.split(".")[0] == "prefect" and room not in PREFECT_ROOMS:
            found.append(name)
    return found


def spelled_keys(path: Path) -> list[str]:
    """Store keys that a module spells itself: a room's prefix as a whole text, or the start of one with a day in it."""
    tree = tree_of(path)
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    begun = re.compile(rf"({ROOMS_OF_THE_STORE})/(day=|from=|model=|sha256=|delivery=|$)")
    formatted = {id(node.values[0]) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) and node.values}
    keys = [node for node in texts if id(node) not in documents and begun.match(node.value)]
    return [node.value for node in keys if begun.fullmatch(node.value) or id(node) in formatted]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_one_way(path: Path) -> None:
    assert breaches(path) == []


@pytest.mark.parametrize("path", sorted((ROOT / "tasks/core").rglob("*.py")), ids=module_of)
def test_the_core_knows_no_disk_clock_or_framework(path: Path) -> None:
    third_party = {name.split(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names) - set(OURS)
    assert third_party <= CORE_LIBRARIES
    assert not IMPURE & set(imports_of(path))


@pytest.mark.parametrize("path", [path for path in FILES if module_of(path) != LAYOUT], ids=module_of)
def test_the_layout_alone_spells_keys_of_the_store(path: Path) -> None:
    if module_of(path).split(".")[0] in {"flows", "tasks"}:
        assert spelled_keys(path) == []


def test_every_folder_is_a_room_of_the_table() -> None:
    rooms = {module_of(path / "__init__.py") for path in (ROOT / "tasks").iterdir() if (path / "__init__.py").exists()}
    assert rooms <= MAY_IMPORT.keys()
    assert {room.removeprefix("tasks.") for room in rooms} >= WINGS


def test_the_rules_catch_a_breach(tmp_path: Path) -> None:
    path = tmp_path / "tasks/core/bad.py"
    path.parent.mkdir(parents=True)
    path.write_text("import prefect\nfrom tasks.store import open_store\nfrom tasks.core.day.records import Pins\n")
    assert breaches(path, tmp_path) == ["prefect", "tasks.store"]
    wing = tmp_path / "tasks/scoring/bad.py"
    wing.parent.mkdir(parents=True)
    wing.write_text(
        '"""landing/"""\nfrom tasks.retention.clean import clean\nprefix, key = "work/", f"landing/day={1}/"\n'
    )
    assert breaches(wing, tmp_path) == ["tasks.retention.clean"]
    assert spelled_keys(wing) == ["work/", "landing/day="]


def test_the_house_stays_flat_and_without_a_circle() -> None:
    graph = arrows()
    assert circles(graph) == []
    assert len(longest_chain(graph)) <= 15
    assert len(flat_files(ROOT / "tasks")) <= 4
    assert len(flat_files(ROOT / "tasks/core")) <= 8


def test_the_measures_of_the_house_see_a_circle_and_a_chain() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]
    assert longest_chain({"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": set()}) == ["a", "b", "c"]
