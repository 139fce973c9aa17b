"""The contract, judged by Great Expectations at a speed that lets every row of every day be judged.

Great Expectations copies the whole wide frame for each expectation. Here a screen settles what the
columns of a chunk prove as a whole; its own condition functions see only what is left, and only the
columns that a rule names, chunk by chunk; and its own `_validate` turns the summed counts into its
own results. Rules that look across rows run plainly, on a frame that holds only their columns. Some
of these hooks are semi-private (`registry`, `_validate`): the exact pin and a parity test against
plain Great Expectations guard them.
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.adapters.files.parquet import give_back_memory
from tasks.adapters.gx_parts import BatchDefinition, Expectation, PandasExecutionEngine, ProgressBarsConfig, gx
from tasks.adapters.gx_suite import ABOUT_COLUMNS, Reviewed, RowRule, parse_suite, review_suite
from tasks.core.contract.column_screen import ChunkFacts, NotNull
from tasks.core.contract.rules import (
    Rule,
    RuleCount,
    RuleResult,
    RuleVerdict,
    Verdicts,
    merge_counts,
    suite_identity,
    typed_frame,
)
from tasks.core.lender.columns import NAMES
from tasks.core.words import in_json
from tasks.errors import ConfigError

_COUNTS_ONLY: Final = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
    "include_unexpected_rows": False,
}
"""Number of decisions judged at a time: a pandas frame of millions takes too much memory."""
_FIGURES: Final = (
    "element_count", "missing_count", "missing_percent", "unexpected_count", "unexpected_percent",
    "unexpected_percent_total", "unexpected_percent_nonmissing",
)  # fmt: skip


class Contract:
    """A reviewed suite of expectations, ready to judge typed rows. Made by `build_contract`."""

    def __init__(self, suite: Mapping[str, Any], reviewed: Sequence[Reviewed]) -> None:
        """Hold a reviewed suite. Use `build_contract` instead."""
        self.name: str = suite["name"]
        self.version, self.digest = suite_identity(json.dumps(suite))
        self.rules: tuple[Rule, ...] = tuple(each.rule for each in reviewed)
        self._reviewed = {each.rule.id: each for each in reviewed}
        row_rules = [each.row_rule for each in reviewed if each.row_rule]
        # Rules of one cut stand together, so that a chunk is cut once for all of them.
        self._row_rules = sorted(row_rules, key=lambda rule: rule.cut)
        table = [each for each in reviewed if each.row_rule is None]
        self._about_columns = [each for each in table if each.entry["type"] in ABOUT_COLUMNS]
        self._across_rows = [each for each in table if each.entry["type"] not in ABOUT_COLUMNS]
        needed = (name for each in self._across_rows for name in each.rule.columns)
        self.table_columns: tuple[str, ...] = tuple(dict.fromkeys(needed))
        """Columns that `check_table` needs."""

    @property
    def filled_columns(self) -> frozenset[str]:
        """Columns in which every row must have a value, or it is set aside."""
        screens = [
            each.row_rule.screen
            for each in self._reviewed.values()
            if each.row_rule and each.rule.severity == "critical" and each.rule.scope == "row"
        ]
        return frozenset(screen.column for screen in screens if isinstance(screen, NotNull))

    def check_rows(self, rows: pa.Table, *, about: str | None = None) -> Verdicts:
        """Judge one chunk of typed rows by every rule about single rows.

        That includes rules with `mostly`. Positions count from 0 within the chunk. What a screen proves
        is not evaluated row by row (`core.contract.column_screen`).

        Args:
            rows: the rows; numbers are float64 or int64.
            about: a column; only the rules that read it are judged. None judges all.

        Raises:
            ConfigError: a rule could not be evaluated, which is neither a pass nor a fault of the
                data.
        """
        facts = ChunkFacts(rows)
        settled: dict[str, RuleVerdict] = {}
        left = []
        for rule in self._row_rules:
            if about and about not in self._reviewed[rule.id].rule.columns:
                continue
            proven = rule.screen.settle(facts) if rule.screen else None
            if proven:
                settled[rule.id] = proven
            else:
                left.append(rule)
        if left:
            read = {name for rule in left for name in (*rule.columns, *rule.condition_columns)}
            names = [name for name in rows.column_names if name in read]
            settled |= self._evaluate(typed_frame(rows.select(names)), left)
        return self._in_order(settled)

    def check_frame(self, frame: pd.DataFrame) -> Verdicts:
        """Judge the rows of a frame as `check_rows` does, with Great Expectations alone.

        Numbers are float64 or int64; text is objects with None, or categories.

        Raises what `check_rows` raises.
        """
        return self._in_order(self._evaluate(frame, self._row_rules))

    def _evaluate(self, frame: pd.DataFrame, rules: Sequence[RowRule]) -> dict[str, RuleVerdict]:
        """Rule id to its verdict by Great Expectations' own functions."""
        chunk = _Chunk(frame)
        found = {}
        for rule in rules:
            try:
                found[rule.id] = chunk.judge(rule)
            except Exception as error:  # noqa: BLE001 - its text may carry a row's value
                raise _crash(rule.id, self.name, type(error).__name__) from None
        return found

    def _in_order(self, settled: Mapping[str, RuleVerdict]) -> Verdicts:
        ids = [rule.id for rule in self.rules if rule.id in settled]
        broken = {id_: settled[id_].broken for id_ in ids if len(settled[id_].broken)}
        return Verdicts(broken, {id_: settled[id_].counts for id_ in ids})

    def check_columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Ids of the rules about columns that a file with the header `names` breaks."""
        header = pd.DataFrame(columns=list(names))
        results = self._validate(_plain_rows(), self._about_columns, header)
        return tuple(result.rule_id for result in results if not result.is_met)

    def check_table(
        self,
        rows: dict[str, pa.ChunkedArray] | pd.DataFrame,
        recent: Mapping[str, float] | None = None,
    ) -> tuple[RuleResult, ...]:
        """Results of the rules that look across rows.

        Args:
            rows: the `table_columns` of all rows of the day; numbers are float64 or int64. A dict of columns
                loses each of them once it is judged, so that millions of rows need little memory.
            recent: fact to figure of the days before (`core.contract.rules.RECENT_FACTS`). A rule
                that refers to an unknown fact is not judged.
        """
        known = recent or {}
        judged = [each for each in self._across_rows if each.parameters <= known.keys()]
        # Rules without columns come last, when those of the others are let go.
        judged.sort(key=lambda each: (not each.rule.columns, each.rule.columns))
        n_rows = len(next(iter(rows.values()))) if isinstance(rows, dict) else len(rows)
        found: dict[str, RuleResult] = {}
        plain = _plain_rows()
        # Great Expectations copies the frame that it gets, so each rule gets only its own columns.
        by_columns = itertools.groupby(judged, key=lambda each: each.rule.columns)
        groups = [(columns, list(rules)) for columns, rules in by_columns]
        for n, (columns, rules) in enumerate(groups):
            results = self._validate(plain, rules, _frame_of(rows, columns, n_rows), known)
            found |= {result.rule_id: result for result in results}
            if isinstance(rows, dict):
                to_come = {name for later, _ in groups[n + 1 :] for name in later}
                for name in set(columns) - to_come:
                    del rows[name]
                give_back_memory()
        return tuple(found.get(result.rule_id, result) for result in self.unjudged_table())

    def unjudged_table(self) -> tuple[RuleResult, ...]:
        """Results of `check_table` if it judged no rule: each verdict is None."""
        return tuple(RuleResult(each.rule.id, None, {}) for each in self._across_rows)

    def results(
        self,
        counts: Mapping[str, RuleCount],
        table_results: Sequence[RuleResult],
        *,
        broken_columns: Collection[str] = (),
    ) -> tuple[RuleResult, ...]:
        """Great Expectations' result of every rule, in suite order.

        Args:
            counts: summed over all chunks. Every row rule must have one, since a rule that nobody
                evaluated has not passed. Counts of rules of another suite are ignored.
            table_results: from `check_table`.
            broken_columns: from `check_columns`, over all files.
        """
        found = {result.rule_id: result for result in table_results}
        for each in self._about_columns:
            is_met = each.rule.id not in broken_columns
            found[each.rule.id] = RuleResult(each.rule.id, is_met, {})
        for rule in self._row_rules:
            expectation = self._reviewed[rule.id].expectation
            found[rule.id] = _conclude(rule.id, expectation, counts[rule.id])
        return tuple(found[rule.id] for rule in self.rules)

    def validation(self, results: Sequence[RuleResult]) -> dict[str, Any]:
        """Great Expectations' validation result of this contract's rules, ready for JSON.

        It carries no value of a row.
        """
        unjudged = [result.rule_id for result in results if result.is_met is None]
        results = [result for result in results if result.is_met is not None]
        n_met = sum(bool(result.is_met) for result in results)
        meta: dict[str, Any] = {
            "version": self.version,
            "digest": self.digest,
            "great_expectations_version": gx.__version__,
        }
        if unjudged:
            meta["not_judged"] = unjudged
        return {
            "success": n_met == len(results),
            "suite_name": self.name,
            "statistics": {
                "evaluated_expectations": len(results),
                "successful_expectations": n_met,
                "unsuccessful_expectations": len(results) - n_met,
                "success_percent": n_met / len(results) * 100 if results else None,
            },
            "results": [
                {
                    "success": is_met,
                    "expectation_config": dict(self._reviewed[id_].entry),
                    "result": dict(figures),
                }
                for id_, is_met, figures in results
            ],
            "meta": meta,
        }

    def _validate(
        self,
        rows: BatchDefinition[Any],
        reviewed: Sequence[Reviewed],
        frame: pd.DataFrame,
        parameters: Mapping[str, float] | None = None,
    ) -> tuple[RuleResult, ...]:
        """Run plain Great Expectations on the whole of a narrow frame."""
        if not reviewed:
            return ()
        _silence()
        batch = rows.get_batch({"dataframe": _with_plain_text(frame)})
        entries = [dict(each.entry) for each in reviewed]
        suite = gx.ExpectationSuite(name=self.name, expectations=entries)
        known = dict(parameters or {})
        try:
            validation = batch.validate(
                suite,
                result_format=_COUNTS_ONLY,
                expectation_parameters=known,
            )
        except Exception as error:  # noqa: BLE001 - a rule that crashes early fails all with it
            if len(reviewed) == 1:
                raise _crash(reviewed[0].rule.id, self.name, type(error).__name__) from None
            one_by_one = (self._validate(rows, [each], frame, known) for each in reviewed)
            return tuple(itertools.chain.from_iterable(one_by_one))
        found = {}
        for result in validation.to_json_dict()["results"]:
            rule_id = result["expectation_config"]["meta"]["id"]
            # A crashed metric reports under its own name instead of `raised_exception`.
            if result["exception_info"].get("raised_exception", True):
                raise _crash(rule_id, self.name, "its metrics failed")
            found[rule_id] = RuleResult(rule_id, bool(result["success"]), _figures(result["result"]))
        return tuple(found[each.rule.id] for each in reviewed)


def _plain_rows() -> BatchDefinition[Any]:
    """Set up Great Expectations for any frame.

    It has its own context, since steps may run side by side.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("rows")


