"""The contract at speed, beside Great Expectations used plainly: `python -m benchmarks.contract`.

Each engine judges the same typed rows in a process of its own, one after the other: this project in chunks as they come
from a parquet file, Great Expectations on one wide pandas frame. Seconds count from the rows in memory to verdicts and
the positions of broken rows; reading the file and starting Python are left out. Peaks are those of the process.

Rules with `mostly` are left out where engines are compared: COMPLETE lists every row that breaks a rule, and would list
millions that merely lack an optional value. `all rules` is the whole contract, as a day is judged by it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configs.settings import PROJECT

ENGINES: Final = ("all rules", "this contract", "BASIC", "COMPLETE")
SIZES: Final = (10_000, 100_000, 307_511)
LARGE_ROWS: Final = 3_075_110
BAD_SHARE: Final = 0.005
_SEED: Final = 7
_SUITE: Final = PROJECT / "expectations/applications.json"
_RESULTS: Final = PROJECT / "var/bench/contract.json"
_CHUNK_ROWS: Final = 50_000
_BLOCK_ROWS: Final = 307_511
_DAY: Final = date(2026, 11, 2)
# What bad rows hold; each breaks another rule.
_BAD: Final[dict[str, float | str | None]] = {
    "AMT_CREDIT": None, "AMT_INCOME_TOTAL": -1.0, "DAYS_BIRTH": 100.0, "CNT_CHILDREN": -1.0, "CNT_FAM_MEMBERS": 99.0,
    "NAME_CONTRACT_TYPE": "Barter", "NAME_HOUSING_TYPE": "Boat", "REGION_RATING_CLIENT": 9.0, "FLAG_MOBIL": 2.0,
    "REGION_RATING_CLIENT_W_CITY": -1.0, "HOUR_APPR_PROCESS_START": 25.0, "EXT_SOURCE_1": 7.0, "EXT_SOURCE_2": -1.0,
    "EXT_SOURCE_3": 2.0, "DAYS_REGISTRATION": 1.0, "DAYS_ID_PUBLISH": 9.0, "OWN_CAR_AGE": 500.0, "FLAG_EMAIL": 0.5,
    "REG_CITY_NOT_LIVE_CITY": 3.0, "APARTMENTS_AVG": 4.0, "TOTALAREA_MODE": -2.0, "DAYS_LAST_PHONE_CHANGE": 5.0,
    "FLAG_DOCUMENT_3": 8.0, "AMT_REQ_CREDIT_BUREAU_YEAR": -4.0,
}  # fmt: skip


def write_rows(path: Path, rows: int) -> None:
    """Typed synthetic applications, `BAD_SHARE` of them bad, in blocks so that any number fits into memory."""
    from tasks.core.applications import ID, TYPED_SCHEMA, parse_rows
    from tasks.core.synthetic import synthesize_applications
    from tasks.generate import load_statistics

    block = min(rows, _BLOCK_ROWS)
    made = synthesize_applications(load_statistics(), as_of=_DAY, rows=block, seed=_SEED)
    table = _spoil(parse_rows(made).rows)
    first = np.arange(block)
    with pq.ParquetWriter(path, TYPED_SCHEMA) as writer:
        for start in range(0, rows, block):
            ids = pa.array(first + start + 1)
            writer.write_table(table.set_column(0, ID, ids).slice(0, min(block, rows - start)), _CHUNK_ROWS)


def _spoil(table: pa.Table) -> pa.Table:
    random = np.random.default_rng(_SEED)
    bad = random.permutation(table.num_rows)[: max(round(BAD_SHARE * table.num_rows), len(_BAD))]
    for rows, (name, value) in zip(np.array_split(bad, len(_BAD)), _BAD.items(), strict=True):
        column = table.column(name).to_pandas().to_numpy(copy=True)
        column[rows] = value
        field = table.schema.field(name)
        table = table.set_column(
            table.schema.get_field_index(name), field, pa.array(column, field.type, from_pandas=True)
        )
    return table


def suite_text(*, shares: bool) -> str:
    """The contract, with the rules that speak of a share of the day or without them."""
    suite = json.loads(_SUITE.read_text("utf-8"))
    # What a day is compared with is no matter of speed.
    kept = [entry for entry in suite["expectations"] if "$PARAMETER" not in json.dumps(entry)]
    suite["expectations"] = [entry for entry in kept if shares or "mostly" not in entry["kwargs"]]
    return json.dumps(suite)


def measure(engine: str, path: Path) -> dict[str, Any]:
    """Seconds, peak memory, and what was found, of one engine in this process."""
    run = _judge_plainly if engine in ("BASIC", "COMPLETE") else _judge_in_chunks
    found = run(engine, path)
    return {**found, "peak_gigabytes": round(_peak_kilobytes() / 1e6, 3)}


def _peak_kilobytes() -> int:
    """Most memory that this process has held, as Linux tells it; `getrusage` would begin with what its parent held."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


