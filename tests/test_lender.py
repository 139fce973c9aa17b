"""Columns of this lender's feed are named in few places, so that another lender is one folder to write."""

import ast
import re
from pathlib import Path

import pytest

from tasks.core.lender.columns import NAMES, SENTINELS, TARGET

ROOT = Path(__file__).resolve().parent.parent
OURS = ("flows", "tasks", "expectations", "configs", "benchmarks")
MAY_NAME_COLUMNS = ("tasks/core/lender", "tasks/core/feed", "benchmarks/studies")
"""Rooms that may: the lender's own, the synthetic feed, and the studies of the real feed that made it.

Suites, policies and statistics may, too: they are JSON and YAML, hence configuration.
"""
LONGEST_FIRST = sorted({*NAMES, TARGET}, key=len, reverse=True)
COLUMN = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(LONGEST_FIRST)})(?![A-Za-z])")
CODES = {*SENTINELS.values()}
WRITTEN_CODES = {f"{code:.0f}" for code in CODES} | {str(code) for code in CODES}
FILES = [
    path
    for room in OURS
    for path in sorted((ROOT / room).rglob("*.py"))
    if not path.relative_to(ROOT).as_posix().startswith(MAY_NAME_COLUMNS)
]


def named_columns(code: str) -> list[str]:
    """Columns and codes that a module spells itself.

    Sentences (docstrings with their examples, texts of a command's help) may: a text with a blank is one.
    """
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += COLUMN.findall(node.value) if " " not in node.value else []
            found += [node.value] if node.value in WRITTEN_CODES else []
        elif isinstance(node, ast.Constant) and not isinstance(node.value, bool):
            found += [str(node.value)] if node.value in CODES else []
        elif isinstance(node, ast.Attribute):
            found += [node.attr] if node.attr in NAMES else []
        elif isinstance(node, ast.keyword):
            found += [node.arg] if node.arg in NAMES else []
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_outside_names_a_column(path: Path) -> None:
    assert named_columns(path.read_text()) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('rows.column("AMT_CREDIT")', ["AMT_CREDIT"]),
        ('rows.column(f"typed_AMT_CREDIT_{n}")', ["AMT_CREDIT"]),
        ("frame.DAYS_BIRTH", ["DAYS_BIRTH"]),
        ("make(CODE_GENDER=1)", ["CODE_GENDER"]),
        ("days == 365_243", ["365243"]),
        ("days == 365243.0", ["365243.0"]),
        ('days == "365243"', ["365243"]),
        ('"TARGET"', ["TARGET"]),
        ('"TARGETED"', []),
        ("from tasks.core.lender.columns import TARGET\nprint(TARGET)", []),
        ('"""The column AMT_CREDIT.\n\n>>> frame["AMT_CREDIT"]\n"""', []),
        ("days == True", []),
    ],
)
def test_the_rule_catches_a_breach(code: str, found: list[str]) -> None:
    assert named_columns(code) == found


def test_rooms_that_may_name_columns_are_there() -> None:
    for room in MAY_NAME_COLUMNS:
        assert any(named_columns(path.read_text()) for path in (ROOT / room).glob("*.py"))
