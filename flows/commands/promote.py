"""Command `scoring promote`: let a registered model version score, and print which one does."""

from __future__ import annotations

import click

from flows.options import common_options, set_up


@click.command("promote")
@click.option("--version", required=True, help="Registered version that shall score from now on.")
@common_options
def promote_command(version: str, config: str | None, verbose: bool) -> None:
    """Let another registered model version score. Published days stay as they are.

    A sealed copy of it lies in the store from then on, for days on which the registry is down.
    """
    settings = set_up(config, verbose=verbose)
    from tasks.model.champion import promote_version
    from tasks.publication.layout import sealed_model_key
    from tasks.store import open_store

    model = promote_version(version, settings)
    key = sealed_model_key(model.name, model.version, model.digest)
    click.echo(f"{model.name} version {model.version} is the {settings.registry.alias} now.")
    click.echo(f"Sealed copy: {open_store(settings.storage).location(key)}")
