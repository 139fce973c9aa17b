"""Drifts of a whole day, each by name: applications still, but no longer those that the model learned from.

A list of drifts is written `income:+0.3,missing:EXT_SOURCE_1:0.2`; they are done from left to right. A drift with a
comma in it stands in double quotes: `"level:WALLSMATERIAL_MODE:Stone, brick:0.3",income:+0.3`.

Every drift changes one column and nothing else: not the other columns, nor how many rows there are or their order. An
outcome is drawn before and stays: the inputs drift, and who defaults does not follow them. Rows that no longer keep the
contract may come out of it, as they would in the feed.
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
# Whole numbers up to here, and some way on, are exact in float64.
_LARGEST: Final = 1e15
_KINDS_TOLD: Final = {"text": "text", "integer": "whole numbers", "real": "numbers"}


@dataclass(frozen=True, slots=True)
class DriftRequest:
    """One drift as somebody asked for it."""

    text: str
    """As it was written, without blanks around it; names the drift's random stream, too."""
    name: str
    column: DeclaredColumn
    number: float = math.nan
    """CHANGE, FACTOR, SDS or VALUE; NaN for a drift without any."""
    share: float = 1.0
    """Share of the day's rows, 0 to 1."""
    level: str = ""


DriftChange = Callable[[pa.Array, DriftRequest, np.random.Generator], pa.Array]


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which a day can differ from those before."""

    phrase: str
    parameters: tuple[Parameter, ...]
    """What is written behind the name, in this order, with colons between."""
    change: DriftChange
    """From the column's values to the drifted ones, as many and of the same type."""
    kinds: tuple[str, ...] = ("integer", "real", "text")
    """Kinds of columns that it can be done to."""
    n_optional: int = 0
    """How many of the last parameters may be left out."""

    @property
    def form(self) -> str:
        """How the parameters are written: `COLUMN:FACTOR[:SHARE]`."""
        n_required = len(self.parameters) - self.n_optional
        optional = "".join(f"[:{parameter}]" for parameter in self.parameters[n_required:])
        return ":".join(self.parameters[:n_required]) + optional


def drift_rows(table: pa.Table, requests: tuple[DriftRequest, ...], *, seed: int, as_of: date) -> pa.Table:
    """The typed rows, their columns drifted one request after the other; the same arguments give the same rows."""
    for request in requests:
        position = table.schema.get_field_index(request.column.name)
        generator = random_stream(seed, as_of, f"drift {request.text}")
        values = table.column(position).combine_chunks()
        drifted = DRIFTS[request.name].change(values, request, generator)
        table = table.set_column(position, table.field(position), drifted)
    return table


def parse_drifts(text: str) -> tuple[DriftRequest, ...]:
    """The drifts of a comma-separated list, in its order; none for an empty text.

    >>> [(each.name, each.column.name, each.number) for each in parse_drifts("income:+0.3, unit:AMT_CREDIT:1000")]
    [('income', 'AMT_INCOME_TOTAL', 0.3), ('unit', 'AMT_CREDIT', 1000.0)]

    Raises:
        ConfigError: a drift or column is unknown or the two do not go together, a parameter is missing, too many or no
            number, or a number is out of its range.
    """
    try:
        items = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        raise ConfigError(
            f"The drifts {text!r} cannot be told apart: between them stand commas, and a drift with a comma in it "
            "stands in double quotes as a whole."
        ) from None
    return tuple(_parse(item.strip()) for item in items)


def _parse(text: str) -> DriftRequest:
    name, *words = text.split(":")
    if name not in DRIFTS:
        raise ConfigError(f"There is no drift {name!r}; there are {', '.join(DRIFTS)}.{did_you_mean(name, [*DRIFTS])}")
    drift = DRIFTS[name]
    words = [word.strip() for word in _with_level_whole(words, drift.parameters)]
    n_all = len(drift.parameters)
    if not n_all - drift.n_optional <= len(words) <= n_all:
        raise ConfigError(f"The drift {text!r} has {len(words)} parameters; it is written {name}:{drift.form}.")
    given = dict(zip(drift.parameters, words, strict=False))
    column = _column(given.get("COLUMN", INCOME), text, drift)
    number = next(
        (_number(given[key], text, key) for key in ("CHANGE", "FACTOR", "SDS", "VALUE") if key in given), None
    )
    share = _share(given["SHARE"], text) if "SHARE" in given else 1.0
    request = DriftRequest(text, name, column, math.nan if number is None else number, share, given.get("LEVEL", ""))
    _require_sensible(request)
    return request


