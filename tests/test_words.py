"""One word, one meaning; docstrings that say what a thing is; messages of one shape."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import ROOT, module_of, tree_of

FILES = [path for room in ("flows", "tasks", "configs") for path in sorted((ROOT / room).rglob("*.py"))]
QUESTIONS = {"What", "Whatever", "Whether", "Where", "How", "Which", "Who", "Whoever", "Whose", "Why", "When"}
"""First words that make a docstring a question; it should name a thing, or say what is done."""
BANNED = re.compile(r"\b(is|are) no (?!longer|more)[a-z]|\b(required|allowed) (is|are)\b", re.IGNORECASE)
"""Turns of phrase that a reader whose first language is not English must read twice."""
SAID_OF_COUNTS = re.compile(r"\b[Tt]here (is|are) no\b")
GENERIC = {"P", "R", "T", "F"}
"""Type variables."""


def public_names(path: Path) -> Iterator[str]:
    """Classes and functions that other modules may import."""
    for node in tree_of(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name


def documents(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring, those under fields and constants included."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value.strip()


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every other string, formatted ones in their constant parts."""
    told = {id(node.value) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def questions(path: Path) -> list[str]:
    """Docstrings that begin with a question."""
    begun = ((line, text.split()[:1]) for line, text in documents(path))
    return [f"{path.name}:{line} {first[0]}" for line, first in begun if first and first[0] in QUESTIONS]


def banned(path: Path) -> list[str]:
    """Messages with a banned turn of phrase."""
    said = ((line, SAID_OF_COUNTS.sub("", text)) for line, text in messages(path))
    return [f"{path.name}:{line} {text[:60]!r}" for line, text in said if BANNED.search(text)]


def test_a_public_name_stands_for_one_thing() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in FILES:
        for name in public_names(path):
            places[name].append(module_of(path))
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_docstring_names_a_thing_or_says_what_is_done(path: Path) -> None:
    assert questions(path) == []


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_message_says_what_was_expected_in_plain_words(path: Path) -> None:
    assert banned(path) == []


def test_the_rules_see_what_breaks_them(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        'def told():\n    """Whether it is told."""\n    raise ValueError("it is no file; required is one")\n'
    )
    assert list(public_names(bad)) == ["told"]
    assert questions(bad) == ["bad.py:2 Whether"]
    assert banned(bad) == ["bad.py:3 'it is no file; required is one'"]
    good = tmp_path / "good.py"
    good.write_text('"""A sentence."""\nraise ValueError("There are no corrections; it is no longer there")\n')
    assert (questions(good), banned(good)) == ([], [])
