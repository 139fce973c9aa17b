"""What remains of a day's tables and counts when one applicant is erased from them."""

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
    """File name to what became of the applicant's rows in it, as fields of `FileTotals`.

    An applicant is decided or set aside, never both. Rows of which neither can be said any more are left out.

    Args:
        files: the revision's totals.
        inputs: names of its files in the order of the delivery.
        held: of the files that are still there, the number of the applicant's rows in each.
        is_decided: whether one of the rows was decided. It is the first of the feed's, or of the last correction; where
            the files are gone, the first file with decided rows stands in for the one that nobody can name any more.
            None where the decisions are gone.
        quarantined: the number of rows set aside by file; None where the quarantine is gone.
    """
    is_known = bool(is_decided or quarantined) or None not in (is_decided, quarantined)
    turns = {name: n if name.startswith(CORRECTIONS) else 0 for n, name in enumerate(inputs)}
    last = max((turns[name] for name in held), default=0)
    standing = sorted(name for name in held if turns[name] == last)
    home = next((name for name in (*standing, *inputs) if files[name].decided), None) if is_decided else None
    places = {name: Counter({"quarantined": count}) for name, count in (quarantined or {}).items()}
    if home:
        places.setdefault(home, Counter())["decided"] += 1
    for name, count in held.items():
        if turns[name] == last and not is_known:
            continue
        known = places.setdefault(name, Counter())
        others = "replaced" if turns[name] < last else "duplicates_dropped" if home or quarantined else "quarantined"
        known[others] += max(count - known.total(), 0)
    return places


def erased_totals(totals: FileTotals, places: Mapping[str, int]) -> FileTotals:
    """A file's totals with rows counted as erased instead of what they were; never more than there are.

    >>> erased_totals(FileTotals(rows=5, decided=4, quarantined=1, duplicates_dropped=0), {"decided": 1})
    FileTotals(rows=5, decided=3, quarantined=1, duplicates_dropped=0, replaced=0, erased=1)
    """
    moved = {field: min(count, getattr(totals, field)) for field, count in places.items()}
    remaining = {field: getattr(totals, field) - count for field, count in moved.items()}
    return replace(totals, **remaining, erased=totals.erased + sum(moved.values()))
