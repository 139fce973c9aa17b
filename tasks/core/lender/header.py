"""A header with the declared names in another notation, told apart from one without them.

A message about it may repeat a name only if it is a declared one in other letters. Any other cell
might be an applicant's value, because the line might be a row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tasks.core.lender.columns import NAMES, TARGET
from tasks.core.words import counted

_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}
_LEAST_SEPARATED: Final = 10
"""Declared names from which a line is one of names with another separator."""
_SHOWN_NAMES: Final = 3


def _folded(name: str) -> str:
    """Letters and digits of a name, in lower case.

    >>> _folded("SkIdCurr") == _folded("SK_ID_CURR") == _folded("sk-id curr")
    True
    """
    return re.sub(r"[\W_]+", "", name).casefold()


_DECLARED: Final = {_folded(name): name for name in (*NAMES, TARGET)}


def header_fault(cells: Sequence[str]) -> str | None:
    """Fault of a header and its mend, in sentences; None if it is of no known kind.

    Args:
        cells: the header's cells, as they are between commas.

    >>> header_fault([name.lower() for name in NAMES])[:52]
    "Its header has 121 declared names in lower case ('sk"
    >>> header_fault([";".join(NAMES)])[:44]
    'Its columns are separated by semicolons; exp'
    >>> header_fault(["sep=;"])[:31], header_fault(["a", "b"])
    ("Its first line is 'sep=', which", None)
    """
    if cells and re.fullmatch(r"\W*sep=.?\W*", cells[0], re.IGNORECASE):
        return (
            "Its first line is 'sep=', which spreadsheets write for themselves. Delete that line, and "
            "separate the columns by commas."
        )
    for separator, word in _SEPARATORS.items():
        parts = [part.strip(" \"'") for part in separator.join(cells).split(separator)]
        if len(_alike(parts)) >= _LEAST_SEPARATED > len(_alike(cells)):
            return (
                f"Its columns are separated by {word}; expected commas, and points in decimal numbers. "
                f"Export it as comma-separated text.{_told_unlike(parts)}"
            )
    return _told_unlike(cells).strip() or None


def _alike(cells: Sequence[str]) -> dict[str, str]:
    """Cell to the declared name that it is, in whatever letters."""
    folded = {cell: _DECLARED.get(_folded(cell)) for cell in cells}
    return {cell: name for cell, name in folded.items() if name}


def _told_unlike(cells: Sequence[str]) -> str:
    """Sentences about the cells that are declared names in other letters; empty if there are none."""
    present = set(cells)
    unlike = {cell: name for cell, name in _alike(cells).items() if cell != name and name not in present}
    if not unlike:
        return ""
    letters = "lower case" if all(cell == name.lower() for cell, name in unlike.items()) else "other letters"
    named = counted(len(unlike), "declared name")
    shown = list(unlike.items())[:_SHOWN_NAMES]
    pairs = ", ".join(f"{cell!a} for {name}" for cell, name in shown)
    more = ", …" if len(unlike) > len(shown) else ""
    return f" Its header has {named} in {letters} ({pairs}{more}). Write them as they are declared."
