"""Notations of values that do not parse: what they look like, never what they are.

A feed that changes its notation changes whole columns at once: a decimal comma, a word for missing,
a thousands separator. A count of broken rows does not show that. So the cells that do not parse are
counted by notation, and a message shows the notation on a number that nobody delivered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.lender.columns import ID
from tasks.core.words import counted, listed


class Notation(NamedTuple):
    """A notation that is not read, for a message."""

    likeness: str
    """End of the sentence "12 cells …"."""
    mend: str
    """Sentence that says how to write the value instead."""


NOTATIONS: Final[Mapping[str, Notation]] = {
    "column name": Notation(
        "repeat the column's name",
        "The header stands amid the rows, as in files that were strung together: keep the first one.",
    ),
    "shortened id": Notation(
        "look like 1.2E+11: a spreadsheet has rounded the ids",
        "Deliver them with all their digits, as whole numbers or as text.",
    ),
    "word for missing": Notation("are a word or a sign for missing, like NA", "Leave such a cell empty."),
    "thousands separator": Notation("look like 1,234 or 1 234", "Write 1234."),
    "decimal comma": Notation("look like 1234,5", "Write 1234.5, with a decimal point."),
    "points and comma": Notation("look like 1.234,5", "Write 1234.5."),
    "unit": Notation("carry a unit or a sign, like 1234 EUR or 12%", "Write the number alone."),
    "truth value": Notation("are truth values, like true", "Write a number."),
    "date": Notation("look like the date 2026-11-02", "Write a number."),
    "infinite": Notation("are infinite", "Leave the cell empty if the value is not known."),
    "too large": Notation(
        "are numbers too large to be exact", "Deliver whole numbers below 2**53, as text or as 64-bit integers."
    ),
    "fraction": Notation("have a fraction, like 1.5, where whole numbers are expected", "Write a whole number."),
    "16-bit float": Notation(
        "came as 16-bit floats, in which whole numbers above 2,047 are not exact",
        "Write the column as a 64-bit integer.",
    ),
    "32-bit float": Notation(
        "came as 32-bit floats, in which whole numbers above 16,777,215 are not exact",
        "Write the column as a 64-bit integer.",
    ),
    "other text": Notation("are other text", "Write a number."),
}
"""Name of a notation to its description, in the order in which they are tried."""
_PATTERNS: Final = {
    "word for missing": r"(?i)^(n/?a|#n/?a|nan|null|nil|none|missing|unknown|undefined|xna|[-?.]+)$",
    "thousands separator": (
        r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$"
        r"|^[+-]?\d{1,3}([ \x{a0}\x{2009}\x{202f}\x{2019}'_]\d{3})+([.,]\d*)?$"  # blanks of any width, apostrophes
    ),
    "decimal comma": r"^[+-]?\d*,\d+$",
    "points and comma": r"^[+-]?\d{1,3}(\.\d{3})+,\d+$|^[+-]?\d{1,3}(\.\d{3}){2,}$",
    "truth value": r"(?i)^(true|false|yes|no|[tfyn])$",
    "date": r"^\d{4}-\d\d?-\d\d?([T ].*)?$|^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}$",
    "infinite": r"(?i)^[+-]?inf(inity)?$",
    "unit": r"^[+-]?[^\d\s.,+-]{1,4} ?[+-]?\d[\d.,]*$|^[+-]?\d[\d.,]* ?[^\d\s.,]{1,4}$",
    "too large": r"^[+-]?\d+$|^[+-]?\d+(\.\d*)?[eE]\+?\d{2,}$",
    "fraction": r"^[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?$",
}
"""Regular expression of a trimmed cell, by notation."""
# A number with an exponent. Where the decimal sign is a comma, a spreadsheet writes it as such.
_SHORTENED: Final = r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)[eE][+-]?\d+$"
_VERB: Final = re.compile("^(are|have|came|carry|look|repeat)")
_WIDTHS: Final = {pa.float16(): "16-bit float", pa.float32(): "32-bit float"}


def count_notations(lost: pa.Array, column: str) -> dict[str, int]:
    """Number of values by notation, most first.

    Args:
        lost: delivered values of the column that do not parse, none of them missing.
        column: its name.

    >>> count_notations(pa.array(["12,5", "AMT_CREDIT", "7,25", "NA"]), "AMT_CREDIT")
    {'decimal comma': 2, 'column name': 1, 'word for missing': 1}
    """
    text = pc.utf8_trim_whitespace(lost.cast(pa.string()))
    counts: dict[str, int] = {}
    patterns = {"column name": f"(?i)^{re.escape(column)}$", **_PATTERNS}
    if column == ID and not _is_binary_number(lost.type):
        patterns = {"shortened id": _SHORTENED, **patterns}
    for notation, pattern in patterns.items():
        if not len(text):
            break
        found = pc.match_substring_regex(text, pattern)
        counts[notation] = pc.sum(found).as_py() or 0
        text = text.filter(pc.invert(found))
    counts["other text"] = len(text)
    if width := _WIDTHS.get(lost.type):
        counts[width] = counts.pop("too large", 0)
    return _most_first({notation: count for notation, count in counts.items() if count})


def _is_binary_number(type_: pa.DataType) -> bool:
    """True if a value of this type has an exponent only in the text that we made of it."""
    return bool(pa.types.is_floating(type_) or pa.types.is_decimal(type_))


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: -each[1]))


def add_notations(*counts: Mapping[str, int]) -> dict[str, int]:
    """Sum of the counts, most first.

    >>> add_notations({"fraction": 1}, {"date": 2}, {"fraction": 3})
    {'fraction': 4, 'date': 2}
    """
    total: dict[str, int] = {}
    for each in counts:
        for notation, count in each.items():
            total[notation] = total.get(notation, 0) + count
    return _most_first(total)


def describe_notations(by_column: Mapping[str, Mapping[str, int]], *, most_columns: int = 3) -> list[str]:
    """Sentences about the cells that do not parse, two for each notation, most cells first.

    >>> counts = {"AMT_ANNUITY": {"decimal comma": 2000}, "AMT_CREDIT": {"decimal comma": 1}}
    >>> describe_notations(counts)
    ['2,001 cells of AMT_ANNUITY and AMT_CREDIT look like 1234,5. Write 1234.5, with a decimal point.']
    """
    sentences = []
    for notation, count in add_notations(*by_column.values()).items():
        columns = [column for column, counts in by_column.items() if notation in counts]
        known = NOTATIONS.get(notation, NOTATIONS["other text"])
        likeness = _VERB.sub(_singular, known.likeness) if count == 1 else known.likeness
        named = _listed(columns, most_columns)
        sentences.append(f"{counted(count, 'cell')} of {named} {likeness}. {known.mend}")
    return sentences


def _singular(verb: re.Match[str]) -> str:
    singular = {"are": "is", "have": "has", "carry": "carries", "came": "came"}
    return singular.get(verb[0], f"{verb[0]}s")


def _listed(columns: list[str], most: int) -> str:
    named, more = columns[:most], len(columns) - most
    if more > 0:
        return f"{', '.join(named)} and {counted(more, 'other column')}"
    return listed(named)
