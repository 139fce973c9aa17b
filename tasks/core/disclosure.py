"""Disclosure control: figures that may be published of applicants, and figures of too few.

Manifests, model bundles, model cards and reports have more readers than the applications behind
them. They hold figures of groups, and never a value that is one applicant's own. This module owns
every limit of that kind, the rounding of counts and the coarsening of values; callers ask it.

All limits are numbers or shares of rows; one row is one application. They are at least as strict as
the rule of ten, by which research data centres release results: ten persons or more behind each
figure (Australian Bureau of Statistics, "DataLab: input and output clearance", 2021). A limit without
another source is the project's own choice (docs/decisions.md, 2026-11-21).

Limits that only keep a figure steady (the weight of a prior, a number of bins, the rows of a leaf)
are not about disclosure. They stand where the figure is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from tasks.core.words import counted

LEAST_ROWS: Final = 20
"""Rows behind a total, a bin, a level, a listed value or a set of quantiles: twice the rule of ten."""
LEAST_ROWS_OF_A_MEAN: Final = 50
"""Rows behind a mean or a median. Among fewer rows it is nearly one applicant's value."""
LEAST_ROWS_OF_A_KIND: Final = 100
"""Rows of a kind of applicants whose rates are published."""
LEAST_OF_AN_OUTCOME: Final = 10
"""Rows of such a kind that defaulted, and that repaid: the rule of ten for each of the two."""
LEAST_ROWS_BEYOND: Final = 10
"""Rows on the outer side of a quantile, by the rule of ten. An extreme is one applicant's value."""
LEAST_RANKED_SHARE: Final = 0.0005
"""Share of the training rows, 0 to 1, from which a level has a rank or a median. A rarer level could
point to one applicant."""
LEAST_LISTED_SHARE: Final = 0.001
"""Share of the training rows, 0 to 1, from which a level or a value is listed in the reference. A
rarer one could point to one applicant."""
COUNT_STEP: Final = 5
"""Rows to which counts of kinds are rounded. The whole is published too, and a small rest could be
had by subtraction. Source: OpenSAFELY's rule for released counts (counts up to 7 are removed, others
rounded to 5; ehrQL, `measures/disclosure_control.py`)."""
QUANTILE_DIGITS: Final = 4
"""Significant digits of a quantile. A quantile may fall on one row, and with all its digits it would
be that applicant's own value."""
RATE_DECIMALS: Final = 3
"""Decimals of a rate of a kind. More of them would give the exact count back."""
RARE_OR_UNSEEN: Final = "(rare or unseen)"
"""Level that stands for all levels which the reference does not list."""
_FLAG_VALUES: Final = frozenset({0.0, 1.0})


def is_enough(rows: float) -> bool:
    """True if a figure of so many rows may be published.

    >>> is_enough(19), is_enough(20)
    (False, True)
    """
    return rows >= LEAST_ROWS


def is_none_or_enough(rows: int) -> bool:
    """True if the figure of a part may be published beside that of the whole.

    >>> is_none_or_enough(0), is_none_or_enough(1), is_none_or_enough(20)
    (True, False, True)
    """
    return rows == 0 or is_enough(rows)


def is_apart(rows: int, others: Iterable[int]) -> bool:
    """True if figures of so many rows may be published beside those of other numbers of rows.

    All numbers count from one end of one order, so the difference of two figures is that of the
    rows between. Give 0 and the number of all rows among the others, too.

    >>> is_apart(57, [0, 200]), is_apart(57, [0, 200, 60]), is_apart(190, [0, 200])
    (True, False, False)
    """
    return all(is_none_or_enough(abs(rows - other)) for other in others)


