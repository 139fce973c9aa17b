"""Drifts of a whole day, each by name.

The rows are still applications, but no longer like those that the model learned from.

A list of drifts is written `income:+0.3,missing:EXT_SOURCE_1:0.2`. The drifts are done from left
to right. A drift with a comma in it stands in double quotes:
`"level:WALLSMATERIAL_MODE:Stone, brick:0.3",income:+0.3`.

Every drift changes one column and nothing else. The other columns, the number of rows and their
order stay. Outcomes are drawn before and stay: the inputs drift, the defaults do not follow them.
Some rows may break the contract afterwards, as they would in the feed.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.random import Generator
from numpy.typing import NDArray

from tasks.core.feed.synthetic import random_stream
from tasks.core.lender.columns import COLUMNS, ID, NO_CATEGORY, SENTINELS, TARGET, DeclaredColumn
from tasks.errors import ConfigError, did_you_mean

Parameter = Literal["COLUMN", "CHANGE", "FACTOR", "SDS", "VALUE", "LEVEL", "SHARE"]

INCOME: Final = "AMT_INCOME_TOTAL"
INCOME_STEP: Final = 4_500.0
"""Nearly all incomes of the feed are multiples of this, in its currency."""

_COLUMNS: Final = {column.name: column for column in COLUMNS if column.name != ID}
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Parameters that hold a number other than a share; a drift has at most one of them.
_NUMBERS: Final[tuple[Parameter, ...]] = ("CHANGE", "FACTOR", "SDS", "VALUE")
# Whole numbers up to here, and some way on, are exact in float64.
_LARGEST: Final = 1e15
_KIND_NAMES: Final = {"text": "text", "integer": "whole numbers", "real": "numbers"}


@dataclass(frozen=True, slots=True)
class DriftRequest:
    """Request for one drift."""

    text: str
    """Text of the request, without blanks around it. It also names the random stream."""
    name: str
    column: DeclaredColumn
    number: float = math.nan
    """CHANGE, FACTOR, SDS or VALUE; NaN if the drift has none of them."""
    share: float = 1.0
    """Share of the day's rows, 0 to 1."""
    level: str = ""