def build_contract(text: str, *, columns: Collection[str] | None = NAMES) -> Contract:
    """Build the contract from a suite's JSON text. Its rules may name only `columns` (None: any).

    Great Expectations logs and drops an entry that it cannot read. So every entry is reviewed here
    first, and the entries that Great Expectations then loads are compared with the text.

    Raises:
        ConfigError: an entry is not what its author meant; the message names the entry and its
            fault.
    """
    _silence()
    suite = parse_suite(text)
    reviewed = review_suite(suite, columns=columns)
    loaded = gx.ExpectationSuite(**json.loads(text)).expectations
    expected = [type(each.expectation) for each in reviewed]
    if [type(expectation) for expectation in loaded] != expected:
        raise ConfigError(
            f"Contract {suite['name']!r}: Great Expectations loaded {len(loaded)} of "
            f"{len(reviewed)} entries. Compare the installed great-expectations with the lock file."
        )
    return Contract(suite, reviewed)


def validate_decisions(groups: Iterable[pa.Table], suite_text: str) -> tuple[Rule, ...]:
    """Rules that the decisions to be published break, in suite order.

    If there are none, the decisions may be published. If the columns are not those promised, only
    the rules about columns can be judged.

    Args:
        groups: the decisions, some rows at a time; at least one group, which may be empty. All are taken.
        suite_text: the contract of decisions.
    """
    contract = build_contract(suite_text, columns=None)
    rules = {rule.id: rule for rule in contract.rules}
    counts: dict[str, RuleCount] = {}
    across: list[pa.Table] = []
    broken_columns: tuple[str, ...] = ()
    for group in groups:
        broken_columns = broken_columns or (() if across else contract.check_columns(group.column_names))
        if not broken_columns:
            counts = merge_counts(counts, contract.check_rows(group).counts)
            across.append(group.select(contract.table_columns))
    if broken_columns:
        return tuple(rules[rule_id] for rule_id in broken_columns)
    whole = pa.concat_tables(across)
    table_results = contract.check_table(dict(zip(whole.column_names, whole.columns, strict=True)))
    results = contract.results(counts, table_results)
    return tuple(rules[result.rule_id] for result in results if not result.is_met)


