"""A checkout takes no other's deployments on the same server, unless it is told to."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client

from configs.settings import PROJECT
from flows.deployments import CONSENT, require_own_deployment

pytestmark = pytest.mark.usefixtures("prefect_server")
HERE = str(Path.cwd().resolve())


@pytest.fixture
def deploy(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Deploy a flow of this test's own from a folder, as `prefect deploy` does it; returns its full name."""

    def made(folder: str) -> str:
        name = request.node.name
        step = {"prefect.deployments.steps.set_working_directory": {"directory": folder}}
        with get_client(sync_client=True) as client:
            client.create_deployment(client.create_flow_from_name(name), "daily", pull_steps=[step])
        return f"{name}/daily"

    return made


def test_a_new_deployment_and_one_of_this_checkout_are_deployed(deploy: Callable[[str], str]) -> None:
    assert require_own_deployment("nobody/daily") == {"checkout": HERE}
    assert require_own_deployment(deploy(HERE)) == {"checkout": HERE}


def test_a_deployment_of_another_checkout_is_refused(
    deploy: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = deploy("/other/checkout")
    with pytest.raises(SystemExit) as ended:
        require_own_deployment(name)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert f"{name} on http" in told
    assert "runs from /other/checkout" in told
    assert f"{CONSENT}=/other/checkout prefect deploy --all" in told


def test_a_deployment_moves_if_the_checkout_that_it_leaves_is_named(
    deploy: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = deploy("/other/checkout")
    monkeypatch.setenv(CONSENT, "/other/checkout")
    assert require_own_deployment(name) == {"checkout": HERE}
    monkeypatch.setenv(CONSENT, "/a/third")
    with pytest.raises(SystemExit):
        require_own_deployment(name)


def test_every_deployment_is_guarded_by_its_own_name() -> None:
    from prefect.flows import Flow, load_flow_from_entrypoint

    for each in yaml.safe_load((PROJECT / "prefect.yaml").read_text("utf-8"))["deployments"]:
        flow: Flow[..., object] = load_flow_from_entrypoint(str(PROJECT / each["entrypoint"]))
        full_name = f"{flow.name}/{each['name']}"
        assert each["build"] == [{"flows.deployments.require_own_deployment": {"name": full_name}}]
        assert "Deployed from {{ checkout }}." in each["description"]
