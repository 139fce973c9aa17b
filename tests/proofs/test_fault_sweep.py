"""Whatever breaks of a folder, nobody sees half, and a rerun mends it (`fault_sweep`)."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.conftest import Project
from tests.proofs.fault_day import Command
from tests.proofs.fault_sweep import FAULTS, Figures, counted, in_turn, sweep, telling


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    yield from counted("folder")


@pytest.mark.parametrize("attacked", FAULTS["folder"])
def test_whatever_breaks_nobody_sees_half_and_a_rerun_mends_it(
    attacked: str, commands: dict[str, Command], trained: Project, figures: Figures
) -> None:
    assert sweep("folder", attacked, commands, trained, figures) == []


DAYS = [f"GET revisions/day=2026-10-{day:02}/rev=0001/manifest.json" for day in range(5, 30)]


def test_changes_are_all_struck_and_looks_that_are_alike_at_both_ends() -> None:
    assert telling(["PUT a", *DAYS, "PUT b1", "PUT b2", DAYS[0], "GET d1"]) == [1, 2, 27, 28, 29, 30]
    assert telling(["stat a", "open a", "stat a", "fsync a", "stat a"]) == [1, 2, 4, 5]
    assert telling([]) == []


def test_faults_that_are_alike_take_turns_over_the_calls_of_each_name() -> None:
    calls = [f"{name} {letter}" for letter in "abcdef" for name in ("GET", "PUT")]
    strikes = [*in_turn(("lost", "late", "500"), calls)]
    assert [number for _, number in strikes] == [*range(1, 13)]
    of_name = Counter((fault, calls[number - 1].split()[0]) for fault, number in strikes)
    assert set(of_name.values()) == {2}
    assert [*in_turn(("lost",), calls)] == [("lost", number) for number in range(1, 13)]
