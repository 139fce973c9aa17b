"""Command `scoring promote`: let a registered model version score, and print which one does."""

from __future__ import annotations

import click

from flows.options import common_options, set_up


@click.command("promote")
@click.option("--version", required=True, help="Registered version that shall score from now on.")
@common_options
def promote_command(version: str, config: str | None, verbose: bool) -> None:
    """Let another registered model version score. Published days stay as they are."""
    settings = set_up(config, verbose=verbose)
    from tasks.model.load import registry_of

    registry = registry_of(settings)
    registry.promote(version)
    click.echo(f"{registry.model_name} version {version} is the {registry.alias} now.")
