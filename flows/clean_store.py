"""Remove from the store what is past its retention."""

from __future__ import annotations

from datetime import date

from tasks.reporting.renew import renew_day_pages
from tasks.retention.clean import Cleaning, clean, clock_of, require_not_in_future
from tasks.running.context import settings_of_run
from tasks.running.endings import ends_in_a_line
from tasks.running.flows import flow
from tasks.running.step import run_name


@flow(name="clean-store", flow_run_name=run_name("clean"))
@ends_in_a_line()
def clean_store(
    config: str | None = None,
    apply: bool = False,
    today: date | None = None,
) -> Cleaning:
    """Find objects older than the section `retention` of the settings keeps, and remove them.

    They are found day by day, and removed only if `apply` is set. Decisions, manifests, contract
    reports and verdicts stay. Only the command line erases applicants: a parameter of a run is recorded outside the
    store.

    Args:
        config: Settings file; by default configs/local.yaml.
        apply: Remove what is found; otherwise it is only reported.
        today: Day from which ages are counted, YYYY-MM-DD; by default today, by the calendar's
            clock. A later day shows what would be due then, and removes nothing.
    """
    settings = settings_of_run(config)
    clock = clock_of(today, settings)
    if apply:
        require_not_in_future(clock)
    cleaning = clean(clock, settings, apply=apply)
    renew_day_pages(cleaning.cleaned_days, settings)
    return cleaning
