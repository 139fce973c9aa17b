"""Our contract engine gives Great Expectations' own verdicts, for every type of rule that a contract may hold."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.adapters.gx import Contract, build_contract
from tasks.core.contract.rules import RuleCount, RuleResult, Verdicts, merge_counts
from tasks.errors import ConfigError
from tests.plain_gx import Result, plain
from tests.proofs.contract_frames import (
    FORMS,
    RECENT,
    RULES,
    Draw,
    Form,
    Kwargs,
    chunks,
    plain_frame,
    random_rows,
    random_suite,
    suite_text,
)
from tests.proofs.evidence import IS_WHOLE, note, sampled

FRAMES: Final = 400
RULES_A_SUITE: Final = 20


class Judged(NamedTuple):
    """What our engine says of a day's rows."""

    results: Mapping[str, RuleResult]
    rows: Mapping[str, list[int]]
    """Rule id to the positions in the day of the rows that break it, for each rule that is judged row by row."""


@dataclass
class Tally:
    """What has been compared."""

    rows: int = 0
    rules: int = 0
    pairs: int = 0
    broken: int = 0
    crashes: int = 0
    types: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Day:
    """Some rows, how their text comes, and how many of them come at once."""

    rows: pa.Table
    form: Form
    size: int

    def judge(self, entries: Sequence[Kwargs]) -> Judged:
        contract = build_contract(suite_text(entries))
        counts: dict[str, RuleCount] = {}
        rows: dict[str, list[int]] = {}
        for number, verdicts in enumerate(self.verdicts(contract)):
            counts = merge_counts(counts, verdicts.counts)
            for rule_id in verdicts.counts:
                found = verdicts.broken.get(rule_id, np.empty(0, np.int64)) + number * self.size
                rows.setdefault(rule_id, []).extend(found.tolist())
        (whole,) = chunks(self.rows, self.form, max(self.rows.num_rows, 1))
        across = contract.check_table(whole[list(contract.table_columns)], RECENT)
        results = contract.results(counts, across, broken_columns=contract.check_columns(list(whole.columns)))
        return Judged({each.rule_id: each for each in results}, rows)

    def verdicts(self, contract: Contract) -> Iterator[Verdicts]:
        """Verdicts on the rows, chunk by chunk."""
        if self.form != "screened":
            yield from map(contract.check_frame, chunks(self.rows, self.form, self.size))
            return
        for start in range(0, max(self.rows.num_rows, 1), self.size):
            yield contract.check_rows(self.rows.slice(start, self.size))


def figures(result: Result) -> Result:
    """Every count and percentage in a result of Great Expectations."""
    return {name: value for name, value in result.items() if name.endswith("_count") or "percent" in name}


def differences(day: Day, entries: Sequence[Kwargs], frame: pd.DataFrame, tally: Tally) -> Iterator[str]:
    """Where our engine says another thing than Great Expectations does; its own crashes have to be ours."""
    oracle = plain(suite_text(entries), frame, RECENT)
    sound = [entry for entry in entries if "crashed" not in oracle[entry["meta"]["id"]]]
    for entry in entries:
        if entry not in sound:
            tally.crashes += 1
            yield from passes_over_a_crash(day, entry)
    if not sound:
        return
    try:
        judged = day.judge(sound)
    except ConfigError as error:
        yield f"only ours stops: {error}"
        return
    for entry in sound:
        tally.types.add(entry["type"])
        yield from of_one_rule(entry, judged, oracle[entry["meta"]["id"]], tally, rows=len(frame))


def passes_over_a_crash(day: Day, entry: Kwargs) -> Iterator[str]:
    try:
        judged = day.judge([entry])
    except ConfigError as error:
        if f"Rule {entry['meta']['id']!r} of contract 'drawn' could not be evaluated" not in str(error):
            yield f"{json.dumps(entry)}: another message: {error}"
    else:
        yield f"{json.dumps(entry)}: only Great Expectations crashes, and ours says {judged.results}"


def of_one_rule(entry: Kwargs, judged: Judged, expected: Result, tally: Tally, *, rows: int) -> Iterator[str]:
    id_ = entry["meta"]["id"]
    result = judged.results[id_]
    tally.rules += 1
    if result.is_met != expected["success"]:
        yield f"{json.dumps(entry)}: met {result.is_met}, by Great Expectations {expected['success']}"
    if result.figures != figures(expected):
        yield f"{json.dumps(entry)}: {result.figures}, by Great Expectations {figures(expected)}"
    if id_ in judged.rows:
        tally.pairs += rows
        tally.broken += len(expected["rows"])
        if judged.rows[id_] != expected["rows"]:
            yield f"{json.dumps(entry)}: broken by {judged.rows[id_]}, by Great Expectations {expected['rows']}"


def drawn_day(random: np.random.Generator, number: int) -> Day:
    rows = random_rows(random)
    sizes = [1, 2, 3, 7, 200] if rows.num_rows <= 40 else [13, 50, 200]
    return Day(rows, FORMS[number % len(FORMS)], int(random.choice(sizes)))


def test_any_suite_on_any_chunking_of_any_frame_is_judged_as_great_expectations_judges_it() -> None:
    found: list[str] = []
    tally = Tally()
    numbers = sampled(range(FRAMES), 14)
    for number in numbers:
        random = np.random.default_rng(number)
        day = drawn_day(random, number)
        frame = plain_frame(day.rows, day.form)
        tally.rows += len(frame)
        entries = random_suite(Draw(random, frame), RULES_A_SUITE)
        told = f"frame {number}, {len(frame)} rows, {day.form}, chunks of {day.size}"
        found += [f"{told}: {each}" for each in differences(day, entries, frame, tally)]
    assert found == []
    assert not IS_WHOLE or tally.types == set(RULES)
    note("contract-parity", "Verdicts on the contract", TOLD, [shown(tally, len(numbers), len(found))])


TOLD: Final = (
    "Frames were drawn that hold what a day may hold and what it may not (nulls, whole columns of them, values on the "
    "limits, infinities, doubled and missing ids, unseen levels, no rows at all), text as objects or as "
    "categories, or rows as tables, which a screen sees before Great Expectations is asked; "
    f"and for each a suite of {RULES_A_SUITE} rules of all types that a contract may hold, with row conditions, "
    "`mostly`, what is to be ignored, and limits of recent days. Our engine judged them in chunks of 1 to 200 rows, "
    "Great Expectations the whole frame at once with COMPLETE results. Every verdict, count and percentage had to be "
    "the same, and for rules that are judged row by row which rows break them. Where Great Expectations itself crashes "
    "on a rule, ours had to stop and name the rule."
)


def shown(tally: Tally, frames: int, differences: int) -> dict[str, Any]:
    return {
        "frames": frames,
        "rows": tally.rows,
        "types of rule": len(tally.types),
        "rules judged": tally.rules,
        "rules and rows compared": tally.pairs,
        "of these broken": tally.broken,
        "crashes on both sides": tally.crashes,
        "differences": differences,
    }
