"""Automations of Prefect as reviewed files: `python -m flows.automations` makes or renews them on the server.

Each file of `configs/automations/` is one automation in Prefect's own schema. An action `call-webhook`
names no block there, because its id differs from server to server: it calls the alarm receiver.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import click
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import UnknownAction
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.settings import PREFECT_API_URL
from pydantic import ValidationError

from configs.settings import PROJECT, Settings, load_settings, read_yaml
from flows.alarm_receiver import HOST, PATH
from flows.options import run_program
from tasks.errors import ConfigError, OrchestratorError
from tasks.running.prefect_api import find_problem

AUTOMATIONS: Final = PROJECT / "configs/automations"
BLOCK: Final = "credit-scoring-alarms"
"""Name of the block that holds the address of the alarm receiver."""
AS_IT_WAS: Final = "as it was"
_OURS: Final = "credit scoring: "
"""Beginning of the name of each automation; one that no file names any more is removed."""


class Applied(NamedTuple):
    """An automation, and the thing that was done to it: made, renewed, removed, or nothing."""

    name: str
    done: str


def apply_automations(folder: Path, settings: Settings) -> list[Applied]:
    """Make or renew the automations of a folder, by name, and remove those of ours that it does not hold.

    Called twice it changes nothing the second time. The file decides: an automation that was switched off
    in the UI is switched on again.

    Args:
        folder: reviewed files, one automation each.
        settings: name the port of the alarm receiver, which listens where the server runs.

    Raises:
        ConfigError: a file is not an automation, or Prefect has no address.
        OrchestratorError: Prefect cannot be reached.
    """
    if not PREFECT_API_URL.value():
        raise ConfigError(
            "PREFECT_API_URL is not set, so the server of the automations is not known. Set it, for example to "
            "http://127.0.0.1:4200/api. Nothing was done."
        )
    wanted = load_automations(folder, UUID(int=0))  # a wrong file ends here, before anything is changed
    if problem := find_problem():
        raise OrchestratorError(f"{problem} Nothing was done.")
    wanted = load_automations(folder, _receiver_block(settings.alarms.port))
    with get_client(sync_client=True) as prefect:
        there = [each for each in prefect.read_automations() if each.name.startswith(_OURS)]
        applied = [_applied(prefect, each, [old for old in there if old.name == each.name]) for each in wanted]
        names = {each.name for each in wanted}
        for old in there:
            if old.name not in names:
                prefect.delete_automation(old.id)
                applied.append(Applied(old.name, "removed"))
    return applied


def load_automations(folder: Path, block: UUID) -> list[AutomationCore]:
    """Automations of a folder, in the order of their files' names.

    Args:
        folder: reviewed files.
        block: id of the block that holds the address of the alarm receiver.

    Raises:
        ConfigError: there is no file; or one has a wrong name, an unknown key, or is not an automation.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ConfigError(f"{folder} holds no automation; expected files *.yaml. Restore them.")
    automations = [_load(file, block) for file in files]
    names = [each.name for each in automations]
    for name in names:
        if not name.startswith(_OURS) or names.count(name) > 1:
            raise ConfigError(
                f"{folder} names an automation {name!r}; expected names that begin with {_OURS!r}, each once."
            )
    return automations


def _load(file: Path, block: UUID) -> AutomationCore:
    given = read_yaml(file, "configs/automations")
    try:
        for action in given.get("actions", []):
            if action.get("type") == "call-webhook":
                action["block_document_id"] = str(block)
        automation = AutomationCore.model_validate(given)
    except (AttributeError, TypeError):
        raise ConfigError(f"{file.name} is wrong: actions must be a list of mappings.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{file.name} is not an automation of Prefect: {place}: {first['msg']}.") from None
    for action in automation.actions:
        if isinstance(action, UnknownAction):
            raise ConfigError(f"{file.name} names an action {action.type!r}, which Prefect does not know. Correct it.")
    if unknown := _dropped(given, automation.model_dump(mode="json", exclude_unset=True)):
        raise ConfigError(f"{file.name} holds {unknown}, which Prefect does not know and would drop. Correct its name.")
    return automation


def _dropped(given: Any, kept: Any) -> str | None:
    """Name of the first key that Prefect's model leaves out without a word; None if it keeps all."""
    if isinstance(given, Mapping):
        for key, value in given.items():
            if not isinstance(kept, Mapping) or key not in kept:
                return str(key)
            if name := _dropped(value, kept[key]):
                return f"{key}.{name}"
    elif isinstance(given, list) and isinstance(kept, list):
        inner = (_dropped(*pair) for pair in zip(given, kept, strict=False))
        return next((name for name in inner if name), None)
    return None


def _receiver_block(port: int) -> UUID:
    """Id of the block by which the server calls the alarm receiver; made or renewed."""
    block = Webhook(url=f"http://{HOST}:{port}{PATH}", headers={"Content-Type": "application/json"})
    return UUID(str(block.save(BLOCK, overwrite=True)))


def _applied(prefect: SyncPrefectClient, wanted: AutomationCore, there: list[Automation]) -> Applied:
    """Leave one automation of this name, as the file has it."""
    for second in there[1:]:
        prefect.delete_automation(second.id)
    if not there:
        prefect.create_automation(wanted)
        return Applied(wanted.name, "made")
    if _content(there[0]) == _content(wanted):
        return Applied(wanted.name, AS_IT_WAS)
    prefect.update_automation(there[0].id, wanted)
    return Applied(wanted.name, "renewed")


def _content(automation: AutomationCore) -> dict[str, Any]:
    """All that a file decides. Prefect adds ids of its own, and orders sets as it likes."""
    content = AutomationCore.model_validate(automation.model_dump()).model_dump(exclude={"id", "owner_resource"})
    content["trigger"].pop("id", None)
    return content


@click.command("automations")
@click.option("--config", type=click.Path(resolve_path=True), help="Settings file.  [default: configs/local.yaml]")
def automations_command(config: str | None) -> None:
    """Make or renew the automations of configs/automations/ on the Prefect server."""
    for each in apply_automations(AUTOMATIONS, load_settings(config)):
        click.echo(f"{each.done:<10} {each.name}")


if __name__ == "__main__":
    run_program(automations_command)