class _Chunk:
    """One chunk of rows, cut to the part that a rule reads.

    The last cut is kept for the rules that share it.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame.copy(deep=False)
        self._frame.index = pd.RangeIndex(len(frame))
        # One engine for each chunk: chunks may be judged on several threads.
        self._engine = PandasExecutionEngine()
        self._meeting: dict[str, np.ndarray] = {}
        self._cut: tuple[str, tuple[str, ...], bool] | None = None
        self._part = self._frame

    def judge(self, rule: RowRule) -> RuleVerdict:
        """Positions of the rows that break the rule, ascending, and its counts."""
        if rule.cut != self._cut:
            self._part = self._rows_of(rule)
            self._cut = rule.cut
            self._engine.load_batch_data("rows", self._part)
        metrics: dict[str, Any] = {
            "table.columns": list(rule.columns),
            "table.row_count": len(self._part),
        }
        for step in rule.steps:
            domain = dict(step.domain)
            values = dict(step.values)
            metrics[step.metric] = step.compute(self._engine, domain, values, metrics, {})
        # Great Expectations leaves out the rows that it does not judge. The index holds the
        # positions of the others.
        is_broken: pd.Series[bool] = metrics[rule.steps[-1].metric][0]
        broken = is_broken.index.to_numpy()[is_broken.to_numpy(dtype=bool)]
        n_checked = len(self._part)
        return RuleVerdict(broken, RuleCount(n_checked, n_checked - len(is_broken), len(broken)))

    def _rows_of(self, rule: RowRule) -> pd.DataFrame:
        """Rows that meet the rule's condition, with the columns that the rule reads.

        The condition is evaluated once a chunk.
        """
        part = _narrow(self._frame, rule.columns)
        if not rule.takes_categories:
            part = _with_plain_text(part)
        if rule.condition is None:
            return part
        if (key := rule.condition_key) not in self._meeting:
            narrow = _narrow(self._frame, rule.condition_columns)
            self._engine.load_batch_data("rows", _with_plain_text(narrow))
            rows = self._engine.get_domain_records({"row_condition": rule.condition})
            self._meeting[key] = rows.index.to_numpy()
        return part.iloc[self._meeting[key]]


def _narrow(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a frame without copying them, which `frame[columns]` does."""
    return pd.DataFrame({name: frame[name] for name in columns}, copy=False)