def spaced_points(rows: Sequence[int], *, beside: Sequence[int]) -> list[int]:
    """Positions of the points of a curve that may be published: enough rows lie between any two.

    Args:
        rows: rows on one side of each point.
        beside: such numbers that are published anyway, among them 0 and that of all rows.

    >>> spaced_points([5, 20, 30, 41, 95], beside=[0, 100])
    [1, 3]
    """
    told = list(beside)
    positions = []
    for position, count in enumerate(rows):
        if all(is_enough(abs(count - other)) for other in told):
            told.append(count)
            positions.append(position)
    return positions


def is_enough_for_mean(rows: int) -> bool:
    """True if the mean or the median of so many values may be published.

    >>> is_enough_for_mean(49), is_enough_for_mean(50)
    (False, True)
    """
    return rows >= LEAST_ROWS_OF_A_MEAN


def is_none_or_enough_for_mean(rows: int) -> bool:
    """True if a mean may be published that differs from a published one by so many values.

    >>> is_none_or_enough_for_mean(0), is_none_or_enough_for_mean(49), is_none_or_enough_for_mean(50)
    (True, False, True)
    """
    return rows == 0 or is_enough_for_mean(rows)


def is_enough_for_rates(rows: int, *, defaulted: int) -> bool:
    """True if the rates of a kind of applicants may be published, `defaulted` of whose rows did.

    >>> is_enough_for_rates(99, defaulted=50), is_enough_for_rates(100, defaulted=50)
    (False, True)
    >>> is_enough_for_rates(200, defaulted=9), is_enough_for_rates(200, defaulted=191)
    (False, False)
    """
    rarer_outcome = min(defaulted, rows - defaulted)
    return rows >= LEAST_ROWS_OF_A_KIND and rarer_outcome >= LEAST_OF_AN_OUTCOME


def is_enough_to_rank(rows: int, *, of: int) -> bool:
    """True if a level with so many of the training rows may have a rank or a median in the bundle.

    >>> is_enough_to_rank(20, of=40_000), is_enough_to_rank(20, of=50_000)
    (True, False)
    """
    return rows >= max(LEAST_ROWS, LEAST_RANKED_SHARE * of)


def is_enough_to_list(rows: int, *, of: int) -> bool:
    """True if a level or a value with so many of the training rows may be listed in the reference.

    >>> is_enough_to_list(20, of=20_000), is_enough_to_list(20, of=30_000)
    (True, False)
    """
    return rows >= max(LEAST_ROWS, LEAST_LISTED_SHARE * of)


def listed_values(rows_by_value: Mapping[float, int], *, of: int) -> list[float]:
    """The values of a number that may be listed. Both values of a flag may: everyone knows them.

    >>> listed_values({0.0: 280, 1.0: 19, 2.0: 1}, of=300), listed_values({0.0: 299, 1.0: 1}, of=300)
    ([0.0], [0.0, 1.0])
    """
    if rows_by_value.keys() <= _FLAG_VALUES:
        return list(rows_by_value)
    return [value for value, rows in rows_by_value.items() if is_enough_to_list(rows, of=of)]


def inner_quantiles(values: np.ndarray, shares: Sequence[float]) -> list[float]:
    """The quantiles at `shares`, each moved inwards until enough rows lie beyond it, and rounded.

    Empty where the values are too few.

    >>> inner_quantiles(np.arange(100.0), (0.01, 0.5)), inner_quantiles(np.arange(19.0), (0.01, 0.5))
    ([9.9, 49.5], [])
    >>> inner_quantiles(np.full(20, 0.77311109), (0.5,))
    [0.7731]
    """
    if not is_enough(len(values)):
        return []
    end = LEAST_ROWS_BEYOND / len(values)
    quantiles = np.quantile(values, np.clip(shares, end, 1 - end)).tolist()
    return [rounded_quantile(quantile) for quantile in quantiles]


def rounded_quantile(value: float) -> float:
    """A number that may fall on one row, or between two, as it is published: to four digits.

    >>> rounded_quantile(0.0909123)
    0.09091
    """
    return float(f"{value:.{QUANTILE_DIGITS}g}")


