"""Measure the speed of the project beside the same packages used plainly.

`python -m benchmarks` or `make bench`. Every measured thing runs in a process of its own, on the
number of processors that it is given. The jobs take turns, and the round is repeated, so that a
ratio is of runs that followed each other. Seconds count from the moment when Python has started and
the heavy packages are imported; the time before is reported apart. CPU seconds count all threads,
peaks are VmHWM.

The work is done on synthetic days as `scoring generate --bad-share` makes them, by a model of the
project's own training and, for rivals, by a default one of 400 trees with 31 leaves. `own` holds
the jobs of this project, `rivals` those that it is compared with, `commands` whole processes,
`plan` the jobs and how often they run, `figures` the ratios and checks, `page` the budgets and
tables. If results do not agree - bytes, broken rules, scores, reasons - it stops: speed would be no
merit then.

Prints Markdown and writes JSON to var/bench/; --write-docs puts the tables into
docs/performance.md.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from benchmarks.apart import Job, keep_to, measure, run_apart
from benchmarks.commands import Commands, prefect_server
from benchmarks.days import LARGE_MODEL, model_folder, registry_environ, train_own
from benchmarks.figures import Runs, compare_decisions, compare_engines, require_agreement
from benchmarks.own import DECISIONS
from benchmarks.page import Measured, budgets, page, put_between
from benchmarks.plan import JOBS, Plan
from benchmarks.rivals import PLAIN_DECISIONS
from configs.settings import PROJECT

SIZES: Final = (10_000, 100_000, 307_511, 3_075_110)
LEAN: Final = {"SCORING_TRAINING__BASELINES": "none", "SCORING_TRAINING__CHOICE_ROWS": "0"}
QUICK_TRAINING: Final = {"SCORING_TRAINING__MAX_TREES": "60", "SCORING_TRAINING__FOLDS": "3"}
_QUICK: Final = Plan((2_000,), (2,), 1, 2_000, is_whole=False)
_QUICK_HISTORY_ROWS: Final = 4_000
_KEPT: Final = PROJECT / "var/bench"
_RESULTS: Final = _KEPT / "performance.json"
_DOCUMENT: Final = PROJECT / "docs/performance.md"


class Bench:
    """One run of `make bench`: its days, its models, and the measurements so far."""

    def __init__(self, plan: Plan, folder: Path, models: Path) -> None:
        """Work in `folder`, with the models kept in `models`."""
        self.plan = plan
        self.folder = folder
        self.models = models
        self.known: set[str] = set()
        """Jobs that have run; before that nobody knows their imports."""
        self.runs: list[dict[str, Any]] = []
        self.engines: Mapping[str, float] = {}

    def measure_all(self) -> Measured:
        """Measure every job of the plan, round after round."""
        for rows in self.plan.sizes:
            self._run("day data", rows, max(self.plan.workers))
        commands = Commands(self.folder, registry_environ(self.models))
        for repetition in range(self.plan.repeats):
            for rows in self.plan.sizes:
                self._measure_day(rows, repetition)
        with prefect_server(self.folder / "server") as address:  # idle, it would disturb the days
            for _ in range(self.plan.repeats):
                commands.measure(address)
        machine = (
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
            f"Python {platform.python_version()}"
        )  # fmt: skip
        return Measured(self.plan, Runs(self.runs), self.engines, commands.spent, machine)

    def _measure_day(self, rows: int, repetition: int) -> None:
        explained = 0
        names = []
        for name, cores in self.plan.jobs(rows, repetition):
            found = self._run(name, rows, cores, explained=explained)
            run = {"job": name, "rows": rows, "cores": cores, "repetition": repetition}
            self.runs.append({**run, **found})
            explained = found["found"].get("not_approved", explained)
            names.append(name)
        if not names:
            return
        require_agreement(Runs(self.runs), rows)
        scratch = self._folder("scratch", rows)
        if "LightGBM" in names:
            compared = compare_engines(scratch)
            plain = scratch / f"plain, our model {PLAIN_DECISIONS}"
            self.engines = compared | compare_decisions(scratch / DECISIONS, plain)

    def _run(self, name: str, rows: int, cores: int, *, explained: int = 0) -> dict[str, Any]:
        days = self._folder("days", rows)
        scratch = self._folder("scratch", rows)
        begun = time.perf_counter()
        job = Job(name, rows, cores, str(days), str(self.models), str(scratch), explained)
        environ = registry_environ(self.models)
        found = run_apart(job, environ)
        if found["late_imports"] and name not in self.known and self.plan.is_whole:
            found = run_apart(job, environ)  # the imports to do before are known now
        self.known.add(name)
        spent = sum(stage["wall"] for stage in found["stages"].values())
        click.echo(
            f"{rows:>10,}  {name:<26}{cores:>2} cores {spent:>9.2f} s "
            f"{found['peak_bytes'] / 1e9:>7.2f} GB"
            f"   (whole process {time.perf_counter() - begun:.0f} s)", err=True,
        )  # fmt: skip
        return found

    def _folder(self, kind: str, rows: int) -> Path:
        folder = self.folder / f"{kind}-{rows}"
        folder.mkdir(exist_ok=True)
        return folder


def keep_models(rows: int, training: Mapping[str, str]) -> Path:
    """Folder with both models. They are trained if it is not there yet."""
    folder = model_folder(rows, dict(training))
    if not (folder / LARGE_MODEL).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        click.echo(f"Training two models on {rows:,} synthetic applications, once", err=True)
        train_own(folder, rows, dict(training))
        job = Job("large model", rows, os.cpu_count() or 1, "", str(folder), str(folder))
        run_apart(job, registry_environ(folder))
    return folder


@click.command(help=__doc__)
@click.option(
    "--rows", "sizes", multiple=True, type=click.IntRange(min=500), default=SIZES, show_default=True
)  # fmt: skip
@click.option(
    "--rivals-up-to", type=click.IntRange(min=500), default=307_511, show_default=True, help="Rows."
)  # fmt: skip
@click.option(
    "--workers", "workers", multiple=True, type=click.IntRange(min=1), default=(1, 2),
    show_default=True,
)  # fmt: skip
@click.option("--repeat", "repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--history-rows", type=click.IntRange(min=2000), default=50_000, show_default=True)
@click.option(
    "--quick", is_flag=True,
    help="A smoke run: small days, one repetition, a small model, no reports.",
)  # fmt: skip
@click.option("--write-docs", is_flag=True, help="Put the tables into docs/performance.md.")
@click.option("--job", hidden=True, help="Measure this one in this process and print JSON.")
@click.option("--begun", type=float, hidden=True)
def main(
    sizes: tuple[int, ...],
    rivals_up_to: int,
    workers: tuple[int, ...],
    repeats: int,
    history_rows: int,
    quick: bool,
    write_docs: bool,
    job: str | None,
    begun: float | None,
) -> None:
    """Measure, print tables, and write them down."""
    if job:
        this = Job(**json.loads(job))
        keep_to(this.cores)
        click.echo(json.dumps(measure(this, JOBS[this.name], begun=begun)))
        return
    os.environ.pop("PREFECT_API_URL", None)  # the servers that are measured are of the bench alone
    plan = Plan(tuple(sorted(sizes)), tuple(sorted(workers)), repeats, rivals_up_to)
    if quick:
        plan = _QUICK
    training = LEAN | (QUICK_TRAINING if quick else {})
    models = keep_models(_QUICK_HISTORY_ROWS if quick else history_rows, training)
    click.echo(f"About {plan.estimate_minutes():.0f} minutes on two quiet cores", err=True)
    with tempfile.TemporaryDirectory(dir=_KEPT) as folder:
        measured = Bench(plan, Path(folder), models).measure_all()
    tables = page(measured)
    click.echo(tables)
    _write(measured, tables, write_docs=write_docs)


def _write(measured: Measured, tables: str, *, write_docs: bool) -> None:
    content = {
        "machine": measured.machine,
        "budgets": [each._asdict() for each in budgets(measured)],
        "engines": dict(measured.engines),
        "commands": measured.commands,
        "runs": measured.runs.runs,
    }
    _RESULTS.write_text(json.dumps(content, indent=1), "utf-8")
    click.echo(f"Written to {_RESULTS.relative_to(PROJECT)}", err=True)
    if write_docs:
        _DOCUMENT.write_text(put_between(_DOCUMENT.read_text("utf-8"), tables), "utf-8")


if __name__ == "__main__":
    main()
