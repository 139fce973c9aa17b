from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.outcomes.settling import FATE_SENTENCES, FATES, Matching, count_fates, settle_outcomes, with_uncounted

Row = tuple[int, bool, int, int]
ROWS = st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.integers(0, 6), st.integers(1, 3)), max_size=25)


def settled(rows: list[Row], today: int = 100) -> tuple[list[str], list[int]]:
    ids, bad, day, delivery = (
        np.array([row[n] for row in rows], dtype=kind) for n, kind in enumerate((np.int64, bool, np.int32, np.int64))
    )
    found = settle_outcomes(ids, bad, day, delivery, today=today)
    return [FATES[each] for each in found.fate], found.rows.tolist()


@pytest.mark.parametrize(
    ("rows", "fates"),
    [
        ([(1, True, 5, 1)], ["counted"]),
        ([(1, True, 5, 1), (1, True, 5, 1)], ["counted", "duplicated"]),
        ([(1, True, 5, 1), (1, True, 5, 2)], ["duplicated", "counted"]),
        ([(1, True, 5, 1), (1, False, 5, 2)], ["corrected", "counted"]),
        ([(1, True, 5, 1), (1, False, 6, 1)], ["corrected", "counted"]),
        ([(1, True, 6, 1), (1, False, 5, 2)], ["counted", "corrected"]),  # a later date wins over a later delivery
        ([(1, True, 5, 1), (1, True, 6, 1)], ["duplicated", "counted"]),
        ([(1, True, 5, 1), (1, False, 5, 1)], ["contradictory", "contradictory"]),
        ([(1, True, 4, 1), (1, True, 5, 2), (1, False, 5, 2)], ["contradictory"] * 3),
        ([(1, True, 5, 1), (1, False, 5, 1), (1, False, 5, 2)], ["corrected", "duplicated", "counted"]),
        ([(1, True, 5, 1), (2, False, 5, 1)], ["counted", "counted"]),
    ],
)
def test_every_row_has_the_fate_that_the_rule_gives_it(rows: list[Row], fates: list[str]) -> None:
    assert settled(rows)[0] == fates


@pytest.mark.parametrize(("day", "fate"), [(100, "counted"), (101, "later")])
def test_what_was_not_known_yet_is_left_out(day: int, fate: str) -> None:
    assert settled([(1, True, day, 1)])[0] == [fate]


def test_a_later_correction_changes_nothing_before_its_day() -> None:
    rows = [(1, True, 50, 1), (1, False, 101, 2)]
    assert settled(rows, today=100)[0] == ["counted", "later"]
    assert settled(rows, today=101)[0] == ["corrected", "counted"]


def test_nothing_delivered_has_no_fates() -> None:
    assert settled([]) == ([], [])


def plainly(rows: list[Row], today: int) -> list[str]:
    """The same rule, row by row."""
    by_id: dict[int, list[int]] = defaultdict(list)
    fates = ["later"] * len(rows)
    for place, row in enumerate(rows):
        if row[2] <= today:
            by_id[row[0]].append(place)
    for places in by_id.values():
        newest = max((rows[place][2], rows[place][3]) for place in places)
        current = [place for place in places if rows[place][2:] == newest]
        results = {rows[place][1] for place in current}
        for place in places:
            if len(results) > 1:
                fates[place] = "contradictory"
            elif place == current[0]:
                fates[place] = "counted"
            else:
                fates[place] = "duplicated" if rows[place][1] in results else "corrected"
    return fates


@given(ROWS, st.integers(0, 6))
def test_settling_is_the_rule_row_by_row(rows: list[Row], today: int) -> None:
    fates, chosen = settled(rows, today)
    assert fates == plainly(rows, today)
    assert [place for place, fate in enumerate(fates) if fate == "counted"] == sorted(chosen)
    ids = [rows[place][0] for place in chosen]
    assert ids == sorted(set(ids))
    assert sum(count_fates(np.array([FATES.index(fate) for fate in fates], dtype=int)).values()) == len(rows)


def test_every_fate_is_explained() -> None:
    assert list(FATE_SENTENCES) == list(FATES)


# --- which decision an outcome belongs to


def matched(known_on: int, *days: int, maturity: int = 30) -> tuple[int | None, str]:
    """The day that gets the outcome of an applicant who was decided on these days; and its fate."""
    matching = Matching(np.array([7]), np.array([known_on]), maturity_days=maturity)
    found = None
    for day in sorted(days, reverse=True):
        place, rows = matching.take_day(day, np.array([3, 7, 9]))
        if len(place):
            assert (found, place.tolist(), rows.tolist()) == (None, [0], [1])
            found = day
    return found, FATES[matching.unmatched_fates()[0]]


@pytest.mark.parametrize(
    ("known_on", "days", "expected"),
    [
        (130, (100,), (100, "counted")),  # exactly mature
        (129, (100,), (None, "early")),
        (130, (), (None, "unknown")),
        (140, (100, 110), (110, "counted")),  # the latest day that is mature
        (139, (100, 110), (100, "counted")),
        (129, (100, 110), (None, "early")),
    ],
)
def test_an_outcome_belongs_to_the_latest_decision_that_is_mature(
    known_on: int, days: tuple[int, ...], expected: tuple[int | None, str]
) -> None:
    assert matched(known_on, *days) == expected


def test_matching_is_over_when_every_outcome_has_its_decision() -> None:
    matching = Matching(np.array([1, 2]), np.array([50, 50]), maturity_days=1)
    matching.take_day(40, np.array([2, 5]))
    assert not matching.is_over
    matching.take_day(39, np.array([1, 2]))
    assert matching.is_over


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20)), max_size=9, unique_by=lambda pair: pair[0]),
    st.dictionaries(st.integers(0, 20), st.sets(st.integers(1, 12)), max_size=6),
    st.integers(1, 5),
)
def test_matching_is_the_rule_outcome_by_outcome(
    outcomes: list[tuple[int, int]], days: dict[int, set[int]], maturity: int
) -> None:
    ordered = sorted(outcomes)
    ids, known_on = (np.array([pair[n] for pair in ordered], dtype=np.int64) for n in (0, 1))
    matching = Matching(ids, known_on, maturity_days=maturity)
    found: dict[int, int] = {}
    for day in sorted(days, reverse=True):
        decided = np.array(sorted(days[day], reverse=True), dtype=np.int64)
        place, rows = matching.take_day(day, decided)
        assert ids[place].tolist() == decided[rows].tolist()
        found |= dict.fromkeys(ids[place].tolist(), day)
    fates = [FATES[each] for each in matching.unmatched_fates()]
    for (one, on), fate in zip(ordered, fates, strict=True):
        seen = [day for day, there in days.items() if one in there]
        mature = [day for day in seen if day + maturity <= on]
        expected = "counted" if mature else "early" if seen else "unknown"
        assert (found.get(one), fate) == (max(mature, default=None), expected)


def test_refused_and_learned_rows_are_counted_apart() -> None:
    fate = np.zeros(3, dtype=np.int8)
    found = with_uncounted(fate, refused=np.array([1]), learned=np.array([2]))
    assert count_fates(found) == dict.fromkeys(FATES, 0) | {"counted": 1, "refused": 1, "learned": 1}
    assert fate.tolist() == [0, 0, 0]
