"""Folder and address by two variables; what cannot work is said before anything starts."""

from pathlib import Path

import pytest

from configs.settings import PROJECT
from flows.operations.surroundings import read_surroundings
from tasks.errors import ConfigError


def test_by_default_all_lies_in_var_and_the_server_has_prefects_own_port() -> None:
    place = read_surroundings({})
    assert (place.folder, place.ui) == (PROJECT / "var", "http://127.0.0.1:4200")
    assert place.environment["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert place.environment["PREFECT_SERVER_API_PORT"] == "4200"


@pytest.mark.parametrize(
    "address",
    ["http://prefect.bank:4200/api", "https://127.0.0.1:4200/api", "http://127.0.0.1:4200", "http://127.0.0.1:4200/v1"],
)
def test_a_server_elsewhere_is_not_started_here(address: str) -> None:
    with pytest.raises(ConfigError, match="names a server that is not one of this machine"):
        read_surroundings({"PREFECT_API_URL": address})


@pytest.mark.parametrize(("length", "fits"), [(99, True), (100, False)])
def test_a_socket_whose_name_is_too_long_is_refused(length: int, fits: bool) -> None:
    folder = "/" + "f" * (length - len("//run/supervisor.sock"))
    if fits:
        assert len(str(read_surroundings({"OPERATIONS_FOLDER": folder}).socket)) == length
    else:
        with pytest.raises(ConfigError, match=f"has {length} bytes in its name; this system takes 99"):
            read_surroundings({"OPERATIONS_FOLDER": folder})


def test_prefect_home_stays_as_it_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    assert read_surroundings({}).environment["PREFECT_HOME"] == str(tmp_path)
    monkeypatch.delenv("PREFECT_HOME")
    assert read_surroundings({}).environment["PREFECT_HOME"] == str(PROJECT / "var/prefect")
