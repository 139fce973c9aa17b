"""Workers on the parts of a day: threads of the run, or processes of their own."""

from __future__ import annotations

from datetime import date
from typing import Final

from configs.settings import Settings
from tasks.publication.layout import is_delivered, landing_key
from tasks.running.processes import WorkerProcesses, started_processes
from tasks.running.workers import Runner, Threads, processors
from tasks.store import open_store

_MODULES: Final = ("tasks.scoring.part", "tasks.adapters.gx", "pyarrow.csv", "pyarrow.parquet")
"""Modules that work on a part imports."""


def begin_workers(day: date, settings: Settings) -> None:
    """Start the processes if the landing holds work for several, so that they are ready when it begins."""
    if settings.execution.runner != "processes":
        return
    prefix = landing_key(day)
    sizes = [each.size_bytes for each in open_store(settings.storage).list(prefix) if is_delivered(each.key)]
    if len(sizes) > 1 or sum(sizes) >= 2 * settings.execution.range_bytes:
        _processes(settings)


def runner_of(settings: Settings, n_parts: int) -> Runner:
    """Runner of the settings. A single part is worked on by threads of the run, as no process could gain by it."""
    if settings.execution.runner == "processes" and n_parts > 1:
        return _processes(settings)
    return Threads(n_workers(settings))


def n_workers(settings: Settings) -> int:
    """Number of workers: that of the settings, else one for each processor."""
    return settings.scoring.workers or processors()


def _processes(settings: Settings) -> WorkerProcesses:
    count = n_workers(settings)
    most_seconds = 60 * settings.execution.part_minutes
    return started_processes(
        count,
        lambda: WorkerProcesses(
            count, modules=_MODULES, prepare=_prepare, argument=settings, most_seconds=most_seconds
        ),
    )


def _prepare(settings: Settings) -> None:
    """Load in a new process what the day will most likely ask for: today's contract, and the model last named."""
    import pyarrow as pa

    from tasks.model.load import load_contract, load_engine, suite_text
    from tasks.publication.sealed_models import named_version

    pa.set_cpu_count(1)
    load_contract(suite_text(settings.contract.suite))
    registry = settings.registry
    noted = named_version(open_store(settings.storage), registry.alias, registry.model_name)
    if noted and registry.sealed_copy == "use":
        load_engine(noted.model, settings, is_registry_gone=True)
