"""Measurements as Markdown: the budgets line by line, then a table for each question."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

from benchmarks.commands import ALONE, BESIDE_SERVER, COMMAND_ROWS, TOLD_STATUS
from benchmarks.figures import Runs, Spread, ratio, spread
from benchmarks.plan import DAYS, MONITORING, ONE_APPLICATION, ONE_ROW, ONLINE, PLAINLY, Plan

BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"
FULL_ROWS: Final = 307_511
_GIGABYTE: Final = 1e9
# The budgets, as the design has them.
_TIMES_PLAIN: Final = {"plain, large model": 50, "plain, our model": 20}
_TIMES_FLOOR: Final = 2.5
_TIMES_REASONS: Final = 10
_MOST_DIFFERENCE: Final = 1e-9
_TIMES_CONTRACT: Final = 10
_CONTRACT_SECONDS: Final = 1
_ONE_ROW_MS: Final = 20
_ONE_APPLICATION_MS: Final = 30
_PEAK_GIGABYTES: Final = 2
_BYTES_A_ROW: Final = 100
_LARGE_FACTOR: Final = 1.25
_GROWTH_FACTOR: Final = 1.05
_VERDICT_SECONDS: Final = 3
_MONITORING_SHARE: Final = 0.2
_COMMAND_SECONDS: Final = {ALONE: 4.0, BESIDE_SERVER: 6.0, TOLD_STATUS: 1.5}
_MS_A_SECOND: Final = 1e3


class Budget(NamedTuple):
    """Promise of the design, with its measurement."""

    target: str
    measured: str
    met: bool | None
    """True if the promise is kept; None if it was not measured."""


class Measured(NamedTuple):
    """Everything that a page shows."""

    plan: Plan
    runs: Runs
    engines: Mapping[str, float]
    """Result of the comparison of the engines on the full day; empty if it was not made."""
    commands: Mapping[str, Sequence[Mapping[str, float]]]
    machine: str


def budgets(measured: Measured) -> list[Budget]:
    """Budgets of the design, each with its measurement."""
    return [
        *_path_budgets(measured),
        *_part_budgets(measured),
        *_size_budgets(measured),
        *_other_budgets(measured),
    ]


def _path_budgets(measured: Measured) -> Iterator[Budget]:
    own = _own(measured)
    for name, least in _TIMES_PLAIN.items():
        found = ratio(_of(measured, name), own)
        yield _times(f"at least {least} times faster than {name}", found, least=least)
    yield _times(
        f"at most {_TIMES_FLOOR} times the tight floor",
        ratio(own, _of(measured, "floor")),
        most=_TIMES_FLOOR,
    )


def _part_budgets(measured: Measured) -> Iterator[Budget]:
    reasons = ratio(_of(measured, "LightGBM", "reasons"), _of(measured, "engine", "reasons"))
    yield _times(
        f"reasons at least {_TIMES_REASONS} times faster than `pred_contrib`",
        reasons,
        least=_TIMES_REASONS,
    )
    if measured.engines:
        difference = measured.engines["largest_difference"]
        share = measured.engines["same_reasons_share"]
        figures = f"{difference:.1e}, {share:.2%} with the same four"
        is_equal = difference <= _MOST_DIFFERENCE and share == 1
        yield Budget("contributions within 1e-9, the same four reasons", figures, is_equal)
    contract = ratio(_of(measured, "GX COMPLETE"), _of(measured, "contract"))
    yield _times(
        f"contract at least {_TIMES_CONTRACT} times faster than GX COMPLETE with ids",
        contract,
        least=_TIMES_CONTRACT,
    )
    target = f"the whole contract at most {_CONTRACT_SECONDS} s"
    yield _at_most(target, _of(measured, "whole contract"), _CONTRACT_SECONDS, " s")
    fixed = _call_ms(measured, ONE_ROW)
    yield _at_most(f"the contract of one row at most {_ONE_ROW_MS} ms", fixed, _ONE_ROW_MS, " ms")
    online = _call_ms(measured, ONE_APPLICATION)
    target = f"one application online under {_ONE_APPLICATION_MS} ms"
    yield _at_most(target, online, _ONE_APPLICATION_MS, " ms")


def _size_budgets(measured: Measured) -> Iterator[Budget]:
    plan = measured.plan
    most = max(plan.workers)
    full = plan.full
    large = max(plan.sizes)
    peaks = _peaks(measured, "day", full, most)
    gigabytes = [peak / _GIGABYTE for peak in peaks]
    yield _at_most(f"peak memory under {_PEAK_GIGABYTES} GB", gigabytes, _PEAK_GIGABYTES, " GB")
    if large == full:
        target = f"memory and time from {full:,} rows to ten times as many"
        yield Budget(target, "not measured", None)
        return
    allowed = _LARGE_FACTOR * max(peaks) + _BYTES_A_ROW * (large - full)
    peak = max(_peaks(measured, "day", large, most))
    figures = f"{peak / _GIGABYTE:.2f} GB of {allowed / _GIGABYTE:.2f} GB allowed"
    target = f"peak at {large:,} rows within 1.25 times that at {full:,} plus 100 bytes a row"
    yield Budget(target, figures, peak <= allowed)
    growth = ratio(measured.runs.seconds("day", large, most), _own(measured))
    allowed = large / full * _GROWTH_FACTOR
    target = f"{large / full:.3g} times the rows in at most {allowed:.3g} times the time"
    yield _times(target, growth, most=allowed)


def _peaks(measured: Measured, job: str, rows: int, cores: int) -> list[float]:
    """Peak memory, in bytes, of a job on a day of so many rows in each repetition."""
    return [run["peak_bytes"] for run in measured.runs.of(job, rows, cores)]


def _other_budgets(measured: Measured) -> Iterator[Budget]:
    verdict = _of(measured, "verdict")
    yield _at_most(f"statistics and verdict of a day at most {_VERDICT_SECONDS} s", verdict, _VERDICT_SECONDS, " s")
    monitoring = ratio(_of(measured, "monitoring"), _of(measured, "Evidently"))
    target = "monitoring with its page in a fifth of the time of Evidently's presets"
    yield _times(target, monitoring, most=_MONITORING_SHARE)
    full, most = measured.plan.full, max(measured.plan.workers)
    peaks = ratio(_peaks(measured, "monitoring", full, most), _peaks(measured, "day", full, most))
    yield _times("peak memory of monitoring at most that of scoring", peaks, most=1)
    for name, most_seconds in _COMMAND_SECONDS.items():
        seconds = [each["wall"] for each in measured.commands.get(name, ())]
        target = f"{name} at most {most_seconds:.3g} s on a day of {COMMAND_ROWS:,} rows"
        yield _at_most(target, seconds, most_seconds, " s")


def _own(measured: Measured) -> list[float]:
    return _of(measured, "day")


def _of(measured: Measured, job: str, stage: str = "") -> list[float]:
    plan = measured.plan
    return measured.runs.seconds(job, plan.full, max(plan.workers), stage=stage)


def _call_ms(measured: Measured, job: str) -> list[float]:
    """Milliseconds of every call of a job that answers one row a call."""
    found = measured.runs.of(job, measured.plan.online, max(measured.plan.workers))
    return [_MS_A_SECOND * seconds for run in found for seconds in run["found"]["call_seconds"]]


def _times(target: str, found: Spread | None, *, least: float = 0, most: float = math.inf) -> Budget:
    if found is None:
        return Budget(target, "not measured", None)
    return Budget(target, found.told(" times"), least <= found.median <= most)


def _at_most(target: str, values: Sequence[float], limit: float, unit: str) -> Budget:
    if not values:
        return Budget(target, "not measured", None)
    found = spread(values)
    return Budget(target, found.told(unit), found.median <= limit)


def page(measured: Measured) -> str:
    """All tables, the budgets first."""
    plan = measured.plan
    of_day = "" if plan.full == FULL_ROWS else ", which is no full day"
    head = (
        f"{measured.machine}; {plan.repeats} interleaved repetitions, median (least-most). "
        f"Budgets are judged on {plan.full:,} rows{of_day}."
    )
    chapters = (
        ("Budgets", _budget_table), ("The path", _path_table), ("Stages", _stage_table),
        ("Our functions", _functions), ("Scores and reasons", _engine_table),
        ("Contract", _contract_table), ("Online", _online_table),
        ("Monitoring", _monitoring_table), ("Commands", _command_table),
    )  # fmt: skip
    tables = [f"### {title}\n\n{table(measured)}" for title, table in chapters if table(measured)]
    return "\n\n".join([head, *tables])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _budget_table(measured: Measured) -> str:
    met = {True: "yes", False: "**no**", None: "not measured"}
    rows = [(each.target, each.measured, met[each.met]) for each in budgets(measured)]
    return _table(("target", "measured", "met"), rows)


def _path_table(measured: Measured) -> str:
    plan = measured.plan
    runs = measured.runs
    rows = []
    for size in plan.sizes:
        own = runs.seconds("day", size, max(plan.workers))
        for job, cores in (
            *product(DAYS, plan.workers),
            *((name, max(plan.workers)) for name in PLAINLY),
        ):
            seconds = runs.seconds(job, size, cores)
            if not seconds:
                continue
            times = ratio(seconds, own)
            cpu = spread(runs.seconds(job, size, cores, clock="cpu"))
            peak = max(run["peak_bytes"] for run in runs.of(job, size, cores)) / _GIGABYTE
            rows.append((
                f"{size:,}", _named(job), str(cores), spread(seconds).told(), cpu.told(),
                f"{size / spread(seconds).median:,.0f}", f"{peak:.2f}", times.told() if times else "",
            ))  # fmt: skip
    head = ("rows", "what", "cores", "seconds", "CPU s", "rows/s", "peak GB", "times ours")
    return _table(head, rows)


def _named(job: str) -> str:
    return {"day": "this project", "floor": "tight floor"}.get(job, job)


def _stage_table(measured: Measured) -> str:
    plan = measured.plan
    rows = []
    most = max(plan.workers)
    for job, cores in (*product(DAYS, plan.workers), *((name, most) for name in PLAINLY)):
        found = measured.runs.of(job, plan.full, cores)
        for stage in found[0]["stages"] if found else ():
            by_clock = [
                measured.runs.seconds(job, plan.full, cores, stage=stage, clock=clock) for clock in ("wall", "cpu")
            ]
            wall, cpu = (spread(seconds).told() for seconds in by_clock)
            rows.append((_named(job), str(cores), stage, wall, cpu))
        if found:
            wall = spread([run["start"]["wall"] for run in found]).told()
            cpu = spread([run["start"]["cpu"] for run in found]).told()
            rows.append((_named(job), str(cores), "(start of Python, imports)", wall, cpu))
    return _table(("what", "cores", "stage", "seconds", "CPU s"), rows)


def _functions(measured: Measured) -> str:
    found = measured.runs.of("profile", measured.plan.full, 1)
    rows = []
    if found:
        profile = found[0]["found"]
        for cumulative, own, name in profile["functions"]:
            share = f"{cumulative / profile['total']:.0%}"
            rows.append((f"`{name}`", f"{cumulative:.2f}", f"{own:.2f}", share))
    return _table(("function", "seconds with what it calls", "its own", "share"), rows)


def _engine_table(measured: Measured) -> str:
    rows = []
    for stage, done in (("scores", "rows"), ("reasons", "explained")):
        own, other = (_of(measured, name, stage) for name in ("engine", "LightGBM"))
        times = ratio(other, own)
        if not times or not measured.engines:
            continue
        number = measured.engines[done]
        medians = [max(spread(seconds).median, 1e-9) for seconds in (own, other)]
        rates = [f"{number / median:,.0f}" for median in medians]
        rows.append((stage, f"{number:,.0f}", *rates, times.told()))
    return _table(("what", "rows", "ours, rows/s", "LightGBM, rows/s", "times faster"), rows)


def _contract_table(measured: Measured) -> str:
    most = max(measured.plan.workers)
    rows = []
    for size in measured.plan.sizes:
        own = measured.runs.seconds("contract", size, most)
        for name in ("contract", "whole contract", "GX COMPLETE"):
            found = measured.runs.of(name, size, most)
            if found:
                seconds = measured.runs.seconds(name, size, most)
                peak = max(run["peak_bytes"] for run in found) / _GIGABYTE
                times = ratio(seconds, own)
                rows.append((
                    f"{size:,}", name, str(found[0]["found"]["rules"]), spread(seconds).told(),
                    f"{peak:.2f}", times.told() if times else "",
                ))  # fmt: skip
    return _table(("rows", "engine", "rules", "seconds", "peak GB", "times ours"), rows)


def _online_table(measured: Measured) -> str:
    plan = measured.plan
    rows = []
    most = max(plan.workers)
    batch = [seconds / plan.full for seconds in _own(measured)]
    for name in ONLINE:
        found = measured.runs.of(name, plan.online, most)
        stages = found[0]["stages"] if found else ()
        for stage in [stage for stage in stages if stage != "load"]:
            answered = found[0]["found"]["answered"]
            spent = measured.runs.seconds(name, plan.online, most, stage=stage)
            each = [seconds / answered for seconds in spent]
            times = ratio(each, batch)
            ms = _call_ms(measured, name) if stage == "calls" else [_MS_A_SECOND * seconds for seconds in each]
            rate = f"{1 / spread(each).median:,.0f}"
            rows.append((name, stage, f"{answered:,}", spread(ms).told(), rate, times.told() if times else ""))
    head = ("what", "stage", "rows", "ms a row", "rows/s", "times our whole day, per row")
    return _table(head, rows)


def _monitoring_table(measured: Measured) -> str:
    rows = []
    for name in MONITORING:
        found = measured.runs.of(name, measured.plan.full, max(measured.plan.workers))
        for stage in found[0]["stages"] if found else ():
            counts: Mapping[str, Any] = found[0]["found"]
            seconds = spread(_of(measured, name, stage)).told()
            peak = max(run["peak_bytes"] for run in found) / _GIGABYTE
            compared, reference = f"{counts['compared']:,}", f"{counts['reference']:,}"
            rows.append((name, stage, compared, reference, seconds, f"{peak:.2f}"))
    head = ("what", "stage", "rows compared", "rows of the reference", "seconds", "peak GB")
    return _table(head, rows)


def _command_table(measured: Measured) -> str:
    rows = []
    for name, found in measured.commands.items():
        wall = spread([each["wall"] for each in found]).told()
        cpu = spread([each["cpu"] for each in found]).told()
        peak = max(each["peak_bytes"] for each in found) / _GIGABYTE
        rows.append((name, wall, cpu, f"{peak:.2f}"))
    head = (f"whole process, {COMMAND_ROWS:,} rows", "seconds", "CPU s", "peak GB")
    return _table(head, rows)


def put_between(document: str, tables: str) -> str:
    """Document with `tables` between its two markers, in place of the text there.

    Raises:
        ValueError: a marker is missing.
    """
    before, _, rest = document.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{BEGIN} and {END} are not both there")
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"