def most_groups_of_means(rows: int) -> int:
    """The number of equal groups into which rows may be cut so that the mean of each is of enough; 1 at least.

    >>> most_groups_of_means(99), most_groups_of_means(100)
    (1, 2)
    """
    return max(1, rows // LEAST_ROWS_OF_A_MEAN)


def told_parts(parts: np.ndarray, is_enough_of: Callable[[np.ndarray], bool]) -> np.ndarray:
    """True for the parts whose figures may be published beside those of the whole; shape (parts,).

    The rows that are not told are none, or themselves enough. Otherwise their figures could be had
    from the whole and the other parts, so the smallest told part joins them.

    Args:
        parts: counts of each part, shape (parts, counts); the first is its number of rows.
        is_enough_of: True for counts of which figures may be published, shape (counts,).

    >>> parts = np.array([[5, 1], [60, 20], [90, 30]])
    >>> told_parts(parts, lambda counts: is_enough_for_mean(int(counts[0]))).tolist()
    [False, False, True]
    """
    is_told = np.array([is_enough_of(part) for part in parts], dtype=bool)
    while True:
        rest = parts[~is_told].sum(axis=0)
        if not is_told.any() or not rest[0] or is_enough_of(rest):
            return is_told
        told = np.flatnonzero(is_told)
        is_told[told[np.argmin(parts[told, 0])]] = False


def rounded_count(rows: int) -> int:
    """The count as it is published, to the nearest 5.

    >>> rounded_count(1002), rounded_count(1003)
    (1000, 1005)
    """
    return COUNT_STEP * round(rows / COUNT_STEP)


def rounded_counts(rows: np.ndarray) -> np.ndarray:
    """Counts of the parts of a whole as they are published, to the nearest 5; float64, same shape.

    >>> rounded_counts(np.array([2, 3, 1002])).tolist()
    [0.0, 5.0, 1000.0]
    """
    return np.asarray(COUNT_STEP * np.round(rows / COUNT_STEP))


def rounded_rate(rate: float) -> float:
    """The rate of a kind of applicants as it is published, to three decimals.

    >>> rounded_rate(0.08249), rounded_rate(0.08251)
    (0.082, 0.083)
    """
    return round(rate, RATE_DECIMALS)


def too_few(rows: int, noun: str = "application", *, needed: int = LEAST_ROWS) -> str:
    """Sentence that stands instead of figures of so many rows.

    >>> too_few(1)
    "No figures are shown of 1 application: they could be one applicant's own. 20 are needed."
    """
    return f"No figures are shown of {counted(rows, noun)}: they could be one applicant's own. {needed} are needed."


class Comparable(NamedTuple):
    """Two samples as a report may show them, and the columns that it may not."""

    day: pd.DataFrame
    reference: pd.DataFrame
    empty: tuple[str, ...]
    """Columns without any value in one of the samples."""
    too_few: tuple[str, ...]
    """Columns with too few values in one of the samples."""


def coarsen(
    day: pd.DataFrame,
    reference: pd.DataFrame,
    columns: Mapping[str, Any],
    *,
    seed: int,
) -> Comparable:
    """Both samples as a report may show them: values of many, none of them one applicant's own.

    Evidently draws small samples value by value, and tells minimum, maximum, counts and the most
    common value. So each number becomes the nearest of the reference's frozen quantiles (or of its
    listed values, where it has few), and levels that the reference does not list become
    `RARE_OR_UNSEEN`. A value that too few rows of a sample have becomes a neighbour's, a level
    `RARE_OR_UNSEEN`, in both samples alike. Each column is shuffled on its own, so that no row of
    the result is an applicant. Missing stays missing.

    Args:
        day: Typed applications, one column per entry of `columns` at least.
        reference: The same of the reference sample.
        columns: The reference statistics of the bundle by column.
        seed: Seed of the shuffle.

    >>> frozen = {"x": {"quantiles": [0.0, 5.0, 9.0]}, "c": {"level_shares": {"A": 0.5, "B": 0.5}}}
    >>> x, c = [-1.0, *[5.9] * 20, *[99.0] * 20], ["Z", *["A"] * 20, *["B"] * 20]
    >>> rows = pd.DataFrame({"x": x, "c": c})
    >>> shown = coarsen(rows, rows, frozen, seed=0).day
    >>> shown["x"].value_counts().to_dict(), shown["c"].value_counts().to_dict()
    ({5.0: 21, 9.0: 20}, {'(rare or unseen)': 21, 'B': 20})
    """
    random = np.random.default_rng(seed)
    shown: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    empty: list[str] = []
    few: list[str] = []
    for name, frozen in columns.items():
        pair = [_coarsen_column(sample[name], frozen) for sample in (day, reference)]
        least_values = min(int(values.count()) for values in pair)
        if not is_enough(least_values):
            (few if least_values else empty).append(name)
            continue
        counts = {value: each for value, *each in _counted_values(pair).itertuples()}
        merged = _merged_levels(counts) if "level_shares" in frozen else _merged_numbers(counts)
        for sample, values in zip(shown, pair, strict=True):
            sample[name] = random.permutation(values.map(merged).to_numpy())
    return Comparable(pd.DataFrame(shown[0]), pd.DataFrame(shown[1]), tuple(empty), tuple(few))


def _counted_values(pair: Sequence[pd.Series]) -> pd.DataFrame:
    """Rows of each value in either sample."""
    return pd.concat([values.value_counts() for values in pair], axis=1).fillna(0).astype(int).sort_index()


def _may_show(values: Sequence[Any], counts: Mapping[Any, Sequence[int]]) -> bool:
    """True if enough rows of each sample have one of these values.

    A sample may also have none, if enough of its rows would have them by the other one's share:
    that is news. None where few were due is chance, and would look like drift.
    """
    day, reference = (sum(rows) for rows in zip(*(counts[value] for value in values), strict=True))
    all_of_day, all_of_reference = (sum(rows) for rows in zip(*counts.values(), strict=True))
    due_on_day = day or reference / all_of_reference * all_of_day
    due_in_reference = reference or day / all_of_day * all_of_reference
    return is_enough(due_on_day) and is_enough(due_in_reference)


def _merged_numbers(counts: Mapping[float, Sequence[int]]) -> dict[float, float]:
    """Value to the one that stands for it: that of most rows among neighbours that are enough."""
    groups: list[list[float]] = []
    group: list[float] = []
    for value in counts:
        group.append(value)
        if _may_show(group, counts):
            groups.append(group)
            group = []
    while group and not _may_show(group, counts):
        group = groups.pop() + group
    merged: dict[float, float] = {}
    for each in [*groups, group] if group else groups:
        merged |= dict.fromkeys(each, max(each, key=lambda value: sum(counts[value])))
    return merged


def _merged_levels(counts: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Level to the one that stands for it: `RARE_OR_UNSEEN` for as many as make that enough."""
    rare = [level for level in counts if level == RARE_OR_UNSEEN or not _may_show([level], counts)]
    others = sorted(counts.keys() - set(rare), key=lambda level: (sum(counts[level]), level))
    while rare and not _may_show(rare, counts):
        rare.append(others.pop(0))
    return {level: RARE_OR_UNSEEN if level in rare else level for level in counts}


def _coarsen_column(values: pd.Series, frozen: Mapping[str, Any]) -> pd.Series:
    if "level_shares" in frozen:
        is_kept = values.isna() | values.isin(list(frozen["level_shares"]))
        return values.where(is_kept, RARE_OR_UNSEEN)
    common = np.unique(frozen.get("values") or frozen["quantiles"] or [0.0])
    between = (common[1:] + common[:-1]) / 2
    nearest = common[np.searchsorted(between, values.to_numpy(dtype=np.float64))]
    return pd.Series(np.where(values.isna(), np.nan, nearest), index=values.index)
