"""Whatever breaks of an S3, nobody sees half, and a rerun mends it (`fault_sweep`)."""

from collections.abc import Iterator

import pytest

from tests.conftest import Project
from tests.proofs.fault_day import Command
from tests.proofs.fault_sweep import FAULTS, Figures, counted, sweep


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    yield from counted("S3")


@pytest.mark.parametrize("attacked", FAULTS["S3"])
def test_whatever_breaks_nobody_sees_half_and_a_rerun_mends_it(
    attacked: str, commands: dict[str, Command], trained: Project, figures: Figures
) -> None:
    assert sweep("S3", attacked, commands, trained, figures) == []
