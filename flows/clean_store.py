"""Remove from the store what is past its time."""

from __future__ import annotations

from datetime import date

from prefect import flow

from configs.settings import load_settings
from tasks.retention.clean import Cleaning, clean, clock_of, require_come
from tasks.running.step import run_name


@flow(name="clean-store", flow_run_name=run_name("clean"))
def clean_store(config: str | None = None, apply: bool = False, today: date | None = None) -> Cleaning:
    """Find what is older than the settings' section `retention` keeps, day by day, and remove it where told to.

    Decisions, manifests and reports stay. Applicants are erased by the command line alone: a parameter of a run is
    recorded outside the store.

    Args:
        config: Settings file; by default configs/local.yaml.
        apply: Remove what is found; otherwise it is only told.
        today: Day from which ages are counted, YYYY-MM-DD; by default today, by the calendar's clock. One to come shows
            what would be due then, and removes nothing.
    """
    settings = load_settings(config)
    clock = clock_of(today, settings)
    if apply:
        require_come(clock)
    return clean(clock, settings, apply=apply)
