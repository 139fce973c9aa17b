"""Texts for people: counts, shares and Markdown; and values for JSON."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any


def counted(number: int, noun: str) -> str:
    """Number of things, in words.

    >>> [counted(number, "file") for number in (0, 1, 2000)]
    ['0 files', '1 file', '2,000 files']
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(words: Sequence[str]) -> str:
    """Words in a sentence, the last after "and".

    >>> [listed(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])]
    ['a', 'a and b', 'a, b and c']
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def percent(share: float) -> str:
    """Share in [0, 1] in percent; a small share never reads as none. A dash for NaN.

    >>> [percent(share) for share in (0, 0.000_001, 0.000_1, 0.001, 0.5, math.nan)]
    ['0%', '<0.001%', '0.010%', '0.1%', '50.0%', '-']
    """
    if math.isnan(share):
        return "-"
    if share >= 0.001:  # noqa: PLR2004 - the least that one decimal shows
        return f"{share:.1%}"
    if share >= 0.000_01:  # noqa: PLR2004 - the least that three decimals show
        return f"{share:.3%}"
    return "<0.001%" if share else "0%"


def in_markdown(text: str) -> str:
    r"""Text escaped so that Markdown shows it as it is, with any characters in it.

    >>> print(in_markdown("a_b.csv"))
    a\_b.csv
    """
    return re.sub(r"([\\`*_{}\[\]()#+!|<>&~])", r"\\\1", text)


def normal_name(name: str) -> str:
    r"""Name of a file, or a key, as names are compared: with composed letters (NFC).

    One system writes an accented letter as one character, another as two that look the same.

    >>> normal_name("e\u0301.csv") == "\u00e9.csv"
    True
    """
    return unicodedata.normalize("NFC", name)


def in_json(value: Any) -> Any:
    """Value as any reader of JSON takes it.

    Scalars of numpy become plain ones, and numbers that are not finite null: JSON has none.

    >>> import numpy as np
    >>> in_json({"met": np.True_, "rows": [np.int64(2), np.float32(0.5), float("nan")]})
    {'met': True, 'rows': [2, 0.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(name): in_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [in_json(each) for each in value]
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
