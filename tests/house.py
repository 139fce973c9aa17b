"""Shape of the house, counted from its imports: `python -m tests.house`."""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("flows", "tasks", "configs", "expectations")


def module_of(path: Path, root: Path = ROOT) -> str:
    """Dotted name of a file."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    """Syntax tree of a file, read once."""
    return ast.parse(path.read_text("utf-8"))


def imports_of(path: Path) -> Iterator[str]:
    """Modules that a file's import statements name, wherever in it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module or ""


def names_of(path: Path) -> Iterator[str]:
    """All that a file imports by `from module import name`, which may be modules, too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows(root: Path = ROOT) -> dict[str, set[str]]:
    """Each module of ours to the modules of ours that it imports; empty package files are left out."""
    files = {module_of(path, root): path for room in OURS for path in (root / room).rglob("*.py")}
    files = {name: path for name, path in files.items() if path.name != "__init__.py" or tree_of(path).body[1:]}
    return {name: ({*imports_of(path), *names_of(path)} & files.keys()) - {name} for name, path in files.items()}


def longest_chain(graph: Mapping[str, set[str]]) -> list[str]:
    """The longest way along imports, from the file that imports to the one that imports nothing."""

    @cache
    def below(name: str) -> tuple[str, ...]:
        return (name, *max((below(each) for each in sorted(graph[name])), key=len, default=()))

    return list(max((below(name) for name in sorted(graph)), key=len))


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of files that import each other in a loop."""
    reach: dict[str, set[str]] = {name: set(others) for name, others in graph.items()}
    for middle in graph:
        for name, others in reach.items():
            if middle in others:
                reach[name] = others | reach[middle]
    loops = {
        tuple(sorted({name} | {each for each in others if name in reach[each]}))
        for name, others in reach.items()
        if name in others
    }
    return sorted(map(list, loops))


def flat_files(folder: Path) -> list[str]:
    """Files that lie directly in a folder, `__init__.py` left out."""
    return sorted(path.name for path in folder.glob("*.py") if path.name != "__init__.py")


def room_arrows(graph: Mapping[str, set[str]]) -> int:
    """Number of pairs of rooms of which one imports the other; a room is a folder."""
    pairs = {(name.rpartition(".")[0], other.rpartition(".")[0]) for name, others in graph.items() for other in others}
    return sum(one != other for one, other in pairs)


def told(root: Path) -> str:
    """The figures, a line each."""
    graph = arrows(root)
    chain = longest_chain(graph)
    return "\n".join(
        [
            f"files {len(graph)}, arrows {sum(map(len, graph.values()))}, between folders {room_arrows(graph)}",
            f"circles {len(circles(graph))}",
            f"flat files: tasks {len(flat_files(root / 'tasks'))}, tasks/core {len(flat_files(root / 'tasks/core'))}",
            f"longest chain {len(chain)}: {' -> '.join(chain)}",
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(told(Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT) + "\n")