def _frame_of(rows: dict[str, pa.ChunkedArray] | pd.DataFrame, columns: Sequence[str], n_rows: int) -> pd.DataFrame:
    """Frame of some columns; of so many rows alone, if no column is named."""
    if not columns:
        return pd.DataFrame(index=pd.RangeIndex(n_rows))
    if isinstance(rows, dict):
        return typed_frame(pa.table({name: rows[name] for name in columns}))
    return _narrow(rows, columns)


def _with_plain_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Replace categories by the text that they stand for.

    Some metrics crash on categories, depending on which of them a chunk holds, or do not take them
    as equal to the same text.
    """
    dtypes = frame.dtypes.items()
    categories = [name for name, type_ in dtypes if isinstance(type_, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(categories, object)) if categories else frame


def _conclude(rule_id: str, expectation: Expectation, count: RuleCount) -> RuleResult:
    """Get Great Expectations' own verdict, from the metrics that it would have computed itself."""
    map_metric = type(expectation).map_metric  # every row rule has one
    metrics = {
        "table.row_count": count.checked,
        "column_values.nonnull.unexpected_count": count.missing,
        f"{map_metric}.filtered_row_count": count.checked - count.missing,
        f"{map_metric}.unexpected_count": count.broken,
    }
    configuration = {"result_format": _COUNTS_ONLY}
    verdict = expectation._validate(metrics, runtime_configuration=configuration)  # noqa: SLF001
    return RuleResult(rule_id, bool(verdict["success"]), _figures(verdict["result"]))


def _figures(result: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Keep only counts and percentages: an observed value may be an applicant's.

    Some are numpy's scalars, which neither a report nor a checkpoint can hold.
    """
    return {name: in_json(result[name]) for name in _FIGURES if name in result}


def _crash(rule_id: str, contract: str, cause: str) -> ConfigError:
    return ConfigError(
        f"Rule {rule_id!r} of contract {contract!r} could not be evaluated ({cause}). "
        "That is not a verdict on the data: compare the rule with the columns it names and their "
        "types."
    )


def _silence() -> None:
    """Silence Great Expectations: its logged errors may carry a row's value."""
    silent = logging.CRITICAL + 1
    names = list(logging.root.manager.loggerDict)
    for name in names:
        if not name.startswith("great_expectations"):
            continue
        logger = logging.getLogger(name)
        if logger.level != silent:  # some loggers have their own level; setting it anew has a price
            logger.setLevel(silent)