def _judge_in_chunks(engine: str, path: Path) -> dict[str, Any]:
    from tasks.adapters.gx import load_contract
    from tasks.core.contract import RuleCount, broken_rules_by_row, merge_counts, typed_frame

    contract = load_contract(suite_text(shares=engine == "all rules"))
    seconds, quarantined, kept = 0.0, 0, []
    counts: dict[str, RuleCount] = {}
    for table in _chunks(path):
        begun = time.perf_counter()
        verdicts = contract.check_rows(typed_frame(table))
        quarantined += int(broken_rules_by_row(contract.rules, verdicts, table.num_rows).mask.sum())
        counts = merge_counts(counts, verdicts.counts)
        kept.append(table.select(list(contract.table_columns)))
        seconds += time.perf_counter() - begun
    begun = time.perf_counter()
    results = contract.results(counts, contract.check_table(typed_frame(pa.concat_tables(kept))))
    seconds += time.perf_counter() - begun
    broken = {
        result.rule_id: result.figures["unexpected_count"] for result in results if "unexpected_count" in result.figures
    }
    return {"seconds": round(seconds, 3), "rules": len(results), "quarantined": quarantined, "broken": _nonzero(broken)}


def _chunks(path: Path) -> Iterator[pa.Table]:
    for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(_CHUNK_ROWS):
        yield pa.Table.from_batches([batch])


def _judge_plainly(engine: str, path: Path) -> dict[str, Any]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from tasks.core.applications import ID

    frame = pq.read_table(path).to_pandas()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(**json.loads(suite_text(shares=False)))
    wanted: Any = {"result_format": engine} | ({"unexpected_index_column_names": [ID]} if engine == "COMPLETE" else {})
    begun = time.perf_counter()
    results = batch.validate(suite, result_format=wanted).results
    seconds = time.perf_counter() - begun
    broken = {each.expectation_config.meta["id"]: each.result.get("unexpected_count") or 0 for each in results}
    return {"seconds": round(seconds, 3), "rules": len(results), "quarantined": None, "broken": _nonzero(broken)}


def _nonzero(counts: dict[str, Any]) -> dict[str, int]:
    return {rule: int(count) for rule, count in sorted(counts.items()) if count}


def run_apart(engine: str, path: Path) -> dict[str, Any]:
    """`measure` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.contract", "--engine", engine, "--file", str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT).stdout  # noqa: S603 - ourselves
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def compare(sizes: tuple[int, ...], *, large: int) -> list[dict[str, Any]]:
    """Every engine at every size, and the whole contract alone at the large one."""
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for rows in (*sizes, *([large] if large else [])):
            path = Path(folder) / f"{rows}.parquet"
            write_rows(path, rows)
            for engine in ENGINES if rows in sizes else ENGINES[:1]:
                found = run_apart(engine, path)
                runs.append({"rows": rows, "engine": engine, **found})
                click.echo(_line(runs[-1], runs))
            require_same([run for run in runs if run["rows"] == rows])
            path.unlink()
    return runs


def require_same(runs: list[dict[str, Any]]) -> None:
    """Stop where an engine counts other broken rows than another: speed would be no merit."""
    counts = {run["engine"]: run["broken"] for run in runs if run["engine"] != "all rules"}
    if any(broken != counts["this contract"] for broken in counts.values()):
        raise click.ClickException("The engines do not agree; see tests/adapters/test_gx.py.")


def _line(run: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    own = next((each for each in runs if each["rows"] == run["rows"] and each["engine"] == "this contract"), None)
    ratio = f"{run['seconds'] / own['seconds']:8.1f} x" if own else f"{'':>10}"
    return (
        f"{run['rows']:>10,}  {run['engine']:<14}{run['rules']:>6}{len(run['broken']):>8}{run['seconds']:>10.2f}{ratio}"
        f"{run['peak_gigabytes']:>9.2f}"
    )


@click.command(help=__doc__)
@click.option("--rows", "sizes", multiple=True, type=click.IntRange(min=1), default=SIZES, show_default=True)
@click.option("--large", type=click.IntRange(min=0), default=LARGE_ROWS, show_default=True, help="0: leave it out.")
@click.option("--engine", type=click.Choice(ENGINES), help="Measure this one in this process and print JSON.")
@click.option("--file", "path", type=click.Path(path_type=Path), help="The typed rows to judge, for --engine.")
def main(sizes: tuple[int, ...], large: int, engine: str | None, path: Path | None) -> None:
    """Print a table, and write it as JSON to var/bench/."""
    if engine and path:
        click.echo(json.dumps(measure(engine, path)))
        return
    click.echo(f"{'rows':>10}  {'engine':<14}{'rules':>6}{'broken':>8}{'seconds':>10}{'ratio':>10}{'peak GB':>9}")
    runs = compare(sizes, large=large)
    _RESULTS.parent.mkdir(parents=True, exist_ok=True)
    _RESULTS.write_text(json.dumps({"processors": os.cpu_count(), "runs": runs}, indent=1), "utf-8")
    click.echo(f"Written to {_RESULTS.relative_to(PROJECT)}")


if __name__ == "__main__":
    main()