def _with_level_whole(words: list[str], parameters: tuple[Parameter, ...]) -> list[str]:
    """The words, those of a level with colons in it joined again: `Trade: type 7`."""
    surplus = len(words) - len(parameters)
    if "LEVEL" not in parameters or surplus <= 0:
        return words
    first = parameters.index("LEVEL")
    return [*words[:first], ":".join(words[first : first + surplus + 1]), *words[first + surplus + 1 :]]


def _column(name: str, text: str, drift: Drift) -> DeclaredColumn:
    if name in {ID, TARGET}:
        raise ConfigError(f"The drift {text!r} cannot be: {ID} and {TARGET} do not drift.")
    if name not in _COLUMNS:
        hint = did_you_mean(name, [*_COLUMNS])
        raise ConfigError(f"The drift {text!r} names {name!r}, which is no column of an application.{hint}")
    column = _COLUMNS[name]
    if column.kind not in drift.kinds:
        allowed = " or ".join(_KINDS_TOLD[kind] for kind in drift.kinds)
        raise ConfigError(
            f"The drift {text!r} cannot be: {name} holds {_KINDS_TOLD[column.kind]}, and the drift is for columns of "
            f"{allowed}."
        )
    return column


def _number(word: str, text: str, parameter: str) -> float:
    if not _NUMBER.fullmatch(word):
        raise ConfigError(f"The drift {text!r} has {word!r} as its {parameter}, which is no number; write 0.3 or 1000.")
    if abs(float(word)) > _LARGEST:
        raise ConfigError(f"The drift {text!r} has {word} as its {parameter}; allowed are -1e15 to 1e15.")
    return float(word)


def _share(word: str, text: str) -> float:
    share = _number(word, text, "SHARE")
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"The drift {text!r} has the share {word}; a share of the rows lies in 0 to 1.")
    return share


def _require_sensible(request: DriftRequest) -> None:
    """What depends on the drift and its column together."""
    if request.name == "income" and request.number < -1.0:
        raise ConfigError(f"The drift {request.text!r} makes incomes negative; CHANGE is -1 or more.")
    if request.name == "sentinel" and request.column.kind != "text" and request.column.name not in SENTINELS:
        raise ConfigError(
            f"The drift {request.text!r} cannot be: {request.column.name} has no sentinel; {', '.join(SENTINELS)} has "
            f"one, and every text column {NO_CATEGORY}."
        )
    if request.name == "level" and request.column.kind == "text" and not request.level:
        raise ConfigError(f"The drift {request.text!r} names no level; `missing` is what empties cells.")
    if request.column.kind != "integer" or request.name not in {"level", "outlier"}:
        return
    value = _number(request.level, request.text, "LEVEL") if request.name == "level" else request.number
    if not value.is_integer():
        raise ConfigError(f"The drift {request.text!r} cannot be: {request.column.name} holds whole numbers.")


def _scale_incomes(values: pa.Array, request: DriftRequest, generator: np.random.Generator) -> pa.Array:
    return _as_arrow(_on_step(_as_numbers(values) * (1.0 + request.number), INCOME_STEP, generator))


def _lose(values: pa.Array, request: DriftRequest, generator: np.random.Generator) -> pa.Array:
    present = pc.is_valid(values).to_numpy(zero_copy_only=False)
    return pc.if_else(_choose(present, request.share, generator), pa.scalar(None, values.type), values)


def _change_unit(values: pa.Array, request: DriftRequest, generator: np.random.Generator) -> pa.Array:
    numbers = _as_numbers(values)
    chosen = _choose(_is_quantity(numbers, request.column), request.share, generator)
    return _settle(numbers, numbers * request.number, chosen, request.column, generator)


def _shift(values: pa.Array, request: DriftRequest, generator: np.random.Generator) -> pa.Array:
    numbers = _as_numbers(values)
    quantities = _is_quantity(numbers, request.column)
    if not quantities.any():
        return values
    shifted = numbers + request.number * np.std(numbers[quantities])
    return _settle(numbers, shifted, pa.array(quantities), request.column, generator)


