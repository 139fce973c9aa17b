"""Counts that remain of a day's files when one applicant is erased from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tasks.core.day.records import CORRECTIONS, FileTotals


def places_of_rows(
    files: Mapping[str, FileTotals],
    inputs: Sequence[str],
    held: Mapping[str, int],
    *,
    is_decided: bool | None,
    quarantined: Mapping[str, int] | None,
) -> dict[str, Counter[str]]:
    """File name to the places of the applicant's rows in it, counted by field of `FileTotals`.

    An applicant is decided or set aside, never both. If neither is known any more, the rows that
    would be one of them are left out.

    Args:
        files: the revision's totals.
        inputs: names of its files in the order of the delivery.
        held: file that is still there to the number of the applicant's rows in it.
        is_decided: True if one of the rows was decided. That row is the first of the feed's, or of
            the last correction. If the files are gone, the first file with decided rows stands in
            for the one that nobody can name any more. None if the decisions are gone.
        quarantined: file to the number of rows set aside; None if the quarantine is gone.
    """
    is_known = bool(is_decided or quarantined) or None not in (is_decided, quarantined)
    turns = {name: n if name.startswith(CORRECTIONS) else 0 for n, name in enumerate(inputs)}
    last = max((turns[name] for name in held), default=0)
    standing = sorted(name for name in held if turns[name] == last)
    decided_in = None
    if is_decided:
        decided_in = next((name for name in (*standing, *inputs) if files[name].decided), None)
    places = {name: Counter({"quarantined": count}) for name, count in (quarantined or {}).items()}
    if decided_in:
        places.setdefault(decided_in, Counter())["decided"] += 1
    left_over = "duplicates_dropped" if decided_in or quarantined else "quarantined"
    for name, count in held.items():
        if turns[name] == last and not is_known:
            continue
        known = places.setdefault(name, Counter())
        others = "replaced" if turns[name] < last else left_over
        known[others] += max(count - known.total(), 0)
    return places


def erased_totals(totals: FileTotals, places: Mapping[str, int]) -> FileTotals:
    """Totals of a file with the applicant's rows counted as erased, never more than there are.

    >>> totals = FileTotals(rows=5, decided=4, quarantined=1, duplicates_dropped=0)
    >>> erased_totals(totals, {"decided": 1})
    FileTotals(rows=5, decided=3, quarantined=1, duplicates_dropped=0, replaced=0, erased=1)
    """
    moved = {field: min(count, getattr(totals, field)) for field, count in places.items()}
    remaining = {field: getattr(totals, field) - count for field, count in moved.items()}
    return replace(totals, **remaining, erased=totals.erased + sum(moved.values()))