DriftChange = Callable[[pa.Array, DriftRequest, Generator], pa.Array]


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which a day can differ from those before."""

    phrase: str
    parameters: tuple[Parameter, ...]
    """Parameters behind the name, in this order, with colons between."""
    change: DriftChange
    """Function from the values of the column to the drifted ones, as many and of the same type."""
    kinds: tuple[str, ...] = ("integer", "real", "text")
    """Kinds of columns that can drift like this."""
    n_optional: int = 0
    """Number of the last parameters that may be left out."""

    @property
    def form(self) -> str:
        """Spelling of the parameters: `COLUMN:FACTOR[:SHARE]`."""
        n_required = len(self.parameters) - self.n_optional
        optional = "".join(f"[:{parameter}]" for parameter in self.parameters[n_required:])
        return ":".join(self.parameters[:n_required]) + optional


def drift_rows(
    table: pa.Table,
    requests: tuple[DriftRequest, ...],
    *,
    seed: int,
    as_of: date,
) -> pa.Table:
    """Typed rows after the drifts, done one after the other. Equal arguments give equal rows."""
    for request in requests:
        position = table.schema.get_field_index(request.column.name)
        generator = random_stream(seed, as_of, f"drift {request.text}")
        values = table.column(position).combine_chunks()
        drifted = DRIFTS[request.name].change(values, request, generator)
        table = table.set_column(position, table.field(position), drifted)
    return table


def parse_drifts(text: str) -> tuple[DriftRequest, ...]:
    """Drifts of a comma-separated list, in its order; none for an empty text.

    >>> drifts = parse_drifts("income:+0.3, unit:AMT_CREDIT:1000")
    >>> [(each.name, each.column.name, each.number) for each in drifts]
    [('income', 'AMT_INCOME_TOTAL', 0.3), ('unit', 'AMT_CREDIT', 1000.0)]

    Raises:
        ConfigError: a drift or column is unknown, the two do not go together, a parameter is
            missing, surplus or not a number, or a number is out of its range.
    """
    try:
        items = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        raise ConfigError(
            f"The drifts {text!r} cannot be told apart: separate them by commas, and put a drift "
            "with a comma in it in double quotes as a whole."
        ) from None
    return tuple(_parse(item.strip()) for item in items)


def _parse(text: str) -> DriftRequest:
    name, *words = text.split(":")
    if name not in DRIFTS:
        hint = did_you_mean(name, [*DRIFTS])
        raise ConfigError(f"There is no drift {name!r}; there are {', '.join(DRIFTS)}.{hint}")
    drift = DRIFTS[name]
    words = [word.strip() for word in _with_level_whole(words, drift.parameters)]
    n_all = len(drift.parameters)
    if not n_all - drift.n_optional <= len(words) <= n_all:
        raise ConfigError(
            f"The drift {text!r} has {len(words)} parameters; it is written {name}:{drift.form}."
        )  # fmt: skip
    given = dict(zip(drift.parameters, words, strict=False))
    column = _column(given.get("COLUMN", INCOME), text, drift)
    key = next((key for key in _NUMBERS if key in given), None)
    number = _number(given[key], text, key) if key else math.nan
    share = _share(given["SHARE"], text) if "SHARE" in given else 1.0
    request = DriftRequest(text, name, column, number, share, given.get("LEVEL", ""))
    _require_sensible(request)
    return request


def _with_level_whole(words: list[str], parameters: tuple[Parameter, ...]) -> list[str]:
    """Words of the request. A level with colons in it is one word again: `Trade: type 7`."""
    surplus = len(words) - len(parameters)
    if "LEVEL" not in parameters or surplus <= 0:
        return words
    first = parameters.index("LEVEL")
    return [
        *words[:first],
        ":".join(words[first : first + surplus + 1]),
        *words[first + surplus + 1 :],
    ]


def _column(name: str, text: str, drift: Drift) -> DeclaredColumn:
    if name in {ID, TARGET}:
        raise ConfigError(f"The drift {text!r} is not possible: {ID} and {TARGET} do not drift.")
    if name not in _COLUMNS:
        hint = did_you_mean(name, [*_COLUMNS])
        raise ConfigError(
            f"The drift {text!r} names {name!r}, which is not a column of an application.{hint}"
        )  # fmt: skip
    column = _COLUMNS[name]
    if column.kind not in drift.kinds:
        allowed = " or ".join(_KIND_NAMES[kind] for kind in drift.kinds)
        raise ConfigError(
            f"The drift {text!r} is not possible: {name} holds {_KIND_NAMES[column.kind]}, "
            f"and the drift is for columns of {allowed}."
        )
    return column


def _number(word: str, text: str, parameter: str) -> float:
    if not _NUMBER.fullmatch(word):
        raise ConfigError(
            f"The drift {text!r} has {word!r} as its {parameter}, which is not a number; "
            "write 0.3 or 1000."
        )  # fmt: skip
    if abs(float(word)) > _LARGEST:
        raise ConfigError(
            f"The drift {text!r} has {word} as its {parameter}; it must be -1e15 to 1e15."
        )  # fmt: skip
    return float(word)


def _share(word: str, text: str) -> float:
    share = _number(word, text, "SHARE")
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"The drift {text!r} has the share {word}; a share must be 0 to 1.")
    return share


def _require_sensible(request: DriftRequest) -> None:
    """Raise `ConfigError` if the drift and its column do not fit together."""
    if request.name == "income" and request.number < -1.0:
        raise ConfigError(
            f"The drift {request.text!r} makes incomes negative; CHANGE must be -1 or more."
        )  # fmt: skip
    column = request.column
    is_text = column.kind == "text"
    if request.name == "sentinel" and not is_text and column.name not in SENTINELS:
        raise ConfigError(
            f"The drift {request.text!r} is not possible: {column.name} has no sentinel; "
            f"{', '.join(SENTINELS)} has one, and every text column has {NO_CATEGORY}."
        )
    if request.name == "level" and is_text and not request.level:
        raise ConfigError(
            f"The drift {request.text!r} names no level; use `missing` to empty cells."
        )  # fmt: skip
    if column.kind != "integer" or request.name not in {"level", "outlier"}:
        return
    is_level = request.name == "level"
    value = _number(request.level, request.text, "LEVEL") if is_level else request.number
    if not value.is_integer():
        raise ConfigError(
            f"The drift {request.text!r} is not possible: {column.name} holds whole numbers."
        )  # fmt: skip


def _scale_incomes(values: pa.Array, request: DriftRequest, generator: Generator) -> pa.Array:
    return _as_arrow(_on_step(_as_numbers(values) * (1.0 + request.number), INCOME_STEP, generator))


def _lose(values: pa.Array, request: DriftRequest, generator: Generator) -> pa.Array:
    present = pc.is_valid(values).to_numpy(zero_copy_only=False)
    chosen = _choose(present, request.share, generator)
    return pc.if_else(chosen, pa.scalar(None, values.type), values)


def _change_unit(values: pa.Array, request: DriftRequest, generator: Generator) -> pa.Array:
    numbers = _as_numbers(values)
    chosen = _choose(_is_quantity(numbers, request.column), request.share, generator)
    changed = numbers * request.number
    return _replace_chosen(numbers, changed, chosen, request.column, generator)


def _shift(values: pa.Array, request: DriftRequest, generator: Generator) -> pa.Array:
    numbers = _as_numbers(values)
    quantities = _is_quantity(numbers, request.column)
    if not quantities.any():
        return values
    shifted = numbers + request.number * np.std(numbers[quantities])
    return _replace_chosen(numbers, shifted, pa.array(quantities), request.column, generator)


def _set_sentinel(values: pa.Array, request: DriftRequest, generator: Generator) -> pa.Array:
    sentinel = pa.scalar(SENTINELS.get(request.column.name, NO_CATEGORY), values.type)
    return _spread(values, sentinel, request.share, generator)


def _set_level(values: pa.Array, request: DriftRequest, generator: Generator) -> pa.Array:
    level = request.level if request.column.kind == "text" else float(request.level)
    return _spread(values, pa.scalar(level, values.type), request.share, generator)


def _shuffle(values: pa.Array, _request: DriftRequest, generator: Generator) -> pa.Array:
    return values.take(pa.array(generator.permutation(len(values))))


def _set_outlier(values: pa.Array, request: DriftRequest, generator: Generator) -> pa.Array:
    one = 1.0 / max(1, len(values))
    return _spread(values, pa.scalar(request.number, values.type), one, generator)


def _spread(
    values: pa.Array,
    replacement: pa.Scalar,
    share: float,
    generator: Generator,
) -> pa.Array:
    """Values with the replacement in `share` of all rows, drawn from those with another value."""
    others = pc.fill_null(pc.not_equal(values, replacement), False).to_numpy(zero_copy_only=False)
    return pc.if_else(_choose(others, share, generator), replacement, values)


def _choose(candidates: NDArray[np.bool_], share: float, generator: Generator) -> pa.Array:
    """Mask of `round(share * rows)` candidates, drawn at random; of all if there are fewer."""
    chosen = np.zeros(candidates.size, dtype=bool)
    n_chosen = round(share * candidates.size)
    chosen[generator.permutation(np.flatnonzero(candidates))[:n_chosen]] = True
    return pa.array(chosen)


def _is_quantity(numbers: NDArray[np.float64], column: DeclaredColumn) -> NDArray[np.bool_]:
    """True if there is a value other than the sentinel, which no unit and no shift changes."""
    sentinel = SENTINELS.get(column.name, math.nan)
    is_quantity: NDArray[np.bool_] = ~np.isnan(numbers) & (numbers != sentinel)
    return is_quantity


def _replace_chosen(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    chosen: pa.Array,
    column: DeclaredColumn,
    generator: Generator,
) -> pa.Array:
    """Numbers `after` in the chosen rows, whole if those of the column are; `before` elsewhere."""
    replacements = _on_step(after, 1.0, generator) if column.kind == "integer" else after
    return pc.if_else(chosen, _as_arrow(replacements), _as_arrow(before))


def _on_step(
    numbers: NDArray[np.float64],
    step: float,
    generator: Generator,
) -> NDArray[np.float64]:
    """Multiples of `step`. Each number is rounded up or down at random, so that the mean stays.

    Rounding to the nearest would undo a small drift: 112,500 times 1.01 is 112,500 again.
    """
    raised = np.round(numbers / step, 9) + generator.random(numbers.size)
    stepped: NDArray[np.float64] = np.floor(raised) * step
    return stepped


def _as_numbers(values: pa.Array) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = values.to_numpy(zero_copy_only=False)
    return numbers


def _as_arrow(numbers: NDArray[np.float64]) -> pa.Array:
    return pa.array(numbers + 0.0, from_pandas=True)  # no negative zeros


_QUANTITIES: Final = ("integer", "real")
DRIFTS: Final = MappingProxyType({
    "income": Drift(
        "incomes times 1 + CHANGE, on the feed's step of 4,500", ("CHANGE",), _scale_incomes
    ),
    "missing": Drift("SHARE of the rows lose their value", ("COLUMN", "SHARE"), _lose),
    "unit": Drift(
        "values times FACTOR, as in another unit",
        ("COLUMN", "FACTOR", "SHARE"), _change_unit, _QUANTITIES, n_optional=1,
    ),
    "shift": Drift(
        "values plus SDS standard deviations of the day", ("COLUMN", "SDS"), _shift, _QUANTITIES
    ),
    "sentinel": Drift(
        "SHARE of the rows get the code for no value",
        ("COLUMN", "SHARE"), _set_sentinel, ("integer", "text"),
    ),
    "level": Drift(
        "a level, declared or new, gains SHARE of the rows",
        ("COLUMN", "LEVEL", "SHARE"), _set_level, ("integer", "text"),
    ),
    "shuffle": Drift(
        "values change places, so that they go with nothing any more", ("COLUMN",), _shuffle
    ),
    "outlier": Drift("one row gets VALUE", ("COLUMN", "VALUE"), _set_outlier, _QUANTITIES),
})  # fmt: skip