def _set_sentinel(values: pa.Array, request: DriftRequest, generator: np.random.Generator) -> pa.Array:
    sentinel = pa.scalar(SENTINELS.get(request.column.name, NO_CATEGORY), values.type)
    return _spread(values, sentinel, request.share, generator)


def _set_level(values: pa.Array, request: DriftRequest, generator: np.random.Generator) -> pa.Array:
    level = request.level if request.column.kind == "text" else float(request.level)
    return _spread(values, pa.scalar(level, values.type), request.share, generator)


def _shuffle(values: pa.Array, _request: DriftRequest, generator: np.random.Generator) -> pa.Array:
    return values.take(pa.array(generator.permutation(len(values))))


def _set_outlier(values: pa.Array, request: DriftRequest, generator: np.random.Generator) -> pa.Array:
    one = 1.0 / max(1, len(values))
    return _spread(values, pa.scalar(request.number, values.type), one, generator)


def _spread(values: pa.Array, replacement: pa.Scalar, share: float, generator: np.random.Generator) -> pa.Array:
    """The values, that `share` of all rows replaced which had another value."""
    others = pc.fill_null(pc.not_equal(values, replacement), False).to_numpy(zero_copy_only=False)
    return pc.if_else(_choose(others, share, generator), replacement, values)


def _choose(candidates: NDArray[np.bool_], share: float, generator: np.random.Generator) -> pa.Array:
    """A mask of `round(share * rows)` candidates drawn at random, or of all where there are not as many."""
    chosen = np.zeros(candidates.size, dtype=bool)
    chosen[generator.permutation(np.flatnonzero(candidates))[: round(share * candidates.size)]] = True
    return pa.array(chosen)


def _is_quantity(numbers: NDArray[np.float64], column: DeclaredColumn) -> NDArray[np.bool_]:
    """True where there is a value and it is not the column's sentinel, which no unit and no shift changes."""
    is_quantity: NDArray[np.bool_] = ~np.isnan(numbers) & (numbers != SENTINELS.get(column.name, math.nan))
    return is_quantity


def _settle(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    chosen: pa.Array,
    column: DeclaredColumn,
    generator: np.random.Generator,
) -> pa.Array:
    """The numbers after for the chosen rows, whole where the column's are; those before for the others."""
    settled = _on_step(after, 1.0, generator) if column.kind == "integer" else after
    return pc.if_else(chosen, _as_arrow(settled), _as_arrow(before))


def _on_step(numbers: NDArray[np.float64], step: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Multiples of `step`, each number rounded up or down at random so that the mean stays what it is.

    Rounding to the nearest would undo a small drift: an income of 112,500 times 1.01 is 112,500 again.
    """
    stepped: NDArray[np.float64] = np.floor(np.round(numbers / step, 9) + generator.random(numbers.size)) * step
    return stepped


def _as_numbers(values: pa.Array) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = values.to_numpy(zero_copy_only=False)
    return numbers


def _as_arrow(numbers: NDArray[np.float64]) -> pa.Array:
    return pa.array(numbers + 0.0, from_pandas=True)  # no negative zeros


_QUANTITIES: Final = ("integer", "real")
DRIFTS: Final = MappingProxyType({
    "income": Drift("incomes times 1 + CHANGE, on the feed's step of 4,500", ("CHANGE",), _scale_incomes),
    "missing": Drift("SHARE of the rows lose their value", ("COLUMN", "SHARE"), _lose),
    "unit": Drift(
        "values times FACTOR, as in another unit", ("COLUMN", "FACTOR", "SHARE"), _change_unit, _QUANTITIES, 1
    ),
    "shift": Drift("values plus SDS standard deviations of the day", ("COLUMN", "SDS"), _shift, _QUANTITIES),
    "sentinel": Drift("SHARE of the rows get the code for no value", ("COLUMN", "SHARE"), _set_sentinel,
                      ("integer", "text")),
    "level": Drift("a level, declared or new, gains SHARE of the rows", ("COLUMN", "LEVEL", "SHARE"), _set_level,
                   ("integer", "text")),
    "shuffle": Drift("values change places, so that they go with nothing any more", ("COLUMN",), _shuffle),
    "outlier": Drift("one row gets VALUE", ("COLUMN", "VALUE"), _set_outlier, _QUANTITIES),
})  # fmt: skip
