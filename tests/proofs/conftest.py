"""Proofs that `make test` leaves to `make prove`."""

import pytest

from tests.conftest import Project
from tests.proofs.evidence import IS_WHOLE
from tests.proofs.fault_day import Command
from tests.proofs.fault_sweep import observed_commands

collect_ignore = [] if IS_WHOLE else ["test_server_shaken.py"]
"""It waits minutes for servers; `make test` has a worker killed in the middle of a day instead (test_worker)."""


@pytest.fixture(scope="session")
def commands(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Command]:
    """What the fault sweeps attack."""
    return observed_commands(trained, tmp_path_factory.mktemp("undisturbed"))
